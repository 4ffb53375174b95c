//! Three hubs over one log under mixed load, and whoever decides is struck: nothing is lost, offered to two agents or counted
//! twice, and agents get work again. A phone is rung through the hub it registered with, whoever decides.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rapport_tests::api::Api;
use rapport_tests::baresip::Baresip;
use rapport_tests::cluster::{Cluster, Doors, HUBS, LEASE_SECONDS};
use rapport_tests::holds::{self, Wish as Stands};
use rapport_tests::hub::{Addresses, Hub};
use rapport_tests::log::Event;
use rapport_tests::people::{Acknowledged, Talker, Wish, answered, calls_are_in, serve};
use rapport_tests::ports;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::Setup;
use rapport_tests::sipp::{Plan, Scenario, Sipp};
use rapport_tests::wait;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Visitors of each hub who talk at the same time.
const VISITORS: usize = 2;
/// Agents, and the hub each begins at. The first two have phones.
const AGENTS: [(&str, usize); 4] = [("dora", 0), ("emil", 2), ("anna", 1), ("cora", 2)];
const WITH_PHONES: usize = 2;
/// Customers that departments want something of.
const CUSTOMERS: u128 = 5;
/// Whoever gets no answer within this time asks another hub.
const PATIENCE: Duration = Duration::from_secs(4);
/// Until everything that was begun is over. Generous: three hubs share a busy machine.
const QUIET_WITHIN: Duration = Duration::from_secs(90);

/// One after the other: three hubs under load are enough for a machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// What happens to the hub that owns the routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Killed,
    Paused,
}

/// The people around the hubs, and what they know.
struct Scene {
    acknowledged: Acknowledged,
    /// Whether people still come.
    open: watch::Sender<bool>,
    load: JoinSet<()>,
    office: JoinSet<()>,
    crowds: Vec<Sipp>,
    answered: BTreeSet<String>,
    sound: Rtp,
    _phones: Vec<Sipp>,
    customers: Sipp,
    // Last: what the others write is in its folder.
    cluster: Cluster,
}

impl Scene {
    async fn new() -> Self {
        let (phones, trunk) = ([ports::udp(), ports::udp()], ports::udp());
        let cluster = Cluster::start(|| {
            let mut setup = Setup::new().with_voice().outbound_trunk(trunk);
            for ((name, _), port) in AGENTS.iter().zip(phones) {
                // One contact at a time: three chats that overlap would leave nothing to a call.
                let keys = format!("phone = \"sip:{name}@127.0.0.1:{port}\"\nweights = {{ chat = 100 }}\n");
                setup = setup.agent(name, &keys);
            }
            for (name, _) in &AGENTS[WITH_PHONES..] {
                setup = setup.agent(name, "");
            }
            let queue = "offer_seconds = 5\nwrap_up_seconds = 2\n";
            setup.service(queue).policy(
                "gather_seconds = 1\nretry_seconds = 1\ncontacts_per_day = 100\nmax_attempts = 100\n",
            )
        })
        .await;
        let sound = Rtp::saying(0x42);
        let anybody = cluster.hubs[0].addresses().sip; // phones answer whoever calls
        let phone = |who: &str, port| {
            Plan::new(Scenario::Phone, who, sound.port())
                .at(port)
                .calls(10_000, 10)
                .start(anybody, cluster.folder())
        };
        let customers = phone("customer", trunk);
        let phones = AGENTS.iter().zip(phones);
        let phones = phones.map(|((name, _), port)| phone(name, port)).collect();
        let mut scene = Self {
            cluster,
            acknowledged: Acknowledged::default(),
            open: watch::Sender::new(true),
            load: JoinSet::new(),
            office: JoinSet::new(),
            crowds: vec![],
            answered: BTreeSet::new(),
            sound,
            _phones: phones,
            customers,
        };
        for (name, hub) in AGENTS {
            let (doors, acknowledged) = (scene.cluster.doors(), scene.acknowledged.clone());
            scene.office.spawn(works(name, hub, doors, acknowledged));
        }
        scene
    }

    /// Callers at this hub.
    fn calls_at(&mut self, hub: usize, calls: u32) {
        let turn = self.crowds.len();
        let plan = Plan::new(
            Scenario::Crowd,
            &format!("+49176{hub}{turn}00"),
            self.sound.port(),
        );
        let plan = plan.calls(calls, 2).pausing(Duration::from_millis(1_500));
        let at = self.cluster.hubs[hub].addresses().sip;
        self.crowds.push(plan.start(at, self.cluster.folder()));
    }

    /// Visitors, callers and departments at every hub.
    fn opens(&mut self) {
        for hub in 0..HUBS {
            self.calls_at(hub, 16);
            for _ in 0..VISITORS {
                let (doors, open) = (self.cluster.doors(), self.open.subscribe());
                self.load
                    .spawn(talks(hub, doors, open, self.acknowledged.clone()));
            }
            let (doors, mut open) = (self.cluster.doors(), self.open.subscribe());
            let acknowledged = self.acknowledged.clone();
            self.load.spawn(async move {
                while *open.borrow_and_update() {
                    wishes(hub, a_wish(), doors.clone(), &acknowledged).await;
                    tokio::time::sleep(Duration::from_millis(900)).await; // a steady trickle
                }
            });
        }
    }

    /// Waits until contacts of every kind have been served, after this event.
    async fn is_busy(&self, after: u64) {
        let log = &self.cluster.log;
        let later = |event: &Event| event.position() > after;
        log.several(4, "interaction.offer_accepted.v1", later).await;
        log.first("interaction.connected.v1", later).await;
        log.first("outreach.contact_started.v1", later).await;
    }

    /// Strikes the owner in the middle of the load. Prints how long nobody decided; answers who it was, and where the log
    /// says who follows.
    async fn strike(&mut self, fate: Fate) -> (usize, u64) {
        let owner = self.cluster.owner();
        let moment = Uuid::new_v4().as_u128() % 700;
        let moment = Duration::from_millis(u64::try_from(moment).expect("small"));
        tokio::time::sleep(moment).await; // the moment is what is random
        let (struck, at) = (Instant::now(), self.cluster.position());
        match fate {
            Fate::Killed => self.cluster.kill(owner),
            Fate::Paused => self.cluster.pause(owner),
        }
        let taken = self.cluster.taken_from(owner, at).await;
        let taken_after = struck.elapsed();
        let offered = |event: &Event| event.position() > taken.position();
        self.cluster
            .log
            .first("interaction.offered.v1", offered)
            .await;
        println!(
            "{fate:?}: taken over after {:.1} s, an offer after {:.1} s, with a lease of {LEASE_SECONDS} s",
            taken_after.as_secs_f64(),
            struck.elapsed().as_secs_f64(),
        );
        (owner, taken.position())
    }

    /// Nobody comes any more; what was begun is brought to its end.
    async fn closes(&mut self) {
        self.open.send_replace(false);
        while let Some(done) = self.load.join_next().await {
            done.expect("a load that does not fail");
        }
        for crowd in &mut self.crowds {
            crowd.ends().await;
            self.answered.extend(answered(crowd));
        }
        self.is_quiet().await;
    }

    /// Waits until nothing is open, in anybody's hands, or to be said.
    async fn is_quiet(&self) {
        let began = Instant::now();
        loop {
            let left = self.cluster.log.look(left);
            if left.is_empty() {
                return;
            }
            assert!(
                began.elapsed() < QUIET_WITHIN,
                "not over after {QUIET_WITHIN:?}: {left}\n{}",
                self.cluster.complaints()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Nothing is lost, doubled or left behind.
    async fn check(&self) {
        let events = self.cluster.log.all();
        let holds = |checked: Result<(), String>| {
            if let Err(wrong) = checked {
                panic!("{wrong}\n{}", self.cluster.complaints());
            }
        };
        holds(holds::contacts(&events));
        holds(holds::agents(&events).map(drop));
        holds(holds::outreach(&events).map(drop));
        holds(holds::customers_phones(&events));
        self.acknowledged.are_in(&events);
        calls_are_in(&self.answered, &events);
        cut_calls_are_owed_a_callback(&events);
        let happened = [
            ("contacts_served", "interaction.offer_accepted.v1"),
            ("contacts_abandoned", "interaction.abandoned.v1"),
            ("offers", "interaction.offered.v1"),
            ("wishes_filed", "outreach.wish_filed.v1"),
        ];
        for (counter, kind) in happened {
            let counted = self
                .cluster
                .counted(&format!("rapport_engine_{counter}_total"));
            let most = events.iter().filter(|event| event.kind() == kind).count() as u64;
            assert!(
                counted <= most,
                "{counter}: {counted} counted, {most} in the log"
            );
        }
        self.figures_agree(&events).await;
        assert_eq!(self.cluster.complaints(), "");
    }

    /// The wallboards of all hubs show the same, and what the log says.
    async fn figures_agree(&self, events: &[Event]) {
        let inbound: BTreeSet<&str> = events
            .iter()
            .filter(|e| e.kind() == "interaction.started.v1" && e.text("direction") == "inbound")
            .map(Event::id)
            .collect();
        let of = |kind: &str| {
            let these = |event: &&Event| event.kind() == kind && inbound.contains(event.id());
            events.iter().filter(these).count()
        };
        let (answered, abandoned) = (
            of("interaction.offer_accepted.v1"),
            of("interaction.abandoned.v1"),
        );
        for hub in &self.cluster.hubs {
            let fits = |wall: &Value| {
                let queues = wall["queues"].as_array().into_iter().flatten();
                let mut service = queues.filter(|queue| queue["name"] == "service");
                service.any(|queue| {
                    queue["answered"] == answered
                        && queue["abandoned"] == abandoned
                        && queue["waiting"] == 0
                })
            };
            let what = format!("{answered} answered and {abandoned} abandoned on the wallboard");
            let operations = hub.api().as_department("operations");
            operations.sees("/wallboard", &what, fits).await;
        }
    }

    /// Whoever calls any of the hubs now is connected, and heard.
    async fn everybody_is_served(&self) {
        for hub in 0..HUBS {
            let at = self.cluster.position();
            let ear = Rtp::saying(0x21);
            let plan = Plan::new(Scenario::Caller, &format!("+4917888{hub}0"), ear.port());
            let mut caller = plan.start(
                self.cluster.hubs[hub].addresses().sip,
                self.cluster.folder(),
            );
            let connected = |event: &Event| event.position() > at;
            self.cluster
                .log
                .first("interaction.connected.v1", connected)
                .await;
            ear.hears(0x42, 10).await;
            caller.hang_up();
            caller.succeeds().await;
        }
        self.is_quiet().await;
    }
}

/// What is not over, in words; empty when all is.
fn left(events: &[Event]) -> String {
    let (open, hands, wishes) = (
        holds::open(events),
        holds::agents(events),
        holds::outreach(events),
    );
    let (hands, wishes) = match (hands, wishes) {
        (Ok(hands), Ok(wishes)) => (hands, wishes),
        (hands, wishes) => {
            // Seen at once, said where everything is checked.
            let (hands, wishes) = (hands.err(), wishes.err());
            panic!(
                "{}{}",
                hands.unwrap_or_default(),
                wishes.unwrap_or_default()
            );
        }
    };
    let unsaid: Vec<_> = wishes
        .iter()
        .filter(|(_, wish)| !matches!(wish, Stands::Said(_) | Stands::Dropped))
        .collect();
    if open.is_empty() && hands.are_free() && unsaid.is_empty() {
        return String::new();
    }
    format!("open {open:?}, in hands {hands:?}, to be said {unsaid:?}")
}

/// Calls that were cut because their hub died are closed so, and their callers are owed a callback.
fn cut_calls_are_owed_a_callback(events: &[Event]) {
    let started = |event: &&Event| {
        event.kind() == "interaction.started.v1"
            && event.text("channel") == "voice"
            && event.text("direction") == "inbound"
    };
    let cut: BTreeSet<&str> = events
        .iter()
        .filter(|event| event.text("cause") == "hub_restarted")
        .map(Event::id)
        .collect();
    let owed: BTreeSet<&str> = events
        .iter()
        .filter(|event| event.text("purpose") == "callback")
        .map(Event::id)
        .collect();
    for call in events.iter().filter(started) {
        assert!(
            !cut.contains(call.id()) || owed.contains(call.text("customer")),
            "{} was cut, and nobody calls back",
            call.stream()
        );
    }
}

/// An agent at the desk of a hub, and of the next one when that is gone.
async fn works(name: &'static str, mut hub: usize, mut doors: Doors, acknowledged: Acknowledged) {
    loop {
        let (at, addresses) = doors.find(hub).await;
        let shift = async {
            let desk = Api::waiting(addresses.http, PATIENCE);
            let desk = desk.log_in(name).await.ok()?;
            let ready = json!({ "state": "ready" });
            let ready = desk.attempt(reqwest::Method::POST, "/me/presence", Some(ready));
            ready.await.ok()?;
            serve(&desk, addresses.http, true, &acknowledged).await
        };
        tokio::select! {
            _ = shift => {}
            () = doors.clone().is_shut(at) => {}
        }
        hub = at + 1;
        tokio::time::sleep(wait::GLANCE).await;
    }
}

/// A visitor who writes until the shop is closed and everything written was acknowledged.
async fn talks(
    mut hub: usize,
    mut doors: Doors,
    open: watch::Receiver<bool>,
    acknowledged: Acknowledged,
) {
    let mut talker = Talker::default();
    while *open.borrow() || !talker.is_sure() {
        let (at, Addresses { chat, .. }) = doors.find(hub).await;
        let talk = async {
            talker.come(chat).await?;
            while *open.borrow() || !talker.is_sure() {
                talker.say(&acknowledged).await?;
                tokio::time::sleep(Duration::from_millis(250)).await; // a fast writer
            }
            Some(())
        };
        tokio::select! {
            _ = talk => {}
            () = doors.clone().is_shut(at) => {}
        }
        hub = at + 1;
        tokio::time::sleep(wait::GLANCE).await;
    }
}

fn a_wish() -> Wish {
    let key = Uuid::new_v4();
    let customer = json!({ "phone": format!("+4940111{}", key.as_u128() % CUSTOMERS) });
    Wish { key, customer }
}

/// Files a wish at a hub, or at the next one, until it is acknowledged.
async fn wishes(mut hub: usize, wish: Wish, mut doors: Doors, acknowledged: &Acknowledged) {
    loop {
        let (at, addresses) = doors.find(hub).await;
        let finance = Api::waiting(addresses.http, PATIENCE).as_department("finance");
        if wish.file(&finance, acknowledged).await == Some(true) {
            return;
        }
        hub = at + 1;
        tokio::time::sleep(wait::GLANCE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_owner_is_killed_another_hub_goes_on_and_nothing_is_lost_or_doubled() {
    let _turn = TURN.lock().await;
    let mut scene = Scene::new().await;
    scene.opens();
    scene.is_busy(0).await;
    let (owner, taken) = scene.strike(Fate::Killed).await;
    scene.is_busy(taken).await;
    scene.crowds[owner].kill();
    let at = scene.cluster.position();
    scene.cluster.start_again(owner).await;
    scene.cluster.gives_a_sign(owner, at).await;
    scene.calls_at(owner, 4);
    scene.closes().await;
    scene.everybody_is_served().await;
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_owner_hangs_longer_than_its_lease_and_goes_on_nothing_is_lost_or_doubled() {
    let _turn = TURN.lock().await;
    let mut scene = Scene::new().await;
    scene.opens();
    scene.is_busy(0).await;
    let (owner, taken) = scene.strike(Fate::Paused).await;
    scene.is_busy(taken).await;
    let at = scene.cluster.position();
    scene.cluster.resume(owner);
    scene.cluster.gives_a_sign(owner, at).await;
    assert_ne!(scene.cluster.owner(), owner, "it does not take it back");
    scene.is_busy(at).await;
    scene.closes().await;
    scene.everybody_is_served().await;
    scene.check().await;
}

/// As many wishes of few customers as `each` at every hub that lets people in, all at the same moment.
async fn everybody_wishes(scene: &mut Scene, each: usize) {
    let mut filing = JoinSet::new();
    for nth in 0..HUBS * each {
        let (doors, acknowledged) = (scene.cluster.doors(), scene.acknowledged.clone());
        filing.spawn(async move { wishes(nth % HUBS, a_wish(), doors, &acknowledged).await });
    }
    scene
        .load
        .spawn(async move { drop(filing.join_all().await) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_owner_is_killed_while_it_decides_on_wishes_no_customer_has_two_contacts_and_no_wish_ends_twice()
 {
    let _turn = TURN.lock().await;
    let mut scene = Scene::new().await;
    everybody_wishes(&mut scene, 8).await;
    let log = &scene.cluster.log;
    log.first("outreach.contact_started.v1", |_| true).await;
    let (owner, taken) = scene.strike(Fate::Killed).await;
    everybody_wishes(&mut scene, 4).await;
    let log = &scene.cluster.log;
    let later = |event: &Event| event.position() > taken;
    log.first("outreach.contact_ended.v1", later).await;
    scene.cluster.start_again(owner).await;
    everybody_wishes(&mut scene, 4).await;
    scene.closes().await;
    scene.check().await;

    let events = scene.cluster.log.all();
    let filed = scene.acknowledged.count("outreach.wish_filed.v1");
    assert_eq!(filed, HUBS * (8 + 4 + 4));
    let asked = events
        .iter()
        .filter(|event| event.text("party") == "customer")
        .count();
    let rung: BTreeSet<String> = (scene.customers.messages().iter())
        .filter(|message| !message.sent && message.first_line().starts_with("INVITE"))
        .map(|message| message.header("Call-ID").to_owned())
        .collect();
    assert!(
        rung.len() <= asked,
        "phones rang {} times, and the log says {asked}",
        rung.len()
    );
}

/// One call that comes in at a hub and reaches the phone of bo, wherever that registered; who hangs up is told.
async fn reaches_bo(cluster: &Cluster, entry: &Hub, bo: &Api, call: usize, phone: &mut Baresip) {
    const SECOND: u64 = 50;
    let ear = Rtp::saying(0x21);
    let plan = Plan::new(Scenario::Caller, &format!("+491701234{call}"), ear.port());
    let mut caller = plan.start(entry.addresses().sip, entry.folder());
    let connected = cluster
        .log
        .several(call + 1, "interaction.connected.v1", |_| true)
        .await;
    let id = connected[call].id().to_owned();
    let dialled = cluster.log.of(&id, "interaction.dial_requested.v1").await;
    let by = cluster.hub_of(&dialled.data()["node"]["node"]);
    assert_eq!(
        cluster.hubs[by].addresses().sip,
        entry.addresses().sip,
        "both legs of a call are at one hub"
    );
    let heard = || {
        let heard = ear.heard();
        heard.other + heard.by_sound.values().sum::<u64>()
    };
    let before = heard();
    wait::until("two seconds of the agent's sound", || async {
        (heard() >= before + 2 * SECOND).then_some(())
    })
    .await;

    let by = if call == 0 {
        caller.hang_up();
        "customer"
    } else {
        phone.hang_up();
        caller.receives("BYE").await;
        "agent"
    };
    let ended = cluster.log.of(&id, "interaction.ended.v1").await;
    assert_eq!(ended.text("by"), by);
    caller.succeeds().await;
    let stats = phone.stats_of(call).await;
    assert!(
        stats.sent >= SECOND && stats.received >= SECOND,
        "{stats:?}"
    );
    let done = json!({ "disposition": "solved" });
    bo.post(&format!("/interactions/{id}/wrap-up"), done)
        .await
        .ok();
    let closed = cluster.log.of(&id, "interaction.closed.v1").await;
    assert_eq!(closed.text("cause"), "wrapped_up");
    cluster
        .log
        .several(call + 1, "agent.work_finished.v1", |_| true)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_rung_through_the_hub_it_registered_with_wherever_the_caller_came_in() {
    let _turn = TURN.lock().await;
    let cluster = Cluster::start(|| Setup::new().with_voice().agent_with_phone("bo")).await;
    let owner = cluster.owner();
    let (registrar, other) = ((owner + 1) % HUBS, (owner + 2) % HUBS);
    let hub = |nth: usize| &cluster.hubs[nth];
    let at = hub(registrar).addresses().sip;
    let mut phone = Baresip::registered("bo", at, hub(registrar).folder()).await;
    let registered = cluster
        .log
        .first("agent.phone_registered.v1", |_| true)
        .await;
    assert_eq!(
        cluster.hub_of(&registered.data()["at"]["node"]),
        registrar,
        "{registered:?}"
    );
    let bo = hub(other).api().as_agent("bo").await;
    bo.ready().await;
    for (call, entry) in [owner, other, registrar].into_iter().enumerate() {
        reaches_bo(&cluster, hub(entry), &bo, call, &mut phone).await;
    }
    assert_eq!(cluster.complaints(), "");
}
