import { noticeHubTime } from "./clock.ts";
import type { Customer, Decision, Me, Outcome, Presence, Pressure, TimelineItem } from "./model.ts";

/** A request that did not succeed. Status 0: the hub was not reached. */
export class Problem extends Error {
  readonly status: number;
  readonly detail: string | null;
  /** The part of the request that is wrong. */
  readonly field: string | null;
  /** Seconds to wait, from Retry-After. */
  readonly retryAfter: number | null;
  /** The hub's word for what is wrong, such as `four_eyes`. */
  readonly code: string | null;

  constructor(status: number, title: string, detail: string | null, field: string | null, retryAfter: number | null, code: string | null = null) {
    super(title);
    this.status = status;
    this.detail = detail;
    this.field = field;
    this.retryAfter = retryAfter;
    this.code = code;
  }

  /** Whether the same request may succeed later without anybody changing it. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const PATIENCE_MS = 15_000;
let signedOut: () => void = () => {};

/** What to do when a request finds that the session is over. */
export function onSignedOut(react: () => void): void {
  signedOut = react;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** Reads a failed answer: problem+json, or whatever a proxy in between has made of it. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const wait = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return new Problem(
    response.status,
    text(fields["title"]) ?? response.statusText,
    text(fields["detail"]),
    text(fields["field"]),
    Number.isFinite(wait) ? wait : null,
    /^urn:rapport:problem:(\w+)$/u.exec(text(fields["type"]) ?? "")?.[1] ?? null,
  );
}

export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, init);
  } catch {
    throw new Problem(0, "not reached", null, null, null);
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isFinite(date)) noticeHubTime(date);
  if (!response.ok) {
    if (response.status === 401 && path !== "/login") signedOut();
    throw await problemOf(response);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const at = encodeURIComponent;

export function query(values: Record<string, string | number | null>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null);
  return given.length === 0 ? "" : `?${given.map(([name, value]) => `${name}=${at(String(value))}`).join("&")}`;
}

type Done = { position: number };

export const api = {
  login: (tenant: string, user: string, password: string) =>
    request<Me>("POST", "/login", { tenant, user, password }),
  logout: () => request<void>("POST", "/logout"),
  me: () => request<Me>("GET", "/me"),
  presence: (presence: Presence) => request<Done>("POST", "/me/presence", presence),
  accept: (id: string) => request<Done>("POST", `/interactions/${at(id)}/accept`),
  decline: (id: string) => request<Done>("POST", `/interactions/${at(id)}/decline`),
  send: (id: string, message: string, words: string) =>
    request<Done & { seq: number }>("POST", `/interactions/${at(id)}/messages`, { message, text: words }),
  end: (id: string) => request<Done>("POST", `/interactions/${at(id)}/end`),
  wrapUp: (id: string, disposition: string | null, note: string) =>
    request<Done>("POST", `/interactions/${at(id)}/wrap-up`, {
      ...(disposition === null ? {} : { disposition }),
      ...(note === "" ? {} : { note }),
    }),
  outcome: (id: string, wish: string, outcome: Outcome, note: string, notBefore: number | null) =>
    request<Done>("POST", `/interactions/${at(id)}/outcomes`, {
      wish,
      outcome,
      ...(note === "" ? {} : { note }),
      ...(notBefore === null ? {} : { not_before: notBefore }),
    }),
  customer: (id: string, seen: number | null) =>
    request<Customer>("GET", `/customers/${at(id)}${query({ min_position: seen })}`),
  pressure: (id: string) => request<Pressure>("GET", `/customers/${at(id)}/pressure`),
  timeline: (id: string, before: number | null, seen: number | null) =>
    request<{ items: TimelineItem[]; next: number | null }>(
      "GET",
      `/customers/${at(id)}/timeline${query({ before, limit: 50, min_position: seen })}`,
    ),
  decisions: (id: string, before: number | null, seen: number | null) =>
    request<{ decisions: Decision[]; next: number | null }>(
      "GET",
      `/customers/${at(id)}/decisions${query({ before, limit: 50, min_position: seen })}`,
    ),
};
