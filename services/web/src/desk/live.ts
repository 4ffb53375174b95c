import { api } from "../shared/api.ts";
import { LiveSocket, browserSurroundings } from "../shared/live.ts";
import type { DeskFrame } from "../shared/model.ts";
import { desk, line, receive } from "./store.ts";

// The desk's one line to the hub.

let socket: LiveSocket<DeskFrame> | null = null;
const whenLive: (() => void)[] = [];

/** Called whenever the line is up again: messages that wait may go. */
export function onLive(react: () => void): void {
  whenLive.push(react);
}

export function connect(): void {
  if (socket !== null) return;
  socket = new LiveSocket<DeskFrame>(browserSurroundings("/api/v1/desk/live"), {
    resume: () => desk.value.position,
    frame: receive,
    line: (next) => {
      line.value = next;
      if (next.state === "live") for (const react of whenLive) react();
    },
    // A 401 here ends the session through the API client; anything else is the line, which is tried again anyway.
    refused: () => void api.me().catch(() => {}),
  });
  socket.start();
}

export function disconnect(): void {
  socket?.stop();
  socket = null;
}

export function reconnectNow(): void {
  socket?.hurry();
}
