//! What the adapter is told at its start.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A token bucket: `burst` at once, then `per_second` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Refill, in units a second.
    pub per_second: u32,
    /// The most that is saved up, in units.
    pub burst: u32,
}

/// Bounds of time and rate. The defaults suit a public site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for the HTTP upgrade, and again for the `hello` after it.
    pub hello_within: Duration,
    /// Silence after which a `ping` is sent; a client that leaves two of them unanswered is dropped.
    pub heartbeat: Duration,
    /// Time for one outbound frame to be taken by the socket; a client that reads slower is dropped and resumes.
    pub write_within: Duration,
    /// Frames a connection may send.
    pub messages: Rate,
    /// Bytes a connection may send; `burst` must hold one frame.
    pub bytes: Rate,
    /// Frames one address may send over all its connections.
    pub address_messages: Rate,
    /// Bytes one address may send over all its connections.
    pub address_bytes: Rate,
    /// Connections one address may open.
    pub address_connects: Rate,
    /// Connections one address may have open at one time.
    pub address_open: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            write_within: Duration::from_secs(10),
            messages: Rate {
                per_second: 4,
                burst: 20,
            },
            bytes: Rate {
                per_second: 16 * 1024,
                burst: 128 * 1024,
            },
            // Many visitors share an address behind an office's or a mobile network's gateway.
            address_messages: Rate {
                per_second: 100,
                burst: 400,
            },
            address_bytes: Rate {
                per_second: 256 * 1024,
                burst: 2 * 1024 * 1024,
            },
            address_connects: Rate {
                per_second: 10,
                burst: 100,
            },
            address_open: 200,
        }
    }
}

/// Where the adapter listens and whom it lets in.
#[derive(Clone, Debug)]
pub struct WebChatConfig {
    /// The listener's address; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Origins of the hub's own pages, which hold the widget's iframe: `https://hub.example`, as a browser writes them.
    pub public_origins: Vec<String>,
    /// Connections at one time; above it a client is answered 503 and comes back later.
    pub max_connections: usize,
    /// Proxies whose last `X-Forwarded-For` entry names the client.
    pub trusted_proxies: Vec<IpAddr>,
    /// Bounds of time and rate.
    pub limits: Limits,
}

impl WebChatConfig {
    /// The defaults at this address: 15,000 connections, no proxy, no origin of our own.
    #[must_use]
    pub fn at(bind: SocketAddr) -> Self {
        Self {
            bind,
            public_origins: Vec::new(),
            max_connections: 15_000,
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}
