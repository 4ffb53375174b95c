// What the loader in the host page and the conversation in the iframe tell each other. Both sides name the other's
// exact origin when they send, and check window and origin when they receive.

export type FromFrame =
  | { rapport: "chat"; type: "ready" }
  | { rapport: "chat"; type: "close" }
  | { rapport: "chat"; type: "unread"; count: number };

export type FromHost = { rapport: "chat"; type: "opened" } | { rapport: "chat"; type: "closed" };

/** Whether a message is one of ours; who sent it has to be checked apart from this. */
export function isOurs(data: unknown): data is { rapport: "chat"; type: string } {
  return typeof data === "object" && data !== null && "rapport" in data && data.rapport === "chat";
}
