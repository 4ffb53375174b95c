//! Which topics one contact carries: an exact small knapsack.

/// A topic that could come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// Whether it must be said by law or contract.
    pub mandatory: bool,
    /// What it is worth.
    pub worth: u64,
    /// How long it takes.
    pub seconds: u32,
}

/// What a topic adds: what must be said goes before anything that is only worth something.
fn gain(topic: Topic) -> u128 {
    u128::from(topic.worth) + if topic.mandatory { 1 << 96 } else { 0 }
}

/// Of all choices of at most `most` topics that take at most `seconds` together, the one worth most; `topics` come in the
/// order of their priority, and of two choices worth the same the one with the earlier topics is taken. Answers the
/// places of the chosen ones, in order.
///
/// Dynamic programming over places, topics left and seconds left; seconds are counted in their greatest common divisor,
/// so that whole minutes cost minutes.
pub(super) fn choose(topics: &[Topic], most: usize, seconds: u32) -> Vec<usize> {
    let unit = topics
        .iter()
        .filter(|topic| topic.seconds <= seconds)
        .fold(0, |unit, topic| divisor(unit, topic.seconds))
        .max(1);
    let most = most.min(topics.len());
    // Room that nobody can fill is no room to look at.
    let mut longest: Vec<u32> = topics.iter().map(|topic| topic.seconds).collect();
    longest.sort_unstable_by(|a, b| b.cmp(a));
    let filled = longest
        .iter()
        .take(most)
        .fold(0_u32, |sum, n| sum.saturating_add(*n));
    let seconds = seconds.min(filled);
    let room = (seconds / unit) as usize;
    let width = room + 1;
    let cells = (most + 1) * width;
    // best[left * width + room]: the most that the topics looked at so far add, and whether the last of them is taken.
    let mut best = vec![0_u128; cells];
    let mut taken = vec![false; topics.len() * cells];
    for (place, topic) in topics.iter().enumerate().rev() {
        let need = (topic.seconds / unit) as usize;
        if topic.seconds > seconds {
            continue;
        }
        for left in (1..=most).rev() {
            for room in (need..width).rev() {
                let with = best[(left - 1) * width + room - need] + gain(*topic);
                let cell = left * width + room;
                if with >= best[cell] {
                    best[cell] = with;
                    taken[place * cells + cell] = true;
                }
            }
        }
    }
    let (mut left, mut room, mut chosen) = (most, width - 1, vec![]);
    for (place, topic) in topics.iter().enumerate() {
        if taken[place * cells + left * width + room] {
            chosen.push(place);
            left -= 1;
            room -= (topic.seconds / unit) as usize;
        }
    }
    chosen
}

const fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_topic() -> impl Strategy<Value = Topic> {
        (prop::bool::weighted(0.2), 0..6_u64, 0..8_u32).prop_map(|(mandatory, worth, minutes)| {
            Topic {
                mandatory,
                worth,
                seconds: minutes * 30,
            }
        })
    }

    fn worth(topics: &[Topic], chosen: &[usize]) -> u128 {
        chosen.iter().map(|place| gain(topics[*place])).sum()
    }

    /// Every choice there is, one after the other.
    fn tried_out(topics: &[Topic], most: usize, seconds: u32) -> Vec<usize> {
        let all = (0..1_u32 << topics.len()).map(|mask| {
            (0..topics.len())
                .filter(|place| mask & (1 << place) != 0)
                .collect::<Vec<_>>()
        });
        let fitting = all.filter(|chosen| {
            let takes: u32 = chosen.iter().map(|place| topics[*place].seconds).sum();
            chosen.len() <= most && takes <= seconds
        });
        // The earlier topics: whoever has the first place where two choices differ goes before.
        let places = |chosen: &[usize]| {
            (0..topics.len())
                .map(|place| chosen.contains(&place))
                .collect::<Vec<_>>()
        };
        fitting
            .max_by(|a, b| {
                worth(topics, a)
                    .cmp(&worth(topics, b))
                    .then_with(|| places(a).cmp(&places(b)))
            })
            .unwrap_or_default()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_choice_is_worth_more(
            topics in prop::collection::vec(any_topic(), 0..9),
            most in 0..5_usize,
            seconds in 0..400_u32,
        ) {
            prop_assert_eq!(choose(&topics, most, seconds), tried_out(&topics, most, seconds));
        }
    }

    #[test]
    fn two_short_topics_go_before_a_long_one_that_is_worth_less_than_both() {
        let topic = |worth, seconds| Topic {
            mandatory: false,
            worth,
            seconds,
        };
        let topics = [topic(50, 240), topic(30, 120), topic(30, 120)];
        assert_eq!(choose(&topics, 2, 240), [1, 2]);
        assert_eq!(choose(&topics, 1, 240), [0]);
    }

    #[test]
    fn what_must_be_said_goes_before_any_offer() {
        let offer = Topic {
            mandatory: false,
            worth: u64::MAX,
            seconds: 60,
        };
        let notice = Topic {
            mandatory: true,
            worth: 0,
            seconds: 60,
        };
        assert_eq!(choose(&[offer, notice], 1, 300), [1]);
    }
}
