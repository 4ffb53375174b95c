// What the loader in the host page and the conversation in the iframe tell each other. Both sides name the other's
// exact origin when they send, and check window and origin when they receive.

export type FromFrame =
  | { rapport: "chat"; type: "ready" }
  | { rapport: "chat"; type: "close" }
  | { rapport: "chat"; type: "unread"; count: number }
  /** The browser gives the iframe no storage: what did the host page keep for it? */
  | { rapport: "chat"; type: "recall" }
  /** Keep this, or forget it when there is no value. */
  | { rapport: "chat"; type: "keep"; name: string; value: string | null };

export type FromHost =
  | { rapport: "chat"; type: "opened" }
  | { rapport: "chat"; type: "closed" }
  | { rapport: "chat"; type: "kept"; entries: Record<string, string> };

/** Every name under which the widget keeps something starts with this. */
export const PREFIX = "rapport.chat.";

/** Whether a message is one of ours; who sent it has to be checked apart from this. */
export function isOurs(data: unknown): data is { rapport: "chat"; type: string } {
  return typeof data === "object" && data !== null && "rapport" in data && data.rapport === "chat";
}
