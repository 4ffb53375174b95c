import { now } from "../shared/clock.ts";
import { t } from "../shared/i18n.ts";
import { secondsLeft } from "../shared/time.ts";

const HURRY_SECONDS = 5;

/** Time that runs out: a bar that shrinks, and the seconds in words for those who do not see it. */
export function Countdown({ since, until }: { since: number; until: number }) {
  // The tick may be a second old when an offer comes in: it never has more time left than it was given.
  const left = Math.min(secondsLeft(until, now.value), secondsLeft(until, since));
  const share = Math.min(1, Math.max(0, (until - now.value) / Math.max(1, until - since)));
  return (
    <div class="countdown" data-hurry={left <= HURRY_SECONDS}>
      <div class="bar" aria-hidden="true">
        <div style={{ transform: `scaleX(${share.toFixed(3)})` }} />
      </div>
      <span class="timer">{t("seconds_left", { s: left })}</span>
    </div>
  );
}
