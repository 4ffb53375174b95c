// A pretended hub for work on the pages: serves `dist` and answers as docs/API.md says, from memory.
//   npm run build && npm run mock            then open http://127.0.0.1:4173/   (any user, any password but "wrong")
// `?scene=chat,call,offer` at /mock/scene sets the work; see `items` in mock-data.mjs.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { agents, customerOf, decisions, items, me, pressure, queues, timeline } from "./mock-data.mjs";
import { answerPolicy, resetPolicy } from "./mock-policy.mjs";
import { answerWishes, resetWishes, wishCustomer } from "./mock-wishes.mjs";
import { accept } from "./mock-socket.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

let position = 1_000;
let work = [items.second(), items.chat(), items.offer()];
const desks = new Set();
const walls = new Set();

const tell = (to, change) => {
  position += 1;
  for (const line of to) line.send({ position, ...change });
};
const put = (item, change, messages = null) => {
  Object.assign(item, change);
  tell(desks, { t: "work", item: { ...item, messages } });
};
const find = (id) => work.find((item) => item.id === id);

function answer(response, status, body) {
  const problem = status >= 400;
  response.writeHead(status, { "content-type": problem ? "application/problem+json" : "application/json" });
  response.end(body === undefined ? "" : JSON.stringify(problem ? { type: "about:blank", status, ...body } : body));
}

function gone(item) {
  work = work.filter((other) => other !== item);
  tell(desks, { t: "gone", interaction: item.id });
}

function command(item, verb, body) {
  switch (verb) {
    case "accept":
      if (item.phase !== "offered" || item.channel === "voice") return [409, { title: "Conflict", detail: "the offer is gone" }];
      put(item, { phase: "active", since: Date.now(), connected_at: Date.now(), until: null }, item.messages);
      return [200, { position }];
    case "decline":
      gone(item);
      return [200, { position }];
    case "messages": {
      const known = item.messages.find((message) => message.id === body.message);
      if (known !== undefined) return [200, { seq: known.seq, position }];
      if (body.text.includes("refuse")) return [422, { title: "Unprocessable", detail: "the text is not allowed", field: "text" }];
      const message = { id: body.message, from: "agent", agent: me.agent.display_name, text: body.text, at: Date.now(), seq: (item.messages.at(-1)?.seq ?? 0) + 1 };
      item.messages.push(message);
      tell(desks, { t: "message", interaction: item.id, message });
      return [200, { seq: message.seq, position }];
    }
    case "end":
      put(item, { phase: "wrap_up", since: Date.now(), until: Date.now() + 60_000 });
      return [200, { position }];
    case "wrap-up":
      gone(item);
      return [200, { position }];
    case "outcomes":
      put(item, { agenda: item.agenda.map((wish) => (wish.wish === body.wish ? { ...wish, outcome: body.outcome, not_before: body.not_before ?? null } : wish)) });
      return [200, { position }];
    default:
      return [404, { title: "Not Found" }];
  }
}

async function api(request, response, path, params) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  const route = `${request.method} ${path}`;
  if (route === "POST /login") {
    if (body.password === "wrong") return answer(response, 401, { title: "Unauthorized" });
    response.setHeader("set-cookie", "rapport_session=mock; HttpOnly; SameSite=Lax; Path=/");
    return answer(response, 200, me);
  }
  if (!(request.headers.cookie ?? "").includes("rapport_session=mock")) return answer(response, 401, { title: "Unauthorized" });
  if (route === "GET /me") return answer(response, 200, me);
  if (route === "POST /logout") {
    response.setHeader("set-cookie", "rapport_session=; Max-Age=0; Path=/");
    return answer(response, 204);
  }
  if (route === "POST /me/presence") {
    Object.assign(me, { presence: body, presence_since: Date.now() });
    tell(desks, { t: "me", me });
    return answer(response, 200, { position });
  }
  const customer = /^GET \/customers\/([^/]+)(?:\/(timeline|decisions|pressure))?$/u.exec(route);
  if (customer !== null) {
    if (customer[2] === "timeline") return answer(response, 200, { items: timeline(), next: null });
    if (customer[2] === "decisions") return answer(response, 200, { decisions: decisions(), next: null });
    if (customer[2] === "pressure") return answer(response, 200, pressure());
    const found = customerOf(customer[1]) ?? wishCustomer(customer[1]);
    return found === null ? answer(response, 404, { title: "Not Found" }) : answer(response, 200, found);
  }
  const policy = answerPolicy(route, body, queues);
  if (policy !== null) return answer(response, ...policy);
  const wishes = answerWishes(route, body, params);
  if (wishes !== null) return answer(response, ...wishes);
  const order = /^POST \/interactions\/([^/]+)\/([a-z-]+)$/u.exec(route);
  const item = order === null ? undefined : find(order[1]);
  if (item === undefined) return answer(response, 404, { title: "Not Found" });
  return answer(response, ...command(item, order[2], body));
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://mock");
  if (pathname.startsWith("/api/v1")) return api(request, response, pathname.slice(7), searchParams);
  if (pathname === "/mock/scene") {
    work = (searchParams.get("scene") ?? "").split(",").filter((name) => name in items).map((name) => items[name]());
    for (const line of desks) line.send({ t: "snapshot", position: ++position, me, work });
    return answer(response, 200, { work: work.length });
  }
  if (pathname === "/mock/wishes") {
    resetWishes();
    me.agent.role = searchParams.get("role") ?? "supervisor";
    return answer(response, 200, {});
  }
  if (pathname === "/mock/policy") {
    resetPolicy();
    return answer(response, 200, {});
  }
  if (pathname === "/mock/cut") {
    for (const line of [...desks, ...walls]) line.close();
    return answer(response, 200, {});
  }
  const page = { "/": "index.html", "/wallboard": "wallboard.html", "/policy": "policy.html", "/wishes": "wishes.html" }[pathname] ?? normalize(pathname).replace(/^[/\\]+/u, "");
  try {
    const file = await readFile(join(DIST, page));
    response.writeHead(200, { "content-type": TYPES[extname(page)] ?? "application/octet-stream", "content-security-policy": CSP });
    response.end(file);
  } catch {
    answer(response, 404, { title: "Not Found" });
  }
});

server.on("upgrade", (request, socket) => {
  const wall = request.url === "/api/v1/wallboard/live";
  if (!wall && request.url !== "/api/v1/desk/live") return socket.destroy();
  const line = accept(
    request,
    socket,
    (text) => {
      const { t, resume } = JSON.parse(text);
      if (t !== "hello") return;
      if (resume === position) line.send({ t: "resumed", position });
      else if (wall) line.send({ t: "snapshot", position, at: Date.now(), tenant: me.tenant, queues, agents });
      else line.send({ t: "snapshot", position, me, work });
      (wall ? walls : desks).add(line);
    },
    () => (wall ? walls : desks).delete(line),
  );
});

// A little life: somebody writes, a queue moves, an agent changes state.
let beat = 0;
const life = setInterval(() => {
  beat += 1;
  if (beat % 25 === 0) for (const line of [...desks, ...walls]) line.send({ t: "ping" });
  if (beat % 4 === 0) {
    const queue = queues[(beat / 4) % queues.length];
    if (queue.waiting > 0) Object.assign(queue, { waiting: queue.waiting - 1, answered: queue.answered + 1, longest_since: queue.waiting === 1 ? null : Date.now() - 20_000 });
    else Object.assign(queue, { waiting: 1, offered: queue.offered + 1, longest_since: Date.now() });
    tell(walls, { t: "queue", queue });
  }
  if (beat % 7 === 0) {
    const agent = agents[(beat / 7) % agents.length];
    Object.assign(agent, { state: agent.state === "ready" ? "busy" : "ready", since: Date.now(), reason: null, work: agent.state === "ready" ? [{ channel: "voice", phase: "active", since: Date.now() }] : [] });
    tell(walls, { t: "agent", agent });
  }
  const chat = work.find((item) => item.channel === "chat" && item.phase === "active");
  if (beat % 20 === 0 && chat !== undefined) {
    const message = { id: randomUUID(), from: "customer", agent: null, text: "Are you still there? 还在吗？", at: Date.now(), seq: (chat.messages.at(-1)?.seq ?? 0) + 1 };
    chat.messages.push(message);
    tell(desks, { t: "message", interaction: chat.id, message });
  }
}, 1_000);
server.on("close", () => clearInterval(life));

server.listen(Number(process.env.PORT ?? 4173), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
