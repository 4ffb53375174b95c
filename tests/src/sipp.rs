//! SIPp as callers and as phones, with the scenarios of `tests/sipp`. What it sent and received is read from its trace.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::ports;
use crate::process::Process;
use crate::wait;

/// SIPp ends itself after this long, whatever a test forgot.
const LIMIT: &str = "120s";

/// What SIPp plays.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// One caller who stays.
    Caller,
    /// A phone that answers.
    Phone,
    /// A phone that nobody answers.
    SilentPhone,
    /// Many callers.
    Crowd,
}

impl Scenario {
    fn file(self) -> PathBuf {
        let name = match self {
            Self::Caller => "caller.xml",
            Self::Phone => "phone.xml",
            Self::SilentPhone => "silent-phone.xml",
            Self::Crowd => "crowd.xml",
        };
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("sipp")
            .join(name)
    }
}

/// What a SIPp is started with.
#[derive(Clone, Debug)]
pub struct Plan {
    scenario: Scenario,
    port: u16,
    who: String,
    sound: u16,
    number: String,
    calls: u32,
    a_second: u32,
    pause: Duration,
}

impl Plan {
    /// One call of this scenario, by or for somebody, with the sound at this port of ours.
    #[must_use]
    pub fn new(scenario: Scenario, who: &str, sound: u16) -> Self {
        Self {
            scenario,
            port: ports::udp(),
            who: who.to_owned(),
            sound,
            number: crate::setup::HOTLINE.to_owned(),
            calls: 1,
            a_second: 10,
            pause: Duration::ZERO,
        }
    }

    /// At this port.
    #[must_use]
    pub const fn at(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Calls this number instead of the hotline.
    #[must_use]
    pub fn calling(mut self, number: &str) -> Self {
        number.clone_into(&mut self.number);
        self
    }

    /// So many calls, so many a second.
    #[must_use]
    pub const fn calls(mut self, calls: u32, a_second: u32) -> Self {
        (self.calls, self.a_second) = (calls, a_second);
        self
    }

    /// How long a phone rings before it answers, or a caller of a crowd stays.
    #[must_use]
    pub const fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Starts SIPp against a hub.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(self, hub: SocketAddr, folder: &Path) -> Sipp {
        let trace = folder.join(format!("sipp-{}.trace", self.port));
        let errors = folder.join(format!("sipp-{}.errors", self.port));
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(self.scenario.file());
        for (name, value) in [
            ("-i", "127.0.0.1".to_owned()),
            ("-p", self.port.to_string()),
            ("-s", self.number),
            ("-m", self.calls.to_string()),
            ("-r", self.a_second.to_string()),
            ("-d", self.pause.as_millis().to_string()),
            ("-cid_str", format!("%u-{}@127.0.0.1", self.port)),
            ("-timeout", LIMIT.to_owned()),
        ] {
            command.arg(name).arg(value);
        }
        command.args([
            "-key",
            "who",
            &self.who,
            "-key",
            "sound_port",
            &self.sound.to_string(),
        ]);
        command
            .args([
                "-nostdin",
                "-trace_msg",
                "-message_overwrite",
                "false",
                "-message_file",
            ])
            .arg(&trace);
        command
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .arg(hub.to_string());
        let process = Process::start(&format!("sipp-{}", self.port), &mut command, folder);
        Sipp {
            process,
            port: self.port,
            trace,
            errors,
        }
    }
}

/// A message in SIPp's trace.
#[derive(Clone, Debug)]
pub struct SipMessage {
    /// Whether SIPp sent it.
    pub sent: bool,
    /// Seconds since 1970.
    pub at: f64,
    /// All of it.
    pub text: String,
}

impl SipMessage {
    /// Its first line.
    #[must_use]
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.text.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known
                .trim()
                .eq_ignore_ascii_case(name)
                .then_some(value.trim())
        });
        found.unwrap_or_default()
    }

    /// The user part of the address in a header.
    #[must_use]
    pub fn user(&self, header: &str) -> &str {
        let address = self
            .header(header)
            .split_once("sip:")
            .map_or("", |(_, rest)| rest);
        address.split_once('@').map_or("", |(user, _)| user)
    }
}

/// A running SIPp.
#[derive(Debug)]
pub struct Sipp {
    process: Process,
    port: u16,
    trace: PathBuf,
    errors: PathBuf,
}

impl Sipp {
    /// Its SIP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it sent and received so far.
    #[must_use]
    pub fn messages(&self) -> Vec<SipMessage> {
        let text = std::fs::read(&self.trace).unwrap_or_default();
        parse(&String::from_utf8_lossy(&text))
    }

    /// Waits for a message from the hub whose first line begins so.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn receives(&self, beginning: &str) -> SipMessage {
        wait::until(&format!("{beginning:?} at SIPp"), || async {
            self.messages()
                .into_iter()
                .find(|message| !message.sent && message.first_line().starts_with(beginning))
        })
        .await
    }

    /// How many messages from the hub begin so.
    #[must_use]
    pub fn received(&self, beginning: &str) -> usize {
        self.messages()
            .iter()
            .filter(|message| !message.sent && message.first_line().starts_with(beginning))
            .count()
    }

    /// Tells SIPp to hang up its only call.
    ///
    /// # Panics
    /// When there is no call.
    pub fn hang_up(&self) {
        let messages = self.messages();
        let call = messages
            .first()
            .expect("a call")
            .header("Call-ID")
            .to_owned();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let from = socket.local_addr().expect("its address");
        let order = format!(
            "MESSAGE sip:x@127.0.0.1:{} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKhangup\r\nFrom: <sip:t@{from}>;tag=t\r\n\
             To: <sip:x@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 900 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.port
        );
        socket
            .send_to(order.as_bytes(), ("127.0.0.1", self.port))
            .expect("sent");
    }

    /// Waits until all its calls are over as the scenario wants.
    ///
    /// # Panics
    /// When they are not, or not in time.
    pub async fn succeeds(&mut self) {
        let status = self.process.end(wait::PATIENCE).await;
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(
            status.success(),
            "SIPp ended with {status}; its errors:\n{errors}\n{:#?}",
            self.messages()
        );
    }

    /// Waits until all its calls are over, however they went.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn ends(&mut self) {
        self.process.end(wait::PATIENCE).await;
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- SIPp at port {} saw:", self.port);
            for message in self.messages() {
                let (way, first, sequence) = (
                    if message.sent { ">" } else { "<" },
                    message.first_line(),
                    message.header("CSeq"),
                );
                eprintln!("{way} {:.3} {first} ({sequence})", message.at);
            }
            eprintln!(
                "{}",
                std::fs::read_to_string(&self.errors).unwrap_or_default()
            );
        }
    }
}

/// The trace: a line of dashes with the moment, a line that says the direction and the size, an empty line, the message.
fn parse(trace: &str) -> Vec<SipMessage> {
    let mut messages = Vec::new();
    for part in trace
        .split("-----------------------------------------------")
        .skip(1)
    {
        let mut lines = part.splitn(3, '\n');
        let (Some(moment), Some(kind), Some(rest)) = (lines.next(), lines.next(), lines.next())
        else {
            continue;
        };
        // The message may be on its way into the file.
        let size = kind
            .split(['[', '('])
            .nth(1)
            .and_then(|size| size.split(' ').next()?.parse::<usize>().ok());
        let text = rest.trim_start_matches(['\r', '\n']);
        if size.is_none_or(|size| text.len() >= size) {
            messages.push(SipMessage {
                sent: kind.contains("sent"),
                at: seconds(moment),
                text: text.to_owned(),
            });
        }
    }
    messages
}

/// `2026-11-21 21:00:00.123456` or with the seconds since 1970 after a tab: the fraction is what measures.
fn seconds(moment: &str) -> f64 {
    let clock = moment
        .trim()
        .rsplit([' ', '\t', 'T'])
        .next()
        .unwrap_or_default();
    match clock.parse::<f64>() {
        Ok(since_1970) => since_1970,
        Err(_) => clock
            .split(':')
            .filter_map(|part| part.parse::<f64>().ok())
            .fold(0.0, |sum, part| sum * 60.0 + part),
    }
}
