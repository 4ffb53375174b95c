// A small invented company in the middle of its day. Names and numbers belong to nobody.
import { randomUUID } from "node:crypto";

const MINUTE = 60_000;
export const start = Date.now();
const ago = (minutes) => start - minutes * MINUTE;

export const me = {
  agent: { id: randomUUID(), name: "anna", display_name: "Anna Berger", role: "supervisor" },
  tenant: { name: "northwind", display_name: "Nordwind Energie" },
  presence: { state: "ready" },
  presence_since: ago(12.4),
  not_ready_reasons: ["break", "lunch", "meeting", "training"],
};

const queue = (name, display_name, outbound, target_seconds, service_level_target, numbers) => {
  const [waiting, longest, offered, answered, in_target, abandoned, asa] = numbers;
  return {
    id: randomUUID(), name, display_name, outbound, waiting,
    longest_since: longest === null ? null : start - longest * 1000,
    offered, answered, answered_in_target: in_target, abandoned,
    service_level: offered === 0 ? null : (100 * in_target) / offered,
    service_level_target, target_seconds, asa_seconds: asa,
  };
};
export const queues = [
  queue("service", "Kundendienst", false, 20, 80, [4, 48, 312, 291, 232, 14, 17.2]),
  queue("sales", "Vertrieb", false, 20, 80, [0, null, 126, 124, 117, 2, 8.6]),
  queue("billing", "Rechnungen", false, 30, 80, [7, 143, 188, 158, 104, 23, 51.4]),
  queue("chat", "Chat 在线客服", false, 60, 85, [1, 22, 241, 236, 219, 4, 24.9]),
  queue("outreach", "Outreach", true, 0, 0, [3, 190, 64, 58, 0, 0, null]),
];
const named = (name) => {
  const { id, display_name } = queues.find((one) => one.name === name);
  return { id, name, display_name };
};

const message = (seq, from, text, minutes) => ({
  id: randomUUID(), from, agent: from === "agent" ? "Anna Berger" : null, text, at: ago(minutes), seq,
});
const wish = (department, purpose, cls, talking_point, script) => ({
  wish: randomUUID(), department, purpose, class: cls, talking_point, script, evidence: script === null ? null : "Ledger, 3 days ago", expected_seconds: script === null ? 45 : 90, outcome: null, not_before: null,
});

export function agenda() {
  return [
    wish("finance", "overdue_payment", "mandatory", "Invoice of 12 May (€ 184.20) is open: offer two instalments.",
      "I see that the invoice of May is still open. Would it help you to pay it in two parts?\nTerms: https://example.com/instalments"),
    wish("marketing", "event_invitation", "marketing", "Invite to the heat-pump evening on Thursday, 18:00.", null),
    wish("service", "satisfaction_survey", "service", "One question: how was the meter change last week (1–5)?", "On a scale from one to five, how content are you with how we changed your meter?"),
  ];
}

const fact = (department, key, kind, value, currency, minutes) => ({ department, key, kind, value, currency, source: department === "finance" ? "ledger" : null, as_of: ago(minutes), recorded_at: ago(minutes) });
const customers = new Map();
function customer(name, zone, points, extra = {}) {
  const one = {
    id: randomUUID(), name, zone,
    contact_points: points.map(([kind, value, verified]) => ({ kind, value, verified })),
    do_not_contact: false,
    consent: [
      { purpose: "marketing", channel: "voice", given: true, wording: "I agree to calls about offers.", source: "web form", stated_at: ago(60 * 24 * 40), expires_at: start + 9e9 },
      { purpose: "marketing", channel: "email", given: false, wording: null, source: null, stated_at: ago(60 * 24 * 3), expires_at: null },
      { purpose: "survey", channel: "sms", given: true, wording: null, source: "shop", stated_at: ago(60 * 24 * 400), expires_at: ago(60 * 24 * 30) },
    ],
    wishes: [], ...extra,
  };
  customers.set(one.id, one);
  return one;
}
const mei = customer("林美 Lin Mei", "Asia/Shanghai", [["chat_visitor", "c0ffee12", false], ["email", "mei.lin@example.com", true]]);
const jonas = customer("Jonas Keller", "Europe/Berlin", [["phone", "+4930555012345", true], ["email", "j.keller@example.com", true], ["external_id", "K-20417", true]], {
  qualification: { admission: "accepted", segment: "household", tier: "gold", evidence: "rules of 2026", at: ago(60 * 24 * 90), by: null },
  complaints: [{ id: randomUUID(), about: "The meter was read wrongly twice.", interaction: null, opened_at: ago(60 * 24 * 2), closed_at: null, resolution: null }],
  facts: [
    fact("finance", "balance", "number", "-1184.20", "EUR", 55), fact("finance", "bank_status", "text", "direct debit returned", null, 60 * 24 * 3),
    fact("legal", "contract_until", "date", "2027-03-31", null, 60 * 24 * 200), fact("service", "open_cases", "number", "2", null, 12), fact("service", "smart_meter", "flag", "true", null, 60 * 24 * 9),
  ],
});
const unknown = customer(null, null, [["phone", "+442079460123", false]], { consent: [] });
const sofia = customer("Sofia Marques", "Europe/Lisbon", [["chat_visitor", "beef77", false]], { do_not_contact: true,
  blocks: [
    { scope: "all", until: start + 40 * 24 * 60 * MINUTE, source: "complaint desk", since: ago(60 * 24 * 9), reason: "asked on 3 May" },
    { scope: "marketing", until: null, source: null, since: ago(60 * 24 * 99), reason: null },
  ],
 });
const piet = customer("Piet de Vries", "America/New_York", [["chat_visitor", "abcd99", false], ["phone", "+31205550142", true]]);

const point = (one) => ({ kind: one.contact_points[0].kind, value: one.contact_points[0].value });
function work(one, channel, direction, phase, queueName, rest) {
  return {
    id: randomUUID(), channel, direction, phase, since: Date.now(), until: null, queue: named(queueName),
    customer: { id: one.id, name: one.name, contact_point: point(one) },
    waiting_since: ago(2), connected_at: null, agenda: [],
    dispositions: ["resolved", "sold", "callback", "information", "complaint", "escalated"],
    disposition: null, messages: [], ...rest,
  };
}

export const items = {
  chat: () => work(mei, "chat", "inbound", "active", "chat", {
    since: ago(6), waiting_since: ago(6.3), connected_at: ago(6),
    messages: [
      message(1, "customer", "你好，我的账单上有一个我不认识的项目。", 6.3),
      message(2, "customer", "It says “grid fee correction 2024”. What is that?", 6.2),
      message(3, "agent", "Hello! Thank you for asking. I am looking at your invoice right now.", 5.4),
      message(4, "agent", "The correction comes from the grid operator. It is explained here: https://example.com/grid-fee?year=2024.", 4.1),
      message(5, "customer", "OK, I see. Could I get this in writing, please? I need it for my landlord before Friday.", 1.2),
    ],
  }),
  second: () => work(piet, "chat", "inbound", "active", "chat", {
    since: ago(3), waiting_since: ago(3.4), connected_at: ago(3),
    messages: [message(1, "customer", "Hi, can I change my instalment online?", 3.4), message(2, "agent", "Yes, in your account under “Payments”.", 2.7), message(3, "customer", "I do not find it there.", 0.8), message(4, "customer", "Is it the new site or the old one?", 0.5)],
  }),
  call: () => work(jonas, "voice", "inbound", "active", "service", { since: ago(3.2), waiting_since: ago(3.9), connected_at: ago(3.2), agenda: agenda() }),
  wrap: () => work(jonas, "voice", "inbound", "wrap_up", "service", { since: Date.now() - 11_000, until: Date.now() + 49_000, waiting_since: ago(9), connected_at: ago(8.4), agenda: agenda() }),
  offer: () => work(sofia, "chat", "inbound", "offered", "chat", { since: Date.now() - 6_000, until: Date.now() + 24_000, waiting_since: ago(0.7), messages: [] }),
  ring: () => work(unknown, "voice", "inbound", "offered", "billing", { since: Date.now() - 3_000, until: Date.now() + 17_000, waiting_since: ago(1.4) }),
};

const names = ["Anna Berger", "Tomás Ruiz", "李伟", "Aylin Demir", "Jakub Nowak", "Marie Dupont", "陈静", "Olu Adeyemi", "Greta Holm", "Sam Patel", "Noor Haddad", "Kenji Sato", "Lea Fischer", "Ivan Petrov"];
const states = ["busy", "ready", "busy", "busy", "wrap_up", "ready", "busy", "not_ready", "busy", "offered", "wrap_up", "not_ready", "logged_out", "logged_out"];
export const agents = names.map((display_name, nth) => {
  const state = states[nth];
  const since = ago(1 + ((nth * 37) % 19) / 1.7);
  const phase = { busy: "active", offered: "offered", wrap_up: "wrap_up" }[state];
  const channels = phase === undefined ? [] : nth % 3 === 2 ? ["chat", "chat"] : [nth % 3 === 1 ? "chat" : "voice"];
  return {
    id: randomUUID(), display_name, state, since,
    reason: state === "not_ready" ? (nth === 7 ? "lunch" : "missed_offer") : null,
    work: channels.map((channel) => ({ channel, phase, since })),
  };
});

export function customerOf(id) {
  const one = customers.get(id);
  if (one === undefined) return null;
  const open = (department, purpose, cls, rest) => ({
    id: randomUUID(), customer: id, department, purpose, class: cls, value: 50, propensity: 0.5, expected_seconds: 60, bundle: true, channels: ["voice"], amended_at: null, not_before: null, asked_for: null, filed_at: ago(900), expires_at: start + 9e8,
    status: "held", reason: null, until: null, plan: null, slot: null, interaction: null, outcome: null, note: null, outcome_at: null, attempts: 0, ...rest,
  });
  return {
    ...one,
    wishes: [
      open("finance", "overdue_payment", "mandatory", { status: "in_contact" }),
      open("sales", "renewal", "marketing", { reason: "quiet_hours", until: start + 9 * 60 * MINUTE }),
    ],
  };
}

export function pressure() {
  return {
    windows: [{ days: 1, contacts: 1, cap: 1 }, { days: 7, contacts: 2, cap: 3 }, { days: 30, contacts: 4, cap: 6 }],
    next_allowed: start + 14 * 60 * MINUTE, because: "daily_cap",
    contacts: [
      { at: ago(95), channel: "voice", origin: "planned", reached: false }, { at: ago(60 * 52), channel: "sms", origin: "elsewhere", reached: null },
      { at: ago(60 * 24 * 12), channel: "voice", origin: "agent", reached: true }, { at: ago(60 * 24 * 19), channel: "email", origin: "planned", reached: true },
    ],
  };
}

export function timeline() {
  let position = 9_000;
  const call = randomUUID(), chat = randomUUID();
  const item = (minutes, kind, rest) => ({
    position: position--, at: ago(minutes), interaction: null, channel: null, direction: null, kind, text: null, agent: null,
    queue: null, department: null, purpose: null, outcome: null, reason: null, ...rest,
  });
  const on = (interaction, channel, queueName) => ({ interaction, channel, direction: "inbound", queue: queueName });
  return [
    item(3.2, "answered", { ...on(call, "voice", "Kundendienst"), agent: "Anna Berger" }),
    item(3.9, "started", on(call, "voice", "Kundendienst")),
    item(4, "withdrawn", { reason: "customer_contacted_us" }),
    item(55, "planned", { department: "finance", purpose: "overdue_payment", reason: "bundled" }),
    item(180, "wish_filed", { department: "marketing", purpose: "event_invitation" }),
    item(260, "wish_filed", { department: "finance", purpose: "overdue_payment" }),
    item(4_400, "disposition", { ...on(chat, "chat", "Chat"), agent: "Tomás Ruiz", outcome: "resolved", text: "Meter is changed on Tuesday between 8 and 10." }),
    item(4_405, "message_sent", { ...on(chat, "chat", "Chat"), agent: "Tomás Ruiz", text: "Tuesday between 8 and 10 is booked for you." }),
    item(4_407, "message_received", { ...on(chat, "chat", "Chat"), text: "When will you come to change the meter? I am at home on Tuesday." }),
    item(4_408, "started", on(chat, "chat", "Chat")),
    item(4_500, "outcome", { department: "service", purpose: "satisfaction_survey", outcome: "later" }),
  ];
}

export function decisions() {
  const one = randomUUID(), two = randomUUID();
  const finance = { wish: one, department: "finance", purpose: "overdue_payment" };
  const sales = { wish: two, department: "sales", purpose: "renewal" };
  const base = { plan: null, interaction: null, slot: null, until: null, policy_version: 4, inputs: { customer_zone: "Europe/Berlin", pending_wishes: "3", contacts_remembered: "1" }, scores: { [one]: 910, [two]: 340 } };
  return [
    { ...base, position: 890, at: ago(4), decision: "withdrawn", wishes: [finance], reason: "customer_contacted_us", text: { en: "The planned call was withdrawn: the customer contacted us first.", zh: "已撤回计划的电话：客户已先联系我们。" } },
    { ...base, position: 880, at: ago(55), decision: "planned", wishes: [finance], slot: start + 60 * MINUTE, reason: "bundled", text: { en: "One call was planned for this wish.", zh: "已为此需求安排一次电话。" } },
    { ...base, position: 870, at: ago(56), decision: "held", wishes: [sales], until: start + 9 * 60 * MINUTE, reason: "quiet_hours" },
  ];
}
