import { Problem } from "./api.ts";
import { type Key, hasText, t } from "./i18n.ts";

/** What went wrong, for people: in their language, with the hub's own words where they say more than ours. Texts under
 * `own`, by the hub's code for the problem, are the page's. */
export function explain(problem: unknown, own: string | null = null): string {
  if (!(problem instanceof Problem)) return t("error.unexpected");
  const named = `${own}.${problem.code ?? ""}`;
  if (own !== null && hasText(named)) return t(named as Key);
  switch (problem.status) {
    case 0:
      return t("error.unreachable");
    case 401:
      return t("error.signed_out");
    case 403:
      return t("error.forbidden");
    case 404:
      return t("error.not_found");
    case 409:
      return problem.detail === null ? t("error.moment_passed") : t("error.refused", { detail: problem.detail });
    case 429:
      return problem.retryAfter === null ? t("error.too_often") : t("error.too_often_wait", { s: problem.retryAfter });
    case 503:
      return t("error.busy");
    default:
      return t("error.refused", { detail: problem.detail ?? problem.message });
  }
}
