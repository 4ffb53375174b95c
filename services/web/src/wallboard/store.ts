import { signal } from "@preact/signals";
import { Problem, api, onSignedOut } from "../shared/api.ts";
import { hubTime, noticeHubTime } from "../shared/clock.ts";
import { LiveSocket, type Line, browserSurroundings } from "../shared/live.ts";
import { watchNetwork } from "../shared/line.ts";
import type { WallFrame } from "../shared/model.ts";
import { NOTHING, type WallState, apply } from "./state.ts";

export const wall = signal<WallState>(NOTHING);
export const line = signal<Line>({ state: "connecting" });
/** When the hub last said something: what is shown was true then. */
export const heardAt = signal<number | null>(null);

function toLogin(): void {
  location.replace("/?return=/wallboard");
}

const socket = new LiveSocket<WallFrame>(browserSurroundings("/api/v1/wallboard/live"), {
  resume: () => wall.value.position,
  frame: (frame) => {
    if (frame.t === "snapshot") noticeHubTime(frame.at);
    wall.value = apply(wall.value, frame);
    heardAt.value = hubTime();
  },
  line: (next) => (line.value = next),
  refused: () => void api.me().catch(() => {}),
});

export function reconnectNow(): void {
  socket.hurry();
}

/** Asks who is logged in before the line is opened: a wall without a session goes to the log-in page. */
export async function start(): Promise<void> {
  onSignedOut(toLogin);
  watchNetwork(reconnectNow);
  await api.me().catch((problem: unknown) => {
    if (problem instanceof Problem && problem.status === 401) throw problem;
  });
  socket.start();
}
