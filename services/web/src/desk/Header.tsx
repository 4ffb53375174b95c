import { LanguageButton, ThemeButton } from "../shared/controls.tsx";
import { Icon } from "../shared/icons.tsx";
import { t } from "../shared/i18n.ts";
import { PresenceControl } from "./PresenceControl.tsx";
import { logout } from "./actions.ts";
import { desk, helpOpen, line, soundOn, toggleSound } from "./store.ts";

export function Header() {
  const me = desk.value.me;
  const live = line.value.state === "live";
  const sound = t(soundOn.value ? "sound.on" : "sound.off");
  return (
    <header class="top">
      <span class="brand">Rapport</span>
      {me !== null && <PresenceControl me={me} />}
      <span class="line" data-live={live}>
        {t(live ? "line.live" : "line.down")}
      </span>
      <span class="spring" />
      {me !== null && (
        <span class="who">
          <b>{me.agent.display_name}</b> <span class="muted">{me.tenant.display_name}</span>
        </span>
      )}
      <span class="tools">
        <a class="button quiet" href="/wallboard">
          {t("wallboard.link")}
        </a>
        <a class="button quiet" href="/wishes">
          {t("wishes.link")}
        </a>
        {me?.agent.role === "supervisor" && (
          <a class="button quiet" href="/policy">
            {t("policy.link")}
          </a>
        )}
        <button type="button" class="quiet square" aria-pressed={soundOn.value} aria-label={t("sound.label")} title={sound} onClick={toggleSound}>
          <Icon name={soundOn.value ? "sound" : "silent"} />
        </button>
        <ThemeButton />
        <LanguageButton />
        <button type="button" class="quiet square" aria-label={t("keys.open")} title={t("keys.open")} onClick={() => (helpOpen.value = true)}>
          <Icon name="keys" />
        </button>
        <button type="button" class="quiet" onClick={() => void logout()}>
          {t("logout")}
        </button>
      </span>
    </header>
  );
}
