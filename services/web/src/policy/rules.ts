// Rules as data: which differ, what is wrong with one, how much a number is. No text and no page in here.

import type { Report, RuleKey, Rules, Share } from "./model.ts";
import { type ChangeKind, KINDS } from "./model.ts";

export type Unit = "seconds" | "minutes" | "hours" | "days";
const SECONDS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 };
export const UNITS: readonly Unit[] = ["seconds", "minutes", "hours", "days"];

/** Rules whose name says that they are a time. */
export function isDuration(key: RuleKey): boolean {
  return key.kind === "whole" && key.name.endsWith("_seconds");
}

/** The largest unit in which a time is a whole number; nothing is told in seconds, because it is none at all. */
export function unitOf(seconds: number): Unit {
  if (seconds === 0) return "minutes";
  return UNITS.findLast((unit) => seconds % SECONDS[unit] === 0) ?? "seconds";
}

export function inUnit(seconds: number, unit: Unit): number {
  return seconds / SECONDS[unit];
}

export function toSeconds(amount: number, unit: Unit): number {
  return amount * SECONDS[unit];
}

/** Whether two values say the same: objects whatever the order of their keys, lists as lists, choices in any order. */
export function same(one: unknown, other: unknown, unordered = false): boolean {
  const write = (value: unknown): string => {
    if (Array.isArray(value)) {
      const parts = value.map(write);
      return `[${(unordered ? parts.sort() : parts).join()}]`;
    }
    if (typeof value === "object" && value !== null)
      return `{${Object.entries(value)
        .filter(([, inner]) => inner !== null)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, inner]) => `${name}:${write(inner)}`)
        .join()}}`;
    return JSON.stringify(value ?? null);
  };
  return write(one) === write(other);
}

/** The rules that are not the same in both, in the order of the list. */
export function differing(keys: readonly RuleKey[], one: Rules, other: Rules): RuleKey[] {
  return keys.filter((key) => !same(one[key.name], other[key.name], key.kind === "choices"));
}

export type Wrong = "missing" | "no_number" | "too_small" | "too_large" | "no_time" | "no_date";

function isDate(text: string): boolean {
  const read = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/u.test(text) && !Number.isNaN(read.getTime()) && read.toISOString().startsWith(text);
}

/** Parts of a rule may be left out unless they are required. */
function wrongWithin(key: RuleKey, row: Rules): Wrong | null {
  for (const part of key.keys ?? []) {
    const found = part.required || (row[part.name] ?? "") !== "" ? wrong(part, row[part.name]) : null;
    if (found !== null) return found;
  }
  return null;
}

/** What is wrong with a value, before the hub is asked. */
export function wrong(key: RuleKey, value: unknown): Wrong | null {
  if (value === null || value === undefined || value === "") return key.required || key.default !== null ? "missing" : null;
  switch (key.kind) {
    case "whole":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return "no_number";
      if (key.least !== undefined && value < key.least) return "too_small";
      if (key.most !== undefined && value > key.most) return "too_large";
      return null;
    case "clock":
      return typeof value === "string" && /^([01]\d|2[0-3]):[0-5]\d$/u.test(value) ? null : "no_time";
    case "dates":
      return Array.isArray(value) && value.every((one) => typeof one === "string" && isDate(one)) ? null : "no_date";
    case "table":
      return typeof value === "object" ? wrongWithin(key, value as Rules) : null;
    case "tables":
      return Array.isArray(value) ? (value.map((row: Rules) => wrongWithin(key, row)).find((found) => found !== null) ?? null) : null;
    default:
      return null;
  }
}

/** How many contacts one reason changes. */
export function changed(share: Share): number {
  return KINDS.reduce((sum, kind) => sum + share[kind], 0);
}

export function ofKind(report: Report, kind: ChangeKind): number {
  return report.by_reason.reduce((sum, share) => sum + share[kind], 0);
}

/** Reasons by how much they change, the strongest first; what changes no contact is left out. */
export function strongest(report: Report): Share[] {
  return report.by_reason.filter((share) => changed(share) > 0).sort((one, other) => changed(other) - changed(one));
}
