import { batch, computed, signal } from "@preact/signals";
import type { Line } from "../shared/live.ts";
import type { DeskFrame, Me } from "../shared/model.ts";
import { choices, unfinished } from "../shared/storage.ts";
import { type Outbox, keepOnly, parse, settle } from "./outbox.ts";
import { type DeskState, NOTHING, type WorkItem, apply, select, unread } from "./state.ts";

// The desk's memory. Views read signals, actions write them; only `receive` turns what the hub says into state.

export type Session = "unknown" | "signed_out" | "signed_in";
export type Pane = "work" | "talk" | "customer";

export const session = signal<Session>("unknown");
export const desk = signal<DeskState>(NOTHING);
export const line = signal<Line>({ state: "connecting" });
export const chosen = signal<string | null>(null);
export const pane = signal<Pane>("work");
/** The offer that the agent has just accepted: the focus follows it. */
export const accepting = signal<string | null>(null);
export const helpOpen = signal(false);
export const presenceOpen = signal(false);

/** What the agent has typed and not sent or finished, by interaction. */
export interface Draft {
  message: string;
  note: string;
  disposition: string | null;
}
const EMPTY: Draft = { message: "", note: "", disposition: null };

function kept<T>(name: string, otherwise: T): T {
  try {
    return JSON.parse(unfinished.get(name) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

export const drafts = signal<Record<string, Draft>>(kept("drafts", {}));
export const outbox = signal<Outbox>(parse(unfinished.get("outbox")));
/** The last `seq` that was on the screen, by interaction. */
export const read = signal<Record<string, number>>({});
/** Requests under way, by a name such as `accept ID`: the button waits, a second click does nothing. */
export const busy = signal<ReadonlySet<string>>(new Set());

export const current = computed<WorkItem | null>(
  () => desk.value.work.find((item) => item.id === chosen.value) ?? null,
);
export const offers = computed(() => desk.value.work.filter((item) => item.phase === "offered"));
export const unreadTotal = computed(() =>
  desk.value.work.reduce((sum, item) => sum + (item.phase === "offered" ? 0 : unread(item, read.value[item.id])), 0),
);

export function draft(interaction: string): Draft {
  return drafts.value[interaction] ?? EMPTY;
}

export function setDraft(interaction: string, part: Partial<Draft>): void {
  drafts.value = { ...drafts.value, [interaction]: { ...draft(interaction), ...part } };
  unfinished.set("drafts", JSON.stringify(drafts.value));
}

export function setOutbox(next: Outbox): void {
  if (next === outbox.value) return;
  outbox.value = next;
  unfinished.set("outbox", next.length === 0 ? null : JSON.stringify(next));
}

/** Everything in the chosen conversation is on the screen, provided somebody can see it. */
export function markRead(): void {
  const item = current.value;
  const last = item?.messages.at(-1)?.seq;
  if (item === null || last === undefined || document.hidden || item.phase === "offered") return;
  if ((read.value[item.id] ?? -1) < last) read.value = { ...read.value, [item.id]: last };
}

export function choose(interaction: string | null): void {
  if (interaction === null) return;
  chosen.value = interaction;
  pane.value = "talk";
  markRead();
}

export function receive(frame: DeskFrame): void {
  batch(() => {
    const before = desk.value;
    const after = apply(before, frame);
    desk.value = after;
    const next = select(chosen.value, before.work, after.work);
    if (next !== chosen.value) {
      const begun = after.work.find((item) => item.id === next)?.phase === "active" && before.work.length > 0;
      chosen.value = next;
      if (next === null) pane.value = "work";
      else if (begun) pane.value = "talk";
    }
    let box = outbox.value;
    for (const item of after.work) box = settle(box, item.id, item.messages);
    if (frame.t === "snapshot" || frame.t === "gone") box = forget(after, box);
    setOutbox(box);
    markRead();
  });
}

/** Who sits here, known from log-in before the line has said anything. */
export function welcome(me: Me): void {
  batch(() => {
    // Another agent at the same screen gets nothing of what the first one left.
    if ((unfinished.get("owner") ?? me.agent.id) !== me.agent.id) forgetEverything();
    unfinished.set("owner", me.agent.id);
    desk.value = { ...desk.value, me };
    session.value = "signed_in";
  });
}

/** Drafts of interactions that are over hold a customer's data for nothing. */
function forget(state: DeskState, box: Outbox): Outbox {
  const open = new Set(state.work.map((item) => item.id));
  const stale = Object.keys(drafts.value).filter((id) => !open.has(id));
  if (stale.length > 0) {
    drafts.value = Object.fromEntries(Object.entries(drafts.value).filter(([id]) => open.has(id)));
    unfinished.set("drafts", JSON.stringify(drafts.value));
  }
  return keepOnly(box, open);
}

export function forgetEverything(): void {
  batch(() => {
    desk.value = NOTHING;
    chosen.value = null;
    drafts.value = {};
    read.value = {};
    unfinished.set("drafts", null);
    unfinished.set("owner", null);
    setOutbox([]);
    session.value = "signed_out";
  });
}

export const soundOn = signal(choices.get("sound") !== "off");
export function toggleSound(): void {
  soundOn.value = !soundOn.value;
  choices.set("sound", soundOn.value ? null : "off");
}

export const shortcutsOn = signal(choices.get("shortcuts") !== "off");
export function toggleShortcuts(): void {
  shortcutsOn.value = !shortcutsOn.value;
  choices.set("shortcuts", shortcutsOn.value ? null : "off");
}

export interface Notice {
  id: number;
  tone: "error" | "info";
  text: string;
}
const NOTICES = 3;
let notices_made = 0;
export const notices = signal<readonly Notice[]>([]);

export function notify(tone: Notice["tone"], text: string): void {
  notices.value = [...notices.value, { id: ++notices_made, tone, text }].slice(-NOTICES);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}
