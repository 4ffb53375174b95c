//! Whatever departments, customers, agents, clocks and other nodes may do, one after the other.
//!
//! Several nodes decide on what they know, which may be old; the log takes what was decided on its last revision and
//! refuses the rest, as the real one does.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
pub enum Step {
    File {
        n: u128,
        class: WishClass,
        value: u32,
        hours: u64,
        delay: u64,
    },
    Look,
    Start,
    CustomerCalls {
        talking: bool,
    },
    Outcome(u128, Outcome),
    End {
        reached: bool,
    },
    InboundOver,
    /// The customer wants to be left alone for so many minutes, for good with none; or no more.
    LeftAlone(Option<u64>),
    Welcome,
    Complaint(bool),
    /// A department amends: another value, and perhaps a later window.
    Amend(u128, u32),
    Withdraw(u128),
    /// Another system contacted the customer so many minutes ago.
    Elsewhere(u128, u64),
    Erased,
    Consent(bool),
    Wait(u64),
    /// The clock moves to the slot of the plan.
    Slot,
    /// What one of the nodes beside this one decides on what it knows.
    Beside(usize, Box<Step>),
    /// One of the nodes beside catches up.
    Refresh(usize),
}

/// How many nodes decide beside the one that is always up to date.
const BESIDE: usize = 3;

fn any_class() -> impl Strategy<Value = WishClass> {
    prop_oneof![
        Just(WishClass::Mandatory),
        Just(WishClass::Service),
        Just(WishClass::Marketing)
    ]
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Agreed),
        Just(Outcome::Declined),
        Just(Outcome::Informed),
        Just(Outcome::Later),
        Just(Outcome::WrongPerson),
        Just(Outcome::NotDiscussed)
    ]
}

fn any_request() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..60_u128, any_class(), 1..100_u32, 1..200_u64, prop_oneof![4 => Just(0), 1 => 1..30_u64])
            .prop_map(|(n, class, value, hours, delay)| Step::File { n, class, value, hours, delay }),
        3 => Just(Step::Look),
        5 => Just(Step::Start),
        1 => any::<bool>().prop_map(|talking| Step::CustomerCalls { talking }),
        3 => (1..12_u128, any_outcome()).prop_map(|(n, outcome)| Step::Outcome(n, outcome)),
        3 => any::<bool>().prop_map(|reached| Step::End { reached }),
        3 => Just(Step::InboundOver),
        1 => (1..60_u128, 1..100_u32).prop_map(|(n, value)| Step::Amend(n, value)),
        1 => (1..60_u128).prop_map(Step::Withdraw),
        1 => (100..200_u128, 0..3_000_u64).prop_map(|(n, ago)| Step::Elsewhere(n, ago)),
    ]
}

pub fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_request(),
        4 => (0..BESIDE, any_request()).prop_map(|(node, step)| Step::Beside(node, Box::new(step))),
        3 => (0..BESIDE).prop_map(Step::Refresh),
        1 => prop::bool::weighted(0.3).prop_map(Step::Complaint),
        1 => prop_oneof![2 => Just(Step::Welcome), 1 => Just(Step::LeftAlone(None)),
            2 => (1..3_000_u64).prop_map(|minutes| Step::LeftAlone(Some(minutes)))],
        1 => prop::bool::weighted(0.7).prop_map(Step::Consent),
        1 => prop::bool::weighted(0.1).prop_map(|erased| if erased { Step::Erased } else { Step::Look }),
        4 => prop_oneof![4 => 1..15_u64, 2 => 60..900_u64, 1 => 1_440..9_000_u64].prop_map(Step::Wait),
        5 => Just(Step::Slot),
    ]
}

/// What `view` (of any age) would append.
fn decide(view: &Outreach, story: &Story, step: &Step) -> Vec<Fact> {
    let (known, policy, now) = (story.known(), &story.policy, story.now);
    match step {
        Step::File {
            n,
            class,
            value,
            hours,
            delay,
        } => {
            let not_before = (*delay > 0).then(|| now + u32::try_from(*delay).unwrap() * HOUR);
            let expires_at = now + u32::try_from(*hours).unwrap() * HOUR;
            let wish = Wish {
                not_before,
                expires_at,
                purpose: purpose(*n),
                propensity: 1_000 - u16::try_from(*n % 5).unwrap() * 100,
                expected_seconds: 30 * (1 + u32::try_from(*n % 6).unwrap()),
                bundle: *n % 9 != 0,
                ..wish(*n, "marketing", *class, *value)
            };
            view.file(wish, who(), known, policy, now)
                .unwrap_or_default()
        }
        Step::Look => view.coordinate(who(), known, policy, now),
        Step::Start => match &view.plan {
            Some(plan) => view.start(plan, known, policy, now).unwrap_or_default(),
            None => vec![],
        },
        Step::CustomerCalls { talking } => {
            view.customer_contacted_us(inbound(), *talking, known, policy, now)
        }
        Step::Outcome(n, outcome) => {
            let on = view.in_flight.map_or(inbound(), |(_, running)| running);
            let agenda = view.agenda_of(on);
            let Some(said) = agenda.get(usize::try_from(*n).unwrap() % agenda.len().max(1)) else {
                return vec![];
            };
            view.record_outcome(said.wish.id, (*outcome).into(), on, anna(), now)
                .unwrap_or_default()
        }
        Step::End { reached } => match view.in_flight {
            Some((_, running)) => view.contact_ended(running, *reached, who(), known, policy, now),
            None => vec![],
        },
        Step::InboundOver => view.contact_ended(inbound(), true, who(), known, policy, now),
        Step::Amend(n, value) => view
            .amend(
                wish_id(*n),
                None,
                |wish| wish.value = *value,
                who(),
                known,
                policy,
                now,
            )
            .unwrap_or_default(),
        Step::Withdraw(n) => view
            .withdraw(wish_id(*n), None, who(), known, policy, now)
            .unwrap_or_default(),
        Step::Elsewhere(n, ago) => {
            let contact = Contact {
                id: Uuid::from_u128(*n),
                at: now - u32::try_from(*ago).unwrap() * MINUTE,
                channel: Channel::Email,
                origin: Origin::Elsewhere,
                reached: None,
            };
            view.note_contact(contact, who(), known, policy, now)
                .unwrap_or_default()
        }
        Step::Erased => view.close(policy.version),
        Step::LeftAlone(_)
        | Step::Welcome
        | Step::Complaint(_)
        | Step::Consent(_)
        | Step::Wait(_)
        | Step::Slot
        | Step::Beside(..)
        | Step::Refresh(_) => vec![],
    }
}

fn purpose(n: u128) -> String {
    format!("purpose {}", n % 7)
}

/// The customer as they were when a fact was decided: what a checker may use.
#[derive(Clone)]
pub struct Appended {
    pub facts: Vec<Fact>,
    pub at: Timestamp,
    pub customer: Customer,
    pub complaint: bool,
}

pub fn play(steps: &[Step]) -> (Story, Vec<Appended>) {
    let mut story = Story::new().with(|_, rules| {
        (rules.contacts_per_day, rules.retry_seconds) = (2, 3_600);
        rules.caps = [(3, 7), (5, 30)]
            .map(|(contacts, days)| Cap { contacts, days })
            .to_vec();
        (rules.min_gap_seconds, rules.refusal_silence_days) = (3 * 3_600, 3);
        rules.holidays = ["2026-11-25", "2026-11-29", "2026-11-30"]
            .map(|day| Date::parse(day).unwrap())
            .into();
        rules.consent_needed = vec![WishClass::Marketing];
        rules.costs = [(Channel::Voice, 5)].into();
    });
    say(&mut story.customer, ANY, true);
    let mut beside = vec![story.folded.clone(); BESIDE];
    let mut appends = vec![];
    for step in steps {
        let facts = match step {
            Step::Wait(minutes) => {
                story.now = story.now + u32::try_from(*minutes).unwrap() * MINUTE;
                continue;
            }
            Step::Slot => {
                let slot = story.it().plan.as_ref().map(|plan| plan.slot);
                story.now = story.now.max(slot.unwrap_or(story.now));
                continue;
            }
            Step::LeftAlone(minutes) => {
                let until = minutes.map(|it| story.now + u32::try_from(it).unwrap() * MINUTE);
                story.customer.do_not_contact.set(Scope::All, until);
                continue;
            }
            Step::Welcome => {
                story.customer.do_not_contact.lift(Scope::All);
                continue;
            }
            Step::Complaint(open) => {
                story.complaint = *open;
                continue;
            }
            Step::Consent(given) => {
                say(&mut story.customer, ANY, *given);
                continue;
            }
            Step::Refresh(node) => {
                beside[*node] = story.folded.clone();
                continue;
            }
            Step::Beside(node, step) => {
                let known = &beside[*node];
                let facts = decide(known.state.as_ref().unwrap(), &story, step);
                if known.revision != story.folded.revision {
                    continue; // the log refuses it: somebody wrote first
                }
                facts
            }
            step => decide(story.it(), &story, step),
        };
        if !facts.is_empty() {
            appends.push(Appended {
                facts: facts.clone(),
                at: story.now,
                customer: story.customer.clone(),
                complaint: story.complaint,
            });
            story = story.then(facts);
        }
    }
    (story, appends)
}
