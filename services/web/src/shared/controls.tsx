import { Icon } from "./icons.tsx";
import { chooseLocale, locale, t } from "./i18n.ts";
import { nextTheme, theme } from "./theme.ts";

const THEME_ICON = { system: "system", light: "sun", dark: "moon" } as const;

/** One button through the three themes; its name says which is on. */
export function ThemeButton() {
  const label = t("theme.label", { theme: t(`theme.${theme.value}`) });
  return (
    <button type="button" class="quiet square" title={label} aria-label={label} onClick={nextTheme}>
      <Icon name={THEME_ICON[theme.value]} />
    </button>
  );
}

/** The other language, named in itself so that whoever needs it can read it. */
export function LanguageButton() {
  const other = locale.value === "en" ? "zh-CN" : "en";
  return (
    <button type="button" class="quiet" lang={other} onClick={() => chooseLocale(other)}>
      {other === "en" ? "English" : "中文"}
    </button>
  );
}
