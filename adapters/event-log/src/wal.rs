//! Making sure that what a start believes is on disk.
//!
//! After a crash the database takes every whole transaction it finds in the write-ahead log for committed, and so do we:
//! a retry of it is answered "stored". But it was read through the operating system's memory. When the process died
//! between writing and syncing, or when the sync failed, the disk may hold nothing of it. After a *failed* sync a later
//! one does not help either: the kernel has dropped the marks that said what was still to be written, and the next sync
//! succeeds over a hole. So before anything in it is believed, the last transaction is written once more, byte for byte
//! as it is read, and synced. Only the last one can be concerned: every earlier commit was synced, or else the writer
//! would have come through here before it went on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file's header and that of each frame, as the format of SQLite's write-ahead log says
/// (<https://www.sqlite.org/fileformat2.html#walformat>).
const MAGIC: u32 = 0x377f_0682;
const HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Bytes written at a time.
const CHUNK: usize = 1 << 20;

/// Writes the last transaction of the write-ahead log again and syncs the file; nothing when there is none. Answers how
/// many transactions lie behind it: see [`Ends`].
pub(crate) fn settle(wal: &Path) -> io::Result<u64> {
    let file = match OpenOptions::new().read(true).write(true).open(wal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let Some(ends) = ends(&file)? else {
        return Ok(0);
    };
    let mut buffer = vec![0; CHUNK];
    let Range { start: mut at, end } = ends.last;
    while at < end {
        let rest = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let chunk = &mut buffer[..rest];
        file.read_exact_at(chunk, at)?;
        file.write_all_at(chunk, at)?;
        at += rest as u64;
    }
    file.sync_data()?;
    Ok(ends.behind)
}

/// How many transactions lie behind the last whole one, in a file that nobody writes to.
pub(crate) fn behind(wal: &Path) -> io::Result<u64> {
    match File::open(wal) {
        Ok(file) => Ok(ends(&file)?.map_or(0, |ends| ends.behind)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// More transactions than this behind the last whole one are no leftover of one that was cut.
pub(crate) const CUT: u64 = 1;

/// Makes sure that the write-ahead log has its name: the database syncs the folder once, when it has made the file, and
/// goes on when that fails.
pub(crate) fn settle_name(wal: &Path) -> io::Result<()> {
    let folder = wal.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

/// Where the write-ahead log ends.
struct Ends {
    /// The last whole transaction, the header included when it is the first one too.
    last: Range<u64>,
    /// Ends of transactions of the same generation behind it, which the database does not take. One is what a crash in
    /// the middle of a commit leaves. With several, something *before* them that had been synced is broken.
    behind: u64,
}

/// Finds the end as the database finds it, by salts and checksums: behind it there may be frames of an earlier attempt
/// that was longer and came to nothing. `None` without one whole transaction.
fn ends(file: &File) -> io::Result<Option<Ends>> {
    let length = file.metadata()?.len();
    if length < HEADER + FRAME_HEADER {
        return Ok(None);
    }
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let mut header = [0; HEADER as usize];
    reader.read_exact(&mut header)?;
    let page = number(&header, 8);
    let big = number(&header, 0) & 1 == 1;
    let mut sums = checksum((0, 0), &header[..24], big);
    if number(&header, 0) & !1 != MAGIC
        || !page.is_power_of_two()
        || !(512..=65_536).contains(&page)
        || sums != (number(&header, 24), number(&header, 28))
    {
        return Ok(None); // no header yet: nothing to believe
    }
    let mut frame = vec![0; FRAME_HEADER as usize + page as usize];
    let (mut last, mut begun, mut at, mut whole, mut behind) = (None, 0, HEADER, true, 0);
    while at + frame.len() as u64 <= length {
        reader.read_exact(&mut frame)?;
        at += frame.len() as u64;
        let ours = frame[8..16] == header[16..24];
        if whole {
            sums = checksum(checksum(sums, &frame[..8], big), &frame[24..], big);
            whole = ours && sums == (number(&frame, 16), number(&frame, 20));
        }
        // Not zero: the database's size after the commit that this frame ends.
        let ends_one = ours && number(&frame, 4) != 0;
        if whole && ends_one {
            last = Some(begun..at);
            begun = at;
        } else if ends_one {
            behind += 1;
        } else if !ours {
            break; // from before it began anew
        }
    }
    Ok(last.map(|last| Ends { last, behind }))
}

/// The running checksum of the format, over pairs of 32-bit words in the byte order of the machine that wrote them.
fn checksum(before: (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    bytes.chunks_exact(8).fold(before, |(one, two), pair| {
        let [a, b, c, d, e, f, g, h] = *pair else {
            return (one, two);
        };
        let (first, second) = if big {
            (
                u32::from_be_bytes([a, b, c, d]),
                u32::from_be_bytes([e, f, g, h]),
            )
        } else {
            (
                u32::from_le_bytes([a, b, c, d]),
                u32::from_le_bytes([e, f, g, h]),
            )
        };
        let one = one.wrapping_add(first).wrapping_add(two);
        (one, two.wrapping_add(second).wrapping_add(one))
    })
}

/// The integers of the headers are big-endian.
fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// A database with a write-ahead log that nothing is moved out of.
    fn database(folder: &Path) -> (Connection, std::path::PathBuf) {
        let connection = Connection::open(folder.join("test.db")).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)",
            )
            .expect("a table");
        (connection, folder.join("test.db-wal"))
    }

    fn found(wal: &Path) -> Option<Range<u64>> {
        ends(&File::open(wal).expect("the file"))
            .expect("readable")
            .map(|ends| ends.last)
    }

    #[test]
    fn the_last_transaction_is_what_the_database_added_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let (connection, wal) = database(folder.path());
        let length = || std::fs::metadata(&wal).expect("the file").len();
        assert_eq!(found(&wal), Some(0..length()), "with the header");
        for size in [10, 50_000, 10] {
            let before = length();
            connection
                .execute("INSERT INTO t VALUES (zeroblob(?1))", [size])
                .expect("stored");
            assert_eq!(found(&wal), Some(before..length()));
        }
        // Behind it: half a frame, then a frame that belongs to nothing.
        let (range, bytes) = (found(&wal), std::fs::read(&wal).expect("readable"));
        for rest in [&bytes[32..1_000], &bytes[32..]] {
            std::fs::write(&wal, [&bytes[..], rest].concat()).expect("written");
            assert_eq!(found(&wal), range);
        }
        std::fs::write(&wal, &bytes).expect("written");
        assert_eq!(settle(&wal).expect("settled"), 0);
        assert_eq!(std::fs::read(&wal).expect("readable"), bytes);
        // Something in the first transaction is broken: all three that followed lie behind it.
        let mut broken = bytes;
        broken[100] ^= 1;
        std::fs::write(&wal, broken).expect("written");
        assert_eq!(found(&wal), None);
    }

    #[test]
    fn a_write_ahead_log_that_is_empty_missing_or_nonsense_needs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let wal = folder.path().join("some.db-wal");
        settle(&wal).expect("nothing to do");
        for nonsense in [vec![], vec![0; 10], vec![0x5a; 100_000]] {
            std::fs::write(&wal, &nonsense).expect("written");
            settle(&wal).expect("nothing to do");
            assert_eq!(std::fs::read(&wal).expect("readable"), nonsense);
        }
    }
}
