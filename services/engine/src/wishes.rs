//! Wishes come in: from departments, and from the hub itself when it owes somebody a call.

use std::time::Duration;

use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, InteractionId, TenantId, WishId};
use rapport_domain::interaction::Interaction;
use rapport_domain::outreach::{CERTAIN, Outreach, Status, USUAL_SECONDS, Wish, WishClass};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use crate::customers::CustomerRef;
use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;

/// Most bytes of a purpose or a department.
const MAX_NAME: usize = 64;
/// Most bytes of a talking point, message or script.
const MAX_TEXT: usize = 4_096;
/// Most bytes of evidence.
const MAX_EVIDENCE: usize = 1_024;
/// The longest that one topic may be expected to take, in seconds.
const MAX_SECONDS: u32 = 3_600;

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
    /// What it says where it is written and not spoken.
    pub message: Option<String>,
    /// What it is worth.
    pub value: u32,
    /// How likely it succeeds, in thousandths.
    pub propensity: u16,
    /// How long it takes to say.
    pub expected_seconds: u32,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Pointless from then on.
    pub expires_at: Timestamp,
    /// Allowed channels, the best first.
    pub channels: Vec<Channel>,
    /// The script for the agent.
    pub script: Option<String>,
    /// Where what it rests on can be found.
    pub evidence: Option<String>,
    /// Whether it may share a contact with others.
    pub bundle: bool,
}

impl WishDraft {
    /// A wish that states only what it must: by telephone, certain, of no value.
    #[must_use]
    pub fn new(
        customer: CustomerRef,
        purpose: &str,
        class: WishClass,
        talking_point: &str,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            key: None,
            customer,
            purpose: purpose.to_owned(),
            class,
            talking_point: talking_point.to_owned(),
            message: None,
            value: 0,
            propensity: CERTAIN,
            expected_seconds: USUAL_SECONDS,
            not_before: None,
            expires_at,
            channels: vec![Channel::Voice],
            script: None,
            evidence: None,
            bundle: true,
        }
    }

    fn wish(self, id: WishId, department: &str) -> Wish {
        Wish {
            id,
            department: department.to_owned(),
            purpose: self.purpose,
            class: self.class,
            talking_point: Private::new(self.talking_point),
            message: self.message.map(Private::new),
            value: self.value,
            propensity: self.propensity,
            expected_seconds: self.expected_seconds,
            not_before: self.not_before,
            expires_at: self.expires_at,
            channels: self.channels,
            script: self.script.map(Private::new),
            evidence: self.evidence.map(Private::new),
            bundle: self.bundle,
        }
    }
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
    /// [`CommandError::Invalid`] names the field; [`CommandError::NotFound`] for an unknown customer id. Nothing is stored
    /// then, not even a customer.
    pub async fn file_wish(
        &self,
        tenant: TenantId,
        department: &str,
        draft: WishDraft,
    ) -> Result<FiledWish, CommandError> {
        let policy = self.policy(tenant)?;
        let purposes = &policy.rules.purposes;
        if !purposes.is_empty() && !purposes.contains(&draft.purpose) {
            let known: Vec<&str> = purposes.iter().map(String::as_str).collect();
            let detail = format!("the contact policy knows {}", known.join(", "));
            return Err(invalid("purpose", detail));
        }
        drop(policy);
        self.file_any_wish(tenant, department, draft).await
    }

    /// The same for purposes of the hub's own, which no policy names.
    async fn file_any_wish(
        &self,
        tenant: TenantId,
        department: &str,
        draft: WishDraft,
    ) -> Result<FiledWish, CommandError> {
        let (key, named) = (draft.key, draft.customer.clone());
        let draft = draft.wish(WishId::from_uuid(Uuid::nil()), department);
        checked(&draft, self.now())?;
        let actor = Actor::Department(department.to_owned());
        let customer = self.resolve(tenant, &named, actor.clone()).await?;
        let situation = self.situation(tenant, customer).await?;
        // The id follows from all that the key is unique in, so nobody can take another's.
        let id = match key {
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
        let wish = Wish { id, ..draft };
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
            .is_some_and(|entry| entry.policy().is_some());
        if number.kind() != Kind::Phone || !has_policy {
            return;
        }
        let draft = WishDraft {
            key: Some(call.as_uuid()),
            value: 1_000,
            ..WishDraft::new(
                CustomerRef::Id(lost.customer),
                "callback",
                WishClass::Service,
                "We lost this customer's call through a fault of ours. Apologise and ask what they need.",
                self.now() + Duration::from_secs(24 * 3_600),
            )
        };
        if let Err(error) = self.file_any_wish(tenant, "service", draft).await {
            self.failed("offer a callback", &error);
        }
    }
}

/// Whether a wish can be meant so.
///
/// # Errors
/// [`CommandError::Invalid`] names the field.
pub(crate) fn checked(wish: &Wish, now: Timestamp) -> Result<(), CommandError> {
    check("purpose", Some(&wish.purpose), MAX_NAME)?;
    let texts = [
        ("talking_point", Some(&wish.talking_point), MAX_TEXT),
        ("message", wish.message.as_ref(), MAX_TEXT),
        ("script", wish.script.as_ref(), MAX_TEXT),
        ("evidence", wish.evidence.as_ref(), MAX_EVIDENCE),
    ];
    for (field, text, longest) in texts {
        check(field, text.map(Private::expose), longest)?;
    }
    if wish.propensity > CERTAIN {
        return Err(invalid("propensity", "use 0 to 1"));
    }
    if !(1..=MAX_SECONDS).contains(&wish.expected_seconds) {
        let detail = format!("use 1 to {MAX_SECONDS}");
        return Err(invalid("expected_seconds", detail));
    }
    let channels = &wish.channels;
    if channels.is_empty() {
        return Err(invalid(
            "channels",
            "name at least one channel, such as \"voice\"",
        ));
    }
    let twice = |(place, channel)| channels.iter().take(place).any(|one| one == channel);
    if channels.iter().enumerate().any(twice) {
        return Err(invalid("channels", "names a channel twice"));
    }
    if wish.expires_at <= now {
        return Err(invalid("expires_at", "it must lie in the future"));
    }
    if wish.not_before.is_some_and(|from| from >= wish.expires_at) {
        return Err(invalid("not_before", "it must lie before `expires_at`"));
    }
    Ok(())
}

pub(crate) fn invalid(field: &'static str, detail: impl Into<String>) -> CommandError {
    let detail = detail.into();
    CommandError::Invalid { field, detail }
}

fn check(field: &'static str, text: Option<&String>, longest: usize) -> Result<(), CommandError> {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let bad =
        |text: &String| text.trim().is_empty() || text.len() > longest || text.chars().any(control);
    if text.is_some_and(bad) {
        let detail =
            format!("it must have 1 to {longest} bytes of text without control characters");
        return Err(invalid(field, detail));
    }
    Ok(())
}
