//! What the tests of read models share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rapport_domain::aggregate::{Fact, encode};
use rapport_domain::event::{Actor, Meta, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::port::projection::Projection;
use rapport_domain::time::Timestamp;
use rapport_read_model::ReadModels;
use rusqlite::types::Value;
use uuid::Uuid;

/// A log on paper: facts in, recorded events out. Positions have gaps.
#[derive(Default)]
pub struct Paper {
    pub events: Vec<Recorded>,
    revisions: BTreeMap<Stream, u64>,
}

impl Paper {
    pub fn append<F: Fact>(&mut self, tenant: TenantId, id: Uuid, now: Timestamp, facts: &[F]) {
        for fact in facts {
            let encoded = encode(fact).unwrap();
            self.raw(
                tenant,
                Stream::new(F::CATEGORY, id),
                now,
                &encoded.kind,
                encoded.version,
                encoded.data,
            );
        }
    }

    pub fn raw(
        &mut self,
        tenant: TenantId,
        stream: Stream,
        now: Timestamp,
        kind: &str,
        version: u16,
        data: Vec<u8>,
    ) {
        let revision = self.revisions.entry(stream).or_default();
        let at = Revision(*revision);
        *revision += 1;
        let position = Position(
            self.events.last().map_or(0, |last| last.position.0) + 1 + data.len() as u64 % 5,
        );
        let meta = Meta {
            tenant,
            actor: Actor::System,
            correlation: stream.id,
            causation: None,
            subject: None,
        };
        let id = EventId::from_uuid(Uuid::from_u128(u128::from(position.0)));
        let event = NewEvent {
            id,
            kind: kind.to_owned(),
            version,
            recorded_at: now,
            meta,
            data,
        };
        self.events.push(Recorded {
            stream,
            revision: at,
            position,
            event,
        });
    }

    pub fn head(&self) -> Position {
        self.events
            .last()
            .map(|last| last.position)
            .unwrap_or_default()
    }
}

/// Opens the models of a folder and feeds them everything.
pub fn fed(folder: &Path, events: &[Recorded]) -> ReadModels {
    let (models, projections) = ReadModels::open(folder).unwrap();
    for mut projection in projections {
        feed(projection.as_mut(), events, 1_000);
    }
    models
}

pub fn feed(projection: &mut dyn Projection, events: &[Recorded], page: usize) {
    for page in events.chunks(page) {
        projection.apply(page).unwrap();
    }
}

/// The file of a model.
pub fn file(folder: &Path, model: &str) -> PathBuf {
    let files = std::fs::read_dir(folder.join("read-models")).unwrap();
    files
        .map(|file| file.unwrap().path())
        .find(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.starts_with(&format!("{model}.v")) && name.ends_with(".db")
        })
        .unwrap()
}

/// Every row of every table of a model.
pub fn dump(folder: &Path, model: &str) -> BTreeMap<String, Vec<Vec<Value>>> {
    let connection = rusqlite::Connection::open(file(folder, model)).unwrap();
    let mut query = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap();
    let tables: Vec<String> = query
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let mut query = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = query.column_count();
        let mut rows: Vec<Vec<Value>> = query
            .query_map([], |row| {
                (0..columns).map(|column| row.get(column)).collect()
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        rows.sort_by_key(|row| format!("{row:?}"));
        all.insert(table, rows);
    }
    all
}
