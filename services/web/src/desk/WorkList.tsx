import { now } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { known, t, tn } from "../shared/i18n.ts";
import { personal } from "../shared/personal.ts";
import { duration, secondsLeft } from "../shared/time.ts";
import { accept, decline, setPresence } from "./actions.ts";
import { Countdown } from "./Countdown.tsx";
import { customerName, originText } from "../shared/names.ts";
import { busy, choose, chosen, desk, read } from "./store.ts";
import { type WorkItem, unread } from "./state.ts";

/** Everything this agent works on, on every channel, in one list. */
export function WorkList() {
  const { work, me, position } = desk.value;
  return (
    <section id="work" class="pane work" tabIndex={-1} aria-labelledby="work-title">
      <h2 id="work-title" class="pane-title">
        {t("pane.work")} <span class="muted">{work.length}</span>
      </h2>
      {work.length > 0 && (
        <ul class="work-list" onKeyDown={walk}>
          {work.map((item) => (
            <Row key={item.id} item={item} />
          ))}
        </ul>
      )}
      {work.length === 0 && position !== null && me !== null && (
        <div class="empty">
          <p>{t(me.presence.state === "ready" ? "work.none_ready" : "work.none_not_ready")}</p>
          {me.presence.state !== "ready" && (
            <button type="button" class="primary" onClick={() => void setPresence({ state: "ready" })}>
              {t("work.get_ready")}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

/** The arrow keys go from row to row; Tab goes through everything, as it does elsewhere. */
function walk(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>(".row-main")];
  const at = rows.indexOf(event.target as HTMLElement);
  if (step === 0 || at < 0) return;
  event.preventDefault();
  rows[at + step]?.focus();
}

function Row({ item }: { item: WorkItem }) {
  const here = chosen.value === item.id;
  const count = item.phase === "offered" ? 0 : unread(item, read.value[item.id]);
  const last = item.messages.at(-1);
  return (
    <li class="row" data-phase={item.phase} data-here={here}>
      <button type="button" class="row-main" aria-current={here ? "true" : undefined} onClick={() => choose(item.id)}>
        <span class="row-channel" data-channel={item.channel}>
          <Icon name={item.channel} />
        </span>
        <span class="row-body">
          <span class="row-line">
            <b class="row-name">{customerName(item.customer)}</b>
            <span class="timer">{phaseTime(item)}</span>
          </span>
          <span class="row-line muted">
            <span class="row-sub">{originText(item)}</span>
          </span>
          <span class="row-line">
            <span class="tag" data-phase={item.phase}>
              {t(`phase.${item.phase}`)}
            </span>
            {item.phase === "active" && last !== undefined && <span class="row-sub muted">{personal(last.text)}</span>}
            {item.phase === "wrap_up" && item.disposition !== null && (
              <span class="row-sub muted">{known("disposition", item.disposition)}</span>
            )}
            {count > 0 && (
              <span class="pill">
                <span aria-hidden="true">{count > 9 ? "9+" : count}</span>
                <span class="hidden">{tn("unread", count)}</span>
              </span>
            )}
          </span>
        </span>
      </button>
      {item.phase === "offered" && <OfferActions item={item} />}
    </li>
  );
}

function phaseTime(item: WorkItem): string {
  const at = now.value;
  switch (item.phase) {
    case "offered":
      return item.waiting_since === null ? "" : t("work.waiting", { time: duration(at - item.waiting_since) });
    case "active":
      return duration(at - (item.connected_at ?? item.since));
    case "wrap_up":
      return item.until === null ? duration(at - item.since) : t("work.left", { time: duration(1000 * secondsLeft(item.until, at)) });
  }
}

/** The two answers to an offer and the time left for them. A call is accepted on the phone, where it rings. */
export function OfferActions({ item }: { item: WorkItem }) {
  const name = customerName(item.customer);
  return (
    <div class="offer-actions">
      {item.until !== null && <Countdown since={item.since} until={item.until} />}
      <div class="buttons">
        {item.channel === "voice" ? (
          <span class="ringing">
            <Icon name="voice" /> {t("offer.pick_up")}
          </span>
        ) : (
          <button
            type="button"
            class="primary"
            aria-label={t("offer.accept_named", { name })}
            aria-disabled={busy.value.has(`accept ${item.id}`)}
            onClick={() => void accept(item.id)}
          >
            {t("offer.accept")}
          </button>
        )}
        <button
          type="button"
          aria-label={t("offer.decline_named", { name })}
          aria-disabled={busy.value.has(`decline ${item.id}`)}
          onClick={() => void decline(item.id)}
        >
          {t("offer.decline")}
        </button>
      </div>
    </div>
  );
}
