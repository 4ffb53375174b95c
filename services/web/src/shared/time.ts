// Moments and durations as people read them, in the language of the desk. Formats are kept: making one is slow.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(locale, options);
    formats.set(key, made);
  }
  return made;
}

/** `4:05` or `1:04:05`; never negative, because a moment may be a second ahead of us. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (part: number) => String(part).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Whole seconds left, rounded up: it says 1 until it is over. */
export function secondsLeft(until: number, at: number): number {
  return Math.max(0, Math.ceil((until - at) / 1000));
}

export function clockTime(at: number, locale: string): string {
  return format(locale, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function exactTime(at: number, locale: string): string {
  return format(locale, { dateStyle: "medium", timeStyle: "medium" }).format(at);
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** The time alone today, with the day otherwise, with the year when it is another one. */
export function moment(at: number, reference: number, locale: string): string {
  if (sameDay(at, reference)) return clockTime(at, locale);
  const year = new Date(at).getFullYear() === new Date(reference).getFullYear() ? {} : { year: "numeric" as const };
  return format(locale, { ...year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(at);
}

export interface LocalTime {
  text: string;
  /** Between 21 and 8 o'clock there. */
  night: boolean;
}

/** What the clock on the customer's wall says; null when the zone is not known to this browser. */
export function localTime(zone: string, at: number, locale: string): LocalTime | null {
  try {
    const text = format(locale, { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit" }).format(at);
    const hour = Number(format("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(at));
    return { text, night: hour < 8 || hour >= 21 };
  } catch {
    return null;
  }
}

/** The zone, where this browser knows it; else this machine's. */
function zoned(zone: string | null): { timeZone?: string } {
  try {
    return zone !== null && format("en-US", { timeZone: zone }) ? { timeZone: zone } : {};
  } catch {
    return {};
  }
}

/** The day alone, by the clock of a zone. */
export function day(at: number, locale: string, zone: string | null = null): string {
  return format(locale, { dateStyle: "medium", ...zoned(zone) }).format(at);
}

const AGES: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400_000],
  ["month", 30 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** How long ago, in the largest unit that fits: `3 days ago`. */
export function age(at: number, reference: number, locale: string): string {
  const passed = Math.max(0, reference - at);
  const [unit, size] = AGES.find(([, size]) => passed >= size) ?? ["minute", 60_000];
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-Math.floor(passed / size), unit);
}

/** The parts of a moment as a clock in that zone shows them, as if they were in UTC. */
function wallClock(at: number, zone: string | null): number {
  const options = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;
  const parts = format("en-US", { ...options, ...zoned(zone) }).formatToParts(at);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
}

/** Day and time on the clock of a zone, as date fields have them; of this machine's when it is null. */
export function fieldDay(at: number, zone: string | null): string {
  return new Date(wallClock(at, zone)).toISOString().slice(0, 10);
}
export function fieldTime(at: number): string {
  return new Date(wallClock(at, null)).toISOString().slice(0, 16);
}

/** When a day of a date field begins in a zone; null when it is no day. A zone that is not known here is this machine's. */
export function startOfDay(day: string, zone: string | null): number | null {
  const wanted = Date.parse(`${day}T00:00:00Z`);
  if (!Number.isFinite(wanted)) return null;
  // Twice, because the first guess may lie on the other side of a change of the clocks.
  const guess = wanted - (wallClock(wanted, zone) - wanted);
  return guess - (wallClock(guess, zone) - wanted);
}
