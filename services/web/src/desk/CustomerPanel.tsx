import { useEffect, useRef } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { Icon, type IconName } from "../shared/icons.tsx";
import { known, region, t } from "../shared/i18n.ts";
import type { Customer } from "../shared/model.ts";
import { personal } from "../shared/personal.ts";
import { localTime } from "../shared/time.ts";
import { Agenda } from "./Agenda.tsx";
import { Decisions } from "./Decisions.tsx";
import { Timeline } from "./Timeline.tsx";
import { contactText, customerName } from "./names.ts";
import { panel, refreshCustomer } from "./customer.ts";
import { current } from "./store.ts";

/** The right side: who this is, what there is to say, what happened before, and why we called or did not. */
export function CustomerPanel() {
  const item = current.value;
  const shown = panel.value;
  const pane = useRef<HTMLElement>(null);
  useEffect(() => pane.current?.scrollTo(0, 0), [shown?.id]);
  return (
    <section id="customer" ref={pane} class="pane customer" tabIndex={-1} aria-labelledby="customer-title">
      <h2 id="customer-title" class="pane-title">
        {t("pane.customer")}
      </h2>
      {item === null || shown === null ? (
        <p class="empty muted">{t("customer.none")}</p>
      ) : (
        <div class="customer-body" key={shown.id}>
          <Identity name={customerName({ ...item.customer, name: shown.customer?.name ?? item.customer.name })} customer={shown.customer} />
          {shown.failed && (
            <p class="failure" role="status">
              {t("customer.failed")}{" "}
              <button type="button" onClick={() => refreshCustomer(shown.id, null)}>
                {t("customer.again")}
              </button>
            </p>
          )}
          <Agenda item={item} />
          {(shown.timeline !== null || !shown.failed) && <Timeline page={shown.timeline} />}
          <Decisions wishes={shown.customer?.wishes ?? []} page={shown.decisions} />
        </div>
      )}
    </section>
  );
}

const POINT_ICON: Record<string, IconName> = { phone: "voice", email: "email", chat_visitor: "chat" };

function Identity({ name, customer }: { name: string; customer: Customer | null }) {
  const stop = customer === null ? null : stopped(customer);
  return (
    <div class="card">
      <h3>{name}</h3>
      {stop !== null && (
        <p class="warning">
          <Icon name="alert" /> <b>{t("customer.do_not_contact")}</b>
          {stop !== "" && ` – ${stop}`}
        </p>
      )}
      {customer !== null && (
        <>
          {customer.zone !== null && <LocalClock zone={customer.zone} />}
          <ul class="points">
            {customer.contact_points.map(({ kind, value, verified }) => (
              <li key={`${kind} ${value}`}>
                <Icon name={POINT_ICON[kind] ?? "plan"} />
                <span class="hidden">{known("contact_kind", kind)}: </span>
                <span class="point">{contactText(kind, value)}</span>
                <span class="mark" data-good={verified}>
                  {t(verified ? "contact.verified" : "contact.claimed")}
                </span>
              </li>
            ))}
          </ul>
          {customer.consent.length > 0 && (
            <>
              <h4>{t("customer.consent")}</h4>
              <ul class="chips">
                {customer.consent.map(({ purpose, channel, given }) => (
                  <li key={`${purpose} ${channel}`} class="mark" data-good={given}>
                    <Icon name={given ? "check" : "close"} />
                    {known("purpose", purpose)} · {known("channel", channel)}:{" "}
                    {t(given ? "consent.given" : "consent.refused")}
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </div>
  );
}

/** The reason for do-not-contact, empty when none is known; null when outreach is welcome. */
function stopped(customer: Customer): string | null {
  const wish = customer.do_not_contact;
  if (wish === null || wish === false) return null;
  if (wish === true) return "";
  return wish.active ? personal(wish.reason ?? "") : null;
}

function LocalClock({ zone }: { zone: string }) {
  const there = localTime(zone, now.value, region.value);
  if (there === null) return null;
  return (
    <p class="local-time">
      <Icon name={there.night ? "moon" : "sun"} />
      <span>
        {t("customer.local_time")} <b>{there.text}</b> <span class="muted">{zone}</span>
      </span>
      {there.night && <span class="mark">{t("customer.night")}</span>}
    </p>
  );
}
