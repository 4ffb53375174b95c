import { useEffect, useRef, useState } from "preact/hooks";
import { hubTime } from "../shared/clock.ts";
import { t } from "../shared/i18n.ts";
import { secondsLeft } from "../shared/time.ts";
import { customerName } from "../shared/names.ts";
import { beep } from "./sound.ts";
import { offers, soundOn, unreadTotal } from "./store.ts";
import type { WorkItem } from "./state.ts";

function words(item: WorkItem): string {
  const values = {
    channel: t(`channel.${item.channel}`),
    name: customerName(item.customer),
    queue: item.queue?.display_name ?? "",
    s: item.until === null ? 0 : secondsLeft(item.until, hubTime()),
  };
  return t(item.channel === "voice" ? "offer.announce_call" : "offer.announce", values);
}

/** Tells of an offer to ears and to other tabs: spoken at once, a tone, and the page's title. */
export function Announcer() {
  const told = useRef(new Set<string>());
  const [text, setText] = useState("");
  const open = offers.value;

  useEffect(() => {
    const fresh = open.filter((item) => !told.current.has(item.id));
    told.current = new Set(open.map((item) => item.id));
    if (fresh.length > 0) {
      setText(fresh.map(words).join(" "));
      if (soundOn.value) beep();
    } else if (open.length === 0) setText("");
  }, [open]);

  useEffect(() => {
    const offered = open.length > 0 ? `★ ${t("title.offered", { n: open.length })} · ` : "";
    const waiting = unreadTotal.value > 0 ? `(${unreadTotal.value}) ` : "";
    document.title = `${offered}${waiting}${t("desk.title")}`;
  });

  return (
    <div class="hidden" role="alert">
      {text}
    </div>
  );
}
