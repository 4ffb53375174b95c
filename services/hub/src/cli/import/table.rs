//! A table: names of columns, then rows (RFC 4180). What is in a cell is text, whatever it looks like.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::super::Failure;
use super::decoding::Decoding;
use super::errors::{ADDED, plain};

/// The longest row, in bytes: a quote that is never closed must not read a whole file into memory.
const LONGEST: u64 = 1 << 20;

/// How a cell is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// As it is.
    Text,
    /// As a whole number.
    Whole,
    /// As words between spaces, `;` or `|`.
    Words,
}

/// A column that a table may have.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// How its cells are read.
    pub read: As,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}{}{why}", if column.is_empty() { "" } else { ": " })]
pub struct Wrong {
    /// In which column; empty when it is the row as a whole.
    pub column: String,
    /// What.
    pub why: String,
}

impl Wrong {
    /// In a column.
    pub fn new(column: &str, why: impl Into<String>) -> Self {
        Self {
            column: column.to_owned(),
            why: why.into(),
        }
    }
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which, from 1, the names not counted.
    pub number: u64,
    /// What is in it.
    pub cells: Vec<String>,
    columns: Columns,
    width: usize,
}

/// The columns of the table: shared by its rows, which travel between threads.
type Columns = std::sync::Arc<Vec<Option<Column>>>;

impl Row {
    /// Its cells by the names of their columns, without the empty ones.
    pub fn values(&self) -> Result<Map<String, Value>, Wrong> {
        if self.cells.len() != self.width {
            let why = format!("has {} cells, not {}", self.cells.len(), self.width);
            return Err(Wrong::new("", why));
        }
        let mut values = Map::new();
        for (column, cell) in self.columns.iter().zip(&self.cells) {
            let Some(column) = column else { continue };
            if cell.contains('\u{fffd}') {
                let why = "holds bytes that are no letters; is --encoding right?";
                return Err(Wrong::new(column.name, why));
            }
            let cell = plain(cell).trim();
            if !cell.is_empty() {
                values.insert(column.name.to_owned(), read(*column, cell)?);
            }
        }
        Ok(values)
    }

    /// What the row says, as a name that no other row has.
    pub fn fingerprint(&self) -> String {
        self.columns
            .iter()
            .zip(&self.cells)
            .filter_map(|(column, cell)| Some((column.as_ref()?.name, plain(cell).trim())))
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(name, cell)| format!("{name}\u{1f}{cell}\u{1e}"))
            .collect()
    }
}

fn read(column: Column, cell: &str) -> Result<Value, Wrong> {
    Ok(match column.read {
        As::Text => cell.into(),
        As::Whole => {
            let number = cell.parse::<u64>();
            let wrong = |_| Wrong::new(column.name, "is no whole number");
            number.map_err(wrong)?.into()
        }
        As::Words => {
            let words = cell.split([' ', ';', '|']).filter(|word| !word.is_empty());
            words.collect::<Vec<_>>().into()
        }
    })
}

/// A file that gives up when a row does not end.
struct Bounded {
    from: Decoding<File>,
    /// Bytes since the last row ended.
    since: Rc<Cell<u64>>,
    taken: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LONGEST {
            let why = format!("a row has more than {LONGEST} bytes: is a quote not closed?");
            return Err(io::Error::other(why));
        }
        let read = self.from.read(to)?;
        self.since.set(self.since.get() + read as u64);
        self.taken.set(self.from.taken);
        Ok(read)
    }
}

/// A table that is read row by row.
pub struct Table {
    reader: Reader<Bounded>,
    header: Vec<String>,
    columns: Columns,
    /// Columns before them, which an error file adds.
    added: usize,
    record: StringRecord,
    number: u64,
    since: Rc<Cell<u64>>,
    taken: Rc<Cell<u64>>,
}

impl Table {
    /// Reads the names of the columns.
    pub fn open(
        file: File,
        encoding: &'static encoding_rs::Encoding,
        delimiter: char,
        known: &[Column],
    ) -> Result<Self, Failure> {
        let delimiter = u8::try_from(delimiter)
            .ok()
            .filter(u8::is_ascii)
            .ok_or_else(|| Failure::new("--delimiter is one ASCII sign, such as , or ;"))?;
        let (since, taken) = (Rc::<Cell<u64>>::default(), Rc::<Cell<u64>>::default());
        let from = Bounded {
            from: Decoding::new(file, encoding),
            since: since.clone(),
            taken: taken.clone(),
        };
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(from);
        let names = reader.headers().map_err(Failure::new)?;
        let header: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        let columns = columns(&header, known)?;
        let added = header
            .iter()
            .zip(ADDED)
            .take_while(|(name, added)| name == added);
        let added = added.count();
        Ok(Self {
            reader,
            header: header[added..].to_vec(),
            columns: Columns::new(columns[added..].to_vec()),
            added,
            record: StringRecord::new(),
            number: 0,
            since,
            taken,
        })
    }

    /// The names of the columns, without those that an error file adds.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Bytes of the file that were read.
    pub fn bytes(&self) -> u64 {
        self.taken.get()
    }

    /// The next row.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        let more = self.reader.read_record(&mut self.record);
        let after = self.number;
        if !more.map_err(|error| Failure::new(format!("after row {after}: {error}")))? {
            return Ok(None);
        }
        self.since.set(0);
        self.number += 1;
        let cells = self.record.iter().skip(self.added).map(str::to_owned);
        Ok(Some(Row {
            number: self.number,
            cells: cells.collect(),
            columns: self.columns.clone(),
            width: self.header.len(),
        }))
    }
}

/// What each column of the table is; those of an error file are passed over.
fn columns(header: &[String], known: &[Column]) -> Result<Vec<Option<Column>>, Failure> {
    let mut columns = Vec::new();
    for (place, name) in header.iter().enumerate() {
        let column = known.iter().find(|column| column.name == name);
        let added = place < ADDED.len() && ADDED[place] == name;
        if column.is_none() && !added {
            let names: Vec<&str> = known.iter().map(|column| column.name).collect();
            return Err(Failure::new(format!(
                "the column {name:?} is not known; there are {}",
                names.join(", ")
            )));
        }
        if header[..place].contains(name) {
            return Err(Failure::new(format!("the column {name:?} is there twice")));
        }
        columns.push(column.copied());
    }
    Ok(columns)
}
