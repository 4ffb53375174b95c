import type { Channel } from "../shared/model.ts";
import { fieldTime } from "../shared/time.ts";
import type { Wish } from "./model.ts";

// The form of an amendment: everything is text as it was typed; what is sent is what differs.

export interface Form {
  talking_point: string;
  message: string;
  script: string;
  evidence: string;
  value: string;
  propensity: string;
  expected_seconds: string;
  not_before: string;
  expires_at: string;
  channels: Channel[];
  bundle: boolean;
}

export type FieldName = keyof Form;
export type Wrong = "missing" | "no_amount" | "no_likelihood" | "no_seconds" | "no_moment" | "window" | "past" | "no_channel";

export function formOf(wish: Wish): Form {
  return {
    talking_point: wish.talking_point,
    message: wish.message ?? "",
    script: wish.script ?? "",
    evidence: wish.evidence ?? "",
    value: String(wish.value),
    propensity: String(wish.propensity),
    expected_seconds: String(wish.expected_seconds),
    not_before: wish.not_before === null ? "" : fieldTime(wish.not_before),
    expires_at: fieldTime(wish.expires_at),
    channels: [...wish.channels],
    bundle: wish.bundle,
  };
}

/** Ticking a channel puts it last, because the first is tried first. */
export function toggled(channels: readonly Channel[], channel: Channel): Channel[] {
  return channels.includes(channel) ? channels.filter((one) => one !== channel) : [...channels, channel];
}

/** One place nearer to the front. */
export function sooner(channels: readonly Channel[], channel: Channel): Channel[] {
  const at = channels.indexOf(channel);
  if (at < 1) return [...channels];
  const next = [...channels];
  next.splice(at, 1);
  next.splice(at - 1, 0, channel);
  return next;
}

/** A moment of a field of this machine's clock; NaN when it is none. */
const moment = (text: string) => (text === "" ? Number.NaN : new Date(text).getTime());

/** What cannot be meant, by field, before the hub is asked. */
export function wrongs(form: Form, now: number): Partial<Record<FieldName, Wrong>> {
  const wrong: Partial<Record<FieldName, Wrong>> = {};
  if (form.talking_point.trim() === "") wrong.talking_point = "missing";
  if (!/^\d{1,10}$/u.test(form.value.trim()) || Number(form.value) > 4_294_967_295) wrong.value = "no_amount";
  if (!/^(?:0(?:\.\d{1,3})?|1(?:\.0{1,3})?)$/u.test(form.propensity.trim())) wrong.propensity = "no_likelihood";
  const seconds = form.expected_seconds.trim();
  if (!/^\d{1,4}$/u.test(seconds) || Number(seconds) < 1 || Number(seconds) > 3_600) wrong.expected_seconds = "no_seconds";
  if (form.not_before !== "" && !Number.isFinite(moment(form.not_before))) wrong.not_before = "no_moment";
  const end = moment(form.expires_at);
  if (!Number.isFinite(end)) wrong.expires_at = "no_moment";
  else if (end <= now) wrong.expires_at = "past";
  else if (moment(form.not_before) >= end) wrong.expires_at = "window";
  if (form.channels.length === 0) wrong.channels = "no_channel";
  return wrong;
}

/** The body of the request: what differs from what was filed; a text that was emptied is cleared. */
export function change(before: Form, after: Form): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const differs = (name: FieldName) => JSON.stringify(before[name]) !== JSON.stringify(after[name]);
  if (differs("talking_point")) body["talking_point"] = after.talking_point.trim();
  for (const name of ["message", "script", "evidence"] as const)
    if (differs(name)) body[name] = after[name].trim() === "" ? null : after[name].trim();
  for (const name of ["value", "propensity", "expected_seconds"] as const) if (Number(before[name]) !== Number(after[name])) body[name] = Number(after[name]);
  if (differs("not_before")) body["not_before"] = after.not_before === "" ? null : moment(after.not_before);
  if (differs("expires_at")) body["expires_at"] = moment(after.expires_at);
  for (const name of ["channels", "bundle"] as const) if (differs(name)) body[name] = after[name];
  return body;
}
