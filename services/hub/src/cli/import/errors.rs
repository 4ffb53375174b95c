//! Rows that are wrong, in a file that can be mended and imported.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::table::{Row, Wrong};

/// The columns before those of the table. An import passes over them.
pub const ADDED: [&str; 2] = ["row", "reason"];

/// The file, which is made with the first row that is wrong.
pub struct Errors {
    file: PathBuf,
    header: Vec<String>,
    writer: Option<csv::Writer<BufWriter<File>>>,
}

impl Errors {
    /// For a table with these columns.
    pub fn beside(table: &Path, given: Option<PathBuf>, header: &[String]) -> Self {
        let file = given.unwrap_or_else(|| {
            let mut name = table.as_os_str().to_owned();
            name.push(".errors.csv");
            PathBuf::from(name)
        });
        Self {
            file,
            header: header.to_vec(),
            writer: None,
        }
    }

    fn failed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::new(format!("cannot write {}: {error}", self.file.display()))
    }

    /// Adds a row.
    pub fn note(&mut self, row: &Row, wrong: &Wrong) -> Result<(), Failure> {
        if self.writer.is_none() {
            let writer = self.open().map_err(|error| self.failed(error))?;
            self.writer = Some(writer);
        }
        let number = row.number.to_string();
        let reason = wrong.to_string();
        let added = [number.as_str(), reason.as_str()].map(inert);
        let cells = row.cells.iter().map(|cell| inert(cell));
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let written = writer.write_record(added.into_iter().chain(cells));
        written.map_err(|error| self.failed(error))
    }

    fn open(&self) -> csv::Result<csv::Writer<BufWriter<File>>> {
        // What customers are called is in there: it is this user's alone.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.file)?;
        // Spreadsheets take UTF-8 for something else without it.
        file.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(BufWriter::new(file));
        let names = ADDED.iter().copied();
        writer.write_record(names.chain(self.header.iter().map(String::as_str)))?;
        Ok(writer)
    }

    /// The file, when there is one.
    pub fn finish(mut self) -> Result<Option<PathBuf>, Failure> {
        let Some(mut writer) = self.writer.take() else {
            return Ok(None);
        };
        writer.flush().map_err(|error| self.failed(error))?;
        Ok(Some(self.file))
    }
}

/// A cell that no spreadsheet takes for a formula. [`plain`] is the way back.
pub fn inert(cell: &str) -> String {
    if is_formula(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// A cell as it was before it was made inert.
pub fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => cell,
    }
}

/// Whether a spreadsheet would calculate it. A number with its sign, such as a telephone number, does no harm.
fn is_formula(cell: &str) -> bool {
    let mut letters = cell.chars();
    match letters.next() {
        Some('=' | '@' | '\t' | '\r') => true,
        Some('+' | '-') => !letters.all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | ',')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spreadsheet_calculates_what_is_written_and_it_reads_back_as_it_was() {
        for formula in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"] {
            assert!(inert(formula).starts_with('\''), "{formula}");
            assert_eq!(plain(&inert(formula)), formula);
        }
        for text in ["+49 30 12345", "-5", "'quoted'", "", "O'Brien", "plain"] {
            assert_eq!(inert(text), text);
            assert_eq!(plain(text), text);
        }
    }
}
