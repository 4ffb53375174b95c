// What the visitor sees: transcript, banner and composer. Texts are text nodes throughout.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { type Status } from "./connection.ts";
import { type Pending } from "./conversation.ts";
import { withLinks } from "./links.ts";
import { type Line, MAX_TEXT_BYTES } from "./protocol.ts";
import { fill, type Texts } from "./texts.ts";

export interface View {
  lines: Line[];
  pending: Pending[];
  status: Status;
  /** There is a conversation and it is not over. */
  open: boolean;
  /** The panel is on screen. */
  visible: boolean;
}

interface Props {
  view: ReadonlySignal<View>;
  texts: Texts;
  lang: string;
  embedded: boolean;
  say(text: string): void;
  discard(cid: string): void;
  leave(): void;
  close(): void;
}

export function Chat({ view, texts, lang, embedded, say, discard, leave, close }: Props) {
  const { lines, pending, status, open, visible } = view.value;
  const log = useRef<HTMLDivElement>(null);
  const composer = useRef<HTMLTextAreaElement>(null);
  const atEnd = useRef(true);

  useEffect(() => {
    if (visible && embedded) composer.current?.focus();
  }, [visible]);
  useEffect(() => {
    // Whoever scrolled up to read is left alone.
    if (atEnd.current && log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [lines.length, pending.length, visible]);

  return (
    <section class="chat" role="dialog" aria-labelledby="title">
      <header>
        <div>
          <h1 id="title">{texts.title}</h1>
          <p>{texts.subtitle}</p>
        </div>
        {open && (
          <button type="button" class="quiet" onClick={leave}>
            {texts.leave}
          </button>
        )}
        {embedded && (
          <button type="button" class="quiet icon" aria-label={texts.close} onClick={close}>
            <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
              <path d="M5 5l14 14M19 5L5 19" />
            </svg>
          </button>
        )}
      </header>
      <div class="banner" role="status">
        {status === "online" ? null : <p class={status}>{texts[status]}</p>}
      </div>
      <div
        class="transcript"
        role="log"
        aria-live="polite"
        aria-label={texts.transcript}
        tabIndex={0}
        ref={log}
        onScroll={({ currentTarget: box }) => {
          atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
        }}
      >
        {lines.length + pending.length === 0 && <p class="note">{texts.hello}</p>}
        {lines.map((line) => (
          <Entry key={line.kind === "visitor" ? line.cid : `${line.epoch}/${line.seq}`} line={line} texts={texts} lang={lang} />
        ))}
        {pending.map((message) => (
          <div key={message.cid} class={message.failed ? "bubble mine failed" : "bubble mine"} role="group" aria-label={texts.you}>
            <Text text={message.text} texts={texts} />
            <p class="meta">
              {message.failed ? (message.failed === "too_long" ? texts.tooLong : texts.notSent) : texts.sending}
              {message.failed && (
                <button type="button" class="plain" onClick={() => discard(message.cid)}>
                  {texts.discard}
                </button>
              )}
            </p>
          </div>
        ))}
      </div>
      <Composer texts={texts} field={composer} disabled={status === "refused"} say={say} />
    </section>
  );
}

function Entry({ line, texts, lang }: { line: Line; texts: Texts; lang: string }) {
  switch (line.kind) {
    case "waiting":
      return <p class="note">{texts.waiting}</p>;
    case "joined":
      return <p class="note">{fill(texts.joined, { name: line.agent })}</p>;
    case "closed":
      return <p class="note">{texts.closed}</p>;
    case "visitor":
    case "agent": {
      const mine = line.kind === "visitor";
      const name = line.kind === "agent" ? line.agent : texts.you;
      const at = new Date(line.at);
      const time = at.toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
      return (
        <div class={mine ? "bubble mine" : "bubble"} role="group" aria-label={`${name}, ${time}`}>
          <Text text={line.text} texts={texts} />
          <p class="meta">
            <span>{name}</span> <time dateTime={at.toISOString()}>{time}</time>
          </p>
        </div>
      );
    }
  }
}

function Text({ text, texts }: { text: string; texts: Texts }) {
  return (
    <p class="text" dir="auto">
      {withLinks(text).map((part) =>
        "href" in part ? (
          <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
            <span class="hidden"> {texts.opensNew}</span>
          </a>
        ) : (
          part.text
        ),
      )}
    </p>
  );
}

interface ComposerProps {
  texts: Texts;
  field: { current: HTMLTextAreaElement | null };
  disabled: boolean;
  say(text: string): void;
}

function Composer({ texts, field, disabled, say }: ComposerProps) {
  const draft = useSignal("");
  const tooLong = new TextEncoder().encode(draft.value).length > MAX_TEXT_BYTES;
  const send = () => {
    if (tooLong || disabled || draft.value.trim() === "") return;
    say(draft.value);
    draft.value = "";
    field.current?.focus();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="hidden" for="composer">
        {texts.composer}
      </label>
      <textarea
        id="composer"
        ref={field}
        rows={2}
        placeholder={texts.placeholder}
        aria-describedby="hint"
        aria-invalid={tooLong}
        disabled={disabled}
        value={draft.value}
        onInput={({ currentTarget }) => {
          draft.value = currentTarget.value;
        }}
        onKeyDown={(event) => {
          // While an input method composes, Enter picks a candidate.
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <button type="submit" disabled={disabled || tooLong}>
        {texts.send}
      </button>
      <p id="hint" class={tooLong ? "wrong" : undefined} role={tooLong ? "alert" : undefined}>
        {tooLong ? texts.tooLong : texts.hint}
      </p>
    </form>
  );
}
