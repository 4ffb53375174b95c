import { known, t } from "../shared/i18n.ts";
import { wrapUp } from "./actions.ts";
import { Countdown } from "./Countdown.tsx";
import { busy, draft, setDraft } from "./store.ts";
import type { WorkItem } from "./state.ts";

const KEYS = 9;

/** Notes begun during the conversation are the notes of wrap-up: nobody writes them twice. */
export function NoteField({ item }: { item: WorkItem }) {
  return (
    <label class="field note">
      <span>{t("note.label")}</span>
      <textarea
        rows={3}
        maxLength={4000}
        data-writing={item.channel === "voice" || item.phase === "wrap_up" ? true : undefined}
        value={draft(item.id).note}
        onInput={(event) => setDraft(item.id, { note: event.currentTarget.value })}
      />
    </label>
  );
}

/** After the conversation: what came of it, a note, and done. The hub ends it by itself when the time is over. */
export function WrapUp({ item }: { item: WorkItem }) {
  const picked = draft(item.id).disposition ?? item.disposition;
  const submit = (event: Event) => {
    event.preventDefault();
    void wrapUp(item.id);
  };
  return (
    <form class="wrap-up" onSubmit={submit}>
      <div class="wrap-up-head">
        <h3>{t("wrap_up.title")}</h3>
        {item.until !== null && <Countdown since={item.since} until={item.until} />}
      </div>
      {item.dispositions.length > 0 && (
        <fieldset>
          <legend>{t("wrap_up.disposition")}</legend>
          <div class="dispositions">
            {item.dispositions.map((code, nth) => (
              <label key={code} class="disposition">
                <input
                  type="radio"
                  name={`disposition-${item.id}`}
                  value={code}
                  checked={picked === code}
                  onChange={() => setDraft(item.id, { disposition: code })}
                />
                <span>{known("disposition", code)}</span>
                {nth < KEYS && <kbd>Alt+{nth + 1}</kbd>}
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <NoteField item={item} />
      <button type="submit" class="primary" aria-keyshortcuts="Alt+W" aria-disabled={busy.value.has(`wrap-up ${item.id}`)}>
        {t("wrap_up.done")} <kbd>Alt+W</kbd>
      </button>
    </form>
  );
}
