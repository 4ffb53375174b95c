//! An archive in a folder: segments of JSON lines compressed with zstd, and a manifest that names each with its SHA-256.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use rapport_domain::event::Recorded;
use serde::{Deserialize, Serialize};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::archive::{FORMAT, Sink, check_format};
use super::export::Extent;
use super::files::{Hashed, create, hash_of, make_folder, part_of, put_in_place};
use super::line::{decode, encode};
use super::lines::next_line;
use super::{Place, TransferError};

/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// A segment ends when it holds this many events or bytes of lines, whichever comes first.
const SEGMENT_EVENTS: u64 = 16_384;
const SEGMENT_BYTES: usize = 32 << 20;
/// The usual level of zstd: a third of the size at some 200 MB/s.
const LEVEL: i32 = 3;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    rapport_export: u32,
    after: Option<Place>,
    /// False while an export is under way.
    complete: bool,
    events: u64,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segment {
    file: String,
    events: u64,
    first: Place,
    last: Place,
    bytes: u64,
    /// Of the file as it lies there, compressed.
    sha256: String,
}

impl Manifest {
    fn read(folder: &Path) -> Result<Self, TransferError> {
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).map_err(TransferError::io(&path))?;
        check_format(&path, &text)?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| {
            TransferError::damaged(&path, "it cannot be read as an export's manifest")
        })?;
        let named_in_order = manifest
            .segments
            .iter()
            .enumerate()
            .all(|(number, segment)| segment.file == segment_name(number));
        let sum: u64 = manifest.segments.iter().map(|segment| segment.events).sum();
        if !named_in_order || sum != manifest.events {
            return Err(TransferError::damaged(
                &path,
                "its segments do not add up to what it says",
            ));
        }
        Ok(manifest)
    }

    fn write(&self, folder: &Path) -> Result<(), TransferError> {
        let path = folder.join(MANIFEST);
        let written = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut file = create(&part_of(&path))?;
            file.write_all(&text)?;
            put_in_place(&file, &path)
        };
        written().map_err(TransferError::io(&path))
    }

    fn extent(&self) -> Extent {
        Extent {
            after: self.after,
            first: self.segments.first().map(|segment| segment.first),
            last: self.segments.last().map(|segment| segment.last),
            events: self.events,
        }
    }
}

fn segment_name(number: usize) -> String {
    format!("{:08}.jsonl.zst", number + 1)
}

struct Open {
    encoder: Encoder<'static, Hashed<File>>,
    path: PathBuf,
    first: Place,
    events: u64,
    bytes: usize,
}

/// Writes such a folder.
pub(crate) struct SegmentsSink {
    folder: PathBuf,
    manifest: Manifest,
    extent: Extent,
    open: Option<Open>,
}

impl SegmentsSink {
    /// Begins a folder, or goes on after the last segment that its manifest names.
    pub(crate) fn open(folder: &Path, after: Option<Place>) -> Result<Self, TransferError> {
        let io = || TransferError::io(folder);
        make_folder(folder).map_err(io())?;
        let manifest = if folder.join(MANIFEST).try_exists().map_err(io())? {
            Manifest::read(folder)?
        } else {
            // The manifest is the first thing an export writes, so anything else is somebody else's.
            let stranger = fs::read_dir(folder)
                .map_err(io())?
                .filter_map(Result::ok)
                .any(|entry| entry.path() != part_of(&folder.join(MANIFEST)));
            if stranger {
                return Err(TransferError::not_an_archive(
                    folder,
                    "the folder holds other things; name an empty or a new one",
                ));
            }
            let manifest = Manifest {
                rapport_export: FORMAT,
                after,
                complete: false,
                events: 0,
                segments: Vec::new(),
            };
            manifest.write(folder)?;
            manifest
        };
        if manifest.after != after {
            return Err(TransferError::OtherExport {
                path: folder.to_owned(),
                why: "it begins after another position than was asked for".to_owned(),
            });
        }
        for segment in &manifest.segments {
            let path = folder.join(&segment.file);
            let size = fs::metadata(&path).map_err(TransferError::io(&path))?.len();
            if size != segment.bytes {
                return Err(TransferError::damaged(
                    &path,
                    "it has another size than the manifest says",
                ));
            }
        }
        let extent = manifest.extent();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            extent,
            open: None,
        })
    }

    fn begin(&self, first: &Recorded) -> Result<Open, TransferError> {
        let path = self.folder.join(segment_name(self.manifest.segments.len()));
        let encoder =
            create(&part_of(&path)).and_then(|file| Encoder::new(Hashed::new(file), LEVEL));
        Ok(Open {
            encoder: encoder.map_err(TransferError::io(&path))?,
            path,
            first: Place::of(first),
            events: 0,
            bytes: 0,
        })
    }

    /// Ends the open segment and names it in the manifest; from then on it is part of the archive.
    fn close(&mut self, complete: bool) -> Result<(), TransferError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let ended = open.encoder.finish().and_then(|hashed| {
            let (file, sha256, bytes) = hashed.finish();
            put_in_place(&file, &open.path).map(|()| (sha256, bytes))
        });
        let (sha256, bytes) = ended.map_err(TransferError::io(&open.path))?;
        self.manifest.segments.push(Segment {
            file: segment_name(self.manifest.segments.len()),
            events: open.events,
            first: open.first,
            last: self.extent.last.unwrap_or(open.first),
            bytes,
            sha256,
        });
        self.manifest.events += open.events;
        self.manifest.complete = complete;
        self.manifest.write(&self.folder)
    }
}

impl Sink for SegmentsSink {
    fn extent(&self) -> &Extent {
        &self.extent
    }

    fn write(&mut self, recorded: &Recorded) -> Result<(), TransferError> {
        let line =
            encode(recorded).map_err(|error| TransferError::io(&self.folder)(error.into()))?;
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.events >= SEGMENT_EVENTS || open.bytes >= SEGMENT_BYTES)
        {
            self.close(false)?;
        }
        self.extent.add(&self.folder, recorded)?;
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin(recorded)?,
        };
        let open = self.open.insert(open);
        open.events += 1;
        open.bytes += line.len();
        open.encoder
            .write_all(&line)
            .map_err(TransferError::io(&open.path))
    }

    fn finish(mut self: Box<Self>) -> Result<Extent, TransferError> {
        if self.open.is_some() {
            self.close(true)?;
        } else if !self.manifest.complete {
            self.manifest.complete = true;
            self.manifest.write(&self.folder)?;
        }
        Ok(self.extent)
    }
}

struct Reading {
    lines: BufReader<Decoder<'static, BufReader<File>>>,
    number: usize,
    events: u64,
    last: Option<Place>,
}

/// A folder that was checked to be whole.
pub(crate) struct SegmentsSource {
    folder: PathBuf,
    manifest: Manifest,
    extent: Extent,
    next: usize,
    reading: Option<Reading>,
    line: Vec<u8>,
}

impl SegmentsSource {
    /// Reads every segment once: the folder is used only when it is complete and every hash is right.
    pub(crate) fn open(folder: &Path) -> Result<Self, TransferError> {
        let manifest = Manifest::read(folder)?;
        if !manifest.complete {
            return Err(TransferError::Incomplete {
                path: folder.to_owned(),
            });
        }
        for segment in &manifest.segments {
            let path = folder.join(&segment.file);
            let found = File::open(&path)
                .and_then(hash_of)
                .map_err(TransferError::io(&path))?;
            if found != (segment.sha256.clone(), segment.bytes) {
                return Err(TransferError::damaged(
                    &path,
                    "its SHA-256 is not the one in the manifest",
                ));
            }
        }
        let extent = manifest.extent();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            extent,
            next: 0,
            reading: None,
            line: Vec::new(),
        })
    }

    pub(crate) fn extent(&self) -> &Extent {
        &self.extent
    }

    pub(crate) fn page(&mut self, most: usize) -> Result<Vec<Recorded>, TransferError> {
        let mut page = Vec::new();
        while page.len() < most {
            if self.reading.is_none() && !self.open_next()? {
                break;
            }
            let Some(reading) = &mut self.reading else {
                break;
            };
            let segment = &self.manifest.segments[reading.number];
            let path = || self.folder.join(&segment.file);
            next_line(&mut reading.lines, &mut self.line)
                .map_err(|error| TransferError::damaged(&path(), error))?;
            if self.line.is_empty() {
                if reading.events != segment.events || reading.last != Some(segment.last) {
                    return Err(TransferError::damaged(
                        &path(),
                        "it does not hold the events that the manifest says",
                    ));
                }
                self.reading = None;
                continue;
            }
            let event = decode(&self.line).map_err(|why| TransferError::damaged(&path(), why))?;
            let place = Place::of(&event);
            if reading.events == 0 && place != segment.first {
                return Err(TransferError::damaged(
                    &path(),
                    "it does not begin with the event that the manifest says",
                ));
            }
            reading.events += 1;
            reading.last = Some(place);
            page.push(event);
        }
        Ok(page)
    }

    fn open_next(&mut self) -> Result<bool, TransferError> {
        let Some(segment) = self.manifest.segments.get(self.next) else {
            return Ok(false);
        };
        let path = self.folder.join(&segment.file);
        let decoder = File::open(&path)
            .and_then(Decoder::new)
            .map_err(TransferError::io(&path))?;
        self.reading = Some(Reading {
            lines: BufReader::new(decoder),
            number: self.next,
            events: 0,
            last: None,
        });
        self.next += 1;
        Ok(true)
    }
}
