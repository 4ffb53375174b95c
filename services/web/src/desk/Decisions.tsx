import { hubTime } from "../shared/clock.ts";
import { explain } from "../shared/explain.ts";
import { known, region, number, said, t } from "../shared/i18n.ts";
import type { Decision, WishView } from "../shared/model.ts";
import { exactTime, moment } from "../shared/time.ts";
import { standing } from "../shared/wish.ts";
import { type Page, decisionsOpen, olderDecisions } from "./customer.ts";
import { Older } from "./Timeline.tsx";
import { notify } from "./store.ts";

/** Why this customer was contacted, or was not: every decision of the coordinator with what it was based on. */
export function Decisions({ wishes, page }: { wishes: readonly WishView[]; page: Page<Decision> | null }) {
  const toggled = (event: Event & { currentTarget: HTMLDetailsElement }) => {
    decisionsOpen.value = event.currentTarget.open;
    if (event.currentTarget.open) olderDecisions().catch((problem: unknown) => notify("error", explain(problem)));
  };
  return (
    <section class="card decisions" aria-labelledby="decisions-title">
      <details open={decisionsOpen.value} onToggle={toggled}>
        <summary>
          <h3 id="decisions-title">{t("decisions.title")}</h3>
        </summary>
        {wishes.length > 0 && (
          <>
            <h4>{t("decisions.wishes")}</h4>
            <ul class="wishes">
              {wishes.toReversed().map((wish) => (
                <li key={wish.id}>
                  <b>{known("department", wish.department)}</b> · {known("purpose", wish.purpose)}
                  <span class="mark">{known("wish_status", wish.status)}</span>
                  <WishDetail wish={wish} />
                </li>
              ))}
            </ul>
          </>
        )}
        <h4>{t("decisions.list")}</h4>
        {page === null && <p class="muted">{t("loading")}</p>}
        {page !== null && page.items.length === 0 && <p class="muted">{t("decisions.none")}</p>}
        {page !== null && (
          <ol class="decision-list">
            {page.items.map((decision) => (
              <OneDecision key={decision.position} decision={decision} />
            ))}
          </ol>
        )}
        {page !== null && page.next !== null && <Older load={olderDecisions} />}
      </details>
    </section>
  );
}

function WishDetail({ wish }: { wish: WishView }) {
  const parts = standing(wish);
  return parts.length === 0 ? null : <span class="muted"> {parts.join(" · ")}</span>;
}

function OneDecision({ decision }: { decision: Decision }) {
  const at = (when: number) => moment(when, hubTime(), region.value);
  const inputs = Object.entries(decision.inputs);
  const scores = Object.entries(decision.scores);
  const words = said(decision.text);
  const purpose = (id: string) => decision.wishes.find((wish) => wish.wish === id)?.purpose;
  return (
    <li>
      <p class="decision-head">
        <b>{known("decision", decision.decision)}</b>
        {words === null && ` – ${known("reason", decision.reason)}`}
        <time dateTime={new Date(decision.at).toISOString()} title={exactTime(decision.at, region.value)}>
          {at(decision.at)}
        </time>
      </p>
      {words !== null && <p class="decision-words">{words}</p>}
      <p class="muted">
        {decision.wishes.map((wish) => `${known("department", wish.department)}: ${known("purpose", wish.purpose)}`).join(", ")}
        {decision.slot !== null && ` · ${t("decisions.slot", { time: at(decision.slot) })}`}
        {decision.until !== null && ` · ${t("decisions.until", { time: at(decision.until) })}`}
      </p>
      <details>
        <summary>{t("decisions.receipt", { n: decision.policy_version })}</summary>
        <dl>
          {inputs.map(([name, value]) => (
            <div key={name}>
              <dt>{known("input", name)}</dt>
              <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
          {scores.map(([wish, score]) => (
            <div key={wish}>
              <dt>{t("decisions.score", { wish: known("purpose", purpose(wish) ?? wish.slice(0, 8)) })}</dt>
              <dd>{number(score)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </li>
  );
}
