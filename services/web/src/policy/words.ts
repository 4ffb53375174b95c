// Rules in words. A rule that this page does not know by name is told by its value, with its name as a title.

import { type Key, hasText, known, number, region, t, tn } from "../shared/i18n.ts";
import { moment } from "../shared/time.ts";
import type { Origin, QueueChoice, RuleKey, Rules, Who } from "./model.ts";
import { type Unit, type Wrong, inUnit, isDuration, unitOf } from "./rules.ts";

export function title(key: RuleKey): string {
  return known("rule", key.name);
}

/** A part of a rule; channels and classes have their names. */
export function partTitle(part: RuleKey): string {
  if (hasText(`rule_part.${part.name}`)) return t(`rule_part.${part.name}` as Key);
  return known("channel", part.name);
}

/** What the rule is about: in the language of the page, else as the configuration describes it. */
export function meaning(key: RuleKey): string {
  const own = `rule_help.${key.name}`;
  return hasText(own) ? t(own as Key) : key.meaning.replaceAll("`", "");
}

export function amount(seconds: number, unit: Unit = unitOf(seconds)): string {
  return tn(`unit.${unit}`, inUnit(seconds, unit), { amount: number(inUnit(seconds, unit)) });
}

export function value(key: RuleKey, said: unknown, queues: readonly QueueChoice[]): string {
  if (said === null || said === undefined) return t("policy.not_set");
  if (isDuration(key) && typeof said === "number") return said === 0 ? t("policy.none") : amount(said);
  if (key.name === "queue") return queues.find((queue) => queue.name === said)?.display_name ?? String(said);
  if (typeof said === "number") return number(said);
  if (typeof said === "boolean") return t(said ? "policy.yes" : "policy.no");
  if (Array.isArray(said)) {
    if (said.length === 0) return t("policy.none");
    const between = said.some((one) => typeof one === "object") ? "; " : t("policy.list_comma");
    return said.map((one: unknown) => entry(key, one)).join(between);
  }
  if (typeof said === "object") return Object.keys(said).length === 0 ? t("policy.none") : entry(key, said);
  return String(said);
}

/** One entry of a list, or a rule with parts. */
function entry(key: RuleKey, one: unknown): string {
  if (typeof one !== "object" || one === null)
    return typeof one === "string" ? (key.kind === "choices" ? known("class", one) : key.name === "purposes" ? known("purpose", one) : one) : JSON.stringify(one);
  if (key.name === "caps") {
    const { contacts, days } = one as Rules;
    return t("policy.cap", { contacts: String(contacts ?? "?"), days: String(days ?? "?") });
  }
  const parts = (key.keys ?? []).filter((part) => ((one as Rules)[part.name] ?? null) !== null);
  return parts
    .map((part) => {
      const said = String((one as Rules)[part.name]);
      if (part.name === "percent") return `${said.startsWith("-") ? "" : "+"}${said} %`;
      return `${partTitle(part)} ${known(part.name, said)}`;
    })
    .join(" ");
}

/** What a set of rules says, a sentence for each. Rules that make one sentence together are told once. */
export function sentences(keys: readonly RuleKey[], rules: Rules, queues: readonly QueueChoice[]): { name: string; text: string }[] {
  return keys.flatMap((key) => {
    const said = rules[key.name];
    const text = (phrase: string, values = {}) => [
      { name: key.name, text: t(phrase as Key, { value: value(key, said, queues), ...values }) },
    ];
    if (key.name === "quiet_from") {
      const until = String(rules["quiet_until"]);
      return said === until ? text("rule_says.no_quiet") : text("rule_says.quiet", { from: String(said), until });
    }
    if (key.name === "quiet_until") return [];
    const empty = said === null || said === undefined || said === 0 || (typeof said === "object" && Object.keys(said).length === 0);
    if (empty && hasText(`rule_says_not.${key.name}`)) return text(`rule_says_not.${key.name}`);
    return hasText(`rule_says.${key.name}`) ? text(`rule_says.${key.name}`) : text("rule_says.other", { title: title(key) });
  });
}

export function range(key: RuleKey): string | null {
  if (key.least === undefined || key.most === undefined) return null;
  const told = (bound: number) => (isDuration(key) ? amount(bound) : number(bound));
  return t("policy.range", { least: told(key.least), most: told(key.most) });
}

export function wrongText(key: RuleKey, what: Wrong): string {
  return t(`policy.wrong.${what}`, { range: range(key) ?? "" });
}

export function who(someone: Who | null | undefined): string {
  if (someone === null || someone === undefined || someone.kind === "operator") return t("policy.operator");
  if (someone.you) return t("policy.you");
  if (someone.kind === "program") return t("policy.program", { name: someone.name ?? "" });
  return someone.name ?? t("policy.somebody");
}

export function origin(of: Origin): string {
  switch (of.kind) {
    case "file":
    case "earlier":
      return t(`policy.origin.${of.kind}`);
    case "program":
      return t("policy.origin.program", { who: who(of.by) });
    case "released": {
      const values = { who: who(of.proposed_by), releaser: who(of.by), n: of.from_version ?? 0 };
      return t(of.from_version ? "policy.origin.back" : "policy.origin.released", values);
    }
  }
}

/** With its day, also when that is today: one end of a span of days. */
export function dayAndTime(when: number): string {
  return moment(when, when - 2 * 86_400_000, region.value);
}

export function at(when: number): string {
  return moment(when, Date.now(), region.value);
}
