import { signal } from "@preact/signals";

// Timers count against the hub's clock, because the moments are the hub's: a desk whose own clock is a minute off would
// show every offer as over. Answers carry a Date header in whole seconds, so a smaller difference means nothing.

const NOISE_MS = 2_000;
let ahead = 0;

/** The hub's time now, in milliseconds since 1970; read it in a view to be drawn again every second. */
export const now = signal(Date.now());

export function hubTime(): number {
  return Date.now() + ahead;
}

/** Takes note of the hub's clock: `theirs` was written between sending the request and now. */
export function noticeHubTime(theirs: number): void {
  const difference = theirs - Date.now();
  ahead = Math.abs(difference) > NOISE_MS ? difference : 0;
}

/** Starts the tick, once per page. */
export function startClock(): void {
  setInterval(() => (now.value = hubTime()), 1_000);
}
