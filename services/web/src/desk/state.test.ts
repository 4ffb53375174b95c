import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeskFrame, Me, Message, Work } from "../shared/model.ts";
import { type DeskState, NOTHING, apply, neighbour, select, unread } from "./state.ts";

const me = (state: "ready" | "not_ready" = "ready"): Me => ({
  agent: { id: "a", name: "anna", display_name: "Anna", role: "agent" },
  tenant: { name: "t", display_name: "T" },
  presence: { state },
  presence_since: 0,
  not_ready_reasons: [],
});

const message = (seq: number, from: "customer" | "agent" = "customer"): Message => ({
  id: `m${seq}`, from, agent: null, text: `text ${seq}`, at: seq, seq,
});

const work = (id: string, rest: Partial<Work> = {}): Work => ({
  id, channel: "chat", direction: "inbound", phase: "active", since: 0, until: null,
  queue: { id: "q", name: "q", display_name: "Q" },
  customer: { id: "c", name: null, contact_point: { kind: "phone", value: "+4930123456" } },
  waiting_since: 0, connected_at: null, agenda: [], dispositions: [], disposition: null, messages: [], ...rest,
});

const told = (...frames: DeskFrame[]): DeskState => frames.reduce(apply, NOTHING);
const ids = (state: DeskState) => state.work.map((item) => item.id);

test("a snapshot replaces everything that was known before", () => {
  const state = told(
    { t: "snapshot", position: 5, me: me(), work: [work("old")] },
    { t: "snapshot", position: 9, me: me("not_ready"), work: [work("new")] },
  );
  assert.deepEqual(ids(state), ["new"]);
  assert.equal(state.position, 9);
  assert.equal(state.me?.presence.state, "not_ready");
});

test("a change without messages keeps the messages that are known", () => {
  const state = told(
    { t: "snapshot", position: 1, me: me(), work: [work("w", { messages: [message(1), message(2)] })] },
    { t: "work", position: 2, item: work("w", { phase: "wrap_up", messages: null }) },
  );
  assert.equal(state.work[0]?.phase, "wrap_up");
  assert.deepEqual(state.work[0]?.messages.map((known) => known.seq), [1, 2]);
});

test("a message told twice or out of order is shown once and in its place", () => {
  const state = told(
    { t: "snapshot", position: 1, me: me(), work: [work("w")] },
    { t: "message", position: 2, interaction: "w", message: message(3) },
    { t: "message", position: 3, interaction: "w", message: message(1) },
    { t: "message", position: 4, interaction: "w", message: message(3) },
    { t: "message", position: 5, interaction: "unknown", message: message(9) },
  );
  assert.deepEqual(state.work[0]?.messages.map((known) => known.seq), [1, 3]);
  assert.equal(state.position, 5);
});

test("a resumed line keeps the work and moves the position", () => {
  const state = told({ t: "snapshot", position: 7, me: me(), work: [work("w")] }, { t: "resumed", position: 8 });
  assert.deepEqual(ids(state), ["w"]);
  assert.equal(state.position, 8);
});

test("offers stand first, the one that runs out soonest on top", () => {
  const state = told({
    t: "snapshot", position: 1, me: me(),
    work: [
      work("chat", { connected_at: 50 }),
      work("late", { phase: "offered", until: 900 }),
      work("call", { connected_at: 10 }),
      work("soon", { phase: "offered", until: 300 }),
    ],
  });
  assert.deepEqual(ids(state), ["soon", "late", "call", "chat"]);
});

test("a row keeps its place when its conversation goes into wrap-up", () => {
  const before = told({ t: "snapshot", position: 1, me: me(), work: [work("a", { connected_at: 1 }), work("b", { connected_at: 2 })] });
  const after = apply(before, { t: "work", position: 2, item: work("a", { connected_at: 1, phase: "wrap_up", since: 99 }) });
  assert.deepEqual(ids(after), ids(before));
});

test("work that is gone leaves the list", () => {
  const state = told(
    { t: "snapshot", position: 1, me: me(), work: [work("a"), work("b")] },
    { t: "gone", position: 2, interaction: "a" },
  );
  assert.deepEqual(ids(state), ["b"]);
});

test("an accepted offer comes forward, a new offer does not", () => {
  const idle = told({ t: "snapshot", position: 1, me: me(), work: [work("a"), work("o", { phase: "offered", until: 9 })] });
  const accepted = apply(idle, { t: "work", position: 2, item: work("o", { phase: "active" }) });
  assert.equal(select("a", idle.work, accepted.work), "o");
  const offered = apply(idle, { t: "work", position: 2, item: work("p", { phase: "offered", until: 5 }) });
  assert.equal(select("a", idle.work, offered.work), "a");
});

test("when the chosen work is gone another is chosen, a call before a chat", () => {
  const before = told({ t: "snapshot", position: 1, me: me(), work: [work("a"), work("chat"), work("call", { channel: "voice" })] });
  const after = apply(before, { t: "gone", position: 2, interaction: "a" });
  assert.equal(select("a", before.work, after.work), "call");
  assert.equal(select("x", [], []), null);
});

test("next and previous go around the ends of the list", () => {
  const { work: list } = told({ t: "snapshot", position: 1, me: me(), work: [work("a"), work("b")] });
  assert.equal(neighbour(list, "b", 1), "a");
  assert.equal(neighbour(list, "a", -1), "b");
  assert.equal(neighbour([], null, 1), null);
});

test("unread is what the customer wrote after the last answer and after what was shown", () => {
  const { work: list } = told({
    t: "snapshot", position: 1, me: me(),
    work: [work("w", { messages: [message(1), message(2, "agent"), message(3), message(4)] })],
  });
  const item = list[0];
  assert.ok(item);
  assert.equal(unread(item, undefined), 2);
  assert.equal(unread(item, 3), 1);
  assert.equal(unread(item, 4), 0);
});
