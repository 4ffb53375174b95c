// The visitor's side of the protocol without a socket: what is said, what is still to be sent, what to ask for after a
// break. A message stays in the outbox until the server says that it is on disk; one is in flight at a time, which
// keeps the order.

import { type ClientFrame, type Line, type LineFrame, type ServerFrame } from "./protocol.ts";
import { type Outgoing, type Store } from "./store.ts";

/** What the connection must do. */
export type Action =
  | { do: "send"; frame: ClientFrame }
  /** Say hello again on a new connection, at once. */
  | { do: "restart" }
  /** Call `retry` in so many milliseconds. */
  | { do: "wait"; ms: number }
  /** This page will never be let in; do not come back. */
  | { do: "stop"; code: string };

export interface Pending extends Outgoing {
  /** Why the server will never take it, when that is so. */
  failed: string | null;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_LONGEST_MS = 30_000;

export class Conversation {
  readonly #site: string;
  readonly #store: Store;
  readonly #ids: () => string;
  readonly #now: () => number;
  #epochs: string[] = [];
  #lines = new Map<string, Line>();
  #pending: Pending[];
  #after: number | null = null;
  #inFlight: string | null = null;
  #welcomed = false;
  #refusals = 0;
  #holding = false;
  #closed = false;
  /** Seconds between signs of life, as the server wants it. */
  heartbeat = 25;

  constructor(site: string, store: Store, ids: () => string, now: () => number) {
    this.#site = site;
    this.#store = store;
    this.#ids = ids;
    this.#now = now;
    this.#pending = store.outbox().map((message) => ({ ...message, failed: null }));
  }

  /** Everything said, in order; earlier conversations of this page first. */
  get lines(): Line[] {
    const rank = new Map(this.#epochs.map((epoch, index) => [epoch, index]));
    const order = (line: Line) => rank.get(line.epoch) ?? 0;
    return [...this.#lines.values()].sort((a, b) => order(a) - order(b) || a.seq - b.seq);
  }

  get pending(): readonly Pending[] {
    return this.#pending;
  }

  /** There is a conversation and it is not over. */
  get open(): boolean {
    return this.#epochs.length > 0 && !this.#closed;
  }

  /** Agents' lines that were not read yet. */
  get unread(): number {
    const seen = this.#store.seen;
    const past = seen ? this.#epochs.indexOf(seen.epoch) : -1;
    return this.lines.filter((line) => {
      if (line.kind !== "agent") return false;
      const at = this.#epochs.indexOf(line.epoch);
      return at > past || (at === past && line.seq > (seen?.seq ?? -1));
    }).length;
  }

  /** The visitor has everything in view. */
  markRead(): void {
    const last = this.lines.at(-1);
    if (last) this.#store.seen = { epoch: last.epoch, seq: last.seq };
  }

  /** The first frame on a new connection. */
  hello(): ClientFrame {
    const token = this.#store.token;
    const epoch = this.#epochs.at(-1);
    return {
      t: "hello",
      site: this.#site,
      ...(token === null ? {} : { token }),
      ...(epoch === undefined ? {} : { epoch }),
      ...(epoch === undefined || this.#after === null ? {} : { after: this.#after }),
    };
  }

  /** The connection is gone; whatever was in flight will be sent again. */
  lost(): void {
    this.#welcomed = false;
    this.#inFlight = null;
    this.#holding = false;
  }

  /** The visitor wrote. The text is kept before it is sent. */
  say(text: string): Action[] {
    const trimmed = text.trim();
    if (trimmed === "") return [];
    // Later than everything before it, even within one millisecond or when the clock was set back.
    const at = Math.max(this.#now(), (this.#pending.at(-1)?.at ?? 0) + 1);
    const message: Pending = { cid: this.#ids(), text: trimmed, at, failed: null };
    this.#pending.push(message);
    this.#store.keep({ cid: message.cid, text: message.text, at: message.at });
    return this.#next();
  }

  /** The visitor gives up a message that was refused. */
  discard(cid: string): void {
    this.#drop(cid);
  }

  /** The visitor ends the conversation. */
  leave(): Action[] {
    return this.#welcomed && this.open ? [{ do: "send", frame: { t: "leave" } }] : [];
  }

  /** The wait that was asked for is over. */
  retry(): Action[] {
    this.#holding = false;
    return this.#next();
  }

  receive(frame: ServerFrame): Action[] {
    switch (frame.t) {
      case "welcome":
        return this.#welcome(frame);
      case "line":
        this.#follow(frame.epoch);
        return this.#add(frame);
      case "ack":
        return this.#acknowledged(frame.cid, frame.epoch, frame.seq);
      case "refused":
        return this.#refused(frame);
      case "resync":
        this.#follow(frame.epoch);
        return [];
      case "ping":
        return [{ do: "send", frame: { t: "pong" } }];
    }
  }

  #welcome(frame: Extract<ServerFrame, { t: "welcome" }>): Action[] {
    if (frame.token !== undefined) {
      // Another tab may have been given a token in the same moment; one browser shall be one visitor.
      if (this.#store.token !== null) return [{ do: "restart" }];
      this.#store.token = frame.token;
    }
    this.#welcomed = true;
    this.heartbeat = frame.heartbeat;
    const actions: Action[] = [];
    if (frame.epoch !== undefined) {
      this.#follow(frame.epoch);
      for (const line of frame.lines) actions.push(...this.#add({ epoch: frame.epoch, ...line }));
      this.#closed = frame.closed;
    }
    return [...actions, ...this.#next()];
  }

  #follow(epoch: string): void {
    if (this.#epochs.at(-1) === epoch) return;
    this.#epochs = [...this.#epochs.filter((known) => known !== epoch), epoch];
    this.#after = null;
    this.#closed = false;
  }

  #add(line: { epoch: string } & LineFrame): Action[] {
    // Only what the log gave moves the place to resume from: an acknowledgement may run ahead of others' lines.
    if (line.epoch === this.#epochs.at(-1)) this.#after = Math.max(this.#after ?? -1, line.seq);
    this.#lines.set(`${line.epoch}/${line.seq}`, line);
    if (line.kind === "closed") this.#closed = true;
    if (line.kind !== "visitor") return [];
    // In the log means on disk, whichever tab or connection brought it there.
    this.#drop(line.cid);
    return this.#next();
  }

  #acknowledged(cid: string, epoch: string, seq: number): Action[] {
    const message = this.#pending.find((pending) => pending.cid === cid);
    if (message && !this.#lines.has(`${epoch}/${seq}`)) {
      if (!this.#epochs.includes(epoch)) this.#follow(epoch);
      const line: Line = { epoch, seq, at: message.at, kind: "visitor", cid, text: message.text };
      this.#lines.set(`${epoch}/${seq}`, line);
    }
    this.#refusals = 0;
    this.#drop(cid);
    return this.#next();
  }

  #refused(frame: Extract<ServerFrame, { t: "refused" }>): Action[] {
    if (frame.cid === undefined) {
      if (frame.code === "bad_token") {
        this.#store.token = null;
        return [{ do: "restart" }];
      }
      return frame.code === "unknown_site" || frame.code === "origin" ? [{ do: "stop", code: frame.code }] : [];
    }
    if (this.#inFlight === frame.cid) this.#inFlight = null;
    if (frame.retry) {
      const ms = Math.min(RETRY_FIRST_MS * 2 ** this.#refusals, RETRY_LONGEST_MS);
      this.#refusals += 1;
      this.#holding = true;
      return [{ do: "wait", ms }];
    }
    const message = this.#pending.find((pending) => pending.cid === frame.cid);
    if (message) message.failed = frame.code;
    this.#store.forget(frame.cid);
    return this.#next();
  }

  #drop(cid: string): void {
    this.#pending = this.#pending.filter((pending) => pending.cid !== cid);
    this.#store.forget(cid);
    if (this.#inFlight === cid) this.#inFlight = null;
  }

  #next(): Action[] {
    if (!this.#welcomed || this.#inFlight !== null || this.#holding) return [];
    const message = this.#pending.find((pending) => pending.failed === null);
    if (!message) return [];
    this.#inFlight = message.cid;
    return [{ do: "send", frame: { t: "say", cid: message.cid, text: message.text } }];
  }
}
