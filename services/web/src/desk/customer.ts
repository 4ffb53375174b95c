import { signal } from "@preact/signals";
import { api } from "../shared/api.ts";
import type { Customer, Decision, Pressure, TimelineItem } from "../shared/model.ts";

// The panel on the right: one customer at a time, read again whenever their work has changed.

export interface Page<Item> {
  items: readonly Item[];
  next: number | null;
}

export interface Panel {
  id: string;
  customer: Customer | null;
  /** How often they were contacted; null while it is not known. */
  pressure: Pressure | null;
  timeline: Page<TimelineItem> | null;
  decisions: Page<Decision> | null;
  /** The last attempt to read failed; what is shown may be old. */
  failed: boolean;
}

export const panel = signal<Panel | null>(null);
export const decisionsOpen = signal(false);

const SETTLE_MS = 250;
let timer: ReturnType<typeof setTimeout> | undefined;
let wanted: { id: string; seen: number | null } | null = null;

/** Newest first and each position once: a page may overlap with what came since. */
export function merge<Item extends { position: number }>(known: readonly Item[], more: readonly Item[]): Item[] {
  const all = new Map(known.map((item) => [item.position, item]));
  for (const item of more) all.set(item.position, item);
  return [...all.values()].sort((one, other) => other.position - one.position);
}

/** Shows a customer, or shows them anew once the hub has seen `seen`. Several changes in a moment are one reading. */
export function refreshCustomer(id: string, seen: number | null): void {
  const other = panel.value?.id !== id;
  wanted = { id, seen: wanted?.id === id ? Math.max(wanted.seen ?? 0, seen ?? 0) || null : seen };
  if (other) panel.value = { id, customer: null, pressure: null, timeline: null, decisions: null, failed: false };
  clearTimeout(timer);
  timer = setTimeout(() => void load(), other ? 0 : SETTLE_MS);
}

export function showNobody(): void {
  clearTimeout(timer);
  wanted = null;
  panel.value = null;
}

async function load(): Promise<void> {
  const asked = wanted;
  wanted = null;
  if (asked === null) return;
  const [customer, timeline, decisions, pressure] = await Promise.allSettled([
    api.customer(asked.id, asked.seen),
    api.timeline(asked.id, null, asked.seen),
    decisionsOpen.value ? api.decisions(asked.id, null, asked.seen) : Promise.reject(new Error("not asked")),
    api.pressure(asked.id),
  ]);
  const before = panel.value;
  if (before?.id !== asked.id) return; // The agent has moved on.
  panel.value = {
    id: asked.id,
    customer: customer.status === "fulfilled" ? customer.value : before.customer,
    pressure: pressure.status === "fulfilled" ? pressure.value : before.pressure,
    timeline: timeline.status === "fulfilled" ? renewed(before.timeline, timeline.value.items, timeline.value.next) : before.timeline,
    decisions:
      decisions.status === "fulfilled"
        ? renewed(before.decisions, decisions.value.decisions, decisions.value.next)
        : before.decisions,
    failed: customer.status === "rejected" || timeline.status === "rejected",
  };
}

/** The first page again: older pages that were already fetched stay, with their cursor. */
function renewed<Item extends { position: number }>(
  before: Page<Item> | null,
  items: readonly Item[],
  next: number | null,
): Page<Item> {
  if (before === null || before.items.length <= items.length) return { items, next };
  return { items: merge(before.items, items), next: before.next };
}

export async function olderTimeline(): Promise<void> {
  const now = panel.value;
  const before = now?.timeline?.next ?? null;
  if (now === null || now.timeline === null || before === null) return;
  const page = await api.timeline(now.id, before, null);
  if (panel.value?.id !== now.id) return;
  const known = panel.value.timeline?.items ?? [];
  panel.value = { ...panel.value, timeline: { items: merge(known, page.items), next: page.next } };
}

export async function olderDecisions(): Promise<void> {
  const now = panel.value;
  if (now === null) return;
  const page = await api.decisions(now.id, now.decisions?.next ?? null, null);
  if (panel.value?.id !== now.id) return;
  const known = panel.value.decisions?.items ?? [];
  panel.value = { ...panel.value, decisions: { items: merge(known, page.decisions), next: page.next } };
}
