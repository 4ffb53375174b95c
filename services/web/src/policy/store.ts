import { batch, signal } from "@preact/signals";
import { Problem, api as session, onSignedOut } from "../shared/api.ts";
import { explain as because } from "../shared/explain.ts";
import { t } from "../shared/i18n.ts";
import type { Me } from "../shared/model.ts";
import type { Said } from "../shared/page.tsx";
import { unfinished } from "../shared/storage.ts";
import { type Asked, api } from "./api.ts";
import type { DryRun, Policy, Proposal, Rules } from "./model.ts";

// The page's memory. Views read signals; the functions below ask the hub and write them.

export const me = signal<Me | null>(null);
export const policy = signal<Policy | null>(null);
/** What went wrong on loading, when nothing can be shown. */
export const broken = signal<string | null>(null);
export const message = signal<Said | null>(null);
export const busy = signal(false);

/** Rules that are being written, and why. */
export interface Draft {
  rules: Rules;
  comment: string;
  /** A repeated request of the same draft is the same proposal. */
  key: string;
}
export const draft = signal<Draft | null>(null);
/** What the hub does not like about the draft, by rule; `comment` for the comment. */
export const refused = signal<Record<string, string>>({});

export interface Run {
  /** What it is about, in words. */
  about: string;
  run: DryRun;
}
export const dryRun = signal<Run | null>(null);
export const days = signal(7);

/** The proposal whose release is to be confirmed. */
export const releasing = signal<Proposal | null>(null);
/** The version whose rules somebody wants back. */
export const goingBack = signal<number | null>(null);

const explain = (problem: unknown) => because(problem, "policy.refused");

export async function load(): Promise<void> {
  try {
    const loaded = await api.policy(null);
    batch(() => {
      policy.value = loaded;
      broken.value = null;
    });
  } catch (problem) {
    if (policy.value === null) broken.value = explain(problem);
    else message.value = { tone: "bad", text: explain(problem) };
  }
}

export async function loadOlder(): Promise<void> {
  const known = policy.value;
  if (known === null || known.next === null) return;
  await act(async () => {
    const older = await api.policy(known.next);
    policy.value = { ...known, versions: [...known.versions, ...older.versions], next: older.next };
    return null;
  });
}

/** Runs one request at a time and says what came of it. Answers whether it succeeded. */
async function act(work: () => Promise<string | null>): Promise<boolean> {
  if (busy.value) return false;
  busy.value = true;
  message.value = null;
  try {
    const done = await work();
    if (done !== null) message.value = { tone: "good", text: done };
    return true;
  } catch (problem) {
    const field = problem instanceof Problem && problem.status === 422 ? problem.field : null;
    if (field !== null && draft.value !== null) refused.value = { [field.replace(/^rules\./u, "")]: explain(problem) };
    message.value = { tone: "bad", text: explain(problem) };
    return false;
  } finally {
    busy.value = false;
  }
}

function keep(next: Draft | null): void {
  draft.value = next;
  unfinished.set("policy.draft", next === null ? null : JSON.stringify(next));
}

export function beginDraft(rules: Rules, comment = ""): void {
  refused.value = {};
  keep({ rules: structuredClone(rules), comment, key: crypto.randomUUID() });
}

export function write(change: Partial<Pick<Draft, "rules" | "comment">>): void {
  const known = draft.value;
  if (known === null) return;
  refused.value = {};
  // Another text is another proposal.
  keep({ ...known, ...change, key: crypto.randomUUID() });
}

export function discardDraft(): void {
  refused.value = {};
  keep(null);
}

export async function propose(): Promise<void> {
  const written = draft.value;
  if (written === null) return;
  const done = await act(async () => {
    await api.propose(written.key, written.rules, written.comment);
    return t("policy.said.proposed");
  });
  if (!done) return;
  discardDraft();
  await load();
}

export async function goBack(version: number, comment: string, key: string): Promise<void> {
  const done = await act(async () => {
    await api.goBack(key, version, comment);
    return t("policy.said.proposed");
  });
  if (!done) return;
  goingBack.value = null;
  await load();
}

export async function withdraw(id: string): Promise<void> {
  await act(async () => {
    await api.withdraw(id);
    return t("policy.said.withdrawn");
  });
  await load();
}

export async function release(id: string): Promise<void> {
  await act(async () => {
    const { version } = await api.release(id);
    return t("policy.said.released", { n: version });
  });
  releasing.value = null;
  await load();
}

const LOOK_MS = 400;
let look: ReturnType<typeof setTimeout> | undefined;

export async function startDryRun(asked: Asked, about: string): Promise<void> {
  await act(async () => {
    const { id } = await api.dryRun(asked, days.value);
    dryRun.value = { about, run: await api.dryRunNow(id) };
    follow();
    return null;
  });
}

function follow(): void {
  clearTimeout(look);
  const running = dryRun.value;
  if (running === null || running.run.state !== "running") return;
  look = setTimeout(async () => {
    try {
      const run = await api.dryRunNow(running.run.id);
      if (dryRun.value?.run.id === run.id) dryRun.value = { ...running, run };
    } catch (problem) {
      // The hub that knew of it may have been started anew.
      if (problem instanceof Problem && !problem.passing) {
        dryRun.value = { ...running, run: { ...running.run, state: "failed" } };
        message.value = { tone: "bad", text: explain(problem) };
      }
    }
    follow();
  }, LOOK_MS);
}

export async function cancelDryRun(): Promise<void> {
  const running = dryRun.value;
  if (running !== null) await api.cancelDryRun(running.run.id).catch(() => {});
}

/** Asks who is logged in before anything is shown. */
export async function start(): Promise<void> {
  onSignedOut(() => location.replace("/?return=/policy"));
  try {
    me.value = await session.me();
  } catch (problem) {
    if (!(problem instanceof Problem && problem.status === 401)) broken.value = explain(problem);
    return;
  }
  if (me.value.agent.role !== "supervisor") return;
  const kept = unfinished.get("policy.draft");
  try {
    if (kept !== null) draft.value = JSON.parse(kept) as Draft;
  } catch {
    unfinished.set("policy.draft", null);
  }
  await load();
  addEventListener("visibilitychange", () => {
    if (!document.hidden) void load();
  });
}
