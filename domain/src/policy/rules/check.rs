//! Rules that cannot be meant so: out of range, against each other, or against the law.

use std::collections::BTreeMap;

use crate::outreach::WishClass;
use crate::policy::rules::{Adjustment, Cap, ContactPolicy};

/// The largest number of contacts a cap may name: what is remembered of a customer's contacts answers all of them.
pub const MOST_CONTACTS: u32 = 100;
/// The longest window of a cap, in days.
const LONGEST_WINDOW: u32 = 366;
/// The least time of a day that quiet hours must leave, in minutes.
const LEAST_OPEN: u16 = 60;
/// Most entries of a list of rules.
const MOST_ENTRIES: usize = 500;
/// Most bytes of the name of a purpose, a department or a tier.
const LONGEST_NAME: usize = 64;

/// A rule that is refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}` {why}")]
pub struct Fault {
    /// The rule, as the configuration calls it; entries of lists are counted from 1.
    pub rule: String,
    /// Why it is refused.
    pub why: String,
}

impl ContactPolicy {
    /// Whether a policy can be meant so. It is asked wherever one is set.
    ///
    /// # Errors
    /// Every rule that cannot, with the reason: it is out of range, contradicts another one, or would silence mandatory
    /// notices.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = vec![];
        self.check_ranges(&mut faults);
        self.check_mandatory(&mut faults);
        self.check_caps(&mut faults);
        self.check_names(&mut faults);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    fn check_ranges(&self, faults: &mut Vec<Fault>) {
        let numbers = [
            ("gather_seconds", self.gather_seconds, 0, 604_800),
            ("max_agenda", self.max_agenda.into(), 1, 20),
            ("max_agenda_seconds", self.max_agenda_seconds, 10, 3_600),
            ("contacts_per_day", self.contacts_per_day, 1, MOST_CONTACTS),
            ("min_gap_seconds", self.min_gap_seconds, 0, 2_592_000),
            ("retry_seconds", self.retry_seconds, 1, 2_592_000),
            ("max_attempts", self.max_attempts, 1, 100),
            ("refusal_silence_days", self.refusal_silence_days, 0, 3_650),
        ];
        for (rule, value, least, most) in numbers {
            if !(least..=most).contains(&value) {
                faults.push(fault(rule, format!("is {value}; use {least} to {most}")));
            }
        }
        for (rule, minute) in [
            ("quiet_from", self.quiet_from),
            ("quiet_until", self.quiet_until),
        ] {
            if minute >= 1_440 {
                faults.push(fault(rule, "is no time of the day"));
            }
        }
        let lists = [
            ("holidays", self.holidays.len()),
            ("purposes", self.purposes.len()),
            ("weights", self.weights.len()),
            ("levers", self.levers.len()),
        ];
        for (rule, entries) in lists.into_iter().filter(|(_, n)| *n > MOST_ENTRIES) {
            let why = format!("has {entries} entries; {MOST_ENTRIES} are the most");
            faults.push(fault(rule, why));
        }
    }

    /// Mandatory notices must find a way: that is what the class is for.
    fn check_mandatory(&self, faults: &mut Vec<Fault>) {
        let classes = [
            ("consent_needed", &self.consent_needed, "without a consent"),
            ("complaint_holds", &self.complaint_holds, "by a complaint"),
        ];
        for (rule, classes, how) in classes {
            if classes.contains(&WishClass::Mandatory) {
                let why =
                    format!("names `mandatory`: mandatory notices must not be silenced {how}");
                faults.push(fault(rule, why));
            }
        }
        let (from, until) = (self.quiet_from % 1_440, self.quiet_until % 1_440);
        let open = (1_440 + from - until) % 1_440;
        if from != until && open < LEAST_OPEN {
            let why = format!(
                "and `quiet_until` leave {open} minutes of the day: mandatory notices would be silenced; leave at least {LEAST_OPEN}"
            );
            faults.push(fault("quiet_from", why));
        }
    }

    /// A cap that a longer one makes unreachable says something that is not meant.
    fn check_caps(&self, faults: &mut Vec<Fault>) {
        let mut by_days: BTreeMap<u32, (String, Cap)> = BTreeMap::new();
        for (place, cap) in self.windows().enumerate() {
            let rule = match place {
                0 => "contacts_per_day".to_owned(),
                nth => format!("caps[{nth}]"),
            };
            let (contacts, days) = (cap.contacts, cap.days);
            if place > 0 && !(1..=MOST_CONTACTS).contains(&contacts) {
                let why = format!("allows {contacts} contacts; use 1 to {MOST_CONTACTS}");
                faults.push(fault(&rule, why));
            }
            if !(1..=LONGEST_WINDOW).contains(&days) {
                let why = format!("is about {days} days; use 1 to {LONGEST_WINDOW}");
                faults.push(fault(&rule, why));
            }
            match by_days.get(&days) {
                Some((other, known)) if known.contacts != contacts => {
                    let why = format!(
                        "allows {contacts} contacts in {days} days, and `{other}` allows {} in as many",
                        known.contacts
                    );
                    faults.push(fault(&rule, why));
                }
                _ => {
                    by_days.insert(days, (rule, cap));
                }
            }
        }
        let sorted: Vec<&(String, Cap)> = by_days.values().collect();
        for pair in sorted.windows(2) {
            let [(short, few), (long, many)] = pair else {
                continue;
            };
            if few.contacts > many.contacts {
                let why = format!(
                    "allows {} contacts in {} days, which contradicts the {} in {} days of `{short}`: a longer window cannot allow fewer",
                    many.contacts, many.days, few.contacts, few.days
                );
                faults.push(fault(long, why));
            }
        }
    }

    fn check_names(&self, faults: &mut Vec<Fault>) {
        for purpose in self.purposes.iter().filter(|name| !is_name(name)) {
            faults.push(fault(
                "purposes",
                format!("names {purpose:?}, which is no name"),
            ));
        }
        for (list, adjustments) in [("weights", &self.weights), ("levers", &self.levers)] {
            for (place, adjustment) in adjustments.iter().enumerate() {
                if let Some(why) = self.wrong(adjustment) {
                    faults.push(fault(&format!("{list}[{}]", place + 1), why));
                }
            }
        }
    }

    fn wrong(&self, adjustment: &Adjustment) -> Option<String> {
        let Adjustment {
            purpose,
            department,
            class,
            tier,
            percent,
        } = adjustment;
        if !(-100..=1_000).contains(percent) {
            return Some(format!("adds {percent} percent; use -100 to 1000"));
        }
        let names = [purpose, department, tier];
        if names.iter().all(|name| name.is_none()) && class.is_none() {
            return Some(
                "says for which wishes it is by none of purpose, department, class and tier".into(),
            );
        }
        if let Some(name) = names.into_iter().flatten().find(|name| !is_name(name)) {
            return Some(format!("names {name:?}, which is no name"));
        }
        let unknown =
            |purpose: &&String| !self.purposes.is_empty() && !self.purposes.contains(*purpose);
        purpose.as_ref().filter(unknown).map(|purpose| {
            format!("is about the purpose {purpose:?}, which `purposes` does not name")
        })
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

fn fault(rule: &str, why: impl Into<String>) -> Fault {
    Fault {
        rule: rule.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{QueueId, TenantId};

    fn refused(change: impl FnOnce(&mut ContactPolicy)) -> Vec<String> {
        let mut rules = ContactPolicy::declared(QueueId::named(TenantId::named("t"), "outreach"));
        change(&mut rules);
        let faults = rules.check().err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn the_declared_rules_can_be_meant() {
        assert_eq!(refused(|_| {}), Vec::<String>::new());
        assert_eq!(
            refused(|rules| {
                rules.contacts_per_day = 5;
                rules.caps = ContactPolicy::declared_caps(5);
            }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_policy_that_would_silence_mandatory_notices_is_refused() {
        let consent = |rules: &mut ContactPolicy| rules.consent_needed = vec![WishClass::Mandatory];
        assert_eq!(refused(consent), ["consent_needed"]);
        let complaint =
            |rules: &mut ContactPolicy| rules.complaint_holds = vec![WishClass::Mandatory];
        assert_eq!(refused(complaint), ["complaint_holds"]);
        let always = |rules: &mut ContactPolicy| (rules.quiet_from, rules.quiet_until) = (0, 1_439);
        assert_eq!(refused(always), ["quiet_from"]);
        let over_midnight =
            |rules: &mut ContactPolicy| (rules.quiet_from, rules.quiet_until) = (600, 570);
        assert_eq!(refused(over_midnight), ["quiet_from"]);
        let never = |rules: &mut ContactPolicy| rules.max_agenda = 0;
        assert_eq!(refused(never), ["max_agenda"]);
        let tired = |rules: &mut ContactPolicy| rules.max_attempts = 0;
        assert_eq!(refused(tired), ["max_attempts"]);
    }

    #[test]
    fn caps_that_contradict_each_other_are_refused() {
        let cap = |contacts, days| Cap { contacts, days };
        let five_a_day = |rules: &mut ContactPolicy| {
            (rules.contacts_per_day, rules.caps) = (5, vec![cap(3, 7)]);
        };
        assert_eq!(refused(five_a_day), ["caps[1]"]);
        let month_below_week = |rules: &mut ContactPolicy| rules.caps = vec![cap(2, 30), cap(3, 7)];
        assert_eq!(refused(month_below_week), ["caps[1]"]);
        let twice = |rules: &mut ContactPolicy| rules.caps = vec![cap(3, 7), cap(4, 7)];
        assert_eq!(refused(twice), ["caps[2]"]);
        let nobody = |rules: &mut ContactPolicy| rules.contacts_per_day = 0;
        assert_eq!(refused(nobody), ["contacts_per_day"]);
        let endless = |rules: &mut ContactPolicy| rules.caps = vec![cap(3, 367)];
        assert_eq!(refused(endless), ["caps[1]"]);
        let more_than_remembered = |rules: &mut ContactPolicy| rules.caps = vec![cap(101, 30)];
        assert_eq!(refused(more_than_remembered), ["caps[1]"]);
    }

    #[test]
    fn an_adjustment_says_for_what_it_is_and_stays_within_bounds() {
        let for_nothing = |rules: &mut ContactPolicy| {
            rules.weights = vec![Adjustment {
                percent: 5,
                ..Adjustment::default()
            }];
        };
        assert_eq!(refused(for_nothing), ["weights[1]"]);
        let below_nothing = |rules: &mut ContactPolicy| {
            rules.levers = vec![Adjustment {
                percent: -101,
                class: Some(WishClass::Service),
                ..Adjustment::default()
            }];
        };
        assert_eq!(refused(below_nothing), ["levers[1]"]);
        let of_an_unknown_purpose = |rules: &mut ContactPolicy| {
            rules.purposes = ["survey".to_owned()].into();
            rules.weights = vec![Adjustment {
                percent: 5,
                purpose: Some("renewal".into()),
                ..Adjustment::default()
            }];
        };
        assert_eq!(refused(of_an_unknown_purpose), ["weights[1]"]);
    }
}
