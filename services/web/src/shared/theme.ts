import { effect, signal } from "@preact/signals";
import { choices } from "./storage.ts";

export type Theme = "system" | "light" | "dark";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

const kept = choices.get("theme");
export const theme = signal<Theme>(THEMES.find((known) => known === kept) ?? "system");

/** Light, dark, and back to what the system says. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}

export function startTheme(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
    choices.set("theme", theme.value === "system" ? null : theme.value);
  });
}
