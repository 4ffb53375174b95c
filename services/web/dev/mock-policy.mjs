// The contact policy of the pretended hub: Anna is a supervisor, and so is Tomás, who has proposed something.
import { randomUUID } from "node:crypto";

const HOUR = 3_600_000;
const ago = (hours) => Date.now() - hours * HOUR;

const whole = (name, least, most, usual, meaning) => ({ name, kind: "whole", least, most, default: usual, required: false, meaning });
const keys = [
  { name: "queue", kind: "text", default: null, required: true, meaning: "The queue in which planned calls wait for an agent." },
  { name: "quiet_from", kind: "clock", default: "20:00", required: false, meaning: "From this time of the customer's day nobody is contacted." },
  { name: "quiet_until", kind: "clock", default: "08:00", required: false, meaning: "From this time of the customer's day contacts are allowed again." },
  whole("gather_seconds", 0, 604_800, 60, "Wishes are gathered for so long before a contact is made."),
  whole("max_agenda", 1, 20, 3, "Most wishes in one contact."),
  whole("contacts_per_day", 1, 100, 1, "Most outreach contacts to one customer on one day."),
  whole("retry_seconds", 1, 2_592_000, 14_400, "After an attempt that reached nobody, wait so long."),
  whole("max_attempts", 1, 100, 5, "After so many attempts a wish is dropped."),
  { name: "consent_needed", kind: "choices", choices: ["mandatory", "service", "marketing"], default: ["marketing"], required: false, meaning: "Classes of wishes that need the customer's consent beforehand." },
  { name: "caps", kind: "tables", default: null, required: false, meaning: "The same over several days.", keys: [
    { ...whole("contacts", 1, 64, null, "How many."), required: true },
    { ...whole("days", 1, 366, null, "In how many days."), required: true },
  ] },
  { name: "holidays", kind: "dates", default: [], required: false, meaning: "Dates on which only mandatory wishes are said." },
  { name: "weights", kind: "tables", default: null, required: false, meaning: "How much the context counts.", keys: [
    { name: "purpose", kind: "text", default: null, required: false, meaning: "Wishes for this purpose." },
    { name: "class", kind: "choice", choices: ["mandatory", "service", "marketing"], default: null, required: false, meaning: "Wishes of this class." },
    { ...whole("percent", -100, 1_000, null, "How much is added."), required: true },
  ] },
  { name: "costs", kind: "table", default: null, required: false, meaning: "What one contact costs.", keys: [whole("voice", 0, 1_000_000, 0, "A call."), whole("sms", 0, 1_000_000, 0, "A text message.")] },
  // A rule that the page knows nothing about: it shows it all the same.
  whole("surprising_rule", 0, 9, 4, "A rule that came later than this page."),
];

const first = {
  queue: "outreach", quiet_from: "21:00", quiet_until: "08:00", gather_seconds: 600, max_agenda: 3, contacts_per_day: 1,
  retry_seconds: 14_400, max_attempts: 5, consent_needed: ["marketing"], surprising_rule: 4,
  caps: [{ contacts: 3, days: 7 }, { contacts: 6, days: 30 }], holidays: ["2026-12-25", "2026-12-26"], weights: [{ purpose: "renewal", percent: 25 }], costs: { voice: 5 },
};
const person = (name) => ({ kind: "agent", name, you: name === "Anna Berger" });
const anna = person("Anna Berger");
const tomas = person("Tomás Ruiz");

let versions = [];
let proposals = [];
let run = null;

export function resetPolicy() {
  run = null;
  const second = { ...first, quiet_from: "20:00" };
  const third = { ...second, max_agenda: 4, retry_seconds: 28_800, caps: [{ contacts: 2, days: 7 }] };
  versions = [
    { version: 1, since: ago(2_000), rules: first, origin: { kind: "file", by: { kind: "operator", name: null, you: false } } },
    { version: 2, since: ago(700), rules: second, origin: released(tomas, anna, "Complaints about calls after eight in the evening.", ago(705)) },
    { version: 3, since: ago(90), rules: third, origin: released(anna, tomas, "Longer pauses: customers see three missed calls a day.", ago(95)) },
  ];
  proposals = [
    { id: randomUUID(), rules: { ...third, contacts_per_day: 2, consent_needed: ["marketing", "service"] }, base: 3, from_version: null, by: tomas, at: ago(5), comment: "Two contacts a day until the recall of the meters is over; service only for those who agreed." },
    { id: randomUUID(), rules: { ...third, gather_seconds: 3_600 }, base: 3, from_version: null, by: anna, at: ago(2), comment: "Departments file within an hour of each other: gather for longer." },
  ];
}

function released(proposed_by, by, comment, proposed_at, from_version = null) {
  return { kind: "released", by, proposed_by, proposed_at, comment, from_version, proposal: randomUUID() };
}
resetPolicy();

const inForce = () => versions.at(-1);
const hindrance = ({ by, base }) => (by.you ? "four_eyes" : base === inForce().version ? null : "outdated");

const problem = (status, code, detail, field) => [status, { type: `urn:rapport:problem:${code}`, title: "Refused", detail, ...(field === undefined ? {} : { field }) }];

const share = (reason, counts) => ({
  reason, not_made: 0, later: 0, earlier: 0, joined: 0, fewer_wishes: 0, added: 0, wishes_held: 0, wishes_dropped: 0, ...counts,
});
const wish = (department, purpose) => ({ department, purpose });

function report() {
  const example = (kind, reason, hours, to, zone, wishes) => ({
    customer: randomUUID(), zone, at: ago(hours), kind, reason, to: to === null ? null : ago(to), wishes,
  });
  return {
    customers: 1_240, skipped: 1, contacts: 842, reproduced: 839, then: 840, draft: 791, unchanged: 655,
    by_reason: [
      share("daily_cap", { later: 41, joined: 38, earlier: 9, wishes_held: 6 }),
      share("no_consent", { not_made: 52, fewer_wishes: 17, wishes_dropped: 81 }),
      share("quiet_hours", { later: 23 }),
      share(null, { later: 5, added: 12 }),
    ],
    examples: [
      example("later", "daily_cap", 70, 51, "Europe/Berlin", [wish("marketing", "event_invitation")]),
      example("joined", "daily_cap", 66, 50, "Asia/Shanghai", [wish("service", "satisfaction_survey"), wish("finance", "overdue_payment")]),
      example("not_made", "no_consent", 44, null, "Europe/Lisbon", [wish("service", "satisfaction_survey")]),
      example("fewer_wishes", "no_consent", 31, 31, "America/New_York", [wish("finance", "overdue_payment"), wish("service", "renewal")]),
      example("added", null, 20, null, "Europe/Berlin", [wish("sales", "offer")]),
    ],
  };
}

function propose(body) {
  const rules = body.rules ?? versions.find((version) => version.version === body.from_version)?.rules;
  if (rules === undefined) return problem(422, "invalid", "There is no such version.", "from_version");
  if (body.rules?.max_attempts === 99) return problem(422, "invalid", "rules.max_attempts: the hub does not like 99", "rules.max_attempts");
  const { key, from_version = null, comment } = body;
  if (proposals.every((known) => known.id !== key)) proposals.push({ id: key, rules, base: inForce().version, from_version, by: anna, at: Date.now(), comment });
  return [201, { id: key, new: true, version: inForce().version, position: 1 }];
}

/** Answers a request about the policy as [status, body]; null when it is about something else. */
export function answerPolicy(route, body, queues) {
  if (route === "GET /policy") {
    const lines = queues.map(({ name, display_name, outbound }) => ({ name, display_name, outbound }));
    const open = proposals.map((proposal) => ({ ...proposal, hindrance: hindrance(proposal) }));
    return [200, { keys, queues: lines, in_force: inForce(), proposals: open, versions: versions.toReversed(), next: null }];
  }
  if (route === "POST /policy/proposals") return propose(body);
  const proposal = /^(POST|DELETE) \/policy\/proposals\/([^/]+)(\/release)?$/u.exec(route);
  if (proposal !== null) {
    const known = proposals.find(({ id }) => id === proposal[2]);
    if (known === undefined) return problem(404, "not_found", "There is no such proposal.");
    if (proposal[3] !== undefined && known.by.you) return problem(403, "four_eyes", "you proposed these rules yourself");
    proposals = proposals.filter((other) => other !== known);
    if (proposal[3] !== undefined) versions.push({ version: inForce().version + 1, since: Date.now(), rules: known.rules, origin: released(known.by, anna, known.comment, known.at, known.from_version) });
    return [200, { id: known.id, new: true, version: inForce().version, position: 1 }];
  }
  if (route === "POST /policy/dry-runs") {
    run = { id: randomUUID(), state: "running", rules: inForce().rules, base: inForce().version, from: ago(24 * body.days), until: Date.now(), customers_done: 0, customers: 1_240, report: null };
    return [202, { id: run.id }];
  }
  if (/^(GET|DELETE) \/policy\/dry-runs\//u.test(route)) {
    if (run === null || !route.endsWith(run.id)) return problem(404, "not_found", "There is no such dry run.");
    if (route.startsWith("DELETE")) {
      run = { ...run, state: "cancelled" };
      return [204, undefined];
    }
    if (run.state === "running") run = { ...run, customers_done: Math.min(run.customers, run.customers_done + 310) };
    if (run.state === "running" && run.customers_done === run.customers) run = { ...run, state: "done", report: report() };
    return [200, run];
  }
  return null;
}
