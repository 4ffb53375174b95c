//! What a whole log is looked through for beside its order: that every fact can be read, and that every stream by itself
//! holds what the log holds of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::log::{EventLog, ReadError};
use rapport_domain::registry::{self, AnyFact};

use crate::sealed;
use crate::verify::Watch;

/// Events read at a time.
const PAGE: usize = 1_000;

/// Decodes every event, and with [`Facts::by_streams`] remembers what [`streams_agree`] asks for: some 100 bytes a stream.
#[derive(Default)]
pub struct Facts<'a> {
    /// Events of types or versions that this program does not know: a later one wrote them.
    pub unknown: u64,
    streams: HashMap<Stream, Seen>,
    remember: bool,
    progress: Option<Box<dyn FnMut(u64, u64) + Send + 'a>>,
}

/// What is known of a stream: where its last event is, and a figure that follows from its events in their order.
struct Seen {
    last: Position,
    figure: u64,
}

fn figure(before: u64, recorded: &Recorded) -> u64 {
    let mut hasher = DefaultHasher::new();
    (
        before,
        recorded.event.id,
        recorded.revision,
        recorded.position,
        &recorded.event.data,
    )
        .hash(&mut hasher);
    hasher.finish()
}

impl<'a> Facts<'a> {
    /// Tells `progress` how many events of how many were looked at.
    #[must_use]
    pub fn showing(mut self, progress: impl FnMut(u64, u64) + Send + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Remembers the streams.
    #[must_use]
    pub fn by_streams(mut self) -> Self {
        self.remember = true;
        self
    }
}

impl Watch for Facts<'_> {
    fn event(&mut self, recorded: &Recorded) -> Result<(), String> {
        if self.remember {
            let seen = self.streams.entry(recorded.stream).or_insert(Seen {
                last: Position::START,
                figure: 0,
            });
            seen.figure = figure(seen.figure, recorded);
            seen.last = recorded.position;
        }
        let event = &recorded.event;
        if !registry::is_known(recorded.stream.category, &event.kind, event.version) {
            self.unknown += 1;
            return Ok(());
        }
        let wrong = |what: &str| format!("{}.v{} ({}) {what}", event.kind, event.version, event.id);
        // Without the keys: that a sealed value opens is the business of those who may read it.
        let legible = match sealed::legible(&event.data) {
            None => return Err(wrong("is sealed in no form that this program knows")),
            Some(Cow::Borrowed(_)) => None,
            Some(Cow::Owned(data)) => {
                let mut legible = recorded.clone();
                legible.event.data = data;
                Some(legible)
            }
        };
        // The reason goes no further: it may quote the data.
        AnyFact::decode(legible.as_ref().unwrap_or(recorded))
            .map(drop)
            .map_err(|_| wrong("does not hold what its type says"))
    }

    fn progress(&mut self, done: u64, total: u64) {
        if let Some(progress) = &mut self.progress {
            progress(done, total);
        }
    }
}

/// Reads every stream that `facts` remembers by itself. Answers with how many there are and those that do not hold what
/// the whole log showed of them.
///
/// # Errors
/// [`ReadError`] when a stream cannot be read.
pub async fn streams_agree(
    log: &dyn EventLog,
    facts: &Facts<'_>,
) -> Result<(u64, Vec<Stream>), ReadError> {
    let (mut read, mut differ) = (0, Vec::new());
    for (stream, seen) in &facts.streams {
        let (mut from, mut found) = (Revision::FIRST, 0);
        loop {
            let page = log.read_stream(*stream, from, PAGE).await?;
            // What was appended since is not part of what was looked at.
            for recorded in page.iter().filter(|event| event.position <= seen.last) {
                found = figure(found, recorded);
            }
            match page.last() {
                Some(last) if last.position < seen.last => from = last.revision.next(),
                _ => break,
            }
        }
        read += 1;
        if found != seen.figure {
            differ.push(*stream);
        }
    }
    Ok((read, differ))
}
