import { useEffect } from "preact/hooks";
import { LanguageButton, ThemeButton } from "../shared/controls.tsx";
import { Icon } from "../shared/icons.tsx";
import { t } from "../shared/i18n.ts";
import { Detail } from "./Detail.tsx";
import { Filters } from "./Filters.tsx";
import { List } from "./List.tsx";
import { broken, chosen, list, me, message } from "./store.ts";

export function Page() {
  const who = me.value;
  useEffect(() => {
    document.title = `${t("wishes.title")} · ${who?.tenant.display_name ?? "Rapport"}`;
  });
  return (
    <div class="page wish-book">
      <a class="skip-link" href="#main">
        {t("wishes.skip")}
      </a>
      <header class="top">
        <h1>
          <span class="brand">Rapport</span> {t("wishes.title")}
        </h1>
        {who !== null && (
          <span class="who">
            <b>{who.agent.display_name}</b> <span class="muted">{who.tenant.display_name}</span>
          </span>
        )}
        <span class="tools">
          <a class="button quiet" href="/">
            {t("wallboard.desk")}
          </a>
          <ThemeButton />
          <LanguageButton />
        </span>
      </header>
      <main id="main" tabIndex={-1} data-open={chosen.value !== null}>
        <Message />
        <Content />
      </main>
    </div>
  );
}

function Content() {
  if (broken.value !== null)
    return (
      <p class="splash failure" role="alert">
        {broken.value}
      </p>
    );
  if (list.value === null) return <p class="splash">{t("loading")}</p>;
  return (
    <>
      <Filters />
      <List shown={list.value} />
      {chosen.value !== null && <Detail chosen={chosen.value} key={chosen.value.id} />}
    </>
  );
}

/** What came of the last request. A refusal is told at once, a success when there is a pause. */
function Message() {
  const said = message.value;
  return (
    <div class="message-place">
      <div role="status">{said?.tone === "good" && <Note tone="good" text={said.text} />}</div>
      <div role="alert">{said?.tone === "bad" && <Note tone="bad" text={said.text} />}</div>
    </div>
  );
}

function Note({ tone, text }: { tone: "good" | "bad"; text: string }) {
  return (
    <p class="message" data-tone={tone}>
      <Icon name={tone === "good" ? "check" : "alert"} /> <span>{text}</span>
      <button type="button" class="quiet square" aria-label={t("close")} onClick={() => (message.value = null)}>
        <Icon name="close" />
      </button>
    </p>
  );
}
