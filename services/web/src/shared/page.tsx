import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { LanguageButton, ThemeButton } from "./controls.tsx";
import { type Key, t } from "./i18n.ts";
import { Icon } from "./icons.tsx";
import type { Me } from "./model.ts";

/** What came of the last request. */
export interface Said {
  tone: "good" | "bad";
  text: string;
}

interface Props {
  title: Key;
  skip: Key;
  who: Me | null;
  message: Signal<Said | null>;
  /** Marks the page for its own styles. */
  kind?: string;
  /** Whether something is opened beside the list. */
  open?: boolean;
  children: ComponentChildren;
}

/** A page beside the desk: its head, the way past it, and the place for messages. */
export function PageFrame({ title, skip, who, message, kind, open, children }: Props) {
  useEffect(() => {
    document.title = `${t(title)} · ${who?.tenant.display_name ?? "Rapport"}`;
  });
  return (
    <div class={kind === undefined ? "page" : `page ${kind}`}>
      <a class="skip-link" href="#main">
        {t(skip)}
      </a>
      <header class="top">
        <h1>
          <span class="brand">Rapport</span> {t(title)}
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
      <main id="main" tabIndex={-1} data-open={open}>
        <Message message={message} />
        {children}
      </main>
    </div>
  );
}

/** A refusal is told at once, a success when there is a pause. */
function Message({ message }: { message: Signal<Said | null> }) {
  const said = message.value;
  const note = said !== null && <Note said={said} onClose={() => (message.value = null)} />;
  return (
    <div class="message-place">
      <div role="status">{said?.tone === "good" && note}</div>
      <div role="alert">{said?.tone === "bad" && note}</div>
    </div>
  );
}

function Note({ said, onClose }: { said: Said; onClose: () => void }) {
  return (
    <p class="message" data-tone={said.tone}>
      <Icon name={said.tone === "good" ? "check" : "alert"} /> <span>{said.text}</span>
      <button type="button" class="quiet square" aria-label={t("close")} onClick={onClose}>
        <Icon name="close" />
      </button>
    </p>
  );
}
