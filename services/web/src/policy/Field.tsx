import { useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { known, t } from "../shared/i18n.ts";
import type { QueueChoice, RuleKey, Rules } from "./model.ts";
import { type Unit, UNITS, inUnit, isDuration, toSeconds, unitOf } from "./rules.ts";
import { meaning, partTitle, range, title } from "./words.ts";

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
  const several = rule.kind === "choices" || rule.kind === "table" || rule.kind === "tables";
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
      <fieldset class="rule" data-changed={changed} data-wide={rule.kind === "tables" && (rule.keys ?? []).length > 2} aria-describedby={described(shown)}>
        <legend>{name}</legend>
        {rule.kind === "choices" && <Choices {...shown} />}
        {rule.kind === "table" && <Parts {...shown} />}
        {rule.kind === "tables" && <Rows {...shown} />}
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
    case "dates":
      return (
        <textarea
          {...common(shown)}
          rows={3}
          value={Array.isArray(said) ? said.join("\n") : text}
          onInput={(event) => onSay(lines(event.currentTarget.value))}
        />
      );
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

/** One part of a rule that has several. */
function Part({ of, name, part, said, first, onSay }: { of: RuleKey; name: string; part: RuleKey; said: unknown; first: boolean; onSay: (said: unknown) => void }) {
  const text = said === null || said === undefined ? "" : String(said);
  const own = { "aria-label": name, ...(first ? { "data-rule": of.name } : {}) };
  if (part.kind === "choice")
    return (
      <select {...own} value={text} onChange={(event) => onSay(event.currentTarget.value === "" ? null : event.currentTarget.value)}>
        {!part.required && <option value="">{t("policy.any")}</option>}
        {(part.choices ?? []).map((choice) => (
          <option key={choice} value={choice}>
            {known("class", choice)}
          </option>
        ))}
      </select>
    );
  const isNumber = part.kind === "whole";
  const say = (written: string) => onSay(isNumber ? readNumber(written) : written === "" ? null : written);
  return (
    <input
      {...own}
      type="text"
      inputMode={isNumber ? "decimal" : "text"}
      autocomplete="off"
      placeholder={part.required || isNumber ? "" : t("policy.any")}
      value={text}
      onInput={(event) => say(event.currentTarget.value)}
    />
  );
}

/** What is left out is left out: an empty part says nothing. */
function without(row: Rules, name: string, said: unknown): Rules {
  return Object.fromEntries(Object.entries({ ...row, [name]: said }).filter(([, value]) => value !== null));
}

/** A rule with a value for each of its parts. */
function Parts({ rule, said, onSay }: Shown) {
  const row = (typeof said === "object" && said !== null ? said : {}) as Rules;
  return (
    <div class="parts">
      {(rule.keys ?? []).map((part, nth) => (
        <label key={part.name}>
          <span aria-hidden="true">{partTitle(part)}</span>
          <Part of={rule} name={partTitle(part)} part={part} said={row[part.name]} first={nth === 0} onSay={(next) => onSay(without(row, part.name, next))} />
        </label>
      ))}
    </div>
  );
}

/** A rule that is a list: a row for each entry, and a button for another one. */
function Rows({ rule, said, onSay }: Shown) {
  const rows = (Array.isArray(said) ? said : []) as Rules[];
  const parts = rule.keys ?? [];
  const say = (nth: number, row: Rules) => onSay(rows.map((other, place) => (place === nth ? row : other)));
  return (
    <div class="rows">
      {rows.length === 0 && <span class="muted">{t("policy.none")}</span>}
      {rows.map((row, nth) => (
        <div key={nth} class="rule-row" role="group" aria-label={t("policy.entry", { title: title(rule), n: nth + 1 })}>
          {parts.map((part, place) => (
            <label key={part.name}>
              <span aria-hidden="true">{partTitle(part)}</span>
              <Part of={rule} name={partTitle(part)} part={part} said={row[part.name]} first={nth === 0 && place === 0} onSay={(next) => say(nth, without(row, part.name, next))} />
            </label>
          ))}
          <button type="button" class="quiet square" aria-label={t("policy.remove", { title: title(rule), n: nth + 1 })} onClick={() => onSay(rows.filter((_, place) => place !== nth))}>
            <Icon name="close" />
          </button>
        </div>
      ))}
      <button type="button" {...(rows.length === 0 ? { "data-rule": rule.name } : {})} onClick={() => onSay([...rows, {}])}>
        {t("policy.add", { title: title(rule) })}
      </button>
    </div>
  );
}
