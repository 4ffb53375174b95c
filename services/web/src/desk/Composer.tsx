import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { send } from "./actions.ts";
import { customerName } from "../shared/names.ts";
import { draft, setDraft } from "./store.ts";
import type { WorkItem } from "./state.ts";

const LONGEST = 4000;

/** Where the answer is written. Enter sends; while an input method composes, Enter belongs to it. */
export function Composer({ item }: { item: WorkItem }) {
  const text = draft(item.id).message;
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const field = area.current;
    if (field === null) return;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 200)}px`;
  }, [text, item.id]);

  const submit = (event: Event) => {
    event.preventDefault();
    send(item.id);
    area.current?.focus();
  };
  return (
    <form class="composer" onSubmit={submit}>
      <label class="hidden" for="composer-text">
        {t("composer.label", { name: customerName(item.customer) })}
      </label>
      <textarea
        id="composer-text"
        ref={area}
        data-writing
        rows={2}
        maxLength={LONGEST}
        placeholder={t("composer.hint")}
        aria-keyshortcuts="Alt+L"
        value={text}
        onInput={(event) => setDraft(item.id, { message: event.currentTarget.value })}
        onKeyDown={(event) => {
          // Safari ends the composition before it tells of the key; 229 marks a key that the input method has taken.
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
        }}
      />
      <button type="submit" class="primary" aria-disabled={text.trim() === ""}>
        {t("composer.send")}
      </button>
    </form>
  );
}
