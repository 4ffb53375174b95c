import { hubTime } from "./clock.ts";
import { known, region, t } from "./i18n.ts";
import type { WishView } from "./model.ts";
import { moment } from "./time.ts";

/** Where a wish stands beside its status: what came of it, what keeps it, when it is said. */
export function standing(wish: WishView): string[] {
  const at = (when: number) => moment(when, hubTime(), region.value);
  const waits = wish.status === "held" || wish.status === "open";
  return [
    wish.outcome === null ? null : t(`outcome.${wish.outcome}`),
    wish.reason === null ? null : known("reason", wish.reason),
    wish.until === null || !waits ? null : t("decisions.until", { time: at(wish.until) }),
    wish.slot === null || wish.status !== "planned" ? null : t("decisions.slot", { time: at(wish.slot) }),
  ].filter((part) => part !== null);
}

/** Whether its department may still change its mind: not while it is being said, nor afterwards. */
export function changeable({ status }: Pick<WishView, "status">): boolean {
  return status === "open" || status === "held" || status === "planned";
}
