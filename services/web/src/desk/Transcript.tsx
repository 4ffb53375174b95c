import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { hubTime } from "../shared/clock.ts";
import { region, t } from "../shared/i18n.ts";
import { pieces } from "../shared/links.ts";
import { personal } from "../shared/personal.ts";
import { exactTime, moment } from "../shared/time.ts";
import { sendAgain, takeBack } from "./actions.ts";
import { customerName } from "../shared/names.ts";
import type { Outgoing } from "./outbox.ts";
import { desk, outbox } from "./store.ts";
import type { WorkItem } from "./state.ts";

const NEAR_PX = 60;

/** What was said, and below it what is on its way. Follows the newest as long as the reader is at the end. */
export function Transcript({ item }: { item: WorkItem }) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [behind, setBehind] = useState(false);
  const going = outbox.value.filter((one) => one.interaction === item.id);
  const count = item.messages.length + going.length;

  const toEnd = () => {
    const log = box.current;
    if (log !== null) log.scrollTop = log.scrollHeight;
    setBehind(false);
  };
  useLayoutEffect(() => {
    if (atEnd.current) toEnd();
    else setBehind(true);
  }, [count]);
  const scrolled = () => {
    const log = box.current;
    if (log === null) return;
    atEnd.current = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
    if (atEnd.current) setBehind(false);
  };

  const me = desk.value.me?.agent;
  return (
    <div class="transcript-box">
      <div
        ref={box}
        class="transcript"
        role="log"
        aria-live="polite"
        aria-label={t("talk.log", { name: customerName(item.customer) })}
        tabIndex={0}
        onScroll={scrolled}
      >
        {count === 0 && <p class="empty muted">{t("talk.silent")}</p>}
        {item.messages.map((message) => {
          const own = message.from === "agent";
          const name = own ? (message.agent ?? me?.display_name ?? t("talk.agent")) : customerName(item.customer);
          return <Bubble key={message.id} own={own} name={name} text={message.text} at={message.at} />;
        })}
        {going.map((one) => (
          <Bubble key={one.id} own name={me?.display_name ?? t("talk.agent")} text={one.text} at={one.at} going={one} />
        ))}
      </div>
      {behind && (
        <button type="button" class="to-end" onClick={toEnd}>
          {t("talk.to_end")} ↓
        </button>
      )}
    </div>
  );
}

interface Said {
  own: boolean;
  name: string;
  text: string;
  at: number;
  going?: Outgoing;
}

function Bubble({ own, name, text, at, going }: Said) {
  return (
    <div class="bubble" data-own={own} data-state={going?.state ?? "there"}>
      <p class="bubble-head">
        <b>{name}</b>{" "}
        <time dateTime={new Date(at).toISOString()} title={exactTime(at, region.value)}>
          {moment(at, hubTime(), region.value)}
        </time>
      </p>
      <p class="bubble-text">
        <Linked text={text} />
      </p>
      {going?.state === "waiting" && <p class="bubble-foot">{t("message.sending")}</p>}
      {going?.state === "refused" && (
        <p class="bubble-foot failure">
          {t("message.refused")}{" "}
          <button type="button" onClick={() => sendAgain(going.id)}>
            {t("message.again")}
          </button>{" "}
          <button type="button" onClick={() => takeBack(going.id)}>
            {t("message.take_back")}
          </button>
        </p>
      )}
    </div>
  );
}

/** A text with its addresses as links. The page that is opened learns neither our address nor who looked. */
export function Linked({ text }: { text: string }) {
  return (
    <>
      {pieces(personal(text)).map((piece) =>
        piece.href === null ? (
          piece.text
        ) : (
          <a href={piece.href} target="_blank" rel="noopener noreferrer">
            {piece.text}
          </a>
        ),
      )}
    </>
  );
}
