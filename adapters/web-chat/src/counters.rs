//! What the adapter counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// One figure for the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its Prometheus name.
    pub name: &'static str,
    /// What it counts, in one line.
    pub help: &'static str,
    /// Whether it may fall (a gauge) or only grows (a counter).
    pub gauge: bool,
    /// Its value now.
    pub value: u64,
}

macro_rules! counters {
    ($($(#[$doc:meta])+ $field:ident, $name:literal, $gauge:literal, $help:literal;)+) => {
        /// Figures that grow while the adapter runs; read at any time, from any thread.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])+ pub $field: AtomicU64,)+
        }

        impl Counters {
            /// Every figure with its Prometheus name.
            #[must_use]
            pub fn read(&self) -> Vec<Counter> {
                vec![$(Counter {
                    name: $name,
                    help: $help,
                    gauge: $gauge,
                    value: self.$field.load(Ordering::Relaxed),
                },)+]
            }
        }
    };
}

counters! {
    /// Connections open now.
    open, "rapport_chat_connections", true, "Chat connections open now";
    /// Connections accepted.
    accepted, "rapport_chat_connections_accepted_total", false, "Chat connections accepted";
    /// Connections turned away because the process holds its maximum.
    full, "rapport_chat_connections_full_total", false, "Chat connections turned away at the maximum";
    /// Connections turned away because their address opened too many.
    crowded, "rapport_chat_connections_crowded_total", false, "Chat connections turned away by the address limit";
    /// Connections refused for site, origin, token, or a broken rule.
    barred, "rapport_chat_connections_barred_total", false, "Chat connections closed for a broken rule";
    /// Connections dropped because the client read too slowly.
    slow, "rapport_chat_connections_slow_total", false, "Chat connections dropped as slow readers";
    /// Connections dropped because the client fell silent.
    silent, "rapport_chat_connections_silent_total", false, "Chat connections dropped as silent";
    /// Frames received.
    frames, "rapport_chat_frames_received_total", false, "Chat frames received";
    /// Messages acknowledged, all of them on disk.
    acknowledged, "rapport_chat_messages_acknowledged_total", false, "Chat messages on disk and acknowledged";
    /// Frames refused.
    refused, "rapport_chat_frames_refused_total", false, "Chat frames refused";
    /// Lines sent to visitors.
    lines, "rapport_chat_lines_sent_total", false, "Chat lines sent to visitors";
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
