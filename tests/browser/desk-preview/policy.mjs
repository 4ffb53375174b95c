// The policy page: what holds, a draft, a dry run, four eyes, going back; looked at wide and narrow, light and dark, in both
// languages.
import assert from "node:assert/strict";

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 400, height: 800 };

export async function checkPolicy({ base, page, look, closed, there }) {
  await fetch(`${base}mock/policy`);
  const at = await page(WIDE, { path: "/policy" });
  await there(at, "Nobody is contacted between 20:00 and 08:00");
  await look(at, "policy");

  // The keyboard alone: from the skip link to the draft.
  await at.keyboard.press("Tab");
  assert.equal(await at.evaluate(() => document.activeElement.textContent), "Skip to the policy");
  await at.keyboard.press("Enter");
  await at.getByRole("button", { name: "Propose other rules" }).focus();
  await at.keyboard.press("Enter");
  assert.equal(await at.evaluate(() => document.activeElement.dataset.rule), "queue", "the draft takes the focus");

  // What cannot be is said beside the rule, and the first of it gets the focus.
  const caps = at.locator('[data-rule="contacts_per_day"]');
  await caps.fill("500");
  await at.getByRole("button", { name: "Propose", exact: true }).click();
  await there(at, "This is too much. Allowed: 1 to 100.");
  assert.equal(await at.evaluate(() => document.activeElement.dataset.rule), "contacts_per_day");
  await look(at, "policy-wrong");
  await caps.fill("2");
  await at.locator("#error-contacts_per_day").waitFor({ state: "detached" });
  const gather = at.locator('[data-rule="gather_seconds"]');
  assert.equal(await gather.inputValue(), "10");
  await at.getByLabel("Unit of: Gather wishes for").selectOption("hours");
  await gather.fill("1");
  await at.getByLabel("service", { exact: true }).check();
  await at.locator("form .difference", { hasText: "1 hour" }).waitFor();
  await at.getByRole("button", { name: "Add to: Caps over several days" }).click();
  const cap = at.getByRole("group", { name: "Caps over several days, entry 2" });
  await cap.getByLabel("contacts").fill("5");
  await cap.getByLabel("in days").fill("30");
  await at.locator('[data-rule="holidays"]').fill("2026-12-25\n2027-01-01");
  assert.deepEqual(await at.locator("form .difference ins").allTextContents(), [
    "1 hour", "2", "marketing, service", "at most 2 in 7 days; at most 5 in 30 days", "2026-12-25, 2027-01-01",
  ]);
  await look(at, "policy-draft");

  await at.getByRole("button", { name: "Dry run" }).first().click();
  await at.locator("progress").waitFor();
  await there(at, "of 840 contacts would have been different");
  await at.getByText("Examples").waitFor();
  await look(at, "policy-dry-run");
  await at.getByRole("button", { name: "Close" }).first().click();

  // Without a reason nothing is proposed; what the hub refuses is said at its rule.
  await at.getByRole("button", { name: "Propose", exact: true }).click();
  await at.locator("#comment-error").waitFor();
  await at.getByLabel("Why").fill("More room while the recall lasts.");
  await at.locator('[data-rule="max_attempts"]').fill("99");
  await at.getByRole("button", { name: "Propose", exact: true }).click();
  await at.locator("#error-max_attempts", { hasText: "does not like 99" }).waitFor();
  await at.locator('[data-rule="max_attempts"]').fill("4");
  await at.getByRole("button", { name: "Propose", exact: true }).click();
  await there(at, "Proposed. Another supervisor can release it now.");

  // One's own stays reachable, and says why it may not be released; another's is looked at once more before it is.
  const own = at.locator(".proposals > li", { hasText: "More room while the recall lasts." });
  await own.getByText("You proposed this yourself.").waitFor();
  assert.equal(await own.getByRole("button", { name: "Release" }).getAttribute("aria-disabled"), "true");
  const other = at.locator(".proposals > li", { hasText: "Tomás Ruiz" });
  await other.getByRole("button", { name: "Release" }).click();
  await at.locator("dialog[open]").waitFor();
  await look(at, "policy-release");
  await at.keyboard.press("Escape");
  await at.locator("dialog[open]").waitFor({ state: "detached" });
  await other.getByRole("button", { name: "Release" }).click();
  await at.getByRole("button", { name: "Release now" }).click();
  await there(at, "Version 4 is in force.");
  // The eye is led to what holds now, as soon as it is read.
  await at.waitForFunction(() => document.activeElement.id === "in-force");
  await own.getByText("Other rules have come into force since").waitFor({ state: "detached" });
  await own.getByRole("button", { name: "Withdraw" }).click();
  await there(at, "Withdrawn.");

  await at.getByRole("button", { name: "Go back to version 2" }).click();
  await at.locator(".go-back textarea").fill("It was quieter before.");
  await at.getByText("Rules of version 2").click();
  await look(at, "policy-history");
  await at.getByRole("button", { name: "Propose version 2 again" }).click();
  await there(at, "Back to version 2, proposed by you");
  await closed(at);

  for (const [name, size, options] of [
    ["policy-dark", WIDE, { dark: true }],
    ["policy-zh", WIDE, { chinese: true }],
    ["policy-zh-dark", WIDE, { dark: true, chinese: true }],
    ["policy-small", NARROW, {}],
    ["policy-small-dark", NARROW, { dark: true }],
    ["policy-small-zh", NARROW, { chinese: true }],
    ["policy-small-zh-dark", NARROW, { dark: true, chinese: true }],
    ["policy-zoom-400", { width: 320, height: 256 }, {}],
  ]) {
    await fetch(`${base}mock/policy`);
    const shown = await page(size, { ...options, path: "/policy" });
    await shown.locator(".sentences").first().waitFor();
    await look(shown, name, { whole: true });
    await shown.locator(".card-head .primary").first().click();
    await shown.locator('[data-rule="contacts_per_day"]').fill("2");
    await shown.locator('form [data-rule="quiet_until"]').fill("09:30");
    await shown.locator("form .actions button:not(.primary)").click();
    await shown.locator(".chart").waitFor();
    await look(shown, `${name}-draft`, { whole: true });
    await closed(shown);
  }
}
