// The wish book of the pretended hub: what departments want of a few customers, in every state a wish can be in.
import { randomUUID } from "node:crypto";

const HOUR = 3_600_000;
const ahead = (hours) => Date.now() + hours * HOUR;
const ago = (hours) => ahead(-hours);

const jonas = { id: randomUUID(), name: "Jonas Keller", zone: "Europe/Berlin", contact_points: [["phone", "+4930555012345"], ["email", "j.keller@example.com"], ["external_id", "K-20417"]] };
const mei = { id: randomUUID(), name: "林美 Lin Mei", zone: "Asia/Shanghai", contact_points: [["phone", "+8613800138000"], ["email", "mei.lin@example.com"]] };
const family = { id: randomUUID(), name: null, zone: null, contact_points: [["phone", "+442079460123"], ["email", "mei.lin@example.com"]] };
const people = [jonas, mei, family];

let wishes = [];
let position = 500;

function wish(customer, department, purpose, cls, status, rest = {}) {
  const made = {
    id: randomUUID(), customer: customer.id, department, purpose, class: cls, value: 120, propensity: 0.35, expected_seconds: 90, bundle: true, channels: ["voice", "sms"],
    filed_at: ago(30 - wishes.length / 4), amended_at: null, not_before: null, expires_at: ahead(96), status, reason: null, until: null, plan: null, slot: null,
    interaction: null, outcome: null, note: null, outcome_at: null, asked_for: null, attempts: 0,
    talking_point: "Invoice of 12 May (€ 184.20) is open: offer two instalments.", message: "Your invoice of 12 May is open. Pay it in two parts: reply YES.", script: null, evidence: "Ledger, 3 days ago",
    ...rest,
  };
  made.history = [entry("filed", made.filed_at, { kind: "department", id: department })];
  wishes.push(made);
  return made;
}

function entry(what, at, by, rest = {}) {
  return { position: (position += 1), at, by, what, reason: null, text: null, until: null, plan: null, slot: null, interaction: null, outcome: null, ...rest };
}
const hub = { kind: "system" };

export function resetWishes() {
  wishes = [];
  const plan = randomUUID();
  const slot = ahead(5);
  const first = wish(jonas, "finance", "overdue_payment", "mandatory", "planned", { plan, slot, reason: "bundled", value: 184 });
  first.history.push(
    entry("held", ago(28), hub, { reason: "quiet_hours", until: ago(20), text: { en: "Held until 08:00: it was quiet hours where the customer lives.", zh: "暂缓至 08:00：客户所在地处于免打扰时段。" } }),
    entry("planned", ago(20), hub, { reason: "bundled", plan, slot, text: { en: "Planned with one other wish for one call, because each was worth more than it costs.", zh: "与另一项需求合并为一次电话，因为每一项的价值都高于成本。" } }),
  );
  wish(jonas, "marketing", "event_invitation", "marketing", "planned", { plan, slot, reason: "bundled", value: 60 });
  wish(jonas, "sales", "renewal", "marketing", "held", { reason: "weekly_cap", until: ahead(50), value: 900 });
  wish(mei, "service", "satisfaction_survey", "service", "in_contact", { value: 15 });
  wish(mei, "sales", "offer", "marketing", "dropped", { reason: "no_consent", value: 400 });
  wish(mei, "finance", "payment_reminder", "mandatory", "open", { not_before: ahead(3) });
  wish(jonas, "service", "survey", "service", "done", { outcome: "later", note: "In the evening, please.", attempts: 1 });
  wish(jonas, "sales", "offer", "marketing", "withdrawn", { reason: "withdrawn_by_department" });
  const more = ["renewal", "survey", "invitation", "payment_reminder"];
  for (let nth = 0; nth < 22; nth += 1) wish(mei, nth % 2 === 0 ? "sales" : "service", more[nth % 4], nth % 2 === 0 ? "marketing" : "service", "held", { reason: "agenda_full", until: ahead(nth + 20), value: 10 * nth });
}
resetWishes();

const view = ({ talking_point, message, script, evidence, history, ...shown }) => shown;
const problem = (status, code, detail, field) => [status, { type: `urn:rapport:problem:${code}`, title: detail, detail, ...(field === undefined ? {} : { field }) }];

export function wishCustomer(id) {
  const one = people.find((known) => known.id === id);
  if (one === undefined) return null;
  const points = one.contact_points.map(([kind, value]) => ({ kind, value, verified: true }));
  return { id, name: one.name, zone: one.zone, contact_points: points, do_not_contact: false, consent: [], wishes: wishes.filter(({ customer }) => customer === id).map(view) };
}

function list(params) {
  const { after, limit, ...fits } = Object.fromEntries(params);
  const all = wishes.map((one, nth) => ({ one, nth })).filter(({ one, nth }) => nth > Number(after ?? -1) && Object.entries(fits).every(([name, value]) => name === "min_position" || one[name] === value));
  const page = all.slice(0, Number(limit ?? 100));
  return { wishes: page.map(({ one }) => view(one)), next: all.length > page.length ? page.at(-1).nth : null };
}

/** Answers a request about wishes as [status, body]; null when it is about something else. */
export function answerWishes(route, body, params) {
  if (route === "GET /wishes") return [200, list(params)];
  if (route === "POST /customers/search") {
    const [[kind, value]] = Object.entries(body);
    return [200, { customers: people.filter((one) => one.contact_points.some(([k, v]) => k === kind && v === value)).map(({ id, name }) => ({ id, name })) }];
  }
  const asked = /^(GET|PATCH|POST) \/wishes\/([^/]+)(\/history|\/withdraw)?$/u.exec(route);
  if (asked === null) return null;
  const [, method, id, part] = asked;
  const found = wishes.find((one) => one.id === id);
  if (found === undefined) return problem(404, "not_found", "There is no such wish.");
  if (method === "GET") {
    if (part === "/history") return [200, { history: found.history }];
    const { history, ...whole } = found;
    return [200, whole];
  }
  // Somebody answers the phone while the form is open.
  if (body.evidence === "too late") Object.assign(found, { status: "in_contact", reason: null, slot: null });
  if (found.status === "in_contact") return problem(409, "being_said", "the contact is in flight");
  if (!["open", "held", "planned"].includes(found.status)) return problem(409, "settled", "the wish has ended");
  const by = { kind: "agent", id: randomUUID() };
  if (part === "/withdraw") {
    Object.assign(found, { status: "withdrawn", reason: "withdrawn_by_department", plan: null, slot: null, until: null });
    found.history.push(entry("wish_withdrawn", Date.now(), by, { reason: "withdrawn_by_department", text: { en: "Withdrawn by the department that wanted it.", zh: "由提出部门撤回。" } }));
  } else {
    if (body.value === 666) return problem(422, "invalid", "the hub does not like 666", "value");
    Object.assign(found, body, { amended_at: Date.now() });
    found.history.push(entry("amended", Date.now(), by));
  }
  return [200, { ...view(found), position }];
}
