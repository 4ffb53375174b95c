import assert from "node:assert/strict";
import { test } from "node:test";

import { pauseBefore } from "./connection.ts";
import { withLinks } from "./links.ts";
import { parseFrame } from "./protocol.ts";
import { CATALOGUES, fill, textsFor } from "./texts.ts";

test("both catalogues say the same things with the same places for values", () => {
  assert.deepEqual(Object.keys(CATALOGUES.zh), Object.keys(CATALOGUES.en));
  const places = (text: string) => text.match(/\{\w+\}/gu)?.sort() ?? [];
  for (const key of Object.keys(CATALOGUES.en) as (keyof typeof CATALOGUES.en)[]) {
    assert.deepEqual(places(CATALOGUES.zh[key]), places(CATALOGUES.en[key]), key);
  }
});

test("Chinese in any form gets Chinese, everything else English", () => {
  for (const tag of ["zh", "zh-CN", "zh-Hans-CN", "ZH-tw"]) assert.equal(textsFor(tag).lang, "zh-CN");
  for (const tag of ["en-GB", "de", "", null, undefined, "zha"]) assert.equal(textsFor(tag).lang, "en");
  assert.equal(fill("{name} joined", { name: "安娜" }), "安娜 joined");
});

test("only web addresses become links", () => {
  const links = (text: string) => withLinks(text).flatMap((part) => ("href" in part ? [part.href] : []));
  assert.deepEqual(links("see https://shop.example/a?b=1, or (http://x.example)."), ["https://shop.example/a?b=1", "http://x.example/"]);
  assert.deepEqual(links("javascript:alert(1) data:text/html,x ftp://a.example file:///etc/passwd"), []);
  assert.deepEqual(links("https://bank.example@evil.example/"), []);
  assert.deepEqual(links("请看https://shop.example/茶。谢谢"), ["https://shop.example/%E8%8C%B6"]);
  assert.deepEqual(links("请看 https://shop.example/tea。谢谢"), ["https://shop.example/tea"]);
});

test("the parts of a text put together are the text", () => {
  for (const text of ["", "plain", "a https://b.example/ c", "https://a.example https://b.example!", "<img src=x onerror=y>"]) {
    assert.equal(withLinks(text).map((part) => part.text).join(""), text);
  }
});

test("frames of a later version are passed over", () => {
  assert.equal(parseFrame('{"t":"fireworks"}'), null);
  assert.equal(parseFrame("no json"), null);
  assert.deepEqual(parseFrame('{"t":"ping"}'), { t: "ping" });
});

test("pauses double up to half a minute and are spread by chance", () => {
  assert.equal(pauseBefore(0, 0), 250);
  assert.equal(pauseBefore(0, 1), 500);
  assert.equal(pauseBefore(3, 1), 4_000);
  assert.equal(pauseBefore(40, 1), 30_000);
});
