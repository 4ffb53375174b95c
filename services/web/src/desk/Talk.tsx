import { useEffect, useRef } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { t } from "../shared/i18n.ts";
import { duration } from "../shared/time.ts";
import { end } from "./actions.ts";
import { Call } from "./Call.tsx";
import { Composer } from "./Composer.tsx";
import { contactText, customerName, originText } from "../shared/names.ts";
import { OfferActions } from "./WorkList.tsx";
import { Transcript } from "./Transcript.tsx";
import { NoteField, WrapUp } from "./WrapUp.tsx";
import { accepting, busy, current } from "./store.ts";
import type { WorkItem } from "./state.ts";

/** The middle: the conversation that is worked on. */
export function Talk() {
  const item = current.value;
  useFocusOnChange(item);
  return (
    <section id="talk" class="pane talk" tabIndex={-1} aria-label={t("pane.talk")}>
      {item === null ? (
        <p class="empty">{t("talk.none")}</p>
      ) : (
        <Conversation key={item.id} item={item} />
      )}
    </section>
  );
}

/**
 * The button that was pressed is gone with its phase: the focus goes on where the work goes on. It is taken from nothing
 * else, unless the agent has just accepted this work.
 */
function useFocusOnChange(item: WorkItem | null): void {
  const before = useRef<string | null>(null);
  const state = item === null ? null : `${item.id} ${item.phase}`;
  useEffect(() => {
    const changed = before.current !== null && before.current !== state;
    before.current = state;
    if (item === null || item.phase === "offered") return;
    const accepted = accepting.value === item.id;
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (!accepted && !(changed && lost)) return;
    if (accepted) accepting.value = null;
    const writing = document.querySelector<HTMLElement>("#talk [data-writing]");
    (writing ?? document.getElementById("talk-title"))?.focus();
  }, [state]);
}

function Conversation({ item }: { item: WorkItem }) {
  return (
    <>
      <header class="talk-head">
        <span class="row-channel" data-channel={item.channel}>
          <Icon name={item.channel} />
        </span>
        <div class="talk-who">
          <h2 id="talk-title" tabIndex={-1}>
            {customerName(item.customer)}
          </h2>
          <p class="muted">
            {originText(item)}
            {item.customer.name !== null && (
              <> · {contactText(item.customer.contact_point.kind, item.customer.contact_point.value)}</>
            )}
          </p>
        </div>
        <span class="tag" data-phase={item.phase}>
          {t(`phase.${item.phase}`)}
        </span>
        {item.phase === "active" && item.channel !== "voice" && (
          <>
            <span class="timer">{duration(now.value - (item.connected_at ?? item.since))}</span>
            <EndButton item={item} />
          </>
        )}
      </header>
      <Body item={item} />
    </>
  );
}

export function EndButton({ item }: { item: WorkItem }) {
  return (
    <button
      type="button"
      class="danger"
      aria-keyshortcuts="Alt+E"
      aria-disabled={busy.value.has(`end ${item.id}`)}
      onClick={() => void end(item.id)}
    >
      {t(item.channel === "voice" ? "talk.hang_up" : "talk.end")}
    </button>
  );
}

function Body({ item }: { item: WorkItem }) {
  const voice = item.channel === "voice";
  switch (item.phase) {
    case "offered":
      return (
        <div class="offer-card">
          <p>{t(voice ? "offer.about_call" : "offer.about")}</p>
          <OfferActions item={item} />
          {item.messages.length > 0 && <Transcript item={item} />}
        </div>
      );
    case "active":
      return voice ? (
        <Call item={item} />
      ) : (
        <>
          <Transcript item={item} />
          <details class="note-fold">
            <summary>{t("note.fold")}</summary>
            <NoteField item={item} />
          </details>
          <Composer item={item} />
        </>
      );
    case "wrap_up":
      return (
        <>
          {!voice && <Transcript item={item} />}
          <WrapUp item={item} />
        </>
      );
  }
}
