//! Reading pages, again and again until there is one or the time is over.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::log::ReadError;
use tokio::time::{Instant, sleep, timeout_at};

use super::answer::Fault;
use super::backoff::Backoff;
use super::client::Link;
use super::shared::{Shared, Times};

/// Events read at a time.
const PAGE: usize = 2_000;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Events of one stream.
pub(crate) async fn stream(
    shared: &Shared,
    times: Times,
    stream: Stream,
    from: Revision,
    limit: usize,
) -> Result<Vec<Recorded>, ReadError> {
    let mut events: Vec<Recorded> = Vec::new();
    let mut next = from;
    // No stream is so long, and the cluster's revisions end there.
    while events.len() < limit && i64::try_from(next.0).is_ok() {
        let count = (limit - events.len()).min(PAGE);
        let ask = move |link: Arc<Link>| async move { link.stream_from(stream, next, count).await };
        let page = match asked(shared, times, ask).await {
            Ok(page) => page.unwrap_or_default(),
            Err(Fault::Deleted) => Vec::new(),
            Err(fault) => return Err(failed(&fault)),
        };
        let full = page.len() == count;
        for raw in page {
            let revision = raw.revision;
            let recorded = raw.recorded().ok_or_else(|| {
                ReadError(format!("event {revision} of {stream} is none of Rapport's"))
            })?;
            next = Revision(revision.saturating_add(1));
            events.push(recorded);
        }
        if !full {
            break;
        }
    }
    shared.saw_recorded(&events);
    Ok(events)
}

/// Events of all streams after a position. What is not ours is passed over; a reader behind many events of others gets on,
/// and need not pass them again when it did not come to the end.
pub(crate) async fn all(
    shared: &Shared,
    times: Times,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, ReadError> {
    let mut events: Vec<Recorded> = Vec::new();
    let mut seen = after.0;
    let mut from = shared.begin_at(after.0);
    let mut wide = 1;
    // No log is so long, and the cluster's positions end there.
    while events.len() < limit && i64::try_from(from).is_ok() {
        // The cluster begins at the position, not behind it.
        let count = (limit - events.len()).max(wide).min(PAGE) + 1;
        let ask = move |link: Arc<Link>| async move { link.all_from(from, count).await };
        let page = asked(shared, times, ask)
            .await
            .map_err(|fault| failed(&fault))?;
        let full = page.len() == count;
        let last = page.last().map(|raw| raw.position);
        for raw in page {
            if raw.position <= seen || events.len() == limit {
                continue;
            }
            seen = raw.position;
            events.extend(raw.recorded());
        }
        match last {
            Some(last) if full && last > from => {
                if events.is_empty() {
                    shared.passed_over(after.0, last);
                    // Many of others' events are not to be passed by ones and twos.
                    wide = (wide * 8).min(PAGE);
                }
                from = last;
            }
            _ => break,
        }
    }
    if let Some(last) = events.last() {
        shared.publish(last.position);
    }
    Ok(events)
}

fn failed(fault: &Fault) -> ReadError {
    ReadError(fault.words())
}

/// Asks until there is an answer that another connection or moment would not change.
async fn asked<T, F>(
    shared: &Shared,
    times: Times,
    ask: impl Fn(Arc<Link>) -> F,
) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let until = Instant::now() + times.read;
    let mut backoff = Backoff::new(LONGEST_PAUSE);
    let mut trouble = None;
    let mut declined = false;
    loop {
        let Some(link) = shared.link(until).await else {
            let why = shared.trouble();
            let why = why.unwrap_or_else(|| "there is no connection to the cluster".to_owned());
            return Err(trouble.unwrap_or(Fault::Lost(why)));
        };
        let fault = match timeout_at(until, ask(Arc::clone(&link))).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(fault @ (Fault::Denied | Fault::Deleted | Fault::TooLarge(_)))) => {
                return Err(fault);
            }
            // Once may be the filter's fault, which the next attempt does without.
            Ok(Err(fault @ Fault::Declined(_))) if declined => return Err(fault),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::Late(times.read),
        };
        declined |= matches!(fault, Fault::Declined(_));
        if fault != Fault::Unsupported {
            shared.doubt(&link);
        }
        let pause = backoff.wait(super::wake::chance());
        if Instant::now() + pause >= until {
            return Err(fault);
        }
        trouble = Some(fault);
        sleep(pause).await;
    }
}
