// What the hub says of a contact policy, as docs/API.md writes it.

export type Rules = Record<string, unknown>;

/** One rule as the configuration describes it: the form, the words and the difference are made of this list. */
export interface RuleKey {
  name: string;
  kind: "whole" | "clock" | "flag" | "choice" | "choices" | "texts" | "dates" | "text" | "table" | "tables";
  least?: number;
  most?: number;
  choices?: string[];
  keys?: RuleKey[];
  meaning: string;
  required: boolean;
  default: unknown;
}

export interface Who {
  kind: "agent" | "program" | "operator";
  name: string | null;
  you: boolean;
}

export interface Origin {
  kind: "earlier" | "file" | "program" | "released";
  by: Who | null;
  proposed_by?: Who;
  proposed_at?: number;
  comment?: string;
  from_version?: number | null;
}

export interface Version {
  version: number;
  since: number;
  rules: Rules;
  origin: Origin;
}

export type Hindrance = "role" | "four_eyes" | "outdated" | "queue_gone";

export interface Proposal {
  id: string;
  rules: Rules;
  base: number;
  from_version: number | null;
  comment: string;
  by: Who;
  at: number;
  hindrance: Hindrance | null;
}

export interface QueueChoice {
  name: string;
  display_name: string;
  outbound: boolean;
}

export interface Policy {
  keys: RuleKey[];
  queues: QueueChoice[];
  in_force: Version | null;
  proposals: Proposal[];
  versions: Version[];
  next: number | null;
}

export const KINDS = ["not_made", "later", "earlier", "joined", "fewer_wishes", "added"] as const;
export type ChangeKind = (typeof KINDS)[number];

export type Share = Record<ChangeKind, number> & { reason: string | null; wishes_held: number; wishes_dropped: number };

export interface Example {
  customer: string;
  zone: string;
  at: number;
  kind: ChangeKind;
  reason: string | null;
  to: number | null;
  wishes: { department: string; purpose: string }[];
}

export interface Report {
  customers: number;
  skipped: number;
  contacts: number;
  reproduced: number;
  then: number;
  draft: number;
  unchanged: number;
  by_reason: Share[];
  examples: Example[];
}

export interface DryRun {
  id: string;
  state: "running" | "done" | "cancelled" | "failed";
  rules: Rules;
  base: number;
  from: number;
  until: number;
  customers_done: number;
  customers: number;
  report: Report | null;
}
