import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { Difference } from "./Difference.tsx";
import type { Policy, Proposal } from "./model.ts";
import { beginDraft, busy, draft, dryRun, release, releasing, startDryRun, withdraw } from "./store.ts";
import { at, who } from "./words.ts";

/** What waits for somebody else. */
export function Proposals({ policy }: { policy: Policy }) {
  return (
    <section class="card" aria-labelledby="proposals-title">
      <h2 id="proposals-title">{t("policy.proposals")}</h2>
      {policy.proposals.length === 0 && <p class="muted">{t("policy.no_proposals")}</p>}
      <ul class="proposals">
        {policy.proposals.map((proposal) => (
          <OneProposal key={proposal.id} policy={policy} proposal={proposal} />
        ))}
      </ul>
      <Confirm policy={policy} />
    </section>
  );
}

function OneProposal({ policy, proposal }: { policy: Policy; proposal: Proposal }) {
  const { id, comment, hindrance } = proposal;
  const values = { who: who(proposal.by), time: at(proposal.at) };
  const running = dryRun.value?.run.state === "running";
  const name = `proposal-${id}`;
  return (
    <li>
      <h3 id={name}>{proposal.from_version === null ? t("policy.proposed_by", values) : t("policy.back_proposed_by", { ...values, n: proposal.from_version })}</h3>
      <p>
        <q>{comment}</q>
      </p>
      <Difference
        keys={policy.keys}
        queues={policy.queues}
        left={policy.in_force?.rules ?? {}}
        right={proposal.rules}
        leftName={t("policy.in_force")}
        rightName={t("policy.proposed")}
        caption={t("policy.difference")}
      />
      {hindrance !== null && (
        <p id={`why-${id}`} class="hindrance">
          {t(`policy.hindrance.${hindrance}`)}
        </p>
      )}
      <div class="actions">
        <button type="button" aria-describedby={name} aria-disabled={busy.value || running} onClick={() => !running && void startDryRun({ proposal: id }, t("policy.about.proposal", values))}>
          {t("policy.try_out")}
        </button>
        {draft.value === null && (
          <button type="button" aria-describedby={name} onClick={() => beginDraft(proposal.rules, comment)}>
            {t("policy.edit_as_draft")}
          </button>
        )}
        <button type="button" class="danger" aria-describedby={name} aria-disabled={busy.value} onClick={() => void withdraw(id)}>
          {t("policy.withdraw")}
        </button>
        <span class="spring" />
        {/* It stays reachable when it may not be used: whoever asks why is told. */}
        <button
          type="button"
          class="primary"
          aria-describedby={hindrance === null ? name : `why-${id}`}
          aria-disabled={busy.value || hindrance !== null}
          onClick={() => hindrance === null && (releasing.value = proposal)}
        >
          {t("policy.release")}
        </button>
      </div>
    </li>
  );
}

/** The last look before rules change for everybody. */
function Confirm({ policy }: { policy: Policy }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const proposal = releasing.value;
  useEffect(() => {
    if (proposal !== null) dialog.current?.showModal();
    else dialog.current?.close();
  }, [proposal]);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={() => (releasing.value = null)}>
      {proposal !== null && (
        <>
          <h2 id="confirm-title">{t("policy.confirm", { n: (policy.in_force?.version ?? 0) + 1 })}</h2>
          <p>{t("policy.confirm_text")}</p>
          <Difference
            keys={policy.keys}
            queues={policy.queues}
            left={policy.in_force?.rules ?? {}}
            right={proposal.rules}
            leftName={t("policy.in_force")}
            rightName={t("policy.proposed")}
            caption={t("policy.difference")}
          />
          <form method="dialog" class="actions">
            <button type="submit">{t("policy.not_yet")}</button>
            <span class="spring" />
            <button type="button" class="primary" aria-disabled={busy.value} onClick={() => void release(proposal.id)}>
              {t("policy.release_now")}
            </button>
          </form>
        </>
      )}
    </dialog>
  );
}
