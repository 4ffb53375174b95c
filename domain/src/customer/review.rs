//! Doubts whether two customers are one person. A machine merges only what is proved; the rest waits for somebody to look.
//! The doubt about a pair stands in the history of the one with the lower id, so there is one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::customer::{Customer, Fact, Rejection};
use crate::id::{CustomerId, ReviewId};

/// Most doubts about one customer.
pub const MOST_REVIEWS: usize = 100;

/// Why two customers may be one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// One says that a number or address is theirs which belongs to the other.
    ClaimedContactPoint,
    /// Another system has one number for both.
    SameExternalId,
    /// They are called the same and live together.
    SameNameAndHousehold,
    /// Somebody thinks so.
    Stated,
}

/// What somebody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// One person.
    Merge,
    /// Two; the same doubt is not raised again.
    Different,
}

/// One doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// About this customer and that one.
    pub other: CustomerId,
    /// Why.
    pub doubt: Doubt,
    /// What was decided; none while it waits.
    pub judgement: Option<Judgement>,
}

/// All doubts that stand in one customer's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviews(BTreeMap<ReviewId, Review>);

impl Reviews {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: ReviewId) -> Option<&Review> {
        self.0.get(&id)
    }

    pub(super) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::MatchSuspected {
                review,
                other,
                doubt,
            } => {
                self.0.entry(*review).or_insert(Review {
                    other: *other,
                    doubt: *doubt,
                    judgement: None,
                });
            }
            Fact::MatchJudged { review, judgement } => {
                if let Some(known) = self.0.get_mut(review) {
                    known.judgement = Some(*judgement);
                }
            }
            _ => {}
        }
    }
}

/// A pair of customers in the order in which a doubt names them, and the doubt's id, which follows from them.
#[must_use]
pub fn pair(one: CustomerId, other: CustomerId) -> (CustomerId, CustomerId, ReviewId) {
    let (low, high) = (one.min(other), one.max(other));
    let id = ReviewId::derived(low.as_uuid(), &format!("review/{high}"));
    (low, high, id)
}

impl Customer {
    /// They may be one person with another. What was decided about the pair stays decided. `me` is this customer, the lower
    /// id of the two.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::SamePerson`]; [`Rejection::TooMany`].
    pub fn suspect(
        &self,
        me: CustomerId,
        other: CustomerId,
        doubt: Doubt,
    ) -> Result<Vec<Fact>, Rejection> {
        if self.is_erased() {
            return Err(Rejection::Erased);
        }
        if me == other {
            return Err(Rejection::SamePerson);
        }
        let (.., review) = pair(me, other);
        if self.reviews.get(review).is_some() {
            return Ok(vec![]);
        }
        if self.reviews.0.len() >= MOST_REVIEWS {
            return Err(Rejection::TooMany);
        }
        Ok(vec![Fact::MatchSuspected {
            review,
            other,
            doubt,
        }])
    }

    /// Somebody decided a doubt. The same decision again changes nothing.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::UnknownReview`]; [`Rejection::Judged`] when it was decided otherwise.
    pub fn judge(&self, review: ReviewId, judgement: Judgement) -> Result<Vec<Fact>, Rejection> {
        if self.is_erased() {
            return Err(Rejection::Erased);
        }
        let known = self.reviews.get(review).ok_or(Rejection::UnknownReview)?;
        match known.judgement {
            Some(known) if known == judgement => Ok(vec![]),
            Some(_) => Err(Rejection::Judged),
            None => Ok(vec![Fact::MatchJudged { review, judgement }]),
        }
    }
}
