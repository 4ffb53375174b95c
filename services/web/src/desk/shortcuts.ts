import type { Key } from "../shared/i18n.ts";

// The keyboard of the desk. Letters are told by their place on the keyboard (`code`), because with Alt some layouts
// write another sign; Ctrl and Meta are left to the browser, and Ctrl+Alt is how AltGr writes signs.

export type Command =
  | "accept"
  | "decline"
  | "next"
  | "previous"
  | "end"
  | "wrap_up"
  | "presence"
  | "composer"
  | "help"
  | { disposition: number };

export interface Press {
  code: string;
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  /** Whether the key would write into a field. */
  writing: boolean;
}

const ALT: Record<string, Exclude<Command, object>> = {
  KeyA: "accept",
  KeyX: "decline",
  KeyJ: "next",
  KeyK: "previous",
  KeyE: "end",
  KeyW: "wrap_up",
  KeyP: "presence",
  KeyL: "composer",
};

export const SHORTCUTS: readonly { keys: string; text: Key }[] = [
  { keys: "Alt+A", text: "keys.accept" },
  { keys: "Alt+X", text: "keys.decline" },
  { keys: "Alt+J", text: "keys.next" },
  { keys: "Alt+K", text: "keys.previous" },
  { keys: "Alt+L", text: "keys.composer" },
  { keys: "Alt+E", text: "keys.end" },
  { keys: "Alt+1…9", text: "keys.disposition" },
  { keys: "Alt+W", text: "keys.wrap_up" },
  { keys: "Alt+P", text: "keys.presence" },
  { keys: "?", text: "keys.help" },
];

export function command(press: Press): Command | null {
  if (press.ctrlKey || press.metaKey) return null;
  if (!press.altKey) return press.key === "?" && !press.writing ? "help" : null;
  const digit = /^(?:Digit|Numpad)([1-9])$/u.exec(press.code)?.[1];
  if (digit !== undefined) return { disposition: Number(digit) - 1 };
  return ALT[press.code] ?? null;
}
