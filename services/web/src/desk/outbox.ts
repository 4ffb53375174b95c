import type { Message } from "../shared/model.ts";

// Messages on their way. Each has its id before it is first sent, so sending it again after a broken line says nothing
// twice. Within a conversation they go one after the other: the order the agent wrote is the order the customer reads.

export interface Outgoing {
  interaction: string;
  id: string;
  text: string;
  at: number;
  /** `waiting`: sent by itself as soon as the line allows; `refused`: the hub said no, the agent decides. */
  state: "waiting" | "sent" | "refused";
  seq: number | null;
}

export type Outbox = readonly Outgoing[];

/** At most so many unsent messages in one conversation: a line that is dead for that long is a reason to stop typing. */
export const OUTBOX_LIMIT = 50;

export function write(box: Outbox, interaction: string, id: string, text: string, at: number): Outbox {
  if (box.filter((one) => one.interaction === interaction).length >= OUTBOX_LIMIT) return box;
  return [...box, { interaction, id, text, at, state: "waiting", seq: null }];
}

function change(box: Outbox, id: string, to: Partial<Outgoing>): Outbox {
  return box.map((one) => (one.id === id ? { ...one, ...to } : one));
}

/** The hub has it on disk; it stays until the conversation shows it. */
export function sent(box: Outbox, id: string, seq: number): Outbox {
  return change(box, id, { state: "sent", seq });
}

export function refused(box: Outbox, id: string): Outbox {
  return change(box, id, { state: "refused" });
}

export function again(box: Outbox, id: string): Outbox {
  return change(box, id, { state: "waiting" });
}

export function discard(box: Outbox, id: string): Outbox {
  return box.filter((one) => one.id !== id);
}

/** What the conversation already shows needs no second bubble. */
export function settle(box: Outbox, interaction: string, messages: readonly Message[]): Outbox {
  const left = box.filter(
    (one) =>
      one.interaction !== interaction ||
      !messages.some((known) => known.id === one.id || (one.seq !== null && known.seq === one.seq)),
  );
  return left.length === box.length ? box : left;
}

/** Conversations that are over take nothing any more. */
export function keepOnly(box: Outbox, interactions: ReadonlySet<string>): Outbox {
  const left = box.filter((one) => interactions.has(one.interaction));
  return left.length === box.length ? box : left;
}

/** The next to send in a conversation; a refused one holds back what was written after it. */
export function next(box: Outbox, interaction: string): Outgoing | null {
  const first = box.find((one) => one.interaction === interaction && one.state !== "sent");
  return first?.state === "waiting" ? first : null;
}

export function parse(kept: string | null): Outbox {
  try {
    const box: unknown = JSON.parse(kept ?? "[]");
    return Array.isArray(box) ? (box as Outgoing[]) : [];
  } catch {
    return [];
  }
}
