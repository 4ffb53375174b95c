import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { Difference } from "./Difference.tsx";
import { Field } from "./Field.tsx";
import type { Policy } from "./model.ts";
import { differing, wrong } from "./rules.ts";
import { type Draft, busy, days, discardDraft, dryRun, message, propose, refused, startDryRun, write } from "./store.ts";
import { wrongText } from "./words.ts";

/** Other rules, written as a form, beside those in force. */
export function Editor({ policy, draft }: { policy: Policy; draft: Draft }) {
  const form = useRef<HTMLFormElement>(null);
  const [shown, show] = useState<Record<string, string>>({});
  const inForce = policy.in_force?.rules ?? {};
  const errors = { ...shown, ...refused.value };
  const focus = (name: string) => form.current?.querySelector<HTMLElement>(`[data-rule="${name}"]`)?.focus();
  useEffect(() => form.current?.querySelector<HTMLElement>("[data-rule]")?.focus(), []);
  useEffect(() => {
    const first = Object.keys(refused.value)[0];
    if (first !== undefined) focus(first.split(/[.[]/u)[0] ?? first);
  }, [refused.value]);

  /** Who writes at a rule has read what was wrong with it. */
  const mended = (name: string) => show((known) => Object.fromEntries(Object.entries(known).filter(([other]) => other !== name)));

  /** Whether the hub may be asked; what is wrong is shown, and the first of it gets the focus. */
  const fine = (comment: boolean): boolean => {
    const found: Record<string, string> = {};
    for (const key of policy.keys) {
      const what = wrong(key, draft.rules[key.name]);
      if (what !== null) found[key.name] = wrongText(key, what);
    }
    if (comment && draft.comment.trim() === "") found["comment"] = t("policy.wrong.comment");
    show(found);
    const first = Object.keys(found)[0];
    if (first === undefined && differing(policy.keys, inForce, draft.rules).length === 0) {
      message.value = { tone: "bad", text: t("policy.refused.no_change") };
      return false;
    }
    if (first !== undefined) focus(first);
    return first === undefined;
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (fine(true)) void propose();
  };
  const tryOut = () => {
    if (fine(false)) void startDryRun({ rules: draft.rules }, t("policy.about.draft"));
  };
  const running = dryRun.value?.run.state === "running";
  return (
    <section class="card" aria-labelledby="draft-title">
      <div class="card-head">
        <h2 id="draft-title">{t("policy.draft")}</h2>
        <button type="button" class="quiet" onClick={discardDraft}>
          {t("policy.discard")}
        </button>
      </div>
      <form ref={form} noValidate onSubmit={submit}>
        <div class="fields">
          {policy.keys.map((key) => (
            <Field
              key={key.name}
              rule={key}
              said={draft.rules[key.name]}
              queues={policy.queues}
              changed={differing([key], inForce, draft.rules).length > 0}
              error={errors[key.name] ?? null}
              onSay={(next) => {
                mended(key.name);
                write({ rules: { ...draft.rules, [key.name]: next } });
              }}
            />
          ))}
        </div>
        <h3>{t("policy.difference")}</h3>
        <Difference
          keys={policy.keys}
          queues={policy.queues}
          left={inForce}
          right={draft.rules}
          leftName={t("policy.in_force")}
          rightName={t("policy.draft_short")}
          caption={t("policy.difference")}
        />
        <label class="field">
          <span>{t("policy.comment")}</span>
          <textarea
            data-rule="comment"
            rows={2}
            maxLength={1_000}
            required
            value={draft.comment}
            aria-invalid={errors["comment"] !== undefined}
            aria-describedby={errors["comment"] === undefined ? "comment-hint" : "comment-error"}
            onInput={(event) => {
              mended("comment");
              write({ comment: event.currentTarget.value });
            }}
          />
        </label>
        {errors["comment"] === undefined ? (
          <p id="comment-hint" class="hint">
            {t("policy.comment_hint")}
          </p>
        ) : (
          <p id="comment-error" class="hint failure">
            {errors["comment"]}
          </p>
        )}
        <div class="actions">
          <DaysField />
          <button type="button" aria-disabled={busy.value || running} onClick={tryOut}>
            {t("policy.try_out")}
          </button>
          <span class="spring" />
          <button type="submit" class="primary" aria-disabled={busy.value}>
            {t("policy.propose")}
          </button>
        </div>
      </form>
    </section>
  );
}

function DaysField() {
  return (
    <label class="days">
      {t("policy.days")}{" "}
      <select value={days.value} onChange={(event) => (days.value = Number(event.currentTarget.value))}>
        {[1, 3, 7, 14, 31].map((n) => (
          <option key={n} value={n}>
            {t("policy.last_days", { n })}
          </option>
        ))}
      </select>
    </label>
  );
}
