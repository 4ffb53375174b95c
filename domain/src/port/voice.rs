//! The voice channel: legs between the hub and SIP peers. Commands go in, facts come out; the adapter knows nothing
//! of customers, queues or agents, and decides nothing.

use core::net::SocketAddr; // a plain value: `core` has no sockets
use std::time::Duration;

use crate::id::LegId;

/// What is played to a leg while nobody talks to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Queue music, looped.
    QueueMusic,
    /// The ringing tone, for somebody who waits for the other side to answer.
    Ringback,
    /// Silence packets.
    Silence,
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialTarget {
    /// A phone that registered with us, or with another node, under this user name.
    RegisteredPhone {
        /// The user part of its address of record.
        user: String,
        /// The SIP address of the node the phone registered with, which passes the call on to it; one of
        /// [`VoiceCommand::Peers`]. None: it registered here.
        via: Option<SocketAddr>,
    },
    /// A fixed SIP address, `sip:user@host:port`.
    Address {
        /// The request URI.
        uri: String,
    },
    /// A number, out over a trunk.
    Trunk {
        /// The trunk's name in the configuration.
        trunk: String,
        /// The number as the trunk expects it.
        number: String,
    },
}

/// Why an offered call is turned away, as the peer will see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 404: nobody here is reached by that number.
    UnknownAccessPoint,
    /// 480: not open now.
    Closed,
    /// 503 with Retry-After: too much to do.
    Overloaded,
}

/// Why a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEnd {
    /// The peer hung up an answered leg (BYE).
    PeerHungUp,
    /// The caller gave up before we answered (CANCEL).
    CallerGaveUp,
    /// We hung up.
    HungUp,
    /// Nobody answered in time.
    NoAnswer,
    /// 486, 600.
    Busy,
    /// 603 and other refusals by the person.
    Declined,
    /// No registration, no route, no response, 404, 5xx.
    Unreachable,
    /// No RTP for too long, or a fatal signalling error in the call.
    Failed,
}

/// What the hub asks of the voice channel. Every command about a leg names it; a command for a leg that has already ended
/// does nothing (its end was or will be reported).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceCommand {
    /// Answers an incoming leg (200 with SDP) and plays `sound` to it.
    Answer {
        /// The leg.
        leg: LegId,
        /// What the caller hears until bridged.
        sound: Sound,
    },
    /// Turns an incoming leg away.
    Refuse {
        /// The leg.
        leg: LegId,
        /// Why.
        reason: Refusal,
    },
    /// Dials out; answers with `Ringing`, `Answered` or `Ended` for this leg id.
    Dial {
        /// The new leg's name.
        leg: LegId,
        /// Whom.
        target: DialTarget,
        /// The user part of From: the caller's own number on a call to an agent, ours on a call to a customer.
        from_user: String,
        /// After this long without an answer the leg ends with [`LegEnd::NoAnswer`].
        ring_for: Duration,
        /// What the callee hears once it answered, until bridged.
        sound: Sound,
    },
    /// Connects two answered legs: packets of each go to the other. Either one may have been bridged before.
    Bridge {
        /// One side.
        a: LegId,
        /// The other side.
        b: LegId,
    },
    /// Plays to a leg; parts it from whoever it was bridged to.
    Play {
        /// The leg.
        leg: LegId,
        /// What.
        sound: Sound,
    },
    /// Ends a leg in whatever state it is (CANCEL, BYE or a final response).
    HangUp {
        /// The leg.
        leg: LegId,
    },
    /// The SIP addresses of the other nodes, all of them each time: calls to phones registered here are taken from them
    /// and passed on, and calls to phones registered there go to them. Nobody is trusted before.
    Peers(Vec<SocketAddr>),
}

/// What the voice channel reports. For every leg exactly one `Ended` comes, and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceEvent {
    /// A trunk offers a call. Nothing but 100 Trying has been sent; `Answer` or `Refuse` decides.
    Incoming {
        /// The new leg's name.
        leg: LegId,
        /// The trunk it came from, as named in the configuration.
        trunk: String,
        /// User part of From: the caller's number, or what they claim to be; empty when withheld.
        from_user: String,
        /// User part of the request URI: the number that was called.
        to_user: String,
    },
    /// A dialled leg rings.
    Ringing {
        /// The leg.
        leg: LegId,
    },
    /// A dialled leg was answered; its media runs.
    Answered {
        /// The leg.
        leg: LegId,
    },
    /// The leg is over.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        why: LegEnd,
    },
    /// A phone registered, or refreshed its registration.
    PhoneRegistered {
        /// The user part of its address of record.
        user: String,
    },
    /// A phone's registration ended or ran out.
    PhoneGone {
        /// The user part of its address of record.
        user: String,
    },
}

/// The channel's bounded command queue is full, or the channel has stopped: the call cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the voice channel takes no more commands now")]
pub struct VoiceBusy;

/// The way into the voice channel. Events come back on a bounded queue that is handed over when the channel starts.
pub trait Voice: Send + Sync {
    /// Hands over a command without waiting.
    ///
    /// # Errors
    /// [`VoiceBusy`] when the command queue is full; the caller must treat the leg as failed.
    fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy>;
}
