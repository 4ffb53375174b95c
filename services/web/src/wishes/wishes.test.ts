import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLocale } from "../shared/i18n.ts";
import { changeable, standing } from "../shared/wish.ts";
import { change, formOf, sooner, toggled, wrongs } from "./amendment.ts";
import { others, seen, sought } from "./filter.ts";
import type { HistoryEntry, Wish } from "./model.ts";
import { told, windowText } from "./words.ts";

const HOUR = 3_600_000;
const wish = (rest: Partial<Wish> = {}): Wish => ({
  id: "w", customer: "c", department: "finance", purpose: "overdue_payment", class: "mandatory", value: 120, propensity: 0.35, expected_seconds: 60, bundle: true,
  channels: ["voice", "sms"], filed_at: 0, amended_at: null, not_before: null, expires_at: 100 * HOUR + 12_345, status: "held", reason: null, until: null, plan: null, slot: null,
  outcome: null, note: null, outcome_at: null, asked_for: null, attempts: 0, talking_point: "Pay", message: "Please pay", script: null, evidence: null, ...rest,
});

test("a customer is looked for by number, address or customer number", () => {
  assert.deepEqual(sought(" +49 (30) 555-012 345 "), { phone: "+4930555012345" });
  assert.deepEqual(sought("0049 30 555012345"), { phone: "+4930555012345" });
  assert.deepEqual(sought("a@example.com"), { email: "a@example.com" });
  assert.deepEqual(sought("20417"), { external_id: "20417" });
  assert.equal(sought("  "), null);
});

test("words to choose from occur once, in order, and stay", () => {
  assert.deepEqual(seen([wish({ purpose: "b" }), wish({ purpose: "a" })], "purpose", ["c", "b"]), ["a", "b", "c"]);
});

test("of the others, what comes next is first, and what is over last", () => {
  const all = [wish({ id: "old", status: "done", filed_at: 1 }), wish({ id: "new", status: "dropped", filed_at: 2 }), wish({ id: "later", until: 9 }), wish({ id: "soon", status: "planned", slot: 3 }), wish({ id: "me" })];
  assert.deepEqual(others(all, "me").map(({ id }) => id), ["soon", "later", "new", "old"]);
});

test("an amendment sends what differs and nothing else", () => {
  const before = formOf(wish());
  assert.deepEqual(change(before, before), {}, "the seconds that a field does not show stay as they are");
  const after = { ...before, value: "7", propensity: "0.350", message: " ", script: " Hello ", channels: toggled(before.channels, "voice"), bundle: false };
  assert.deepEqual(change(before, after), { value: 7, message: null, script: "Hello", channels: ["sms"], bundle: false });
  assert.deepEqual(change({ ...before, not_before: "2026-01-01T10:00" }, { ...before, not_before: "" }), { not_before: null });
  const moved = change(before, { ...before, expires_at: "2026-01-01T10:00" });
  assert.deepEqual(moved, { expires_at: new Date(2026, 0, 1, 10).getTime() });
});

test("what cannot be meant is said by field before the hub is asked", () => {
  const form = formOf(wish());
  assert.deepEqual(wrongs(form, 0), {});
  assert.deepEqual(wrongs({ ...form, talking_point: " ", value: "1.5", propensity: "0.1234", expected_seconds: "0", channels: [] }, 0), {
    talking_point: "missing", value: "no_amount", propensity: "no_likelihood", expected_seconds: "no_seconds", channels: "no_channel",
  });
  assert.equal(wrongs(form, 200 * HOUR).expires_at, "past");
  assert.equal(wrongs({ ...form, not_before: form.expires_at }, 0).expires_at, "window");
  assert.equal(wrongs({ ...form, expires_at: "" }, 0).expires_at, "no_moment");
  for (const propensity of ["0", "1", "1.000", "0.5", "0.999"]) assert.equal(wrongs({ ...form, propensity }, 0).propensity, undefined, propensity);
  for (const propensity of ["1.001", "-0.1", "", "half", "2"]) assert.equal(wrongs({ ...form, propensity }, 0).propensity, "no_likelihood", propensity);
});

test("channels keep the order in which they are tried", () => {
  assert.deepEqual(toggled(["voice", "sms"], "email"), ["voice", "sms", "email"]);
  assert.deepEqual(sooner(["voice", "sms", "email"], "email"), ["voice", "email", "sms"]);
  assert.deepEqual(sooner(["voice", "sms"], "voice"), ["voice", "sms"]);
});

test("a wish may be changed until it is being said", () => {
  const statuses = ["open", "held", "planned", "in_contact", "done", "dropped", "withdrawn"] as const;
  assert.deepEqual(statuses.filter((status) => changeable({ status })), ["open", "held", "planned"]);
});

test("a held wish says why and until when, a planned one when it is said, and neither what is past", () => {
  chooseLocale("en");
  const held = standing(wish({ reason: "quiet_hours", until: 5 * HOUR, slot: HOUR }));
  assert.equal(held.length, 2);
  assert.match(held.join(), /quiet hours,until/u);
  assert.match(standing(wish({ status: "planned", until: 5 * HOUR, slot: HOUR })).join(), /^planned for/u);
  assert.deepEqual(standing(wish({ status: "done", outcome: "agreed", slot: HOUR, until: HOUR })), ["Agreed"]);
});

test("a history is told in the hub's sentence, else in the words for its codes", () => {
  const entry = (rest: Partial<HistoryEntry>): HistoryEntry => ({
    position: 1, at: 0, by: { kind: "system" }, what: "held", reason: "quiet_hours", text: null, until: null, plan: null, slot: null, outcome: null, ...rest,
  });
  chooseLocale("zh-CN");
  assert.deepEqual(told(entry({ text: { en: "Held.", zh: "暂缓。" } })), { what: "暂缓", details: "暂缓。" });
  chooseLocale("en");
  assert.deepEqual(told(entry({})), { what: "Held", details: "quiet hours" });
  assert.deepEqual(told(entry({ what: "filed", reason: null })), { what: "Filed", details: null });
  assert.match(told(entry({ what: "moved", reason: null })).what, /^Moved:/u);
  assert.match(told(entry({ what: "outcome", reason: null, outcome: "later", until: HOUR })).details ?? "", /^Later · again from/u);
});

test("a window without a beginning has an end", () => {
  assert.match(windowText(wish()), /^until /u);
  assert.match(windowText(wish({ not_before: HOUR })), / to /u);
});
