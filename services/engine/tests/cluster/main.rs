//! Three engines over one log under mixed load. The owner is killed, or paused for longer than its lease and resumed: nothing
//! is lost, offered to two agents, or counted twice. Time is virtual, chance follows from a seed.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

mod holds;
mod nodes;
mod on_its_way;
mod people;
mod phones;
#[path = "../journeys/support.rs"]
#[allow(dead_code, reason = "the journeys use the rest")]
mod support;
mod told;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nodes::{Clock, Dice, Gate, LEASE, Node, sip_of};
use people::{Acknowledged, Nodes};
use phones::{Exchange, Lines};
use rapport_domain::agent::{Definition, Phone};
use rapport_domain::aggregate::decode;
use rapport_domain::channel::Channel;
use rapport_domain::event::{Category, Recorded};
use rapport_domain::id::{AgentId, NodeId, QueueId};
use rapport_domain::node::{Role, RoutingFact};
use rapport_domain::port::log::EventLog;
use rapport_domain::port::voice::VoiceEvent;
use rapport_domain::testing::MemoryLog;
use rapport_engine::{AgentDeclaration, TenantDeclaration};
use support::{Marks, tenant};
use tokio::time::Instant;

/// Everybody who serves; the first two have phones that register.
const AGENTS: [&str; 5] = ["anna", "bert", "cora", "dora", "emil"];
const REGISTERED: usize = 2;
/// A day at the office ends within this virtual time.
const ENDED_WITHIN: Duration = Duration::from_secs(1_800);

fn declaration() -> TenantDeclaration {
    let mut declared = support::declaration();
    let agents = AGENTS.iter().enumerate().map(|(nth, name)| {
        let agent = support::agent(name);
        let phone = if nth < REGISTERED {
            Phone::Registered {
                user: (*name).to_owned(),
            }
        } else {
            agent.definition.phone.clone()
        };
        AgentDeclaration {
            definition: Definition {
                phone,
                ..agent.definition
            },
            ..agent
        }
    });
    declared.agents = agents.collect();
    declared
}

/// What happens to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    Killed,
    Paused,
    /// The same, between reserving an agent and making the offer.
    PausedMidOffer,
    /// Killed, and started again under its name.
    Restarted,
}

struct Cluster {
    log: MemoryLog,
    clock: Clock,
    dice: Dice,
    marks: Vec<Arc<Marks>>,
    nodes: Nodes,
    lines: Mutex<Vec<Arc<Lines>>>,
    exchange: Arc<Exchange>,
    acknowledged: Arc<Acknowledged>,
    shop: Arc<told::Taken>,
    /// The shop's own, so that nobody else's chance depends on it.
    luck: Dice,
}

impl Cluster {
    async fn start(seed: u64) -> Arc<Self> {
        let cluster = Arc::new(Self {
            log: MemoryLog::new(),
            clock: Clock(Instant::now()),
            dice: Dice::of(seed),
            marks: (0..3).map(|_| Arc::default()).collect(),
            nodes: Nodes::default(),
            lines: Mutex::default(),
            exchange: Arc::default(),
            acknowledged: Arc::default(),
            shop: Arc::default(),
            luck: Dice::of(seed ^ 0x5ee5),
        });
        for index in 0..3 {
            let (node, lines) = cluster.run(index).await;
            cluster.nodes.lock().unwrap().push(node);
            cluster.lines.lock().unwrap().push(lines);
        }
        for (nth, user) in AGENTS.iter().take(REGISTERED).enumerate() {
            cluster.registers(user, nth % 3).await;
        }
        cluster
    }

    /// So many agents come to work and do what their desks show.
    async fn open_office(&self, staff: usize) {
        let desks = people::desks(self.log.clone(), self.nodes.clone(), self.dice.clone());
        tokio::spawn(desks);
        for name in AGENTS.iter().rev().take(staff) {
            let agent = AgentId::named(tenant(), name);
            people::is_ready(agent, &self.nodes, &self.dice).await;
        }
    }

    /// A run of a node, and its lines.
    async fn run(&self, index: usize) -> (Arc<Node>, Arc<Lines>) {
        let (log, dice) = (&self.log, &self.dice);
        let roles = Role::ALL.to_vec();
        let marks = &self.marks[index];
        let node = Node::start(index, roles, log, marks, &self.clock, dice, declaration()).await;
        told::attach(&node, &self.shop, self.luck.clone());
        let node = Arc::new(node);
        let lines = Arc::new(Lines::start(&node, &self.exchange, dice));
        (node, lines)
    }

    async fn registers(&self, user: &str, index: usize) {
        let mut registered = self.exchange.registered.lock().unwrap().clone();
        registered.insert(user.to_owned(), index);
        *self.exchange.registered.lock().unwrap() = registered;
        let events = self.nodes.lock().unwrap()[index].events.clone();
        let user = user.to_owned();
        events
            .send(VoiceEvent::PhoneRegistered { user })
            .await
            .unwrap();
    }

    /// Index of the node that owns the tenant's routing by the log.
    fn owner(&self) -> Option<usize> {
        let owner = taken(&self.log.events()).pop()?;
        (0..3).find(|index| NodeId::named(&nodes::name_of(*index)) == owner)
    }

    async fn has_owner(&self) -> usize {
        loop {
            if let Some(owner) = self.owner() {
                return owner;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Until the log has one more event of this kind.
    async fn next(&self, kind: &str) {
        let mut seen = self.log.head();
        loop {
            self.log.wait_past(seen).await;
            let page = self.log.read_all(seen, 512).await.unwrap();
            if page.iter().any(|e| e.event.kind == kind) {
                return;
            }
            seen = page.last().map_or(seen, |last| last.position);
        }
    }

    /// Calls, chats and wishes of departments for a minute, at nodes that let them in.
    async fn load(self: Arc<Self>) {
        for n in 0..28 {
            tokio::time::sleep(self.dice.millis(500, 4_000)).await;
            if self.dice.percent(20) {
                people::wants(format!("+4940{:05}", 10_000 + n), &self.nodes, &self.dice).await;
            } else if self.dice.percent(50) {
                let open: Vec<usize> = {
                    let nodes = self.nodes.lock().unwrap();
                    (0..3).filter(|index| nodes[*index].is_open()).collect()
                };
                let at = open[usize::try_from(self.dice.below(open.len() as u64)).unwrap()];
                self.lines.lock().unwrap()[at].call(&format!("+4930{:05}", 10_000 + n));
            } else {
                let visit = people::visits(
                    format!("visitor-{n}"),
                    self.nodes.clone(),
                    self.dice.clone(),
                    self.acknowledged.clone(),
                );
                tokio::spawn(visit);
            }
        }
    }

    async fn strike(self: Arc<Self>, fate: Fate) {
        tokio::time::sleep(self.dice.millis(8_000, 25_000)).await;
        let owner = self.has_owner().await;
        let node = self.nodes.lock().unwrap()[owner].clone();
        match fate {
            Fate::Lives => {}
            Fate::Paused | Fate::PausedMidOffer => {
                if fate == Fate::PausedMidOffer {
                    self.next("agent.reserved").await;
                }
                node.gate.send_replace(Gate::Paused);
                let silence = self.dice.millis(7_000, 25_000);
                tokio::time::sleep(silence).await;
                node.gate.send_replace(Gate::Open);
            }
            Fate::Killed | Fate::Restarted => {
                node.gate.send_replace(Gate::Dead);
                self.move_phones(owner).await;
                let away = match fate {
                    Fate::Restarted => self.dice.millis(500, 12_000),
                    // Long enough that nobody waits for it; it comes back to end the day.
                    _ => Duration::from_secs(120),
                };
                tokio::time::sleep(away).await;
                let (node, lines) = self.run(owner).await;
                self.nodes.lock().unwrap()[owner] = node;
                self.lines.lock().unwrap()[owner] = lines;
            }
        }
    }

    /// Phones that were registered with a node that died register with another one.
    async fn move_phones(&self, from: usize) {
        let there: Vec<String> = {
            let registered = self.exchange.registered.lock().unwrap();
            let there = registered.iter().filter(|(_, at)| **at == from);
            there.map(|(user, _)| user.clone()).collect()
        };
        for user in there {
            self.registers(&user, (from + 1) % 3).await;
        }
    }

    /// Until nothing is open any more, and stays so.
    async fn is_quiet(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let events = self.log.events();
            let count = |kind: &str| events.iter().filter(|e| e.event.kind == kind).count();
            let over = count("interaction.closed") + count("interaction.abandoned");
            let open = count("interaction.started") > over;
            let working = count("agent.work_taken") > count("agent.work_finished");
            quiet = if open || working { 0 } else { quiet + 1 };
        }
    }

    fn check(&self) -> Result<(), String> {
        let events = self.log.events();
        holds::contacts(&events)?;
        holds::agents(&events)?;
        holds::outreach(&events)?;
        holds::dials(&self.exchange)?;
        holds::acknowledged(&events, &self.acknowledged, &self.exchange)?;
        let happened = holds::happened(&events);
        for (name, most) in happened {
            let counted = self.counted(name);
            if counted > most {
                return Err(format!("{name}: {counted} counted, {most} in the log"));
            }
        }
        // What waits is the same everywhere: nothing.
        let queue = QueueId::named(tenant(), "service");
        for node in self.nodes.lock().unwrap().iter() {
            let waiting = node.engine.queue_now(tenant(), queue).waiting;
            if waiting != 0 {
                return Err(format!("node {} shows {waiting} who wait", node.index));
            }
        }
        Ok(())
    }

    /// A counter, summed over the nodes that run.
    fn counted(&self, name: &str) -> u64 {
        let nodes = self.nodes.lock().unwrap();
        let of_node = |node: &Arc<Node>| {
            let all = node.engine.counters().all();
            all.iter()
                .find(|(known, _)| *known == name)
                .map_or(0, |(_, value)| *value)
        };
        nodes.iter().map(of_node).sum()
    }

    fn told(&self) -> String {
        self.log.events().iter().fold(String::new(), |told, e| {
            let data = String::from_utf8_lossy(&e.event.data);
            let data: String = data.chars().take(260).collect();
            let at = e.event.recorded_at.as_millis() % 100_000_000;
            if e.event.kind == "node.lease_renewed" {
                return told;
            }
            format!(
                "{told}\n{at} {} {} {} {data}",
                e.position, e.stream, e.event.kind
            )
        })
    }
}

/// Everybody who took the routing over, in order.
fn taken(events: &[Recorded]) -> Vec<NodeId> {
    let routing = events
        .iter()
        .filter(|e| e.stream.category == Category::Routing);
    routing
        .filter_map(|e| decode(&e.event.kind, e.event.version, &e.event.data).ok())
        .map(|RoutingFact::Taken { by, .. }| by.node)
        .collect()
}

/// A day with this seed. Answers how often the routing changed hands, and for how long nobody decided.
fn day(seed: u64, fate: Fate) -> (usize, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        // With few at work, contacts wait, and whoever says no is offered the next one.
        let staff = if fate == Fate::PausedMidOffer {
            2
        } else {
            AGENTS.len()
        };
        let cluster = Cluster::start(seed).await;
        cluster.open_office(staff).await;
        let load = tokio::spawn(cluster.clone().load());
        let strike = tokio::spawn(cluster.clone().strike(fate));
        let ended = tokio::time::timeout(ENDED_WITHIN, async {
            load.await.unwrap();
            strike.await.unwrap();
            cluster.is_quiet().await;
            while !cluster.shop.has_all(&cluster.log.events()) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let ended = ended.await.is_ok();
        assert!(
            ended,
            "{fate:?}, seed {seed}: the day does not end\n{}",
            cluster.told()
        );
        if let Err(wrong) = cluster.check() {
            panic!("{fate:?}, seed {seed}: {wrong}\n{}", cluster.told());
        }
        let twice = cluster.shop.check(&cluster.log.events());
        let twice = twice.unwrap_or_else(|wrong| panic!("{fate:?}, seed {seed}: {wrong}"));
        assert!(
            fate != Fate::Lives || twice == 0,
            "seed {seed}: the shop was told {twice} things twice, without need"
        );
        let times = taken(&cluster.log.events()).len();
        let silence = Duration::from_millis(cluster.counted("takeover_millis"));
        let served = cluster.log.events();
        let served = served
            .iter()
            .filter(|e| e.event.kind == "interaction.offer_accepted");
        assert!(
            served.count() > 3,
            "{fate:?}, seed {seed}: hardly anybody was served"
        );
        (times, silence)
    });
    runtime.shutdown_background();
    ended
}

fn days(fate: Fate, seeds: std::ops::Range<u64>) {
    let (mut changes, mut longest) = (0, Duration::ZERO);
    for seed in seeds {
        let (times, silence) = day(seed, fate);
        changes += times - 1;
        longest = longest.max(silence);
        if fate != Fate::Lives {
            assert!(times > 1, "{fate:?}, seed {seed}: nobody took over");
        }
    }
    println!(
        "{fate:?}: {changes} take-overs, the longest after {longest:?} of silence, with a lease of {LEASE:?}"
    );
}

#[test]
fn three_nodes_serve_one_tenant_and_nobody_takes_over_without_need() {
    for seed in 0..8 {
        assert_eq!(day(seed, Fate::Lives).0, 1);
    }
}

#[test]
fn another_node_goes_on_when_the_owner_is_killed() {
    days(Fate::Killed, 100..112);
}

#[test]
fn an_owner_that_was_paused_longer_than_its_lease_doubles_nothing_when_it_goes_on() {
    days(Fate::Paused, 200..224);
}

#[test]
fn an_owner_that_was_paused_in_the_middle_of_an_offer_makes_no_offer_without_a_reservation() {
    days(Fate::PausedMidOffer, 500..524);
}

#[test]
fn a_node_that_comes_back_under_its_name_settles_what_it_held() {
    days(Fate::Restarted, 300..312);
}

/// In virtual time.
fn at_once<F: Future<Output = ()>>(work: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work);
    runtime.shutdown_background();
}

#[test]
fn a_node_that_comes_back_alone_decides_as_soon_as_its_start_is_in_the_log() {
    at_once(async {
        let cluster = Cluster::start(600).await;
        let owner = cluster.has_owner().await;
        tokio::time::sleep(LEASE).await;
        for node in cluster.nodes.lock().unwrap().iter() {
            node.gate.send_replace(Gate::Dead);
        }
        let back = Instant::now();
        let (_node, _lines) = cluster.run(owner).await;
        while taken(&cluster.log.events()).len() < 2 {
            assert!(back.elapsed() < LEASE / 3, "{}", cluster.told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_node_that_comes_back_knows_at_once_where_the_telephony_of_the_others_is_reached() {
    at_once(async {
        let cluster = Cluster::start(601).await;
        cluster.has_owner().await;
        tokio::time::sleep(LEASE).await;
        cluster.nodes.lock().unwrap()[2]
            .gate
            .send_replace(Gate::Dead);
        cluster.exchange.peers.lock().unwrap().remove(&2);
        let back = Instant::now();
        let (_node, _lines) = cluster.run(2).await;
        let others = vec![sip_of(0), sip_of(1)];
        loop {
            let told = cluster.exchange.peers.lock().unwrap().get(&2).cloned();
            let told = told.map(|mut told| {
                told.sort_unstable();
                told
            });
            if told.as_ref() == Some(&others) {
                return;
            }
            // A phone that is rung before is taken for one that cannot be reached.
            assert!(back.elapsed() < LEASE / 12, "{told:?} {}", cluster.told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn an_agents_phone_is_rung_through_the_node_it_registered_with() {
    let mut elsewhere = 0;
    for seed in 400..404 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let cluster = Cluster::start(seed).await;
            cluster.open_office(AGENTS.len()).await;
            let work = async {
                cluster.clone().load().await;
                cluster.is_quiet().await;
            };
            tokio::time::timeout(ENDED_WITHIN, work).await.unwrap();
            assert_eq!(
                *cluster.exchange.missed.lock().unwrap(),
                Vec::<String>::new()
            );
            let rung = cluster.exchange.rung.lock().unwrap();
            elsewhere += rung.iter().filter(|(by, at)| by != at).count();
        });
        runtime.shutdown_background();
    }
    assert!(
        elsewhere > 0,
        "no call crossed from {} to another node",
        sip_of(0)
    );
    let voice = Channel::Voice;
    println!("{elsewhere} {voice:?} offers reached a phone of another node");
}
