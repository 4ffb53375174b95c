// Opens the desk, the wallboard, the policy page and the wish book against the pretended hub, in each situation an agent meets, lets axe look at it, works
// the keyboard, and keeps a picture. Fails on any violation, console error or broken expectation.
//   npm ci && npm test            needs services/web/dist (npm run build there) and a Chromium (CHROMIUM=/path)
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { checkPolicy } from "./policy.mjs";
import { checkWishes } from "./wishes.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const MOCK = fileURLToPath(new URL("../../../services/web/dev/mock.mjs", import.meta.url));
const PICTURES = process.env.PICTURES ?? (await mkdtemp(join(tmpdir(), "desk-preview-")));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

await mkdir(PICTURES, { recursive: true });
const mock = spawn(process.execPath, [MOCK], { env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
const base = await new Promise((found) => mock.stdout.once("data", (line) => found(String(line).trim())));
const profile = await mkdtemp(join(tmpdir(), "desk-profile-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: FLAGS,
  locale: "en-GB",
});

let failures = 0;
const failed = (text) => {
  failures += 1;
  console.error(`✗ ${text}`);
};

async function page(size, { dark = false, chinese = false, path = "/" } = {}) {
  const made = await browser.newPage();
  await made.setViewportSize(size);
  await made.emulateMedia({ colorScheme: dark ? "dark" : "light" });
  if (chinese) await made.addInitScript(() => localStorage.setItem("rapport.language", "zh-CN"));
  else await made.addInitScript(() => localStorage.setItem("rapport.language", "en"));
  made.on("console", (message) => {
    if (message.type() === "error" && !/401 \(|403 \(|409 \(|422 \(|ERR_|WebSocket/u.test(message.text())) failed(`console: ${message.text()}`);
  });
  made.on("pageerror", (error) => failed(`page error: ${error.message}`));
  await made.goto(base + path.slice(1));
  return made;
}

async function scene(names) {
  await fetch(`${base}mock/scene?scene=${names}`);
}

async function look(at, name, { whole = false } = {}) {
  await at.waitForTimeout(300);
  await at.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: whole });
  await at.evaluate(await axeSource());
  const { violations } = await at.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  for (const violation of violations)
    failed(`${name}: ${violation.id}: ${violation.help}\n    ${violation.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 140)} ${node.failureSummary?.replaceAll("\n", " ")}`).join("\n    ")}`);
  const overflow = await at.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) failed(`${name}: ${overflow} px wider than the window`);
  console.log(`  ${name}`);
}

let source = null;
async function axeSource() {
  const { readFile } = await import("node:fs/promises");
  source ??= await readFile(AXE, "utf8");
  return source;
}

const WIDE = { width: 1440, height: 900 };
const SMALL = { width: 360, height: 740 };
const there = (at, text) => at.getByText(text).first().waitFor({ timeout: 5_000 });

/** Closes a page or the browser. Chromium may take for ever over a large page it still paints: then it is left behind, and
 * the end of this process ends it. */
async function closed(what) {
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, "late").unref());
  if ((await Promise.race([what.close(), late])) === "late") console.log("  (a page was slow to close and is left behind)");
}

// Whatever hangs, the check comes to an end.
setTimeout(() => {
  console.error("the check took longer than five minutes");
  process.exit(1);
}, 300_000).unref();

try {
  // Log-in: wrong first, then right.
  let desk = await page(WIDE);
  await desk.getByLabel("Organisation").fill("northwind");
  await desk.getByLabel("User name").fill("anna");
  await desk.getByLabel("Password").fill("wrong");
  await desk.keyboard.press("Enter");
  await there(desk, "is wrong");
  await look(desk, "login-wrong");
  await desk.getByLabel("Password").fill("right");
  await desk.keyboard.press("Enter");
  await there(desk, "Anna Berger");

  await scene("chat,second,offer");
  await there(desk, "Could I get this in writing");
  await look(desk, "chat");
  assert.match(await desk.title(), /^★ 1 offered/u);
  await desk.keyboard.press("Alt+a");
  await desk.locator("#talk-title", { hasText: "Sofia" }).waitFor();
  await desk.waitForFunction(() => document.activeElement?.id === "composer-text");
  await desk.keyboard.type("Good morning! https://example.com/a");
  await desk.keyboard.press("Enter");
  await desk.locator('.bubble[data-state="there"] a[href="https://example.com/a"]').waitFor();
  await desk.keyboard.type("please refuse this");
  await desk.keyboard.press("Enter");
  await there(desk, "Not sent.");
  await look(desk, "chat-refused");
  await desk.keyboard.press("Alt+j");
  await desk.locator("#talk-title", { hasText: "Sofia" }).waitFor({ state: "detached" });

  await scene("call,second");
  await desk.locator("#talk-title", { hasText: "Jonas Keller" }).waitFor();
  await there(desk, "Invoice of 12 May");
  await desk.getByRole("button", { name: "Agreed" }).first().click();
  await desk.locator('[aria-pressed="true"]', { hasText: "Agreed" }).waitFor();

  // What there is to know before one says anything: how often we called, what is wrong, what departments know.
  await there(desk, "Next contact allowed from");
  await there(desk, "2 contacts in 7 days, of 3");
  await there(desk, "The meter was read wrongly twice.");
  await there(desk, "Value tier: gold");
  await desk.locator(".facts dd", { hasText: "1,184.20" }).waitFor();

  // Later takes a day that is still to come, by the customer's clock.
  const survey = desk.locator(".wish", { hasText: "satisfaction survey" });
  await survey.getByRole("button", { name: "Later" }).click();
  await desk.waitForFunction(() => document.activeElement?.type === "date");
  await desk.locator(".later input").fill("2020-01-01");
  await desk.getByRole("button", { name: "Note “later”" }).click();
  await there(desk, "Please choose a day that is still to come");
  await look(desk, "call-later");
  const named = new Date(Date.now() + 9 * 86_400_000).toISOString().slice(0, 10);
  await desk.locator(".later input").fill(named);
  const [asked] = await Promise.all([desk.waitForRequest("**/outcomes"), desk.keyboard.press("Enter")]);
  const body = asked.postDataJSON();
  assert.equal(body.outcome, "later");
  assert.equal(new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin", dateStyle: "short", timeStyle: "short" }).format(body.not_before), `${named} 00:00`);
  await survey.locator('[aria-pressed="true"]', { hasText: "Later" }).waitFor();
  await desk.locator(".decisions summary").first().click();
  await there(desk, "quiet hours");
  await there(desk, "the customer contacted us first.");
  await look(desk, "call-agenda");
  await desk.locator(".decisions").scrollIntoViewIfNeeded();
  await look(desk, "decisions");

  await desk.keyboard.press("Alt+l");
  await desk.keyboard.type("Two instalments agreed.");
  await desk.keyboard.press("Alt+e");
  await there(desk, "What came of it?");
  assert.equal(await desk.locator(".wrap-up textarea").inputValue(), "Two instalments agreed.");
  await desk.keyboard.press("Alt+3");
  await desk.locator('input[value="callback"]:checked').waitFor();
  await look(desk, "wrap-up");
  await desk.keyboard.press("Alt+w");
  await desk.locator("#talk-title", { hasText: "Jonas" }).waitFor({ state: "detached" });

  await scene("ring,second");
  await there(desk, "Pick up your phone");
  await desk.keyboard.press("Alt+p");
  await look(desk, "ring-presence");
  await desk.keyboard.press("ArrowDown");
  await desk.keyboard.press("Enter");
  await desk.locator('.presence-button[data-state="not_ready"]').waitFor();
  await desk.locator("h1").click({ force: true, trial: true }).catch(() => {});
  await desk.evaluate(() => document.activeElement?.blur());
  await desk.keyboard.press("?");
  await desk.locator("dialog[open]").waitFor();
  await look(desk, "help");
  await desk.keyboard.press("Escape");
  await desk.locator("dialog[open]").waitFor({ state: "detached" });

  await scene("");
  await there(desk, "You get no work");
  await look(desk, "empty");

  // A broken line: what is written waits, and goes when the line is back.
  await scene("chat");
  await desk.locator("#composer-text").waitFor();
  await browser.setOffline(true);
  await fetch(`${base}mock/cut`);
  await desk.locator(".line-banner p").waitFor();
  await desk.locator("#composer-text").fill("Written while the line was down.");
  await desk.keyboard.press("Enter");
  await there(desk, "Sending …");
  await look(desk, "offline");
  await browser.setOffline(false);
  await desk.locator('.bubble[data-state="there"]', { hasText: "Written while" }).waitFor({ timeout: 20_000 });
  await closed(desk);

  await scene("second,chat,offer");
  desk = await page(WIDE, { dark: true });
  await there(desk, "Could I get this in writing");
  await look(desk, "chat-dark");
  await closed(desk);
  await scene("call,chat,offer");
  desk = await page(WIDE, { chinese: true });
  await there(desk, "本次联系事项");
  await look(desk, "call-zh");
  await closed(desk);
  await scene("wrap,chat");
  desk = await page(WIDE, { dark: true, chinese: true });
  await there(desk, "处理结果");
  await look(desk, "wrap-zh-dark");
  await closed(desk);

  await scene("chat,call,offer");
  desk = await page(SMALL);
  await there(desk, "Sofia Marques");
  await look(desk, "small-work");
  await desk.getByRole("button", { name: "Conversation", exact: false }).first().click();
  await look(desk, "small-talk");
  await desk.locator(".pane-switch").getByRole("button", { name: "Customer" }).click();
  await look(desk, "small-customer");
  await closed(desk);
  desk = await page({ width: 320, height: 256 });
  await there(desk, "Sofia Marques");
  await look(desk, "zoom-400");
  await closed(desk);
  desk = await page({ width: 960, height: 700 });
  await there(desk, "Sofia Marques");
  await look(desk, "medium");
  await closed(desk);
  desk = await page({ width: 3840, height: 2160 });
  await there(desk, "Sofia Marques");
  await look(desk, "4k");
  await closed(desk);

  for (const [name, size, options] of [
    ["wall-light", { width: 1920, height: 1080 }, {}],
    ["wall-dark-zh", { width: 1920, height: 1080 }, { dark: true, chinese: true }],
    ["wall-small", SMALL, {}],
    ["wall-4k", { width: 3840, height: 2160 }, { dark: true }],
  ]) {
    const wall = await page(size, { ...options, path: "/wallboard" });
    await wall.locator(".queue").first().waitFor();
    await look(wall, name);
    await closed(wall);
  }

  await checkPolicy({ base, page, look, closed, there });
  await checkWishes({ base, page, look, closed, there });

  // Without a session the wall leads to the log-in, and from there back.
  await browser.clearCookies();
  const wall = await page(WIDE, { path: "/wallboard" });
  await wall.getByLabel("Password").fill("right");
  await wall.keyboard.press("Enter");
  await wall.waitForURL("**/wallboard");
  await closed(wall);
} catch (error) {
  failed(error.stack);
} finally {
  await closed(browser);
  mock.kill();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
}
console.log(`${failures === 0 ? "all good" : `${failures} failures`}; pictures in ${PICTURES}`);
process.exit(failures === 0 ? 0 : 1);
