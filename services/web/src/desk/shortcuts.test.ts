import assert from "node:assert/strict";
import { test } from "node:test";
import { type Press, command } from "./shortcuts.ts";
import { episodes } from "./timeline.ts";
import { merge } from "./customer.ts";
import { contactText } from "../shared/names.ts";
import type { TimelineItem } from "../shared/model.ts";

const press = (code: string, rest: Partial<Press> = {}): Press => ({
  code, key: "", altKey: true, ctrlKey: false, metaKey: false, writing: false, ...rest,
});

test("a letter is told by its place, whatever sign the layout writes with Alt", () => {
  assert.equal(command(press("KeyA", { key: "å" })), "accept");
  assert.deepEqual(command(press("Digit3", { key: "£" })), { disposition: 2 });
  assert.equal(command(press("Digit0")), null);
});

test("AltGr and the browser's own shortcuts are left alone", () => {
  assert.equal(command(press("KeyE", { ctrlKey: true })), null);
  assert.equal(command(press("KeyW", { metaKey: true })), null);
});

test("a question mark opens the list, but not while somebody writes one", () => {
  const mark = { key: "?", altKey: false };
  assert.equal(command(press("Slash", mark)), "help");
  assert.equal(command(press("Slash", { ...mark, writing: true })), null);
});

const item = (position: number, interaction: string | null) => ({ position, interaction }) as TimelineItem;

test("what belongs to one contact and stands together is one episode", () => {
  const found = episodes([item(5, "a"), item(4, "a"), item(3, null), item(2, null), item(1, "a")]);
  assert.deepEqual(found.map((episode) => [episode.interaction, episode.items.length]), [["a", 2], [null, 2], ["a", 1]]);
});

test("pages that overlap are merged, newest first", () => {
  const positions = merge([item(5, null), item(4, null)], [item(4, null), item(3, null), item(9, null)]).map((one) => one.position);
  assert.deepEqual(positions, [9, 5, 4, 3]);
});

test("a number is grouped after its country code and loses no digit", () => {
  assert.equal(contactText("phone", "+4930555012345"), "+49 305 550 123 45");
  assert.equal(contactText("phone", "+12125550123"), "+1 212 555 0123");
  assert.equal(contactText("phone", "+8613912345678"), "+86 139 123 456 78");
  assert.equal(contactText("phone", "117"), "117");
});
