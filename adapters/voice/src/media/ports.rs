//! The port range: RTP on an even port, RTCP on the next (RFC 3550 section 11).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;

use super::sys;

/// How many pairs are tried before a call is refused, when others hold ports of our range.
const ATTEMPTS: usize = 64;

/// The free pairs. The pair that has been free for longest is used first, so that stragglers of a call that ended
/// meet no new one.
#[derive(Debug)]
pub(super) struct Ports {
    ip: IpAddr,
    free: VecDeque<u16>,
}

/// The two sockets of a leg.
#[derive(Debug)]
pub(super) struct Pair {
    pub port: u16,
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

impl Ports {
    /// All pairs of the range that begin with an even port.
    pub fn new(ip: IpAddr, range: &RangeInclusive<u16>) -> Self {
        let last = *range.end();
        let free = range
            .clone()
            .filter(|p| p % 2 == 0 && *p > 0 && *p < last)
            .collect();
        Self { ip, free }
    }

    /// Whether there is no pair left.
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Opens the next free pair; none when all are in use or the system gives no sockets.
    pub fn open(&mut self) -> Option<Pair> {
        for _ in 0..ATTEMPTS.min(self.free.len()) {
            let port = self.free.pop_front()?;
            if let (Ok(rtp), Ok(rtcp)) = (self.bind(port), self.bind(port + 1)) {
                return Some(Pair { port, rtp, rtcp });
            }
            self.free.push_back(port);
        }
        None
    }

    /// A pair whose sockets are closed.
    pub fn give_back(&mut self, port: u16) {
        self.free.push_back(port);
    }

    fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind((self.ip, port))?;
        socket.set_nonblocking(true)?;
        sys::expedite(&socket, self.ip.is_ipv6());
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pairs_of_the_range_are_used_and_the_longest_free_first() {
        let mut ports = Ports::new(IpAddr::from([127, 0, 0, 1]), &(20_001..=20_007));
        assert_eq!(ports.free, [20_002, 20_004, 20_006]);
        let port = ports.free.pop_front().unwrap();
        ports.give_back(port);
        assert_eq!(ports.free, [20_004, 20_006, 20_002]);
    }

    #[test]
    fn a_port_that_somebody_else_holds_is_passed_over() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let (first, range) = crate::media::tests::free_ports(2);
        let held = UdpSocket::bind((ip, first + 1)).unwrap();
        let mut ports = Ports::new(ip, &range);
        assert_eq!(ports.open().map(|p| p.port), Some(first + 2));
        drop(held);
    }
}
