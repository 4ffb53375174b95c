// The frames of `rapport.chat.v1`; adapters/web-chat writes down what they mean.

export const SUBPROTOCOL = "rapport.chat.v1";
/** Longest text of one message, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 8 * 1024;

export type LineBody =
  | { kind: "visitor"; cid: string; text: string }
  | { kind: "agent"; id: string; agent: string; text: string }
  | { kind: "waiting" }
  | { kind: "joined"; agent: string }
  | { kind: "closed" };

export type LineFrame = { seq: number; at: number } & LineBody;
export type Line = { epoch: string } & LineFrame;

export type ClientFrame =
  | { t: "hello"; site: string; token?: string; epoch?: string; after?: number }
  | { t: "say"; cid: string; text: string }
  | { t: "leave" }
  | { t: "pong" };

export type ServerFrame =
  | { t: "welcome"; token?: string; epoch?: string; closed: boolean; lines: LineFrame[]; heartbeat: number }
  | ({ t: "line" } & Line)
  | { t: "ack"; cid: string; epoch: string; seq: number }
  | { t: "refused"; cid?: string; code: string; message: string; retry: boolean }
  | { t: "resync"; epoch: string }
  | { t: "ping" };

const KINDS = new Set(["welcome", "line", "ack", "refused", "resync", "ping"]);

/** Reads a frame; `null` for what this version does not know. */
export function parseFrame(text: string): ServerFrame | null {
  try {
    const value: unknown = JSON.parse(text);
    const known = typeof value === "object" && value !== null && "t" in value && KINDS.has(String(value.t));
    return known ? (value as ServerFrame) : null;
  } catch {
    return null;
  }
}
