import { useEffect, useId, useRef, useState } from "preact/hooks";
import { hubTime } from "../shared/clock.ts";
import { known, region, t, tn } from "../shared/i18n.ts";
import { type AgendaItem, OUTCOMES, type Outcome } from "../shared/model.ts";
import { day, fieldDay, startOfDay } from "../shared/time.ts";
import { recordOutcome } from "./actions.ts";
import { Linked } from "./Transcript.tsx";
import { busy } from "./store.ts";
import type { WorkItem } from "./state.ts";

/** What the departments want of this customer, to be said in this one contact. */
export function Agenda({ item, zone }: { item: WorkItem; zone: string | null }) {
  if (item.agenda.length === 0) return null;
  const open = item.agenda.filter((wish) => wish.outcome === null).length;
  return (
    <section class="card agenda" aria-labelledby="agenda-title">
      <h3 id="agenda-title">
        {t("agenda.title")} <span class="muted">{t("agenda.open", { n: open, all: item.agenda.length })}</span>
      </h3>
      <ol>
        {item.agenda.map((wish) => (
          <Wish key={wish.wish} interaction={item.id} wish={wish} zone={zone} ready={item.phase !== "offered"} />
        ))}
      </ol>
    </section>
  );
}

function Wish({ interaction, wish, zone, ready }: { interaction: string; wish: AgendaItem; zone: string | null; ready: boolean }) {
  const [note, setNote] = useState("");
  const [noting, setNoting] = useState(false);
  const [asking, setAsking] = useState(false);
  const later = useRef<HTMLButtonElement>(null);
  const waiting = busy.value.has(`outcome ${wish.wish}`);
  const id = `wish-${wish.wish}`;
  const record = (outcome: Outcome, notBefore: number | null = null) => {
    setAsking(false);
    void recordOutcome(interaction, wish.wish, outcome, note, notBefore);
  };
  const seconds = wish.expected_seconds ?? null;
  const evidence = wish.evidence ?? null;
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
      {seconds !== null && <p class="muted small">{tn("agenda.takes", Math.ceil(seconds / 60))}</p>}
      {wish.script !== null && (
        <details>
          <summary>{t("agenda.script")}</summary>
          <p class="script">
            <Linked text={wish.script} />
          </p>
        </details>
      )}
      {evidence !== null && evidence !== "" && (
        <details>
          <summary>{t("agenda.evidence")}</summary>
          <p class="script">
            <Linked text={evidence} />
          </p>
        </details>
      )}
      {ready && (
        <div class="outcomes" role="group" aria-labelledby={id}>
          {OUTCOMES.map((outcome) => (
            <button
              key={outcome}
              ref={outcome === "later" ? later : null}
              type="button"
              aria-pressed={wish.outcome === outcome}
              aria-disabled={waiting}
              aria-expanded={outcome === "later" ? asking : undefined}
              onClick={() => (outcome === "later" ? setAsking(!asking) : record(outcome))}
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
      {wish.outcome === "later" && typeof wish.not_before === "number" && !asking && (
        <p class="muted small">{t("agenda.not_before", { day: day(wish.not_before, region.value, zone) })}</p>
      )}
      {ready && asking && (
        <Later
          zone={zone}
          onRecord={(notBefore) => {
            later.current?.focus();
            record("later", notBefore);
          }}
          onCancel={() => {
            later.current?.focus();
            setAsking(false);
          }}
        />
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

/** When the customer wants to hear of it again; without a day the coordinator decides. */
function Later({ zone, onRecord, onCancel }: { zone: string | null; onRecord: (notBefore: number | null) => void; onCancel: () => void }) {
  const [when, setWhen] = useState("");
  const [wrong, setWrong] = useState(false);
  const said = useId();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    const begins = when === "" ? null : startOfDay(when, zone);
    // A half-written day is no day, and one that has begun is not ahead.
    const bad = field.current?.validity.badInput === true || (when !== "" && (begins === null || begins <= hubTime()));
    setWrong(bad);
    if (bad) field.current?.focus();
    else onRecord(begins);
  };
  return (
    <form
      class="later"
      noValidate
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Escape") onCancel();
      }}
    >
      <label class="field">
        <span>{t("agenda.later_when")}</span>
        <input
          ref={field}
          type="date"
          min={fieldDay(hubTime() + 86_400_000, zone)}
          value={when}
          aria-invalid={wrong}
          aria-describedby={wrong ? said : undefined}
          onInput={(event) => {
            setWrong(false);
            setWhen(event.currentTarget.value);
          }}
        />
      </label>
      {wrong && (
        <p id={said} class="failure small">
          {t("agenda.later_wrong")}
        </p>
      )}
      <div class="outcomes">
        <button type="submit">{t("agenda.later_record")}</button>
        <button type="button" class="quiet" onClick={onCancel}>
          {t("policy.cancel")}
        </button>
      </div>
    </form>
  );
}
