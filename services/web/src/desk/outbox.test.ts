import assert from "node:assert/strict";
import { test } from "node:test";
import { OUTBOX_LIMIT, again, discard, keepOnly, next, parse, refused, sent, settle, write } from "./outbox.ts";

const two = write(write([], "w", "1", "one", 1), "w", "2", "two", 2);
const there = (id: string, seq: number) => ({ id, from: "agent" as const, agent: null, text: "", at: 0, seq });

test("messages of a conversation go one after the other", () => {
  assert.equal(next(two, "w")?.id, "1");
  assert.equal(next(sent(two, "1", 7), "w")?.id, "2");
  assert.equal(next(two, "other"), null);
});

test("a refused message holds back what was written after it until the agent decides", () => {
  const held = refused(two, "1");
  assert.equal(next(held, "w"), null);
  assert.equal(next(again(held, "1"), "w")?.id, "1");
  assert.equal(next(discard(held, "1"), "w")?.id, "2");
});

test("a message leaves the outbox when the conversation shows it, by its id or by its number", () => {
  assert.deepEqual(settle(two, "w", [there("1", 1)]).map((one) => one.id), ["2"]);
  assert.deepEqual(settle(sent(two, "2", 5), "w", [there("other", 5)]).map((one) => one.id), ["1"]);
  assert.equal(settle(two, "elsewhere", [there("1", 1)]), two);
});

test("an outbox that is full takes nothing more", () => {
  let box = two;
  for (let n = 3; n <= OUTBOX_LIMIT + 5; n++) box = write(box, "w", String(n), "x", n);
  assert.equal(box.length, OUTBOX_LIMIT);
});

test("conversations that are over are forgotten", () => {
  assert.deepEqual(keepOnly(two, new Set(["other"])), []);
  assert.equal(keepOnly(two, new Set(["w"])), two);
});

test("what is kept over a reload comes back, and damage is an empty outbox", () => {
  assert.deepEqual(parse(JSON.stringify(two)), two);
  assert.deepEqual(parse("{"), []);
  assert.deepEqual(parse(null), []);
});
