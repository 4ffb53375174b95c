//! What the files hold of a customer, by their id.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rapport_domain::id::CustomerId;
use rusqlite::{Connection, OpenFlags};

use crate::customers::Customers;
use crate::error::OpenError;
use crate::file::Schema;
use crate::model::Handler;
use crate::stored::bytes;
use crate::timeline::Timeline;
use crate::worklist::Worklist;

/// What one read model holds of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Name of the model.
    pub model: &'static str,
    /// Rows with something personal.
    pub rows: u64,
}

const QUESTIONS: [(Schema, &str); 3] = [
    (
        Customers::SCHEMA,
        "SELECT (SELECT count(*) FROM customer WHERE id = ?1 AND (name IS NOT NULL OR zone IS NOT NULL))
            + (SELECT count(*) FROM contact_point WHERE customer = ?1)
            + (SELECT count(*) FROM claim WHERE customer = ?1)
            + (SELECT count(*) FROM consent WHERE customer = ?1)
            + (SELECT count(*) FROM wish WHERE customer = ?1 AND note IS NOT NULL)",
    ),
    (
        Timeline::SCHEMA,
        "SELECT count(*) FROM item WHERE customer = ?1 AND text IS NOT NULL",
    ),
    (
        Worklist::SCHEMA,
        "SELECT count(*) FROM latest_interaction WHERE customer = ?1",
    ),
];

/// Counts what the read models of a data folder hold of a customer, also beside a hub that writes to them, in every file of
/// the version that this program keeps. A model that has no file holds nothing; a file of another version is not asked.
///
/// # Errors
/// [`OpenError`] when a file cannot be read.
pub fn remains(data: &Path, customer: CustomerId) -> Result<Vec<Remains>, OpenError> {
    let folder = data.join("read-models");
    let mut all = Vec::new();
    for (schema, question) in QUESTIONS {
        let mut rows = 0;
        for path in files(&folder, schema.name).map_err(|source| OpenError::Folder {
            path: folder.clone(),
            source,
        })? {
            rows += ask(&path, &schema, question, customer)
                .map_err(OpenError::file(schema.name, &path))?;
        }
        let model = schema.name;
        all.push(Remains { model, rows });
    }
    Ok(all)
}

fn files(folder: &Path, model: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let begins = format!("{model}.v");
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&begins) && name.ends_with(".db") {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn ask(
    path: &Path,
    schema: &Schema,
    question: &str,
    customer: CustomerId,
) -> rusqlite::Result<u64> {
    let on = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    on.busy_timeout(Duration::from_secs(5))?;
    let version: u32 = on.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != schema.version {
        return Ok(0);
    }
    on.query_row(question, [bytes(customer.as_uuid())], |row| {
        crate::stored::unsigned(row, 0)
    })
}
