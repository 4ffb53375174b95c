// What is known of a customer beside who they are, made ready to be told: what stops us, what departments know.

import { number, region, t } from "../shared/i18n.ts";
import type { Block, Customer, DepartmentFact, Pressure } from "../shared/model.ts";
import { personal } from "../shared/personal.ts";
import { day } from "../shared/time.ts";

/** What is in force against contacts now, the widest first; one without an end before one that ends. */
export function stops(customer: Pick<Customer, "do_not_contact" | "blocks">, now: number): Block[] {
  const holding = (customer.blocks ?? []).filter(({ until }) => until === null || until > now);
  const wide = holding.some(({ scope }) => scope === "all");
  // A hub that keeps no blocks says only that there is one.
  if (customer.do_not_contact === true && !wide) holding.push({ scope: "all", until: null, source: null, since: 0, reason: null });
  const rank = ({ scope, until }: Block) => (scope === "all" ? 0 : 2) + (until === null ? 0 : 1);
  return holding.sort((one, other) => rank(one) - rank(other));
}

/** The facts by department, in the order the hub tells them. */
export function byDepartment(facts: readonly DepartmentFact[]): [string, DepartmentFact[]][] {
  const groups = new Map<string, DepartmentFact[]>();
  for (const fact of facts) groups.set(fact.department, [...(groups.get(fact.department) ?? []), fact]);
  return [...groups];
}

/** A value as people write it; one that cannot be read is shown as it is. */
export function factText({ kind, value, currency }: Pick<DepartmentFact, "kind" | "value" | "currency">): string {
  const shown = personal(value);
  if (shown !== value) return shown;
  if (kind === "flag") return t(value === "true" ? "policy.yes" : "policy.no");
  if (kind === "date") {
    const at = Date.parse(`${value}T00:00:00Z`);
    return Number.isFinite(at) ? day(at, region.value, "UTC") : value;
  }
  if (kind !== "number" || value.trim() === "" || !Number.isFinite(Number(value))) return value;
  if (currency === null) return number(Number(value), { maximumFractionDigits: 4 });
  try {
    return number(Number(value), { style: "currency", currency });
  } catch {
    return `${value} ${currency}`;
  }
}

/** How near the customer is to what is allowed: a cap that is reached, one contact left, or room. */
export function crowding({ windows, next_allowed }: Pick<Pressure, "windows" | "next_allowed">, now: number): "over" | "near" | "free" {
  if (next_allowed > now) return "over";
  return windows.some(({ contacts, cap }) => cap > 1 && contacts > 0 && contacts + 1 >= cap) ? "near" : "free";
}
