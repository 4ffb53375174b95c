use super::*;

fn limits() -> Limits {
    Limits {
        per_trunk: Rate {
            per_second: 10,
            burst: 5,
        },
        total: Rate {
            per_second: 12,
            burst: 8,
        },
        max_legs: 100,
        ..Limits::default()
    }
}

fn admitted(gate: &mut Admission, source: usize, offered: usize, now: Instant) -> usize {
    (0..offered)
        .filter(|_| gate.admit(source, Load::default(), now).is_ok())
        .count()
}

#[test]
fn a_burst_is_taken_and_then_the_rate_holds() {
    let now = Instant::now();
    let mut gate = Admission::new(limits(), 2, now);
    assert_eq!(admitted(&mut gate, 0, 50, now), 5);
    assert_eq!(
        admitted(&mut gate, 0, 50, now + Duration::from_millis(300)),
        3
    );
    assert_eq!(
        gate.admit(0, Load::default(), now + Duration::from_millis(300)),
        Err(Overload::Rate)
    );
}

#[test]
fn one_trunk_cannot_use_up_what_is_for_all() {
    let now = Instant::now();
    let mut gate = Admission::new(limits(), 2, now);
    assert_eq!(admitted(&mut gate, 0, 50, now), 5);
    assert_eq!(admitted(&mut gate, 1, 50, now), 3, "the total is 8");
}

#[test]
fn full_behind_and_unread_are_each_a_reason_to_refuse() {
    let now = Instant::now();
    let mut gate = Admission::new(limits(), 1, now);
    let mut ask = |load: Load| gate.admit(0, load, now);
    assert_eq!(
        ask(Load {
            legs: 100,
            ..Load::default()
        }),
        Err(Overload::Legs)
    );
    let late = Load {
        queue_delay: Duration::from_millis(201),
        ..Load::default()
    };
    assert_eq!(ask(late), Err(Overload::Delay));
    assert_eq!(
        ask(Load {
            events_waiting: true,
            ..Load::default()
        }),
        Err(Overload::Events)
    );
    assert_eq!(
        ask(Load {
            legs: 99,
            ..Load::default()
        }),
        Ok(())
    );
}
