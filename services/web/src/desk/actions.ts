import { Problem, api } from "../shared/api.ts";
import { backoff } from "../shared/backoff.ts";
import { hubTime } from "../shared/clock.ts";
import { explain } from "../shared/explain.ts";
import { t } from "../shared/i18n.ts";
import type { Outcome, Presence } from "../shared/model.ts";
import { again, discard, next, refused, sent, write } from "./outbox.ts";
import {
  accepting,
  busy,
  choose,
  chosen,
  desk,
  dismiss,
  draft,
  forgetEverything,
  notices,
  notify,
  outbox,
  setDraft,
  setOutbox,
  welcome,
} from "./store.ts";
import { refreshCustomer } from "./customer.ts";
import { connect, disconnect } from "./live.ts";

/** Runs one request under a name; a second one of the same name waits its turn by not happening. */
async function once(name: string, work: () => Promise<unknown>): Promise<boolean> {
  if (busy.value.has(name)) return false;
  busy.value = new Set([...busy.value, name]);
  try {
    await work();
    return true;
  } catch (problem) {
    notify("error", explain(problem));
    return false;
  } finally {
    busy.value = new Set([...busy.value].filter((other) => other !== name));
  }
}

export async function login(tenant: string, user: string, password: string): Promise<void> {
  const me = await api.login(tenant, user, password);
  welcome(me);
  for (const notice of notices.value) dismiss(notice.id);
  connect();
}

/** Leaves the desk: first tells the floor that nobody sits here, so that no customer is offered to an empty chair. */
export function logout(): Promise<boolean> {
  return once("logout", async () => {
    if (desk.value.me?.presence.state !== "logged_out") await api.presence({ state: "logged_out" });
    await api.logout();
    disconnect();
    forgetEverything();
  });
}

export function setPresence(presence: Presence): Promise<boolean> {
  return once("presence", () => api.presence(presence));
}

export async function accept(interaction: string): Promise<void> {
  const item = desk.value.work.find((one) => one.id === interaction);
  if (item === undefined || item.phase !== "offered") return;
  if (item.channel === "voice") {
    notify("info", t("offer.pick_up"));
    return;
  }
  accepting.value = interaction;
  if (await once(`accept ${interaction}`, () => api.accept(interaction))) choose(interaction);
  else accepting.value = null;
}

export function decline(interaction: string): Promise<boolean> {
  return once(`decline ${interaction}`, () => api.decline(interaction));
}

export function end(interaction: string): Promise<boolean> {
  return once(`end ${interaction}`, () => api.end(interaction));
}

export async function wrapUp(interaction: string): Promise<void> {
  const { disposition, note } = draft(interaction);
  await once(`wrap-up ${interaction}`, () => api.wrapUp(interaction, disposition, note.trim()));
}

export async function recordOutcome(interaction: string, wish: string, outcome: Outcome, note: string, notBefore: number | null = null): Promise<void> {
  const customer = desk.value.work.find((one) => one.id === interaction)?.customer.id;
  await once(`outcome ${wish}`, async () => {
    const { position } = await api.outcome(interaction, wish, outcome, note.trim(), notBefore);
    if (customer !== undefined) refreshCustomer(customer, position);
  });
}

// Sending: one message of a conversation at a time, again and again while the line is at fault.

const sending = new Set<string>();
const failures = new Map<string, number>();

export function send(interaction: string): void {
  const text = draft(interaction).message.trim();
  if (text === "") return;
  const box = write(outbox.value, interaction, crypto.randomUUID(), text, hubTime());
  if (box === outbox.value) {
    notify("error", t("error.outbox_full"));
    return;
  }
  setOutbox(box);
  setDraft(interaction, { message: "" });
  void flush(interaction);
}

export function sendAgain(id: string): void {
  const one = outbox.value.find((outgoing) => outgoing.id === id);
  if (one === undefined) return;
  setOutbox(again(outbox.value, id));
  void flush(one.interaction);
}

export function takeBack(id: string): void {
  const one = outbox.value.find((outgoing) => outgoing.id === id);
  if (one === undefined) return;
  setOutbox(discard(outbox.value, id));
  if (draft(one.interaction).message === "") setDraft(one.interaction, { message: one.text });
  void flush(one.interaction);
}

/** Everything that waits, in every conversation: the line is back. */
export function flushAll(): void {
  for (const interaction of new Set(outbox.value.map((one) => one.interaction))) void flush(interaction);
}

async function flush(interaction: string): Promise<void> {
  if (sending.has(interaction)) return;
  sending.add(interaction);
  try {
    for (let one = next(outbox.value, interaction); one !== null; one = next(outbox.value, interaction)) {
      const { seq } = await api.send(interaction, one.id, one.text);
      failures.delete(interaction);
      setOutbox(sent(outbox.value, one.id, seq));
    }
  } catch (problem) {
    await failed(interaction, problem);
  } finally {
    sending.delete(interaction);
  }
}

async function failed(interaction: string, problem: unknown): Promise<void> {
  const one = next(outbox.value, interaction);
  if (one === null) return;
  if (problem instanceof Problem && problem.passing) {
    const attempt = failures.get(interaction) ?? 0;
    failures.set(interaction, attempt + 1);
    const wait = problem.retryAfter === null ? backoff(attempt, Math.random()) : problem.retryAfter * 1000;
    setTimeout(() => void flush(interaction), wait);
    return;
  }
  setOutbox(refused(outbox.value, one.id));
  notify("error", explain(problem));
}

/** The keys of the agent's own order: what a shortcut means for the chosen work. */
export function pickDisposition(nth: number): void {
  const item = desk.value.work.find((one) => one.id === chosen.value);
  const code = item?.dispositions[nth];
  if (item !== undefined && code !== undefined && item.phase !== "offered") setDraft(item.id, { disposition: code });
}

