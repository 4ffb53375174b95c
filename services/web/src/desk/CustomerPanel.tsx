import { useEffect, useRef } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { Icon, type IconName } from "../shared/icons.tsx";
import { known, region, t } from "../shared/i18n.ts";
import type { Consent, Customer } from "../shared/model.ts";
import { personal } from "../shared/personal.ts";
import { day, localTime, moment } from "../shared/time.ts";
import { Agenda } from "./Agenda.tsx";
import { Decisions } from "./Decisions.tsx";
import { Facts } from "./Facts.tsx";
import { Pressure } from "./Pressure.tsx";
import { Timeline } from "./Timeline.tsx";
import { stops } from "./known.ts";
import { contactText, customerName } from "../shared/names.ts";
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
          <Pressure pressure={shown.pressure} />
          <Agenda item={item} zone={shown.customer?.zone ?? null} />
          <Facts facts={shown.customer?.facts ?? []} />
          {(shown.timeline !== null || !shown.failed) && <Timeline page={shown.timeline} />}
          <Decisions wishes={shown.customer?.wishes ?? []} page={shown.decisions} />
        </div>
      )}
    </section>
  );
}

const POINT_ICON: Record<string, IconName> = { phone: "voice", email: "email", chat_visitor: "chat" };

function Identity({ name, customer }: { name: string; customer: Customer | null }) {
  return (
    <div class="card">
      <h3>{name}</h3>
      {customer !== null && <Standing customer={customer} />}
      {customer !== null && (
        <>
          {customer.zone !== null && <LocalClock zone={customer.zone} />}
          <ul class="points">
            {customer.contact_points.map(({ kind, value, verified, preferred, listed }) => (
              <li key={`${kind} ${value}`}>
                <Icon name={POINT_ICON[kind] ?? "plan"} />
                <span class="hidden">{known("contact_kind", kind)}: </span>
                <span class="point">{contactText(kind, value)}</span>
                <span class="mark" data-good={verified}>
                  {t(verified ? "contact.verified" : "contact.claimed")}
                </span>
                {preferred === true && <span class="mark">{t("contact.preferred")}</span>}
                {(listed ?? []).some(({ until }) => until === null || until > now.value) && (
                  <span class="mark" data-good={false}>
                    {t("contact.listed")}
                  </span>
                )}
              </li>
            ))}
          </ul>
          {customer.consent.length > 0 && (
            <>
              <h4>{t("customer.consent")}</h4>
              <ul class="chips">
                {customer.consent.map((consent) => (
                  <ConsentChip key={`${consent.purpose} ${consent.channel}`} consent={consent} />
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </div>
  );
}

/** Who does not want to be contacted, what is wrong just now, what the customer is worth to us. */
function Standing({ customer }: { customer: Customer }) {
  const at = (when: number) => day(when, region.value);
  const qualified = customer.qualification ?? null;
  const open = (customer.complaints ?? []).filter(({ closed_at }) => closed_at === null);
  return (
    <>
      {stops(customer, now.value).map((block) => (
        <p key={`${block.scope} ${block.since}`} class="warning">
          <Icon name="alert" /> <b>{t(block.scope === "all" ? "customer.do_not_contact" : "customer.no_marketing")}</b>
          {block.until !== null && ` ${t("customer.until", { time: moment(block.until, now.value, region.value) })}`}
          {block.reason !== null && block.reason !== "" && ` – ${personal(block.reason)}`}
          {block.source !== null && <span class="small"> ({block.source})</span>}
        </p>
      ))}
      {open.map(({ id, about, opened_at }) => (
        <p key={id} class="warning" data-tone="near">
          <Icon name="alert" /> <b>{t("customer.complaint")}</b> – {personal(about)} <span class="small">({t("customer.since", { time: at(opened_at) })})</span>
        </p>
      ))}
      {qualified?.admission === "refused" && (
        <p class="warning">
          <Icon name="alert" /> <b>{t("customer.not_accepted")}</b> – {personal(qualified.evidence)}
        </p>
      )}
      {qualified !== null && (qualified.tier !== null || qualified.segment !== null) && (
        <ul class="chips worth">
          {qualified.tier !== null && <li class="mark" data-class="service">{t("customer.tier", { name: known("tier", qualified.tier) })}</li>}
          {qualified.segment !== null && <li class="mark">{t("customer.segment", { name: known("segment", qualified.segment) })}</li>}
          <li class="muted small">{t("customer.as_of", { time: at(qualified.at) })}</li>
        </ul>
      )}
    </>
  );
}

function ConsentChip({ consent }: { consent: Consent }) {
  const { purpose, channel, given, source, stated_at, expires_at, wording } = consent;
  const at = (when: number) => day(when, region.value);
  const over = given && typeof expires_at === "number" && expires_at <= now.value;
  const details = [
    source ?? null,
    stated_at === undefined ? null : at(stated_at),
    typeof expires_at === "number" ? t(over ? "consent.ended" : "customer.until", { time: at(expires_at) }) : null,
  ].filter((part) => part !== null && part !== "");
  return (
    <li class="mark" data-good={given && !over} title={wording ?? undefined}>
      <Icon name={given && !over ? "check" : "close"} />
      <span>
        {known("purpose", purpose)} · {known("channel", channel)}: {t(given ? "consent.given" : "consent.refused")}
        {details.length > 0 && <span class="small"> ({details.join(" · ")})</span>}
      </span>
    </li>
  );
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
