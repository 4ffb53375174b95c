//! Two endpoints over a network that loses, doubles and delays as each test says.

use std::time::Duration;

use super::*;
use crate::sip::message::{Method, parse};

mod inside;

type Rule = Box<dyn FnMut(&Parsed) -> Vec<Duration>>;

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    heard: Vec<Event>,
}

/// Side 0 calls side 1.
struct World {
    sides: [Side; 2],
    now: Instant,
    /// When, who sent, what.
    flying: Vec<(Instant, usize, Bytes)>,
    /// Decides the delays at which copies of a message arrive; none is a loss.
    rule: Rule,
    log: Vec<(usize, String)>,
}

fn side(port: u16, seed: u8) -> Side {
    let address = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
    let identity = Identity {
        address,
        user: format!("u{port}"),
        product: "test",
    };
    let endpoint = Endpoint::new(identity, Tokens::new([seed; 32]), None, Arc::default());
    Side {
        endpoint,
        address,
        heard: Vec::new(),
    }
}

/// What a message is, for rules and logs: `INVITE`, `200 INVITE`.
fn name(parsed: &Parsed) -> String {
    match &parsed.message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => format!("{} {}", response.status, parsed.basics.cseq.method),
    }
}

fn fast() -> Vec<Duration> {
    vec![Duration::from_millis(1)]
}

impl World {
    fn new() -> Self {
        Self {
            sides: [side(5_001, 1), side(5_002, 2)],
            now: Instant::now(),
            flying: Vec::new(),
            rule: Box::new(|_| fast()),
            log: Vec::new(),
        }
    }

    /// Loses the first `count` messages of this name.
    fn losing(mut self, lost: &'static str, mut count: usize) -> Self {
        self.rule = Box::new(move |parsed| {
            if name(parsed) == lost && count > 0 {
                count -= 1;
                return Vec::new();
            }
            fast()
        });
        self
    }

    fn dial(&mut self) -> CallId {
        let to = self.sides[1].address;
        let invite = Invite {
            target: Uri::sip("b", to),
            to,
            from_user: "a".to_owned(),
            sdp: b"offer".to_vec(),
            reach: Reach::Contact,
        };
        let call = self.sides[0].endpoint.invite(invite, self.now);
        self.collect();
        call
    }

    fn collect(&mut self) {
        for (at, side) in self.sides.iter_mut().enumerate() {
            while let Some(output) = side.endpoint.next_output() {
                match output {
                    Output::Event(event) => side.heard.push(event),
                    Output::Send { bytes, .. } => {
                        let parsed = parse(&bytes).expect("we write what we can read");
                        self.log.push((at, name(&parsed)));
                        for delay in (self.rule)(&parsed) {
                            self.flying.push((self.now + delay, at, bytes.clone()));
                        }
                    }
                }
            }
        }
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.collect();
            let arrival = self.flying.iter().map(|(at, ..)| *at).min();
            let timers = self
                .sides
                .iter()
                .filter_map(|side| side.endpoint.deadline())
                .min();
            let Some(next) = arrival
                .into_iter()
                .chain(timers)
                .min()
                .filter(|next| *next <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            let (due, later) = self.flying.drain(..).partition(|(at, ..)| *at <= self.now);
            self.flying = later;
            for (_, from, bytes) in due {
                let source = self.sides[from].address;
                self.sides[1 - from]
                    .endpoint
                    .receive(parse(&bytes).unwrap(), source, self.now);
            }
            for side in &mut self.sides {
                side.endpoint.tick(self.now);
            }
        }
        self.now = end;
    }

    fn short(&mut self) {
        self.run(Duration::from_millis(50));
    }

    fn incoming(&self) -> CallId {
        let call = self.sides[1].heard.iter().find_map(|event| match event {
            Event::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        call.expect("an incoming call")
    }

    fn answer(&mut self) -> CallId {
        let call = self.incoming();
        self.sides[1]
            .endpoint
            .answer(call, b"answer".to_vec(), Reach::Contact, self.now);
        call
    }

    fn talking(mut self) -> (Self, CallId, CallId) {
        let ours = self.dial();
        self.short();
        let theirs = self.answer();
        self.short();
        (self, ours, theirs)
    }

    fn ends(&self, side: usize) -> Vec<CallEnd> {
        self.sides[side]
            .heard
            .iter()
            .filter_map(|event| match event {
                Event::Ended { why, .. } => Some(*why),
                _ => None,
            })
            .collect()
    }

    fn answered(&self) -> usize {
        self.sides[0]
            .heard
            .iter()
            .filter(|event| matches!(event, Event::Answered { .. }))
            .count()
    }

    fn sent(&self, side: usize, what: &str) -> usize {
        self.log
            .iter()
            .filter(|(from, name)| *from == side && name == what)
            .count()
    }

    /// After a minute nobody remembers anything: no call, no transaction, no timer.
    fn is_forgotten(&mut self) {
        self.run(Duration::from_secs(70));
        for side in &self.sides {
            let endpoint = &side.endpoint;
            assert_eq!((endpoint.calls.len(), endpoint.dialogs.len()), (0, 0));
            assert_eq!((endpoint.servers.len(), endpoint.clients.len()), (0, 0));
            assert_eq!(endpoint.deadline(), None);
        }
    }
}

#[test]
fn a_call_is_answered_and_hung_up() {
    let (mut world, ours, _) = World::new().talking();
    assert_eq!(world.answered(), 1);
    world.sides[0].endpoint.hang_up(ours, world.now);
    world.short();
    assert_eq!(world.ends(1), [CallEnd::PeerHungUp]);
    assert!(world.ends(0).is_empty(), "who hangs up knows");
    world.is_forgotten();
}

#[test]
fn every_single_message_may_be_lost_and_the_call_still_works() {
    for lost in [
        "INVITE",
        "100 INVITE",
        "200 INVITE",
        "ACK",
        "BYE",
        "200 BYE",
    ] {
        let mut world = World::new().losing(lost, 2);
        world.dial();
        world.run(Duration::from_secs(5));
        let theirs = world.answer();
        world.run(Duration::from_secs(5));
        assert_eq!(world.answered(), 1, "{lost}");
        world.sides[1].endpoint.hang_up(theirs, world.now);
        world.run(Duration::from_secs(5));
        assert_eq!(world.ends(0), [CallEnd::PeerHungUp], "{lost}");
        world.is_forgotten();
    }
}

#[test]
fn doubled_and_reordered_messages_change_nothing() {
    let mut world = World::new();
    let mut count = 0;
    world.rule = Box::new(move |_| {
        count += 1;
        vec![
            Duration::from_millis(1 + count * 7 % 30),
            Duration::from_millis(5 + count * 11 % 60),
        ]
    });
    let ours = world.dial();
    world.run(Duration::from_millis(300));
    world.answer();
    world.run(Duration::from_secs(2));
    assert_eq!(world.answered(), 1);
    world.sides[0].endpoint.hang_up(ours, world.now);
    world.run(Duration::from_secs(2));
    assert_eq!(world.ends(1), [CallEnd::PeerHungUp]);
    let calls = world.sides[1]
        .heard
        .iter()
        .filter(|event| matches!(event, Event::Incoming { .. }))
        .count();
    assert_eq!(calls, 1);
    world.is_forgotten();
}

#[test]
fn a_cancelled_dial_ends_on_the_other_side() {
    let mut world = World::new();
    let ours = world.dial();
    world.short();
    world.sides[1].endpoint.ring(world.incoming(), world.now);
    world.short();
    world.sides[0].endpoint.hang_up(ours, world.now);
    world.short();
    assert_eq!(world.ends(1), [CallEnd::CallerGaveUp]);
    assert_eq!(
        (
            world.sent(1, "200 CANCEL"),
            world.sent(1, "487 INVITE"),
            world.sent(0, "ACK")
        ),
        (1, 1, 1)
    );
    world.is_forgotten();
}

#[test]
fn a_dial_given_up_before_any_response_is_cancelled_when_one_comes() {
    let mut world = World::new().losing("100 INVITE", 1);
    let ours = world.dial();
    world.short();
    world.sides[0].endpoint.hang_up(ours, world.now);
    world.short();
    assert_eq!(world.sent(0, "CANCEL"), 0, "nothing is known to be there");
    world.run(Duration::from_secs(2));
    assert_eq!(world.sent(0, "CANCEL"), 1);
    assert_eq!(world.ends(1), [CallEnd::CallerGaveUp]);
    world.is_forgotten();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut world = World::new();
    let ours = world.dial();
    world.short();
    world.answer();
    world.sides[0].endpoint.hang_up(ours, world.now);
    world.run(Duration::from_secs(1));
    assert_eq!(
        (world.answered(), world.sent(0, "ACK"), world.sent(0, "BYE")),
        (0, 1, 1)
    );
    assert_eq!(world.ends(1), [CallEnd::PeerHungUp]);
    world.is_forgotten();
}

#[test]
fn an_answer_nobody_acknowledges_is_repeated_and_then_hung_up() {
    let mut world = World::new().losing("ACK", usize::MAX);
    world.dial();
    world.short();
    world.answer();
    world.run(Duration::from_secs(40));
    assert_eq!(world.ends(1), [CallEnd::NeverAcknowledged]);
    assert!(world.sent(1, "200 INVITE") >= 8 && world.sent(1, "BYE") == 1);
    assert_eq!(world.ends(0), [CallEnd::PeerHungUp]);
    world.is_forgotten();
}

#[test]
fn a_hang_up_waits_for_the_ack_of_the_answer() {
    let mut world = World::new().losing("200 INVITE", 1);
    world.dial();
    world.short();
    let theirs = world.answer();
    world.short();
    world.sides[1].endpoint.hang_up(theirs, world.now);
    world.short();
    assert_eq!(world.sent(1, "BYE"), 0);
    world.run(Duration::from_secs(2));
    assert_eq!(world.sent(1, "BYE"), 1);
    assert_eq!(world.ends(0), [CallEnd::PeerHungUp]);
    assert!(world.ends(1).is_empty());
    world.is_forgotten();
}

#[test]
fn a_second_answer_from_another_fork_is_acknowledged_and_hung_up_once() {
    let (mut world, _, _) = World::new().talking();
    let (ok, from) = last_invite_ok(&mut world);
    let fork = String::from_utf8(ok.to_vec()).unwrap();
    let tag = fork
        .lines()
        .find(|line| line.starts_with("To:"))
        .unwrap()
        .split("tag=")
        .nth(1)
        .unwrap()
        .to_owned();
    let fork = fork.replace(&tag, "another-fork");
    for _ in 0..3 {
        world.sides[0]
            .endpoint
            .receive(parse(fork.as_bytes()).unwrap(), from, world.now);
    }
    world.collect();
    assert_eq!(world.sent(0, "ACK"), 1 + 1 + 3);
    assert_eq!(world.sent(0, "BYE"), 1);
    assert_eq!(
        world.sides[0].endpoint.calls.len(),
        1,
        "the first answer's call goes on"
    );
}

/// Makes the answered side repeat its 200 and catches it.
fn last_invite_ok(world: &mut World) -> (Bytes, SocketAddr) {
    let dialog = world.sides[1]
        .endpoint
        .calls
        .values()
        .next()
        .unwrap()
        .dialog
        .clone();
    let headers = world.sides[0]
        .endpoint
        .clients
        .values()
        .next()
        .map(|_| ())
        .map(|()| dialog);
    let dialog = headers.unwrap();
    let branch = world.sides[0]
        .endpoint
        .clients
        .keys()
        .next()
        .unwrap()
        .0
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let address = world.sides[0].address;
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {address};branch={branch}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:b@{}>\r\n\r\n",
        dialog.remote, dialog.local, dialog.call_id, world.sides[1].address
    );
    let from = world.sides[1].address;
    world.sides[0]
        .endpoint
        .receive(parse(text.as_bytes()).unwrap(), from, world.now);
    world.collect();
    (text.into_bytes().into(), from)
}

#[test]
fn a_refusal_is_told_with_its_status_and_silence_as_such() {
    let mut world = World::new();
    world.dial();
    world.short();
    world.sides[1]
        .endpoint
        .reject(world.incoming(), 486, &Headers::new(), world.now);
    world.short();
    assert_eq!(world.ends(0), [CallEnd::Rejected(486)]);
    world.is_forgotten();

    let mut world = World::new().losing("INVITE", usize::MAX);
    world.dial();
    world.run(Duration::from_secs(33));
    assert_eq!(world.ends(0), [CallEnd::NoResponse]);
    world.is_forgotten();
}
