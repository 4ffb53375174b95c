//! How much a wish counts: propensity times context weight times value times lever, raised as its window closes. Whole
//! numbers that anyone can check by hand.

use std::fmt;

use crate::outreach::{CustomerFacts, WishState};
use crate::policy::{Adjustment, ContactPolicy};
use crate::time::Timestamp;

/// The factors of a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    /// How likely it succeeds, in thousandths.
    pub propensity: u16,
    /// The context weight in percent: 100 and the sum of what the policy adds; never below 0.
    pub weight: u32,
    /// What it is worth.
    pub value: u32,
    /// The lever in percent, as the weight.
    pub lever: u32,
    /// 1,000 when it was filed, 2,000 when its window closes, and in proportion between.
    pub urgency: u32,
}

impl Factors {
    /// The factors of a wish at a moment.
    #[must_use]
    pub fn of(
        state: &WishState,
        facts: CustomerFacts<'_>,
        rules: &ContactPolicy,
        now: Timestamp,
    ) -> Self {
        let percent = |adjustments: &[Adjustment]| {
            let fitting = adjustments.iter().filter(|one| fits(one, state, facts));
            let sum: i64 = fitting.map(|one| i64::from(one.percent)).sum();
            u32::try_from((100 + sum).clamp(0, 10_000)).unwrap_or(0)
        };
        let window = state.wish.expires_at.since(state.filed_at).as_secs().max(1);
        let left = state.wish.expires_at.since(now).as_secs().min(window);
        Self {
            propensity: state.wish.propensity,
            weight: percent(&rules.weights),
            value: state.wish.value,
            lever: percent(&rules.levers),
            urgency: 1_000 + u32::try_from(1_000 * (window - left) / window).unwrap_or(1_000),
        }
    }

    /// Their product in thousandths of the tenant's unit, rounded down: 1,000 is a certain value of 1 without weight,
    /// lever or urgency.
    #[must_use]
    pub fn priority(self) -> u64 {
        let product = u128::from(self.propensity)
            * u128::from(self.weight)
            * u128::from(self.value)
            * u128::from(self.lever)
            * u128::from(self.urgency);
        u64::try_from(product / (1_000 * 100 * 100)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Factors {
    /// As a calculation: `0.700 x 1.55 x 40 x 1.00 x 1.250`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = |n: u32| format!("{}.{:03}", n / 1_000, n % 1_000);
        let percent = |n: u32| format!("{}.{:02}", n / 100, n % 100);
        write!(
            f,
            "{} x {} x {} x {} x {}",
            thousandths(self.propensity.into()),
            percent(self.weight),
            self.value,
            percent(self.lever),
            thousandths(self.urgency)
        )
    }
}

fn fits(adjustment: &Adjustment, state: &WishState, facts: CustomerFacts<'_>) -> bool {
    let Adjustment {
        purpose,
        department,
        class,
        tier,
        percent: _,
    } = adjustment;
    let wish = &state.wish;
    purpose
        .as_ref()
        .is_none_or(|purpose| *purpose == wish.purpose)
        && department
            .as_ref()
            .is_none_or(|department| *department == wish.department)
        && class.is_none_or(|class| class == wish.class)
        && tier.as_deref().is_none_or(|tier| facts.tier == Some(tier))
}
