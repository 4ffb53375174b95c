//! The chain of hashes over the log: who changes, removes or inserts an event that is stored would have to compute every
//! later hash anew, and the hash of the head, once it is noted somewhere else, tells.
//!
//! A link covers one committed transaction: SHA-256 (FIPS 180-4) over the link before it and the canonical form of each
//! event. The first link is preceded by a hash over the log's random id. It is a chain, not a signature: somebody who
//! can write to the file and computes it anew is found only by comparing with a [`Mark`] that was kept elsewhere.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use rapport_domain::event::Position;
use rusqlite::{Connection, OptionalExtension};

/// What the first hash begins with. A change of the canonical form changes this, too.
const FORM: &[u8] = b"rapport log chain, form 1";

/// A SHA-256 hash in the chain; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash(pub [u8; 32]);

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of a log up to a position: what an operator notes outside the machine. Written `position:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The position of the last event that the hash covers.
    pub position: Position,
    /// The hash there.
    pub hash: ChainHash,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

/// The text is no mark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mark; it must look like `1234:9f86d081…` with 64 hexadecimal digits")]
pub struct NotAMark(pub String);

impl FromStr for Mark {
    type Err = NotAMark;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAMark(text.to_owned());
        let (position, digits) = text.split_once(':').ok_or_else(wrong)?;
        let position = Position(position.parse().map_err(|_| wrong())?);
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).map_err(|_| wrong())?;
        }
        let hash = ChainHash(hash);
        Ok(Self { position, hash })
    }
}

/// The columns of one event, as bytes and integers: what is hashed is what is stored, whether it can be read or not.
pub(crate) struct Columns<'a> {
    pub(crate) position: i64,
    pub(crate) category: &'a [u8],
    pub(crate) stream: &'a [u8],
    pub(crate) revision: i64,
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'a [u8],
    pub(crate) version: i64,
    pub(crate) recorded_at: i64,
    pub(crate) meta: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// A link being made.
pub(crate) struct Link(Context);

impl Link {
    pub(crate) fn after(previous: &ChainHash) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&previous.0);
        Self(context)
    }

    /// The canonical form of an event: its columns in the order below, integers as eight bytes, most significant first,
    /// and before every string of bytes its length in the same way. So no two events have the same form.
    pub(crate) fn add(&mut self, event: &Columns<'_>) {
        let mut head = Vec::with_capacity(192);
        let put = |head: &mut Vec<u8>, bytes: &[u8]| {
            head.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            head.extend_from_slice(bytes);
        };
        head.extend_from_slice(&event.position.to_be_bytes());
        put(&mut head, event.category);
        put(&mut head, event.stream);
        head.extend_from_slice(&event.revision.to_be_bytes());
        put(&mut head, event.id);
        put(&mut head, event.kind);
        head.extend_from_slice(&event.version.to_be_bytes());
        head.extend_from_slice(&event.recorded_at.to_be_bytes());
        head.extend_from_slice(&(event.meta.len() as u64).to_be_bytes());
        self.0.update(&head);
        self.0.update(event.meta);
        self.0.update(&(event.data.len() as u64).to_be_bytes());
        self.0.update(event.data);
    }

    pub(crate) fn finish(self) -> ChainHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        ChainHash(hash)
    }
}

/// Where a log's chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) log_id: [u8; 16],
    /// The last position before the chain.
    pub(crate) after: u64,
}

impl Origin {
    /// What the first link follows.
    pub(crate) fn hash(&self) -> ChainHash {
        let mut context = Context::new(&SHA256);
        context.update(FORM);
        context.update(&self.log_id);
        context.update(&self.after.to_be_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        ChainHash(hash)
    }

    /// The mark of a log that has no link yet.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            position: Position(self.after),
            hash: self.hash(),
        }
    }

    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT log_id, after FROM chain", [], |row| {
            Ok(Self {
                log_id: row.get(0)?,
                after: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
    }
}

/// The hash of the head. Takes a look at one row.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<Mark> {
    let link = connection
        .prepare_cached(
            "SELECT last_position, hash FROM links ORDER BY last_position DESC LIMIT 1",
        )?
        .query_row([], mark)
        .optional()?;
    match link {
        Some(mark) => Ok(mark),
        None => Ok(Origin::read(connection)?.mark()),
    }
}

/// A row of `links`.
pub(crate) fn mark(row: &rusqlite::Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark {
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        hash: ChainHash(row.get(1)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns<'a>(meta: &'a [u8], data: &'a [u8]) -> Columns<'a> {
        Columns {
            position: 1,
            category: b"interaction",
            stream: &[7; 16],
            revision: 0,
            id: &[9; 16],
            kind: b"interaction.started",
            version: 1,
            recorded_at: 1_795_262_400_000_000,
            meta,
            data,
        }
    }

    fn hash(previous: ChainHash, events: &[Columns<'_>]) -> ChainHash {
        let mut link = Link::after(&previous);
        events.iter().for_each(|event| link.add(event));
        link.finish()
    }

    #[test]
    fn every_column_and_the_border_between_them_is_covered() {
        let zero = ChainHash([0; 32]);
        let plain = hash(zero, &[columns(b"{}", b"fact")]);
        let others = [
            hash(ChainHash([1; 32]), &[columns(b"{}", b"fact")]),
            hash(zero, &[columns(b"{}f", b"act")]),
            hash(zero, &[columns(b"{}", b"facts")]),
            hash(
                zero,
                &[Columns {
                    position: 2,
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    category: b"agent",
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    stream: &[8; 16],
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    revision: 1,
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    id: &[8; 16],
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    kind: b"agent.started",
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    version: 2,
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(
                zero,
                &[Columns {
                    recorded_at: 0,
                    ..columns(b"{}", b"fact")
                }],
            ),
            hash(zero, &[columns(b"{}", b"fact"), columns(b"{}", b"fact")]),
        ];
        assert!(others.iter().all(|other| *other != plain));
        assert_eq!(hash(zero, &[columns(b"{}", b"fact")]), plain);
    }

    #[test]
    fn the_canonical_form_stays_what_it_is() {
        // Computed once with another program (Python's hashlib) over the form as it is documented.
        let known = "744f78f59d099f27577ca0b033c9e6a23e0acc3c7849137fdae1a3cfcc815c4e";
        let found = hash(ChainHash([0; 32]), &[columns(b"{}", b"fact")]);
        assert_eq!(found.to_string(), known);
    }

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let mark = Mark {
            position: Position(1_234),
            hash: ChainHash([0xa5; 32]),
        };
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for wrong in [
            "",
            "12",
            "12:",
            "x:00",
            "12:zz",
            &format!("1:{}", "0".repeat(63)),
        ] {
            assert!(wrong.parse::<Mark>().is_err(), "{wrong}");
        }
    }
}
