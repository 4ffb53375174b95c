//! What the channel must be told to start.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::sip::digest::Algorithm;
use crate::sip::overload::Limits;
use crate::sip::registrar::Expiry;

/// The configuration of the voice channel.
#[derive(Clone, Debug)]
pub struct VoiceConfig {
    /// Where SIP over UDP listens. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The address peers reach us at, when it is not the bound one (NAT, or bound to all addresses). Without it, and
    /// bound to all, the address of the default route is used.
    pub public_ip: Option<IpAddr>,
    /// The digest realm of our phones.
    pub realm: String,
    /// Who may offer us calls.
    pub trunks: Vec<Trunk>,
    /// UDP ports for RTP and RTCP, in pairs: two ports a leg.
    pub rtp_ports: RangeInclusive<u16>,
    /// Media threads, at least 1.
    pub media_threads: usize,
    /// A leg whose peer sends nothing for this long ends with `Failed`.
    pub rtp_timeout: Duration,
    /// Admission of new calls.
    pub limits: Limits,
    /// Life of registrations.
    pub registrations: Expiry,
    /// Digest algorithms offered to phones, in this order. Some phones give up when they see one they do not know,
    /// so MD5 alone is the default.
    pub digest_algorithms: Vec<Algorithm>,
}

impl VoiceConfig {
    /// A channel at this address with usual values: no trunks, realm `rapport`, RTP on 20000-29999.
    #[must_use]
    pub fn at(bind: SocketAddr) -> Self {
        Self {
            bind,
            public_ip: None,
            realm: "rapport".to_owned(),
            trunks: Vec::new(),
            rtp_ports: 20_000..=29_999,
            media_threads: 1,
            rtp_timeout: Duration::from_secs(60),
            limits: Limits::default(),
            registrations: Expiry::default(),
            digest_algorithms: vec![Algorithm::Md5],
        }
    }
}

/// A peer that carries calls to and from the public network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in events and commands.
    pub name: String,
    /// `host` or `host:port`. Without a port, any source port of that host is trusted and 5060 is dialled.
    pub address: String,
}

/// Why the channel did not start. Each names the key to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The SIP port cannot be had.
    #[error("voice.bind: cannot listen on {address}: {cause}; free the port or set another one")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A trunk's address is none or its host is not known.
    #[error(
        "voice.trunks: address \"{address}\" of trunk \"{name}\" cannot be resolved: {cause}; use host or host:port"
    )]
    Trunk {
        /// The trunk.
        name: String,
        /// As configured.
        address: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The media engine did not start.
    #[error("voice.rtp_ports: the media engine cannot start: {0}")]
    Media(std::io::Error),
    /// No thread, runtime or random numbers.
    #[error("voice: cannot start: {0}")]
    System(std::io::Error),
}
