//! Wishes come in: from departments, and from the hub itself when it owes somebody a call.

use std::time::Duration;

use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, InteractionId, TenantId, WishId};
use rapport_domain::interaction::Interaction;
use rapport_domain::outreach::{Outreach, Status, Wish, WishClass};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use crate::customers::CustomerRef;
use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;

/// Most characters of a purpose, a department or a script's name; texts for agents may be longer.
const MAX_NAME: usize = 64;
/// Most bytes of a talking point or script.
const MAX_TEXT: usize = 4_096;

/// A wish as a department files it.
#[derive(Clone, Debug)]
pub struct WishDraft {
    /// The department's own name for it: the same key for the same customer again files nothing new.
    pub key: Option<Uuid>,
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

impl Engine {
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
        // The id follows from all that the key is unique in, so nobody can take another's.
        let id = match draft.key {
            Some(key) => match self.wish_of(tenant, customer, department, key).await? {
                (id, None) => id,
                (wish, Some(position)) => {
                    return Ok(FiledWish {
                        wish,
                        customer,
                        new: false,
                        position,
                    });
                }
            },
            None => WishId::from_uuid(self.fresh()),
        };
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
            script: draft.script.map(Private::new),
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

    /// The id of a wish by its department's key. It may have been filed for somebody who is one person with the customer: then
    /// it has that one's, and when it ended there, a position that has seen it.
    async fn wish_of(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        department: &str,
        key: Uuid,
    ) -> Result<(WishId, Option<Position>), CommandError> {
        let id = |customer: CustomerId| {
            let name = format!("wish/{department}/{customer}/{key}");
            WishId::derived(tenant.as_uuid(), &name)
        };
        let known = self.customer(tenant, customer).await?;
        for member in known.iter().flat_map(|known| known.links.absorbed.keys()) {
            let theirs = self
                .store
                .load_of::<Outreach>(tenant, member.as_uuid())
                .await?;
            let wish = id(*member);
            if let Some(state) = theirs.and_then(|theirs| theirs.wishes.get(&wish).cloned()) {
                let here = state.status == (Status::Moved { to: customer });
                return Ok((wish, (!here).then(|| self.log().head())));
            }
        }
        Ok((id(customer), None))
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
            key: Some(call.as_uuid()),
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
