// The wish book: finding, the history in words, amending, withdrawing, and what happens when it is too late; looked at wide
// and narrow, light and dark, in both languages.
import assert from "node:assert/strict";

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 400, height: 800 };

export async function checkWishes({ base, page, look, closed, there }) {
  await fetch(`${base}mock/wishes`);
  const at = await page(WIDE, { path: "/wishes" });
  const rows = at.locator(".wish-list .wish-row");
  const focused = () => at.evaluate(() => document.activeElement.id || document.activeElement.dataset.wish || document.activeElement.name);
  await rows.first().waitFor();
  assert.equal(await rows.count(), 25);
  await look(at, "wishes");

  // The keyboard alone: from page to page, from row to row, into a wish and back.
  await at.getByRole("button", { name: "Next" }).focus();
  await at.keyboard.press("Enter");
  await there(at, "26 to 30");
  assert.equal(await focused(), "list-title", "another page is read from its top");
  await at.getByRole("button", { name: "Previous" }).press("Enter");
  await there(at, "1 to 25");
  await rows.first().focus();
  await at.keyboard.press("ArrowDown");
  await at.keyboard.press("ArrowUp");
  const first = await focused();
  await at.keyboard.press("Enter");
  await there(at, "Held until 08:00");
  await at.locator(".wish-detail .wish-row", { hasText: "in the same contact" }).waitFor();
  await there(at, "Jonas Keller");
  assert.equal(await focused(), "wish-title");
  await look(at, "wishes-detail");
  await at.keyboard.press("Escape");
  await at.locator(".wish-detail").waitFor({ state: "detached" });
  await at.waitForFunction((id) => document.activeElement.dataset.wish === id, first);
  await at.keyboard.press("Enter");

  // What cannot be meant is said at its field; what the hub refuses, too; what holds is shown in the list as well.
  await at.getByRole("button", { name: "Amend", exact: true }).press("Enter");
  await at.waitForFunction(() => document.activeElement.name === "talking_point");
  await at.locator('[name="value"]').fill("much");
  await at.getByRole("button", { name: "Save" }).click();
  await at.locator("#error-value", { hasText: "whole amount" }).waitFor();
  assert.equal(await focused(), "value");
  await look(at, "wishes-amend");
  await at.locator('[name="value"]').fill("666");
  await at.getByRole("button", { name: "Save" }).click();
  await at.locator("#error-value", { hasText: "does not like 666" }).waitFor();
  await at.locator('[name="value"]').fill("250");
  await at.getByRole("button", { name: "Try Text message sooner" }).click();
  await at.getByRole("button", { name: "Save" }).click();
  await there(at, "The contact was decided anew.");
  await at.locator(".wish-list .wish-row", { hasText: "value 250" }).waitFor();
  await at.locator(".wish-facts", { hasText: "Text message, then Call" }).waitFor();
  await at.waitForFunction(() => document.activeElement.id === "wish-title");

  // Too late: the moment has passed while the form was open, and the page shows where the wish is now.
  await at.locator(".wish-detail .rows-of-wishes .wish-row", { hasText: "renewal" }).click();
  await at.locator("#wish-title", { hasText: "renewal" }).waitFor();
  await at.getByRole("button", { name: "Amend", exact: true }).click();
  await at.locator('[name="evidence"]').fill("too late");
  await at.getByRole("button", { name: "Save" }).click();
  await at.getByRole("alert").getByText("This is being said to the customer now").waitFor();
  await at.locator(".where", { hasText: "being said now" }).waitFor();
  await look(at, "wishes-too-late");

  await at.getByLabel("State").selectOption("open");
  await at.waitForFunction(() => document.querySelectorAll(".wish-list .wish-row").length === 1);
  await at.locator(".wish-list .wish-row", { hasText: "payment reminder" }).click();
  await at.locator("#wish-title", { hasText: "payment reminder" }).waitFor();
  await at.getByRole("button", { name: "Withdraw", exact: true }).click();
  await look(at, "wishes-withdraw");
  await at.getByRole("button", { name: "Withdraw it" }).press("Enter");
  await there(at, "Withdrawn by the department that wanted it.");
  await there(at, "This wish has ended");

  // By customer: one, none, several.
  await at.getByRole("button", { name: "Show all" }).click();
  const whom = at.getByRole("textbox", { name: "Customer" });
  await whom.fill("+49 30 555 012 345");
  await whom.press("Enter");
  await there(at, "Customer: Jonas Keller");
  await at.waitForFunction(() => document.querySelectorAll(".wish-list .wish-row").length === 5);
  await whom.fill("nobody@example.com");
  await whom.press("Enter");
  await there(at, "No customer has this number or address.");
  await whom.fill("mei.lin@example.com");
  await whom.press("Enter");
  await there(at, "Several customers have this.");
  await look(at, "wishes-several");
  await at.getByRole("button", { name: "Customer without a name" }).click();
  await there(at, "No wish fits this.");
  assert.ok(!at.url().includes("mei"), "what was typed is in no address");
  await closed(at);

  // An agent reads, and is told who may change.
  await fetch(`${base}mock/wishes?role=agent`);
  const agent = await page(WIDE, { path: "/wishes" });
  await agent.locator(".wish-row").first().click();
  await there(agent, "by the department that filed them, or by a supervisor");
  assert.equal(await agent.getByRole("button", { name: "Amend", exact: true }).count(), 0);
  await closed(agent);

  for (const [name, size, options] of [
    ["wishes-dark", WIDE, { dark: true }],
    ["wishes-zh", WIDE, { chinese: true }],
    ["wishes-small", NARROW, {}],
    ["wishes-small-zh-dark", NARROW, { dark: true, chinese: true }],
    ["wishes-zoom-400", { width: 320, height: 256 }, {}],
  ]) {
    await fetch(`${base}mock/wishes`);
    const shown = await page(size, { ...options, path: "/wishes" });
    await shown.locator(".wish-row").first().waitFor();
    await look(shown, name, { whole: true });
    await shown.locator(".wish-row").first().click();
    await shown.locator(".wish-history li").first().waitFor();
    await look(shown, `${name}-detail`, { whole: true });
    await shown.locator(".wish-detail .actions .primary").click();
    await shown.locator('[name="value"]').fill("");
    await shown.locator("form.amend .primary").click();
    await shown.locator("#error-value").waitFor();
    await look(shown, `${name}-amend`, { whole: true });
    await closed(shown);
  }
}
