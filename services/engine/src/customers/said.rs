//! What customers said, complained about, and what departments know of them.

use rapport_domain::aggregate;
use rapport_domain::customer::{
    DepartmentFact, Fact, Proven, Qualification, Standing, opt_out, proof,
};
use rapport_domain::event::{Actor, Category, Position, Revision, Stream};
use rapport_domain::id::{ComplaintId, CustomerId, InteractionId, TenantId};
use rapport_domain::interaction::Interaction;
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;

use super::CustomerRef;
use super::change::Draft;
use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;

/// Events of a customer read at a time.
const PAGE: usize = 512;

/// The disposition by which an agent says that the customer complained.
pub(crate) const COMPLAINT: &str = "complaint";

/// Facts that are on disk.
#[derive(Clone, Copy, Debug)]
pub struct StatedFacts {
    /// Whom they concern.
    pub customer: CustomerId,
    /// How many said something new.
    pub new: usize,
    /// Wait for this position to read them back.
    pub position: Position,
}

impl Engine {
    /// What a customer had agreed to or refused, as it was on record at a moment, with where it came from. Nothing of one
    /// who was erased.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn consent_proof(
        &self,
        tenant: TenantId,
        id: CustomerId,
        moment: Timestamp,
    ) -> Result<Vec<(CustomerId, Proven)>, CommandError> {
        let known = self.customer(tenant, id).await?;
        let known = known.ok_or(CommandError::NotFound("customer"))?;
        let id = known.person(id);
        let one = self.customer(tenant, id).await?.unwrap_or(known);
        if one.is_erased() {
            return Ok(vec![]);
        }
        // Of one person who was taken for several, each statement stays what it was: whose it is is told.
        let mut proven = vec![];
        for who in [id].iter().chain(one.links.absorbed.keys()) {
            let of_one = proof(self.statements(*who).await?, moment);
            proven.extend(of_one.into_iter().map(|said| (*who, said)));
        }
        Ok(proven)
    }

    /// Every statement of a customer, in the order of the log.
    async fn statements(&self, id: CustomerId) -> Result<Vec<Proven>, CommandError> {
        let stream = Stream::new(Category::Customer, id.as_uuid());
        let mut statements = vec![];
        let mut next = Revision::FIRST;
        loop {
            let page = self.log().read_stream(stream, next, PAGE).await;
            let page = page.map_err(|error| CommandError::Unavailable(error.to_string()))?;
            for recorded in &page {
                next = recorded.revision.next();
                let event = &recorded.event;
                let fact = aggregate::decode::<Fact>(&event.kind, event.version, &event.data);
                if let Ok(Fact::ConsentChanged(statement)) = fact {
                    statements.push(Proven {
                        stated_at: statement.stated_at.unwrap_or(event.recorded_at),
                        recorded_at: event.recorded_at,
                        actor: event.meta.actor.clone(),
                        position: recorded.position,
                        standing: Standing::InForce,
                        statement,
                    });
                }
            }
            if page.len() < PAGE {
                return Ok(statements);
            }
        }
    }

    /// A department states what it knows of a customer. What is known already changes nothing, so it may be said again.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer id, [`CommandError::Invalid`] for what is not true yet,
    /// [`CommandError::Rejected`] for a customer who was erased or of whom too much is known.
    pub async fn state_facts(
        &self,
        tenant: TenantId,
        customer: &CustomerRef,
        facts: Vec<DepartmentFact>,
        actor: Actor,
    ) -> Result<StatedFacts, CommandError> {
        let customer = self.resolve(tenant, customer, actor.clone()).await?;
        let ctx = Ctx::by(tenant, actor, customer.as_uuid());
        let stated = self
            .on_customer(&ctx, customer, |known, now| {
                let mut draft = Draft::new(known, now);
                for fact in &facts {
                    draft.take(|known| known.state_fact(fact.clone(), now))?;
                }
                Ok(draft.facts)
            })
            .await?;
        Ok(StatedFacts {
            customer,
            new: stated.facts.len(),
            position: self
                .then_coordinate(tenant, customer, stated.position)
                .await,
        })
    }

    /// Somebody decides whether a customer is dealt with, and what they are worth. The same decision again changes nothing.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer; [`CommandError::Rejected`] for one who was erased.
    pub async fn qualify_customer(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        decided: Qualification,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let customer = self.living(tenant, customer).await?.person(customer);
        let ctx = Ctx::by(tenant, actor, customer.as_uuid());
        let done = self
            .on_customer(&ctx, customer, |known, _| known.qualify(decided.clone()))
            .await?;
        Ok(self.then_coordinate(tenant, customer, done.position).await)
    }

    /// A customer complains. The same complaint again changes nothing.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer; [`CommandError::Rejected`] for one who was erased.
    pub async fn open_complaint(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        complaint: ComplaintId,
        about: String,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let customer = self.living(tenant, customer).await?.person(customer);
        let ctx = Ctx::by(tenant, actor, customer.as_uuid());
        let opened = self
            .on_customer(&ctx, customer, |known, _| {
                known.complain(complaint, Private::new(about.clone()), None)
            })
            .await?;
        Ok(self
            .then_coordinate(tenant, customer, opened.position)
            .await)
    }

    /// Service settles a complaint.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer or complaint; [`CommandError::Rejected`] for a customer who was
    /// erased.
    pub async fn close_complaint(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        complaint: ComplaintId,
        resolution: String,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let customer = self.living(tenant, customer).await?.person(customer);
        let ctx = Ctx::by(tenant, actor, customer.as_uuid());
        let customer = self.complainant(tenant, customer, complaint).await?;
        let closed = self
            .on_customer(&ctx, customer, |known, _| {
                known.settle(complaint, Private::new(resolution.clone()))
            })
            .await?;
        let position = closed.position;
        let one = self.living(tenant, customer).await?.person(customer);
        Ok(self.then_coordinate(tenant, one, position).await)
    }

    /// In whose history of those who are one person a complaint stands.
    async fn complainant(
        &self,
        tenant: TenantId,
        one: CustomerId,
        complaint: ComplaintId,
    ) -> Result<CustomerId, CommandError> {
        let known = self.living(tenant, one).await?;
        for member in known.links.absorbed.keys() {
            let theirs = self.customer(tenant, *member).await?;
            if theirs.is_some_and(|theirs| theirs.complaints.get(complaint).is_some()) {
                return Ok(*member);
            }
        }
        Ok(one)
    }

    /// An agent noted that the customer complained on this contact. The complaint's id follows from the contact's.
    pub(crate) async fn complained(
        &self,
        tenant: TenantId,
        on: InteractionId,
        note: Option<Private<String>>,
        ctx: &Ctx,
    ) {
        let Some(contact) = self.store.known::<Interaction>(tenant, on.as_uuid()).await else {
            return;
        };
        let complaint = ComplaintId::derived(on.as_uuid(), COMPLAINT);
        let about = note.unwrap_or_else(|| Private::new(String::new()));
        let opened = self
            .on_customer(ctx, contact.customer, |known, _| {
                if known.is_erased() {
                    return Ok(vec![]);
                }
                known.complain(complaint, about.clone(), Some(on))
            })
            .await;
        match opened {
            Ok(done) if !done.facts.is_empty() => {
                self.coordinate_person(tenant, contact.customer).await;
            }
            Ok(_) => {}
            Err(error) => self.failed("open a complaint", &error),
        }
    }

    /// Lets the coordinator look again at the person a contact was with.
    async fn coordinate_person(&self, tenant: TenantId, customer: CustomerId) {
        if let Ok(Some(known)) = self.customer(tenant, customer).await {
            self.coordinate(tenant, known.person(customer)).await;
        }
    }

    /// A customer wrote a message that says nothing but that they want to be left alone.
    pub(crate) async fn opted_out(
        &self,
        tenant: TenantId,
        on: InteractionId,
        text: &Private<String>,
        written_at: Timestamp,
        ctx: &Ctx,
    ) {
        let Some(contact) = self.store.known::<Interaction>(tenant, on.as_uuid()).await else {
            return;
        };
        if !opt_out::is_opt_out(text.expose(), contact.channel) {
            return;
        }
        let refused = self
            .on_customer(ctx, contact.customer, |known, now| {
                if known.is_erased() {
                    return Ok(vec![]);
                }
                known.opt_out(contact.channel, text.clone(), written_at, now)
            })
            .await;
        match refused {
            Ok(done) if !done.facts.is_empty() => {
                self.coordinate_person(tenant, contact.customer).await;
            }
            Ok(_) => {}
            Err(error) => self.failed("take in an opt-out", &error),
        }
    }
}
