// Journey 2 in a real browser: a visitor on a foreign page and an agent at the desk, with a network that comes and goes.
// Facts are read from the log; what people see is read from the page; axe looks at every page.
//   node journeys.mjs      needs services/web/dist, target/debug/rapport (RAPPORT_BIN) and a Chromium (CHROMIUM)
import assert from "node:assert/strict";
import { readFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startHub, until } from "./hub.mjs";
import { network } from "./proxy.mjs";

const PICTURES = process.env.PICTURES ?? fileURLToPath(new URL("../../target/screenshots", import.meta.url));
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PASSWORD = "a password for tests";
const NASTY = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script> & "quotes"`;

const http = await network();
const chat = await network();
const hub = await startHub(`
data = "{data}"
[http]
bind = "127.0.0.1:0"
[chat]
bind = "127.0.0.1:0"
public_url = "ws://${chat.address}/"
[voice]
bind = "127.0.0.1:0"
rtp_ports = "32000-32199"
[[voice.trunk]]
name = "carrier"
address = "127.0.0.1"
[[tenant]]
name = "acme"
display_name = "Acme"
[[tenant.queue]]
name = "service"
display_name = "Service"
dispositions = ["solved", "call_back"]
wrap_up_seconds = 300
[[tenant.agent]]
name = "anna"
display_name = "Anna"
password = "${PASSWORD}"
phone = "sip:anna@127.0.0.1:9"
weights = { voice = 100, chat = 33 }
[[tenant.agent]]
name = "chen"
role = "supervisor"
password = "${PASSWORD}"
[[tenant.access_point]]
name = "website"
channel = "chat"
address = "acme-shop"
queue = "service"
origins = ["*"]
[[tenant.access_point]]
name = "hotline"
channel = "voice"
address = "4930100"
queue = "service"
`);
http.leadsTo(hub.ready.http);
chat.leadsTo(hub.ready.chat);
const desk = `http://${http.address}`;

// A page of somebody else, with the one line that a site adds.
const shop = createServer((_, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(`<!doctype html><html lang="en"><head><title>A shop</title></head><body><main><h1>A shop</h1><p>Goods.</p></main>
    <script async src="${desk}/widget/loader.js" data-site="acme-shop" data-lang="en" data-remember></script></body></html>`);
});
shop.listen(0, "127.0.0.1");
await once(shop, "listening");
const shopPage = `http://127.0.0.1:${shop.address().port}/`;

await mkdir(PICTURES, { recursive: true });
const profile = await mkdtemp(join(tmpdir(), "rapport-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: FLAGS,
  locale: "en-GB",
  viewport: { width: 1440, height: 900 },
});
browser.setDefaultTimeout(15_000);
await browser.addInitScript(() => localStorage.setItem("rapport.language", "en"));
const mishaps = [];
const pages = [];

async function open(address, context = browser) {
  const page = await context.newPage();
  pages.push(page);
  page.on("pageerror", (error) => mishaps.push(`${page.url()}: ${error.message}`));
  await page.goto(address);
  return page;
}

async function look(page, name) {
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  for (const frame of page.frames()) {
    await frame.evaluate(AXE);
    const { violations } = await frame.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, iframes: false }), RULES);
    for (const violation of violations) {
      const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160));
      mishaps.push(`${name}: ${violation.id}: ${violation.help}\n      ${nodes.join("\n      ")}`);
    }
  }
}

async function step(name, work) {
  const began = Date.now();
  await work();
  console.log(`  ${name} (${Date.now() - began} ms)`);
}

const widget = (page) => page.frameLocator("iframe");
const said = (page, text) => widget(page).locator(".bubble .text", { hasText: text });
async function say(page, text) {
  await widget(page).locator("#composer").fill(text);
  await widget(page).locator("#composer").press("Enter");
}
const received = (text) => hub.of("interaction.message_received.v1").filter((event) => event.data.text === text);
const atDesk = (page, text) => page.locator(".bubble-text", { hasText: text });

async function visitorWrites(context, text) {
  const page = await open(shopPage, context);
  await page.getByRole("button", { name: "Chat with us" }).click();
  await say(page, text);
  return page;
}

let visitor, agent, first;
const contexts = [];
try {
  await step("a visitor of a foreign page opens a conversation", async () => {
    visitor = await visitorWrites(browser, "Where is my parcel?");
    const event = await hub.event("interaction.message_received.v1");
    assert.equal(event.data.text, "Where is my parcel?");
    first = event.stream.replace("interaction-", "");
    // Acknowledged: the line carries its time instead of "Sending…". By then it is on disk.
    await widget(visitor).locator(".bubble.mine time").waitFor();
    await widget(visitor).getByText("You are in the queue").waitFor();
    await look(visitor, "widget");
  });

  await step("an acknowledged message was on disk before", async () => {
    for (let number = 0; number < 5; number += 1) {
      const text = `Durable ${number}`;
      await say(visitor, text);
      await said(visitor, text).locator("xpath=..").locator("time").waitFor();
      await until("the message in the log", () => received(text).length === 1, 2_000);
    }
  });

  await step("an agent logs in at the desk, gets ready, and is offered the chat", async () => {
    agent = await open(`${desk}/`);
    await agent.getByLabel("Organisation").fill("acme");
    await agent.getByLabel("User name").fill("anna");
    await agent.getByLabel("Password").fill("not the password");
    await agent.keyboard.press("Enter");
    await agent.getByText("is wrong").waitFor();
    await agent.getByLabel("Password").fill(PASSWORD);
    await agent.keyboard.press("Enter");
    await agent.locator(".presence-button").waitFor();
    await look(agent, "desk-empty");
    await agent.locator(".presence-button").click();
    await agent.locator('#presence-choices button[data-state="ready"]').click();
    await agent.getByRole("button", { name: /^Accept/u }).first().waitFor();
    await look(agent, "desk-offer");
  });

  await step("the agent accepts and answers, and the visitor sees it", async () => {
    await agent.getByRole("button", { name: /^Accept/u }).first().click();
    await atDesk(agent, "Where is my parcel?").waitFor();
    await widget(visitor).getByText("Anna joined the conversation").waitFor();
    await agent.locator("#composer-text").fill("Good morning! It is on its way.");
    await agent.locator("#composer-text").press("Enter");
    await said(visitor, "It is on its way.").waitFor();
    await hub.event("interaction.message_sent.v1", (event) => event.data.text === "Good morning! It is on its way.");
    await look(agent, "desk-chat");
    await look(visitor, "widget-chat");
  });

  await step("what looks like a script is shown as text, on both sides", async () => {
    await say(visitor, NASTY);
    await atDesk(agent, "<script>").waitFor();
    await agent.locator("#composer-text").fill(NASTY);
    await agent.locator("#composer-text").press("Enter");
    await until("the text in the widget", async () => (await said(visitor, "<script>").count()) === 2);
    assert.ok((await atDesk(agent, "onerror").first().textContent()).includes(NASTY));
    for (const page of [visitor, agent]) assert.ok(!(await page.title()).includes("owned"));
    assert.equal(await agent.locator(".transcript img, .transcript script").count(), 0);
    assert.equal(await widget(visitor).locator(".transcript img, .transcript script").count(), 0);
  });

  await step("a reload on either side loses and doubles nothing", async () => {
    const lines = await widget(visitor).locator(".bubble").count();
    await visitor.reload();
    await visitor.getByRole("button", { name: /Chat with us/u }).click();
    await until("the conversation again", async () => (await widget(visitor).locator(".bubble").count()) === lines);
    await agent.reload();
    await atDesk(agent, "Where is my parcel?").waitFor();
    await say(visitor, "Still here?");
    await atDesk(agent, "Still here?").waitFor();
    assert.equal(await atDesk(agent, "Where is my parcel?").count(), 1);
  });

  await step("a lost network on either side loses and doubles nothing", async () => {
    chat.cut();
    await widget(visitor).getByText("No connection.").waitFor();
    await say(visitor, "Written without a network.");
    await look(visitor, "widget-offline");
    assert.equal(received("Written without a network.").length, 0);
    http.cut();
    await agent.locator(".line-banner p").waitFor();
    await agent.locator("#composer-text").fill("Answered without a network.");
    await agent.locator("#composer-text").press("Enter");
    await agent.getByText("Sending").first().waitFor();
    await look(agent, "desk-offline");
    chat.mend();
    http.mend();
    await atDesk(agent, "Written without a network.").waitFor({ timeout: 60_000 });
    await said(visitor, "Answered without a network.").waitFor({ timeout: 60_000 });
    await until("both once in the log", () => received("Written without a network.").length === 1);
    const sent = hub.of("interaction.message_sent.v1").filter((event) => event.data.text === "Answered without a network.");
    assert.equal(sent.length, 1);
    assert.equal(await said(visitor, "Written without a network.").count(), 1);
    assert.equal(await atDesk(agent, "Answered without a network.").count(), 1);
    const seen = await widget(visitor).locator(".bubble .text").allTextContents();
    assert.equal(new Set(seen.filter((text) => !text.includes("script"))).size, seen.filter((text) => !text.includes("script")).length);
  });

  await step("an agent holds several chats, and no call beyond the budget", async () => {
    for (const name of ["second", "third", "fourth"]) {
      const context = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
      contexts.push(context);
      await visitorWrites(await context.newContext({ locale: "en-GB" }), `I am the ${name}`);
      await hub.event("interaction.message_received.v1", (event) => event.data.text === `I am the ${name}`);
      if (name === "fourth") continue;
      await agent.getByRole("button", { name: /^Accept/u }).first().click();
      await until(`the ${name} chat is taken`, () => hub.of("agent.work_taken.v1").length === contexts.length + 1);
    }
    await until("three chats at the desk", async () => (await agent.locator('.row[data-phase="active"]').count()) === 3);
    // 3 x 33 of 100 points: no room for a fourth chat, and none for a call.
    assert.equal(hub.of("interaction.offered.v1").length, 3);
    await look(agent, "desk-three-chats");
  });

  await step("the wallboard shows the line and the agents", async () => {
    const wall = await open(`${desk}/wallboard`);
    await wall.locator(".queue").first().waitFor();
    await wall.getByText("Anna").first().waitFor();
    await look(wall, "wallboard");
    await wall.close();
  });

  await step("the agent ends the chat, says what came of it, and is offered the next one", async () => {
    await agent.locator(".row-main").first().click();
    await atDesk(agent, "Where is my parcel?").waitFor();
    await agent.getByRole("button", { name: "End chat" }).click();
    await agent.getByText("What came of it?").waitFor();
    await widget(visitor).getByText("The conversation has ended.").waitFor();
    await look(agent, "desk-wrap-up");
    await agent.locator('input[value="solved"]').check();
    await agent.locator(".wrap-up textarea").fill("Parcel found.");
    await agent.locator(".wrap-up button.primary").click();
    const closed = await hub.event("interaction.closed.v1", (event) => event.stream.endsWith(first));
    assert.equal(closed.data.cause, "wrapped_up");
    const disposition = hub.of("interaction.disposition_set.v1")[0].data;
    assert.deepEqual([disposition.disposition, disposition.note], ["solved", "Parcel found."]);
    await agent.getByRole("button", { name: /^Accept/u }).first().waitFor();
    assert.equal(hub.of("interaction.offered.v1").length, 4);
  });

  assert.deepEqual(mishaps, []);
  console.log(`every journey went well; pictures in ${PICTURES}`);
} catch (error) {
  console.error(error.stack);
  for (const mishap of mishaps) console.error(`  ${mishap}`);
  for (const [place, page] of pages.entries()) {
    await page.screenshot({ path: join(PICTURES, `failed-${place}.png`) }).catch(() => {});
  }
  console.error(`--- the hub wrote:\n${hub.errors()}`);
  for (const event of hub.events.slice(-25)) console.error(`${event.position} ${event.type} ${event.stream} ${JSON.stringify(event.data).slice(0, 160)}`);
  process.exitCode = 1;
} finally {
  for (const other of contexts) await other.close();
  await browser.close();
  await hub.stop();
  shop.close();
  shop.closeAllConnections();
  http.close();
  chat.close();
  await rm(profile, { recursive: true, force: true });
}
