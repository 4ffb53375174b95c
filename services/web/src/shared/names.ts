import { t } from "./i18n.ts";
import type { Work } from "./model.ts";
import { personal } from "./personal.ts";

interface Known {
  name: string | null;
  contact_point: { kind: string; value: string };
}

// Country codes are prefix-free (ITU-T E.164 lists them): one digit for 1 and 7, these with two, the others with three.
const COUNTRY = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d+)$/u;

/** A number in groups, as it is read aloud: the country, then threes, the last of them two to four. */
function phoneText(value: string): string {
  const parts = COUNTRY.exec(value);
  if (parts === null) return value;
  const [, country = "", rest = ""] = parts;
  return `+${country} ${rest.replace(/(\d{3})(?=\d{2})/gu, "$1 ")}`;
}

/** A contact point as people write it. */
export function contactText(kind: string, value: string): string {
  const shown = personal(value);
  if (shown !== value) return shown;
  if (kind === "chat_visitor") return t("contact.visitor", { id: value.slice(0, 6) });
  return kind === "phone" ? phoneText(value) : value;
}

/** How the desk calls a customer: by name, else by how they reached us. */
export function customerName(customer: Known): string {
  if (customer.name !== null) return personal(customer.name);
  return contactText(customer.contact_point.kind, customer.contact_point.value);
}

/** How the contact came about: `Chat · inbound · Support`. */
export function originText(work: Pick<Work, "channel" | "direction" | "queue">): string {
  const parts = [t(`channel.${work.channel}`), t(`direction.${work.direction}`)];
  return (work.queue === null ? parts : [...parts, work.queue.display_name]).join(" · ");
}
