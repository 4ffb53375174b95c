import { hubTime } from "../shared/clock.ts";
import { known, number, region, said, t } from "../shared/i18n.ts";
import type { WishView } from "../shared/model.ts";
import { moment } from "../shared/time.ts";
import type { Actor, HistoryEntry } from "./model.ts";

export function at(when: number): string {
  return moment(when, hubTime(), region.value);
}

/** From when to when it may be said. */
export function windowText({ not_before, expires_at }: Pick<WishView, "not_before" | "expires_at">): string {
  return not_before === null ? t("wishes.until", { end: at(expires_at) }) : t("wishes.window", { begin: at(not_before), end: at(expires_at) });
}

export function percent(share: number): string {
  return number(share, { style: "percent", maximumFractionDigits: 1 });
}

/** Who did it: departments by their name, people and the hub by what they are. */
export function who(by: Actor): string {
  return by.kind === "department" ? known("department", by.id) : known("actor", by.kind);
}

/** What happened, in a sentence where the hub has one. */
export function told(entry: HistoryEntry): { what: string; details: string | null } {
  const what = known(entry.what in NAMES ? "history" : "decision", entry.what);
  const words = said(entry.text);
  if (words !== null) return { what, details: words };
  const parts = [
    entry.outcome === null ? null : known("outcome", entry.outcome),
    entry.reason === null ? null : known("reason", entry.reason),
    entry.slot === null ? null : t("decisions.slot", { time: at(entry.slot) }),
    entry.until === null ? null : t(entry.what === "outcome" ? "wishes.again" : "decisions.until", { time: at(entry.until) }),
  ].filter((part) => part !== null);
  return { what, details: parts.length === 0 ? null : parts.join(" · ") };
}

/** What is in a history beside decisions. */
const NAMES = { filed: true, amended: true, outcome: true, returned: true, moved: true, moved_back: true };
