//! Free ports of the loopback address.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of media that one hub gets; two for a leg.
const MEDIA: u16 = 200;
/// Media ports lie below the range that the system hands out by itself.
const FIRST_MEDIA: u16 = 20_000;
const SLICES: u16 = 60;

/// A UDP port that nobody has at this moment.
///
/// # Panics
/// When the system has none.
#[must_use]
pub fn udp() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free UDP port");
    socket.local_addr().expect("its number").port()
}

/// A TCP port that nobody has at this moment.
///
/// # Panics
/// When the system has none.
#[must_use]
pub fn tcp() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free TCP port");
    socket.local_addr().expect("its number").port()
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
