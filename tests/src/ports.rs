//! Ports of the loopback address for those who cannot say which one they took: peers, and media of a hub.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of media that one hub gets; two for a leg.
const MEDIA: u16 = 200;
/// Media ports lie below the range that the system hands out by itself.
const FIRST_MEDIA: u16 = 20_000;
const SLICES: u16 = 60;
/// Ports of peers lie below those of media.
const FIRST_PEER: u16 = 11_000;
const PEERS: u16 = 9_000;

/// A port for a peer, that neither UDP nor TCP uses at this moment. It lies below the range that the system hands out by
/// itself, and no test of this process gets it again, so it is still free when the peer takes it.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn udp() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % u32::from(PEERS)).unwrap_or(0);
    let free = |port: &u16| {
        UdpSocket::bind(("127.0.0.1", *port)).is_ok()
            && TcpListener::bind(("127.0.0.1", *port)).is_ok()
    };
    let mut ports = std::iter::repeat_with(|| {
        // Neighbouring processes begin far from each other.
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        FIRST_PEER + process.wrapping_mul(211).wrapping_add(step) % PEERS
    });
    ports
        .by_ref()
        .take(PEERS.into())
        .find(free)
        .expect("a free port")
}

/// A range of media ports; hubs of this process get different ones, and those of other processes most likely too.
#[must_use]
pub fn media() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % u32::from(SLICES)).unwrap_or(0);
    let slice = (process + NEXT.fetch_add(7, Ordering::Relaxed)) % SLICES;
    let first = FIRST_MEDIA + slice * MEDIA;
    format!("{first}-{}", first + MEDIA - 1)
}
