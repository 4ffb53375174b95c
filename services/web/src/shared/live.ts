import { backoff } from "./backoff.ts";

// One WebSocket that keeps coming back. The first frame names the last position seen, so the hub sends what was missed,
// or everything anew when that is shorter. The hub pings every 25 s: silence for longer than a ping and a half is a dead line
// that TCP has not noticed yet.

const SILENCE_MS = 40_000;

export type Line =
  | { state: "connecting" }
  | { state: "live" }
  /** The next attempt is made at `retryAt`, in this machine's milliseconds since 1970. */
  | { state: "waiting"; retryAt: number }
  | { state: "closed" };

/** The part of a WebSocket that is used, so that tests bring their own. */
export interface Wire {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

export interface Surroundings {
  connect(): Wire;
  now(): number;
  random(): number;
  later(work: () => void, ms: number): unknown;
  cancel(timer: unknown): void;
}

export interface Listener<Frame> {
  /** The last position seen, or null to be told everything. */
  resume(): number | null;
  frame(frame: Frame): void;
  line(line: Line): void;
  /** The line broke before it carried anything: perhaps the session is over. */
  refused(): void;
}

export class LiveSocket<Frame extends { t: string }> {
  readonly #around: Surroundings;
  readonly #listener: Listener<Frame>;
  #wire: Wire | null = null;
  #attempt = 0;
  #timer: unknown = null;
  #silence: unknown = null;
  #stopped = true;

  constructor(around: Surroundings, listener: Listener<Frame>) {
    this.#around = around;
    this.#listener = listener;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  /** Try at once instead of waiting: the network is back, or somebody asks. */
  hurry(): void {
    if (this.#stopped || this.#wire !== null) return;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
    this.#listener.line({ state: "closed" });
  }

  #connect(): void {
    this.#around.cancel(this.#timer);
    this.#listener.line({ state: "connecting" });
    const wire = this.#around.connect();
    this.#wire = wire;
    let heard = false;
    this.#listen();
    wire.onopen = () => wire.send(JSON.stringify({ t: "hello", resume: this.#listener.resume() }));
    wire.onclose = () => this.#broken(heard);
    wire.onmessage = (event) => {
      const frame = read(event.data);
      if (frame === null) return;
      this.#listen();
      if (frame.t === "ping") {
        wire.send('{"t":"pong"}');
        return;
      }
      if (!heard) {
        heard = true;
        this.#attempt = 0;
        this.#listener.line({ state: "live" });
      }
      this.#listener.frame(frame as Frame);
    };
  }

  #listen(): void {
    this.#around.cancel(this.#silence);
    this.#silence = this.#around.later(() => this.#broken(true), SILENCE_MS);
  }

  #drop(): void {
    this.#around.cancel(this.#timer);
    this.#around.cancel(this.#silence);
    const wire = this.#wire;
    this.#wire = null;
    if (wire === null) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close();
  }

  #broken(heard: boolean): void {
    this.#drop();
    if (this.#stopped) return;
    const wait = backoff(this.#attempt++, this.#around.random());
    this.#listener.line({ state: "waiting", retryAt: this.#around.now() + wait });
    this.#timer = this.#around.later(() => this.#connect(), wait);
    if (!heard) this.#listener.refused();
  }
}

function read(data: unknown): { t: string } | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "t" in frame && typeof frame.t === "string"
      ? (frame as { t: string })
      : null;
  } catch {
    return null;
  }
}

/** The browser's own: `path` is on the page's origin. */
export function browserSurroundings(path: string): Surroundings {
  const address = new URL(path, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return {
    connect: () => new WebSocket(address) as unknown as Wire,
    now: () => Date.now(),
    random: () => Math.random(),
    later: (work, ms) => setTimeout(work, ms),
    cancel: (timer) => clearTimeout(timer as number | undefined),
  };
}
