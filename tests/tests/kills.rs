//! Nothing that was acknowledged is lost, whenever the program is killed. Chats, calls, agents and departments keep it busy;
//! at a random moment it is killed and started again on the same data; then the log is asked. `KILLS=n` kills it n times.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rapport_tests::api::Api;
use rapport_tests::hub::Hub;
use rapport_tests::log::{Event, Log};
use rapport_tests::people::{Acknowledged, Talker, Wish, answered, calls_are_in, serve};
use rapport_tests::ports;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::Setup;
use rapport_tests::sipp::{Plan, Scenario};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Visitors who talk at the same time. One agent holds three chats, so most of them wait.
const VISITORS: usize = 8;
/// The longest the load runs before the kill.
const LOAD: Duration = Duration::from_millis(1_800);

async fn talk(talker: &mut Talker, chat: SocketAddr, acknowledged: &Acknowledged) -> Option<()> {
    talker.come(chat).await?;
    loop {
        talker.say(acknowledged).await?;
        tokio::time::sleep(Duration::from_millis(100)).await; // a fast writer
    }
}

/// A department that files wishes.
async fn wish(finance: &Api, acknowledged: &Acknowledged) -> Option<()> {
    loop {
        let key = Uuid::new_v4();
        let customer = json!({ "external_id": format!("k-{}", key.as_u128() % 50) });
        Wish { key, customer }.file(finance, acknowledged).await?;
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
                talk(&mut talker, addresses.chat, &acknowledged).await;
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
        let events = log.all();
        self.acknowledged.are_in(&events);
        calls_are_in(&self.answered, &events);
        for name in ["anna", "dora"] {
            let state = self.hub.api().as_agent(name).await.presence().await["state"].clone();
            assert!(
                state == "ready" || state == "not_ready",
                "{name} is {state}"
            );
        }
        self.order_is_kept(&log, before).await;
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
