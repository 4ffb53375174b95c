import { useState } from "preact/hooks";
import { known, t } from "../shared/i18n.ts";
import type { QueueChoice, RuleKey } from "./model.ts";
import { type Unit, UNITS, inUnit, isDuration, toSeconds, unitOf } from "./rules.ts";
import { meaning, range, title } from "./words.ts";

interface Shown {
  rule: RuleKey;
  said: unknown;
  queues: readonly QueueChoice[];
  changed: boolean;
  error: string | null;
  onSay: (said: unknown) => void;
}

/** One rule of the form: its name, the control that fits what it holds, what it means and what it may be. */
export function Field(shown: Shown) {
  const { rule, changed, error } = shown;
  const bounds = range(rule);
  const several = rule.kind === "choices";
  const hint = (
    <>
      <span id={`hint-${rule.name}`} class="hint">
        {meaning(rule)}
        {bounds !== null && ` ${bounds}`}
      </span>
      {error !== null && (
        <span id={`error-${rule.name}`} class="hint failure">
          {error}
        </span>
      )}
    </>
  );
  const name = (
    <>
      {title(rule)}{" "}
      {changed && <span class="changed">{t("policy.changed")}</span>}
    </>
  );
  if (several)
    return (
      <fieldset class="rule" data-changed={changed} aria-describedby={described(shown)}>
        <legend>{name}</legend>
        <Choices {...shown} />
        {hint}
      </fieldset>
    );
  return (
    <div class="rule" data-changed={changed}>
      <label for={`rule-${rule.name}`}>{name}</label>
      <Control {...shown} />
      {hint}
    </div>
  );
}

function described({ rule, error }: Shown): string {
  return error === null ? `hint-${rule.name}` : `error-${rule.name} hint-${rule.name}`;
}

function common(shown: Shown) {
  const { rule, error } = shown;
  return {
    id: `rule-${rule.name}`,
    "data-rule": rule.name,
    "aria-invalid": error !== null,
    "aria-describedby": described(shown),
  };
}

function Control(shown: Shown) {
  const { rule, said, queues, onSay } = shown;
  const text = said === null || said === undefined ? "" : String(said);
  if (isDuration(rule)) return <Duration {...shown} />;
  if (rule.name === "queue") {
    // Planned calls give way to customers who call only in a queue that is marked for them.
    const fitting = queues.filter((queue) => queue.outbound || queue.name === said);
    return (
      <select {...common(shown)} value={text} onChange={(event) => onSay(event.currentTarget.value)}>
        {(fitting.length === 0 ? queues : fitting).map((queue) => (
          <option key={queue.name} value={queue.name}>
            {queue.display_name}
          </option>
        ))}
      </select>
    );
  }
  switch (rule.kind) {
    case "whole":
      return (
        <input
          {...common(shown)}
          type="text"
          inputMode="numeric"
          autocomplete="off"
          value={text}
          onInput={(event) => onSay(readNumber(event.currentTarget.value))}
        />
      );
    case "clock":
      return <input {...common(shown)} type="time" value={text} onInput={(event) => onSay(event.currentTarget.value)} />;
    case "flag":
      return <input {...common(shown)} type="checkbox" checked={said === true} onChange={(event) => onSay(event.currentTarget.checked)} />;
    case "choice":
      return (
        <select {...common(shown)} value={text} onChange={(event) => onSay(event.currentTarget.value)}>
          {(rule.choices ?? []).map((choice) => (
            <option key={choice} value={choice}>
              {known("class", choice)}
            </option>
          ))}
        </select>
      );
    case "texts":
      return (
        <textarea
          {...common(shown)}
          rows={3}
          value={Array.isArray(said) ? said.join("\n") : text}
          onInput={(event) => onSay(lines(event.currentTarget.value))}
        />
      );
    case "table":
    case "tables":
      return <Written {...shown} />;
    default:
      return <input {...common(shown)} type="text" autocomplete="off" value={text} onInput={(event) => onSay(event.currentTarget.value)} />;
  }
}

function lines(text: string): string[] {
  // The line that is being written stays, so that a new one can be begun.
  return text === "" ? [] : text.split("\n").map((line) => line.trimStart());
}

/** A number, nothing, or what was typed instead: the check says what is wrong with it. */
function readNumber(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const read = Number(trimmed);
  return Number.isFinite(read) ? read : trimmed;
}

/** A time as a number and a unit, so that nobody counts zeros. */
function Duration(shown: Shown) {
  const { rule, said, onSay } = shown;
  const [unit, setUnit] = useState<Unit>(typeof said === "number" ? unitOf(said) : "minutes");
  const text = typeof said === "number" ? String(inUnit(said, unit)) : String(said ?? "");
  const say = (written: unknown, of: Unit) => onSay(typeof written === "number" ? toSeconds(written, of) : written);
  return (
    <span class="duration">
      <input
        {...common(shown)}
        type="text"
        inputMode="decimal"
        autocomplete="off"
        value={text}
        onInput={(event) => say(readNumber(event.currentTarget.value), unit)}
      />
      <select
        aria-label={t("policy.unit_of", { title: title(rule) })}
        value={unit}
        onChange={(event) => {
          const next = UNITS.find((one) => one === event.currentTarget.value) ?? unit;
          say(readNumber(text), next);
          setUnit(next);
        }}
      >
        {UNITS.map((one) => (
          <option key={one} value={one}>
            {t(`units.${one}`)}
          </option>
        ))}
      </select>
    </span>
  );
}

function Choices({ rule, said, onSay }: Shown) {
  const chosen = Array.isArray(said) ? said : [];
  return (
    <span class="choices-row">
      {(rule.choices ?? []).map((choice, nth) => (
        <label key={choice} class="choice">
          <input
            type="checkbox"
            {...(nth === 0 ? { "data-rule": rule.name } : {})}
            checked={chosen.includes(choice)}
            onChange={(event) =>
              onSay(event.currentTarget.checked ? [...chosen, choice] : chosen.filter((other) => other !== choice))
            }
          />{" "}
          {known("class", choice)}
        </label>
      ))}
    </span>
  );
}

/** A rule with parts of its own, as JSON: what is typed is kept until it can be read. */
function Written(shown: Shown) {
  const { said, onSay } = shown;
  const [text, setText] = useState(said === null || said === undefined ? "" : JSON.stringify(said, null, 2));
  const read = (written: string) => {
    setText(written);
    if (written.trim() === "") return onSay(null);
    try {
      onSay(JSON.parse(written));
    } catch {
      onSay(written);
    }
  };
  return <textarea {...common(shown)} class="code" rows={5} spellcheck={false} value={text} onInput={(event) => read(event.currentTarget.value)} />;
}
