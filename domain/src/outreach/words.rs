//! Receipts in plain words, in English and Chinese: why was this customer (not) contacted?

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::outreach::Reason;
use crate::time::{Timestamp, Zone};

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A wish is not said now.
    Held,
    /// A wish is never said.
    Dropped,
    /// Wishes will be said on one contact.
    Planned,
    /// The contact became work.
    Started,
    /// The contact will not be made.
    Withdrawn,
    /// What waited is said on a contact that the customer began.
    TakenUp,
    /// A department took its wish back.
    WishWithdrawn,
}

impl Decided {
    /// Every kind of decision there is.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Dropped,
        Self::Planned,
        Self::Started,
        Self::Withdrawn,
        Self::TakenUp,
        Self::WishWithdrawn,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Dropped => "dropped",
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Withdrawn => "withdrawn",
            Self::TakenUp => "taken_up",
            Self::WishWithdrawn => "wish_withdrawn",
        }
    }
}

/// A decision to be told.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What was decided.
    pub decided: Decided,
    /// Why.
    pub reason: Reason,
    /// Under which version of the policy.
    pub policy_version: u64,
    /// What it looked at, as the receipt has it.
    pub inputs: &'a BTreeMap<String, String>,
    /// The wishes it is about: department and purpose.
    pub topics: &'a [(&'a str, &'a str)],
    /// When the plan is due.
    pub slot: Option<Timestamp>,
    /// When a held wish is looked at again.
    pub until: Option<Timestamp>,
}

impl Told<'_> {
    /// One or two sentences that a customer's advocate can read without knowing the hub.
    #[must_use]
    pub fn words(&self) -> Words {
        let (what, why) = (self.what(), self.why());
        let version = self.policy_version;
        Words {
            en: format!(
                "{}: {} (contact policy, version {version}).",
                what.en, why.en
            ),
            zh: format!("{}：{}（联系规则第 {version} 版）。", what.zh, why.zh),
        }
    }

    fn input(&self, name: &str) -> Option<&str> {
        self.inputs.get(name).map(String::as_str)
    }

    /// A moment on the customer's clock.
    fn clock(&self, at: Timestamp) -> String {
        let zone = self
            .input("customer_zone")
            .and_then(|name| Zone::parse(name).ok());
        zone.unwrap_or(Zone::UTC).written(at)
    }

    fn topics(&self) -> Words {
        let list = |of: fn(&str, &str) -> String, between| {
            let topics: Vec<String> = self.topics.iter().map(|(d, p)| of(d, p)).collect();
            topics.join(between)
        };
        if self.topics.is_empty() {
            return say("nothing", "无事项");
        }
        Words {
            en: list(
                |department, purpose| format!("\"{purpose}\" for {department}"),
                ", ",
            ),
            zh: list(
                |department, purpose| format!("{department} 的“{purpose}”"),
                "、",
            ),
        }
    }

    fn what(&self) -> Words {
        let topics = self.topics();
        let (en, zh) = (topics.en, topics.zh);
        let slot = self.slot.map(|slot| self.clock(slot));
        match self.decided {
            Decided::Held => match self.until.map(|until| self.clock(until)) {
                Some(until) => Words {
                    en: format!("Held until {until} on the customer's clock: {en}"),
                    zh: format!("暂缓至客户当地时间 {until}：{zh}"),
                },
                None => Words {
                    en: format!("Held for now: {en}"),
                    zh: format!("暂缓：{zh}"),
                },
            },
            Decided::Dropped => Words {
                en: format!("Given up: {en}"),
                zh: format!("放弃：{zh}"),
            },
            Decided::Planned => Words {
                en: format!(
                    "One contact planned for {} on the customer's clock, with {en}",
                    slot.as_deref().unwrap_or("the next moment")
                ),
                zh: format!(
                    "计划于客户当地时间 {} 一次联系，内容为{zh}",
                    slot.as_deref().unwrap_or("最近的时间")
                ),
            },
            Decided::Started => Words {
                en: format!("The contact began, with {en}"),
                zh: format!("联系开始，内容为{zh}"),
            },
            Decided::Withdrawn => Words {
                en: format!("The planned contact was withdrawn; it carried {en}"),
                zh: format!("计划的联系已撤销，原定内容为{zh}"),
            },
            Decided::TakenUp => Words {
                en: format!("Brought up while the customer was in contact with us: {en}"),
                zh: format!("在客户主动联系时一并告知：{zh}"),
            },
            Decided::WishWithdrawn => Words {
                en: format!("Taken back: {en}"),
                zh: format!("撤回：{zh}"),
            },
        }
    }

    /// The cap within these days that is used up, as the receipt counted it.
    fn cap(&self, days: RangeInclusive<u32>) -> Words {
        let counted = self.inputs.iter().filter_map(|(name, count)| {
            let name = name.strip_prefix("contacts_in_")?.strip_suffix("_days")?;
            let (made, cap) = count.split_once(" of ")?;
            let (days, made, cap) = (name.parse().ok()?, made.parse().ok()?, cap.parse().ok()?);
            Some((days, made, cap))
        });
        let full: Option<(u32, u32, u32)> = counted
            .filter(|(of, ..)| days.contains(of))
            .max_by_key(|(of, made, cap)| (made >= cap, *of));
        match full {
            Some((days, made, cap)) => Words {
                en: format!("the customer had {made} contacts in {days} days of at most {cap}"),
                zh: format!("该客户 {days} 天内已有 {made} 次联系，上限为 {cap} 次"),
            },
            None => say(
                "the customer was contacted often enough",
                "该客户的联系次数已达上限",
            ),
        }
    }

    fn why(&self) -> Words {
        match self.reason {
            Reason::Bundled => say(
                "every gate was open, and what fits together is said at once",
                "各项规则均已满足，可一并告知的事项合为一次",
            ),
            Reason::AgendaFull => say(
                "the contact has no room for another topic; more valuable ones fill it",
                "本次联系的事项已满，由价值更高的事项占用",
            ),
            Reason::AgendaTime => say(
                "the contact would take too long with it",
                "加上该事项，本次联系的时间将过长",
            ),
            Reason::SaidAlone => say(
                "it, or the topic that leads the contact, has to be said alone",
                "该事项或本次联系的主要事项须单独告知",
            ),
            Reason::OtherChannel => say(
                "the contact goes by a channel that the department does not allow for it",
                "本次联系使用的渠道不在该部门允许之列",
            ),
            Reason::OtherSlot => say(
                "it may not be said at the time of the planned contact",
                "在计划联系的时间不可告知该事项",
            ),
            Reason::NotWorthIt => say(
                "a contact would cost more than all there is to say is worth",
                "联系的成本高于事项的价值",
            ),
            Reason::NotYet => say(
                "its time has not come; the department or the customer asked for a later one",
                "时间未到，部门或客户要求更晚",
            ),
            Reason::Expired => say(
                "its window closed before it could be said",
                "在可告知之前已过期",
            ),
            Reason::DoNotContact => say("the customer wants no outreach", "该客户要求不再主动联系"),
            Reason::NoConsent => say(
                "the customer refused contacts for this purpose, or never agreed where consent is needed",
                "该客户拒绝此类联系，或未给予所需的同意",
            ),
            Reason::NoContactPoint => say(
                "no known number or address fits a channel that is allowed and can be used",
                "没有适合所允许渠道的号码或地址",
            ),
            Reason::ContactInFlight => say(
                "another contact with the customer is under way; one is never made beside it",
                "与该客户的另一次联系正在进行，不同时进行第二次",
            ),
            Reason::DailyCap => self.cap(1..=1),
            Reason::WeeklyCap => self.cap(2..=7),
            Reason::MonthlyCap => self.cap(8..=u32::MAX),
            Reason::MinimumGap => {
                let last = self.input("last_contact").unwrap_or("?");
                Words {
                    en: format!("the last contact, at {last}, is too short a while ago"),
                    zh: format!("距上次联系（{last}）间隔太短"),
                }
            }
            Reason::RefusedPurpose => say(
                "the customer declined this purpose, and it is left alone for the days that the policy names",
                "该客户已拒绝此类事项，在规定天数内不再提起",
            ),
            Reason::OpenComplaint => say(
                "the customer has an open complaint; nothing is offered until it is settled",
                "该客户有未结投诉，解决之前不作推介",
            ),
            Reason::QuietHours => say(
                "it is the customer's quiet hours before that",
                "此前为该客户的免打扰时段",
            ),
            Reason::Holiday => say(
                "it is a holiday of the customer's calendar before that",
                "此前为该客户当地的节假日",
            ),
            Reason::RetryLater => say(
                "an attempt was made a short while ago",
                "不久前刚尝试过联系",
            ),
            Reason::AttemptsExhausted => say(
                "it was tried as often as the policy allows",
                "尝试次数已达规定上限",
            ),
            Reason::CustomerContactedUs => {
                say("the customer contacted us first", "该客户先联系了我们")
            }
            Reason::NothingToSay => say(
                "nothing is left that may be said now",
                "目前没有可告知的事项",
            ),
            Reason::WithdrawnByDepartment => {
                say("the department does not want it any more", "该部门不再需要")
            }
            Reason::CustomerErased => say(
                "the customer was erased, and nothing is wanted of them any more",
                "该客户的资料已删除，不再有任何事项",
            ),
        }
    }
}

fn say(en: &str, zh: &str) -> Words {
    Words {
        en: en.to_owned(),
        zh: zh.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_why_in_both_languages() {
        let inputs = BTreeMap::from([
            ("customer_zone".to_owned(), "Asia/Shanghai".to_owned()),
            ("contacts_in_1_days".to_owned(), "0 of 1".to_owned()),
            ("contacts_in_7_days".to_owned(), "3 of 3".to_owned()),
            ("contacts_in_30_days".to_owned(), "3 of 6".to_owned()),
        ]);
        let told = Told {
            decided: Decided::Held,
            reason: Reason::WeeklyCap,
            policy_version: 7,
            inputs: &inputs,
            topics: &[("marketing", "invitation")],
            slot: None,
            until: Some(Timestamp::from_millis(1_795_449_600_000)),
        };
        let words = told.words();
        assert_eq!(
            words.en,
            "Held until 2026-11-24 00:00 on the customer's clock: \"invitation\" for marketing: \
             the customer had 3 contacts in 7 days of at most 3 (contact policy, version 7)."
        );
        assert_eq!(
            words.zh,
            "暂缓至客户当地时间 2026-11-24 00:00：marketing 的“invitation”：\
             该客户 7 天内已有 3 次联系，上限为 3 次（联系规则第 7 版）。"
        );
    }

    #[test]
    fn every_decision_for_every_reason_is_a_sentence_of_its_own() {
        let inputs = BTreeMap::from([("contacts_in_1_days".to_owned(), "1 of 1".to_owned())]);
        let mut told = std::collections::BTreeSet::new();
        for decided in Decided::ALL {
            for reason in Reason::ALL {
                let words = Told {
                    decided,
                    reason,
                    policy_version: 1,
                    inputs: &inputs,
                    topics: &[("finance", "payment_reminder")],
                    slot: None,
                    until: None,
                }
                .words();
                assert!(words.zh.ends_with("。") && words.en.ends_with("."));
                told.insert((decided.name(), words.en, words.zh));
            }
        }
        // A week and a month that nobody counted read alike.
        assert_eq!(told.len(), Decided::ALL.len() * (Reason::ALL.len() - 1));
    }
}
