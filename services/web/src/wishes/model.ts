import type { Outcome, WishView, Words } from "../shared/model.ts";

// What only this page reads, as docs/API.md writes it.

/** A wish with what the department wrote. */
export interface Wish extends WishView {
  talking_point: string;
  message: string | null;
  script: string | null;
  evidence: string | null;
}

/** Who caused something. */
export type Actor = { kind: "system" | "operator" } | { kind: "agent" | "customer" | "department"; id: string };

export interface HistoryEntry {
  position: number;
  at: number;
  by: Actor;
  what: string;
  reason: string | null;
  /** A decision in a sentence. */
  text: Words | null;
  until: number | null;
  plan: string | null;
  slot: number | null;
  outcome: Outcome | null;
}
