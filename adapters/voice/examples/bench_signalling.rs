//! What a message costs the signalling thread, without the socket: a whole call of a trunk, a stranger's request that
//! is refused, and one that is dropped because strangers had too many answers already.
//!
//! `cargo run --release -p rapport-voice --example bench_signalling`

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{Sound, VoiceCommand, VoiceEvent};
use rapport_voice::legs::{Engine, KnownTrunk, Pressure, Settings, Switchboard};
use rapport_voice::media::{NoPorts, Remote};
use rapport_voice::sip::endpoint::Identity;
use rapport_voice::sip::overload::{Limits, Rate};
use rapport_voice::{Algorithm, Credential, PhoneBook};

const CALLS: u32 = 20_000;
const STRANGERS: u32 = 200_000;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";

struct NoMedia;

impl Engine for NoMedia {
    fn open(&self, _leg: LegId) -> Result<u16, NoPorts> {
        Ok(20_000)
    }
    fn set_remote(&self, _leg: LegId, _remote: Remote) {}
    fn play(&self, _leg: LegId, _sound: Sound) {}
    fn bridge(&self, _a: LegId, _b: LegId) {}
    fn close(&self, _leg: LegId) {}
}

struct NoPhones;

impl PhoneBook for NoPhones {
    fn credential(&self, _user: &str) -> Option<Credential> {
        None
    }
}

struct Bench {
    board: Switchboard<NoMedia>,
    trunk: SocketAddr,
    now: Instant,
}

fn request(method: &str, n: u32, cseq: u32, tag: &str, body: &str) -> String {
    format!(
        "{method} sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{n}{method}\r\n\
         From: <sip:+49170@10.0.0.9>;tag=f{n}\r\nTo: <sip:4930@192.0.2.1>{tag}\r\nCall-ID: call{n}\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:x@10.0.0.9:5060>\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Bench {
    fn new(answers: u32) -> Self {
        let now = Instant::now();
        let trunk = SocketAddr::from(([10, 0, 0, 9], 5060));
        let address = SocketAddr::from(([192, 0, 2, 1], 5060));
        let all = Rate {
            per_second: u32::MAX,
            burst: u32::MAX,
        };
        let settings = Settings {
            identity: Identity {
                address,
                user: "rapport".to_owned(),
                product: "bench",
            },
            media_address: address.ip(),
            loopback: false,
            realm: "rapport".to_owned(),
            algorithms: vec![Algorithm::Md5],
            trunks: vec![KnownTrunk {
                name: "city".to_owned(),
                host: "10.0.0.9".to_owned(),
                addresses: vec![trunk.ip()],
                port: None,
            }],
            limits: Limits {
                per_trunk: all,
                total: all,
                strangers: Rate {
                    per_second: 1,
                    burst: answers,
                },
                ..Limits::default()
            },
            expiry: Default::default(),
            seed: [3; 32],
        };
        let board = Switchboard::new(settings, NoMedia, Arc::new(NoPhones), Arc::default(), now);
        Self { board, trunk, now }
    }

    fn hear(&mut self, text: &str, source: SocketAddr) -> Option<Vec<u8>> {
        let pressure = Pressure::default();
        self.board
            .receive(text.as_bytes(), source, pressure, self.now);
        self.sent()
    }

    /// The last message of those to send.
    fn sent(&mut self) -> Option<Vec<u8>> {
        std::iter::from_fn(|| self.board.next_send())
            .last()
            .map(|(_, bytes)| bytes.to_vec())
    }

    /// INVITE, 100, 200, ACK, BYE, 200; half a minute passes for every hundred calls, so transactions end too.
    fn call(&mut self, n: u32) -> Option<()> {
        let trunk = self.trunk;
        self.hear(&request("INVITE", n, 1, "", SDP), trunk)?;
        let VoiceEvent::Incoming { leg, .. } = self.board.next_event()? else {
            return None;
        };
        let sound = Sound::QueueMusic;
        let answer = VoiceCommand::Answer { leg, sound };
        self.board.command(answer, self.now);
        let ok = String::from_utf8(self.sent()?).ok()?;
        let to = ok.lines().find(|line| line.starts_with("To:"))?;
        let tag = to.get(to.find(";tag=")?..)?;
        self.hear(&request("ACK", n, 1, tag, ""), trunk);
        self.hear(&request("BYE", n, 2, tag, ""), trunk)?;
        while self.board.next_event().is_some() {}
        self.now += Duration::from_millis(330);
        self.board.tick(self.now);
        Some(())
    }
}

fn each(began: Instant, count: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}

fn main() -> Result<(), &'static str> {
    let mut bench = Bench::new(1);
    let began = Instant::now();
    for n in 0..CALLS {
        bench.call(n).ok_or("a call did not go its way")?;
    }
    println!("a call of a trunk: {:.1} µs", each(began, CALLS));

    for (what, answers) in [("refused", STRANGERS), ("dropped", 1)] {
        let mut bench = Bench::new(answers);
        let stranger = SocketAddr::from(([203, 0, 113, 1], 5060));
        let text = request("INVITE", 1, 1, "", SDP);
        let began = Instant::now();
        let answered = (0..STRANGERS)
            .filter(|_| black_box(bench.hear(&text, stranger)).is_some())
            .count();
        let cost = each(began, STRANGERS);
        if answered != answers as usize {
            return Err("strangers got another number of answers than allowed");
        }
        println!("an INVITE of a stranger, {what}: {cost:.2} µs");
    }
    Ok(())
}
