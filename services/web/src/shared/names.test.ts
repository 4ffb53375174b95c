import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLocale } from "./i18n.ts";
import { personal } from "./personal.ts";
import { contactText, customerName } from "./names.ts";

const MARK = "⟪forgotten⟫";

test("a customer is called by name, else by how they reached us", () => {
  chooseLocale("en");
  const contact_point = { kind: "phone", value: "+4930123456" };
  assert.equal(customerName({ name: "Li Wei", contact_point }), "Li Wei");
  assert.equal(customerName({ name: null, contact_point }), "+49 301 234 56");
});

test("whoever was forgotten is called so, in both languages, however they had reached us", () => {
  for (const [language, word] of [["en", "forgotten"], ["zh-CN", "已遗忘"]] as const) {
    chooseLocale(language);
    for (const kind of ["phone", "email", "chat_visitor", "sms"]) {
      assert.equal(contactText(kind, MARK), word);
      assert.equal(customerName({ name: null, contact_point: { kind, value: MARK } }), word);
    }
    assert.equal(customerName({ name: MARK, contact_point: { kind: "phone", value: MARK } }), word);
    assert.equal(personal(MARK), word);
  }
});

test("words that only mention the mark stay as they were said", () => {
  assert.equal(personal(`why does it say ${MARK}?`), `why does it say ${MARK}?`);
  assert.equal(personal("forgotten"), "forgotten");
});
