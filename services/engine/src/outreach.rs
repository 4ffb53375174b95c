//! Single-contact outreach at work: wishes come in, one contact goes out, whoever contacts first carries the agenda.

use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::Customer;
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, InteractionId, PlanId, TenantId, WishId};
use rapport_domain::interaction::{self, Interaction, Phase, Start};
use rapport_domain::outreach::{CustomerFacts, Outreach, Rejection, Wish, WishClass};
use rapport_domain::policy::Policy;
use rapport_domain::private::Private;
use rapport_domain::time::{Timestamp, Zone};
use std::time::Duration;

use crate::customers::CustomerRef;
use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::{Ctx, Executed};
use crate::timers::Due;

/// Most characters of a purpose, a department or a script's name; texts for agents may be longer.
const MAX_NAME: usize = 64;
/// Most bytes of a talking point or script.
const MAX_TEXT: usize = 4_096;

/// A wish as a department files it.
#[derive(Clone, Debug)]
pub struct WishDraft {
    /// Its id, when the department made one: the same id again files nothing new.
    pub id: Option<WishId>,
    /// Whom it concerns.
    pub customer: CustomerRef,
    /// What for.
    pub purpose: String,
    /// How firmly rules apply.
    pub class: WishClass,
    /// What the agent should say.
    pub talking_point: String,
    /// What it is worth.
    pub value: u32,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Pointless from then on.
    pub expires_at: Timestamp,
    /// Allowed channels, the best first.
    pub channels: Vec<Channel>,
    /// The script for the agent.
    pub script: Option<String>,
}

/// A wish that is on disk.
#[derive(Clone, Copy, Debug)]
pub struct FiledWish {
    /// Its id.
    pub wish: WishId,
    /// Whom it concerns.
    pub customer: CustomerId,
    /// Whether it is new.
    pub new: bool,
    /// Wait for this position to read it back.
    pub position: Position,
}

/// What a decision about outreach looks at, loaded together.
struct Situation {
    customer: Customer,
    zone: Zone,
    policy: Policy,
}

impl Situation {
    fn facts(&self) -> CustomerFacts<'_> {
        CustomerFacts {
            customer: &self.customer,
            zone: self.zone,
        }
    }
}

impl Engine {
    async fn situation(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Situation, CommandError> {
        let directory = self.directory();
        let entry = directory
            .tenant(tenant)
            .ok_or(CommandError::NotFound("tenant"))?;
        let policy = entry.policy.clone().ok_or_else(|| CommandError::Invalid {
            field: "policy",
            detail: "the tenant has no contact policy; set one under `tenant.policy`".into(),
        })?;
        let customer = self
            .customer(tenant, customer)
            .await?
            .ok_or(CommandError::NotFound("customer"))?;
        let zone = customer.zone.unwrap_or(entry.tenant.definition.zone);
        Ok(Situation {
            customer,
            zone,
            policy,
        })
    }

    async fn on_outreach(
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

    /// Files a department's wish; the coordinator decides on it in the same append.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] names the field; [`CommandError::NotFound`] for an unknown customer id.
    pub async fn file_wish(
        &self,
        tenant: TenantId,
        department: &str,
        draft: WishDraft,
    ) -> Result<FiledWish, CommandError> {
        check("purpose", &draft.purpose, MAX_NAME)?;
        check("talking_point", &draft.talking_point, MAX_TEXT)?;
        if let Some(script) = &draft.script {
            check("script", script, MAX_TEXT)?;
        }
        if draft.channels.is_empty() {
            let detail = "name at least one channel, such as \"voice\"".to_owned();
            return Err(CommandError::Invalid {
                field: "channels",
                detail,
            });
        }
        let actor = Actor::Department(department.to_owned());
        let customer = self.resolve(tenant, &draft.customer, actor.clone()).await?;
        let situation = self.situation(tenant, customer).await?;
        let id = draft.id.unwrap_or_else(|| WishId::from_uuid(self.fresh()));
        let wish = Wish {
            id,
            department: department.to_owned(),
            purpose: draft.purpose,
            class: draft.class,
            talking_point: Private::new(draft.talking_point),
            value: draft.value,
            not_before: draft.not_before,
            expires_at: draft.expires_at,
            channels: draft.channels,
            script: draft.script,
        };
        let ctx = Ctx::by(tenant, actor, id.as_uuid());
        let filed = self
            .on_outreach(&ctx, customer, |outreach, now| {
                outreach.file(
                    wish.clone(),
                    customer,
                    situation.facts(),
                    &situation.policy,
                    now,
                )
            })
            .await?;
        Ok(FiledWish {
            wish: id,
            customer,
            new: !filed.facts.is_empty(),
            position: filed.position,
        })
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
        let Ok(situation) = self.situation(tenant, customer).await else {
            return;
        };
        let ctx = Ctx::system(tenant, customer.as_uuid(), None);
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

    async fn watch_outreach_from(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        earliest: Timestamp,
    ) {
        let Ok(Some(outreach)) = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
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
        let Ok(Some(outreach)) = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        if !outreach.may_dial(interaction) {
            return;
        }
        let Ok(situation) = self.situation(tenant, customer).await else {
            return;
        };
        let Some(contact_point) = situation.customer.reach(Channel::Voice).cloned() else {
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
        if let Err(error) = begun {
            self.failed("begin a planned contact", &error);
            self.timers.set(
                Due::Outreach { tenant, customer },
                self.now() + Duration::from_secs(1),
            );
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

    /// The customer contacts us: what waits to be said is said there.
    pub(crate) async fn customer_contacted_us(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
    ) {
        let Ok(Some(outreach)) = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        let Ok(Some(contact)) = self
            .store
            .load_of::<Interaction>(tenant, on.as_uuid())
            .await
        else {
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
                    .load_of::<Interaction>(tenant, running.as_uuid())
                    .await
                    .ok()
                    .flatten();
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

    /// A contact is over: wishes it did not settle wait again.
    pub(crate) async fn contact_ended(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        on: InteractionId,
        reached: bool,
    ) {
        let Ok(Some(outreach)) = self
            .store
            .load_of::<Outreach>(tenant, customer.as_uuid())
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

    /// The hub lost a call: its caller is owed another one. The wish's id follows from the call's, so it is filed once.
    pub(crate) async fn offer_callback(
        &self,
        tenant: TenantId,
        call: InteractionId,
        lost: &Interaction,
    ) {
        let number: &ContactPoint = &lost.contact_point;
        let has_policy = self
            .directory()
            .tenant(tenant)
            .is_some_and(|entry| entry.policy.is_some());
        if number.kind() != Kind::Phone || !has_policy {
            return;
        }
        let draft = WishDraft {
            id: Some(WishId::derived(call.as_uuid(), "callback")),
            customer: CustomerRef::Id(lost.customer),
            purpose: "callback".into(),
            class: WishClass::Service,
            talking_point: "We lost this customer's call through a fault of ours. Apologise and ask what they need.".into(),
            value: 1_000,
            not_before: None,
            expires_at: self.now() + Duration::from_secs(24 * 3_600),
            channels: vec![Channel::Voice],
            script: None,
        };
        if let Err(error) = self.file_wish(tenant, "service", draft).await {
            self.failed("offer a callback", &error);
        }
    }
}

fn check(field: &'static str, text: &str, longest: usize) -> Result<(), CommandError> {
    let bad = text.trim().is_empty()
        || text.len() > longest
        || text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    if bad {
        let detail =
            format!("it must have 1 to {longest} bytes of text without control characters");
        return Err(CommandError::Invalid { field, detail });
    }
    Ok(())
}
