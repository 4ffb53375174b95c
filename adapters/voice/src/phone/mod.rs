//! A soft phone for demonstrations and tests: it registers, calls, answers, sends a tone and counts what it hears.
//! One task and two sockets serve hundreds of calls, so one phone can stand for a whole trunk of customers.

mod calls;
mod line;
mod sound;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rapport_domain::private::Private;
use tokio::sync::{mpsc, oneshot};

pub use sound::RtpStats;

use crate::media::Codec;

/// Commands that may wait for the phone's task.
const COMMANDS: usize = 1_024;
/// Events that may wait to be read. When it is full the phone waits for its reader, and its calls with it.
const EVENTS: usize = 1_024;

/// What a phone is.
#[derive(Clone, Debug)]
pub struct SoftphoneConfig {
    /// Where its SIP socket is; RTP takes another free port of the same address. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// Its user name: Contact, and the address of record when it registers.
    pub user: String,
    /// Where it registers, and where calls to host names go.
    pub registrar: Option<SocketAddr>,
    /// The password, for registering and for calls that are challenged.
    pub secret: Option<Private<String>>,
    /// The life of a registration it asks for; it refreshes at two thirds.
    pub expires: Duration,
    /// What it does when it is called.
    pub answering: Answering,
    /// The codec it offers first.
    pub codec: Codec,
}

impl SoftphoneConfig {
    /// A phone that does not register, answers by command and prefers PCMU.
    #[must_use]
    pub fn at(bind: SocketAddr, user: &str) -> Self {
        Self {
            bind,
            user: user.to_owned(),
            registrar: None,
            secret: None,
            expires: Duration::from_secs(600),
            answering: Answering::ByCommand,
            codec: Codec::Pcmu,
        }
    }

    /// The same phone, registering there with this password.
    #[must_use]
    pub fn registering(mut self, registrar: SocketAddr, secret: &str) -> Self {
        self.registrar = Some(registrar);
        self.secret = Some(Private::new(secret.to_owned()));
        self
    }

    /// The same phone with another way to answer.
    #[must_use]
    pub const fn answering(mut self, answering: Answering) -> Self {
        self.answering = answering;
        self
    }
}

/// What a phone does when it is called. It says 180 in every case but `Reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// Rings until `answer`, `reject` or the caller ends it.
    ByCommand,
    /// Answers after ringing for so long.
    After(Duration),
    /// Turns calls away with this status at once.
    Reject(u16),
}

/// Names a call of one phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneCall(u64);

/// Why a phone's call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneEnd {
    /// `hang_up` or `reject`.
    ByUs,
    /// The peer hung up, or gave up before the answer.
    ByPeer,
    /// The peer refused with this status.
    Refused(u16),
    /// No response, no ACK, no usable session, or no address to send to.
    Failed,
}

/// What a phone reports. Every call ends with exactly one `Ended`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneEvent {
    /// Registered or refreshed.
    Registered,
    /// The registrar refused with this status, or did not answer. The phone tries again after 30 s.
    NotRegistered {
        /// The refusal.
        status: Option<u16>,
    },
    /// Somebody calls.
    Incoming {
        /// The call.
        id: PhoneCall,
        /// The user part of From.
        from_user: String,
    },
    /// Our call rings.
    Ringing {
        /// The call.
        id: PhoneCall,
    },
    /// The call is answered, by either side; the tone runs.
    Answered {
        /// The call.
        id: PhoneCall,
    },
    /// The call is over.
    Ended {
        /// The call.
        id: PhoneCall,
        /// Why.
        why: PhoneEnd,
        /// What was sent and heard.
        stats: RtpStats,
    },
}

/// The phone's command queue is full or its task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the phone takes no more commands now")]
pub struct PhoneBusy;

enum Command {
    Call {
        id: PhoneCall,
        to_uri: String,
        from_user: String,
    },
    Answer(PhoneCall),
    Reject(PhoneCall, u16),
    HangUp(PhoneCall),
    Stats(PhoneCall, oneshot::Sender<Option<RtpStats>>),
    Stop(oneshot::Sender<()>),
}

/// A running phone. Clones are the same phone. When the last one is dropped its calls are hung up.
#[derive(Clone)]
pub struct Softphone {
    local: SocketAddr,
    commands: mpsc::Sender<Command>,
    last_call: Arc<AtomicU64>,
}

impl Softphone {
    /// Binds the sockets and starts the phone's task on the current runtime. With a registrar it registers at once.
    ///
    /// # Errors
    /// When a socket cannot be had.
    pub async fn start(config: SoftphoneConfig) -> io::Result<(Self, mpsc::Receiver<PhoneEvent>)> {
        let sip = tokio::net::UdpSocket::bind(config.bind).await?;
        let rtp = tokio::net::UdpSocket::bind(SocketAddr::new(config.bind.ip(), 0)).await?;
        let local = sip.local_addr()?;
        let (commands_in, commands) = mpsc::channel(COMMANDS);
        let (events, events_out) = mpsc::channel(EVENTS);
        let last_call = Arc::new(AtomicU64::new(0));
        let line = line::Line::new(config, sip, rtp, events, last_call.clone())?;
        tokio::spawn(Box::pin(line.run(commands)));
        Ok((
            Self {
                local,
                commands: commands_in,
                last_call,
            },
            events_out,
        ))
    }

    /// Where its SIP socket is.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Calls `sip:user@host:port` and shows `from_user` as the caller.
    ///
    /// # Errors
    /// [`PhoneBusy`].
    pub fn call(&self, to_uri: &str, from_user: &str) -> Result<PhoneCall, PhoneBusy> {
        let id = PhoneCall(self.last_call.fetch_add(1, Ordering::Relaxed) + 1);
        self.send(Command::Call {
            id,
            to_uri: to_uri.to_owned(),
            from_user: from_user.to_owned(),
        })?;
        Ok(id)
    }

    /// Answers an incoming call.
    ///
    /// # Errors
    /// [`PhoneBusy`].
    pub fn answer(&self, id: PhoneCall) -> Result<(), PhoneBusy> {
        self.send(Command::Answer(id))
    }

    /// Turns an incoming call away with a status from 400 to 699.
    ///
    /// # Errors
    /// [`PhoneBusy`].
    pub fn reject(&self, id: PhoneCall, status: u16) -> Result<(), PhoneBusy> {
        self.send(Command::Reject(id, status))
    }

    /// Ends a call in whatever state it is.
    ///
    /// # Errors
    /// [`PhoneBusy`].
    pub fn hang_up(&self, id: PhoneCall) -> Result<(), PhoneBusy> {
        self.send(Command::HangUp(id))
    }

    /// What a call sent and heard so far; `None` when it has no media (yet, or any more).
    pub async fn stats(&self, id: PhoneCall) -> Option<RtpStats> {
        let (answer, asked) = oneshot::channel();
        self.commands.send(Command::Stats(id, answer)).await.ok()?;
        asked.await.ok().flatten()
    }

    /// Hangs up, takes its registration back and ends; waits at most two seconds for the peers.
    pub async fn stop(self) {
        let (done_in, done) = oneshot::channel();
        if self.commands.send(Command::Stop(done_in)).await.is_ok() {
            let _ = done.await; // gone either way
        }
    }

    fn send(&self, command: Command) -> Result<(), PhoneBusy> {
        self.commands.try_send(command).map_err(|_| PhoneBusy)
    }
}
