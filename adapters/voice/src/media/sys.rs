//! The few system calls that the standard library has no name for: epoll, eventfd, the traffic class, the core and its sharing.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// At most this many sockets are reported by one wait.
const EVENTS: usize = 1024;

/// Waits for many sockets at once, level-triggered.
pub(super) struct Poller {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a returned descriptor is ours alone.
        let fd = unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))? };
        Ok(Self {
            fd,
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Reports `key` whenever there is something to read.
    pub fn add(&self, fd: &impl AsRawFd, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: key,
        };
        // SAFETY: `event` lives through the call, both descriptors are open.
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &raw mut event,
            )
        })?;
        Ok(())
    }

    /// Reports it no more. (A socket that is closed need not be removed.)
    pub fn remove(&self, fd: &impl AsRawFd) -> io::Result<()> {
        // SAFETY: the event is ignored for this operation, both descriptors are open.
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd.as_raw_fd(),
                std::ptr::null_mut(),
            )
        })?;
        Ok(())
    }

    /// Waits until something can be read, or for about `timeout` (rounded up to milliseconds), or without end.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let millis = timeout.map_or(-1, |t| {
            i32::try_from(t.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
        });
        self.events.clear();
        // SAFETY: the vector has room for EVENTS events.
        let waited = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as i32,
                millis,
            )
        };
        match check(waited) {
            Ok(count) => {
                // SAFETY: the kernel has written that many events, and no more than EVENTS.
                unsafe { self.events.set_len(count as usize) };
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How many keys the last wait reported.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// One of the keys that the last wait reported.
    pub fn key(&self, at: usize) -> u64 {
        self.events[at].u64
    }
}

/// Wakes a thread that waits in a [`Poller`].
pub(super) struct Waker {
    file: File,
}

impl Waker {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a returned descriptor is ours alone.
        let fd = unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))? };
        Ok(Self {
            file: File::from(fd),
        })
    }

    pub fn wake(&self) {
        // Fails only when the counter is full, and then the thread is going to wake anyway.
        let _ = (&self.file).write(&1u64.to_ne_bytes());
    }

    /// Takes the wake-ups so far.
    pub fn clear(&self) {
        // Fails only when there is none.
        let _ = (&self.file).read(&mut [0; 8]);
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

/// Asks the network to hurry the socket's packets (expedited forwarding, RFC 3246). A network or system that will
/// not is no reason to refuse a call.
pub(super) fn expedite(socket: &UdpSocket, ipv6: bool) {
    let class: i32 = 46 << 2;
    let (level, name) = if ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
    } else {
        (libc::IPPROTO_IP, libc::IP_TOS)
    };
    // SAFETY: the value is an int, as both options want, and lives through the call.
    let _ = unsafe {
        let size = size_of::<i32>() as libc::socklen_t;
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const class).cast(),
            size,
        )
    };
}

/// Keeps the calling thread on one core, if the system lets us.
pub(super) fn pin_to_core(core: usize) {
    // SAFETY: a zeroed set is an empty one, and `core` is checked against its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if core < libc::CPU_SETSIZE as usize {
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
        }
    }
}

/// Lets the calling thread go before ordinary ones, if the system lets us: a packet that waits for a core is heard
/// as a gap. Needs `CAP_SYS_NICE` or a limit (`LimitNICE=` in a systemd unit); without, nothing changes.
pub(super) fn go_first() {
    // SAFETY: no pointers; on Linux 0 means this thread alone.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -10) };
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// # Safety
/// A descriptor that is not negative must be open and owned by nobody else.
unsafe fn owned(fd: i32) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: as the caller promises.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
