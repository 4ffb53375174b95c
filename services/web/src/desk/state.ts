import type { DeskFrame, Me, Message, Work } from "../shared/model.ts";

// What the hub has told this desk, and how each change turns it into the next. Nothing here asks or draws.

export interface WorkItem extends Omit<Work, "messages"> {
  messages: readonly Message[];
}

export interface DeskState {
  /** The last change seen, to resume from; null before the first snapshot. */
  position: number | null;
  me: Me | null;
  work: readonly WorkItem[];
}

export const NOTHING: DeskState = { position: null, me: null, work: [] };

/** Adds a message once, in the order of `seq`: a resumed line may tell what was known. */
export function withMessage(messages: readonly Message[], message: Message): readonly Message[] {
  const last = messages.at(-1);
  if (last === undefined || last.seq < message.seq) return [...messages, message];
  if (messages.some((known) => known.id === message.id || known.seq === message.seq)) return messages;
  return [...messages, message].sort((one, other) => one.seq - other.seq);
}

function ordered(messages: readonly Message[]): readonly Message[] {
  return messages.reduce<readonly Message[]>(withMessage, []);
}

const RANK = { offered: 0, active: 1, wrap_up: 1 } as const;

/** Offers first, as they run out; then what is being worked on, in the order it came, so that no row jumps under a hand. */
function arrange(work: WorkItem[]): WorkItem[] {
  const moment = (item: WorkItem) =>
    item.phase === "offered" ? (item.until ?? item.since) : (item.connected_at ?? item.waiting_since ?? item.since);
  return work.sort(
    (one, other) =>
      RANK[one.phase] - RANK[other.phase] || moment(one) - moment(other) || (one.id < other.id ? -1 : 1),
  );
}

function put(state: DeskState, item: Work): WorkItem[] {
  const before = state.work.find((known) => known.id === item.id);
  const messages = item.messages === null ? (before?.messages ?? []) : ordered(item.messages);
  return arrange([...state.work.filter((known) => known.id !== item.id), { ...item, messages }]);
}

export function apply(state: DeskState, frame: DeskFrame): DeskState {
  switch (frame.t) {
    case "snapshot":
      return {
        position: frame.position,
        me: frame.me,
        work: frame.work.reduce<DeskState>((built, item) => ({ ...built, work: put(built, item) }), NOTHING).work,
      };
    case "resumed":
      return { ...state, position: Math.max(state.position ?? 0, frame.position) };
    case "work":
      return { ...state, position: frame.position, work: put(state, frame.item) };
    case "message":
      return {
        ...state,
        position: frame.position,
        work: state.work.map((item) =>
          item.id === frame.interaction ? { ...item, messages: withMessage(item.messages, frame.message) } : item,
        ),
      };
    case "gone":
      return { ...state, position: frame.position, work: state.work.filter((item) => item.id !== frame.interaction) };
    case "me":
      return { ...state, position: frame.position, me: frame.me };
    default:
      return state; // A frame of a newer hub: this desk does not need it.
  }
}

/** What is shown in the middle after the work has changed: an accepted offer comes forward, a finished one makes room. */
export function select(chosen: string | null, before: readonly WorkItem[], after: readonly WorkItem[]): string | null {
  const phase = new Map(before.map((item) => [item.id, item.phase]));
  const begun = after.find(
    (item) => item.phase === "active" && (phase.get(item.id) === "offered" || (before.length > 0 && !phase.has(item.id))),
  );
  if (begun !== undefined) return begun.id;
  if (after.some((item) => item.id === chosen)) return chosen;
  const was = before.findIndex((item) => item.id === chosen);
  // A caller hears every silence: their call comes before a chat.
  const call = after.find((item) => item.phase === "active" && item.channel === "voice");
  return (call ?? after.find((item) => item.phase !== "offered") ?? after[Math.max(0, was)] ?? after[0])?.id ?? null;
}

/** The work item `step` rows below (or above) the chosen one, around the ends. */
export function neighbour(work: readonly WorkItem[], chosen: string | null, step: 1 | -1): string | null {
  const at = work.findIndex((item) => item.id === chosen);
  const next = at < 0 ? (step > 0 ? 0 : work.length - 1) : (at + step + work.length) % work.length;
  return work[next]?.id ?? null;
}

/** How far the agent has read: what was shown, or else all that came before the last answer. */
export function unread(item: WorkItem, readUpTo: number | undefined): number {
  const answered = item.messages.findLast((message) => message.from === "agent")?.seq ?? -1;
  const from = Math.max(readUpTo ?? -1, answered);
  return item.messages.filter((message) => message.from === "customer" && message.seq > from).length;
}
