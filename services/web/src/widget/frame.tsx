// The page inside the iframe: finds out which site it serves and where the hub's chat listens, then shows the
// conversation.

import { render } from "preact";
import { signal } from "@preact/signals";

import { Connection, type Status } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { isOurs, type FromFrame, type FromHost } from "./bridge.ts";
import { browserKeys, type Keys, MemoryKeys, MirroredKeys, Store } from "./store.ts";
import { textsFor } from "./texts.ts";
import { Chat, type View } from "./chat.tsx";
import "./frame.css";

const query = new URLSearchParams(location.search);
const hash = new URLSearchParams(location.hash.slice(1));
const site = query.get("site") ?? hash.get("site") ?? "";
const host = hash.get("host");
const { lang, texts } = textsFor(hash.get("lang") ?? navigator.language);
document.documentElement.lang = lang;
document.title = texts.title;

/** A UUID also where the page is served without TLS, as on a laptop: `randomUUID` is missing there. */
function freshId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}

const embedded = window.parent !== window && host !== null;
const keys = browserKeys() ?? (embedded ? await hostKeys() : new MemoryKeys());
const conversation = new Conversation(site, new Store(keys, site), freshId, Date.now);
const status = signal<Status>("connecting");
const visible = signal(!embedded);
const view = signal<View>(look());
let connection: Connection | null = null;

/** What the host page kept for this site; it answers at once, and one that does not has nothing to say. */
function hostKeys(): Promise<Keys> {
  return new Promise((resolve) => {
    const settle = (entries: Record<string, string>) => {
      clearTimeout(late);
      window.removeEventListener("message", hear);
      resolve(new MirroredKeys(entries, (name, value) => tell({ rapport: "chat", type: "keep", name, value })));
    };
    const hear = (event: MessageEvent<unknown>) => {
      if (event.source !== window.parent || event.origin !== host || !isOurs(event.data)) return;
      const message = event.data as FromHost;
      if (message.type === "kept") settle(message.entries);
    };
    const late = setTimeout(() => settle({}), 2_000);
    window.addEventListener("message", hear);
    tell({ rapport: "chat", type: "recall" });
  });
}

function look(): View {
  return {
    lines: conversation.lines,
    pending: [...conversation.pending],
    status: status.peek(),
    open: conversation.open,
    visible: visible.peek(),
  };
}

function refresh(): void {
  if (visible.peek() && document.visibilityState === "visible") conversation.markRead();
  view.value = look();
  tell({ rapport: "chat", type: "unread", count: conversation.unread });
}

function tell(message: FromFrame): void {
  if (embedded) window.parent.postMessage(message, host);
}

window.addEventListener("message", (event: MessageEvent<unknown>) => {
  if (event.source !== window.parent || event.origin !== host || !isOurs(event.data)) return;
  const message = event.data as FromHost;
  if (message.type === "kept") return;
  visible.value = message.type === "opened";
  refresh();
});
document.addEventListener("visibilitychange", refresh);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) tell({ rapport: "chat", type: "close" });
});

/** Where the chat listens. The hub may be starting: asked again until it answers. */
async function address(): Promise<string> {
  for (let wait = 1_000; ; wait = Math.min(wait * 2, 30_000)) {
    try {
      const response = await fetch("/widget/config.json", { cache: "no-store" });
      const config: unknown = await response.json();
      if (typeof config === "object" && config !== null && "chat" in config && typeof config.chat === "string") {
        return config.chat;
      }
    } catch {
      // Not reachable, or not JSON: the banner says so.
    }
    status.value = "offline";
    refresh();
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

render(
  <Chat
    view={view}
    texts={texts}
    lang={lang}
    embedded={embedded}
    say={(text) => {
      const actions = conversation.say(text);
      connection?.perform(actions);
      refresh();
    }}
    discard={(cid) => {
      conversation.discard(cid);
      refresh();
    }}
    leave={() => connection?.perform(conversation.leave())}
    close={() => tell({ rapport: "chat", type: "close" })}
  />,
  document.getElementById("chat")!,
);
tell({ rapport: "chat", type: "ready" });
refresh();
connection = new Connection(await address(), conversation, (now) => {
  status.value = now;
  refresh();
});
connection.start();
