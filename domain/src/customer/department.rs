//! What departments know of a customer: finance a balance, service a case, legal a block, sales a quote. The form is open;
//! the values are typed, so that rules can be asked of them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::customer::Source;
use crate::private::Private;
use crate::time::Timestamp;

/// Most facts of one customer.
pub const MOST_FACTS: usize = 200;
/// Most bytes of a text.
const LONGEST_TEXT: usize = 1_024;

/// Something a department knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentFact {
    /// Who knows it.
    pub department: String,
    /// What it is, such as `balance`; one department has one value of it.
    pub key: String,
    /// The value.
    pub value: FactValue,
    /// The system it comes from.
    #[serde(default)]
    pub source: Option<Source>,
    /// As of when it is true.
    pub as_of: Timestamp,
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// A number, with a currency when it is money.
    Number,
    /// Words.
    Text,
    /// A day.
    Date,
    /// Yes or no.
    Flag,
}

impl ValueKind {
    /// The name in the API and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Date => "date",
            Self::Flag => "flag",
        }
    }
}

/// A typed value. The log holds it as a sealed text in its normal form; once its owner is forgotten, it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactValue {
    kind: ValueKind,
    text: Private<String>,
    #[serde(default)]
    currency: Option<String>,
}

/// The text is no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    /// No number.
    #[error("a number has up to 14 digits before the point and 4 after it, such as `-1200.50`")]
    Number,
    /// No currency.
    #[error("a currency is three capital letters (ISO 4217), such as `EUR`")]
    Currency,
    /// No day.
    #[error("a date looks like `2026-11-27`")]
    Date,
    /// No text that is kept.
    #[error("a text has 1 to 1024 bytes and no control characters")]
    Text,
}

impl FactValue {
    /// A number, or money when a currency is given.
    ///
    /// # Errors
    /// [`NotAValue::Number`], [`NotAValue::Currency`].
    pub fn number(text: &str, currency: Option<&str>) -> Result<Self, NotAValue> {
        let number = Decimal::parse(text).ok_or(NotAValue::Number)?;
        let capital = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        if currency.is_some_and(|code| !capital(code)) {
            return Err(NotAValue::Currency);
        }
        Ok(Self {
            kind: ValueKind::Number,
            text: Private::new(number.to_string()),
            currency: currency.map(str::to_owned),
        })
    }

    /// Words.
    ///
    /// # Errors
    /// [`NotAValue::Text`].
    pub fn words(text: &str) -> Result<Self, NotAValue> {
        let bad = text.trim().is_empty()
            || text.len() > LONGEST_TEXT
            || text.chars().any(char::is_control);
        if bad {
            return Err(NotAValue::Text);
        }
        Ok(Self::plain(ValueKind::Text, text.trim().to_owned()))
    }

    /// A day.
    ///
    /// # Errors
    /// [`NotAValue::Date`].
    pub fn date(text: &str) -> Result<Self, NotAValue> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| NotAValue::Date)?;
        Ok(Self::plain(
            ValueKind::Date,
            day.format("%Y-%m-%d").to_string(),
        ))
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(yes: bool) -> Self {
        Self::plain(ValueKind::Flag, yes.to_string())
    }

    fn plain(kind: ValueKind, text: String) -> Self {
        Self {
            kind,
            text: Private::new(text),
            currency: None,
        }
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The normal form: `-1200.5`, `2026-11-27`, `true`, or the words.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose()
    }

    /// The currency of an amount of money.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// The number, when it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<Decimal> {
        (self.kind == ValueKind::Number)
            .then(|| Decimal::parse(self.text()))
            .flatten()
    }

    /// Yes or no, when it is a flag.
    #[must_use]
    pub fn as_flag(&self) -> Option<bool> {
        (self.kind == ValueKind::Flag)
            .then(|| self.text().parse().ok())
            .flatten()
    }
}

/// A number with four digits after the point: exact, and enough for money of any currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

/// What one is.
const ONE: i64 = 10_000;

impl Decimal {
    /// Reads `-1200.50`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !all_digits(whole, 14) || !all_digits(rest, 4) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let rest: i64 = format!("{rest:0<4}").parse().ok()?;
        let value = whole * ONE + rest;
        Some(Self(if negative { -value } else { value }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.abs() / ONE, self.0.abs() % ONE);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let rest = format!("{rest:04}");
        write!(f, "{sign}{whole}.{}", rest.trim_end_matches('0'))
    }
}

/// A fact as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFact {
    /// The value.
    pub value: FactValue,
    /// The system it comes from.
    pub source: Option<Source>,
    /// As of when it is true.
    pub as_of: Timestamp,
    /// When the hub was told.
    pub recorded_at: Timestamp,
}

/// What all departments know, by department and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFacts(BTreeMap<(String, String), KnownFact>);

impl KnownFacts {
    /// What a department knows under a key.
    #[must_use]
    pub fn get(&self, department: &str, key: &str) -> Option<&KnownFact> {
        self.0.get(&(department.to_owned(), key.to_owned()))
    }

    /// All of them: department, key, fact.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &KnownFact)> {
        self.0
            .iter()
            .map(|((department, key), fact)| (department.as_str(), key.as_str(), fact))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it says something that is not known yet: a newer truth, or a correction of the same moment.
    #[must_use]
    pub fn is_news(&self, fact: &DepartmentFact) -> bool {
        self.get(&fact.department, &fact.key).is_none_or(|known| {
            match fact.as_of.cmp(&known.as_of) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => fact.value != known.value,
                std::cmp::Ordering::Greater => true,
            }
        })
    }

    pub(super) fn take(&mut self, fact: &DepartmentFact, recorded_at: Timestamp) {
        if self.is_news(fact) {
            let known = KnownFact {
                value: fact.value.clone(),
                source: fact.source.clone(),
                as_of: fact.as_of,
                recorded_at,
            };
            self.0
                .insert((fact.department.clone(), fact.key.clone()), known);
        }
    }

    /// Of two facts under the same key the newer one.
    pub(super) fn join(&mut self, other: &Self) {
        for (key, theirs) in &other.0 {
            if self.0.get(key).is_none_or(|ours| ours.as_of < theirs.as_of) {
                self.0.insert(key.clone(), theirs.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn balance(text: &str, as_of: i64) -> DepartmentFact {
        DepartmentFact {
            department: "finance".to_owned(),
            key: "balance".to_owned(),
            value: FactValue::number(text, Some("EUR")).unwrap(),
            source: None,
            as_of: Timestamp::from_micros(as_of),
        }
    }

    #[test]
    fn values_have_one_form_each_and_rubbish_is_none() {
        let number = FactValue::number("-01200.50", Some("EUR")).unwrap();
        assert_eq!((number.text(), number.currency()), ("-1200.5", Some("EUR")));
        assert_eq!(FactValue::date("2026-2-3").unwrap().text(), "2026-02-03");
        assert_eq!(FactValue::flag(true).as_flag(), Some(true));
        assert_eq!(
            FactValue::words("  two cases ").unwrap().text(),
            "two cases"
        );
        for wrong in [
            "",
            "-",
            "1.",
            ".5",
            "1e9",
            "1,5",
            "1.23456",
            "123456789012345",
        ] {
            assert_eq!(
                FactValue::number(wrong, None),
                Err(NotAValue::Number),
                "{wrong}"
            );
        }
        assert_eq!(
            FactValue::number("1", Some("eur")),
            Err(NotAValue::Currency)
        );
        assert_eq!(FactValue::date("2026-02-30"), Err(NotAValue::Date));
        assert_eq!(FactValue::words("a\nb"), Err(NotAValue::Text));
    }

    #[test]
    fn a_correction_of_the_same_moment_counts_and_an_older_truth_does_not() {
        let mut known = KnownFacts::default();
        known.take(&balance("10", 5), Timestamp::from_micros(6));
        assert!(!known.is_news(&balance("10", 5)));
        assert!(known.is_news(&balance("11", 5)));
        assert!(!known.is_news(&balance("12", 4)));
    }

    proptest! {
        #[test]
        fn the_newest_truth_wins_in_whatever_order_truths_arrive(mut moments in proptest::collection::vec(0_i64..100, 1..20)) {
            let mut known = KnownFacts::default();
            for moment in &moments {
                known.take(&balance(&moment.to_string(), *moment), Timestamp::from_micros(200));
            }
            moments.sort_unstable();
            let newest = moments.last().unwrap().to_string();
            prop_assert_eq!(known.get("finance", "balance").unwrap().value.text(), newest);
        }

        #[test]
        fn a_number_reads_back_as_it_was_written(number in -99_999_999_999_999_i64..=99_999_999_999_999) {
            let written = Decimal(number);
            prop_assert_eq!(Decimal::parse(&written.to_string()), Some(written));
        }
    }
}
