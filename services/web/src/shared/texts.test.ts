import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLocale, known, locale, pickLocale, t, tn } from "./i18n.ts";
import en from "./i18n/en.json" with { type: "json" };
import zh from "./i18n/zh-CN.json" with { type: "json" };
import { pieces } from "./links.ts";
import { safeReturn } from "./return.ts";
import { age, duration, fieldDay, fieldTime, localTime, moment, secondsLeft, startOfDay } from "./time.ts";

const holes = (text: string) => [...text.matchAll(/\{\w+\}/gu)].map((match) => match[0]).sort();

test("both languages have the same keys with the same gaps to fill", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    assert.deepEqual(holes((zh as Record<string, string>)[key] ?? ""), holes(text), key);
    assert.notEqual(text.trim(), "", key);
  }
});

test("the language is the choice made before, else the first one that we speak", () => {
  assert.equal(pickLocale("zh-CN", ["en"]), "zh-CN");
  assert.equal(pickLocale(null, ["de-DE", "zh-TW", "en"]), "zh-CN");
  assert.equal(pickLocale("fr", ["fr"]), "en");
});

test("numbers choose the form of the word, and codes of a tenant stay readable", () => {
  chooseLocale("en");
  assert.equal(tn("unread", 1), "1 unread message");
  assert.equal(tn("unread", 2), "2 unread messages");
  assert.equal(t("work.waiting", { time: "1:05" }), "waiting 1:05");
  assert.equal(known("disposition", "own_code"), "own code");
  chooseLocale("zh-CN");
  assert.equal(locale.value, "zh-CN");
  assert.equal(tn("unread", 1), "1 条未读消息");
});

test("only http and https become links, and the pieces are the text", () => {
  const text = "see https://example.com/a?b=1. or javascript:alert(1), data:text/html,x 或 http://例え.jp，谢谢";
  const found = pieces(text);
  assert.equal(found.map((piece) => piece.text).join(""), text);
  assert.deepEqual(found.filter((piece) => piece.href !== null).map((piece) => piece.text), ["https://example.com/a?b=1", "http://例え.jp"]);
});

test("an address that hides its host behind a user name stays text", () => {
  assert.ok(pieces("https://bank.example@evil.example/").every((piece) => piece.href === null));
});

test("after log-in nobody is led to another site", () => {
  assert.equal(safeReturn("?return=/wallboard"), "/wallboard");
  assert.equal(safeReturn("?return=/wishes"), "/wishes");
  assert.equal(safeReturn("?return=//evil.example"), null);
  assert.equal(safeReturn("?return=https://evil.example/wallboard"), null);
});

test("durations are minutes and seconds, with hours when there are any, never negative", () => {
  assert.deepEqual([0, 65_000, 3_845_000, -9].map(duration), ["0:00", "1:05", "1:04:05", "0:00"]);
  assert.equal(secondsLeft(1_001, 0), 2);
  assert.equal(secondsLeft(0, 5), 0);
});

test("the customer's clock tells the hour there and whether it is night", () => {
  const noon = Date.UTC(2026, 0, 5, 12);
  assert.match(localTime("Asia/Shanghai", noon, "en-GB")?.text ?? "", /20:00/u);
  assert.equal(localTime("Asia/Shanghai", noon, "en-GB")?.night, false);
  assert.equal(localTime("Asia/Tokyo", noon, "en-GB")?.night, true);
  assert.equal(localTime("Nowhere/Else", noon, "en-GB"), null);
});

test("a moment of another day carries its day", () => {
  const now = new Date(2026, 4, 7, 12).getTime();
  assert.equal(moment(new Date(2026, 4, 7, 9, 5).getTime(), now, "en-GB"), "09:05");
  assert.match(moment(new Date(2026, 4, 6, 9, 5).getTime(), now, "en-GB"), /6 May.*09:05/u);
  assert.match(moment(new Date(2025, 4, 6, 9, 5).getTime(), now, "en-GB"), /2025/u);
});

test("a day begins by the customer's clock, also when the clocks change", () => {
  assert.equal(startOfDay("2026-05-07", "Asia/Shanghai"), Date.UTC(2026, 4, 6, 16));
  assert.equal(startOfDay("2026-05-07", "America/New_York"), Date.UTC(2026, 4, 7, 4));
  assert.equal(startOfDay("2026-03-29", "Europe/Berlin"), Date.UTC(2026, 2, 28, 23), "the day on which the clocks go forward");
  assert.equal(startOfDay("2026-03-30", "Europe/Berlin"), Date.UTC(2026, 2, 29, 22));
  assert.equal(startOfDay("2026-05-07", "Nowhere/Else"), new Date(2026, 4, 7).getTime());
  assert.equal(startOfDay("soon", "Europe/Berlin"), null);
  assert.equal(fieldDay(Date.UTC(2026, 4, 6, 16), "Asia/Shanghai"), "2026-05-07");
  assert.equal(fieldTime(new Date(2026, 4, 7, 9, 5, 30).getTime()), "2026-05-07T09:05");
});

test("an age is told in the largest unit that fits and is never negative", () => {
  const hour = 3_600_000;
  assert.equal(age(0, 49 * hour, "en"), "2 days ago");
  assert.equal(age(0, 2 * hour, "en"), "2 hours ago");
  assert.equal(age(5_000, 0, "en"), "this minute");
});
