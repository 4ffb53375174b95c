import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { SHORTCUTS } from "./shortcuts.ts";
import { helpOpen, shortcutsOn, toggleShortcuts } from "./store.ts";

/** The list of shortcuts, and the switch for those whose own tools need the same keys. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">{t("keys.title")}</h2>
      <dl>
        {SHORTCUTS.map(({ keys, text }) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <label class="switch">
        <input type="checkbox" checked={shortcutsOn.value} onChange={toggleShortcuts} />
        {t("keys.switch")}
      </label>
      <form method="dialog">
        <button class="primary">{t("close")}</button>
      </form>
    </dialog>
  );
}
