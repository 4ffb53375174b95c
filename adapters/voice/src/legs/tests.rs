//! The board with a peer whose messages are written by hand and a media engine that only remembers.

use std::cell::RefCell;
use std::rc::Rc;

use rapport_domain::port::voice::{DialTarget, Refusal, VoiceCommand};

use super::*;
use crate::sip::digest::Credential;
use crate::sip::overload::Rate;

mod acknowledging;
mod gate;
mod phones;
mod relay;

#[derive(Clone, Default)]
struct Wires(Rc<RefCell<Vec<String>>>);

impl Engine for Wires {
    fn open(&self, _leg: LegId) -> Result<u16, NoPorts> {
        let mut log = self.0.borrow_mut();
        if log.iter().any(|line| line == "full") {
            return Err(NoPorts);
        }
        log.push("open".to_owned());
        Ok(20_000)
    }
    fn set_remote(&self, _leg: LegId, remote: Remote) {
        let Remote {
            addr,
            flow,
            codec,
            send,
            receive,
            ..
        } = remote;
        self.0.borrow_mut().push(format!(
            "remote {addr} from {} {codec:?} send={send} receive={receive}",
            flow.unwrap()
        ));
    }
    fn play(&self, _leg: LegId, sound: Sound) {
        self.0.borrow_mut().push(format!("play {sound:?}"));
    }
    fn bridge(&self, _a: LegId, _b: LegId) {
        self.0.borrow_mut().push("bridge".to_owned());
    }
    fn close(&self, _leg: LegId) {
        self.0.borrow_mut().push("close".to_owned());
    }
}

struct NoPhones;

impl PhoneBook for NoPhones {
    fn credential(&self, _user: &str) -> Option<Credential> {
        None
    }
}

const TRUNK: &str = "10.0.0.9:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";

/// What the engine is told of a peer that described itself so.
const REMOTE: &str = "remote 10.0.0.9:4000 from 10.0.0.9 Pcma send=true receive=true";

struct Scene {
    board: Switchboard<Wires>,
    wires: Wires,
    now: Instant,
    calls: u32,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::knowing(Arc::new(NoPhones), limits)
    }

    fn knowing(phones: Arc<dyn PhoneBook>, limits: Limits) -> Self {
        let (wires, now) = (Wires::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        let trunk = |name: &str, ip: &str, port| KnownTrunk {
            name: name.to_owned(),
            host: ip.to_owned(),
            addresses: vec![ip.parse().unwrap()],
            port,
        };
        let settings = Settings {
            identity: Identity {
                address: SocketAddr::new(address, 5060),
                user: "rapport".to_owned(),
                product: "test",
            },
            media_address: address,
            loopback: false,
            realm: "rapport".to_owned(),
            algorithms: vec![Algorithm::Md5],
            trunks: vec![
                trunk("city", "10.0.0.9", None),
                trunk("strict", "10.0.0.8", Some(5080)),
            ],
            limits,
            expiry: Expiry::default(),
            seed: [3; 32],
        };
        let board = Switchboard::new(settings, wires.clone(), phones, Arc::default(), now);
        Self {
            board,
            wires,
            now,
            calls: 0,
        }
    }

    fn hear(&mut self, text: &str, source: &str) {
        self.board.receive(
            text.as_bytes(),
            source.parse().unwrap(),
            Pressure::default(),
            self.now,
        );
    }

    fn request(&self, method: &str, cseq: u32, to_tag: &str, body: &str) -> String {
        let call = self.calls;
        format!(
            "{method} sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{call}x{cseq}{}\r\n\
             From: <sip:+49170@10.0.0.9>;tag=f{call}\r\nTo: <sip:4930@192.0.2.1>{to_tag}\r\nCall-ID: call{call}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:x@10.0.0.9:5060>\r\nContent-Length: {}\r\n\r\n{body}",
            if method == "ACK" { "ack" } else { "" },
            body.len(),
        )
    }

    fn offered(&mut self, body: &str) -> LegId {
        self.calls += 1;
        let invite = self.request("INVITE", 1, "", body);
        self.hear(&invite, TRUNK);
        match self.events().pop() {
            Some(VoiceEvent::Incoming { leg, .. }) => leg,
            other => panic!("{other:?}"),
        }
    }

    fn events(&mut self) -> Vec<VoiceEvent> {
        std::iter::from_fn(|| self.board.next_event()).collect()
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.board.next_send())
            .map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap())
            .collect()
    }

    fn command(&mut self, command: VoiceCommand) {
        self.board.command(command, self.now);
    }

    fn media(&self) -> Vec<String> {
        std::mem::take(&mut self.wires.0.borrow_mut())
    }

    /// Answers the last offered call and acknowledges; answers with the parameter that names our tag.
    fn answered(&mut self, leg: LegId) -> String {
        let tag = self.answered_only(leg);
        let ack = self.request("ACK", 1, &tag, "");
        self.hear(&ack, TRUNK);
        tag
    }

    /// Answers the last offered call; its caller has not acknowledged yet.
    fn answered_only(&mut self, leg: LegId) -> String {
        self.sent();
        self.command(VoiceCommand::Answer {
            leg,
            sound: Sound::QueueMusic,
        });
        tag_of(&self.sent().concat())
    }
}

/// The parameter that carries our tag.
fn tag_of(ok: &str) -> String {
    let to = ok.lines().find(|line| line.starts_with("To:")).unwrap();
    to[to.find(";tag=").unwrap()..].to_owned()
}

#[test]
fn nothing_but_trying_is_sent_until_the_hub_decides() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let sent = scene.sent();
    assert!(
        sent.len() == 1 && sent[0].starts_with("SIP/2.0 100 "),
        "{sent:?}"
    );
    assert!(
        scene.media().is_empty(),
        "no port is taken for a call that may be refused"
    );
    scene.answered(leg);
    assert_eq!(scene.media(), ["open", "play QueueMusic", REMOTE]);
}

#[test]
fn each_refusal_has_its_status_and_ends_the_leg_once() {
    for (reason, status) in [
        (Refusal::UnknownAccessPoint, "404"),
        (Refusal::Closed, "480"),
        (Refusal::Overloaded, "503"),
    ] {
        let mut scene = Scene::new();
        let leg = scene.offered(SDP);
        scene.sent();
        scene.command(VoiceCommand::Refuse { leg, reason });
        scene.command(VoiceCommand::Refuse { leg, reason });
        scene.command(VoiceCommand::HangUp { leg });
        let sent = scene.sent();
        assert!(
            sent.len() == 1 && sent[0].starts_with(&format!("SIP/2.0 {status} ")),
            "{sent:?}"
        );
        assert_eq!(
            sent[0].contains("Retry-After: "),
            reason == Refusal::Overloaded
        );
        assert_eq!(
            scene.events(),
            [VoiceEvent::Ended {
                leg,
                why: LegEnd::HungUp
            }]
        );
    }
}

#[test]
fn hold_stops_what_we_send_and_resuming_starts_it_again() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let tag = scene.answered(leg);
    scene.media();
    scene.sent();
    for (cseq, theirs, ours, flow) in [
        (
            2,
            "a=sendonly\r\n",
            "a=recvonly\r\n",
            "send=false receive=true",
        ),
        (
            3,
            "a=inactive\r\n",
            "a=inactive\r\n",
            "send=false receive=false",
        ),
        (
            4,
            "a=sendrecv\r\n",
            "a=sendrecv\r\n",
            "send=true receive=true",
        ),
    ] {
        let invite = scene.request("INVITE", cseq, &tag, &format!("{SDP}{theirs}"));
        scene.hear(&invite, TRUNK);
        let answer = scene.sent().concat();
        assert!(
            answer.starts_with("SIP/2.0 200 ") && answer.contains(ours),
            "{answer}"
        );
        assert!(
            answer.contains(&format!(" {cseq} IN IP4")),
            "the version grows: {answer}"
        );
        let remote = format!("remote 10.0.0.9:4000 from 10.0.0.9 Pcma {flow}");
        assert_eq!(scene.media(), [remote]);
        let ack = scene.request("ACK", cseq, &tag, "");
        scene.hear(&ack, TRUNK);
    }
    assert!(scene.events().is_empty());
}

#[test]
fn an_invite_without_an_offer_gets_ours_and_its_media_starts_with_the_ack() {
    let mut scene = Scene::new();
    let leg = scene.offered("");
    scene.sent();
    scene.command(VoiceCommand::Answer {
        leg,
        sound: Sound::Ringback,
    });
    let ok = scene.sent().concat();
    assert!(ok.contains("m=audio 20000 RTP/AVP 0 8 101"), "{ok}");
    assert_eq!(scene.media(), ["open", "play Ringback"]);
    let ack = scene.request("ACK", 1, &tag_of(&ok), SDP);
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), [REMOTE]);
}

#[test]
fn a_caller_who_gives_up_is_told_once_whatever_the_hub_does_then() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let cancel = scene.request("CANCEL", 1, "", "");
    scene.hear(&cancel, TRUNK);
    assert_eq!(
        scene.events(),
        [VoiceEvent::Ended {
            leg,
            why: LegEnd::CallerGaveUp
        }]
    );
    scene.command(VoiceCommand::Answer {
        leg,
        sound: Sound::Silence,
    });
    scene.command(VoiceCommand::HangUp { leg });
    assert!(scene.events().is_empty() && scene.media().is_empty());
}
