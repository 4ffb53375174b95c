import { useEffect, useRef } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { known, t } from "../shared/i18n.ts";
import type { Me, Presence } from "../shared/model.ts";
import { duration } from "../shared/time.ts";
import { setPresence } from "./actions.ts";
import { busy, presenceOpen } from "./store.ts";

function presenceText(presence: Presence): string {
  if (presence.state !== "not_ready") return t(`presence.${presence.state}`);
  return presence.reason ? known("not_ready", presence.reason) : t("presence.not_ready");
}

/** What the agent is ready for, since when, and the way to change it: a button that opens a short list of choices. */
export function PresenceControl({ me }: { me: Me }) {
  const box = useRef<HTMLDivElement>(null);
  const open = presenceOpen.value;
  const choicesShown: Presence[] = [
    { state: "ready" },
    ...me.not_ready_reasons.map((reason): Presence => ({ state: "not_ready", reason })),
    { state: "logged_out" },
  ];

  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>(".choices button")?.focus();
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) presenceOpen.value = false;
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);

  const close = () => {
    presenceOpen.value = false;
    box.current?.querySelector<HTMLElement>(".presence-button")?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    if (!open) return;
    const buttons = [...(box.current?.querySelectorAll<HTMLElement>(".choices button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons.at(at <= 0 ? -1 : at - 1)?.focus();
    else return;
    event.preventDefault();
  };
  const pick = (presence: Presence) => {
    close();
    void setPresence(presence);
  };
  const same = (presence: Presence) =>
    presence.state === me.presence.state && (presence.reason ?? null) === (me.presence.reason ?? null);

  return (
    <div class="presence" ref={box} onKeyDown={keys}>
      <button
        type="button"
        class="presence-button"
        data-state={me.presence.state}
        aria-expanded={open}
        aria-controls="presence-choices"
        aria-busy={busy.value.has("presence")}
        onClick={() => (presenceOpen.value = !open)}
      >
        <span class="hidden">{t("presence.label")}</span>
        <span class="dot" aria-hidden="true" />
        <b>{presenceText(me.presence)}</b>
        <span class="timer">{duration(now.value - me.presence_since)}</span>
        <Icon name="down" />
      </button>
      <ul id="presence-choices" class="choices" hidden={!open}>
        {choicesShown.map((presence) => (
          <li key={`${presence.state} ${presence.reason ?? ""}`}>
            <button
              type="button"
              data-state={presence.state}
              aria-current={same(presence) ? "true" : undefined}
              onClick={() => pick(presence)}
            >
              <span class="dot" aria-hidden="true" />
              {presence.state === "not_ready" ? `${t("presence.not_ready")}: ${presenceText(presence)}` : presenceText(presence)}
              {same(presence) && <Icon name="check" />}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
