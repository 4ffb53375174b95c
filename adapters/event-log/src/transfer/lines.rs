//! An archive in one file of JSON lines: a line that says what it is, one line an event, a line that says that it ended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rapport_domain::event::{Position, Recorded};
use serde::{Deserialize, Serialize};

use super::archive::{FORMAT, Sink, check_format};
use super::export::Extent;
use super::files::{Sha256, create};
use super::line::{decode, encode};
use super::{Place, TransferError};

/// The longest line: an event of the largest size in base64, its envelope, and room to spare.
const LONGEST: u64 = 4 << 20;

/// How the last line begins; no event's line does.
const END: &[u8] = b"{\"end\":";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    rapport_export: u32,
    after: Option<Place>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    end: End,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    events: u64,
    last: Option<Position>,
    /// Of everything before this line.
    sha256: String,
}

/// Reads the next line with its line feed. Empty at the end; without a line feed when the file ends within it.
///
/// # Errors
/// As the reader; [`io::ErrorKind::InvalidData`] when the line is longer than any event's can be.
pub(crate) fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    from.by_ref().take(LONGEST).read_until(b'\n', line)?;
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is longer than any event's",
        ));
    }
    Ok(())
}

/// Writes such a file.
pub(crate) struct LinesSink {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    extent: Extent,
    /// Where a finished file ended: unless an event follows, nothing is written again.
    finished: bool,
}

impl LinesSink {
    /// Begins a file, or goes on with one: what was half written at its end is cut off.
    pub(crate) fn open(path: &Path, after: Option<Place>) -> Result<Self, TransferError> {
        let io = || TransferError::io(path);
        let header = header_line(after).map_err(io())?;
        let start = || -> Result<Self, TransferError> {
            let mut file = BufWriter::new(create(path).map_err(io())?);
            file.write_all(&header).map_err(io())?;
            let mut hash = Sha256::new();
            hash.update(&header);
            Ok(Self {
                path: path.to_owned(),
                file,
                hash,
                extent: Extent::begin(after),
                finished: false,
            })
        };
        if !path.try_exists().map_err(io())? {
            return start();
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(io())?;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        next_line(&mut reader, &mut line).map_err(io())?;
        if !line.ends_with(b"\n") && header.starts_with(&line) {
            return start();
        }
        let found = parse_header(path, &line)?;
        if found.after != after {
            let why = format!(
                "it begins after {}, asked for was after {}",
                name(found.after),
                name(after)
            );
            return Err(TransferError::OtherExport {
                path: path.to_owned(),
                why,
            });
        }
        let (mut hash, mut extent, mut finished) = (Sha256::new(), Extent::begin(after), false);
        let (mut kept, mut number) = (0, 1_u64);
        loop {
            hash.update(&line);
            kept += line.len() as u64;
            next_line(&mut reader, &mut line).map_err(io())?;
            number += 1;
            if !line.ends_with(b"\n") {
                break;
            }
            if line.starts_with(END) {
                finished = true;
                break;
            }
            let event = decode(&line)
                .map_err(|why| TransferError::damaged(path, format!("line {number}: {why}")))?;
            extent.add(path, &event)?;
        }
        if !finished {
            file.set_len(kept).map_err(io())?;
        }
        file.seek(SeekFrom::Start(kept)).map_err(io())?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            hash,
            extent,
            finished,
        })
    }
}

impl Sink for LinesSink {
    fn extent(&self) -> &Extent {
        &self.extent
    }

    fn write(&mut self, recorded: &Recorded) -> Result<(), TransferError> {
        let Self {
            path,
            file,
            hash,
            extent,
            finished,
        } = self;
        extent.add(path, recorded)?;
        let line = encode(recorded).map_err(|error| TransferError::io(path)(error.into()))?;
        if std::mem::take(finished) {
            // The position is where the last line began.
            let kept = file.stream_position().map_err(TransferError::io(path))?;
            file.get_ref()
                .set_len(kept)
                .map_err(TransferError::io(path))?;
        }
        hash.update(&line);
        file.write_all(&line).map_err(TransferError::io(path))
    }

    fn finish(self: Box<Self>) -> Result<Extent, TransferError> {
        let Self {
            path,
            mut file,
            hash,
            extent,
            finished,
        } = *self;
        if finished {
            return Ok(extent);
        }
        let end = End {
            events: extent.events,
            last: extent.last.map(|last| last.position),
            sha256: hash.finish(),
        };
        let written = serde_json::to_vec(&Trailer { end })
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                file.write_all(&line)
            })
            .and_then(|()| file.flush())
            .and_then(|()| file.get_ref().sync_all());
        written.map_err(TransferError::io(&path))?;
        Ok(extent)
    }
}

fn header_line(after: Option<Place>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Header {
        rapport_export: FORMAT,
        after,
    })?;
    line.push(b'\n');
    Ok(line)
}

fn parse_header(path: &Path, line: &[u8]) -> Result<Header, TransferError> {
    check_format(path, line)?;
    serde_json::from_slice(line)
        .map_err(|_| TransferError::not_an_archive(path, "its first line is not that of an export"))
}

fn name(after: Option<Place>) -> String {
    after.map_or("nothing".to_owned(), |place| {
        format!("position {}", place.position)
    })
}

/// A file that was checked to be whole.
pub(crate) struct LinesSource {
    path: PathBuf,
    reader: BufReader<File>,
    extent: Extent,
    line: Vec<u8>,
}

impl LinesSource {
    /// Reads the file once to its end: it is used only when it is complete and its hash is right.
    pub(crate) fn open(path: &Path) -> Result<Self, TransferError> {
        let io = || TransferError::io(path);
        let mut reader = BufReader::new(File::open(path).map_err(io())?);
        let mut line = Vec::new();
        next_line(&mut reader, &mut line).map_err(io())?;
        let incomplete = || TransferError::Incomplete {
            path: path.to_owned(),
        };
        let is_a_beginning = b"{\"rapport_export\":".starts_with(&line[..line.len().min(18)]);
        if !line.ends_with(b"\n") && is_a_beginning {
            return Err(incomplete());
        }
        let header = parse_header(path, &line)?;
        let begins = line.len() as u64;
        let (mut hash, mut events) = (Sha256::new(), 0);
        loop {
            hash.update(&line);
            next_line(&mut reader, &mut line).map_err(io())?;
            if !line.ends_with(b"\n") {
                return Err(incomplete());
            }
            if line.starts_with(END) {
                break;
            }
            events += 1;
        }
        let Trailer { end } = serde_json::from_slice(&line)
            .map_err(|_| TransferError::damaged(path, "its last line cannot be read"))?;
        let mut more = Vec::new();
        next_line(&mut reader, &mut more).map_err(io())?;
        let why = if !more.is_empty() {
            Some("something follows its last line")
        } else if end.events != events {
            Some("it does not hold as many events as its last line says")
        } else if end.sha256 != hash.finish() {
            Some("its SHA-256 is not the one in its last line")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(TransferError::damaged(path, why));
        }
        let mut file = reader.into_inner();
        file.seek(SeekFrom::Start(begins)).map_err(io())?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            extent: Extent {
                events,
                ..Extent::begin(header.after)
            },
            line,
        })
    }

    pub(crate) fn extent(&self) -> &Extent {
        &self.extent
    }

    pub(crate) fn page(&mut self, most: usize) -> Result<Vec<Recorded>, TransferError> {
        let mut page = Vec::new();
        while page.len() < most {
            next_line(&mut self.reader, &mut self.line).map_err(TransferError::io(&self.path))?;
            if self.line.is_empty() || self.line.starts_with(END) {
                break;
            }
            let event =
                decode(&self.line).map_err(|why| TransferError::damaged(&self.path, why))?;
            page.push(event);
        }
        Ok(page)
    }
}
