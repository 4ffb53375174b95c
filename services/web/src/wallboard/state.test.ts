import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentLine, QueueLine } from "../shared/model.ts";
import { NOTHING, apply, byState, serviceLevel, totals, waitLevel, worst } from "./state.ts";

const queue = (id: string, rest: Partial<QueueLine> = {}): QueueLine => ({
  id, name: id, display_name: id, outbound: false, waiting: 0, longest_since: null, offered: 0, answered: 0,
  answered_in_target: 0, abandoned: 0, service_level: null, service_level_target: 80, target_seconds: 20, asa_seconds: null, ...rest,
});
const agent = (id: string, state: AgentLine["state"], since = 0): AgentLine => ({
  id, display_name: id, state, reason: null, since, work: [],
});

const floor = apply(NOTHING, {
  t: "snapshot", position: 3, at: 0, tenant: { name: "t", display_name: "T" }, queues: [queue("a"), queue("b")], agents: [agent("x", "ready")],
});

test("a change replaces its line in place, a new line comes last", () => {
  const changed = apply(floor, { t: "queue", position: 4, queue: queue("a", { waiting: 2 }) });
  assert.deepEqual(changed.queues.map((line) => [line.id, line.waiting]), [["a", 2], ["b", 0]]);
  const grown = apply(changed, { t: "agent", position: 5, agent: agent("y", "busy") });
  assert.deepEqual(grown.agents.map((line) => line.id), ["x", "y"]);
  assert.equal(grown.position, 5);
});

test("the sum counts every customer once and leaves outbound out", () => {
  const sum = totals(
    [
      queue("a", { offered: 90, answered: 80, answered_in_target: 72, abandoned: 5, asa_seconds: 10, waiting: 1, longest_since: 5_000 }),
      queue("b", { offered: 10, answered: 10, answered_in_target: 8, asa_seconds: 100, service_level_target: 90, waiting: 2, longest_since: 1_000 }),
      queue("out", { outbound: true, offered: 500, waiting: 50, longest_since: 1 }),
    ],
    10_000,
  );
  assert.equal(sum.service, 80);
  assert.equal(sum.target, 81);
  assert.equal(sum.waiting, 3);
  assert.equal(sum.asaSeconds, 20);
  assert.equal(sum.longest?.since, 1_000);
});

test("a day without contacts has no service level instead of a perfect one", () => {
  const sum = totals([queue("a")], 0);
  assert.equal(sum.service, null);
  assert.equal(sum.asaSeconds, null);
  assert.equal(sum.target, 80);
  assert.equal(serviceLevel(null, 80), "none");
});

test("the target itself is reached, ten points below is still near", () => {
  assert.deepEqual([80, 79.9, 70, 69.9].map((value) => serviceLevel(value, 80)), ["good", "near", "near", "bad"]);
});

test("a wait is judged by the target of its queue", () => {
  assert.deepEqual([20, 21, 60, 61].map((s) => waitLevel(0, 20, s * 1000)), ["good", "near", "near", "bad"]);
  assert.equal(waitLevel(null, 20, 0), "none");
  assert.equal(worst(["good", "bad", "near"]), "bad");
});

test("agents stand by state, the longest in it first", () => {
  const groups = byState([agent("late", "ready", 9), agent("early", "ready", 1), agent("busy", "busy")]);
  assert.deepEqual(groups.find((group) => group.state === "ready")?.agents.map((one) => one.id), ["early", "late"]);
});
