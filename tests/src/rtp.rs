//! The media end of a peer whose signalling SIPp does: says one sound over and over and counts what it hears, by sound.
//! A sound is a byte that fills the payload, so whoever hears it knows who spoke, however packets were relayed.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wait;

const HEADER: usize = 12;
const SAMPLES: usize = 160;
const FRAME: Duration = Duration::from_millis(20);

/// What a peer heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Packets by sound.
    pub by_sound: BTreeMap<u8, u64>,
    /// Packets of anything else, such as music.
    pub other: u64,
    /// Packets sent.
    pub sent: u64,
    to: Option<SocketAddr>,
}

/// A socket that speaks and listens. It answers to where the first packet came from, and follows when that changes.
#[derive(Debug)]
pub struct Rtp {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Rtp {
    /// Speaks this sound, as PCMU, once somebody is heard.
    ///
    /// # Panics
    /// When there is no socket or thread.
    #[must_use]
    pub fn saying(sound: u8) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .expect("a time limit");
        let port = socket.local_addr().expect("its address").port();
        let (heard, stop) = (
            Arc::new(Mutex::new(Heard::default())),
            Arc::new(AtomicBool::new(false)),
        );
        let (ours, ending) = (heard.clone(), stop.clone());
        let thread = std::thread::spawn(move || talk(&socket, sound, &ours, &ending));
        Self {
            port,
            heard,
            stop,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it has heard so many more packets of a sound.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn hears(&self, sound: u8, packets: u64) {
        let count = || self.heard().by_sound.get(&sound).copied().unwrap_or(0);
        let before = count();
        let what = format!(
            "{packets} packets of sound {sound:#x} at port {}; heard {:?}",
            self.port,
            self.heard()
        );
        wait::until(&what, || async {
            (count() >= before + packets).then_some(())
        })
        .await;
    }

    /// Waits until it has heard so many packets of something that is no sound of a peer: music.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn hears_music(&self, packets: u64) {
        let before = self.heard().other;
        wait::until("packets of music", || async {
            (self.heard().other >= before + packets).then_some(())
        })
        .await;
    }
}

impl Drop for Rtp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn talk(socket: &UdpSocket, sound: u8, heard: &Mutex<Heard>, stop: &AtomicBool) {
    let mut packet = [sound; HEADER + SAMPLES];
    packet[..HEADER].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0xca, 0xfe, 0, sound]);
    let (mut next, mut number, mut buffer) = (Instant::now(), 0_u16, [0_u8; 2_048]);
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.to = Some(from);
            match one_sound(&buffer[..length]) {
                Some(sound) => *heard.by_sound.entry(sound).or_default() += 1,
                None => heard.other += 1,
            }
        }
        if Instant::now() < next {
            continue;
        }
        next += FRAME;
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(to) = heard.to else { continue };
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
        number = number.wrapping_add(1);
        // A peer that is gone is not our concern: what counts is what is heard.
        heard.sent += u64::from(socket.send_to(&packet, to).is_ok());
    }
}

/// The sound of a packet of 20 ms that is filled with one byte.
fn one_sound(packet: &[u8]) -> Option<u8> {
    let payload = packet.get(HEADER..)?;
    let first = *payload.first()?;
    (payload.len() == SAMPLES && payload.iter().all(|byte| *byte == first)).then_some(first)
}
