//! The session's rules, one by one.

use rapport_domain::port::chat::{LineKind, MAX_TEXT_BYTES};
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use super::*;
use crate::config::Rate;
use rapport_domain::port::chat::Line;

const OURS: &str = "https://hub.example";

fn rules() -> Arc<Rules> {
    Arc::new(Rules {
        public_origins: vec![OURS.to_owned()],
        limits: Limits::default(),
    })
}

fn epoch(n: u128) -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(n))
}

fn line(seq: u64) -> Line {
    Line {
        seq: Revision(seq),
        at: Timestamp::from_millis(1),
        what: LineKind::Waiting,
    }
}

fn conversation(n: u128, seqs: impl IntoIterator<Item = u64>) -> Answer {
    let lines = seqs.into_iter().map(line).collect();
    Answer::Resumed(Ok(Some(Conversation {
        interaction: epoch(n),
        lines,
        closed: false,
    })))
}

/// A session under test: frames out as JSON, questions by name.
struct Bench {
    session: Session,
    now: Instant,
}

impl Bench {
    fn from(origin: Option<&str>) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(rules(), origin, now),
            now,
        }
    }

    /// Through hello and admission into an open session that follows nothing.
    fn open() -> Self {
        let mut bench = Self::from(Some(OURS));
        bench.text(r#"{"t":"hello","site":"shop"}"#);
        bench.admit(&[]);
        bench
            .session
            .on_answer(Answer::Resumed(Ok(None)), bench.now);
        assert!(bench.drain()[0].starts_with(r#"{"t":"welcome","token":""#));
        bench
    }

    fn text(&mut self, text: &str) {
        self.session.on_text(text, true, self.now);
    }

    fn say(&mut self, cid: u128) {
        self.text(&format!(
            r#"{{"t":"say","cid":"{}","text":"hi"}}"#,
            Uuid::from_u128(cid)
        ));
    }

    fn answer(&mut self, answer: Answer) -> Vec<String> {
        self.session.on_answer(answer, self.now);
        self.drain()
    }

    fn admit(&mut self, origins: &[&str]) -> Vec<String> {
        self.drain();
        let origins = Some(origins.iter().map(|&o| o.to_owned()).collect());
        self.answer(Answer::Admitted {
            origins,
            token: Token::fresh().ok(),
        })
    }

    fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll())
            .map(|output| match output {
                Output::Send(frame) => frame.encode(),
                Output::Ask(Ask::Admit { .. }) => "admit".to_owned(),
                Output::Ask(Ask::Resume { after, .. }) => {
                    format!("resume {:?}", after.map(|r| r.0))
                }
                Output::Ask(Ask::Say { cid, .. }) => format!("say {}", cid.as_uuid().as_u128()),
                Output::Ask(Ask::Leave { .. }) => "leave".to_owned(),
                Output::Ring => "ring".to_owned(),
                Output::Close(why) => format!("{why:?}"),
            })
            .collect()
    }

    fn said(&mut self, n: u128, seq: u64) -> Vec<String> {
        self.answer(Answer::Said(Ok(Acknowledged {
            interaction: epoch(n),
            seq: Revision(seq),
        })))
    }
}

fn has(outputs: &[String], part: &str) -> bool {
    outputs.iter().any(|output| output.contains(part))
}

#[test]
fn an_acknowledgement_follows_the_disk_and_not_the_frame() {
    let mut bench = Bench::open();
    bench.say(7);
    assert_eq!(bench.drain(), ["say 7"]);
    let after = bench.said(1, 0);
    assert!(after[0].contains(r#""t":"ack""#), "{after:?}");
    assert_eq!(after[1..], ["ring", "resume None"]);
}

#[test]
fn messages_go_to_the_desk_one_by_one_and_a_failure_takes_those_behind_with_it() {
    let mut bench = Bench::open();
    for cid in 1..=3 {
        bench.say(cid);
    }
    assert_eq!(bench.drain(), ["say 1"]);
    let refused = bench.answer(Answer::Said(Err(ChatError::Unavailable)));
    assert_eq!(refused.len(), 3);
    assert!(
        refused
            .iter()
            .all(|frame| frame.contains(r#""retry":true"#)),
        "{refused:?}"
    );
    bench.say(1);
    assert_eq!(bench.drain(), ["say 1"]);
}

#[test]
fn more_messages_than_the_queue_holds_are_refused_for_now() {
    let mut bench = Bench::open();
    (1..=10).for_each(|cid| bench.say(cid));
    let outputs = bench.drain();
    assert_eq!(outputs[0], "say 1");
    assert_eq!(
        outputs.len(),
        2,
        "one with the desk, eight waiting, the tenth refused: {outputs:?}"
    );
    assert!(outputs[1].contains(r#""code":"busy""#));
}

#[test]
fn lines_that_the_client_has_are_not_sent_again() {
    let mut bench = Bench::open();
    bench.say(7);
    bench.drain();
    bench.said(1, 2);
    let first = bench.answer(conversation(1, [0, 2]));
    assert_eq!(
        first.iter().filter(|f| f.contains(r#""t":"line""#)).count(),
        2
    );
    assert_eq!(bench.session.watching(), Some((epoch(1), Revision(2))));
    bench.session.on_changed(bench.now);
    assert_eq!(bench.drain(), ["resume Some(2)"]);
    let second = bench.answer(conversation(1, [0, 2, 5]));
    assert_eq!(second.len(), 1);
    assert!(second[0].contains(r#""seq":5"#));
}

#[test]
fn a_newer_conversation_is_announced_and_comes_whole() {
    let mut bench = Bench::open();
    bench.session.on_ring();
    bench.drain();
    bench.answer(conversation(1, [0, 9]));
    bench.session.on_ring();
    bench.drain();
    let outputs = bench.answer(conversation(2, [0, 1]));
    assert!(outputs[0].contains(r#""t":"resync""#), "{outputs:?}");
    assert_eq!(outputs.len(), 3);
}

#[test]
fn a_long_history_comes_in_pages_and_the_next_is_asked_for_after_the_first() {
    let mut bench = Bench::open();
    bench.session.on_ring();
    bench.drain();
    let outputs = bench.answer(conversation(1, 0..450));
    assert_eq!(outputs.len(), 201);
    assert_eq!(outputs[200], "resume Some(199)");
    assert_eq!(
        bench
            .answer(conversation(1, 200..450))
            .last()
            .map(String::as_str),
        Some("resume Some(399)")
    );
    assert_eq!(bench.answer(conversation(1, 400..450)).len(), 50);
}

#[test]
fn wakes_that_bring_nothing_are_followed_by_growing_pauses() {
    let mut bench = Bench::open();
    bench.session.on_ring();
    bench.drain();
    bench.answer(conversation(1, [0]));
    bench.session.on_changed(bench.now);
    assert_eq!(bench.drain(), ["resume Some(0)"]);
    bench.answer(conversation(1, []));
    bench.session.on_changed(bench.now);
    assert_eq!(bench.drain(), [""; 0], "the second wake in a row waits");
    bench.now = bench.session.deadline();
    bench.session.on_tick(bench.now);
    assert_eq!(bench.drain(), ["resume Some(0)"]);
}

#[test]
fn only_our_pages_and_those_of_the_site_get_in() {
    let admitted = |origin: Option<&str>, of_site: &[&str]| {
        let mut bench = Bench::from(origin);
        bench.text(r#"{"t":"hello","site":"shop"}"#);
        has(&bench.admit(of_site), "resume")
    };
    assert!(admitted(Some(OURS), &[]));
    assert!(admitted(
        Some("https://shop.example"),
        &["https://shop.example/"]
    ));
    assert!(!admitted(
        Some("https://evil.example"),
        &["https://shop.example"]
    ));
    assert!(!admitted(
        Some("https://shop.example.evil.example"),
        &["https://shop.example"]
    ));
    assert!(!admitted(Some("null"), &["https://shop.example"]));
    assert!(!admitted(None, &["https://shop.example"]));
    assert!(admitted(None, &["*"]));
}

#[test]
fn an_unknown_site_ends_the_connection() {
    let mut bench = Bench::from(Some(OURS));
    bench.text(r#"{"t":"hello","site":"nowhere"}"#);
    bench.drain();
    let outputs = bench.answer(Answer::Admitted {
        origins: None,
        token: None,
    });
    assert!(outputs[0].contains("unknown_site"));
    assert_eq!(outputs[1], "Barred");
}

#[test]
fn a_token_that_is_none_of_ours_is_refused_before_the_desk_is_asked() {
    let mut bench = Bench::from(Some(OURS));
    bench.text(r#"{"t":"hello","site":"shop","token":"guess"}"#);
    let outputs = bench.drain();
    assert!(outputs[0].contains("bad_token"));
    assert_eq!(outputs[1..], ["Barred"]);
}

#[test]
fn nothing_is_said_before_the_welcome_and_three_bad_frames_are_enough() {
    let mut early = Bench::from(Some(OURS));
    early.say(1);
    assert_eq!(early.drain().last().map(String::as_str), Some("Barred"));
    let mut bench = Bench::open();
    for bad in ["{", r#"{"t":"unheard"}"#, r#"{"t":"hello","site":"shop"}"#] {
        bench.text(bad);
    }
    let outputs = bench.drain();
    assert_eq!(
        outputs.iter().filter(|o| o.contains("bad_frame")).count(),
        3
    );
    assert_eq!(outputs.last().map(String::as_str), Some("Barred"));
}

#[test]
fn a_text_beyond_the_limit_is_refused_for_good() {
    let mut bench = Bench::open();
    let text = "a".repeat(MAX_TEXT_BYTES + 1);
    bench.text(&format!(
        r#"{{"t":"say","cid":"{}","text":"{text}"}}"#,
        Uuid::from_u128(1)
    ));
    let outputs = bench.drain();
    assert!(
        outputs[0].contains(r#""code":"too_long""#) && outputs[0].contains(r#""retry":false"#),
        "{outputs:?}"
    );
    assert_eq!(outputs.len(), 1);
}

#[test]
fn whoever_writes_too_fast_is_asked_to_wait_and_whoever_does_not_is_closed() {
    let mut bench = Bench::open();
    let Rate { burst, .. } = Limits::default().messages;
    for _ in 0..burst - 1 {
        bench.text(r#"{"t":"typing"}"#);
    }
    assert!(bench.drain().is_empty());
    bench.say(99);
    let outputs = bench.drain();
    assert!(
        outputs[0].contains(r#""code":"slow_down""#) && outputs[0].contains(r#""cid""#),
        "{outputs:?}"
    );
    for _ in 0..MAX_EXCESS {
        bench.text(r#"{"t":"typing"}"#);
    }
    assert_eq!(bench.drain().last().map(String::as_str), Some("Barred"));
}

#[test]
fn an_address_beyond_its_limit_slows_all_its_connections() {
    let mut bench = Bench::open();
    let frame = format!(
        r#"{{"t":"say","cid":"{}","text":"hi"}}"#,
        Uuid::from_u128(1)
    );
    bench.session.on_text(&frame, false, bench.now);
    assert!(has(&bench.drain(), "slow_down"));
}

#[test]
fn a_silent_client_is_pinged_twice_and_then_dropped() {
    let mut bench = Bench::open();
    let mut outputs = Vec::new();
    for _ in 0..3 {
        bench.now = bench.session.deadline();
        bench.session.on_tick(bench.now);
        outputs.extend(bench.drain());
    }
    assert_eq!(outputs, [r#"{"t":"ping"}"#, r#"{"t":"ping"}"#, "Silent"]);
    let mut alive = Bench::open();
    for _ in 0..10 {
        alive.now = alive.session.deadline();
        alive.session.on_tick(alive.now);
        alive.text(r#"{"t":"pong"}"#);
        assert_eq!(alive.drain(), [r#"{"t":"ping"}"#]);
    }
}

#[test]
fn whoever_does_not_say_hello_is_sent_away() {
    let mut bench = Bench::from(Some(OURS));
    bench.now = bench.session.deadline();
    bench.session.on_tick(bench.now);
    assert_eq!(bench.drain(), ["Barred"]);
}

#[test]
fn leaving_waits_for_what_was_said_before_it() {
    let mut bench = Bench::open();
    bench.say(1);
    bench.text(r#"{"t":"leave"}"#);
    assert_eq!(bench.drain(), ["say 1"]);
    let after = bench.said(1, 1);
    assert!(
        after.contains(&"leave".to_owned()),
        "asked as soon as the message is on disk: {after:?}"
    );
    assert!(
        bench
            .answer(conversation(1, [0, 1]))
            .iter()
            .all(|o| o.contains(r#""t":"line""#))
    );
    assert_eq!(bench.session.watching(), Some((epoch(1), Revision(1))));
}

#[test]
fn a_conversation_that_cannot_be_read_now_is_asked_for_again() {
    let mut bench = Bench::open();
    bench.session.on_ring();
    bench.drain();
    assert!(
        bench
            .answer(Answer::Resumed(Err(ChatError::Unavailable)))
            .is_empty()
    );
    bench.now = bench.session.deadline();
    bench.session.on_tick(bench.now);
    assert_eq!(bench.drain(), ["resume None"]);
}
