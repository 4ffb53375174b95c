//! A disk that can lose power. It lies under every file of one folder: this program's own `write`, `pwrite`, `ftruncate`,
//! `fsync`, `fdatasync`, `rename` and `unlink` stand in front of those of the C library, for SQLite (which is linked into
//! this program) and for the standard library alike.
//!
//! Everything is done to the real files as well, which thus show what the operating system's memory would. Beside them it
//! is kept what a platter would hold:
//! - of a file: what it held at the last sync that succeeded, and the writes since, in order;
//! - of the folder: the names as of its last sync.
//!
//! When power is lost, of the writes since the last sync any subset is there, whole or in any subset of their sectors of
//! 512 bytes, and of names that changed the old or the new state. After a sync that *failed*, some such subset is on the
//! platter for good and the rest will never be written by a later sync: that is what Linux does. The database's shared
//! index (`-shm`) is memory and no data.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::{EIO, ENOSPC, c_char, c_int, c_void, off_t, off64_t, size_t, ssize_t};

const SECTOR: usize = 512;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to choose what breaks, and the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// What goes wrong, counted in operations (writes, truncations, syncs, renames, removals) on the folder.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// From this operation on nothing happens any more, and everything fails.
    pub stops_at: Option<u64>,
    /// Syncs say that they succeeded and do nothing: what `synchronous=OFF`, or a disk that lies, comes to.
    pub lies: bool,
    /// These syncs, counted by themselves, fail.
    pub failing_syncs: Vec<u64>,
    /// So many bytes can be written, then the disk is full.
    pub room: Option<u64>,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default)]
struct Image {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

fn put(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if image.len() < at + bytes.len() {
        image.resize(at + bytes.len(), 0);
    }
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Image {
    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write(at, bytes) => put(&mut self.durable, at, &bytes),
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// What was not synced gets onto the platter in part, and is forgotten.
    fn tear(&mut self, random: &mut Random) {
        let kept = [0, 10, 50, 90, 100][random.below(5) as usize];
        for change in self.pending.drain(..) {
            match change {
                Change::Length(length) => {
                    if random.percent(kept) {
                        self.durable.resize(length, 0);
                    }
                }
                Change::Write(at, bytes) => {
                    if random.percent(70) {
                        if random.percent(kept) {
                            put(&mut self.durable, at, &bytes);
                        }
                        continue;
                    }
                    let mut from = 0;
                    while from < bytes.len() {
                        let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
                        if random.percent(kept) {
                            put(&mut self.durable, at + from, &bytes[from..to]);
                        }
                        from = to;
                    }
                }
            }
        }
    }
}

struct Disk {
    folder: PathBuf,
    /// Names as the operating system shows them, and as they are on the platter.
    live: BTreeMap<OsString, usize>,
    durable: BTreeMap<OsString, usize>,
    images: Vec<Image>,
    random: Random,
    faults: Faults,
    stopped: bool,
    operations: u64,
    syncs: u64,
    failed: u64,
}

static DISK: Mutex<Option<Disk>> = Mutex::new(None);

fn disk() -> MutexGuard<'static, Option<Disk>> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one folder that has such a disk; without one when dropped.
pub struct Mounted(());

/// How far a disk came.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub operations: u64,
    pub syncs: u64,
    /// Operations that were made to fail.
    pub failed: u64,
    pub stopped: bool,
}

impl Mounted {
    /// What is in the folder is on the platter.
    pub fn over(folder: &Path, seed: u64, faults: Faults) -> Self {
        let (mut names, mut images) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            names.insert(entry.file_name(), images.len());
            images.push(Image {
                durable: fs::read(entry.path()).unwrap(),
                pending: Vec::new(),
            });
        }
        *disk() = Some(Disk {
            folder: folder.canonicalize().unwrap(),
            live: names.clone(),
            durable: names,
            images,
            random: Random(seed),
            faults,
            stopped: false,
            operations: 0,
            syncs: 0,
            failed: 0,
        });
        Self(())
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Disk) -> T) -> T {
        ask(disk().as_mut().unwrap())
    }

    pub fn used(&self) -> Used {
        self.with(|disk| Used {
            operations: disk.operations,
            syncs: disk.syncs,
            failed: disk.failed,
            stopped: disk.stopped,
        })
    }

    /// Nothing gets through from here on: the process is dead, what is left of it only does not know yet.
    pub fn stop(&self) {
        self.with(|disk| disk.stopped = true);
    }

    /// Another process is started on the same operating system: it sees what the first one wrote, synced or not.
    pub fn start_again(&self, faults: Faults) {
        self.with(|disk| {
            disk.stopped = false;
            disk.faults = faults;
            disk.operations = 0;
        });
    }

    /// Power is lost: writes what the platter holds into another folder.
    pub fn lose_power(self, into: &Path) {
        let mut disk = disk().take().unwrap();
        let Disk {
            live,
            durable,
            images,
            random,
            ..
        } = &mut disk;
        let names: Vec<&OsString> = live.keys().chain(durable.keys()).collect();
        for name in names {
            let (new, old) = (live.get(name), durable.get(name));
            let image = if new == old || random.percent(50) {
                new
            } else {
                old
            };
            let Some(image) = image else { continue };
            images[*image].tear(random);
            fs::write(into.join(name), &images[*image].durable).unwrap();
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        disk().take();
    }
}

/// Which of the folder's files a descriptor is, or the folder itself.
enum Of {
    File(usize),
    Folder,
}

impl Disk {
    fn name(&self, path: &Path) -> Option<OsString> {
        let name = path.strip_prefix(&self.folder).ok()?;
        let memory = name.as_os_str().as_bytes().ends_with(b"-shm");
        (!memory).then(|| name.as_os_str().to_owned())
    }

    fn of(&mut self, fd: c_int) -> Option<Of> {
        let path = path_of(fd)?;
        if path == self.folder {
            return Some(Of::Folder);
        }
        let name = self.name(&path)?;
        if name.as_bytes().ends_with(b" (deleted)") {
            return None;
        }
        let new = self.images.len();
        let image = *self.live.entry(name).or_insert(new);
        if image == new {
            self.images.push(Image::default());
        }
        Some(Of::File(image))
    }

    /// One more operation; the error it has to fail with.
    fn operation(&mut self) -> Result<(), c_int> {
        self.operations += 1;
        self.stopped |= self.faults.stops_at.is_some_and(|at| self.operations >= at);
        if self.stopped { Err(EIO) } else { Ok(()) }
    }

    fn write(&mut self, bytes: usize) -> Result<(), c_int> {
        self.operation()?;
        let Some(room) = &mut self.faults.room else {
            return Ok(());
        };
        match room.checked_sub(bytes as u64) {
            Some(left) => *room = left,
            None => {
                self.failed += 1;
                return Err(ENOSPC);
            }
        }
        Ok(())
    }

    fn sync(&mut self, of: &Of) -> Result<(), c_int> {
        self.operation()?;
        self.syncs += 1;
        if self.faults.lies {
            return Ok(());
        }
        let fails = self.faults.failing_syncs.contains(&self.syncs);
        match of {
            Of::Folder if fails => {}
            Of::Folder => self.durable.clone_from(&self.live),
            Of::File(image) if fails => self.images[*image].tear(&mut self.random),
            Of::File(image) => self.images[*image].sync(),
        }
        if fails {
            self.failed += 1;
            return Err(EIO);
        }
        Ok(())
    }
}

fn path_of(fd: c_int) -> Option<PathBuf> {
    let link = format!("/proc/self/fd/{fd}\0");
    let mut path = [0_u8; 4_096];
    // SAFETY: the link ends with a zero byte, and no more is written than the buffer holds.
    let length =
        unsafe { libc::readlink(link.as_ptr().cast(), path.as_mut_ptr().cast(), path.len()) };
    let length = usize::try_from(length).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&path[..length])))
}

fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: the C library gives every thread a valid place for its error.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

/// The real call, past the C library's function of that name, which is ours here.
macro_rules! real {
    ($call:ident, $($argument:expr),+) => {
        // SAFETY: the arguments are those that the caller of the C function answers for.
        unsafe { libc::syscall(libc::$call, $($argument),+) }
    };
}

/// # Safety
/// As `pwrite(2)`: `bytes` points to `length` readable bytes.
unsafe fn write_at(fd: c_int, bytes: *const c_void, length: size_t, at: off64_t) -> ssize_t {
    let mut disk = disk();
    let found = disk
        .as_mut()
        .and_then(|disk| disk.of(fd).map(|of| (disk, of)));
    let Some((disk, Of::File(image))) = found else {
        return real!(SYS_pwrite64, fd, bytes, length, at) as ssize_t;
    };
    if let Err(errno) = disk.write(length) {
        return fail(errno);
    }
    let written = real!(SYS_pwrite64, fd, bytes, length, at) as ssize_t;
    if let (Ok(length), Ok(at)) = (usize::try_from(written), usize::try_from(at)) {
        // SAFETY: so many bytes were just read from there by the kernel.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
        disk.images[image]
            .pending
            .push(Change::Write(at, bytes.to_owned()));
    }
    written
}

/// # Safety
/// As `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    at: off_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe { write_at(fd, bytes, length, at) }
}

/// # Safety
/// As `pwrite(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    bytes: *const c_void,
    length: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe { write_at(fd, bytes, length, at) }
}

/// # Safety
/// As `write(2)`. For the folder's files the place is asked for first and moved afterwards; each of them has one writer
/// for one descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
    let ours = disk()
        .as_mut()
        .is_some_and(|disk| matches!(disk.of(fd), Some(Of::File(_))));
    if !ours {
        return real!(SYS_write, fd, bytes, length) as ssize_t;
    }
    let at = real!(SYS_lseek, fd, 0, libc::SEEK_CUR);
    // SAFETY: passed on as it came.
    let written = unsafe { write_at(fd, bytes, length, at) };
    if written > 0 {
        real!(SYS_lseek, fd, at + written as i64, libc::SEEK_SET);
    }
    written
}

fn set_length(fd: c_int, length: off64_t) -> c_int {
    let mut disk = disk();
    let found = disk
        .as_mut()
        .and_then(|disk| disk.of(fd).map(|of| (disk, of)));
    let Some((disk, Of::File(image))) = found else {
        return real!(SYS_ftruncate, fd, length) as c_int;
    };
    if let Err(errno) = disk.operation() {
        return fail(errno);
    }
    let done = real!(SYS_ftruncate, fd, length) as c_int;
    if let (0, Ok(length)) = (done, usize::try_from(length)) {
        disk.images[image].pending.push(Change::Length(length));
    }
    done
}

/// As `ftruncate(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    set_length(fd, length)
}

/// As `ftruncate(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    set_length(fd, length)
}

/// The real files of the folder are never synced: what they would hold is kept here, and it makes the test fast.
fn synced(fd: c_int) -> Option<c_int> {
    let mut disk = disk();
    let disk = disk.as_mut()?;
    let of = disk.of(fd)?;
    Some(disk.sync(&of).map_or_else(fail, |()| 0))
}

/// As `fsync(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    synced(fd).unwrap_or_else(|| real!(SYS_fsync, fd) as c_int)
}

/// As `fdatasync(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    synced(fd).unwrap_or_else(|| real!(SYS_fdatasync, fd) as c_int)
}

/// # Safety
/// `path` points to a string that ends with a zero byte.
unsafe fn as_path<'a>(path: *const c_char) -> &'a Path {
    // SAFETY: the caller's promise.
    Path::new(OsStr::from_bytes(
        unsafe { CStr::from_ptr(path) }.to_bytes(),
    ))
}

/// # Safety
/// As `unlink(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let mut disk = disk();
    if let Some(disk) = disk.as_mut()
        // SAFETY: the caller's promise.
        && let Some(name) = disk.name(unsafe { as_path(path) })
    {
        if let Err(errno) = disk.operation() {
            return fail(errno);
        }
        disk.live.remove(&name);
    }
    real!(SYS_unlink, path) as c_int
}

/// # Safety
/// As `rename(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let mut disk = disk();
    // SAFETY: the caller's promise.
    let (old, new) = unsafe { (as_path(from), as_path(to)) };
    if let Some(disk) = disk.as_mut()
        && let (Some(old), Some(new)) = (disk.name(old), disk.name(new))
    {
        if let Err(errno) = disk.operation() {
            return fail(errno);
        }
        if let Some(image) = disk.live.remove(&old) {
            disk.live.insert(new, image);
        }
    }
    real!(SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) as c_int
}
