//! What is known of a customer and what may be added.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::customer::{ErasureGround, Fact, KnownContactPoint};
use crate::event::Revision;
use crate::id::CustomerId;
use crate::private::Private;
use crate::time::{Timestamp, Zone};

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The customer was erased: nothing is known of them, and nothing is taken in.
    #[error("this customer was erased")]
    Erased,
}

type Decision = Result<Vec<Fact>, Rejection>;

/// One customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    /// What they are called.
    pub name: Option<Private<String>>,
    /// Where they can be reached, oldest first.
    pub contact_points: Vec<KnownContactPoint>,
    /// The clock they live by, when known.
    pub zone: Option<Zone>,
    /// Statements by purpose and channel.
    pub consent: BTreeMap<(String, Channel), bool>,
    /// Whether they want no outreach at all.
    pub do_not_contact: bool,
    /// Since when they are erased; everything else is empty then.
    pub erased_at: Option<Timestamp>,
}

impl Customer {
    /// First contact: the customer with one contact point, in one append.
    #[must_use]
    pub fn create(contact_point: ContactPoint, verified: bool) -> Vec<Fact> {
        vec![
            Fact::Created {},
            Fact::ContactPointAdded(KnownContactPoint {
                contact_point,
                verified,
            }),
        ]
    }

    /// Whether they were erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// They are forgotten. Asked again, it changes nothing.
    #[must_use]
    pub fn erase(&self, ground: ErasureGround) -> Vec<Fact> {
        if self.is_erased() {
            vec![]
        } else {
            vec![Fact::Erased { ground }]
        }
    }

    /// What is decided of a customer who is known.
    fn known(&self, facts: Vec<Fact>) -> Decision {
        if self.is_erased() {
            Err(Rejection::Erased)
        } else {
            Ok(facts)
        }
    }

    /// Another way to reach them; known ones change nothing unless they become verified.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn add_contact_point(&self, contact_point: ContactPoint, verified: bool) -> Decision {
        let known = self
            .contact_points
            .iter()
            .find(|known| known.contact_point == contact_point);
        self.known(match known {
            Some(known) if known.verified || !verified => vec![],
            _ => vec![Fact::ContactPointAdded(KnownContactPoint {
                contact_point,
                verified,
            })],
        })
    }

    /// What they are called.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn rename(&self, name: Private<String>) -> Decision {
        self.known(if self.name.as_ref() == Some(&name) {
            vec![]
        } else {
            vec![Fact::Named { name }]
        })
    }

    /// The clock they live by.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn set_zone(&self, zone: Zone) -> Decision {
        self.known(if self.zone == Some(zone) {
            vec![]
        } else {
            vec![Fact::ZoneSet { zone }]
        })
    }

    /// They agree to or refuse contacts for a purpose on a channel.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn change_consent(
        &self,
        purpose: String,
        channel: Channel,
        given: bool,
        evidence: Private<String>,
    ) -> Decision {
        let said = self.consent.get(&(purpose.clone(), channel));
        self.known(match said {
            Some(known) if *known == given => vec![],
            _ => vec![Fact::ConsentChanged {
                purpose,
                channel,
                given,
                evidence,
            }],
        })
    }

    /// They want no outreach at all, or want it again.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn change_do_not_contact(&self, active: bool, reason: Private<String>) -> Decision {
        self.known(if self.do_not_contact == active {
            vec![]
        } else {
            vec![Fact::DoNotContactChanged { active, reason }]
        })
    }

    /// What they said about this purpose on this channel: a statement on the purpose itself goes before one on `*`;
    /// `None` when they said nothing.
    #[must_use]
    pub fn consent_for(&self, purpose: &str, channel: Channel) -> Option<bool> {
        let said = |purpose: &str| self.consent.get(&(purpose.to_owned(), channel)).copied();
        said(purpose).or_else(|| said("*"))
    }

    /// Where a channel reaches them: a verified contact point before a claimed one, then the newest.
    #[must_use]
    pub fn reach(&self, channel: Channel) -> Option<&ContactPoint> {
        let kind = match channel {
            Channel::Voice | Channel::Sms => Kind::Phone,
            Channel::Email => Kind::Email,
            Channel::Chat => Kind::ChatVisitor,
        };
        let fitting = || {
            self.contact_points
                .iter()
                .rev()
                .filter(|known| known.contact_point.kind() == kind)
                .filter(|known| !known.contact_point.is_forgotten())
        };
        fitting()
            .find(|known| known.verified)
            .or_else(|| fitting().next())
            .map(|known| &known.contact_point)
    }
}

impl Aggregate for Customer {
    type Fact = Fact;

    fn begin(fact: &Fact, _: Timestamp) -> Option<Self> {
        matches!(fact, Fact::Created {}).then(Self::default)
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match fact {
            Fact::Created {} => {}
            Fact::ContactPointAdded(added) => {
                self.contact_points
                    .retain(|known| known.contact_point != added.contact_point);
                self.contact_points.push(added.clone());
            }
            Fact::Named { name } => self.name = Some(name.clone()),
            Fact::ZoneSet { zone } => self.zone = Some(*zone),
            Fact::ConsentChanged {
                purpose,
                channel,
                given,
                ..
            } => {
                self.consent.insert((purpose.clone(), *channel), *given);
            }
            Fact::DoNotContactChanged { active, .. } => self.do_not_contact = *active,
            Fact::Erased { .. } => {
                *self = Self {
                    erased_at: Some(at),
                    ..Self::default()
                };
            }
        }
    }

    fn subject(&self, id: Uuid) -> Option<CustomerId> {
        Some(CustomerId::from_uuid(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> ContactPoint {
        ContactPoint::parse(Kind::Phone, text).unwrap()
    }

    fn known(facts: Vec<Fact>) -> Customer {
        let mut folded = crate::aggregate::Folded::<Customer>::default();
        for (revision, fact) in facts.iter().enumerate() {
            folded.take(fact, Timestamp::default(), Revision(revision as u64));
        }
        Customer::clone(&folded.state.unwrap())
    }

    #[test]
    fn a_refusal_for_the_purpose_goes_before_a_general_yes() {
        let mut customer = known(Customer::create(phone("+4930123456"), false));
        customer.consent.insert(("*".into(), Channel::Voice), true);
        customer
            .consent
            .insert(("marketing".into(), Channel::Voice), false);
        assert_eq!(
            customer.consent_for("marketing", Channel::Voice),
            Some(false)
        );
        assert_eq!(customer.consent_for("survey", Channel::Voice), Some(true));
        assert_eq!(customer.consent_for("survey", Channel::Chat), None);
    }

    #[test]
    fn a_verified_number_is_preferred() {
        let mut customer = known(Customer::create(phone("+4930111111"), true));
        for fact in customer
            .add_contact_point(phone("+4930222222"), false)
            .unwrap()
        {
            customer.apply(&fact, Timestamp::default(), Revision(2));
        }
        assert_eq!(customer.reach(Channel::Voice), Some(&phone("+4930111111")));
    }

    #[test]
    fn a_forgotten_number_reaches_nobody() {
        let forgotten = r#"{"kind":"phone","value":"⟪forgotten⟫"}"#;
        let customer = known(Customer::create(
            serde_json::from_str(forgotten).unwrap(),
            true,
        ));
        assert_eq!(customer.contact_points.len(), 1);
        assert_eq!(customer.reach(Channel::Voice), None);
    }

    #[test]
    fn a_contact_point_seen_again_changes_nothing() {
        let customer = known(Customer::create(phone("+4930111111"), true));
        assert_eq!(
            customer.add_contact_point(phone("+49 30 111111"), false),
            Ok(vec![])
        );
    }

    #[test]
    fn of_an_erased_customer_nothing_is_left_and_nothing_is_taken_in() {
        let mut facts = Customer::create(phone("+4930111111"), true);
        let before = known(facts.clone());
        facts.extend(before.rename(Private::new("Li Wei".into())).unwrap());
        facts.extend(before.erase(ErasureGround::Requested));
        let erased = known(facts);
        assert_eq!(
            erased,
            Customer {
                erased_at: Some(Timestamp::default()),
                ..Customer::default()
            }
        );
        let refused = Err(Rejection::Erased);
        assert_eq!(
            erased.add_contact_point(phone("+4930111111"), true),
            refused
        );
        assert_eq!(erased.rename(Private::new("Li Wei".into())), refused);
        assert_eq!(erased.set_zone(Zone::UTC), refused);
        assert_eq!(
            erased.change_consent(
                "*".into(),
                Channel::Voice,
                true,
                Private::new(String::new())
            ),
            refused
        );
        assert_eq!(
            erased.change_do_not_contact(true, Private::new(String::new())),
            refused
        );
        assert_eq!(
            erased.erase(ErasureGround::Mistake),
            vec![],
            "once is enough"
        );
    }
}
