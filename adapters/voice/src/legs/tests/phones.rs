//! Phones with their passwords, and strangers who have none.

use std::sync::Mutex;

use rapport_domain::private::Private;

use super::*;
use crate::sip::digest::Credentials;
use crate::sip::message::{Message, Response, parse};

pub(super) const OFFICE: &str = "198.51.100.7:5060";
const NEIGHBOUR: &str = "198.51.100.7:5061";

/// Knows anna, whose password can be changed or taken away.
#[derive(Default)]
pub(super) struct Book(Mutex<Option<String>>);

impl Book {
    fn set(&self, password: Option<&str>) {
        *self.0.lock().unwrap() = password.map(str::to_owned);
    }
}

impl PhoneBook for Book {
    fn credential(&self, user: &str) -> Option<Credential> {
        let password = self.0.lock().unwrap().clone()?;
        (user == "anna").then(|| Credential::Password(Private::new(password)))
    }
}

pub(super) fn office(limits: Limits) -> (Scene, Arc<Book>) {
    let book = Arc::new(Book::default());
    book.set(Some("right"));
    (Scene::knowing(book.clone(), limits), book)
}

impl Scene {
    /// A request of a phone, the next of its series each time; with credentials that answer `challenge`.
    fn phone_request(
        &mut self,
        method: &str,
        user: &str,
        answers: Option<(&str, &Response)>,
        source: &str,
    ) -> String {
        self.calls += 1;
        let n = self.calls;
        let uri = match method {
            "REGISTER" => "sip:192.0.2.1",
            _ => "sip:77@192.0.2.1",
        };
        let bare = |credentials: &str| {
            format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bKp{n}\r\n\
                 From: <sip:{user}@192.0.2.1>;tag=p{n}\r\nTo: <sip:{user}@192.0.2.1>\r\nCall-ID: phone{n}\r\n\
                 CSeq: {n} {method}\r\nContact: <sip:{user}@{source}>\r\n{credentials}Content-Length: 0\r\n\r\n"
            )
        };
        let Some((password, challenge)) = answers else {
            return bare("");
        };
        let Message::Request(request) = parse(bare("").as_bytes()).unwrap().message else {
            panic!("a request")
        };
        let mut phone = Credentials::new(user, Private::new(password.to_owned()));
        let (name, value) = phone
            .answer(challenge, &request, || "c".to_owned())
            .unwrap();
        bare(&format!("{name}: {value}\r\n"))
    }

    /// Sends it; the responses.
    fn asked(&mut self, request: &str, source: &str) -> Vec<Response> {
        self.hear(request, source);
        self.sent()
            .iter()
            .map(|text| match parse(text.as_bytes()).unwrap().message {
                Message::Response(response) => response,
                Message::Request(request) => panic!("{}", request.method),
            })
            .collect()
    }

    fn challenge(&mut self, method: &str, source: &str) -> Response {
        let request = self.phone_request(method, "anna", None, source);
        self.asked(&request, source).pop().expect("a challenge")
    }

    /// The status that a REGISTER with this password, answering this challenge, gets; none when it is dropped.
    fn registers(&mut self, password: &str, challenge: &Response, source: &str) -> Option<u16> {
        let answers = Some((password, challenge));
        let request = self.phone_request("REGISTER", "anna", answers, source);
        self.asked(&request, source).pop().map(|last| last.status)
    }

    pub(super) fn registered(&mut self, password: &str, source: &str) {
        let challenge = self.challenge("REGISTER", source);
        assert_eq!(self.registers(password, &challenge, source), Some(200));
        assert!(matches!(
            self.events().pop(),
            Some(VoiceEvent::PhoneRegistered { .. })
        ));
    }

    fn dials_anna(&mut self, name: &str) -> (LegId, Vec<String>) {
        let leg = LegId::derived(uuid::Uuid::nil(), name);
        self.command(VoiceCommand::Dial {
            leg,
            target: DialTarget::RegisteredPhone {
                user: "anna".to_owned(),
                via: None,
            },
            from_user: "1".to_owned(),
            ring_for: Duration::from_secs(9),
            sound: Sound::Silence,
        });
        (leg, self.sent())
    }
}

#[test]
fn a_forged_source_cannot_have_an_office_locked_out() {
    let (mut scene, _) = office(Limits::default());
    let theirs = scene.challenge("REGISTER", "203.0.113.9:5060");
    let mut made_up = theirs.clone();
    made_up.headers.set(
        "WWW-Authenticate",
        "Digest realm=\"rapport\", nonce=\"0\", algorithm=MD5, qop=\"auth\"",
    );
    for challenge in [&theirs, &made_up] {
        for password in ["guess", "right"].repeat(50) {
            let status = scene.registers(password, challenge, OFFICE);
            assert_eq!(status, Some(401), "the same whether it was right");
        }
    }
    assert_eq!(scene.board.counters.auth_failures.get(), 0);
    scene.registered("right", NEIGHBOUR);
}

#[test]
fn a_source_that_reads_our_challenges_and_guesses_is_turned_away_and_then_gets_no_free_answers() {
    let limits = Limits {
        auth_failures: 3,
        strangers: Rate {
            per_second: 1,
            burst: 4,
        },
        ..Limits::default()
    };
    let (mut scene, _) = office(limits);
    let challenge = scene.challenge("REGISTER", OFFICE);
    let guess = |scene: &mut Scene| scene.registers("guess", &challenge, OFFICE);
    for _ in 0..3 {
        assert_eq!(guess(&mut scene), Some(401));
    }
    assert_eq!(scene.board.counters.auth_failures.get(), 3);
    for _ in 0..3 {
        assert_eq!(guess(&mut scene), Some(403));
    }
    assert_eq!(guess(&mut scene), None, "as little as any stranger");
}

#[test]
fn strangers_get_answers_up_to_a_rate_and_the_rest_is_dropped_and_counted() {
    let limits = Limits {
        strangers: Rate {
            per_second: 10,
            burst: 5,
        },
        ..Limits::default()
    };
    let (mut scene, _) = office(limits);
    scene.registered("right", OFFICE);
    let mut answered = 0;
    for n in 0..40 {
        let source = format!("203.0.113.{n}:5060");
        let method = [
            "INVITE",
            "REGISTER",
            "OPTIONS",
            "BYE",
            "CANCEL",
            "SUBSCRIBE",
        ][n % 6];
        let mut request = scene.phone_request(method, "eve", None, &source);
        if n % 7 == 0 {
            request = request.replacen("SIP/2.0", "SIP/3.0", 1); // malformed: 505
        }
        answered += scene.asked(&request, &source).len();
    }
    assert_eq!(answered, 4, "the phone's own first REGISTER took one");
    assert_eq!(scene.board.counters.strangers_dropped.get(), 36);
    // Trunks, phones and whoever answers a challenge are served all the same.
    let options = scene.phone_request("OPTIONS", "anna", None, OFFICE);
    assert_eq!(scene.asked(&options, OFFICE)[0].status, 200);
    assert_eq!(scene.challenge("REGISTER", OFFICE).status, 401);
    scene.offered(SDP);
    assert!(scene.sent()[0].starts_with("SIP/2.0 100 "));
    scene.now += Duration::from_millis(100);
    let challenge = scene.challenge("REGISTER", "203.0.113.1:5060");
    let status = scene.registers("right", &challenge, "203.0.113.1:5060");
    assert_eq!(status, Some(200));
}

#[test]
fn a_dialled_stranger_is_heard_inside_its_call() {
    let limits = Limits {
        strangers: Rate {
            per_second: 1,
            burst: 1,
        },
        ..Limits::default()
    };
    let (mut scene, _) = office(limits);
    let peer = "203.0.113.5:5060";
    let leg = LegId::derived(uuid::Uuid::nil(), "dial");
    scene.command(VoiceCommand::Dial {
        leg,
        target: DialTarget::Address {
            uri: format!("sip:x@{peer}"),
        },
        from_user: "1".to_owned(),
        ring_for: Duration::from_secs(9),
        sound: Sound::Silence,
    });
    let invite = scene.sent().pop().unwrap();
    let line = |name: &str| {
        let line = invite.lines().find(|line| line.starts_with(name));
        line.unwrap().to_owned()
    };
    let (from, to, call_id) = (line("From:"), line("To:"), line("Call-ID:"));
    let ok = format!(
        "SIP/2.0 200 OK\r\n{}\r\n{from}\r\n{to};tag=x\r\n{call_id}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:x@{peer}>\r\nContent-Length: {}\r\n\r\n{SDP}",
        line("Via:"),
        SDP.len()
    );
    scene.hear(&ok, peer);
    scene.events();
    scene.sent();
    while scene.board.strangers.take(scene.now) {}
    let (from, to) = (from.replace("From:", "To:"), to.replace("To:", "From:"));
    let bye = format!(
        "BYE sip:rapport@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bKbye\r\n{from}\r\n{to};tag=x\r\n\
         {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(scene.asked(&bye, peer)[0].status, 200);
    let why = LegEnd::PeerHungUp;
    assert_eq!(scene.events(), [VoiceEvent::Ended { leg, why }]);
}

#[test]
fn registrations_above_their_rate_wait_for_the_phone_to_repeat_them() {
    let limits = Limits {
        registrations: Rate {
            per_second: 1,
            burst: 1,
        },
        ..Limits::default()
    };
    let (mut scene, _) = office(limits);
    scene.registered("right", OFFICE);
    let challenge = scene.challenge("REGISTER", OFFICE);
    let answers = Some(("right", &challenge));
    let refresh = scene.phone_request("REGISTER", "anna", answers, OFFICE);
    assert!(scene.asked(&refresh, OFFICE).is_empty());
    assert_eq!(scene.board.counters.registrations_dropped.get(), 1);
    scene.now += Duration::from_secs(1);
    let repeated = scene.asked(&refresh, OFFICE);
    assert_eq!(repeated[0].status, 200, "its counter was not used up");
}

#[test]
fn a_full_socket_keeps_phones_out_but_no_trunk() {
    let (mut scene, _) = office(Limits::default());
    scene.registered("right", OFFICE);
    let full = Pressure {
        queue_delay: Duration::from_secs(9),
        ..Pressure::default()
    };
    let challenge = scene.challenge("INVITE", OFFICE);
    let answers = Some(("right", &challenge));
    let invite = scene.phone_request("INVITE", "anna", answers, OFFICE);
    for (text, source, status) in [
        (invite, OFFICE, "503"),
        (scene.request("INVITE", 1, "", SDP), TRUNK, "100"),
    ] {
        let source = source.parse().unwrap();
        scene
            .board
            .receive(text.as_bytes(), source, full, scene.now);
        let sent = scene.sent().concat();
        assert!(sent.starts_with(&format!("SIP/2.0 {status} ")), "{sent}");
    }
}

#[test]
fn a_phone_calls_as_its_own_user_whatever_it_claims() {
    let (mut scene, _) = office(Limits::default());
    scene.registered("right", OFFICE);
    let challenge = scene.challenge("INVITE", OFFICE);
    assert_eq!(challenge.status, 407);
    let invite = scene
        .phone_request("INVITE", "anna", Some(("right", &challenge)), OFFICE)
        .replace("From: <sip:anna@", "From: <sip:+49110@")
        .replace(
            "Contact:",
            "P-Asserted-Identity: <sip:+49110@x>\r\nContact:",
        );
    scene.hear(&invite, OFFICE);
    let Some(VoiceEvent::Incoming {
        trunk, from_user, ..
    }) = scene.events().pop()
    else {
        panic!("{:?}", scene.sent())
    };
    assert_eq!((trunk.as_str(), from_user.as_str()), ("phone:anna", "anna"));
}

#[test]
fn a_phone_with_a_changed_or_removed_secret_is_not_dialled_and_gone() {
    for change in [Some("other"), None] {
        let (mut scene, book) = office(Limits::default());
        scene.registered("right", OFFICE);
        let (leg, sent) = scene.dials_anna("before");
        assert!(sent.concat().starts_with("INVITE sip:anna@198.51.100.7"));
        scene.command(VoiceCommand::HangUp { leg });
        scene.events();
        book.set(change);
        let (leg, sent) = scene.dials_anna("after");
        assert!(sent.is_empty(), "{sent:?}");
        let user = "anna".to_owned();
        let why = LegEnd::Unreachable;
        assert_eq!(
            scene.events(),
            [
                VoiceEvent::PhoneGone { user },
                VoiceEvent::Ended { leg, why }
            ]
        );
        if let Some(password) = change {
            scene.registered(password, OFFICE);
            let (_, sent) = scene.dials_anna("again");
            assert!(sent.concat().starts_with("INVITE "));
        }
    }
}

#[test]
fn a_dial_to_a_phone_of_another_node_goes_there_once_that_node_is_known() {
    let (mut scene, _) = office(Limits::default());
    let peer: SocketAddr = "10.0.0.21:5060".parse().unwrap();
    let dial = |scene: &mut Scene, name: &str| {
        scene.command(VoiceCommand::Dial {
            leg: LegId::derived(uuid::Uuid::nil(), name),
            target: DialTarget::RegisteredPhone {
                user: "anna".to_owned(),
                via: Some(peer),
            },
            from_user: "1".to_owned(),
            ring_for: Duration::from_secs(9),
            sound: Sound::Silence,
        });
    };
    dial(&mut scene, "to a stranger");
    assert_eq!(scene.sent(), Vec::<String>::new());
    let why = LegEnd::Unreachable;
    assert!(matches!(scene.events()[..], [VoiceEvent::Ended { why: said, .. }] if said == why));
    scene.command(VoiceCommand::Peers(vec![peer]));
    dial(&mut scene, "to a node");
    let sent: Vec<_> = std::iter::from_fn(|| scene.board.next_send()).collect();
    assert_eq!(sent[0].0, peer);
    let invite = String::from_utf8_lossy(&sent[0].1).into_owned();
    assert!(
        invite.starts_with("INVITE sip:anna@10.0.0.21:5060 SIP/2.0"),
        "{invite}"
    );
}
