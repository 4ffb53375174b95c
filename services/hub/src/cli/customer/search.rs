//! Searches files byte for byte, free pages and journals of databases included, and archives that are compressed with
//! Zstandard from the inside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, BuildError};
use indicatif::ProgressBar;
use rapport_domain::id::CustomerId;
use rapport_event_log::keys::SharedKeys;

use super::patterns;
use super::witness::Known;

/// The keys in a data folder.
const KEYS: &str = "keys.db";
/// What a file of keys has in its schema, which stands in so many bytes at its beginning.
const TABLE_OF_KEYS: &[u8] = b"TABLE keys (";
const SCHEMA_WITHIN: usize = 16 << 10;
/// Bytes searched at a time.
const CHUNK: usize = 1 << 20;
/// How a Zstandard frame begins (RFC 8878, section 3.1.1).
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How files begin that hold other files in a form that is not looked into.
const CLOSED: [(&[u8], &str); 6] = [
    (&[0x1f, 0x8b], "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"age-encryption.org/", "age"),
];

/// The values of a customer that are looked for, in all their forms.
pub struct Search {
    customer: CustomerId,
    automaton: AhoCorasick,
    longest: usize,
    /// Which value a form is of.
    owners: Vec<usize>,
    /// What each value is, without the value.
    kinds: Vec<String>,
    /// Values that are too short to be told from chance.
    pub too_short: usize,
}

/// Where values of one kind were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The first byte of the first one in the file, or in what is compressed in it.
    pub first: u64,
    /// How many places there are.
    pub count: u64,
}

/// What was found in one file.
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// Whether the places count in what is compressed in it.
    pub inside: bool,
    /// By the kind of value.
    pub places: BTreeMap<String, Places>,
}

/// What a search did.
#[derive(Default)]
pub struct Report {
    /// Files that were read to their end.
    pub files: u64,
    /// Bytes searched, of compressed files those inside as well.
    pub bytes: u64,
    /// Where something was found.
    pub found: Vec<Found>,
    /// Files with the customer's key.
    pub keys: Vec<PathBuf>,
    /// What could not be looked at, and why.
    pub unseen: Vec<(PathBuf, String)>,
}

impl Search {
    /// Prepares to look for these values.
    pub fn of(customer: CustomerId, known: &[Known]) -> Result<Self, BuildError> {
        let (mut forms, mut owners, mut too_short) = (Vec::new(), Vec::new(), 0);
        for (number, known) in known.iter().enumerate() {
            let pieces = patterns::pieces(&known.value);
            too_short += usize::from(pieces.is_empty());
            for form in pieces.iter().flat_map(|piece| patterns::forms(piece)) {
                forms.push(form);
                owners.push(number);
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&forms)?;
        Ok(Self {
            customer,
            automaton,
            longest: forms.iter().map(Vec::len).max().unwrap_or(0),
            owners,
            kinds: known.iter().map(|known| known.kind.clone()).collect(),
            too_short,
        })
    }

    /// How many byte strings are looked for.
    pub fn forms(&self) -> usize {
        self.owners.len()
    }

    /// The kinds of values that stand in these bytes.
    pub fn kinds_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let hits = self.automaton.find_iter(bytes);
        hits.map(|hit| self.kinds[self.owners[hit.pattern().as_usize()]].as_str())
            .collect()
    }

    /// Searches files and folders. `except` is left out: the file that holds the values.
    pub fn run(&self, roots: &[PathBuf], except: Option<&Path>, bar: &ProgressBar) -> Report {
        let mut report = Report::default();
        let except = except.and_then(|file| fs::canonicalize(file).ok());
        let mut files = Vec::new();
        for root in roots {
            walk(root, &mut files, &mut report.unseen);
        }
        files.retain(|(file, _)| except.is_none() || fs::canonicalize(file).ok() != except);
        files.sort();
        files.dedup();
        // The first place is the data folder, whose own keys have been asked.
        let own = roots.first().map(|data| data.join(KEYS));
        for (file, _) in &files {
            if file.extension().is_some_and(|ending| ending == "db")
                && holds_keys(file)
                && Some(file) != own.as_ref()
            {
                let why = "a copy of keys: made before the erasure, it opens what is sealed in a copy of the log; delete it";
                report.unseen.push((file.clone(), why.to_owned()));
            }
        }
        bar.set_length(files.iter().map(|(_, size)| size).sum());
        for (file, _) in files {
            if let Err(error) = self.file(&file, &mut report, bar) {
                // A journal that its database has put away since the folder was listed is no longer there to be read.
                if error.kind() != io::ErrorKind::NotFound {
                    report.unseen.push((file, error.to_string()));
                }
            }
        }
        report
    }

    fn file(&self, path: &Path, report: &mut Report, bar: &ProgressBar) -> io::Result<()> {
        let mut start = [0; 20];
        let begun = read_full(&mut File::open(path)?, &mut start)?;
        let start = &start[..begun];
        self.stream(path, false, &mut bar.wrap_read(File::open(path)?), report)?;
        report.files += 1;
        if SharedKeys::holds_key_of(path, self.customer)? {
            report.keys.push(path.to_owned());
        }
        if start.starts_with(ZSTD) {
            let mut inside = zstd::stream::read::Decoder::new(File::open(path)?)?;
            self.stream(path, true, &mut inside, report)?;
        }
        if let Some((_, form)) = CLOSED.iter().find(|(begins, _)| start.starts_with(begins)) {
            let why = format!("packed with {form}: unpack it and search again with --also");
            report.unseen.push((path.to_owned(), why));
        }
        Ok(())
    }

    fn stream(
        &self,
        path: &Path,
        inside: bool,
        from: &mut impl Read,
        report: &mut Report,
    ) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK + self.longest];
        // What is kept of the last chunk, for values that lie across the border.
        let (mut kept, mut before) = (0, 0_u64);
        let mut found = Found {
            file: path.to_owned(),
            inside,
            places: BTreeMap::new(),
        };
        loop {
            let read = read_full(from, &mut buffer[kept..kept + CHUNK])?;
            let end = kept + read;
            report.bytes += read as u64;
            for hit in self.automaton.find_iter(&buffer[..end]) {
                // What ends in the part that was kept has been told.
                if hit.end() <= kept {
                    continue;
                }
                let kind = &self.kinds[self.owners[hit.pattern().as_usize()]];
                let first = before + hit.start() as u64;
                let places = found.places.entry(kind.clone());
                places.or_insert(Places { first, count: 0 }).count += 1;
            }
            if read < CHUNK {
                break;
            }
            let keep = self.longest.saturating_sub(1).min(end);
            buffer.copy_within(end - keep..end, 0);
            before += (end - keep) as u64;
            kept = keep;
        }
        if !found.places.is_empty() {
            report.found.push(found);
        }
        Ok(())
    }
}

/// Whether a database is one of keys: by its schema, because a copy may be called anything.
fn holds_keys(path: &Path) -> bool {
    let mut start = vec![0; SCHEMA_WITHIN];
    let read = File::open(path).and_then(|mut file| read_full(&mut file, &mut start));
    read.is_ok_and(|read| {
        let start = &start[..read];
        start
            .windows(TABLE_OF_KEYS.len())
            .any(|bytes| bytes == TABLE_OF_KEYS)
    })
}

fn read_full(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Every regular file below; links are not followed, so that nothing is left out silently they are named.
fn walk(at: &Path, files: &mut Vec<(PathBuf, u64)>, unseen: &mut Vec<(PathBuf, String)>) {
    let about = match fs::symlink_metadata(at) {
        Ok(about) => about,
        Err(error) => return unseen.push((at.to_owned(), error.to_string())),
    };
    if about.is_file() {
        files.push((at.to_owned(), about.len()));
    } else if about.is_dir() {
        match fs::read_dir(at) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => walk(&entry.path(), files, unseen),
                        Err(error) => unseen.push((at.to_owned(), error.to_string())),
                    }
                }
            }
            Err(error) => unseen.push((at.to_owned(), error.to_string())),
        }
    } else if about.is_symlink() {
        let why = "a link: name what it leads to with --also".to_owned();
        unseen.push((at.to_owned(), why));
    } else if !about.file_type().is_socket() {
        // A socket holds nothing.
        unseen.push((at.to_owned(), "neither a file nor a folder".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search {
        let known = |kind: &str, value: &str| Known {
            kind: kind.to_owned(),
            value: value.to_owned(),
        };
        let all = [
            known("customer.named: name", "Li Wei Schmidt"),
            known("contact_point", "+4930123456"),
            known("message", "ok"),
        ];
        Search::of(CustomerId::from_uuid(uuid::Uuid::nil()), &all).unwrap()
    }

    fn look(folder: &Path, except: Option<&Path>) -> Report {
        search().run(&[folder.to_owned()], except, &ProgressBar::hidden())
    }

    #[test]
    fn a_value_across_the_border_of_two_chunks_is_found_once_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        for offset in [
            0,
            CHUNK - 20,
            CHUNK - 7,
            CHUNK,
            2 * CHUNK - 3,
            2 * CHUNK + 9,
        ] {
            let mut bytes = vec![b'.'; 3 * CHUNK];
            bytes[offset..offset + 14].copy_from_slice(b"LI WEI schmidt");
            fs::write(folder.path().join("file"), &bytes).unwrap();
            let report = look(folder.path(), None);
            let [found] = &report.found[..] else {
                panic!("{offset}: {} files", report.found.len())
            };
            let places = Places {
                first: offset as u64,
                count: 1,
            };
            let only = BTreeMap::from([("customer.named: name".to_owned(), places)]);
            assert_eq!(found.places, only);
            assert_eq!((report.files, report.bytes), (1, 3 * CHUNK as u64));
        }
    }

    #[test]
    fn archives_are_looked_into_and_what_cannot_be_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{{\"value\":\"+4930123456\"}}{}", "x".repeat(3 * CHUNK));
        let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
        fs::write(folder.path().join("log.jsonl.zst"), packed).unwrap();
        fs::write(folder.path().join("old.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("link")).unwrap();
        let report = look(folder.path(), None);
        // Short texts may stand in an archive as they are, so the archive as a whole may be told as well.
        let found = report.found.iter().find(|found| found.inside).unwrap();
        assert!(found.file.ends_with("log.jsonl.zst"));
        assert_eq!(found.places["contact_point"].first, 10);
        let mut unseen: Vec<_> = report.unseen.iter().map(|(file, _)| file).collect();
        unseen.sort();
        assert!(unseen[0].ends_with("link") && unseen[1].ends_with("old.gz"));
    }

    #[test]
    fn the_witness_itself_is_left_out_and_values_too_short_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let witness = folder.path().join("witness");
        fs::write(&witness, "Li Wei Schmidt").unwrap();
        let report = look(folder.path(), Some(&witness));
        assert!(report.found.is_empty());
        assert_eq!((report.files, search().too_short), (0, 1));
    }
}
