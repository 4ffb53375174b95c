import { now } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { known, region, t, tn } from "../shared/i18n.ts";
import type { Pressure as Seen } from "../shared/model.ts";
import { exactTime, moment } from "../shared/time.ts";
import { crowding } from "./known.ts";

/** How often this customer has heard from us, before anybody dials. */
export function Pressure({ pressure }: { pressure: Seen | null }) {
  if (pressure === null) return null;
  const at = (when: number) => moment(when, now.value, region.value);
  const state = crowding(pressure, now.value);
  const { next_allowed, because, windows, contacts } = pressure;
  return (
    <section class="card pressure" data-state={state} aria-labelledby="pressure-title">
      <h3 id="pressure-title">{t("pressure.title")}</h3>
      <p class="pressure-next">
        <Icon name={state === "over" ? "alert" : "check"} />
        <span>
          {state === "over" ? (
            <>
              <b>{t("pressure.next", { time: at(next_allowed) })}</b>
              {because !== null && ` – ${known("reason", because)}`}
            </>
          ) : (
            <b>{t("pressure.now")}</b>
          )}
        </span>
      </p>
      <ul class="windows">
        {windows.map(({ days, contacts: n, cap }) => (
          <li key={days} class="mark" data-full={n >= cap}>
            {days === 1 ? tn("pressure.today", n, { cap }) : tn("pressure.days", n, { days, cap })}
          </li>
        ))}
      </ul>
      {contacts.length > 0 && (
        <details>
          <summary>{t("pressure.contacts")}</summary>
          <ul class="contacts">
            {contacts.map(({ at: when, channel, origin, reached }) => (
              <li key={`${when} ${channel}`}>
                <time dateTime={new Date(when).toISOString()} title={exactTime(when, region.value)}>
                  {at(when)}
                </time>
                <span>
                  {[known("channel", channel), known("origin", origin), reached === null ? null : t(reached ? "pressure.reached" : "pressure.not_reached")]
                    .filter((part) => part !== null)
                    .join(" · ")}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {state === "over" && <p class="muted small">{t("pressure.mandatory")}</p>}
    </section>
  );
}
