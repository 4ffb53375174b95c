import { useEffect, useRef } from "preact/hooks";
import { known, number, region, t, tn } from "../shared/i18n.ts";
import { type DryRun, type Example, KINDS, type Report, type Share } from "./model.ts";
import { changed, ofKind, strongest } from "./rules.ts";
import { cancelDryRun, dryRun } from "./store.ts";
import { dayAndTime } from "./words.ts";

/** What other rules would have changed: at work, or the answer. */
export function DryRunPanel() {
  const shown = dryRun.value;
  const title = useRef<HTMLHeadingElement>(null);
  const id = shown?.run.id;
  useEffect(() => {
    if (id !== undefined) title.current?.focus();
  }, [id]);
  if (shown === null) return null;
  const { about, run } = shown;
  return (
    <section class="card" aria-labelledby="dry-run-title">
      <div class="card-head">
        <h2 id="dry-run-title" ref={title} tabIndex={-1}>
          {t("policy.dry_run")}
        </h2>
        {run.state === "running" ? (
          <button type="button" onClick={() => void cancelDryRun()}>
            {t("policy.cancel")}
          </button>
        ) : (
          <button type="button" class="quiet" onClick={() => (dryRun.value = null)}>
            {t("close")}
          </button>
        )}
      </div>
      <p class="muted">{t("policy.dry_run_about", { about, from: dayAndTime(run.from), until: dayAndTime(run.until), n: run.base })}</p>
      {run.state === "running" && <Progress run={run} />}
      <div role="status">
        {run.state === "cancelled" && <p>{t("policy.dry_run_cancelled")}</p>}
        {run.state === "failed" && <p class="failure">{t("policy.dry_run_failed")}</p>}
        {run.state === "done" && run.report !== null && <Headline report={run.report} />}
      </div>
      {run.state === "done" && run.report !== null && <Answer report={run.report} />}
    </section>
  );
}

function Progress({ run }: { run: DryRun }) {
  const text = t("policy.customers_done", { done: number(run.customers_done), all: number(run.customers) });
  return (
    <div class="progress">
      <progress aria-label={t("policy.dry_run")} max={Math.max(1, run.customers)} value={run.customers_done} />
      <span class="timer">{text}</span>
    </div>
  );
}

function Headline({ report }: { report: Report }) {
  const others = KINDS.reduce((sum, kind) => sum + (kind === "added" ? 0 : ofKind(report, kind)), 0);
  if (report.then === 0 && report.draft === 0) return <p class="headline">{t("policy.no_contacts")}</p>;
  return (
    <p class="headline">
      {tn("policy.headline", others, { of: number(report.then), amount: number(others) })}{" "}
      {t("policy.headline_total", { then: number(report.then), draft: number(report.draft) })}
    </p>
  );
}

function Answer({ report }: { report: Report }) {
  const shares = strongest(report);
  const most = Math.max(1, ...shares.map(changed));
  const kinds = KINDS.filter((kind) => ofKind(report, kind) > 0);
  return (
    <>
      <ul class="kinds">
        <li>
          <b class="timer">{number(report.unchanged)}</b> {t("policy.kind.unchanged")}
        </li>
        {kinds.map((kind) => (
          <li key={kind}>
            <span class="swatch" data-kind={kind} aria-hidden="true" />
            <b class="timer">{number(ofKind(report, kind))}</b> {t(`policy.kind.${kind}`)}
          </li>
        ))}
      </ul>
      {shares.length > 0 && (
        <table class="chart">
          <caption>{t("policy.by_reason")}</caption>
          <thead class="hidden">
            <tr>
              <th scope="col">{t("policy.reason")}</th>
              <th scope="col">{t("policy.contacts")}</th>
            </tr>
          </thead>
          <tbody>
            {shares.map((share) => (
              <Bar key={share.reason ?? "-"} share={share} most={most} />
            ))}
          </tbody>
        </table>
      )}
      <Waiting report={report} />
      {report.examples.length > 0 && (
        <>
          <h3>{t("policy.examples")}</h3>
          <ul class="examples">
            {report.examples.map((example, nth) => (
              <li key={nth} data-kind={example.kind}>
                <OneExample example={example} />
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="hint">
        {t("policy.trust", { reproduced: number(report.reproduced), contacts: number(report.contacts) })}
        {report.skipped > 0 && ` ${tn("policy.skipped", report.skipped, { amount: number(report.skipped) })}`}
      </p>
    </>
  );
}

function reasonText(reason: string | null): string {
  return reason === null ? t("policy.gathering") : known("reason", reason);
}

function Bar({ share, most }: { share: Share; most: number }) {
  const parts = KINDS.filter((kind) => share[kind] > 0);
  const words = parts.map((kind) => `${number(share[kind])} ${t(`policy.kind.${kind}`)}`).join(t("policy.list_comma"));
  return (
    <tr>
      <th scope="row">{reasonText(share.reason)}</th>
      <td>
        <div class="bars" aria-hidden="true">
          {parts.map((kind) => (
            <div key={kind} class="fill" data-kind={kind} style={{ inlineSize: `${(100 * share[kind]) / most}%` }} />
          ))}
        </div>
        <span class="bar-words">{words}</span>
      </td>
    </tr>
  );
}

/** Wishes that were said and would not have been. */
function Waiting({ report }: { report: Report }) {
  const held = report.by_reason.reduce((sum, share) => sum + share.wishes_held, 0);
  const dropped = report.by_reason.reduce((sum, share) => sum + share.wishes_dropped, 0);
  if (held + dropped === 0) return null;
  return <p>{t("policy.wishes_left", { held: number(held), dropped: number(dropped) })}</p>;
}

function there(zone: string, when: number): string {
  const options = { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: zone } as const;
  return new Intl.DateTimeFormat(region.value, options).format(when);
}

function OneExample({ example }: { example: Example }) {
  const { at: when, to, zone, kind, reason, wishes } = example;
  const said = wishes.map((wish) => `${known("purpose", wish.purpose)} (${known("department", wish.department)})`);
  const became = t(`policy.became.${kind}`, { to: to === null ? "" : there(zone, to), reason: reasonText(reason) });
  return (
    <>
      <b>{there(zone, when)}</b> <span class="muted">{zone}</span>
      <br />
      {said.join(t("policy.list_comma"))}
      <br />
      {became}
    </>
  );
}
