//! Numbers for the operator. Cheap to count, read whenever somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only the signalling thread changes and anybody reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Sets a level.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])+ $field:ident = $name:literal;)+) => {
        /// Everything the signalling side counts.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])+ pub $field: Counter,)+ }

        impl Counters {
            /// Names as Prometheus wants them, and their values now. Names ending in `_total` only grow.
            #[must_use]
            pub fn read(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field.get()),)+]
            }
        }
    };
}

counters! {
    /// Datagrams read.
    received = "rapport_voice_datagrams_received_total";
    /// Datagrams written.
    sent = "rapport_voice_datagrams_sent_total";
    /// Datagrams the socket would not take; SIP repeats them.
    send_failures = "rapport_voice_send_failures_total";
    /// Datagrams that are no SIP message.
    malformed = "rapport_voice_malformed_total";
    /// Messages we repeated because no answer came.
    retransmissions = "rapport_voice_retransmissions_total";
    /// Requests that came again.
    repeated_requests = "rapport_voice_repeated_requests_total";
    /// Responses to nothing we asked.
    stray_responses = "rapport_voice_stray_responses_total";
    /// New INVITEs, repetitions left out.
    invites = "rapport_voice_invites_total";
    /// Messages passed on between another node and a phone registered here.
    relayed = "rapport_voice_relayed_total";
    /// Calls we dialled.
    dials = "rapport_voice_dials_total";
    /// INVITEs refused: neither a trunk nor a phone of ours.
    refused_unknown = "rapport_voice_refused_unknown_source_total";
    /// INVITEs refused: no audio that we speak.
    refused_media = "rapport_voice_refused_media_total";
    /// INVITEs refused: rate.
    refused_rate = "rapport_voice_refused_rate_total";
    /// INVITEs refused: too many legs.
    refused_legs = "rapport_voice_refused_legs_total";
    /// INVITEs refused: we were behind with reading.
    refused_delay = "rapport_voice_refused_delay_total";
    /// INVITEs refused: the hub was behind with our events.
    refused_events = "rapport_voice_refused_events_total";
    /// Calls that failed for want of RTP ports.
    no_ports = "rapport_voice_no_rtp_ports_total";
    /// Wrong passwords or unknown users.
    auth_failures = "rapport_voice_auth_failures_total";
    /// Requests of sources that failed too often.
    auth_refused = "rapport_voice_auth_refused_total";
    /// Requests of strangers dropped unanswered: too many at once.
    strangers_dropped = "rapport_voice_strangers_dropped_total";
    /// REGISTERs dropped unanswered, for the phone to repeat: too many at once.
    registrations_dropped = "rapport_voice_registrations_dropped_total";
    /// Registrations accepted, refreshes included.
    registrations = "rapport_voice_registrations_total";
    /// Legs that ended because their RTP stopped.
    rtp_timeouts = "rapport_voice_rtp_timeouts_total";
    /// Legs now.
    legs = "rapport_voice_legs";
    /// Users registered now.
    phones = "rapport_voice_phones";
}
