import { effect } from "@preact/signals";
import { render } from "preact";
import { Problem, api, onSignedOut } from "../shared/api.ts";
import { startClock } from "../shared/clock.ts";
import { startLocale } from "../shared/i18n.ts";
import { watchNetwork } from "../shared/line.ts";
import { safeReturn } from "../shared/return.ts";
import { startTheme } from "../shared/theme.ts";
import "../shared/base.css";
import "./desk.css";
import "./panes.css";
import { App } from "./App.tsx";
import { flushAll } from "./actions.ts";
import { refreshCustomer, showNobody } from "./customer.ts";
import { startKeyboard } from "./keyboard.ts";
import { connect, disconnect, onLive, reconnectNow } from "./live.ts";
import { current, desk, forgetEverything, markRead, session, welcome } from "./store.ts";

startTheme();
startLocale();
startClock();
startKeyboard();
onLive(flushAll);
onLive(() => {
  const item = current.peek();
  if (item !== null) refreshCustomer(item.customer.id, null);
});
watchNetwork(() => {
  reconnectNow();
  markRead();
});
onSignedOut(() => {
  disconnect();
  // What was typed is kept: the same agent logs in again and goes on.
  if (session.value === "signed_in") session.value = "signed_out";
});

// The panel follows the chosen work: another customer at once, the same one again when their work has changed.
effect(() => {
  const item = current.value;
  if (item === null) showNobody();
  else refreshCustomer(item.customer.id, desk.peek().position);
});

// Who came from another page to log in goes back there.
effect(() => {
  const back = safeReturn(location.search);
  if (session.value === "signed_in" && back !== null) location.replace(back);
});

async function begin(): Promise<void> {
  for (let attempt = 0; session.value === "unknown"; attempt++) {
    try {
      welcome(await api.me());
      connect();
    } catch (problem) {
      if (problem instanceof Problem && !problem.passing) forgetEverything();
      else await new Promise((again) => setTimeout(again, Math.min(10_000, 1_000 * (attempt + 1))));
    }
  }
}

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
void begin();
