import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLocale } from "../shared/i18n.ts";
import type { Block } from "../shared/model.ts";
import { byDepartment, crowding, factText, stops } from "./known.ts";

const block = (scope: string, until: number | null): Block => ({ scope, until, source: null, since: 0, reason: null });
const text = (kind: string, value: string, currency: string | null = null) => factText({ kind, value, currency });

test("a block that has ended stops nobody, and the widest is told first", () => {
  const blocks = [block("marketing", null), block("all", 50), block("all", 200), block("marketing", 100)];
  assert.deepEqual(stops({ do_not_contact: true, blocks }, 100), [block("all", 200), block("marketing", null)]);
});

test("a hub that keeps no blocks still says that there is one", () => {
  assert.deepEqual(stops({ do_not_contact: true }, 0), [block("all", null)]);
  assert.deepEqual(stops({ do_not_contact: false }, 0), []);
  assert.deepEqual(stops({ do_not_contact: null }, 0), []);
});

test("facts are told as people write them, and what cannot be read as it stands", () => {
  chooseLocale("en");
  assert.match(text("number", "-1200.5", "EUR"), /1,?\.?200[.,]50/u);
  assert.match(text("number", "2"), /^2$/u);
  assert.equal(text("number", "5", "no currency"), "5 no currency");
  assert.equal(text("number", "many"), "many");
  assert.equal(text("flag", "true"), "yes");
  assert.match(text("date", "2026-05-12"), /2026/u);
  assert.equal(text("date", "soon"), "soon");
  assert.equal(text("text", "⟪forgotten⟫"), "forgotten");
});

test("facts stand with the department that knows them", () => {
  const fact = (department: string, key: string) => ({ department, key, kind: "text", value: "", currency: null, source: null, as_of: 0 });
  const groups = byDepartment([fact("finance", "a"), fact("legal", "b"), fact("finance", "c")]);
  assert.deepEqual(groups.map(([name, own]) => [name, own.map(({ key }) => key)]), [["finance", ["a", "c"]], ["legal", ["b"]]]);
});

test("pressure is over while no contact is allowed, and near when one more is", () => {
  const windows = (contacts: number) => [{ days: 7, contacts, cap: 3 }];
  assert.equal(crowding({ windows: windows(0), next_allowed: 11 }, 10), "over");
  assert.equal(crowding({ windows: windows(2), next_allowed: 10 }, 10), "near");
  assert.equal(crowding({ windows: windows(1), next_allowed: 0 }, 10), "free");
});
