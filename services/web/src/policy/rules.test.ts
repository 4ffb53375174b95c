import assert from "node:assert/strict";
import { test } from "node:test";
import type { Report, RuleKey } from "./model.ts";
import { differing, inUnit, isDuration, same, strongest, toSeconds, unitOf, wrong } from "./rules.ts";

const key = (name: string, kind: RuleKey["kind"], rest: Partial<RuleKey> = {}): RuleKey => ({
  name, kind, meaning: "", required: false, default: 1, ...rest,
});

test("a time is told in the largest unit that leaves nothing over", () => {
  assert.equal(unitOf(86_400), "days");
  assert.equal(unitOf(14_400), "hours");
  assert.equal(unitOf(5_400), "minutes");
  assert.equal(unitOf(61), "seconds");
  assert.equal(unitOf(0), "minutes");
  for (const seconds of [0, 1, 61, 5_400, 604_800]) assert.equal(toSeconds(inUnit(seconds, unitOf(seconds)), unitOf(seconds)), seconds);
});

test("only whole numbers of seconds are times", () => {
  assert.ok(isDuration(key("gather_seconds", "whole")));
  assert.ok(!isDuration(key("contacts_per_day", "whole")));
});

test("rules differ by what they say, not by how it is written", () => {
  const keys = [key("a", "whole"), key("b", "choices"), key("c", "texts"), key("d", "table")];
  const one = { a: 1, b: ["x", "y"], c: ["1", "2"], d: { p: 1, q: null } };
  assert.deepEqual(differing(keys, one, { d: { p: 1 }, c: ["1", "2"], b: ["y", "x"], a: 1 }), []);
  const names = differing(keys, one, { a: 2, b: ["x"], c: ["2", "1"], d: { p: 2 } }).map((rule) => rule.name);
  assert.deepEqual(names, ["a", "b", "c", "d"]);
});

test("a rule that is nowhere and one that is empty are the same", () => {
  assert.ok(same(undefined, null));
  assert.ok(!same(undefined, 0));
});

test("what cannot be is said before the hub is asked", () => {
  const whole = key("n", "whole", { least: 1, most: 5 });
  assert.deepEqual([0, 1, 5, 6, 1.5, "x", null].map((value) => wrong(whole, value)), ["too_small", null, null, "too_large", "no_number", "no_number", "missing"]);
  const clock = key("c", "clock");
  assert.deepEqual(["08:00", "23:59", "24:00", "8:00"].map((value) => wrong(clock, value)), [null, null, "no_time", "no_time"]);
  assert.equal(wrong(key("o", "whole", { default: null }), null), null, "a rule without a default may be empty");
});

test("the reason that changes most comes first, and one that changes nothing is not shown", () => {
  const share = (reason: string | null, later: number) => ({
    reason, later, not_made: 0, earlier: 0, joined: 0, fewer_wishes: 0, added: 0, wishes_held: 1, wishes_dropped: 0,
  });
  const report = { by_reason: [share("a", 1), share("b", 0), share(null, 3)] } as unknown as Report;
  assert.deepEqual(strongest(report).map((one) => one.reason), [null, "a"]);
});
