//! An engine on the in-memory log, with a voice channel that records what it is asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_domain::agent::{Definition, Phone, Presence, Role, Weights};
use rapport_domain::aggregate::decode;
use rapport_domain::channel::Channel;
use rapport_domain::event::{
    Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream,
};
use rapport_domain::id::{AgentId, CustomerId, EventId, InteractionId, LegId, QueueId, TenantId};
use rapport_domain::interaction::Fact;
use rapport_domain::outreach::{self, WishClass};
use rapport_domain::policy::ContactPolicy;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::Surroundings;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected, ReadError};
use rapport_domain::port::query::{Checkpoints, PendingOutreach, QueryError, Worklist};
use rapport_domain::port::voice::{Voice, VoiceBusy, VoiceCommand, VoiceEvent};
use rapport_domain::setup::{AccessPoint, QueueDefinition, TenantDefinition};
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::{Timestamp, Zone};
use rapport_engine::{AgentDeclaration, CustomerRef, Engine, Parts, TenantDeclaration, WishDraft};
use tokio::sync::mpsc;
use uuid::Uuid;

pub struct System;

impl Surroundings for System {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Reads the log itself: slow and always right.
pub struct Scan(pub MemoryLog);

impl Worklist for Scan {
    fn seen(&self) -> Result<Position, QueryError> {
        Ok(self.0.head())
    }
    fn open_interactions(&self) -> Result<Vec<(TenantId, InteractionId)>, QueryError> {
        let mut open: Vec<(TenantId, InteractionId)> = Vec::new();
        for recorded in self
            .0
            .events()
            .iter()
            .filter(|e| e.stream.category == Category::Interaction)
        {
            let id = InteractionId::from_uuid(recorded.stream.id);
            match recorded.event.kind.as_str() {
                "interaction.started" => open.push((recorded.event.meta.tenant, id)),
                "interaction.closed" | "interaction.abandoned" => {
                    open.retain(|(_, known)| *known != id)
                }
                _ => {}
            }
        }
        Ok(open)
    }
    fn setup_streams(&self) -> Result<Vec<Stream>, QueryError> {
        let set_up = [
            Category::Tenant,
            Category::Policy,
            Category::Queue,
            Category::Agent,
        ];
        let mut streams: Vec<Stream> = Vec::new();
        for recorded in self.0.events() {
            if set_up.contains(&recorded.stream.category) && !streams.contains(&recorded.stream) {
                streams.push(recorded.stream);
            }
        }
        Ok(streams)
    }
    fn agent_events(&self) -> Result<Vec<(AgentId, Vec<Revision>)>, QueryError> {
        let mut all: BTreeMap<AgentId, Vec<Revision>> = BTreeMap::new();
        for recorded in self.0.events() {
            if recorded.stream.category == Category::Agent {
                let agent = AgentId::from_uuid(recorded.stream.id);
                all.entry(agent).or_default().push(recorded.revision);
            }
        }
        Ok(all.into_iter().collect())
    }
    fn pending_outreach(&self) -> Result<Vec<PendingOutreach>, QueryError> {
        let mut all: Vec<PendingOutreach> = Vec::new();
        for recorded in self
            .0
            .events()
            .iter()
            .filter(|e| e.stream.category == Category::Outreach)
        {
            // Perhaps in flight: whoever asks looks itself.
            let one = PendingOutreach {
                tenant: recorded.event.meta.tenant,
                customer: CustomerId::from_uuid(recorded.stream.id),
                next_deadline: None,
                in_flight: true,
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Ok(all)
    }
    fn latest_interaction(
        &self,
        tenant: TenantId,
        key: Uuid,
        channel: Channel,
    ) -> Result<Option<InteractionId>, QueryError> {
        let events = self.0.events();
        let found = events.iter().rev().find_map(|recorded| {
            match decode(
                &recorded.event.kind,
                recorded.event.version,
                &recorded.event.data,
            ) {
                Ok(Fact::Started {
                    contact_point,
                    channel: on,
                    ..
                }) if on == channel => (contact_point.key(tenant) == key)
                    .then(|| InteractionId::from_uuid(recorded.stream.id)),
                _ => None,
            }
        });
        Ok(found)
    }
}

#[derive(Default)]
pub struct Marks(Mutex<HashMap<String, Position>>);

impl Checkpoints for Marks {
    fn load(&self, name: &str) -> Result<Position, QueryError> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .get(name)
            .copied()
            .unwrap_or_default())
    }
    fn save(&self, name: &str, position: Position) -> Result<(), QueryError> {
        self.0.lock().unwrap().insert(name.to_owned(), position);
        Ok(())
    }
}

/// A log as slow as a disk: readers see an event before its writer is told, and both take their time.
struct Slow(MemoryLog);

impl EventLog for Slow {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let answer = self.0.append(batch).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            answer
        })
    }
    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.0.read_stream(stream, from, limit)
    }
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.0.read_all(after, limit)
    }
    fn head(&self) -> Position {
        self.0.head()
    }
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.0.wait_past(position)
    }
}

/// Remembers what it was asked.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<VoiceCommand>>>);

impl Voice for Recorder {
    fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy> {
        self.0.lock().unwrap().push(command);
        Ok(())
    }
}

impl Recorder {
    pub fn all(&self) -> Vec<VoiceCommand> {
        self.0.lock().unwrap().clone()
    }
}

pub struct World {
    pub engine: Arc<Engine>,
    pub log: MemoryLog,
    pub voice: Recorder,
    pub peer: mpsc::Sender<VoiceEvent>,
    pub tenant: TenantId,
    pub anna: AgentId,
}

pub fn tenant() -> TenantId {
    TenantId::named("acme")
}

pub fn queue(name: &str) -> QueueDefinition {
    QueueDefinition {
        wrap_up_seconds: 60,
        offer_seconds: 2,
        ..QueueDefinition::named(name)
    }
}

pub fn agent(name: &str) -> AgentDeclaration {
    let definition = Definition {
        name: name.into(),
        display_name: name.to_uppercase(),
        role: Role::Agent,
        skills: BTreeMap::new(),
        phone: Phone::Address {
            uri: format!("sip:{name}@127.0.0.1:5999"),
        },
        capacity: 100,
        weights: Weights::default(),
    };
    AgentDeclaration {
        definition,
        password: None,
        phone_secret: None,
    }
}

pub fn declaration() -> TenantDeclaration {
    let queue_id = |name: &str| QueueId::named(tenant(), name);
    let point = |name: &str, channel, address: &str| AccessPoint {
        name: name.into(),
        channel,
        address: address.into(),
        queue: queue_id("service"),
        origins: vec!["*".into()],
    };
    TenantDeclaration {
        definition: TenantDefinition {
            name: "acme".into(),
            display_name: "Acme".into(),
            zone: Zone::UTC,
            not_ready_reasons: vec!["break".into()],
            caller_id: "4930000".into(),
            outbound_trunk: Some("carrier".into()),
        },
        access_points: vec![
            point("hotline", Channel::Voice, "4930100"),
            point("shop", Channel::Chat, "shop-key"),
        ],
        queues: vec![
            queue("service"),
            QueueDefinition {
                outbound: true,
                ..queue("outreach")
            },
        ],
        agents: vec![agent("anna")],
        api_keys: None,
        policy_text: None,
        policy: Some(ContactPolicy {
            quiet_from: 0,
            quiet_until: 0,
            gather_seconds: 1,
            contacts_per_day: 5,
            caps: ContactPolicy::declared_caps(5),
            retry_seconds: 3_600,
            max_attempts: 3,
            consent_needed: vec![],
            ..ContactPolicy::declared(queue_id("outreach"))
        }),
    }
}

pub async fn world() -> World {
    world_on(MemoryLog::new()).await
}

pub async fn world_on(log: MemoryLog) -> World {
    let parts = Parts {
        log: Arc::new(Slow(log.clone())),
        surroundings: Arc::new(System),
        worklist: Arc::new(Scan(log.clone())),
        checkpoints: Arc::new(Marks::default()),
        node: None,
        keys: Arc::new(MemoryKeys::new()),
    };
    let engine = Engine::start(parts).await.unwrap();
    engine
        .declare(declaration(), Actor::Operator)
        .await
        .unwrap();
    let voice = Recorder::default();
    let (peer, events) = mpsc::channel(64);
    engine.attach_voice(Arc::new(voice.clone()), events);
    engine.open().await.unwrap();
    World {
        engine,
        log,
        voice,
        peer,
        tenant: tenant(),
        anna: AgentId::named(tenant(), "anna"),
    }
}

impl World {
    pub async fn ready(&self) {
        self.engine
            .change_presence(self.tenant, self.anna, Presence::Ready)
            .await
            .unwrap();
    }

    /// Waits until the answer is there, and gives it.
    pub async fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(found) = look(self) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "not seen in time: {what}\nvoice: {:#?}\nlog: {:#?}",
            self.voice.all(),
            self.kinds()
        );
    }

    pub fn kinds(&self) -> Vec<String> {
        self.log
            .events()
            .iter()
            .map(|e| format!("{} {}", e.stream, e.event.kind))
            .collect()
    }

    pub fn has(&self, kind: &str) -> Option<InteractionId> {
        let events = self.log.events();
        events
            .iter()
            .rev()
            .find(|e| e.event.kind == kind)
            .map(|e| InteractionId::from_uuid(e.stream.id))
    }

    pub fn count(&self, kind: &str) -> usize {
        self.log
            .events()
            .iter()
            .filter(|e| e.event.kind == kind)
            .count()
    }

    pub fn outreach(&self) -> Vec<(Revision, outreach::Fact)> {
        let events = self.log.events();
        let outreach = events
            .iter()
            .filter(|e| e.stream.category == Category::Outreach);
        outreach
            .map(|e| {
                (
                    e.revision,
                    decode(&e.event.kind, e.event.version, &e.event.data).unwrap(),
                )
            })
            .collect()
    }

    /// Somebody else writes the beginning of a history.
    pub async fn append<F: rapport_domain::aggregate::Fact>(&self, id: Uuid, facts: &[F]) {
        let event = |fact: &F| {
            let encoded = rapport_domain::aggregate::encode(fact).unwrap();
            NewEvent {
                id: EventId::from_uuid(Uuid::now_v7()),
                kind: encoded.kind,
                version: encoded.version,
                recorded_at: self.engine.now(),
                meta: Meta {
                    tenant: self.tenant,
                    actor: Actor::System,
                    correlation: id,
                    causation: None,
                    subject: None,
                },
                data: encoded.data,
            }
        };
        let batch = Batch {
            stream: Stream::new(F::CATEGORY, id),
            expected: Expected::NoStream,
            events: facts.iter().map(event).collect(),
        };
        self.log.append(batch).await.unwrap();
    }

    pub async fn call_from(&self, number: &str) -> LegId {
        let leg = LegId::from_uuid(Uuid::now_v7());
        let incoming = VoiceEvent::Incoming {
            leg,
            trunk: "carrier".into(),
            from_user: number.into(),
            to_user: "4930100".into(),
        };
        self.peer.send(incoming).await.unwrap();
        leg
    }

    pub async fn dialled(&self, nth: usize) -> VoiceCommand {
        self.until("a dial", |world| {
            world
                .voice
                .all()
                .into_iter()
                .filter(|c| matches!(c, VoiceCommand::Dial { .. }))
                .nth(nth)
        })
        .await
    }

    pub fn wish(&self, number: &str, purpose: &str, class: WishClass) -> WishDraft {
        let point = rapport_domain::contact_point::ContactPoint::parse(
            rapport_domain::contact_point::Kind::Phone,
            number,
        );
        WishDraft {
            value: 10,
            ..WishDraft::new(
                CustomerRef::Point(point.unwrap()),
                purpose,
                class,
                &format!("Say something about {purpose}."),
                self.engine.now() + Duration::from_secs(3_600),
            )
        }
    }
}
