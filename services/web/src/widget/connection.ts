// Keeps one WebSocket to the hub while the page lives: connects, notices silence, comes back with growing pauses.

import { type Action, type Conversation } from "./conversation.ts";
import { parseFrame, SUBPROTOCOL } from "./protocol.ts";

export type Status = "connecting" | "online" | "offline" | "refused";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** The pause before attempt `n` (from 0): doubles up to half a minute, and half of it is chance, so that a thousand
 * browsers do not come back in the same moment. */
export function pauseBefore(attempt: number, chance: number): number {
  const whole = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  return whole / 2 + (whole / 2) * chance;
}

export class Connection {
  readonly #url: string;
  readonly #conversation: Conversation;
  readonly #changed: (status: Status) => void;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #comeBack = 0;
  #watchdog = 0;
  #retry = 0;
  #stopped = false;
  #status: Status = "connecting";

  constructor(url: string, conversation: Conversation, changed: (status: Status) => void) {
    this.#url = url;
    this.#conversation = conversation;
    this.#changed = changed;
  }

  start(): void {
    window.addEventListener("online", () => this.#connectNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#connectNow();
    });
    this.#connect();
  }

  perform(actions: Action[]): void {
    for (const action of actions) {
      switch (action.do) {
        case "send":
          if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(action.frame));
          break;
        case "restart":
          this.#drop();
          this.#connect();
          return;
        case "wait":
          clearTimeout(this.#retry);
          this.#retry = window.setTimeout(() => this.perform(this.#conversation.retry()), action.ms);
          break;
        case "stop":
          this.#stopped = true;
          this.#drop();
          this.#tell("refused");
          return;
      }
    }
  }

  /** The network or the visitor is back: do not sit out the pause. */
  #connectNow(): void {
    if (this.#socket === null && !this.#stopped) {
      clearTimeout(this.#comeBack);
      this.#connect();
    }
  }

  #connect(): void {
    this.#tell("connecting");
    const socket = new WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    this.#listenFor(20_000);
    socket.onopen = () => socket.send(JSON.stringify(this.#conversation.hello()));
    socket.onmessage = (event: MessageEvent) => {
      if (this.#socket !== socket) return;
      this.#listenFor(this.#conversation.heartbeat * 2_500);
      const frame = typeof event.data === "string" ? parseFrame(event.data) : null;
      if (frame === null) return;
      this.perform(this.#conversation.receive(frame));
      if (this.#socket !== socket) return; // it was told to restart or to stop
      if (frame.t === "welcome") {
        this.#attempt = 0;
        this.#status = "online";
      }
      this.#changed(this.#status);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#pause();
    };
  }

  #listenFor(ms: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = window.setTimeout(() => this.#pause(), ms);
  }

  #pause(): void {
    this.#drop();
    if (this.#stopped) return;
    const ms = pauseBefore(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#comeBack = window.setTimeout(() => this.#connect(), ms);
    this.#tell("offline");
  }

  #tell(status: Status): void {
    this.#status = status;
    this.#changed(status);
  }

  #drop(): void {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    clearTimeout(this.#comeBack);
    const socket = this.#socket;
    this.#socket = null;
    this.#conversation.lost();
    socket?.close();
  }
}
