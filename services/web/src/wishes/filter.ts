import type { CustomerName, WishStatus, WishView } from "../shared/model.ts";

// What is looked for. Whom a wish concerns is asked by what people have at hand: a number, an address, a customer number.

export interface Filter {
  status: WishStatus | null;
  purpose: string | null;
  department: string | null;
  customer: CustomerName | null;
}

export const EVERYTHING: Filter = { status: null, purpose: null, department: null, customer: null };

export type Sought = { phone: string } | { email: string } | { external_id: string };

/** A number with its country, an address, else the customer number of another system; null when it is nothing. */
export function sought(text: string): Sought | null {
  const written = text.trim();
  if (written === "") return null;
  if (written.includes("@")) return { email: written };
  const digits = written.replace(/[\s()./-]/gu, "").replace(/^00/u, "+");
  return /^\+\d{4,}$/u.test(digits) ? { phone: digits } : { external_id: written };
}

/** The words that occur, to choose from: once each, in order. */
export function seen(wishes: readonly WishView[], of: "purpose" | "department", before: readonly string[]): string[] {
  return [...new Set([...before, ...wishes.map((wish) => wish[of])])].sort();
}

/** The others of the same customer: what is still to be said first, by when; then the newest of what is over. */
export function others(wishes: readonly WishView[], than: string): WishView[] {
  const over = ({ status }: WishView) => status === "done" || status === "dropped" || status === "withdrawn";
  const due = (wish: WishView) => wish.slot ?? wish.until ?? wish.expires_at;
  return wishes
    .filter(({ id }) => id !== than)
    .sort((one, other) => Number(over(one)) - Number(over(other)) || (over(one) ? other.filed_at - one.filed_at : due(one) - due(other)));
}
