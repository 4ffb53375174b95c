import { t } from "../shared/i18n.ts";

interface Known {
  name: string | null;
  contact_point: { kind: string; value: string };
}

/** A number in groups, as it is read aloud; other contact points as they are. */
export function contactText(kind: string, value: string): string {
  if (kind === "chat_visitor") return t("contact.visitor", { id: value.slice(0, 6) });
  if (kind !== "phone" || !/^\+\d{8,15}$/u.test(value)) return value;
  return value.replace(/^(\+\d{2,3})(\d{3})(\d{3,4})(\d+)$/u, "$1 $2 $3 $4");
}

/** How the desk calls a customer: by name, else by how they reached us. */
export function customerName(customer: Known): string {
  return customer.name ?? contactText(customer.contact_point.kind, customer.contact_point.value);
}
