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
