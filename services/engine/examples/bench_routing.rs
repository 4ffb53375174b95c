//! How long one routing decision takes with 10,000 agents, 100,000 waiting items and 200 queues, five skills an agent.
//!
//! `cargo run --release -p rapport-engine --example bench_routing`; with `JSON=1` one object a line. Every call of
//! `Floor::handle` is timed by itself; the budget is for the slowest hundredth.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rapport_domain::acd::{
    AgentRule, Floor, Input, Media, OfferEnd, Output, QueueRule, SkillLevel, WideningStep, WorkItem,
};
use rapport_domain::id::{AgentId, InteractionId, QueueId};
use rapport_domain::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

const AGENTS: u64 = 10_000;
const WAITING: u64 = 100_000;
const QUEUES: u64 = 200;
const SKILLS_AN_AGENT: u64 = 5;
const ROUNDS: u64 = 30_000;
const BUDGET: Duration = Duration::from_millis(1);
const BESIDE: &str = "polling intervals: FreeSWITCH mod_callcenter 100 ms, Asterisk app_queue 1 s, VICIdial about 1 s";

/// A small deterministic sequence (SplitMix64): every run measures the same history.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// What kind of centre is measured.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Calls only, one skill a queue.
    Calls,
    /// Calls, chats and mail in one budget, a widening step in every queue, every tenth queue outbound, agents who
    /// decline.
    Blended,
}

struct Centre {
    floor: Floor,
    kind: Kind,
    now: Timestamp,
    dice: Dice,
    items: u64,
    /// Ids that wait or have waited, for abandoning; bounded by what is queued.
    waiting: Vec<InteractionId>,
    held: VecDeque<(AgentId, InteractionId)>,
    times: BTreeMap<&'static str, Vec<Duration>>,
    offers: u64,
}

impl Centre {
    fn new(kind: Kind) -> Self {
        let mut centre = Self {
            floor: Floor::new(),
            kind,
            now: Timestamp::from_millis(1_800_000_000_000),
            dice: Dice(7),
            items: 0,
            waiting: Vec::new(),
            held: VecDeque::new(),
            times: BTreeMap::new(),
            offers: 0,
        };
        for id in 0..QUEUES {
            let outbound = kind == Kind::Blended && id % 10 == 9;
            let neighbour = WideningStep {
                after: Duration::from_secs(45),
                required: vec![skill((id + 1) % QUEUES)],
            };
            let widen = if kind == Kind::Blended {
                vec![neighbour]
            } else {
                Vec::new()
            };
            let rule = QueueRule {
                required: vec![skill(id)],
                widen,
                outbound,
                ..QueueRule::new(queue(id))
            };
            centre.floor.handle(Input::QueueDefined(rule), centre.now);
        }
        for id in 0..AGENTS {
            let mut rule = AgentRule::new(agent(id));
            while rule.skills.len() < usize::try_from(SKILLS_AN_AGENT).unwrap_or(usize::MAX) {
                rule.skills
                    .insert(format!("skill-{}", centre.dice.below(QUEUES)), 5);
            }
            centre.floor.handle(Input::AgentDefined(rule), centre.now);
            centre.floor.handle(
                Input::AgentAvailability {
                    agent: agent(id),
                    routable: true,
                },
                centre.now,
            );
        }
        centre
    }

    /// Feeds one input, timed under a name, and moves the clock on.
    fn timed(&mut self, name: &'static str, input: Input) -> Vec<Output> {
        self.now = self.now + Duration::from_millis(1);
        let begin = Instant::now();
        let outputs = self.floor.handle(input, self.now);
        let took = begin.elapsed();
        self.times.entry(name).or_default().push(took);
        outputs
    }

    fn arrive(&mut self, name: &'static str) {
        self.items += 1;
        let id = InteractionId::from_uuid(Uuid::from_u128(0xc0_0000_0000 + u128::from(self.items)));
        let media = match (self.kind, self.dice.below(4)) {
            (Kind::Calls, _) | (Kind::Blended, 0 | 1) => Media::Voice,
            (Kind::Blended, 2) => Media::Chat,
            (Kind::Blended, _) => Media::Email,
        };
        let work = WorkItem::new(id, queue(self.dice.below(QUEUES)), media, self.now);
        self.waiting.push(id);
        let outputs = self.timed(name, Input::ItemQueued(work));
        self.answer(outputs);
    }

    fn abandon(&mut self) {
        let pick = self.dice.below(self.waiting.len() as u64);
        let item = self.waiting.swap_remove(usize::try_from(pick).unwrap_or(0));
        let outputs = self.timed("abandoned", Input::ItemWithdrawn { item });
        self.answer(outputs);
    }

    fn free(&mut self) {
        if let Some((agent, item)) = self.held.pop_front() {
            let outputs = self.timed("agent freed", Input::AgentReleased { agent, item });
            self.answer(outputs);
        }
    }

    /// Accepts what is offered; in a blended centre one offer in twenty is declined first.
    fn answer(&mut self, outputs: Vec<Output>) {
        let mut open: VecDeque<Output> = outputs.into();
        while let Some(output) = open.pop_front() {
            let Output::Offer { item, agent, .. } = output else {
                continue;
            };
            self.offers += 1;
            if self.kind == Kind::Blended && self.dice.below(20) == 0 {
                let ended = Input::OfferEnded {
                    item,
                    agent,
                    requeue: true,
                    why: OfferEnd::Declined,
                };
                open.extend(self.timed("declined", ended));
            } else {
                self.held.push_back((agent, item));
                open.extend(self.timed("accepted", Input::OfferAccepted { item, agent }));
            }
        }
    }

    fn results(&mut self, scene: &str, json: bool) -> bool {
        let mut within = true;
        for (name, times) in &mut self.times {
            times.sort_unstable();
            let at = |share: usize| times[(times.len() * share / 1_000).min(times.len() - 1)];
            let (median, tail, most) = (at(500), at(990), at(1_000));
            within &= tail <= BUDGET;
            if json {
                let line = json!({
                    "name": format!("routing decision, {scene}: {name}, p99"),
                    "value": micros(tail),
                    "unit": "us",
                    "budget": micros(BUDGET),
                    "ok": tail <= BUDGET,
                    "beside": BESIDE,
                });
                println!("{line}");
            } else {
                let verdict = if tail <= BUDGET { "ok" } else { "OVER BUDGET" };
                println!(
                    "{scene:<30} {name:<16} {:>8} {:>10.1} {:>10.1} {:>10.1}  {verdict}",
                    times.len(),
                    micros(median),
                    micros(tail),
                    micros(most),
                );
            }
        }
        within
    }
}

fn micros(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000_000.0).round() / 10.0
}

fn agent(n: u64) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(0xa0_0000_0000 + u128::from(n)))
}

fn queue(n: u64) -> QueueId {
    QueueId::from_uuid(Uuid::from_u128(0xb0_0000_0000 + u128::from(n)))
}

fn skill(n: u64) -> SkillLevel {
    SkillLevel {
        skill: format!("skill-{n}"),
        level: 1,
    }
}

/// Nobody is free and everything waits: an agent gets free, items come, customers give up, in turn.
fn backlog(kind: Kind, scene: &str, json: bool) -> bool {
    let mut centre = Centre::new(kind);
    while centre.waiting.len() < usize::try_from(WAITING + AGENTS).unwrap_or(usize::MAX) {
        centre.arrive("filling");
    }
    centre.times.clear();
    let before = centre.offers;
    for _ in 0..ROUNDS {
        centre.free();
        centre.arrive("item arrived");
        centre.abandon();
        centre.arrive("item arrived");
    }
    let waiting: usize = (0..QUEUES)
        .map(|id| centre.floor.queue_view(queue(id), centre.now).waiting)
        .sum();
    let offers = centre.offers - before;
    if !json {
        println!("{scene}: {waiting} waiting at the end, {offers} offers made");
    }
    centre.results(scene, json)
}

/// Everybody is free: each item finds its agent at once.
fn quiet(json: bool) -> bool {
    let mut centre = Centre::new(Kind::Calls);
    for _ in 0..ROUNDS {
        centre.arrive("item arrived");
        centre.free();
    }
    centre.results("calls, all agents idle", json)
}

fn main() -> ExitCode {
    let json = std::env::var_os("JSON").is_some();
    if !json {
        println!(
            "{AGENTS} agents, {WAITING} waiting, {QUEUES} queues, {SKILLS_AN_AGENT} skills an agent"
        );
        println!("budget: p99 <= {BUDGET:?} a decision; beside: {BESIDE}\n");
        println!(
            "{:<30} {:<16} {:>8} {:>10} {:>10} {:>10}",
            "scene", "decision", "samples", "p50 us", "p99 us", "max us"
        );
    }
    let scenes = [
        backlog(Kind::Calls, "calls, 100,000 waiting", json),
        backlog(Kind::Blended, "blended, 100,000 waiting", json),
        quiet(json),
    ];
    let all = scenes.iter().all(|within| *within);
    if !json {
        println!(
            "\n{}",
            if all {
                "every decision is within the budget"
            } else {
                "OVER BUDGET"
            }
        );
    }
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
