import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../shared/api.ts";
import { LanguageButton, ThemeButton } from "../shared/controls.tsx";
import { explain } from "../shared/explain.ts";
import { t } from "../shared/i18n.ts";
import { choices } from "../shared/storage.ts";
import { login } from "./actions.ts";

type Field = "tenant" | "user" | "password";

/** What the answer to a log-in means; which field it is about, if it is about one. */
function judge(problem: unknown): { text: string; field: Field | null } {
  if (problem instanceof Problem && problem.status === 401) return { text: t("login.wrong"), field: null };
  const named = problem instanceof Problem ? problem.field : null;
  const field = named === "tenant" || named === "user" || named === "password" ? named : null;
  return { text: explain(problem), field };
}

export function Login() {
  const [values, setValues] = useState({
    tenant: choices.get("tenant") ?? "",
    user: choices.get("user") ?? "",
    password: "",
  });
  const [failure, setFailure] = useState<{ text: string; field: Field | null } | null>(null);
  const [waiting, setWaiting] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  const focus = (name: Field) => form.current?.querySelector<HTMLInputElement>(`#login-${name}`)?.focus();
  useEffect(() => focus(values.tenant === "" ? "tenant" : values.user === "" ? "user" : "password"), []);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (waiting) return;
    const empty = (["tenant", "user", "password"] as const).find((name) => values[name].trim() === "");
    if (empty !== undefined) {
      setFailure({ text: t("login.missing", { field: t(`login.${empty}`) }), field: empty });
      focus(empty);
      return;
    }
    setWaiting(true);
    setFailure(null);
    try {
      await login(values.tenant.trim(), values.user.trim(), values.password);
      choices.set("tenant", values.tenant.trim());
      choices.set("user", values.user.trim());
    } catch (problem) {
      const judged = judge(problem);
      setFailure(judged);
      setWaiting(false);
      focus(judged.field ?? "password");
    }
  };

  const input = (name: Field, complete: AutoFill) => (
    <label class="field">
      <span>{t(`login.${name}`)}</span>
      <input
        id={`login-${name}`}
        name={name}
        {...(name === "password" ? { type: "password" as const } : { type: "text" as const })}
        autocomplete={complete}
        autocapitalize="none"
        spellcheck={false}
        required
        value={values[name]}
        aria-invalid={failure?.field === name}
        aria-describedby={failure === null ? undefined : "login-failure"}
        onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
      />
    </label>
  );

  return (
    <div class="login">
      <main class="login-card">
        <h1>
          <span class="brand">Rapport</span> {t("login.title")}
        </h1>
        <form ref={form} noValidate onSubmit={submit}>
          {input("tenant", "organization")}
          {input("user", "username")}
          {input("password", "current-password")}
          <p id="login-failure" class="failure" role="alert">
            {failure?.text}
          </p>
          <button type="submit" class="primary wide" aria-disabled={waiting}>
            {waiting ? t("login.waiting") : t("login.submit")}
          </button>
        </form>
      </main>
      <footer class="login-foot">
        <LanguageButton />
        <ThemeButton />
      </footer>
    </div>
  );
}
