// How long to wait before the next attempt: doubling from half a second to half a minute. A random share keeps a whole
// floor of desks from coming back in the same instant after a restart of the hub.

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Milliseconds before attempt `attempt` (0 is the first retry); `random` is in 0..1. Never under half the step. */
export function backoff(attempt: number, random: number): number {
  const step = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(step / 2 + (step / 2) * random);
}
