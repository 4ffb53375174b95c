//! The wish book of a customer at work: departments amend and withdraw, read what became of a wish, and tell of contacts
//! made elsewhere.

use rapport_domain::aggregate::decode;
use rapport_domain::channel::Channel;
use rapport_domain::event::{Actor, Category, Position, Recorded, Revision, Stream};
use rapport_domain::id::{CustomerId, InteractionId, PlanId, TenantId, WishId};
use rapport_domain::outreach::{
    Contact, Decided, Fact, Origin, Outcome, Outreach, Pressure, Reason, Receipt, Told, Wish, Words,
};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;
use crate::wishes::{checked, invalid};

/// Events read at a time.
const PAGE: usize = 512;
/// Contacts older than this press nobody any more.
const OLDEST_CONTACT: Duration = Duration::from_secs(366 * 86_400);
/// How far the clock of whoever reports a contact may be ahead of ours.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// What becomes of a field that may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is this from now on.
    Set(T),
    /// It is absent from now on.
    Clear,
}

impl<T> Field<T> {
    fn put(self, known: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Set(value) => *known = Some(value),
            Self::Clear => *known = None,
        }
    }
}

/// What a department wants otherwise; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct WishChange {
    /// What the agent should say.
    pub talking_point: Option<String>,
    /// What it says where it is written.
    pub message: Field<String>,
    /// What it is worth.
    pub value: Option<u32>,
    /// How likely it succeeds, in thousandths.
    pub propensity: Option<u16>,
    /// How long it takes to say.
    pub expected_seconds: Option<u32>,
    /// Not before.
    pub not_before: Field<Timestamp>,
    /// Pointless from then on.
    pub expires_at: Option<Timestamp>,
    /// Allowed channels, the best first.
    pub channels: Option<Vec<Channel>>,
    /// The script for the agent.
    pub script: Field<String>,
    /// Where what it rests on can be found.
    pub evidence: Field<String>,
    /// Whether it may share a contact with others.
    pub bundle: Option<bool>,
}

impl WishChange {
    fn make(self, wish: &mut Wish) {
        fn set<T>(known: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *known = value;
            }
        }
        fn text(field: Field<String>, known: &mut Option<Private<String>>) {
            match field {
                Field::Keep => {}
                Field::Set(text) => *known = Some(Private::new(text)),
                Field::Clear => *known = None,
            }
        }
        set(
            &mut wish.talking_point,
            self.talking_point.map(Private::new),
        );
        set(&mut wish.value, self.value);
        set(&mut wish.propensity, self.propensity);
        set(&mut wish.expected_seconds, self.expected_seconds);
        set(&mut wish.expires_at, self.expires_at);
        set(&mut wish.channels, self.channels);
        set(&mut wish.bundle, self.bundle);
        text(self.message, &mut wish.message);
        text(self.script, &mut wish.script);
        text(self.evidence, &mut wish.evidence);
        self.not_before.put(&mut wish.not_before);
    }
}

/// A contact that another system made with a customer.
#[derive(Clone, Copy, Debug)]
pub struct ContactReport {
    /// That system's own name for it: the same key again is the same contact.
    pub key: Uuid,
    /// When it began.
    pub at: Timestamp,
    /// How.
    pub channel: Channel,
    /// Whether the customer was reached, when that is known.
    pub reached: Option<bool>,
}

/// One thing that happened to a wish.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// Where it stands in the log.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// `filed`, `amended`, `held`, `dropped`, `planned`, `started`, `withdrawn`, `taken_up`, `outcome`, `returned`,
    /// `wish_withdrawn`, `moved` to the outreach of somebody who is the same person, `moved_back`.
    pub what: &'static str,
    /// Why, when it was decided.
    pub reason: Option<Reason>,
    /// The decision in plain words.
    pub words: Option<Words>,
    /// When a held wish is looked at again, or when the customer wants to hear of it.
    pub until: Option<Timestamp>,
    /// The plan.
    pub plan: Option<PlanId>,
    /// When that plan is due.
    pub slot: Option<Timestamp>,
    /// The contact.
    pub interaction: Option<InteractionId>,
    /// What came of it.
    pub outcome: Option<Outcome>,
}

impl Engine {
    /// A department amends a wish of its own (any, when `of` names none); the coordinator decides anew in the same append.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] names the field, [`CommandError::NotFound`] for a wish that is not theirs,
    /// [`CommandError::Rejected`] once the contact that carries it is in flight, or when it has ended.
    pub async fn amend_wish(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        wish: WishId,
        of: Option<&str>,
        change: WishChange,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let outreach = self.outreach(tenant, customer).await?;
        let known = outreach.wishes.get(&wish);
        let known = known.ok_or(CommandError::NotFound("wish"))?;
        let mut amended = known.wish.clone();
        change.clone().make(&mut amended);
        if known.is_pending() {
            checked(&amended, self.now())?;
        }
        let situation = self.situation(tenant, customer).await?;
        let ctx = Ctx::by(tenant, actor, wish.as_uuid());
        let done = self
            .on_outreach(&ctx, customer, |outreach, now| {
                let make = |wish: &mut Wish| change.clone().make(wish);
                let (facts, policy) = (situation.facts(), &situation.policy);
                outreach.amend(wish, of, make, customer, facts, policy, now)
            })
            .await?;
        Ok(done.position)
    }

    /// A department takes a wish of its own back (any, when `of` names none). Asked again, it changes nothing.
    ///
    /// # Errors
    /// As [`Engine::amend_wish`].
    pub async fn withdraw_wish(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        wish: WishId,
        of: Option<&str>,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let situation = self.situation(tenant, customer).await?;
        let ctx = Ctx::by(tenant, actor, wish.as_uuid());
        let done = self
            .on_outreach(&ctx, customer, |outreach, now| {
                let (facts, policy) = (situation.facts(), &situation.policy);
                outreach.withdraw(wish, of, customer, facts, policy, now)
            })
            .await?;
        Ok(done.position)
    }

    /// Another system tells of a contact it made: it counts like any other.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] when it lies ahead or too far back, [`CommandError::NotFound`] for an unknown customer.
    pub async fn report_contact(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        report: ContactReport,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let now = self.now();
        if report.at > now + CLOCKS_APART || now.since(report.at) > OLDEST_CONTACT {
            return Err(invalid("at", "it must lie in the last year, and not ahead"));
        }
        let customer = self.living(tenant, customer).await?.person(customer);
        let situation = self.situation(tenant, customer).await?;
        let contact = Contact {
            id: Uuid::new_v5(
                &tenant.as_uuid(),
                format!("contact/{}", report.key).as_bytes(),
            ),
            at: report.at,
            channel: report.channel,
            origin: Origin::Elsewhere,
            reached: report.reached,
        };
        let ctx = Ctx::by(tenant, actor, contact.id);
        let done = self
            .on_outreach(&ctx, customer, |outreach, now| {
                let (facts, policy) = (situation.facts(), &situation.policy);
                outreach.note_contact(contact, customer, facts, policy, now)
            })
            .await?;
        Ok(done.position)
    }

    /// How much a customer was contacted, as whoever they were known, and when the next contact is allowed.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer.
    pub async fn pressure(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Pressure, CommandError> {
        let known = self.customer(tenant, customer).await?;
        let known = known.ok_or(CommandError::NotFound("customer"))?;
        let customer = known.person(customer);
        let situation = self.situation(tenant, customer).await?;
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await?;
        let outreach = outreach.unwrap_or_default();
        Ok(outreach.pressure(situation.facts(), &situation.policy, self.now()))
    }

    /// A wish with all that was said of it.
    ///
    /// # Errors
    /// [`CommandError::NotFound`].
    pub async fn wish(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        wish: WishId,
    ) -> Result<Wish, CommandError> {
        let outreach = self.outreach(tenant, customer).await?;
        let known = outreach.wishes.get(&wish);
        Ok(known.ok_or(CommandError::NotFound("wish"))?.wish.clone())
    }

    /// What happened to a wish, oldest first, read from the customer's own history and from those of whoever is or was
    /// the same person.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn wish_history(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        wish: WishId,
    ) -> Result<Vec<HistoryEntry>, CommandError> {
        let known = self.customer(tenant, customer).await?;
        let absorbed = known.iter().flat_map(|known| known.links.absorbed.keys());
        let mut asked = BTreeSet::from([customer]);
        let mut waiting: Vec<CustomerId> = absorbed.copied().chain([customer]).collect();
        asked.extend(&waiting);
        let mut entries = vec![];
        while let Some(one) = waiting.pop() {
            let told = self.told_by(tenant, one, wish).await?;
            waiting.extend(told.also.into_iter().filter(|also| asked.insert(*also)));
            entries.extend(told.entries);
        }
        entries.sort_by_key(|entry| entry.position);
        // Where it moved to it is filed once more; whoever reads this knows that from the moving.
        let mut filed = false;
        entries.retain(|entry| entry.what != "filed" || !std::mem::replace(&mut filed, true));
        Ok(entries)
    }

    /// What one customer's history tells of a wish.
    async fn told_by(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        wish: WishId,
    ) -> Result<Telling, CommandError> {
        let stream = Stream::new(Category::Outreach, customer.as_uuid());
        let (mut next, mut telling) = (Revision::FIRST, Telling::of(wish));
        loop {
            let page = self.log().read_stream(stream, next, PAGE).await;
            let page = page.map_err(|error| CommandError::Unavailable(error.to_string()))?;
            for recorded in page.iter().filter(|one| one.event.meta.tenant == tenant) {
                telling.take(recorded)?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => next = last.revision.next(),
                _ => return Ok(telling),
            }
        }
    }

    async fn outreach(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<std::sync::Arc<Outreach>, CommandError> {
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await?;
        outreach.ok_or(CommandError::NotFound("wish"))
    }
}

/// What is told of one wish.
struct Telling {
    wish: WishId,
    /// Department and purpose.
    topic: (String, String),
    /// The plan it is part of, and the contact it is said on.
    plan: Option<PlanId>,
    /// In whose outreach it was pursued, too: they are or were taken for the same person.
    also: BTreeSet<CustomerId>,
    entries: Vec<HistoryEntry>,
}

impl Telling {
    const fn of(wish: WishId) -> Self {
        Self {
            wish,
            topic: (String::new(), String::new()),
            plan: None,
            also: BTreeSet::new(),
            entries: vec![],
        }
    }

    fn take(&mut self, recorded: &Recorded) -> Result<(), CommandError> {
        let event = &recorded.event;
        let fact: Fact = decode(&event.kind, event.version, &event.data)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let here = |what| HistoryEntry {
            position: recorded.position,
            at: event.recorded_at,
            actor: event.meta.actor.clone(),
            what,
            reason: None,
            words: None,
            until: None,
            plan: None,
            slot: None,
            interaction: None,
            outcome: None,
        };
        let entry = match fact {
            Fact::WishFiled(wish) if wish.id == self.wish => {
                self.topic = (wish.department, wish.purpose);
                here("filed")
            }
            Fact::WishAmended(wish) if wish.id == self.wish => here("amended"),
            Fact::WishWithdrawn { wish, receipt } if wish == self.wish => self.told(
                Decided::WishWithdrawn,
                &receipt,
                here(Decided::WishWithdrawn.name()),
            ),
            Fact::WishHeld {
                wish,
                until,
                receipt,
            } if wish == self.wish => {
                let entry = HistoryEntry {
                    until,
                    ..here(Decided::Held.name())
                };
                self.told(Decided::Held, &receipt, entry)
            }
            Fact::WishDropped { wish, receipt } if wish == self.wish => {
                self.told(Decided::Dropped, &receipt, here(Decided::Dropped.name()))
            }
            Fact::ContactPlanned {
                plan,
                slot,
                agenda,
                receipt,
                ..
            } => {
                self.plan = agenda.contains(&self.wish).then_some(plan);
                if self.plan.is_none() {
                    return Ok(());
                }
                let entry = HistoryEntry {
                    plan: Some(plan),
                    slot: Some(slot),
                    ..here(Decided::Planned.name())
                };
                self.told(Decided::Planned, &receipt, entry)
            }
            Fact::ContactStarted {
                plan,
                interaction,
                receipt,
            } if self.plan == Some(plan) => {
                let entry = HistoryEntry {
                    plan: Some(plan),
                    interaction: Some(interaction),
                    ..here(Decided::Started.name())
                };
                self.told(Decided::Started, &receipt, entry)
            }
            Fact::PlanWithdrawn { plan, receipt, .. } if self.plan == Some(plan) => {
                self.plan = None;
                let entry = HistoryEntry {
                    plan: Some(plan),
                    ..here(Decided::Withdrawn.name())
                };
                self.told(Decided::Withdrawn, &receipt, entry)
            }
            Fact::AgendaTakenUp {
                interaction,
                agenda,
                receipt,
            } if agenda.contains(&self.wish) => {
                self.plan = None;
                let entry = HistoryEntry {
                    interaction: Some(interaction),
                    ..here(Decided::TakenUp.name())
                };
                self.told(Decided::TakenUp, &receipt, entry)
            }
            Fact::OutcomeRecorded {
                wish,
                outcome,
                not_before,
                interaction,
                ..
            } if wish == self.wish => HistoryEntry {
                outcome: Some(outcome),
                until: not_before,
                interaction: Some(interaction),
                ..here("outcome")
            },
            Fact::ContactEnded {
                interaction,
                returned,
                ..
            } if returned.contains(&self.wish) => HistoryEntry {
                interaction: Some(interaction),
                ..here("returned")
            },
            Fact::WishesMoved { to, wishes, .. } if wishes.contains(&self.wish) => {
                self.also.insert(to);
                here("moved")
            }
            Fact::WishesReturned { from, wishes, .. } if wishes.contains(&self.wish) => {
                self.also.insert(from);
                here("moved_back")
            }
            Fact::WishFiled(_)
            | Fact::WishAmended(_)
            | Fact::WishesMoved { .. }
            | Fact::WishesReturned { .. }
            | Fact::WishWithdrawn { .. }
            | Fact::WishHeld { .. }
            | Fact::WishDropped { .. }
            | Fact::ContactStarted { .. }
            | Fact::PlanWithdrawn { .. }
            | Fact::AgendaTakenUp { .. }
            | Fact::OutcomeRecorded { .. }
            | Fact::ContactEnded { .. }
            | Fact::ContactNoted(_)
            | Fact::Closed {} => return Ok(()),
        };
        if matches!(entry.what, "held" | "dropped" | "wish_withdrawn") {
            self.plan = None;
        }
        self.entries.push(entry);
        Ok(())
    }

    fn told(&self, decided: Decided, receipt: &Receipt, entry: HistoryEntry) -> HistoryEntry {
        let (department, purpose) = &self.topic;
        let told = Told {
            decided,
            reason: receipt.reason,
            policy_version: receipt.policy_version,
            inputs: &receipt.inputs,
            topics: &[(department, purpose)],
            slot: entry.slot,
            until: entry.until,
        };
        HistoryEntry {
            reason: Some(receipt.reason),
            words: Some(told.words()),
            ..entry
        }
    }
}
