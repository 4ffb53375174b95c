import { t } from "../shared/i18n.ts";
import { Announcer } from "./Announcer.tsx";
import { CustomerPanel } from "./CustomerPanel.tsx";
import { Header } from "./Header.tsx";
import { Help } from "./Help.tsx";
import { LineBanner, Notices } from "./Notices.tsx";
import { Login } from "./Login.tsx";
import { Talk } from "./Talk.tsx";
import { WorkList } from "./WorkList.tsx";
import { type Pane, desk, pane, session, unreadTotal } from "./store.ts";

export function App() {
  switch (session.value) {
    case "unknown":
      return <main class="splash">{t("line.connecting")}</main>;
    case "signed_out":
      return <Login />;
    case "signed_in":
      return <Desk />;
  }
}

function Desk() {
  return (
    <div class="desk" data-pane={pane.value}>
      <nav class="skip" aria-label={t("skip.label")}>
        <SkipLink pane="work" text={t("skip.work")} />
        <SkipLink pane="talk" text={t("skip.talk")} />
        <SkipLink pane="customer" text={t("skip.customer")} />
      </nav>
      <Header />
      <LineBanner />
      <PaneSwitch />
      <main class="panes">
        <h1 class="hidden">{t("desk.title")}</h1>
        <WorkList />
        <Talk />
        <CustomerPanel />
      </main>
      <Notices />
      <Announcer />
      <Help />
    </div>
  );
}

function SkipLink({ pane: target, text }: { pane: Pane; text: string }) {
  const go = (event: Event) => {
    event.preventDefault();
    pane.value = target;
    // The pane may only now be shown; a hidden one takes no focus.
    requestAnimationFrame(() => document.getElementById(target)?.focus());
  };
  return (
    <a href={`#${target}`} onClick={go}>
      {text}
    </a>
  );
}

/** On small screens one pane is shown at a time. */
function PaneSwitch() {
  const items: [Pane, string, number][] = [
    ["work", t("pane.work"), desk.value.work.length],
    ["talk", t("pane.talk"), unreadTotal.value],
    ["customer", t("pane.customer"), 0],
  ];
  return (
    <nav class="pane-switch" aria-label={t("pane.label")}>
      {items.map(([name, text, count]) => (
        <button
          key={name}
          type="button"
          aria-current={pane.value === name ? "true" : undefined}
          onClick={() => (pane.value = name)}
        >
          {text}
          {count > 0 && <span class="pill">{count}</span>}
        </button>
      ))}
    </nav>
  );
}
