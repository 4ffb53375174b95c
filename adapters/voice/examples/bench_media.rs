//! Measures the media relay: 300 bridged calls, 50 packets a second in each direction, beside a bare UDP relay that
//! does nothing else, driven by the same generator in the same run.
//!
//! `cargo run --release -p rapport-voice --example bench_media`; with `JSON=1` one JSON object a line. `CALLS` and
//! `SECONDS` change the size. Ends with status 1 when a budget is missed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rapport_domain::id::{LegId, RAPPORT};
use rapport_domain::port::voice::Sound;
use rapport_voice::media::{Codec, Media, MediaConfig, Remote};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FRAME: Duration = Duration::from_millis(20);
/// How often in that time the generator wakes.
const SLOTS: usize = 20;
/// A packet of 20 ms of G.711.
const PACKET: usize = 172;

fn main() -> io::Result<()> {
    let calls = setting("CALLS", 300);
    let seconds = setting("SECONDS", 10);
    let bare = bare_relay(calls, seconds)?;
    let relay = media_relay(calls, seconds)?;
    let music = queue_music(calls * 2, seconds.min(5))?;
    let beside = |value: f64, unit: &str| Some(format!("bare UDP relay {value:.2} {unit}"));
    let lines = [
        Line {
            name: "media relay, CPU a packet",
            value: relay.cpu_micros,
            unit: "us",
            budget: Some(7.0),
            beside: beside(bare.cpu_micros, "us"),
        },
        Line {
            name: "media relay, packets lost",
            value: relay.lost as f64,
            unit: "packets",
            budget: Some(0.0),
            beside: Some(format!("bare UDP relay {} of {}", bare.lost, bare.sent)),
        },
        Line {
            name: "media relay, packets sent",
            value: relay.sent as f64,
            unit: "packets",
            budget: None,
            beside: Some(format!("{calls} calls, {seconds} s")),
        },
        Line {
            name: "media relay, one way p50",
            value: relay.p50.as_secs_f64() * 1000.0,
            unit: "ms",
            budget: None,
            beside: beside(bare.p50.as_secs_f64() * 1000.0, "ms"),
        },
        Line {
            name: "media relay, one way p99",
            value: relay.p99.as_secs_f64() * 1000.0,
            unit: "ms",
            budget: None,
            beside: beside(bare.p99.as_secs_f64() * 1000.0, "ms"),
        },
        Line {
            name: "queue music, CPU a packet",
            value: music,
            unit: "us",
            budget: Some(7.0),
            beside: Some(format!("{} callers waiting", calls * 2)),
        },
    ];
    let json = std::env::var("JSON").is_ok_and(|v| v == "1");
    for line in &lines {
        line.print(json);
    }
    if lines.iter().any(|line| !line.ok()) {
        std::process::exit(1);
    }
    Ok(())
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

struct Line {
    name: &'static str,
    value: f64,
    unit: &'static str,
    budget: Option<f64>,
    beside: Option<String>,
}

impl Line {
    fn ok(&self) -> bool {
        self.budget.is_none_or(|budget| self.value <= budget)
    }

    fn print(&self, json: bool) {
        let beside = self.beside.as_deref().unwrap_or("-");
        if json {
            let budget = self.budget.map_or("null".to_owned(), |b| b.to_string());
            let (name, value, unit, ok) = (self.name, self.value, self.unit, self.ok());
            println!(
                r#"{{"name":"{name}","value":{value:.3},"unit":"{unit}","budget":{budget},"ok":{ok},"beside":"{beside}"}}"#
            );
        } else {
            let budget = self
                .budget
                .map_or("-".to_owned(), |b| format!("<= {b} {}", self.unit));
            let verdict = if self.ok() { "ok" } else { "MISSED" };
            println!(
                "{:<28} {:>10.2} {:<8} {budget:<14} {verdict:<7} {beside}",
                self.name, self.value, self.unit
            );
        }
    }
}

/// What the generator saw.
struct Outcome {
    sent: u64,
    lost: u64,
    p50: Duration,
    p99: Duration,
    /// CPU of the relaying thread for one relayed packet.
    cpu_micros: f64,
}

fn media_relay(calls: u32, seconds: u32) -> io::Result<Outcome> {
    let media = start_media()?;
    let mut phones = Vec::new();
    for call in 0..u64::from(calls) {
        let [a, b] = ["a", "b"].map(|side| LegId::derived(RAPPORT, &format!("{call}{side}")));
        for leg in [a, b] {
            phones.push(phone(&media, leg, call)?);
        }
        media.bridge(a, b);
    }
    let outcome = generate(&phones, seconds, || thread_cpu("media-0"))?;
    let stats = media.stats();
    assert_eq!(
        (stats.malformed, stats.foreign, stats.commands_lost),
        (0, 0, 0)
    );
    Ok(outcome)
}

/// CPU of the media thread for one packet of queue music.
fn queue_music(callers: u32, seconds: u32) -> io::Result<f64> {
    let media = start_media()?;
    let mut phones = Vec::new();
    for caller in 0..u64::from(callers) {
        let leg = LegId::derived(RAPPORT, &format!("waiting {caller}"));
        phones.push(phone(&media, leg, caller)?);
        media.play(leg, Sound::QueueMusic);
    }
    let (cpu, packets) = (thread_cpu("media-0")?, media.stats().packets_out);
    thread::sleep(Duration::from_secs(seconds.into()));
    let (cpu, packets) = (
        thread_cpu("media-0")? - cpu,
        media.stats().packets_out - packets,
    );
    Ok(cpu.as_secs_f64() * 1e6 / packets.max(1) as f64)
}

fn start_media() -> io::Result<Media> {
    let config = MediaConfig {
        bind_ip: LOCAL,
        ports: 20_000..=31_999,
        threads: 1,
        rtp_timeout: Duration::from_secs(60),
    };
    let media = Media::start(config, Arc::new(|_| ()))?;
    // A thread names itself, and so a moment after its start.
    while thread_cpu("media-0").is_err() {
        thread::yield_now();
    }
    Ok(media)
}

fn phone(media: &Media, leg: LegId, group: u64) -> io::Result<Phone> {
    let port = media.open(leg, group).map_err(io::Error::other)?;
    let socket = nonblocking()?;
    let remote = Remote {
        addr: socket.local_addr()?,
        flow: None,
        codec: Codec::Pcmu,
        payload: 0,
        telephone_event: Some(101),
        send: true,
        receive: true,
    };
    media.set_remote(leg, remote);
    Ok(Phone {
        socket,
        to: SocketAddr::new(LOCAL, port),
    })
}

/// Reads a packet from one socket and sends it from the other, and nothing else: what the machine can do at best
/// with a pair of sockets for each call.
fn bare_relay(calls: u32, seconds: u32) -> io::Result<Outcome> {
    let (mut phones, mut sides) = (Vec::new(), Vec::new());
    for _ in 0..calls * 2 {
        let (phone, side) = (nonblocking()?, nonblocking()?);
        let to = side.local_addr()?;
        sides.push((side, phone.local_addr()?));
        phones.push(Phone { socket: phone, to });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let relay = thread::Builder::new()
        .name("bare".to_owned())
        .spawn(move || {
            let mut epoll = Epoll::watching(sides.iter().map(|s| &s.0))?;
            let mut buffer = [0; 2048];
            while !stopped.load(Relaxed) {
                for at in epoll.wait(Some(Duration::from_millis(100)))? {
                    if let Ok((length, _)) = sides[at].0.recv_from(&mut buffer) {
                        let (from, to) = &sides[at ^ 1];
                        from.send_to(&buffer[..length], to)?;
                    }
                }
            }
            io::Result::Ok(())
        })?;
    let outcome = generate(&phones, seconds, || thread_cpu("bare"));
    stop.store(true, Relaxed);
    relay
        .join()
        .map_err(|_| io::Error::other("the bare relay panicked"))??;
    outcome
}

/// A phone of the generator; each two in a row are in a call.
struct Phone {
    socket: UdpSocket,
    to: SocketAddr,
}

/// Sends a packet from every phone every 20 ms, a share of the phones every millisecond, and receives what comes.
/// Waking no more often leaves most of the machine to the relay.
fn generate(
    phones: &[Phone],
    seconds: u32,
    cpu: impl Fn() -> io::Result<Duration>,
) -> io::Result<Outcome> {
    let mut epoll = Epoll::watching(phones.iter().map(|p| &p.socket))?;
    let frames = u64::from(seconds) * 50;
    // A second before that counts, in which sockets, caches and latches settle.
    let warm_up = 50;
    let epoch = Instant::now();
    let (mut sent, mut received) = (0u64, 0u64);
    let mut delays = Vec::with_capacity(phones.len() * frames as usize);
    let mut cpu_before = Duration::ZERO;
    let mut packet = [0x7F; PACKET];
    let mut buffer = [0; 2048];
    let mut receive = |epoll: &mut Epoll, wait: Duration| -> io::Result<()> {
        for at in epoll.wait(Some(wait))? {
            let Ok((PACKET, _)) = phones[at].socket.recv_from(&mut buffer) else {
                continue;
            };
            let then = u64::from_le_bytes(buffer[12..20].try_into().unwrap_or_default());
            let frame = u32::from_le_bytes(buffer[20..24].try_into().unwrap_or_default());
            if frame >= warm_up {
                received += 1;
                delays.push(epoch.elapsed().saturating_sub(Duration::from_nanos(then)));
            }
        }
        Ok(())
    };
    for frame in 0..frames + u64::from(warm_up) {
        if frame == u64::from(warm_up) {
            cpu_before = cpu()?;
        }
        for (slot, phones) in phones.chunks(phones.len().div_ceil(SLOTS)).enumerate() {
            let due = FRAME * frame as u32 + FRAME * slot as u32 / SLOTS as u32;
            while epoch.elapsed() < due {
                thread::sleep(due.saturating_sub(epoch.elapsed()));
            }
            receive(&mut epoll, Duration::ZERO)?;
            for (i, phone) in phones.iter().enumerate() {
                write_packet(&mut packet, i as u32, frame as u32, epoch.elapsed());
                phone.socket.send_to(&packet, phone.to)?;
                sent += u64::from(frame >= u64::from(warm_up));
            }
        }
    }
    let cpu_after = cpu()?;
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        receive(&mut epoll, Duration::from_millis(50))?;
    }
    delays.sort_unstable();
    let percentile = |p: usize| {
        delays
            .get(delays.len() * p / 100)
            .copied()
            .unwrap_or(Duration::MAX)
    };
    Ok(Outcome {
        sent,
        lost: sent.saturating_sub(received),
        p50: percentile(50),
        p99: percentile(99),
        cpu_micros: (cpu_after - cpu_before).as_secs_f64() * 1e6 / sent as f64,
    })
}

fn write_packet(packet: &mut [u8; PACKET], ssrc: u32, frame: u32, now: Duration) {
    packet[..2].copy_from_slice(&[0x80, 0]);
    packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&(frame * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet[12..20].copy_from_slice(&(now.as_nanos() as u64).to_le_bytes());
    packet[20..24].copy_from_slice(&frame.to_le_bytes());
}

fn nonblocking() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((LOCAL, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Time on a core of the thread of that name, to the nanosecond, as the scheduler counts it.
fn thread_cpu(name: &str) -> io::Result<Duration> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == name {
            let times = std::fs::read_to_string(task.join("schedstat"))?;
            let nanos = times.split(' ').next().and_then(|n| n.parse().ok());
            return nanos
                .map(Duration::from_nanos)
                .ok_or_else(|| io::Error::other("no schedstat"));
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no such thread"))
}

struct Epoll {
    fd: i32,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    fn watching<'a>(sockets: impl Iterator<Item = &'a UdpSocket>) -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        for (at, socket) in sockets.enumerate() {
            let mut event = libc::epoll_event {
                events: libc::EPOLLIN as u32,
                u64: at as u64,
            };
            // SAFETY: `event` lives through the call; a bad descriptor is reported.
            let added = unsafe {
                libc::epoll_ctl(fd, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event)
            };
            if added < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self {
            fd,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 1024],
        })
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<usize>> {
        let millis = timeout.map_or(-1, |t| t.as_millis() as i32);
        // SAFETY: the vector has that many elements.
        let count = unsafe {
            libc::epoll_wait(
                self.fd,
                self.events.as_mut_ptr(),
                self.events.len() as i32,
                millis,
            )
        };
        match usize::try_from(count) {
            Ok(count) => Ok(self.events[..count]
                .iter()
                .map(|e| e.u64 as usize)
                .collect()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: ours, and closed only here.
        unsafe { libc::close(self.fd) };
    }
}
