import { computed, effect, signal } from "@preact/signals";
import en from "./i18n/en.json" with { type: "json" };
import zh from "./i18n/zh-CN.json" with { type: "json" };
import type { Words } from "./model.ts";
import { choices } from "./storage.ts";

export type Key = keyof typeof en;
export type Locale = "en" | "zh-CN";
export type Values = Record<string, string | number>;

const CATALOGUES: Record<Locale, Record<Key, string>> = { en, "zh-CN": zh };

/** The choice made before, else the first language of the browser that we speak, else English. */
export function pickLocale(kept: string | null, wanted: readonly string[]): Locale {
  if (kept === "en" || kept === "zh-CN") return kept;
  for (const language of wanted) {
    if (/^zh\b/iu.test(language)) return "zh-CN";
    if (/^en\b/iu.test(language)) return "en";
  }
  return "en";
}

const languages = typeof navigator === "undefined" ? [] : (navigator.languages ?? [navigator.language]);
export const locale = signal<Locale>(pickLocale(choices.get("language"), languages));

/** How to write dates and numbers: as the browser's own region does, where it speaks the language of the desk. */
export const region = computed(() => {
  const language = locale.value.slice(0, 2);
  return languages.find((wanted) => wanted.slice(0, 2).toLowerCase() === language) ?? locale.value;
});

export function chooseLocale(chosen: Locale): void {
  locale.value = chosen;
  choices.set("language", chosen);
}

export function startLocale(): void {
  effect(() => {
    document.documentElement.lang = locale.value;
  });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/gu, (whole, name: string) => String(values[name] ?? whole));
}

/** Whether we have words of our own for this. */
export function hasText(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** The text of a key in the language of the desk; read in a view it follows the switch. */
export function t(key: Key, values: Values = {}): string {
  return fill(CATALOGUES[locale.value][key], values);
}

/** One of a pair of keys, `base.one` and `base.other`, as the number asks for; `{n}` is the number. */
export function tn(base: string, n: number, values: Values = {}): string {
  const catalogue: Record<string, string> = CATALOGUES[locale.value];
  const form = new Intl.PluralRules(locale.value).select(n);
  return fill(catalogue[`${base}.${form}`] ?? catalogue[`${base}.other`] ?? base, { n, ...values });
}

/** A code of the hub in words. Tenants make codes of their own: those are shown as they are written. */
export function known(prefix: string, code: string): string {
  const catalogue: Record<string, string> = CATALOGUES[locale.value];
  return catalogue[`${prefix}.${code}`] ?? code.replaceAll("_", " ");
}

/** What the hub says in both languages, in that of the desk. */
export function said(words: Words | null | undefined): string | null {
  return words?.[locale.value === "en" ? "en" : "zh"] ?? null;
}

export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(region.value, options).format(value);
}
