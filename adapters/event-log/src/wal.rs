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
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file's header and that of each frame, as the format of SQLite's write-ahead log says
/// (<https://www.sqlite.org/fileformat2.html#walformat>).
const HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// Bytes written at a time.
const CHUNK: usize = 1 << 20;

/// Writes the last transaction of the write-ahead log again and syncs the file; nothing when there is none.
pub(crate) fn settle(wal: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(wal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(range) = last_transaction(&file)? else {
        return Ok(());
    };
    let mut buffer = vec![0; CHUNK];
    let mut at = range.start;
    while at < range.end {
        let rest = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
        let chunk = &mut buffer[..rest];
        file.read_exact_at(chunk, at)?;
        file.write_all_at(chunk, at)?;
        at += rest as u64;
    }
    file.sync_data()
}

/// Where the last transaction of the present generation lies, the header included when it is the first one. Checksums
/// are the database's business: a frame too many is only written once more.
fn last_transaction(file: &File) -> io::Result<Option<Range<u64>>> {
    let length = file.metadata()?.len();
    if length < HEADER + FRAME_HEADER {
        return Ok(None);
    }
    let mut header = [0; HEADER as usize];
    file.read_exact_at(&mut header, 0)?;
    let (page, salts) = (u64::from(number(&header, 8)), &header[16..24]);
    if !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        return Ok(None); // no header yet: nothing to believe
    }
    let (mut start, mut end, mut begun) = (0, None, 0);
    let mut at = HEADER;
    while at + FRAME_HEADER + page <= length {
        let mut frame = [0; FRAME_HEADER as usize];
        file.read_exact_at(&mut frame, at)?;
        if frame[8..16] != *salts {
            break; // left over from before the write-ahead log began anew
        }
        at += FRAME_HEADER + page;
        // Not zero: the database's size after the commit that this frame ends.
        if number(&frame, 4) != 0 {
            (start, end) = (begun, Some(at));
            begun = at;
        }
    }
    Ok(end.map(|end| start..end))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
