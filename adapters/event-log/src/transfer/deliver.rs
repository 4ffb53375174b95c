//! From a source into a log.

use std::collections::VecDeque;

use rapport_domain::event::{Position, Recorded, Revision};
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected, MAX_BATCH_EVENTS};

use super::contents::Counting;
use super::contents::contents;
use super::{Contents, LogSource, PAGE, Source, TransferError};
use crate::EmbeddedLog;

/// Events and bytes of data that go into one commit of the embedded log.
const GROUP_EVENTS: usize = 4_096;
const GROUP_BYTES: usize = 4 << 20;
/// An append with an unknown outcome is sent again, with the same ids, this often before the transfer gives up.
const ATTEMPTS: usize = 5;

/// The log to be filled.
pub enum Target<'a> {
    /// This process's own log: many appends to many streams go into one commit, all or none, in their order.
    Embedded(&'a EmbeddedLog),
    /// Any other. One append is awaited before the next is sent, because nothing else keeps the order of all streams.
    Any(&'a dyn EventLog),
}

impl Target<'_> {
    fn log(&self) -> &dyn EventLog {
        match self {
            Self::Embedded(log) => *log,
            Self::Any(log) => *log,
        }
    }
}

/// Everything but the position is equal.
fn is_same(here: &Recorded, there: &Recorded) -> bool {
    here.stream == there.stream && here.revision == there.revision && here.event == there.event
}

/// What a transfer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where in the log the source's events begin: after this position.
    pub after: Position,
    /// Events of the source that the log held before.
    pub found: u64,
    /// Events that were appended.
    pub appended: u64,
    /// Whether the log goes on after what the source holds.
    pub more: bool,
    /// What the source held.
    pub contents: Contents,
}

/// Fills a log from a source, in the source's order, with the same ids, revisions and moments. What the log holds must
/// be how the source begins; after that it goes on. Nobody else may write to the log meanwhile.
///
/// `progress` is told how many events of the source are in the log.
///
/// # Errors
/// [`TransferError`]. What was appended by then is a beginning of the source: the same call goes on.
pub async fn deliver(
    source: &mut dyn Source,
    target: &Target<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Delivered, TransferError> {
    let (mut here, mut after) = (Here::new(target.log()), None);
    if let Some(place) = source.begins_after() {
        while let Some(event) = here.next().await? {
            if event.event.id == place.id {
                after = Some(event.position);
                break;
            }
        }
        if after.is_none() {
            return Err(TransferError::Gap(place.id));
        }
    }
    let (mut counting, mut found, mut group) = (Counting::new(), 0, Group::default());
    loop {
        let page = source.next().await?;
        if page.is_empty() {
            break;
        }
        for there in page {
            counting.add(&there)?;
            match here.next().await? {
                Some(event) if is_same(&event, &there) => found += 1,
                Some(event) => {
                    return Err(TransferError::Foreign {
                        position: event.position,
                        here: name(&event),
                        there: name(&there),
                    });
                }
                None => {
                    group.add(there)?;
                    if group.is_full() {
                        group.send(target).await?;
                    }
                }
            }
        }
        progress(counting.events() - group.events as u64);
    }
    group.send(target).await?;
    let contents = counting.finish();
    progress(contents.events);
    Ok(Delivered {
        after: after.unwrap_or(Position::START),
        found,
        appended: contents.events - found,
        more: here.next().await?.is_some(),
        contents,
    })
}

/// Reads what was delivered back from the log and compares it with what the source held: how many events, every stream's
/// last revision, and the SHA-256 over everything but positions.
///
/// # Errors
/// [`TransferError::Differs`] with what does; [`TransferError::Read`] when the log cannot be read.
pub async fn check(
    log: &dyn EventLog,
    delivered: &Delivered,
    progress: &mut dyn FnMut(u64),
) -> Result<(), TransferError> {
    let there = &delivered.contents;
    let mut source = LogSource::after(log, delivered.after);
    let here = contents(&mut source, there.events, progress).await?;
    let differs = if here.events != there.events {
        format!("{} events instead of {}", here.events, there.events)
    } else if here.streams != there.streams {
        "the last revisions of streams are not the same".to_owned()
    } else if here.sha256 != there.sha256 {
        format!("SHA-256 {} instead of {}", here.sha256, there.sha256)
    } else {
        return Ok(());
    };
    Err(TransferError::Differs(differs))
}

fn name(recorded: &Recorded) -> String {
    let Recorded {
        stream, revision, ..
    } = recorded;
    format!(
        "revision {} of {stream} ({})",
        revision.0, recorded.event.id
    )
}

/// What the log held before, event by event.
struct Here<'a> {
    log: &'a dyn EventLog,
    after: Position,
    until: Position,
    page: VecDeque<Recorded>,
}

impl<'a> Here<'a> {
    fn new(log: &'a dyn EventLog) -> Self {
        Self {
            log,
            after: Position::START,
            until: log.head(),
            page: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Result<Option<Recorded>, TransferError> {
        if self.page.is_empty() && self.after < self.until {
            let mut page = self.log.read_all(self.after, PAGE).await?;
            page.retain(|recorded| recorded.position <= self.until);
            self.after = page.last().map_or(self.until, |last| last.position);
            self.page = page.into();
        }
        Ok(self.page.pop_front())
    }
}

/// Events that are appended together.
#[derive(Default)]
struct Group {
    batches: Vec<Batch>,
    events: usize,
    bytes: usize,
}

impl Group {
    fn is_full(&self) -> bool {
        self.events >= GROUP_EVENTS || self.bytes >= GROUP_BYTES
    }

    /// Neighbours of one stream become one batch; their revisions must follow each other.
    fn add(&mut self, recorded: Recorded) -> Result<(), TransferError> {
        self.events += 1;
        self.bytes += recorded.event.data.len();
        let Recorded {
            stream,
            revision,
            event,
            ..
        } = recorded;
        if let Some(last) = self.batches.last_mut()
            && last.stream == stream
            && last.events.len() < MAX_BATCH_EVENTS
        {
            let next = last.expected.next().0 + last.events.len() as u64;
            if revision.0 != next {
                return Err(TransferError::OutOfOrder(format!(
                    "{stream} has revision {} where {next} should follow",
                    revision.0
                )));
            }
            last.events.push(event);
            return Ok(());
        }
        let before = revision.0.checked_sub(1).map(Revision);
        self.batches.push(Batch {
            stream,
            expected: Expected::after(before),
            events: vec![event],
        });
        Ok(())
    }

    async fn send(&mut self, target: &Target<'_>) -> Result<(), TransferError> {
        let Self { batches, .. } = std::mem::take(self);
        if batches.is_empty() {
            return Ok(());
        }
        match target {
            Target::Embedded(log) => {
                log.append_together(batches).await?;
            }
            Target::Any(log) => {
                for batch in batches {
                    append_surely(*log, batch).await?;
                }
            }
        }
        Ok(())
    }
}

/// Appends, and asks again under the same ids when nobody knows whether it happened.
async fn append_surely(log: &dyn EventLog, batch: Batch) -> Result<(), AppendError> {
    let mut attempt = 1;
    loop {
        match log.append(batch.clone()).await {
            Err(AppendError::Unknown(_)) if attempt < ATTEMPTS => attempt += 1,
            other => return other.map(drop),
        }
    }
}
