// What the browser keeps between page loads: the visitor's token, what is not sent yet, and how far was read. What was
// said stays on the server.

import { PREFIX } from "./bridge.ts";

export interface Outgoing {
  cid: string;
  text: string;
  /** When it was written, in milliseconds since 1970. */
  at: number;
}

export interface Seen {
  epoch: string;
  seq: number;
}

/** The part of `localStorage` that is used, so that tests and browsers without storage bring their own. */
export interface Keys {
  readonly length: number;
  key(index: number): string | null;
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export class MemoryKeys implements Keys {
  readonly #held = new Map<string, string>();
  get length(): number {
    return this.#held.size;
  }
  key(index: number): string | null {
    return [...this.#held.keys()][index] ?? null;
  }
  getItem(name: string): string | null {
    return this.#held.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.#held.set(name, value);
  }
  removeItem(name: string): void {
    this.#held.delete(name);
  }
}

/** The iframe's own storage; `null` where the browser gives none to an iframe of another site. */
export function browserKeys(): Keys | null {
  try {
    const probe = `${PREFIX}probe`;
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return null;
  }
}

/** Memory that starts with what was kept elsewhere and passes every change on. */
export class MirroredKeys extends MemoryKeys {
  readonly #keep: (name: string, value: string | null) => void;

  constructor(entries: Record<string, string>, keep: (name: string, value: string | null) => void) {
    super();
    for (const [name, value] of Object.entries(entries)) super.setItem(name, String(value));
    this.#keep = keep;
  }
  override setItem(name: string, value: string): void {
    super.setItem(name, value);
    this.#keep(name, value);
  }
  override removeItem(name: string): void {
    if (this.getItem(name) === null) return;
    super.removeItem(name);
    this.#keep(name, null);
  }
}

/** One site's share of the storage. Every unsent message has a key of its own, so tabs do not overwrite each other. */
export class Store {
  readonly #keys: Keys;
  readonly #prefix: string;

  constructor(keys: Keys, site: string) {
    this.#keys = keys;
    this.#prefix = `${PREFIX}${site}.`;
  }

  get token(): string | null {
    return this.#keys.getItem(`${this.#prefix}token`);
  }

  set token(token: string | null) {
    if (token === null) this.#keys.removeItem(`${this.#prefix}token`);
    else this.#write("token", token);
  }

  get seen(): Seen | null {
    return this.#read<Seen>("seen");
  }

  set seen(seen: Seen) {
    this.#write("seen", JSON.stringify(seen));
  }

  /** What is not acknowledged, oldest first. */
  outbox(): Outgoing[] {
    const start = `${this.#prefix}out.`;
    const found: Outgoing[] = [];
    for (let index = 0; index < this.#keys.length; index += 1) {
      const name = this.#keys.key(index);
      if (name?.startsWith(start)) {
        const message = this.#read<Outgoing>(name.slice(this.#prefix.length));
        if (message) found.push(message);
      }
    }
    return found.sort((a, b) => a.at - b.at || (a.cid < b.cid ? -1 : 1));
  }

  keep(message: Outgoing): void {
    this.#write(`out.${message.cid}`, JSON.stringify(message));
  }

  forget(cid: string): void {
    this.#keys.removeItem(`${this.#prefix}out.${cid}`);
  }

  #write(name: string, value: string): void {
    try {
      this.#keys.setItem(this.#prefix + name, value);
    } catch {
      // Storage is full: the page still holds it, only a reload would lose what is unsent.
    }
  }

  #read<T>(name: string): T | null {
    try {
      return JSON.parse(this.#keys.getItem(this.#prefix + name) ?? "null") as T | null;
    } catch {
      return null;
    }
  }
}
