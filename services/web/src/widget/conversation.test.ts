import assert from "node:assert/strict";
import { test } from "node:test";

import { type Action, Conversation } from "./conversation.ts";
import { type ClientFrame, type LineFrame, type ServerFrame } from "./protocol.ts";
import { MemoryKeys, MirroredKeys, Store } from "./store.ts";

const E1 = "00000000-0000-0000-0000-0000000000e1";
const E2 = "00000000-0000-0000-0000-0000000000e2";
let made = 0;
const ids = () => `cid-${String((made += 1)).padStart(4, "0")}`;

function browser(keys = new MemoryKeys()) {
  const store = new Store(keys, "shop");
  return { keys, store, chat: new Conversation("shop", store, ids, () => 1_000) };
}

function welcome(lines: LineFrame[] = [], epoch?: string, token?: string): ServerFrame {
  const optional = { ...(epoch === undefined ? {} : { epoch }), ...(token === undefined ? {} : { token }) };
  return { t: "welcome", closed: lines.at(-1)?.kind === "closed", lines, heartbeat: 25, ...optional };
}

function sent(actions: Action[]): ClientFrame[] {
  return actions.flatMap((action) => (action.do === "send" ? [action.frame] : []));
}

function texts(actions: Action[]): string[] {
  return sent(actions).flatMap((frame) => (frame.t === "say" ? [frame.text] : []));
}

function said(actions: Action[]): string {
  const frame = sent(actions)[0];
  assert.ok(frame?.t === "say");
  return frame.cid;
}

test("what was written without a connection is sent after the welcome, one by one and in order", () => {
  const { chat } = browser();
  assert.deepEqual(chat.say("one"), []);
  assert.deepEqual(chat.say("two"), []);
  const first = chat.receive(welcome([], undefined, "t1"));
  assert.deepEqual(texts(first), ["one"]);
  const second = chat.receive({ t: "ack", cid: said(first), epoch: E1, seq: 0 });
  assert.deepEqual(texts(second), ["two"]);
});

test("a message whose acknowledgement got lost is sent again under the same name", () => {
  const { chat } = browser();
  chat.receive(welcome([], undefined, "t1"));
  const cid = said(chat.say("hi"));
  chat.lost();
  assert.equal(said(chat.receive(welcome())), cid);
});

test("a line of the log that carries an unsent message settles it without an acknowledgement", () => {
  const { chat, store } = browser();
  chat.receive(welcome([], undefined, "t1"));
  const cid = said(chat.say("hi"));
  chat.lost();
  const actions = chat.receive(welcome([{ seq: 0, at: 1, kind: "visitor", cid, text: "hi" }], E1));
  assert.deepEqual(texts(actions), []);
  assert.equal(chat.pending.length, 0);
  assert.deepEqual(store.outbox(), []);
  assert.equal(chat.lines.length, 1);
});

test("a reload keeps the token and the outbox and nothing of what was said", () => {
  const { keys, chat } = browser();
  chat.receive(welcome([{ seq: 0, at: 1, kind: "agent", id: "a", agent: "Anna", text: "secret" }], E1, "t1"));
  chat.say("first");
  chat.say("second");
  const { chat: again } = browser(keys);
  assert.deepEqual(again.hello(), { t: "hello", site: "shop", token: "t1" });
  assert.deepEqual(again.pending.map((message) => message.text), ["first", "second"]);
  const everything = Array.from({ length: keys.length }, (_, i) => keys.getItem(keys.key(i) ?? "")).join();
  assert.ok(!everything.includes("secret"));
});

test("after a break the client asks for what follows the last line the log gave, not the last acknowledgement", () => {
  const { chat } = browser();
  chat.receive(welcome([{ seq: 1, at: 1, kind: "waiting" }], E1, "t1"));
  const cid = said(chat.say("hi"));
  chat.receive({ t: "ack", cid, epoch: E1, seq: 5 });
  chat.lost();
  assert.deepEqual(chat.hello(), { t: "hello", site: "shop", token: "t1", epoch: E1, after: 1 });
  chat.receive(welcome([
    { seq: 3, at: 1, kind: "agent", id: "a", agent: "Anna", text: "hello" },
    { seq: 5, at: 1, kind: "visitor", cid, text: "hi" },
  ], E1));
  assert.deepEqual(chat.lines.map((line) => line.seq), [1, 3, 5]);
});

test("a line that comes twice is shown once", () => {
  const { chat } = browser();
  const line: LineFrame = { seq: 2, at: 1, kind: "agent", id: "a", agent: "Anna", text: "hello" };
  chat.receive(welcome([line], E1, "t1"));
  chat.receive({ t: "line", epoch: E1, ...line });
  assert.equal(chat.lines.length, 1);
});

test("a new conversation follows the old one on the page and is resumed by its own places", () => {
  const { chat } = browser();
  chat.receive(welcome([{ seq: 8, at: 1, kind: "closed" }], E1, "t1"));
  assert.equal(chat.open, false);
  const cid = said(chat.say("again"));
  chat.receive({ t: "ack", cid, epoch: E2, seq: 1 });
  assert.equal(chat.open, true);
  chat.receive({ t: "resync", epoch: E2 });
  assert.deepEqual(chat.hello(), { t: "hello", site: "shop", token: "t1", epoch: E2 });
  chat.receive({ t: "line", epoch: E2, seq: 0, at: 1, kind: "waiting" });
  assert.deepEqual(chat.lines.map((line) => [line.epoch, line.seq]), [[E1, 8], [E2, 0], [E2, 1]]);
});

test("a refusal for now is followed by growing waits and nothing overtakes the message", () => {
  const { chat } = browser();
  chat.receive(welcome([], undefined, "t1"));
  const cid = said(chat.say("one"));
  const refused: ServerFrame = { t: "refused", cid, code: "busy", message: "", retry: true };
  assert.deepEqual(chat.receive(refused), [{ do: "wait", ms: 1_000 }]);
  assert.deepEqual(chat.say("two"), []);
  assert.equal(said(chat.retry()), cid);
  assert.deepEqual(chat.receive(refused), [{ do: "wait", ms: 2_000 }]);
});

test("a refusal for good is shown and does not hold up what comes after it", () => {
  const { chat, store } = browser();
  chat.receive(welcome([], undefined, "t1"));
  const cid = said(chat.say("far too long"));
  chat.say("short");
  const actions = chat.receive({ t: "refused", cid, code: "too_long", message: "", retry: false });
  assert.deepEqual(texts(actions), ["short"]);
  assert.equal(chat.pending[0]?.failed, "too_long");
  assert.deepEqual(store.outbox().map((message) => message.text), ["short"]);
  chat.discard(cid);
  assert.deepEqual(chat.pending.map((message) => message.text), ["short"]);
});

test("two tabs that start together end up as one visitor", () => {
  const { keys, chat: first } = browser();
  const { chat: second } = browser(keys);
  first.receive(welcome([], undefined, "t1"));
  assert.deepEqual(second.receive(welcome([], undefined, "t2")), [{ do: "restart" }]);
  second.lost();
  assert.deepEqual(second.hello(), { t: "hello", site: "shop", token: "t1" });
});

test("two tabs do not overwrite each other's unsent messages", () => {
  const { keys, chat: first } = browser();
  const { chat: second } = browser(keys);
  first.say("from the first");
  second.say("from the second");
  const { chat: later } = browser(keys);
  assert.deepEqual(later.pending.map((message) => message.text), ["from the first", "from the second"]);
});

test("without storage of its own the iframe carries on with what the host page kept", () => {
  const kept = new Map<string, string>();
  const mirrored = () =>
    new MirroredKeys(Object.fromEntries(kept), (name, value) => {
      if (value === null) kept.delete(name);
      else kept.set(name, value);
    });
  const { chat } = browser(mirrored());
  chat.receive(welcome([], undefined, "t1"));
  const cid = said(chat.say("one"));
  chat.say("two");
  chat.receive({ t: "ack", cid, epoch: E1, seq: 0 });
  const { chat: again } = browser(mirrored());
  assert.deepEqual(again.hello(), { t: "hello", site: "shop", token: "t1" });
  assert.deepEqual(again.pending.map((message) => message.text), ["two"]);
});

test("a token the server does not know is forgotten, a page that is not allowed stays away", () => {
  const { chat, store } = browser();
  store.token = "old";
  assert.deepEqual(chat.receive({ t: "refused", code: "bad_token", message: "", retry: false }), [{ do: "restart" }]);
  assert.equal(store.token, null);
  const barred: ServerFrame = { t: "refused", code: "origin", message: "", retry: false };
  assert.deepEqual(chat.receive(barred), [{ do: "stop", code: "origin" }]);
});

test("what an agent wrote is unread until it was in view, also after a reload", () => {
  const { keys, chat } = browser();
  const line = (seq: number): LineFrame => ({ seq, at: 1, kind: "agent", id: `a${seq}`, agent: "Anna", text: "hello" });
  chat.receive(welcome([line(1), line(2)], E1, "t1"));
  assert.equal(chat.unread, 2);
  chat.markRead();
  chat.receive({ t: "line", epoch: E1, ...line(4) });
  assert.equal(chat.unread, 1);
  const { chat: again } = browser(keys);
  again.receive(welcome([line(1), line(2), line(4)], E1));
  assert.equal(again.unread, 1);
});

test("a sign of life is answered", () => {
  const { chat } = browser();
  assert.deepEqual(chat.receive({ t: "ping" }), [{ do: "send", frame: { t: "pong" } }]);
});

test("however often the connection breaks, every message is stored once and in order", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    let state = seed;
    const chance = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const keys = new MemoryKeys();
    let { chat } = browser(keys);
    const stored: { cid: string; text: string }[] = [];
    const wanted: string[] = [];
    let up: ClientFrame[] = [];
    let down: ServerFrame[] = [];
    let online = false;
    const serve = (frame: ClientFrame) => {
      const lines = () => stored.map((m, seq): LineFrame => ({ seq, at: 1, kind: "visitor", ...m }));
      if (frame.t === "hello") {
        const token = frame.token === undefined ? "t" : undefined;
        const after = frame.epoch === E1 ? (frame.after ?? -1) : -1;
        down.push(welcome(lines().filter((l) => l.seq > after), stored.length > 0 ? E1 : undefined, token));
      } else if (frame.t === "say") {
        let seq = stored.findIndex((m) => m.cid === frame.cid);
        if (seq < 0) seq = stored.push({ cid: frame.cid, text: frame.text }) - 1;
        down.push({ t: "ack", cid: frame.cid, epoch: E1, seq });
        if (chance() < 0.5) down.push({ t: "line", epoch: E1, ...lines()[seq]! });
      }
    };
    const turn = (roll: number) => {
      if (!online) {
        online = true;
        up = [chat.hello()];
      } else if (roll < 0.45) {
        const frame = up.shift();
        if (frame) serve(frame);
      } else {
        const frame = down.shift();
        if (frame) up.push(...sent(chat.receive(frame)));
      }
    };
    for (let step = 0; step < 120; step += 1) {
      const roll = chance();
      if (roll < 0.15) {
        wanted.push(`m${wanted.length}`);
        up.push(...sent(chat.say(wanted.at(-1)!)));
      } else if (roll < 0.22) {
        [online, up, down] = [false, [], []];
        chat.lost();
        if (chance() < 0.4) ({ chat } = browser(keys)); // the visitor reloads the page
      } else turn(chance());
    }
    for (let step = 0; step < 2_000; step += 1) turn(step % 2);
    assert.deepEqual(stored.map((m) => m.text), wanted, `seed ${seed}`);
    assert.equal(chat.pending.length, 0, `seed ${seed}`);
    assert.deepEqual(chat.lines.map((l) => (l.kind === "visitor" ? l.text : "")), wanted, `seed ${seed}`);
  }
});
