import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { PageFrame } from "../shared/page.tsx";
import { DryRunPanel } from "./DryRun.tsx";
import { Editor } from "./Editor.tsx";
import { History } from "./History.tsx";
import { Proposals } from "./Proposals.tsx";
import { beginDraft, broken, busy, draft, me, message, policy } from "./store.ts";
import { at, origin, sentences } from "./words.ts";

export function Page() {
  return (
    <PageFrame title="policy.title" skip="policy.skip" who={me.value} message={message}>
      <Content />
    </PageFrame>
  );
}

function Content() {
  if (broken.value !== null)
    return (
      <p class="splash failure" role="alert">
        {broken.value}
      </p>
    );
  if (me.value !== null && me.value.agent.role !== "supervisor") return <p class="splash">{t("policy.supervisors_only")}</p>;
  const known = policy.value;
  if (known === null) return <p class="splash">{t("loading")}</p>;
  if (known.in_force === null) return <p class="splash">{t("policy.no_policy")}</p>;
  return (
    <>
      <InForce />
      {draft.value !== null && <Editor policy={known} draft={draft.value} />}
      <DryRunPanel />
      <Proposals policy={known} />
      <History policy={known} />
    </>
  );
}

function InForce() {
  const known = policy.value;
  const title = useRef<HTMLHeadingElement>(null);
  const number = known?.in_force?.version;
  const before = useRef(number);
  useEffect(() => {
    // New rules came into force: that is what the eye should find.
    if (before.current !== undefined && before.current !== number) title.current?.focus();
    before.current = number;
  }, [number]);
  if (known === null || known.in_force === null) return null;
  const { version, since, rules, origin: how } = known.in_force;
  return (
    <section class="card" aria-labelledby="in-force">
      <div class="card-head">
        <h2 id="in-force" ref={title} tabIndex={-1}>
          {t("policy.in_force")} <span class="version">{t("policy.version", { n: version })}</span>
        </h2>
        {draft.value === null && (
          <button type="button" class="primary" aria-disabled={busy.value} onClick={() => beginDraft(rules)}>
            {t("policy.edit")}
          </button>
        )}
      </div>
      <p class="muted">
        {t("policy.since", { time: at(since) })} · {origin(how)}
        {how.comment !== undefined && <q class="comment">{how.comment}</q>}
      </p>
      <ul class="sentences">
        {sentences(known.keys, rules, known.queues).map(({ name, text }) => (
          <li key={name}>{text}</li>
        ))}
      </ul>
    </section>
  );
}
