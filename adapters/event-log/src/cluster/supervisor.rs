//! Whoever makes sure that there is a connection.
//!
//! A client that once failed to connect never tries again, and one whose node died keeps asking it: so a client is never
//! mended. Every doubt is looked into with one question; when that is not answered the client is thrown away with
//! everything that belongs to it, and another one is made, with growing pauses between attempts.

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::event::Position;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::answer::Fault;
use super::backoff::Backoff;
use super::client::Link;
use super::config::Target;
use super::shared::Shared;
use super::wake::chance;

/// Questions before a connection is given up. The first may be answered by a node that does not lead any more; the client
/// then turns to the one that does.
const QUESTIONS: usize = 3;

/// Events looked through at a time for the last one of ours.
const LOOK: usize = 500;

pub(crate) struct Supervisor {
    pub(crate) target: Target,
    pub(crate) shared: Arc<Shared>,
    pub(crate) doubts: mpsc::Receiver<u64>,
    pub(crate) answer_within: Duration,
    pub(crate) longest_pause: Duration,
}

impl Supervisor {
    /// Runs until the log is dropped.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(self.longest_pause);
        for number in 1_u64.. {
            match self.connect(number).await {
                Ok(link) => {
                    backoff.reset();
                    if number > 1 {
                        tracing::info!(attempt = number, "connected to the log's cluster");
                    }
                    self.shared.connected(Arc::clone(&link));
                    let Some(why) = self.until_lost(&link).await else {
                        return;
                    };
                    tracing::warn!(
                        why = why.words(),
                        "the log's cluster is lost; connecting again"
                    );
                    self.shared.disconnected(&why);
                }
                Err(why) => {
                    let pause = backoff.wait(chance());
                    tracing::warn!(
                        why = why.words(),
                        ?pause,
                        "no connection to the log's cluster"
                    );
                    self.shared.failed(&why);
                    sleep(pause).await;
                }
            }
        }
    }

    async fn connect(&self, number: u64) -> Result<Arc<Link>, Fault> {
        let link = Link::new(number, &self.target, self.answer_within).map_err(Fault::Lost)?;
        ask(&link).await?;
        self.shared.publish(last_of_ours(&link).await?);
        Ok(Arc::new(link))
    }

    /// Waits for doubts about this link, until one is right; `None` when nobody is left to doubt.
    async fn until_lost(&mut self, link: &Link) -> Option<Fault> {
        loop {
            if self.doubts.recv().await? == link.number
                && let Err(why) = ask(link).await
            {
                return Some(why);
            }
        }
    }
}

/// Asks until there is an answer. What is told is what went wrong first: afterwards the client only says that it is closed.
async fn ask(link: &Link) -> Result<(), Fault> {
    let Err(first) = link.probe().await else {
        return Ok(());
    };
    if matches!(first, Fault::Lost(_) | Fault::Unclear(_)) {
        for _ in 1..QUESTIONS {
            if link.probe().await.is_ok() {
                return Ok(());
            }
        }
    }
    Err(first)
}

/// The position of the last event that is ours.
pub(crate) async fn last_of_ours(link: &Link) -> Result<Position, Fault> {
    let mut before = None;
    loop {
        // The server's filter leaves nearly nothing else; without it others' events may be many.
        let count = if link.is_filtered() { 16 } else { LOOK };
        let page = match link.all_before(before, count).await {
            Ok(page) => page,
            Err(_) if count < LOOK && !link.is_filtered() => continue,
            Err(fault) => return Err(fault),
        };
        let read = page.len();
        for raw in page {
            before = Some(raw.position);
            if let Some(recorded) = raw.recorded() {
                return Ok(recorded.position);
            }
        }
        if read < count {
            return Ok(Position::START);
        }
    }
}
