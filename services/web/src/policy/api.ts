import { request } from "../shared/api.ts";
import type { DryRun, Policy, Rules } from "./model.ts";

const at = encodeURIComponent;

interface Done {
  id: string;
  new: boolean;
  version: number;
}

/** What a dry run asks about. */
export type Asked = { rules: Rules } | { proposal: string } | { from_version: number };

export const api = {
  policy: (before: number | null) => request<Policy>("GET", before === null ? "/policy" : `/policy?before=${before}`),
  propose: (key: string, rules: Rules, comment: string) => request<Done>("POST", "/policy/proposals", { key, rules, comment }),
  goBack: (key: string, version: number, comment: string) =>
    request<Done>("POST", "/policy/proposals", { key, from_version: version, comment }),
  withdraw: (id: string) => request<Done>("DELETE", `/policy/proposals/${at(id)}`),
  release: (id: string) => request<Done>("POST", `/policy/proposals/${at(id)}/release`),
  dryRun: (asked: Asked, days: number) => request<{ id: string }>("POST", "/policy/dry-runs", { ...asked, days }),
  dryRunNow: (id: string) => request<DryRun>("GET", `/policy/dry-runs/${at(id)}`),
  cancelDryRun: (id: string) => request<void>("DELETE", `/policy/dry-runs/${at(id)}`),
};
