import { t } from "./i18n.ts";

/** What stands in the place of a personal value once its owner is forgotten (rapport-domain, `private`). */
const FORGOTTEN = "⟪forgotten⟫";

/** A name, an address or words of somebody as they are shown: what is gone for good is said to be. */
export function personal(value: string): string {
  return value === FORGOTTEN ? t("forgotten") : value;
}
