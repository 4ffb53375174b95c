//! Appending: send, and when the answer is anything but a plain yes, read.
//!
//! A session tells a conflict in words and takes everything else in flight down with it, a lost connection tells nothing at
//! all. In every such case the stream itself says what is true: the batch stands where it was meant for, or the stream has
//! moved on, or neither, and then the same ids go out again at the same revision, which a cluster stores once however
//! often it is sent.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::port::log::{AppendError, Appended, Batch, Expected};
use tokio::time::{Instant, sleep};

use super::answer::{Fault, Proposed, Written};
use super::backoff::Backoff;
use super::client::Link;
use super::envelope::{Raw, metadata};
use super::known::WINDOW;
use super::shared::{Shared, Times};
use super::supervisor::last_of_ours;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Events read at a time.
const PAGE: usize = 500;

type Answer = Result<Appended, AppendError>;

/// The batch as it goes out.
pub(crate) fn proposed(batch: &Batch) -> Result<Vec<Proposed>, AppendError> {
    let event = |event: &rapport_domain::event::NewEvent| {
        let metadata = metadata(event).map_err(|error| {
            AppendError::Refused(format!("its envelope cannot be written: {error}"))
        })?;
        Ok(Proposed {
            id: event.id.as_uuid(),
            kind: event.kind.clone(),
            metadata,
            data: event.data.clone(),
        })
    };
    batch.events.iter().map(event).collect()
}

/// Appends, within the time there is.
pub(crate) async fn append(
    shared: &Shared,
    times: Times,
    batch: Batch,
    events: Vec<Proposed>,
) -> Answer {
    let until = Instant::now() + times.append;
    let mut attempt = Attempt {
        shared,
        batch: &batch,
        events: &events,
        next: Revision(
            batch
                .expected
                .last()
                .map_or(0, |last| last.0.saturating_add(1)),
        ),
        tried: false,
        open: false,
    };
    let mut backoff = Backoff::new(LONGEST_PAUSE);
    let mut trouble = None;
    loop {
        let Some(link) = shared.link(until).await else {
            let why = trouble.or_else(|| shared.trouble());
            return Err(attempt.give_up(why));
        };
        match attempt.once(&link).await {
            Ok(answer) => return answer,
            Err(Fault::Deleted) => {
                return Err(AppendError::Refused(Fault::Deleted.words()));
            }
            Err(Fault::TooLarge(why)) => return Err(AppendError::Refused(why)),
            Err(Fault::Denied) => return Err(attempt.give_up(Some(Fault::Denied.words()))),
            Err(fault) => {
                if matches!(fault, Fault::Lost(_) | Fault::Late(_)) {
                    shared.doubt(&link);
                }
                trouble = Some(fault.words());
            }
        }
        let pause = backoff.wait(super::wake::chance());
        if Instant::now() + pause >= until {
            return Err(attempt.give_up(trouble));
        }
        sleep(pause).await;
    }
}

struct Attempt<'a> {
    shared: &'a Shared,
    batch: &'a Batch,
    events: &'a [Proposed],
    /// The revision of the batch's first event.
    next: Revision,
    /// Whether it was sent before.
    tried: bool,
    /// Whether it was sent and no answer to that was heard.
    open: bool,
}

impl Attempt<'_> {
    fn give_up(&self, why: Option<String>) -> AppendError {
        let why = why.unwrap_or_else(|| "there is no connection to the cluster".to_owned());
        if self.open {
            AppendError::Unknown(why)
        } else {
            AppendError::Unavailable(why)
        }
    }

    async fn once(&mut self, link: &Link) -> Result<Answer, Fault> {
        if (self.tried || !self.shared.may_be_sent(self.batch, self.next))
            && let Some(answer) = self.settled(link).await?
        {
            return Ok(answer);
        }
        if self.tried {
            self.shared.sent_again();
        }
        let before = self.shared.head();
        let batch = self.batch;
        let sent = link
            .append(batch.stream, batch.expected, self.events.to_vec())
            .await;
        match sent {
            Ok(written) => {
                if let Some(appended) = self.plain(link, written, before) {
                    return Ok(Ok(self.stored(appended)));
                }
                self.tried = true;
                self.open = true;
                let answer = self.settled(link).await?;
                if let (Some(Ok(appended)), Some(said)) = (&answer, written.position)
                    && self.events.len() > 1
                    && appended.position.0 == said
                {
                    link.names_last.store(true, Ordering::Relaxed);
                }
                answer.ok_or_else(|| {
                    Fault::Unclear("the cluster took the events, and does not show them".to_owned())
                })
            }
            Err(fault @ Fault::Unsupported) => Err(fault),
            Err(fault) => {
                self.tried = true;
                self.open |= matches!(fault, Fault::Lost(_) | Fault::Late(_) | Fault::Unclear(_));
                if matches!(fault, Fault::Unclear(_) | Fault::Declined(_))
                    && let Some(answer) = self.settled(link).await?
                {
                    return Ok(answer);
                }
                Err(fault)
            }
        }
    }

    /// The answer, when it can be taken at its word: the batch was sent once, stands where it was meant for, and behind
    /// everything known before. Anything else may be a retry that the server recognised by its ids alone.
    fn plain(&self, link: &Link, written: Written, before: Position) -> Option<Appended> {
        let last = self.next.0.checked_add(self.events.len() as u64 - 1)?;
        let (revision, position) = (written.revision?, written.position.map(Position)?);
        let named = self.events.len() == 1 || link.names_last.load(Ordering::Relaxed);
        // A stream that was deleted has no event, and goes on counting where it was.
        let there =
            revision == last || (self.batch.expected == Expected::NoStream && revision > last);
        let plain = !self.tried && named && there && position > before;
        plain.then_some(Appended {
            revision: Revision(revision),
            position,
        })
    }

    fn stored(&self, appended: Appended) -> Appended {
        let ids = self.batch.events.iter().map(|event| event.id);
        let first = Revision(appended.revision.0 + 1 - self.events.len() as u64);
        self.shared.saw(self.batch.stream, first, ids);
        self.shared.publish(appended.position);
        appended
    }

    /// What the stream says of the batch; `None` when the batch can be sent.
    async fn settled(&self, link: &Link) -> Result<Option<Answer>, Fault> {
        let current = self.last_revision(link).await?;
        let stored = self.stored_under_the_ids(link, current).await?;
        let stored: Vec<Option<&Recorded>> = stored.iter().map(Option::as_ref).collect();
        let mut appended = match self.batch.answer_from(current, &stored) {
            Some(Ok(appended)) => appended,
            other => return Ok(other),
        };
        if appended.position == Position::START {
            // A server that tells no positions in a stream: the last of all is not before it.
            appended.position = last_of_ours(link).await?;
        }
        Ok(Some(Ok(self.stored(appended))))
    }

    /// The stream's last revision, and with it the ids of its last events.
    async fn last_revision(&self, link: &Link) -> Result<Option<Revision>, Fault> {
        let stream = self.batch.stream;
        if let Some(mut next) = self.shared.known_up_to(stream, self.next) {
            loop {
                let Some(page) = link.stream_from(stream, next, PAGE).await? else {
                    // It was there: it has been deleted.
                    self.shared.forget(stream);
                    return Ok(None);
                };
                self.saw(stream, &page);
                let full = page.len() == PAGE;
                next = page.last().map_or(next, |last| Revision(last.revision + 1));
                if !full {
                    return Ok(next.0.checked_sub(1).map(Revision));
                }
            }
        }
        let window = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        let mut page = link.stream_end(stream, window).await?.unwrap_or_default();
        page.reverse();
        self.saw(stream, &page);
        Ok(page.last().map(|last| Revision(last.revision)))
    }

    fn saw(&self, stream: Stream, page: &[Raw]) {
        if let Some(first) = page.first() {
            let ids = page.iter().map(|raw| EventId::from_uuid(raw.id));
            self.shared.saw(stream, Revision(first.revision), ids);
        }
    }

    /// What the log holds under each id of the batch: at the place it was meant for, or where this process has seen it.
    async fn stored_under_the_ids(
        &self,
        link: &Link,
        current: Option<Revision>,
    ) -> Result<Vec<Option<Recorded>>, Fault> {
        let mut stored = vec![None; self.batch.events.len()];
        let mut wanted: BTreeMap<(Stream, u64), usize> = BTreeMap::new();
        for (at, event) in self.batch.events.iter().enumerate() {
            let meant_for = self.next.0.saturating_add(at as u64);
            if let Some(place) = self.shared.place(event.id) {
                wanted.insert((place.stream, place.revision.0), at);
            } else if current.is_some_and(|current| meant_for <= current.0) {
                wanted.entry((self.batch.stream, meant_for)).or_insert(at);
            }
        }
        while let Some((&(stream, revision), _)) = wanted.first_key_value() {
            let count = wanted
                .keys()
                .filter(|(other, _)| *other == stream)
                .count()
                .min(PAGE);
            let page = link.stream_from(stream, Revision(revision), count).await?;
            for raw in page.unwrap_or_default() {
                if let Some(at) = wanted.remove(&(stream, raw.revision))
                    && raw.id == self.batch.events[at].id.as_uuid()
                {
                    stored[at] = raw.recorded();
                }
            }
            wanted.remove(&(stream, revision));
        }
        Ok(stored)
    }
}
