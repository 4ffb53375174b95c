//! The engine as a whole, over loopback.

mod bridging;
mod edges;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rapport_domain::id::{LegId, RAPPORT};

use super::rtp::{self, HEADER_LEN, Header};
use super::{Codec, Media, MediaConfig, MediaEvent, Remote};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Nothing here takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// A range of that many pairs, each of which was free a moment ago; parallel tests get different ones.
pub(super) fn free_ports(pairs: u16) -> (u16, RangeInclusive<u16>) {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    if *next == 0 {
        // Below the ephemeral ports, and elsewhere for each process.
        *next = 20_000 + (std::process::id() % 500) as u16 * 20;
    }
    loop {
        let first = *next;
        let last = first + 2 * pairs - 1;
        *next = if last < 31_000 { last + 1 } else { 20_000 };
        if (first..=last).all(|port| UdpSocket::bind((LOCAL, port)).is_ok()) {
            return (first, first..=last);
        }
    }
}

struct Engine {
    media: Media,
    events: Receiver<MediaEvent>,
    first_port: u16,
}

fn engine(threads: usize, pairs: u16, rtp_timeout: Duration) -> Engine {
    let (first_port, ports) = free_ports(pairs);
    let (sender, events) = mpsc::sync_channel(1000);
    let config = MediaConfig {
        bind_ip: LOCAL,
        ports,
        threads,
        rtp_timeout,
    };
    let tell = move |event| sender.try_send(event).expect("the test reads its events");
    Engine {
        media: Media::start(config, Arc::new(tell)).unwrap(),
        events,
        first_port,
    }
}

impl Engine {
    fn event(&self) -> MediaEvent {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// Opens a leg with a peer of its own.
    fn call(&self, name: &str, group: u64, codec: Codec) -> Peer {
        let leg = leg(name);
        let port = self.media.open(leg, group).unwrap();
        let peer = Peer::new(leg, SocketAddr::new(LOCAL, port), codec);
        self.media.set_remote(leg, peer.remote());
        peer
    }
}

fn leg(name: &str) -> LegId {
    LegId::derived(RAPPORT, name)
}

/// A phone: sends numbered packets, and listens.
struct Peer {
    leg: LegId,
    socket: UdpSocket,
    hub: SocketAddr,
    codec: Codec,
    sequence: u16,
    timestamp: u32,
}

impl Peer {
    fn new(leg: LegId, hub: SocketAddr, codec: Codec) -> Self {
        let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            leg,
            socket,
            hub,
            codec,
            sequence: 60_000,
            timestamp: 123,
        }
    }

    fn remote(&self) -> Remote {
        let addr = self.socket.local_addr().unwrap();
        let (codec, payload) = (self.codec, self.payload_type());
        Remote {
            addr,
            flow: None,
            codec,
            payload,
            telephone_event: Some(101),
            send: true,
            receive: true,
        }
    }

    fn payload_type(&self) -> u8 {
        if self.codec == Codec::Pcmu { 0 } else { 8 }
    }

    fn say(&mut self, payload: &[u8]) {
        self.send(self.payload_type(), payload);
        self.timestamp = self.timestamp.wrapping_add(160);
    }

    fn press(&mut self, event: u8) {
        for flags in [0, 0x80, 0x80, 0x80] {
            self.send(101, &[event, flags, 3, 32]);
        }
        self.timestamp = self.timestamp.wrapping_add(800);
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0; HEADER_LEN];
        let header = packet.first_chunk_mut().unwrap();
        rtp::write(header, false, kind, self.sequence, self.timestamp, 0xBEEF);
        packet.extend_from_slice(payload);
        self.socket.send_to(&packet, self.hub).unwrap();
    }

    /// The next packet that comes.
    fn hear(&mut self) -> (Header, Vec<u8>) {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).expect("a packet");
        assert_eq!(from, self.hub, "packets come from the port in our SDP");
        let header = rtp::parse(&buffer[..length]).expect("valid RTP");
        let payload = buffer[header.payload.clone()].to_vec();
        (header, payload)
    }

    /// Skips packets until one has this payload; all headers up to and with it.
    fn hear_until(&mut self, payload: &[u8]) -> Vec<Header> {
        let mut headers = Vec::new();
        loop {
            let (header, heard) = self.hear();
            headers.push(header);
            if heard == payload {
                return headers;
            }
        }
    }

    /// Talks every few milliseconds until the other hears it; what the other heard meanwhile.
    fn talk_until_heard(&mut self, other: &mut Peer, payload: &[u8]) -> Vec<Header> {
        self.talk_until_heard_as(other, payload, payload)
    }

    /// The same, when the other hears it in another coding.
    fn talk_until_heard_as(
        &mut self,
        other: &mut Peer,
        payload: &[u8],
        as_payload: &[u8],
    ) -> Vec<Header> {
        let deadline = Instant::now() + PATIENCE;
        let mut headers = Vec::new();
        other
            .socket
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let mut buffer = [0; 2048];
        while Instant::now() < deadline {
            self.say(payload);
            while let Ok((length, _)) = other.socket.recv_from(&mut buffer) {
                let header = rtp::parse(&buffer[..length]).unwrap();
                let heard = &buffer[header.payload.clone()] == as_payload;
                headers.push(header);
                if heard {
                    other.socket.set_read_timeout(Some(PATIENCE)).unwrap();
                    return headers;
                }
                self.say(payload);
            }
        }
        panic!("never heard");
    }
}

/// Waits for a fact that comes about without a message.
fn eventually<T>(mut fact: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came about");
        std::thread::yield_now();
    }
}
