//! What may become known of a customer.

use crate::channel::Channel;
use crate::contact_point::ContactPoint;
use crate::customer::{
    Customer, DepartmentFact, DoNotContact, ErasureGround, Fact, KnownContactPoint,
    MOST_COMPLAINTS, MOST_FACTS, MOST_STATEMENTS, Qualification, SELLING, Source, Statement,
};
use crate::id::{ComplaintId, InteractionId};
use crate::private::Private;
use crate::time::{Timestamp, Zone};

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The customer was erased: nothing is known of them, and nothing is taken in.
    #[error("this customer was erased")]
    Erased,
    /// Nothing counts before it was said.
    #[error("it lies in the future")]
    NotSaidYet,
    /// Nothing is known before it is true.
    #[error("it lies in the future")]
    NotTrueYet,
    /// The agreement would be over before it begins.
    #[error("it must lie in the future, and after `stated_at`")]
    AgreementOver,
    /// The block would be over before it begins.
    #[error("it must lie in the future")]
    BlockOver,
    /// A refusal ends by an agreement, not by itself.
    #[error("a refusal does not expire; leave `expires_at` out")]
    RefusalExpires,
    /// It is none of the customer's contact points.
    #[error("it is none of this customer's contact points; add it first")]
    UnknownContactPoint,
    /// There are no more than so many.
    #[error("this customer has too many of them")]
    TooMany,
    /// Nobody is merged with themselves.
    #[error("this is one customer, not two")]
    SamePerson,
    /// They are merged into another customer already.
    #[error("this customer is merged into another; name that one, or take them apart first")]
    IsMerged,
    /// Others are merged into them.
    #[error(
        "others are merged into this customer; merge the other way round, or take them apart first"
    )]
    HasMerged,
    /// It was given up.
    #[error("this merging was given up")]
    MergeRefused,
    /// They are not merged.
    #[error("these customers are not merged")]
    IsNotMerged,
    /// No such doubt was raised.
    #[error("there is no such review")]
    UnknownReview,
    /// Somebody decided otherwise.
    #[error("this review was decided otherwise")]
    Judged,
    /// No such complaint was opened.
    #[error("there is no such complaint of this customer")]
    UnknownComplaint,
}

type Decision = Result<Vec<Fact>, Rejection>;

impl Customer {
    /// First contact: the customer with one contact point, in one append.
    #[must_use]
    pub fn create(
        contact_point: ContactPoint,
        verified: bool,
        source: Option<Source>,
    ) -> Vec<Fact> {
        vec![
            Fact::Created {},
            Fact::ContactPointAdded(KnownContactPoint {
                contact_point,
                verified,
                source,
            }),
        ]
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
    pub fn add_contact_point(
        &self,
        contact_point: ContactPoint,
        verified: bool,
        source: Option<Source>,
    ) -> Decision {
        self.known(match self.known_point(&contact_point) {
            Some(known) if known.verified || !verified => vec![],
            _ => vec![Fact::ContactPointAdded(KnownContactPoint {
                contact_point,
                verified,
                source,
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

    /// How and where they like to be contacted.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::UnknownContactPoint`].
    pub fn prefer(&self, channel: Option<Channel>, point: Option<ContactPoint>) -> Decision {
        let same = self.preferred_channel == channel && self.preferred_point == point;
        let facts = self.known(if same {
            vec![]
        } else {
            vec![Fact::PreferenceSet {
                channel,
                contact_point: point.clone(),
            }]
        })?;
        match point {
            Some(point) if self.known_point(&point).is_none() => {
                Err(Rejection::UnknownContactPoint)
            }
            _ => Ok(facts),
        }
    }

    /// They agree to or refuse contacts for a purpose on a channel. The last statement again changes nothing; with another
    /// evidence, wording, source, moment or expiry it is another statement, and proves more.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::NotSaidYet`]; [`Rejection::AgreementOver`]; [`Rejection::RefusalExpires`];
    /// [`Rejection::TooMany`].
    pub fn state_consent(&self, statement: Statement, now: Timestamp) -> Decision {
        self.known(vec![])?;
        let stated_at = statement.stated_at.unwrap_or(now);
        if stated_at > now {
            return Err(Rejection::NotSaidYet);
        }
        if let Some(until) = statement.expires_at {
            if !statement.given {
                return Err(Rejection::RefusalExpires);
            }
            if until <= now || until <= stated_at {
                return Err(Rejection::AgreementOver);
            }
        }
        match self.consent.on(&statement.purpose, statement.channel) {
            Some(known) => {
                let again = Statement {
                    stated_at: statement.stated_at.and(known.statement.stated_at),
                    ..known.statement.clone()
                };
                // Said again after something else was said of this channel, it is the last word again.
                let last_word = statement.stated_at.is_some()
                    || self
                        .consent
                        .iter()
                        .filter(|said| said.statement.channel == statement.channel)
                        .all(|said| said.stated_at <= known.stated_at);
                Ok(if again == statement && last_word {
                    vec![]
                } else {
                    vec![Fact::ConsentChanged(statement)]
                })
            }
            None if self.consent.len() >= MOST_STATEMENTS => Err(Rejection::TooMany),
            None => Ok(vec![Fact::ConsentChanged(statement)]),
        }
    }

    /// They wrote on a channel that they want to be left alone: nothing is sold to them there any more. Whatever else they
    /// said of it since says more.
    ///
    /// # Errors
    /// As [`Customer::state_consent`].
    pub fn opt_out(
        &self,
        channel: Channel,
        message: Private<String>,
        written_at: Timestamp,
        now: Timestamp,
    ) -> Decision {
        let said = self.consent.on(SELLING, channel);
        if said.is_some_and(|said| written_at <= said.stated_at) {
            return self.known(vec![]);
        }
        let statement = Statement {
            purpose: SELLING.to_owned(),
            channel,
            given: false,
            evidence: message,
            wording: None,
            source: Some(Source::message()),
            stated_at: Some(written_at),
            expires_at: None,
        };
        // A clock may have jumped back since.
        self.state_consent(statement, now.max(written_at))
    }

    /// They want no outreach, or want it again.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::BlockOver`].
    pub fn change_do_not_contact(&self, wish: DoNotContact, now: Timestamp) -> Decision {
        let wish = DoNotContact {
            until: wish.until.filter(|_| wish.active),
            ..wish
        };
        if wish.until.is_some_and(|until| until <= now) {
            return Err(Rejection::BlockOver);
        }
        let active = self.do_not_contact.active(wish.scope, now);
        let same = active == wish.active.then_some(wish.until);
        self.known(if same {
            vec![]
        } else {
            vec![Fact::DoNotContactChanged(wish)]
        })
    }

    /// They complain. The same complaint again changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::TooMany`].
    pub fn complain(
        &self,
        complaint: ComplaintId,
        about: Private<String>,
        interaction: Option<InteractionId>,
    ) -> Decision {
        self.known(vec![])?;
        if self.complaints.get(complaint).is_some() {
            return Ok(vec![]);
        }
        if self.complaints.len() >= MOST_COMPLAINTS {
            return Err(Rejection::TooMany);
        }
        Ok(vec![Fact::ComplaintOpened {
            complaint,
            about,
            interaction,
        }])
    }

    /// Service settles a complaint. Settled again, it changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::UnknownComplaint`].
    pub fn settle(&self, complaint: ComplaintId, resolution: Private<String>) -> Decision {
        self.known(vec![])?;
        let known = self.complaints.get(complaint);
        let known = known.ok_or(Rejection::UnknownComplaint)?;
        Ok(if known.closed_at.is_some() {
            vec![]
        } else {
            vec![Fact::ComplaintClosed {
                complaint,
                resolution,
            }]
        })
    }

    /// Somebody decides whether they are dealt with, and what they are worth. The same decision again changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Erased`].
    pub fn qualify(&self, decided: Qualification) -> Decision {
        self.known(if self.qualification.as_ref() == Some(&decided) {
            vec![]
        } else {
            vec![Fact::Qualified(decided)]
        })
    }

    /// A department states what it knows. What is known, or older than what is known, changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::NotTrueYet`]; [`Rejection::TooMany`].
    pub fn state_fact(&self, fact: DepartmentFact, now: Timestamp) -> Decision {
        self.known(vec![])?;
        if fact.as_of > now {
            return Err(Rejection::NotTrueYet);
        }
        if !self.facts.is_news(&fact) {
            return Ok(vec![]);
        }
        let new = self.facts.get(&fact.department, &fact.key).is_none();
        if new && self.facts.len() >= MOST_FACTS {
            return Err(Rejection::TooMany);
        }
        Ok(vec![Fact::FactStated(fact)])
    }
}
