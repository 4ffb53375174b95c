import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../shared/i18n.ts";
import { Difference } from "./Difference.tsx";
import type { Policy, Version } from "./model.ts";
import { busy, goBack, goingBack, loadOlder } from "./store.ts";
import { at, origin, sentences } from "./words.ts";

/** Every version with who, when and why, and the way back. */
export function History({ policy }: { policy: Policy }) {
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">{t("policy.history")}</h2>
      <ol class="history">
        {policy.versions.map((version) => (
          <Past key={version.version} policy={policy} version={version} />
        ))}
      </ol>
      {policy.next !== null && (
        <button type="button" aria-disabled={busy.value} onClick={() => void loadOlder()}>
          {t("policy.older")}
        </button>
      )}
    </section>
  );
}

function Past({ policy, version }: { policy: Policy; version: Version }) {
  const present = policy.in_force;
  const { version: n, since, origin: how, rules } = version;
  const isPresent = present?.version === n;
  return (
    <li>
      <h3>
        {t("policy.version", { n })} {isPresent && <span class="changed">{t("policy.in_force")}</span>}
      </h3>
      <p class="muted">
        {t("policy.since", { time: at(since) })} · {origin(how)}
      </p>
      {how.comment !== undefined && (
        <p>
          <q>{how.comment}</q>
        </p>
      )}
      <details>
        <summary>{t("policy.its_rules", { n })}</summary>
        <ul class="sentences">
          {sentences(policy.keys, rules, policy.queues).map(({ name, text }) => (
            <li key={name}>{text}</li>
          ))}
        </ul>
        {!isPresent && (
          <>
            <h4>{t("policy.difference")}</h4>
            <Difference
              keys={policy.keys}
              queues={policy.queues}
              left={present?.rules ?? {}}
              right={rules}
              leftName={t("policy.in_force")}
              rightName={t("policy.version", { n })}
              caption={t("policy.difference")}
            />
          </>
        )}
      </details>
      {!isPresent && goingBack.value !== n && (
        <button type="button" onClick={() => (goingBack.value = n)}>
          {t("policy.go_back", { n })}
        </button>
      )}
      {goingBack.value === n && <GoBack n={n} />}
    </li>
  );
}

/** Going back is a proposal like any other: it says why, and somebody else releases it. */
function GoBack({ n }: { n: number }) {
  const [comment, setComment] = useState("");
  const [missing, setMissing] = useState(false);
  const [key] = useState(() => crypto.randomUUID());
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    setMissing(comment.trim() === "");
    if (comment.trim() === "") field.current?.focus();
    else void goBack(n, comment, key);
  };
  return (
    <form class="go-back" noValidate onSubmit={submit}>
      <label class="field">
        <span>{t("policy.comment")}</span>
        <textarea
          ref={field}
          rows={2}
          maxLength={1_000}
          required
          value={comment}
          aria-invalid={missing}
          aria-describedby="go-back-hint"
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </label>
      <p id="go-back-hint" class={missing ? "hint failure" : "hint"}>
        {t(missing ? "policy.wrong.comment" : "policy.go_back_hint")}
      </p>
      <div class="actions">
        <button type="button" onClick={() => (goingBack.value = null)}>
          {t("policy.cancel")}
        </button>
        <span class="spring" />
        <button type="submit" class="primary" aria-disabled={busy.value}>
          {t("policy.propose_back", { n })}
        </button>
      </div>
    </form>
  );
}
