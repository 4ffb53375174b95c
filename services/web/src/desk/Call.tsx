import { now } from "../shared/clock.ts";
import { t } from "../shared/i18n.ts";
import { duration } from "../shared/time.ts";
import { contactText, customerName } from "../shared/names.ts";
import { EndButton } from "./Talk.tsx";
import { NoteField } from "./WrapUp.tsx";
import type { WorkItem } from "./state.ts";

/** A call in progress: who, how long, in which state, and the notes that will be wrapped up. */
export function Call({ item }: { item: WorkItem }) {
  const connected = item.connected_at;
  const state = connected === null ? (item.direction === "outbound" ? "call.dialling" : "call.connecting") : "call.connected";
  const waited = connected === null || item.waiting_since === null ? null : connected - item.waiting_since;
  return (
    <div class="call">
      <div class="call-card" data-connected={connected !== null}>
        <p class="call-name">{customerName(item.customer)}</p>
        <p class="muted">{contactText(item.customer.contact_point.kind, item.customer.contact_point.value)}</p>
        <p class="call-time timer">{duration(now.value - (connected ?? item.since))}</p>
        <p class="call-state" role="status">
          {t(state)}
        </p>
        {item.direction === "inbound" && waited !== null && (
          <p class="muted">{t("call.waited", { time: duration(waited) })}</p>
        )}
        <EndButton item={item} />
      </div>
      <NoteField item={item} />
    </div>
  );
}
