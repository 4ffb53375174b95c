//! The people outside: callers, visitors, departments, an agent with desk and phone. They do what people do, and go on
//! where they were when the hub is gone for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::agent::{Agent, Presence};
use rapport_domain::aggregate::{Aggregate, Folded};
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::Category;
use rapport_domain::id::{AgentId, CustomerId, InteractionId, LegId, MessageId};
use rapport_domain::interaction::{Interaction, Phase};
use rapport_domain::outreach::{Outcome, Outreach, WishClass};
use rapport_domain::port::chat::{ChatDesk, Visitor};
use rapport_domain::port::log::EventLog as _;
use rapport_domain::port::voice::{DialTarget, LegEnd, VoiceCommand, VoiceEvent};
use rapport_domain::private::Private;
use rapport_domain::testing::MemoryLog;
use rapport_engine::{CustomerRef, Engine, WishDraft};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::mortal::MortalVoice;
use crate::support::tenant;

/// How soon people look again while things happen, and at the latest.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_AT_LATEST: Duration = Duration::from_secs(60);
const NUMBER: &str = "+4917012345";

/// What happens, when nobody dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// A customer calls and is answered; cut off, they are called back.
    CallComesIn,
    /// Two departments want something; one call says both.
    DepartmentsWish,
    /// A department wants something, and the customer calls before it is said.
    CustomerIsFaster,
    /// A visitor writes twice and is answered.
    VisitorWrites,
}

/// What the people outside know and remember.
#[derive(Debug)]
pub struct Outside {
    pub story: Story,
    /// Legs dialled, by any hub, with what was dialled.
    pub dialled: Vec<(LegId, bool)>,
    /// Calls of the customer's that the hub answered: acknowledged.
    pub answered: BTreeSet<LegId>,
    /// Wishes the hub said it took.
    pub taken: BTreeSet<Uuid>,
    /// Messages the hub acknowledged.
    pub acknowledged: BTreeSet<MessageId>,
    wishes: Vec<Uuid>,
    messages: Vec<MessageId>,
    reply: MessageId,
    /// The customer's own call, while the line is up.
    line: Option<LegId>,
    /// Phones that ring or talk.
    phones: BTreeMap<LegId, bool>,
    called: bool,
}

impl Outside {
    pub fn new(story: Story) -> Self {
        let wishes = match story {
            Story::DepartmentsWish => 2,
            Story::CustomerIsFaster => 1,
            Story::CallComesIn | Story::VisitorWrites => 0,
        };
        let message = |_| MessageId::from_uuid(Uuid::now_v7());
        Self {
            story,
            dialled: Vec::new(),
            answered: BTreeSet::new(),
            taken: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            wishes: (0..wishes).map(|_| Uuid::now_v7()).collect(),
            messages: (0..if story == Story::VisitorWrites { 2 } else { 0 })
                .map(message)
                .collect(),
            reply: message(0),
            line: None,
            phones: BTreeMap::new(),
            called: false,
        }
    }

    /// Lines are dead; who was never answered tries again.
    pub fn hub_died(&mut self) {
        self.phones.clear();
        if let Some(leg) = self.line.take() {
            self.called = self.answered.contains(&leg);
        }
    }

    /// Lives with a hub until the story has ended.
    pub async fn meet(
        &mut self,
        engine: &Arc<Engine>,
        log: &MemoryLog,
        voice: &MortalVoice,
        peer: &mpsc::Sender<VoiceEvent>,
    ) {
        let (mut seen, mut pause) = (log.head(), LOOK);
        loop {
            let commands = voice.take();
            pause = if commands.is_empty() && seen == log.head() {
                (pause * 2).min(LOOK_AT_LATEST)
            } else {
                LOOK
            };
            seen = log.head();
            for command in commands {
                self.on_command(command, peer).await;
            }
            self.departments(engine).await;
            self.customer(engine, peer).await;
            self.agent(engine, log).await;
            if voice.is_quiet() && self.is_over(log) {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn on_command(&mut self, command: VoiceCommand, peer: &mpsc::Sender<VoiceEvent>) {
        let tell = |event| async { peer.send(event).await.unwrap() };
        match command {
            VoiceCommand::Dial { leg, target, .. } => {
                let customer = matches!(target, DialTarget::Trunk { .. });
                self.dialled.push((leg, customer));
                self.phones.insert(leg, customer);
                tell(VoiceEvent::Answered { leg }).await;
            }
            VoiceCommand::Answer { leg, .. } => {
                self.answered.insert(leg);
            }
            VoiceCommand::Bridge { a, b } => {
                // They have said what there was to say; the customer hangs up.
                let customers = [a, b]
                    .into_iter()
                    .find(|leg| self.line == Some(*leg) || self.phones.get(leg) == Some(&true));
                if let Some(leg) = customers {
                    self.gone(leg);
                    tell(VoiceEvent::Ended {
                        leg,
                        why: LegEnd::PeerHungUp,
                    })
                    .await;
                }
            }
            VoiceCommand::HangUp { leg } | VoiceCommand::Refuse { leg, .. } if self.gone(leg) => {
                let why = LegEnd::HungUp;
                tell(VoiceEvent::Ended { leg, why }).await;
            }
            _ => {}
        }
    }

    fn gone(&mut self, leg: LegId) -> bool {
        self.line.take_if(|line| *line == leg).is_some() | self.phones.remove(&leg).is_some()
    }

    /// Files what the hub has not said it took, under the same key.
    async fn departments(&mut self, engine: &Arc<Engine>) {
        for (key, purpose) in self
            .wishes
            .clone()
            .into_iter()
            .zip(["survey", "invitation"])
        {
            if self.taken.contains(&key) {
                continue;
            }
            let draft = WishDraft {
                key: Some(key),
                value: 10,
                ..WishDraft::new(
                    CustomerRef::Point(ContactPoint::parse(Kind::Phone, NUMBER).unwrap()),
                    purpose,
                    WishClass::Service,
                    &format!("Say something about {purpose}."),
                    engine.now() + Duration::from_secs(86_400),
                )
            };
            if engine.file_wish(tenant(), "service", draft).await.is_ok() {
                self.taken.insert(key);
            }
        }
    }

    async fn customer(&mut self, engine: &Arc<Engine>, peer: &mpsc::Sender<VoiceEvent>) {
        let calls = match self.story {
            Story::CallComesIn => true,
            Story::CustomerIsFaster => self.taken.len() == self.wishes.len(),
            Story::DepartmentsWish | Story::VisitorWrites => false,
        };
        if calls && !self.called {
            self.called = true;
            let leg = LegId::from_uuid(Uuid::now_v7());
            self.line = Some(leg);
            let incoming = VoiceEvent::Incoming {
                leg,
                trunk: "carrier".into(),
                from_user: NUMBER.into(),
                to_user: "4930100".into(),
            };
            peer.send(incoming).await.unwrap();
        }
        for message in self.messages.clone() {
            if !self.acknowledged.contains(&message) {
                let visitor = Visitor {
                    site_key: "shop-key".into(),
                    visitor: Private::new("v1".into()),
                };
                let said = engine
                    .say(visitor, message, Private::new("hello".into()))
                    .await;
                if said.is_ok() {
                    self.acknowledged.insert(message);
                }
                return; // one in flight
            }
        }
    }

    /// The agent is at the desk, takes what comes and finishes it.
    async fn agent(&mut self, engine: &Arc<Engine>, log: &MemoryLog) {
        let anna = AgentId::named(tenant(), "anna");
        let me: Option<Arc<Agent>> = folded(log, Category::Agent, anna.as_uuid());
        if me.is_some_and(|me| me.presence != Presence::Ready) {
            let _a_rejection_is_fine = engine
                .change_presence(tenant(), anna, Presence::Ready)
                .await;
        }
        for id in contacts(log) {
            let Some(contact) = folded::<Interaction>(log, Category::Interaction, id.as_uuid())
            else {
                continue;
            };
            let chat = contact.channel == Channel::Chat;
            // Rejections are fine here: a click on what has just changed.
            match contact.phase {
                Phase::Offered { .. } if chat => {
                    let _ = engine.accept(tenant(), anna, id).await;
                }
                Phase::Active { .. } if chat && self.acknowledged.len() == self.messages.len() => {
                    let replied = engine
                        .send_message(tenant(), anna, id, self.reply, "hi!".into())
                        .await;
                    if replied.is_ok() {
                        let _ = engine.end(tenant(), anna, id).await;
                    }
                }
                Phase::WrapUp { .. } => {
                    let outreach: Option<Arc<Outreach>> =
                        folded(log, Category::Outreach, contact.customer.as_uuid());
                    if contact.connected_at.is_some() {
                        for wish in outreach.iter().flat_map(|outreach| outreach.agenda_of(id)) {
                            let _ = engine
                                .record_outcome(
                                    tenant(),
                                    anna,
                                    id,
                                    wish.wish.id,
                                    Outcome::Informed.into(),
                                )
                                .await;
                        }
                    }
                    let _ = engine.wrap_up(tenant(), anna, id, None, None).await;
                }
                _ => {}
            }
        }
    }

    /// Everybody has what they came for, and nothing is left open.
    fn is_over(&self, log: &MemoryLog) -> bool {
        let done = match self.story {
            Story::CallComesIn | Story::CustomerIsFaster => self.called && self.line.is_none(),
            Story::DepartmentsWish | Story::VisitorWrites => true,
        };
        done && self.taken.len() == self.wishes.len()
            && self.acknowledged.len() == self.messages.len()
            && !contacts(log).is_empty()
            && crate::holds::nothing_is_open(log).is_ok()
    }
}

/// Every contact there ever was, oldest first.
pub fn contacts(log: &MemoryLog) -> Vec<InteractionId> {
    let events = log.events();
    let begun = events
        .iter()
        .filter(|e| e.event.kind == "interaction.started");
    begun
        .map(|e| InteractionId::from_uuid(e.stream.id))
        .collect()
}

/// Every customer whom departments ever wanted something of.
pub fn customers(log: &MemoryLog) -> BTreeSet<CustomerId> {
    let events = log.events();
    let outreach = events
        .iter()
        .filter(|e| e.stream.category == Category::Outreach);
    outreach
        .map(|e| CustomerId::from_uuid(e.stream.id))
        .collect()
}

/// A state, as the log has it.
pub fn folded<A: Aggregate>(log: &MemoryLog, category: Category, id: Uuid) -> Option<Arc<A>> {
    let mut folded = Folded::<A>::default();
    for recorded in log.events() {
        if recorded.stream.category == category && recorded.stream.id == id {
            folded.take_recorded(&recorded).unwrap();
        }
    }
    folded.state
}
