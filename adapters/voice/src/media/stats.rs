//! Counters: written by one media thread, read by anybody, without locks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number with a single writer.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Adds one. Cheaper than a fetch-and-add, and right because one thread alone writes.
    pub fn up(&self) {
        self.set(self.get().wrapping_add(1));
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one thread has counted since it began.
#[derive(Debug, Default)]
pub(super) struct ThreadCounts {
    pub packets_in: Count,
    pub packets_out: Count,
    pub malformed: Count,
    pub foreign: Count,
    pub send_failures: Count,
    pub rtcp_in: Count,
    pub rtcp_out: Count,
    pub rtcp_refused: Count,
}

/// What was counted on one leg.
#[derive(Debug, Default)]
pub(super) struct LegCounts {
    pub packets_in: Count,
    pub packets_out: Count,
    pub lost: Count,
    pub malformed: Count,
    pub foreign: Count,
}

/// What the engine has counted since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaStats {
    /// Legs open now.
    pub legs: usize,
    /// RTP packets taken from peers.
    pub packets_in: u64,
    /// RTP packets sent to peers.
    pub packets_out: u64,
    /// Datagrams on RTP ports that were no valid RTP.
    pub malformed: u64,
    /// RTP packets from elsewhere than the peer, dropped.
    pub foreign: u64,
    /// Packets that the system would not send.
    pub send_failures: u64,
    /// Valid RTCP packets taken from peers.
    pub rtcp_in: u64,
    /// RTCP packets sent.
    pub rtcp_out: u64,
    /// RTCP packets that were invalid or came from elsewhere than the peer.
    pub rtcp_refused: u64,
    /// Commands that found the queue full; each has ended its leg.
    pub commands_lost: u64,
}

/// What was counted on one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    /// RTP packets taken from the peer.
    pub packets_in: u64,
    /// RTP packets sent to the peer.
    pub packets_out: u64,
    /// RTP packets of the peer that never came, by the gaps in its sequence numbers: an estimate.
    pub lost: u64,
    /// Datagrams on the leg's RTP port that were no valid RTP.
    pub malformed: u64,
    /// RTP packets from elsewhere than the peer, dropped.
    pub foreign: u64,
}
