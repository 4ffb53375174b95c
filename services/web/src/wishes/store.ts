import { batch, signal } from "@preact/signals";
import { Problem, api as session, onSignedOut } from "../shared/api.ts";
import { explain as because } from "../shared/explain.ts";
import { t } from "../shared/i18n.ts";
import type { Customer, CustomerName, Me, WishView } from "../shared/model.ts";
import type { Said } from "../shared/page.tsx";
import { PAGE, api } from "./api.ts";
import { EVERYTHING, type Filter, seen, sought } from "./filter.ts";
import type { HistoryEntry, Wish } from "./model.ts";

// The page's memory. Views read signals; the functions below ask the hub and write them.

export const me = signal<Me | null>(null);
/** What went wrong on loading, when nothing can be shown. */
export const broken = signal<string | null>(null);
export const message = signal<Said | null>(null);
export const busy = signal(false);

export const filter = signal<Filter>(EVERYTHING);
/** Several customers have what was looked for. */
export const candidates = signal<readonly CustomerName[]>([]);

export interface List {
  wishes: readonly WishView[];
  /** Where this page begins, and how to go back. */
  after: number | null;
  before: readonly (number | null)[];
  next: number | null;
}
export const list = signal<List | null>(null);
export const listLoading = signal(false);
/** Purposes and departments that have occurred, to choose from. */
export const words = signal<{ purpose: readonly string[]; department: readonly string[] }>({ purpose: [], department: [] });

export interface Chosen {
  id: string;
  /** As the list has it, until all of it is read. */
  wish: WishView | Wish;
  history: readonly HistoryEntry[] | null;
  customer: Customer | null;
}
export const chosen = signal<Chosen | null>(null);
export const amending = signal(false);
export const withdrawing = signal(false);

export const explain = (problem: unknown) => because(problem, "wishes.refused");
const failed = (problem: unknown) => (message.value = { tone: "bad", text: explain(problem) });

export function mayChange(): boolean {
  return me.value?.agent.role === "supervisor";
}

// Answers may come in another order than the questions: the last question counts.
let asked = 0;

/** Reads one page of the list; what is shown stays until the new one is there. */
async function read(after: number | null, before: readonly (number | null)[]): Promise<void> {
  const mine = ++asked;
  listLoading.value = true;
  try {
    const page = await api.wishes(filter.value, after);
    if (mine !== asked) return;
    batch(() => {
      list.value = { wishes: page.wishes, after, before, next: page.next };
      words.value = {
        purpose: seen(page.wishes, "purpose", words.value.purpose),
        department: seen(page.wishes, "department", words.value.department),
      };
    });
  } catch (problem) {
    if (mine !== asked) return;
    if (list.value === null) broken.value = explain(problem);
    else failed(problem);
  } finally {
    if (mine === asked) listLoading.value = false;
  }
}

export const firstOnPage = (shown: List) => shown.before.length * PAGE + 1;

export function nextPage(): void {
  const shown = list.value;
  if (shown !== null && shown.next !== null) void read(shown.next, [...shown.before, shown.after]);
}

export function previousPage(): void {
  const shown = list.value;
  const back = shown?.before.at(-1);
  if (shown !== null && back !== undefined) void read(back, shown.before.slice(0, -1));
}

export async function reload(): Promise<void> {
  const shown = list.value;
  const open = chosen.value;
  await Promise.all([read(shown?.after ?? null, shown?.before ?? []), open === null ? null : readWish(open.id, null)]);
}

export function narrow(change: Partial<Filter>): void {
  message.value = null;
  filter.value = { ...filter.value, ...change };
  void read(null, []);
}

export function everything(): void {
  candidates.value = [];
  narrow(EVERYTHING);
}

/** Looks for a customer by what was typed: one is taken, several are shown to choose from. */
export async function findCustomer(text: string): Promise<void> {
  candidates.value = [];
  message.value = null;
  const wanted = sought(text);
  if (wanted === null) return narrow({ customer: null });
  try {
    const { customers } = await api.search(wanted);
    const [only, ...more] = customers;
    if (only === undefined) message.value = { tone: "bad", text: t("wishes.nobody") };
    else if (more.length === 0) narrow({ customer: only });
    else candidates.value = customers;
  } catch (problem) {
    failed(problem);
  }
}

export function take(customer: CustomerName): void {
  candidates.value = [];
  narrow({ customer });
}

export function choose(wish: WishView): void {
  const same = chosen.value?.id === wish.id;
  batch(() => {
    amending.value = false;
    withdrawing.value = false;
    if (same) return;
    const customer = chosen.value?.customer ?? null;
    // Another wish of the same customer: who they are need not flicker.
    chosen.value = { id: wish.id, wish, history: null, customer: customer?.id === wish.customer ? customer : null };
  });
  void readWish(wish.id, null);
}

export function close(): void {
  batch(() => {
    amending.value = false;
    withdrawing.value = false;
    chosen.value = null;
  });
}

async function readWish(id: string, since: number | null): Promise<void> {
  try {
    const wish = await api.wish(id, since);
    const [{ history }, customer] = await Promise.all([api.history(id), api.customer(wish.customer, since)]);
    if (chosen.value?.id !== id) return; // Another one is looked at by now.
    batch(() => {
      chosen.value = { id, wish, history, customer };
      const shown = list.value;
      if (shown !== null) list.value = { ...shown, wishes: shown.wishes.map((one) => (one.id === id ? wish : one)) };
    });
  } catch (problem) {
    if (chosen.value?.id === id) failed(problem);
  }
}

/** Runs one change at a time, says what came of it, and shows how things stand then. */
async function act(id: string, done: string, work: () => Promise<{ position: number }>, refused: (field: string, text: string) => boolean): Promise<boolean> {
  if (busy.value) return false;
  busy.value = true;
  message.value = null;
  try {
    const { position } = await work();
    await readWish(id, position);
    message.value = { tone: "good", text: done };
    return true;
  } catch (problem) {
    const field = problem instanceof Problem && problem.status === 422 ? problem.field : null;
    if (field === null || !refused(field, explain(problem))) failed(problem);
    // It has gone on without us: show where it is now.
    if (problem instanceof Problem && problem.status === 409) {
      amending.value = false;
      await readWish(id, null);
    }
    return false;
  } finally {
    busy.value = false;
  }
}

export async function amend(id: string, change: Record<string, unknown>, refused: (field: string, text: string) => boolean): Promise<void> {
  if (await act(id, t("wishes.said.amended"), () => api.amend(id, change), refused)) amending.value = false;
}

export async function withdraw(id: string): Promise<void> {
  await act(id, t("wishes.said.withdrawn"), () => api.withdraw(id), () => false);
  withdrawing.value = false;
}

/** Asks who is logged in before anything is shown. */
export async function start(): Promise<void> {
  onSignedOut(() => location.replace("/?return=/wishes"));
  try {
    me.value = await session.me();
  } catch (problem) {
    if (!(problem instanceof Problem && problem.status === 401)) broken.value = explain(problem);
    return;
  }
  await read(null, []);
  addEventListener("visibilitychange", () => {
    if (!document.hidden && !amending.value) void reload();
  });
}
