//! A day of traffic as the log would hold it: calls, chats and outreach, decided by the domain itself.

use std::collections::BTreeMap;
use std::time::Duration;

use rapport_domain::acd::{Candidate, Head, Reason, Receipt};
use rapport_domain::aggregate::{Aggregate, Fact as AnyFact, Folded, encode};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{ClaimFact, Customer};
use rapport_domain::event::{
    Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream,
};
use rapport_domain::id::{
    AgentId, CustomerId, EventId, InteractionId, LegId, MessageId, OfferId, QueueId, TenantId,
    WishId,
};
use rapport_domain::interaction::{Closing, Interaction, Start};
use rapport_domain::outreach::{
    CERTAIN, CustomerFacts, Outcome, Outreach, USUAL_SECONDS, Wish, WishClass,
};
use rapport_domain::policy::{ContactPolicy, Policy};
use rapport_domain::private::Private;
use rapport_domain::setup::{QueueDefinition, QueueFact, TenantDefinition, TenantFact};
use rapport_domain::time::{Timestamp, Zone};
use rapport_domain::{agent, outreach};
use uuid::Uuid;

const AGENTS: u64 = 50;

/// Writes events as the log would store them.
pub struct Traffic {
    /// Everything so far.
    pub events: Vec<Recorded>,
    revisions: BTreeMap<Stream, u64>,
    tenant: TenantId,
    now: Timestamp,
    made: u64,
}

impl Traffic {
    /// At least so many events of one tenant, from its set-up on.
    pub fn of(name: &str, events: usize) -> Self {
        let mut traffic = Self {
            events: Vec::with_capacity(events + 64),
            revisions: BTreeMap::new(),
            tenant: TenantId::named(name),
            now: Timestamp::from_millis(1_795_262_400_000),
            made: 0,
        };
        traffic.set_up(name);
        let mut n = 0;
        while traffic.events.len() < events {
            traffic.contact(n);
            n += 1;
        }
        traffic
    }

    fn id(&mut self) -> Uuid {
        self.made += 1;
        // Ordered by time like a UUID v7, with a tail that is not.
        let tail = Uuid::new_v5(&self.tenant.as_uuid(), &self.made.to_be_bytes());
        let time = u128::try_from(self.now.as_millis()).unwrap_or(0) << 80;
        Uuid::from_u128(time | 7 << 76 | (tail.as_u128() >> 52))
    }

    fn append<F: AnyFact>(&mut self, id: Uuid, facts: &[F]) {
        let stream = Stream::new(F::CATEGORY, id);
        for fact in facts {
            let encoded = encode(fact).expect("a fact encodes");
            let revision = self.revisions.entry(stream).or_default();
            let at = Revision(*revision);
            *revision += 1;
            let meta = Meta {
                tenant: self.tenant,
                actor: Actor::System,
                correlation: id,
                causation: None,
                subject: None,
            };
            let event = NewEvent {
                id: EventId::from_uuid(self.id()),
                kind: encoded.kind,
                version: encoded.version,
                recorded_at: self.now,
                meta,
                data: encoded.data,
            };
            let position = Position(self.events.len() as u64 + 1);
            self.events.push(Recorded {
                stream,
                revision: at,
                position,
                event,
            });
        }
    }

    /// Appends and folds.
    fn and<A: Aggregate>(&mut self, id: Uuid, folded: &mut Folded<A>, facts: Vec<A::Fact>) {
        for fact in &facts {
            let revision = folded.revision.map_or(Revision::FIRST, Revision::next);
            folded.take(fact, self.now, revision);
        }
        self.append(id, &facts);
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn agent(&self, n: u64) -> AgentId {
        AgentId::named(self.tenant, &format!("agent-{}", n % AGENTS))
    }

    fn queue(&self, n: u64) -> QueueId {
        QueueId::named(
            self.tenant,
            ["sales", "service", "finance", "outreach"][n as usize % 4],
        )
    }

    fn rules(&self) -> Policy {
        let rules = ContactPolicy {
            quiet_from: 0,
            quiet_until: 0,
            gather_seconds: 0,
            contacts_per_day: 3,
            caps: ContactPolicy::declared_caps(3),
            retry_seconds: 3_600,
            max_attempts: 3,
            consent_needed: vec![],
            ..ContactPolicy::declared(self.queue(3))
        };
        Policy { rules, version: 1 }
    }

    fn set_up(&mut self, name: &str) {
        let definition = TenantDefinition {
            name: name.to_owned(),
            display_name: name.to_owned(),
            zone: Zone::parse("Europe/Berlin").unwrap_or(Zone::UTC),
            not_ready_reasons: vec![],
            caller_id: "1".to_owned(),
            outbound_trunk: None,
        };
        self.append(self.tenant.as_uuid(), &[TenantFact::Defined(definition)]);
        for (n, queue) in ["sales", "service", "finance", "outreach"]
            .into_iter()
            .enumerate()
        {
            self.append(
                self.queue(n as u64).as_uuid(),
                &[QueueFact::Defined(QueueDefinition::named(queue))],
            );
        }
        for n in 0..AGENTS {
            let definition = agent::Definition {
                name: format!("agent-{n}"),
                display_name: format!("Agent {n}"),
                role: agent::Role::Agent,
                skills: BTreeMap::new(),
                phone: agent::Phone::None,
                capacity: 100,
                weights: agent::Weights::default(),
            };
            self.append(self.agent(n).as_uuid(), &[agent::Fact::Defined(definition)]);
        }
    }

    /// One customer's day: a call or a chat, perhaps outreach.
    fn contact(&mut self, n: u64) {
        self.wait(1);
        let customer = CustomerId::from_uuid(self.id());
        let point = ContactPoint::parse(Kind::Phone, &format!("+49{:09}", 100_000_000 + n))
            .expect("a number");
        let claimed = ClaimFact::Claimed { customer };
        self.append(point.key(self.tenant), &[claimed]);
        let mut known = Folded::<Customer>::default();
        self.and(
            customer.as_uuid(),
            &mut known,
            Customer::create(point.clone(), true, None),
        );
        let outreach = (n.is_multiple_of(4)).then(|| {
            self.wishes(
                n,
                customer,
                Customer::clone(&known.state.clone().unwrap_or_default()),
            )
        });
        self.conversation(
            n,
            customer,
            point,
            if n.is_multiple_of(3) {
                Channel::Chat
            } else {
                Channel::Voice
            },
        );
        if let Some((folded, known)) = outreach {
            self.outreach(n, customer, folded, &known);
        }
    }

    fn conversation(
        &mut self,
        n: u64,
        customer: CustomerId,
        contact_point: ContactPoint,
        channel: Channel,
    ) {
        let id = self.id();
        let interaction = InteractionId::from_uuid(id);
        let start = Start {
            customer,
            channel,
            direction: Direction::Inbound,
            access_point: None,
            contact_point,
            plan: None,
            queue: self.queue(n),
            priority: 0,
            node: None,
        };
        let mut it = Folded::<Interaction>::default();
        self.and(id, &mut it, start.facts());
        let text = || {
            Private::new(
                "I am still waiting for my parcel, could you please look where it is?".to_owned(),
            )
        };
        if channel == Channel::Chat {
            let facts = it
                .state
                .as_ref()
                .expect("begun")
                .receive(MessageId::from_uuid(self.id()), text());
            self.and(id, &mut it, facts.expect("a message"));
        }
        self.wait(n % 40);
        let state = |it: &Folded<Interaction>| it.state.clone().expect("begun");
        let closing = Closing {
            wrap_up: Duration::from_secs(30),
        };
        if n % 20 == 19 {
            let facts = state(&it).customer_left(closing, self.now);
            return self.and(id, &mut it, facts.expect("they may leave"));
        }
        let (agent, offer) = (self.agent(n), OfferId::from_uuid(self.id()));
        let until = self.now + Duration::from_secs(20);
        self.append(
            agent.as_uuid(),
            &[agent::Fact::Reserved {
                offer,
                interaction,
                channel,
                until,
            }],
        );
        let receipt = Receipt {
            rule_version: 1,
            score: 2_500,
            waited: Duration::from_secs(10),
            candidates: (0..3)
                .map(|more| Candidate {
                    agent: self.agent(n + more),
                    score: 1,
                    tier: 0,
                })
                .collect(),
            candidate_count: 3,
            heads: vec![Head {
                item: interaction,
                queue: self.queue(n),
                score: 2_500,
            }],
            head_count: 1,
            reason: Reason::BestAgent,
        };
        let leg = (channel == Channel::Voice).then(|| (LegId::from_uuid(self.id()), None));
        let facts = state(&it).offer(offer, agent, until, receipt, leg);
        self.and(id, &mut it, facts.expect("it waits"));
        self.wait(2);
        let facts = state(&it).accept(agent, self.now);
        self.and(id, &mut it, facts.expect("in time"));
        self.append(
            agent.as_uuid(),
            &[agent::Fact::WorkTaken {
                interaction,
                channel,
            }],
        );
        if channel == Channel::Voice {
            let facts = state(&it).connect();
            self.and(id, &mut it, facts.expect("it connects"));
        } else {
            for turn in 0..5 {
                let message = MessageId::from_uuid(self.id());
                let state = state(&it);
                let facts = if turn % 2 == 0 {
                    state.send(agent, message, text())
                } else {
                    state.receive(message, text())
                };
                self.and(id, &mut it, facts.expect("a message"));
            }
        }
        self.wait(60);
        let facts = state(&it).end(agent, closing, self.now);
        self.and(id, &mut it, facts.expect("theirs"));
        let facts = state(&it).wrap_up(agent, Some("solved".to_owned()), None, &[]);
        self.and(id, &mut it, facts.expect("theirs"));
        self.append(
            agent.as_uuid(),
            &[agent::Fact::WorkFinished { interaction }],
        );
    }

    /// Three departments want something of the customer.
    fn wishes(
        &mut self,
        n: u64,
        customer: CustomerId,
        known: Customer,
    ) -> (Folded<Outreach>, Customer) {
        let mut folded = Folded {
            state: Some(Outreach::default().into()),
            revision: None,
        };
        let rules = self.rules();
        for (place, department) in ["finance", "marketing", "service"].into_iter().enumerate() {
            let wish = Wish {
                id: WishId::from_uuid(self.id()),
                department: department.to_owned(),
                purpose: format!("{department}_{}", n % 7),
                class: if place == 1 {
                    WishClass::Marketing
                } else {
                    WishClass::Service
                },
                talking_point: Private::new(
                    "There is something we would like to tell you.".to_owned(),
                ),
                message: None,
                value: 10 + place as u32,
                propensity: CERTAIN,
                expected_seconds: USUAL_SECONDS,
                not_before: None,
                expires_at: self.now + Duration::from_secs(7 * 86_400),
                channels: vec![Channel::Voice],
                script: None,
                evidence: None,
                bundle: true,
            };
            let facts = CustomerFacts::of(&known, Zone::UTC);
            let decided = folded
                .state
                .as_ref()
                .expect("it is")
                .file(wish, customer, facts, &rules, self.now);
            self.and(customer.as_uuid(), &mut folded, decided.expect("a window"));
        }
        (folded, known)
    }

    /// The bundled contact, with its outcomes; every other one hears them when they call us.
    fn outreach(
        &mut self,
        n: u64,
        customer: CustomerId,
        mut folded: Folded<Outreach>,
        known: &Customer,
    ) {
        let id = customer.as_uuid();
        let rules = self.rules();
        let facts = CustomerFacts::of(known, Zone::UTC);
        let state = folded.state.clone().expect("it is");
        let Some(plan) = state.plan.clone() else {
            return;
        };
        let on = if n.is_multiple_of(8) {
            let begun = state.start(&plan, facts, &rules, self.now);
            self.and(id, &mut folded, begun.expect("due"));
            Outreach::interaction_of(&plan)
        } else {
            let on = InteractionId::from_uuid(self.id());
            let taken = state.customer_contacted_us(on, false, facts, &rules, self.now);
            self.and(id, &mut folded, taken);
            on
        };
        let outcomes: [(usize, Outcome); 3] = [
            (0, Outcome::Agreed),
            (1, Outcome::Declined),
            (2, Outcome::Later),
        ];
        for (place, outcome) in outcomes {
            let state = folded.state.clone().expect("it is");
            let Some(wish) = plan.agenda.get(place) else {
                continue;
            };
            let noted: Vec<outreach::Fact> = state
                .record_outcome(*wish, outcome.into(), on, self.agent(n), self.now)
                .expect("on the agenda");
            self.and(id, &mut folded, noted);
        }
        let state = folded.state.clone().expect("it is");
        let over = state.contact_ended(on, true, customer, facts, &rules, self.now);
        self.and(id, &mut folded, over);
    }
}

/// How many events each category has.
pub fn by_category(events: &[Recorded]) -> Vec<(&'static str, f64)> {
    Category::ALL
        .into_iter()
        .map(|category| {
            (
                category.name(),
                events
                    .iter()
                    .filter(|event| event.stream.category == category)
                    .count() as f64,
            )
        })
        .collect()
}
