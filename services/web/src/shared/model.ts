// What the hub says and hears, as docs/API.md writes it. Moments are milliseconds since 1970, ids are UUIDs.

export type Channel = "voice" | "chat" | "sms" | "email";
export type Direction = "inbound" | "outbound";
export type PresenceState = "ready" | "not_ready" | "logged_out";

export interface Presence {
  state: PresenceState;
  reason?: string | null;
}

export interface Me {
  agent: { id: string; name: string; display_name: string; role: "agent" | "supervisor" };
  tenant: { name: string; display_name: string };
  presence: Presence;
  presence_since: number;
  not_ready_reasons: string[];
}

export interface QueueName {
  id: string;
  name: string;
  display_name: string;
}

export type WishClass = "mandatory" | "service" | "marketing";
export type Outcome = "agreed" | "declined" | "informed" | "later" | "wrong_person" | "not_discussed";
export const OUTCOMES: readonly Outcome[] = [
  "agreed",
  "declined",
  "informed",
  "later",
  "wrong_person",
  "not_discussed",
];

export interface AgendaItem {
  wish: string;
  department: string;
  purpose: string;
  class: WishClass;
  talking_point: string;
  script: string | null;
  evidence?: string | null;
  expected_seconds?: number;
  outcome: Outcome | null;
  /** When the customer wants to hear of it again. */
  not_before?: number | null;
}

export interface Message {
  id: string;
  from: "customer" | "agent";
  agent: string | null;
  text: string;
  at: number;
  seq: number;
}

export type Phase = "offered" | "active" | "wrap_up";

export interface Work {
  id: string;
  channel: Channel;
  direction: Direction;
  phase: Phase;
  since: number;
  /** End of the offer or of wrap-up. */
  until: number | null;
  /** Null when the queue is no longer set up. */
  queue: QueueName | null;
  customer: { id: string; name: string | null; contact_point: { kind: string; value: string } };
  waiting_since: number | null;
  connected_at: number | null;
  agenda: AgendaItem[];
  dispositions: string[];
  disposition: string | null;
  /** Null in a change: the messages are as they were. */
  messages: Message[] | null;
}

export type DeskFrame =
  | { t: "snapshot"; position: number; me: Me; work: Work[] }
  | { t: "resumed"; position: number }
  | { t: "work"; position: number; item: Work }
  | { t: "message"; position: number; interaction: string; message: Message }
  | { t: "gone"; position: number; interaction: string }
  | { t: "me"; position: number; me: Me };

/** Somebody wants not to be contacted: at all, or not about selling. */
export interface Block {
  scope: string;
  until: number | null;
  source: string | null;
  since: number;
  reason: string | null;
}

export interface Consent {
  purpose: string;
  channel: string;
  given: boolean;
  wording?: string | null;
  source?: string | null;
  stated_at?: number;
  expires_at?: number | null;
}

export interface Complaint {
  id: string;
  about: string;
  opened_at: number;
  closed_at: number | null;
}

/** What a department's system knows; the value is a text in its normal form. */
export interface DepartmentFact {
  department: string;
  key: string;
  kind: string;
  value: string;
  currency: string | null;
  source: string | null;
  as_of: number;
}

export interface Qualification {
  admission: string;
  segment: string | null;
  tier: string | null;
  evidence: string;
  at: number;
}

/** What is left out is not known: a hub that does not keep it yet says nothing of it. */
export interface Customer {
  id: string;
  name: string | null;
  contact_points: { kind: string; value: string; verified: boolean; source?: string | null; preferred?: boolean; listed?: Block[] }[];
  zone: string | null;
  do_not_contact: boolean | null;
  blocks?: Block[];
  consent: Consent[];
  complaints?: Complaint[];
  facts?: DepartmentFact[];
  qualification?: Qualification | null;
  wishes: WishView[];
}

export interface CustomerName {
  id: string;
  name: string | null;
}

/** How often the customer was contacted, and from when on they may be again. */
export interface Pressure {
  windows: { days: number; contacts: number; cap: number }[];
  next_allowed: number;
  because: string | null;
  contacts: { at: number; channel: Channel; origin: "planned" | "agent" | "elsewhere"; reached: boolean | null }[];
}

export const WISH_STATUSES = ["open", "held", "planned", "in_contact", "done", "dropped", "withdrawn"] as const;
export type WishStatus = (typeof WISH_STATUSES)[number];

export interface WishView {
  id: string;
  customer: string;
  department: string;
  purpose: string;
  class: WishClass;
  value: number;
  propensity: number;
  expected_seconds: number;
  bundle: boolean;
  channels: Channel[];
  filed_at: number;
  amended_at: number | null;
  not_before: number | null;
  expires_at: number;
  status: WishStatus;
  reason: string | null;
  until: number | null;
  plan: string | null;
  slot: number | null;
  outcome: Outcome | null;
  note: string | null;
  outcome_at: number | null;
  /** The moment the customer asked for. */
  asked_for: number | null;
  attempts: number;
}

/** A decision in a sentence, in both languages. */
export interface Words {
  en: string;
  zh: string;
}

export interface TimelineItem {
  position: number;
  at: number;
  interaction: string | null;
  channel: Channel | null;
  direction: Direction | null;
  kind: string;
  text: string | null;
  agent: string | null;
  queue: string | null;
  department: string | null;
  purpose: string | null;
  outcome: string | null;
  reason: string | null;
}

export interface Decision {
  position: number;
  at: number;
  decision: string;
  plan: string | null;
  interaction: string | null;
  wishes: { wish: string; department: string; purpose: string }[];
  slot: number | null;
  until: number | null;
  reason: string;
  policy_version: number;
  inputs: Record<string, unknown>;
  scores: Record<string, number>;
  /** Null for what a later hub has decided. */
  text?: Words | null;
}

export interface QueueLine extends QueueName {
  outbound: boolean;
  waiting: number;
  longest_since: number | null;
  offered: number;
  answered: number;
  answered_in_target: number;
  abandoned: number;
  service_level: number | null;
  service_level_target: number;
  target_seconds: number;
  asa_seconds: number | null;
}

export type FloorState = "ready" | "offered" | "busy" | "wrap_up" | "not_ready" | "logged_out";

export interface AgentLine {
  id: string;
  display_name: string;
  state: FloorState;
  reason: string | null;
  since: number;
  work: { channel: Channel; phase: Phase; since: number }[];
}

export type WallFrame =
  | {
      t: "snapshot";
      position: number;
      at: number;
      tenant: { name: string; display_name: string };
      queues: QueueLine[];
      agents: AgentLine[];
    }
  | { t: "resumed"; position: number }
  | { t: "queue"; position: number; queue: QueueLine }
  | { t: "agent"; position: number; agent: AgentLine };
