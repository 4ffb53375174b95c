import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { known, number, region, t, tn } from "../shared/i18n.ts";
import { contactText } from "../shared/names.ts";
import { personal } from "../shared/personal.ts";
import { exactTime } from "../shared/time.ts";
import { changeable, standing } from "../shared/wish.ts";
import { Amend } from "./Amend.tsx";
import { nameOf } from "./Filters.tsx";
import { Row } from "./List.tsx";
import { others } from "./filter.ts";
import type { HistoryEntry, Wish } from "./model.ts";
import { type Chosen, amending, busy, close, mayChange, withdraw, withdrawing } from "./store.ts";
import { at, percent, told, who, windowText } from "./words.ts";

/** Everything about one wish: what is wanted, where it stands and why, and what else is wanted of the same customer. */
export function Detail({ chosen }: { chosen: Chosen }) {
  const { wish, history, customer } = chosen;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [chosen.id]);
  useEffect(() => {
    // What had the focus is gone: the reader is led to what stands there now.
    if (document.activeElement === document.body) title.current?.focus();
  }, [amending.value, withdrawing.value, wish.status]);
  const leave = () => {
    close();
    // The list may have been hidden until now.
    requestAnimationFrame(() => (document.querySelector<HTMLElement>(`.wish-list [data-wish="${chosen.id}"]`) ?? document.getElementById("list-title"))?.focus());
  };
  const where = standing(wish);
  return (
    <section
      class="card wish-detail"
      aria-labelledby="wish-title"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !amending.value && !withdrawing.value) leave();
      }}
    >
      <div class="card-head">
        <h2 id="wish-title" ref={title} tabIndex={-1}>
          {known("department", wish.department)}: {known("purpose", wish.purpose)}
        </h2>
        <button type="button" class="quiet square" aria-label={t("close")} onClick={leave}>
          <Icon name="close" />
        </button>
      </div>
      <p class="where">
        <span class="mark" data-status={wish.status}>
          {known("wish_status", wish.status)}
        </span>{" "}
        {where.join(" · ")}
      </p>
      {customer !== null && (
        <p>
          <b>{nameOf(customer)}</b>{" "}
          <span class="muted">
            {customer.contact_points
              .filter(({ kind }) => kind !== "chat_visitor")
              .map(({ kind, value }) => contactText(kind, value))
              .join(" · ")}
          </span>
        </p>
      )}
      {amending.value && "talking_point" in wish ? <Amend wish={wish} /> : <Content wish={wish} />}
      {!amending.value && <Actions chosen={chosen} />}
      <History history={history} />
      {customer !== null && <Others chosen={chosen} />}
    </section>
  );
}

function Content({ wish }: { wish: Chosen["wish"] }) {
  const written: Partial<Wish> = wish;
  const texts = (["talking_point", "message", "script", "evidence"] as const).flatMap((name) => {
    const text = written[name];
    return typeof text === "string" && text !== "" ? [{ name, text }] : [];
  });
  const facts: [string, string][] = [
    [t("wishes.field.window"), windowText(wish)],
    [t("wishes.field.class"), t(`class.${wish.class}`)],
    [t("wishes.field.value"), number(wish.value)],
    [t("wishes.field.propensity"), percent(wish.propensity)],
    [t("wishes.field.expected_seconds"), tn("unit.seconds", wish.expected_seconds, { amount: number(wish.expected_seconds) })],
    [t("wishes.field.channels"), wish.channels.map((channel) => known("channel", channel)).join(t("wishes.then"))],
    [t("wishes.field.bundle"), t(wish.bundle ? "policy.yes" : "policy.no")],
    [t("wishes.field.attempts"), number(wish.attempts)],
    [t("wishes.field.filed_at"), at(wish.filed_at)],
  ];
  if (wish.amended_at !== null) facts.push([t("wishes.field.amended_at"), at(wish.amended_at)]);
  if (wish.asked_for !== null) facts.push([t("wishes.field.asked_for"), at(wish.asked_for)]);
  if (wish.note !== null && wish.note !== "") facts.push([t("wishes.field.note"), personal(wish.note)]);
  return (
    <>
      {texts.map(({ name, text }) => (
        <div key={name} class="written">
          <h3>{t(`wishes.field.${name}`)}</h3>
          <p>{personal(text)}</p>
        </div>
      ))}
      <dl class="wish-facts">
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Actions({ chosen: { id, wish } }: { chosen: Chosen }) {
  const now = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (withdrawing.value) now.current?.focus();
  }, [withdrawing.value]);
  if (!changeable(wish)) return <p class="hint">{t(wish.status === "in_contact" ? "wishes.refused.being_said" : "wishes.refused.settled")}</p>;
  if (!mayChange()) return <p class="hint">{t("wishes.read_only")}</p>;
  if (withdrawing.value)
    return (
      <div
        class="ask"
        role="group"
        aria-labelledby="ask"
        onKeyDown={(event) => {
          if (event.key === "Escape") withdrawing.value = false;
        }}
      >
        <p id="ask">{t("wishes.withdraw_ask")}</p>
        <div class="actions">
          <button type="button" onClick={() => (withdrawing.value = false)}>
            {t("wishes.keep")}
          </button>
          <button ref={now} type="button" class="danger" aria-disabled={busy.value} onClick={() => void withdraw(id)}>
            {t("wishes.withdraw_now")}
          </button>
        </div>
      </div>
    );
  return (
    <div class="actions">
      <button type="button" class="primary" aria-disabled={!("talking_point" in wish)} onClick={() => (amending.value = "talking_point" in wish)}>
        {t("wishes.amend")}
      </button>
      <button type="button" class="danger" onClick={() => (withdrawing.value = true)}>
        {t("wishes.withdraw")}
      </button>
    </div>
  );
}

function History({ history }: { history: readonly HistoryEntry[] | null }) {
  return (
    <section aria-labelledby="history-title">
      <h3 id="history-title">{t("wishes.history")}</h3>
      {history === null && <p class="muted">{t("loading")}</p>}
      <ol class="wish-history">
        {(history ?? []).toReversed().map((entry, nth) => {
          const { what, details } = told(entry);
          return (
            <li key={`${entry.position} ${nth}`}>
              <p>
                <b>{what}</b> <span class="muted">{who(entry.by)}</span>
                <time dateTime={new Date(entry.at).toISOString()} title={exactTime(entry.at, region.value)}>
                  {at(entry.at)}
                </time>
              </p>
              {details !== null && <p>{details}</p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Others({ chosen: { id, wish, customer } }: { chosen: Chosen }) {
  const more = others(customer?.wishes ?? [], id);
  return (
    <section aria-labelledby="others-title">
      <h3 id="others-title">{t("wishes.others")}</h3>
      {more.length === 0 && <p class="muted">{t("wishes.no_others")}</p>}
      <ul class="rows-of-wishes">
        {more.map((other) => (
          <li key={other.id}>
            <Row wish={other} current={false} together={wish.plan !== null && wish.status === "planned" && other.plan === wish.plan} />
          </li>
        ))}
      </ul>
    </section>
  );
}
