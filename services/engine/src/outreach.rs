//! Single-contact outreach at work: wishes come in, one contact goes out, whoever contacts first carries the agenda.

use rapport_domain::channel::{Channel, Direction};
use rapport_domain::customer::Customer;
use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, InteractionId, PlanId, TenantId};
use rapport_domain::interaction::{self, Interaction, Phase, Start};
use rapport_domain::outreach::{Contact, CustomerFacts, Outreach, Rejection, WishClass};
use rapport_domain::policy::Policy;
use rapport_domain::time::{Timestamp, Zone};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::{Ctx, Executed};
use crate::timers::Due;

/// How soon something that failed is tried again.
const LATER: Duration = Duration::from_secs(30);

/// What a decision about outreach looks at, loaded together.
pub(crate) struct Situation {
    pub customer: Arc<Customer>,
    pub zone: Zone,
    /// Shared: whatever waits for the log holds it.
    pub policy: Arc<Policy>,
}

impl Situation {
    pub fn facts(&self) -> CustomerFacts<'_> {
        CustomerFacts::of(&self.customer, self.zone)
    }
}

impl Engine {
    /// The contact policy of a tenant.
    pub(crate) fn policy(&self, tenant: TenantId) -> Result<Arc<Policy>, CommandError> {
        let directory = self.directory();
        let entry = directory
            .tenant(tenant)
            .ok_or(CommandError::NotFound("tenant"))?;
        let policy = entry.policy().cloned().map(Arc::new);
        policy.ok_or_else(|| CommandError::Invalid {
            field: "policy",
            detail: "the tenant has no contact policy; set one under `tenant.policy`".into(),
        })
    }

    pub(crate) async fn situation(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Situation, CommandError> {
        let policy = self.policy(tenant)?;
        let directory = self.directory();
        let entry = directory
            .tenant(tenant)
            .ok_or(CommandError::NotFound("tenant"))?;
        let customer = self
            .person(tenant, customer)
            .await?
            .ok_or(CommandError::NotFound("customer"))?;
        let zone = customer.zone.unwrap_or(entry.tenant.definition.zone);
        Ok(Situation {
            customer,
            zone,
            policy,
        })
    }

    pub(crate) async fn on_outreach(
        &self,
        ctx: &Ctx,
        customer: CustomerId,
        decide: impl Fn(&Outreach, Timestamp) -> Result<Vec<rapport_domain::outreach::Fact>, Rejection>
        + Send
        + Sync,
    ) -> Result<Executed<Outreach>, ExecuteError<Rejection>> {
        self.store
            .execute::<Outreach, Rejection>(customer.as_uuid(), ctx, |state, now| {
                state.map_or_else(
                    || decide(&Outreach::default(), now),
                    |state| decide(state, now),
                )
            })
            .await
    }

    /// Lets the coordinator look again; answers the position when it decided something.
    pub(crate) async fn coordinate(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Option<Position> {
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await
            .ok()??;
        if !outreach
            .wishes
            .values()
            .any(rapport_domain::outreach::WishState::is_pending)
        {
            return None;
        }
        let situation = self.situation(tenant, customer).await.ok()?;
        let ctx = Ctx::system(tenant, customer.as_uuid(), None);
        let decided = self
            .on_outreach(&ctx, customer, |outreach, now| {
                Ok(outreach.coordinate(customer, situation.facts(), &situation.policy, now))
            })
            .await;
        match decided {
            Ok(done) if !done.facts.is_empty() => Some(done.position),
            Ok(_) => None,
            Err(error) => {
                self.failed("coordinate outreach", &error);
                None
            }
        }
    }

    /// A slot, a hold or an expiry has come.
    pub(crate) async fn outreach_is_due(&self, tenant: TenantId, customer: CustomerId) {
        let later = Due::Outreach { tenant, customer };
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await;
        let (Ok(outreach), Ok(situation)) = (outreach, self.situation(tenant, customer).await)
        else {
            return self.timers.set(later, self.now() + LATER);
        };
        let ctx = Ctx::system(tenant, customer.as_uuid(), None);
        if let Some((plan, interaction)) = outreach.and_then(|outreach| outreach.in_flight) {
            // A contact that could not be begun is begun now; one that runs is left alone.
            if let Ok(None) = self
                .store
                .load_of::<Interaction>(tenant, interaction.as_uuid())
                .await
            {
                self.begin_contact(tenant, customer, plan, interaction, &ctx)
                    .await;
            }
        }
        let started = self
            .on_outreach(&ctx, customer, |outreach, now| {
                let plan = outreach.plan.as_ref().ok_or(Rejection::NotDue)?;
                outreach.start(plan, situation.facts(), &situation.policy, now)
            })
            .await;
        match started {
            Ok(_) => {}
            Err(ExecuteError::Rejected(_)) => {
                self.coordinate(tenant, customer).await;
            }
            Err(error) => self.failed("start a contact", &error),
        }
        self.watch_outreach_from(tenant, customer, self.now() + Duration::from_secs(1))
            .await;
    }

    /// Sets the timer for what the coordinator must look at next.
    pub(crate) async fn watch_outreach(&self, tenant: TenantId, customer: CustomerId) {
        self.watch_outreach_from(tenant, customer, Timestamp::default())
            .await;
    }

    pub(crate) async fn watch_outreach_from(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        earliest: Timestamp,
    ) {
        let Some(outreach) = self
            .store
            .known::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return self
                .timers
                .set(Due::Outreach { tenant, customer }, self.now() + LATER);
        };
        if let Some(at) = outreach.next_deadline() {
            self.timers
                .set(Due::Outreach { tenant, customer }, at.max(earliest));
        }
    }

    /// The plan became a contact: begin its interaction and put it in line. Repeated, it changes nothing; when the plan
    /// was withdrawn in the meantime, nothing begins.
    pub(crate) async fn begin_contact(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        plan: PlanId,
        interaction: InteractionId,
        ctx: &Ctx,
    ) {
        let Some(outreach) = self
            .store
            .known::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        if !outreach.may_dial(interaction) {
            return;
        }
        let Ok(situation) = self.situation(tenant, customer).await else {
            return self
                .timers
                .set(Due::Outreach { tenant, customer }, self.now() + LATER);
        };
        // One number for all that is to be said: one that the strictest of the wishes may use.
        let classes = outreach.agenda_of(interaction).into_iter();
        let class = classes.map(|state| state.wish.class).max();
        let class = class.unwrap_or(WishClass::Mandatory);
        let reached = situation
            .customer
            .reach(Channel::Voice, class, self.now())
            .cloned();
        let Some(contact_point) = reached else {
            return self
                .contact_ended(tenant, customer, interaction, false)
                .await;
        };
        let start = Start {
            customer,
            channel: Channel::Voice,
            direction: Direction::Outbound,
            access_point: None,
            contact_point,
            plan: Some(plan),
            queue: situation.policy.rules.queue,
            priority: 0,
            node: None,
        };
        let begun = self
            .store
            .execute::<Interaction, interaction::Rejection>(
                interaction.as_uuid(),
                ctx,
                |known, _| {
                    Ok(if known.is_some() {
                        vec![]
                    } else {
                        start.clone().facts()
                    })
                },
            )
            .await;
        match begun {
            Ok(done) if !done.facts.is_empty() => {
                self.withdraw_if_called_off(tenant, customer, plan, interaction, ctx)
                    .await;
            }
            Ok(_) => {}
            Err(error) => {
                self.failed("begin a planned contact", &error);
                self.timers.set(
                    Due::Outreach { tenant, customer },
                    self.now() + Duration::from_secs(1),
                );
            }
        }
    }

    /// Where others decide too, the plan may have been withdrawn while its contact was begun here: then nobody waits for it.
    pub(crate) async fn withdraw_if_called_off(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        plan: PlanId,
        interaction: InteractionId,
        ctx: &Ctx,
    ) {
        if self.cluster.is_some()
            && let Some(outreach) = self.latest::<Outreach>(tenant, customer.as_uuid()).await
            && !outreach.may_dial(interaction)
        {
            self.withdraw_contact(tenant, plan, ctx).await;
        }
    }

    /// The plan was withdrawn: the interaction that carried it out, if there is one and nobody talks yet, closes.
    pub(crate) async fn withdraw_contact(&self, tenant: TenantId, plan: PlanId, ctx: &Ctx) {
        let interaction = InteractionId::derived(plan.as_uuid(), "interaction");
        let withdrawn = self
            .store
            .execute::<Interaction, interaction::Rejection>(
                interaction.as_uuid(),
                ctx,
                |known, _| {
                    debug_assert_eq!(ctx.tenant, tenant);
                    known.map_or(Ok(vec![]), Interaction::withdraw)
                },
            )
            .await;
        self.report("withdraw a planned contact", withdrawn);
    }

    /// The plan of a contact was withdrawn. An agent took it a moment ago and the customer's phone may be ringing: it stops,
    /// and the agent is told so by the end of the call.
    pub(crate) async fn stop_dialling(&self, tenant: TenantId, plan: PlanId) {
        let interaction = InteractionId::derived(plan.as_uuid(), "interaction");
        let known = self
            .store
            .known::<Interaction>(tenant, interaction.as_uuid())
            .await;
        let dials = |known: &Interaction| {
            matches!(known.phase, Phase::Active { .. } | Phase::WrapUp { .. })
                && known.connected_at.is_none()
        };
        if known.as_deref().is_some_and(dials) {
            self.hang_up_all(interaction);
        }
    }

    /// Whether a planned contact may still be made at this moment. When not, it is called off: its wishes wait again, and
    /// the reaction to that closes the contact.
    pub(crate) async fn is_still_wanted(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
    ) -> bool {
        let Ok(situation) = self.situation(tenant, customer).await else {
            return false;
        };
        let outreach = self.latest::<Outreach>(tenant, customer.as_uuid()).await;
        let (facts, policy) = (situation.facts(), &situation.policy);
        if outreach.is_some_and(|outreach| outreach.may_dial_now(on, facts, policy, self.now())) {
            return true;
        }
        let ctx = Ctx::system(tenant, on.as_uuid(), None);
        let called_off = self
            .on_outreach(&ctx, customer, |outreach, now| {
                Ok(outreach.call_off(on, customer, facts, policy, now))
            })
            .await;
        self.report("call off a planned contact", called_off);
        false
    }

    /// The customer contacts us: what waits to be said is said there.
    pub(crate) async fn customer_contacted_us(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
    ) {
        let Some(outreach) = self
            .store
            .known::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        let Some(contact) = self.store.known::<Interaction>(tenant, on.as_uuid()).await else {
            return;
        };
        let nothing = outreach.in_flight.is_none()
            && !outreach
                .wishes
                .values()
                .any(rapport_domain::outreach::WishState::is_pending);
        if nothing || contact.is_closed() {
            return;
        }
        let talking = match outreach.in_flight {
            Some((_, running)) => {
                let running = self
                    .store
                    .known::<Interaction>(tenant, running.as_uuid())
                    .await;
                running.is_some_and(|call| {
                    matches!(call.phase, Phase::Active { .. } | Phase::WrapUp { .. })
                })
            }
            None => false,
        };
        let Ok(situation) = self.situation(tenant, customer).await else {
            return;
        };
        let ctx = Ctx::system(tenant, on.as_uuid(), None);
        let taken = self
            .on_outreach(&ctx, customer, |outreach, now| {
                Ok(outreach.customer_contacted_us(
                    on,
                    talking,
                    situation.facts(),
                    &situation.policy,
                    now,
                ))
            })
            .await;
        self.report("hand the agenda to an inbound contact", taken);
    }

    /// What was to be said on a contact that is over already waits again: its end was there before, and nobody comes back
    /// to it.
    pub(crate) async fn end_if_over(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
    ) {
        let contact = self.store.known::<Interaction>(tenant, on.as_uuid()).await;
        if let Some(contact) = contact.filter(|contact| contact.is_closed()) {
            let reached = contact.connected_at.is_some() || !contact.messages.is_empty();
            self.contact_ended(tenant, customer, on, reached).await;
        }
    }

    /// A contact is over: wishes it did not settle wait again.
    pub(crate) async fn contact_ended(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
        reached: bool,
    ) {
        let Some(outreach) = self
            .store
            .known::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        if outreach.agenda_of(on).is_empty() && !outreach.may_dial(on) {
            return;
        }
        let situation = match self.situation(tenant, customer).await {
            Ok(situation) => situation,
            Err(error) => return self.failed("end a contact", &error),
        };
        let ctx = Ctx::system(tenant, on.as_uuid(), None);
        let ended = self
            .on_outreach(&ctx, customer, |outreach, now| {
                Ok(outreach.contact_ended(
                    on,
                    reached,
                    customer,
                    situation.facts(),
                    &situation.policy,
                    now,
                ))
            })
            .await;
        self.report("return wishes", ended);
    }

    /// A contact with the customer began that no plan led to.
    pub(crate) async fn count_contact(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        contact: Contact,
        ctx: &Ctx,
    ) {
        let situation = match self.situation(tenant, customer).await {
            Ok(situation) => situation,
            Err(error) => return self.failed("count a contact", &error),
        };
        let counted = self
            .on_outreach(ctx, customer, |outreach, now| {
                let (facts, policy) = (situation.facts(), &situation.policy);
                outreach.note_contact(contact, customer, facts, policy, now)
            })
            .await;
        match counted {
            // Of whoever was erased nothing is counted any more.
            Ok(_) | Err(ExecuteError::Rejected(Rejection::Closed)) => {}
            Err(error) => self.failed("count a contact", &error),
        }
    }
}
