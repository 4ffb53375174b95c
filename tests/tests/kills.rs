//! Nothing that was acknowledged is lost, whenever the program is killed. Chats, calls, agents and departments keep it busy;
//! at a random moment it is killed and started again on the same data; then the log is asked. `KILLS=n` kills it n times.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rapport_tests::api::Api;
use rapport_tests::chat::Visitor;
use rapport_tests::desk::Desk;
use rapport_tests::hub::Hub;
use rapport_tests::log::{Event, Log};
use rapport_tests::ports;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::Setup;
use rapport_tests::sipp::{Plan, Scenario, Sipp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Visitors who talk at the same time. One agent holds three chats, so most of them wait.
const VISITORS: usize = 8;
/// The longest the load runs before the kill.
const LOAD: Duration = Duration::from_millis(1_800);

/// What was acknowledged: it has to be in the log, once.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<BTreeMap<String, &'static str>>>);

impl Acknowledged {
    fn note(&self, id: impl ToString, kind: &'static str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_string(), kind);
    }

    fn all(&self) -> BTreeMap<String, &'static str> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A visitor, and the message whose fate is not known.
#[derive(Default)]
struct Talker {
    visitor: Visitor,
    unsure: Option<Uuid>,
}

async fn talk(talker: &mut Talker, chat: SocketAddr, acknowledged: &Acknowledged) -> Option<()> {
    talker.visitor.connect(chat).await.ok()?;
    let repeated = talker.visitor.repeated();
    assert!(repeated.is_empty(), "shown twice: {repeated:?}");
    loop {
        let id = *talker.unsure.get_or_insert_with(Uuid::new_v4);
        talker
            .visitor
            .say(id, &format!("message {id}"))
            .await
            .ok()?;
        acknowledged.note(id, "interaction.message_received.v1");
        talker.unsure = None;
        tokio::time::sleep(Duration::from_millis(100)).await; // a fast writer
    }
}

/// An agent at the desk: accepts, answers, ends (one chat in three, when not thorough), and is done with it.
async fn serve(
    agent: &Api,
    http: SocketAddr,
    thoroughly: bool,
    acknowledged: &Acknowledged,
) -> Option<()> {
    let mut desk = Desk::attempt(http, agent).await?;
    let mut waiting = desk.work();
    loop {
        for item in std::mem::take(&mut waiting) {
            serve_one(agent, &item, thoroughly, acknowledged).await?;
        }
        let frame = desk.next(|frame| frame["t"] == "work").await?;
        waiting.push(frame["item"].clone());
    }
}

async fn serve_one(
    agent: &Api,
    item: &Value,
    thoroughly: bool,
    acknowledged: &Acknowledged,
) -> Option<()> {
    let path = |what: &str| {
        format!(
            "/interactions/{}/{what}",
            item["id"].as_str().unwrap_or_default()
        )
    };
    let press = |path: String, body: Value| async move {
        agent.attempt(Method::POST, &path, Some(body)).await.ok()
    };
    match item["phase"].as_str().unwrap_or_default() {
        "offered" if item["channel"] == "voice" => {} // accepted by answering the phone
        "offered" => drop(press(path("accept"), json!({})).await?),
        "active" if item["channel"] == "voice" => {} // the caller hangs up
        "active" => {
            let id = Uuid::new_v4();
            let answer = press(
                path("messages"),
                json!({ "message": id, "text": "Let me look." }),
            )
            .await?;
            if answer.status == 200 {
                acknowledged.note(id, "interaction.message_sent.v1");
            }
            if thoroughly || id.as_u128().is_multiple_of(3) {
                press(path("end"), json!({})).await?;
            }
        }
        _ => drop(press(path("wrap-up"), json!({ "disposition": "solved" })).await?),
    }
    Some(())
}

/// A department that files wishes.
async fn wish(finance: &Api, acknowledged: &Acknowledged) -> Option<()> {
    loop {
        let key = Uuid::new_v4();
        let body = json!({
            "key": key, "customer": { "external_id": format!("k-{}", key.as_u128() % 50) }, "purpose": "survey", "class": "service",
            "talking_point": "Ask.", "value": 1, "expires_at": "2099-01-01T00:00:00Z", "channels": ["voice"],
        });
        let answer = finance
            .attempt(Method::POST, "/wishes", Some(body))
            .await
            .ok()?;
        if answer.status == 201 {
            acknowledged.note(answer.body["id"].as_str()?, "outreach.wish_filed.v1");
        }
        tokio::time::sleep(Duration::from_millis(20)).await; // a steady trickle
    }
}

struct Scene {
    hub: Hub,
    phone: u16,
    sound: Rtp,
    talkers: Vec<Talker>,
    acknowledged: Acknowledged,
    answered: BTreeSet<String>,
    seed: u128,
}

/// What the log says of one moment.
struct Moment {
    /// Chats nobody has taken, by the order they joined the line.
    waiting: Vec<(String, String)>,
    /// Calls that are not over.
    calls: BTreeSet<String>,
    position: u64,
}

fn moment(events: &[Event]) -> Moment {
    let (mut waiting, mut calls, mut chats) = (
        Vec::<(String, String)>::new(),
        BTreeSet::new(),
        BTreeSet::new(),
    );
    for event in events {
        let id = event.id().to_owned();
        match event.kind() {
            "interaction.started.v1" if event.text("channel") == "chat" => drop(chats.insert(id)),
            "interaction.started.v1" => drop(calls.insert(id)),
            "interaction.queued.v1" if chats.contains(&id) => {
                waiting.push((event.recorded_at(), id))
            }
            "interaction.offer_accepted.v1" => waiting.retain(|(_, known)| *known != id),
            "interaction.abandoned.v1" | "interaction.ended.v1" | "interaction.closed.v1" => {
                waiting.retain(|(_, known)| *known != id);
                calls.remove(&id);
            }
            _ => {}
        }
    }
    Moment {
        waiting,
        calls,
        position: events.last().map_or(0, Event::position),
    }
}

impl Scene {
    async fn new() -> Self {
        let phone = ports::udp();
        let setup = Setup::new()
            .with_voice()
            .agent("anna", "")
            .agent_at("dora", phone)
            .policy("gather_seconds = 3600\n");
        let hub = Hub::start(&setup.service("offer_seconds = 5\nwrap_up_seconds = 2\n")).await;
        let talkers = std::iter::repeat_with(Talker::default)
            .take(VISITORS)
            .collect();
        let seed = Uuid::new_v4().as_u128();
        let sound = Rtp::saying(0x42);
        Self {
            hub,
            phone,
            sound,
            talkers,
            acknowledged: Acknowledged::default(),
            answered: BTreeSet::new(),
            seed,
        }
    }

    /// A number below `limit`, the next of a row that follows from the seed.
    fn random(&mut self, limit: u128) -> u128 {
        self.seed = self
            .seed
            .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
            .wrapping_add(0x5851_f42d_4c95_7f2d);
        (self.seed >> 64) % limit
    }

    async fn round(&mut self, round: u32) {
        let (addresses, folder) = (self.hub.addresses(), self.hub.folder().to_owned());
        let anna = self.hub.api().as_agent("anna").await;
        let dora = self.hub.api().as_agent("dora").await;
        anna.ready().await;
        dora.ready().await;
        let finance = self.hub.api().as_department("finance");
        let phone = Plan::new(Scenario::Phone, "dora", self.sound.port())
            .at(self.phone)
            .calls(10_000, 10);
        let mut phone = phone.start(addresses.sip, &folder);
        let crowd = Plan::new(
            Scenario::Crowd,
            &format!("+4917{round:03}9"),
            self.sound.port(),
        );
        let mut crowd = crowd
            .calls(1_000, 8)
            .pausing(Duration::from_millis(700))
            .start(addresses.sip, &folder);

        let mut load = JoinSet::new();
        for mut talker in self.talkers.drain(..) {
            let acknowledged = self.acknowledged.clone();
            load.spawn(async move {
                let _gone = talk(&mut talker, addresses.chat, &acknowledged).await;
                Some(talker)
            });
        }
        let office = self.acknowledged.clone();
        for agent in [anna, dora] {
            let acknowledged = self.acknowledged.clone();
            load.spawn(async move {
                serve(&agent, addresses.http, false, &acknowledged)
                    .await
                    .and(None)
            });
        }
        load.spawn(async move { wish(&finance, &office).await.and(None) });

        let after =
            Duration::from_millis(u64::try_from(self.random(LOAD.as_millis())).expect("small"));
        tokio::time::sleep(Duration::from_millis(100) + after).await; // the moment of the kill is what is random
        self.hub.kill();
        crowd.kill();
        phone.kill();
        self.talkers = load.join_all().await.into_iter().flatten().collect();
        self.answered.extend(answered(&crowd));

        let before = self.snapshot();
        let began = Instant::now();
        self.hub.start_again().await;
        let started_in = began.elapsed();
        self.check(&before.await).await;
        println!(
            "kill {round:>3} after {:>4} ms: {:>6} acknowledged, {:>4} calls answered, ready again in {:>4} ms",
            100 + after.as_millis(),
            self.acknowledged.all().len(),
            self.answered.len(),
            started_in.as_millis()
        );
    }

    /// What is in the log while nobody writes to it.
    fn snapshot(&self) -> impl Future<Output = Moment> + use<> {
        let (data, folder) = (self.hub.data(), self.hub.folder().to_owned());
        let data = data.display().to_string();
        // Before the next start: the future only reads what was printed.
        let output = std::process::Command::new(rapport_tests::hub::program())
            .args([
                "log",
                "tail",
                "--json",
                "--personal",
                "--from",
                "0",
                "--data",
                &data,
            ])
            .current_dir(folder)
            .output()
            .expect("the program");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let events: Vec<Event> = text
            .lines()
            .map(|line| Event(serde_json::from_str(line).expect("an event")))
            .collect();
        std::future::ready(moment(&events))
    }

    async fn check(&mut self, before: &Moment) {
        let log = self.hub.log();
        log.reaches(before.position).await;
        for call in &before.calls {
            let closed = log
                .first("interaction.closed.v1", |event| event.id() == call)
                .await;
            assert_eq!(closed.text("cause"), "hub_restarted", "{call}");
            let events =
                log.those(|event| event.id() == call && event.kind() == "interaction.started.v1");
            let customer = events[0].text("customer").to_owned();
            let wished =
                |event: &Event| event.id() == customer && event.text("purpose") == "callback";
            log.first("outreach.wish_filed.v1", wished).await;
        }
        self.nothing_is_lost(&log);
        for name in ["anna", "dora"] {
            let state = self.hub.api().as_agent(name).await.presence().await["state"].clone();
            assert!(
                state == "ready" || state == "not_ready",
                "{name} is {state}"
            );
        }
        self.order_is_kept(&log, before).await;
    }

    fn nothing_is_lost(&self, log: &Log) {
        let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut callers = BTreeSet::new();
        for event in log.all() {
            let id = event.data()["message"]
                .as_str()
                .or(event.data()["id"].as_str());
            if let Some(id) = id {
                *times
                    .entry((id.to_owned(), event.kind().to_owned()))
                    .or_default() += 1;
            }
            if event.kind() == "interaction.started.v1" {
                callers.extend(
                    event.data()["contact_point"]["value"]
                        .as_str()
                        .map(str::to_owned),
                );
            }
        }
        for (id, kind) in self.acknowledged.all() {
            let found = times
                .get(&(id.clone(), kind.to_owned()))
                .copied()
                .unwrap_or_default();
            assert_eq!(
                found, 1,
                "{kind} {id} was acknowledged and is in the log {found} times"
            );
        }
        let lost: Vec<&String> = self
            .answered
            .iter()
            .filter(|caller| !callers.contains(*caller))
            .collect();
        assert!(
            lost.is_empty(),
            "these calls were answered and are not in the log: {lost:?}"
        );
    }

    /// Who waited before the kill is offered in the same order after it.
    async fn order_is_kept(&self, log: &Log, before: &Moment) {
        if before.waiting.is_empty() {
            return;
        }
        let mut serving = JoinSet::new();
        for name in ["anna", "dora"] {
            let agent = self.hub.api().as_agent(name).await;
            agent.ready().await;
            let (http, acknowledged) = (self.hub.addresses().http, self.acknowledged.clone());
            serving.spawn(async move { serve(&agent, http, true, &acknowledged).await });
        }
        let offered = |event: &Event| {
            event.kind() == "interaction.offered.v1" && event.position() > before.position
        };
        for (_, waiting) in &before.waiting {
            log.first("interaction.offered.v1", |event| {
                offered(event) && event.id() == waiting
            })
            .await;
        }
        serving.shutdown().await;
        let mut order: Vec<&(String, String)> = Vec::new();
        let mut offers = log.those(offered);
        // Offers to different agents are written side by side; their ids are in the order in which they were decided.
        offers.sort_by_key(|event| event.text("offer").to_owned());
        for event in offers {
            let waited = before.waiting.iter().find(|(_, known)| known == event.id());
            if let Some(waited) = waited.filter(|waited| !order.contains(waited)) {
                order.push(waited);
            }
        }
        // The line is in the order in which they began to wait; the log prints that to the millisecond.
        assert!(
            order.is_sorted_by_key(|(since, _)| since),
            "offered as {order:?}, the line was {:?}",
            before.waiting
        );
    }
}

/// Callers whose INVITE was answered with 200.
fn answered(crowd: &Sipp) -> BTreeSet<String> {
    let messages = crowd.messages();
    let ok = messages.iter().filter(|m| {
        !m.sent && m.first_line().starts_with("SIP/2.0 200") && m.header("CSeq").ends_with("INVITE")
    });
    ok.map(|message| message.user("From").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whenever_the_hub_is_killed() {
    let kills = std::env::var("KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(3);
    let mut scene = Scene::new().await;
    println!("seed {}", scene.seed);
    for round in 1..=kills {
        scene.round(round).await;
        // Some go, others come.
        let leaving = usize::try_from(scene.random(VISITORS as u128)).expect("small");
        scene.talkers[leaving] = Talker::default();
    }
    assert!(
        !scene.acknowledged.all().is_empty() && !scene.answered.is_empty(),
        "there was no load"
    );
}
