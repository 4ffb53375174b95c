import { useState } from "preact/hooks";
import { known, t } from "../shared/i18n.ts";
import { type AgendaItem, OUTCOMES } from "../shared/model.ts";
import { recordOutcome } from "./actions.ts";
import { Linked } from "./Transcript.tsx";
import { busy } from "./store.ts";
import type { WorkItem } from "./state.ts";

/** What the departments want of this customer, to be said in this one contact. */
export function Agenda({ item }: { item: WorkItem }) {
  if (item.agenda.length === 0) return null;
  const open = item.agenda.filter((wish) => wish.outcome === null).length;
  return (
    <section class="card agenda" aria-labelledby="agenda-title">
      <h3 id="agenda-title">
        {t("agenda.title")} <span class="muted">{t("agenda.open", { n: open, all: item.agenda.length })}</span>
      </h3>
      <ol>
        {item.agenda.map((wish) => (
          <Wish key={wish.wish} interaction={item.id} wish={wish} ready={item.phase !== "offered"} />
        ))}
      </ol>
    </section>
  );
}

function Wish({ interaction, wish, ready }: { interaction: string; wish: AgendaItem; ready: boolean }) {
  const [note, setNote] = useState("");
  const [noting, setNoting] = useState(false);
  const waiting = busy.value.has(`outcome ${wish.wish}`);
  const id = `wish-${wish.wish}`;
  return (
    <li class="wish" data-done={wish.outcome !== null}>
      <p class="wish-head">
        <b>{known("department", wish.department)}</b> · {known("purpose", wish.purpose)}
        <span class="mark" data-class={wish.class}>
          {t(`class.${wish.class}`)}
        </span>
      </p>
      <p id={id} class="talking-point">
        <Linked text={wish.talking_point} />
      </p>
      {wish.script !== null && (
        <details>
          <summary>{t("agenda.script")}</summary>
          <p class="script">
            <Linked text={wish.script} />
          </p>
        </details>
      )}
      {ready && (
        <div class="outcomes" role="group" aria-labelledby={id}>
          {OUTCOMES.map((outcome) => (
            <button
              key={outcome}
              type="button"
              aria-pressed={wish.outcome === outcome}
              aria-disabled={waiting}
              onClick={() => void recordOutcome(interaction, wish.wish, outcome, note)}
            >
              {t(`outcome.${outcome}`)}
            </button>
          ))}
          {wish.outcome === null && !noting && (
            <button type="button" class="quiet" onClick={() => setNoting(true)}>
              {t("agenda.add_note")}
            </button>
          )}
        </div>
      )}
      {ready && noting && wish.outcome === null && (
        <label class="field">
          <span>{t("agenda.note", { department: known("department", wish.department) })}</span>
          <input value={note} maxLength={500} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
      )}
    </li>
  );
}
