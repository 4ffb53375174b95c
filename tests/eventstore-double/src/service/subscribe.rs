//! Catch-up subscriptions: what is there, then that one has caught up, then what comes.

use std::sync::Arc;

use prost_types::Timestamp;
use tonic::Status;
use uuid::Uuid;

use super::filter::Filter;
use super::read::{Gone, Sender, appeared, tell};
use super::{Node, errors, stream_name, wire};
use crate::conduct::Ending;
use crate::log::{Direction, Page, Record, TOMBSTONE};
use crate::shared::{Gauge, now};
use wire::read_req::options::StreamOption;
use wire::read_req::options::all_options::AllOption;
use wire::read_req::options::stream_options::RevisionOption;
use wire::read_resp::{CaughtUp, Checkpoint, Content, Position, SubscriptionConfirmation};

/// Why a subscription stops.
enum Stop {
    Gone,
    With(Status),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Stop {
        Stop::Gone
    }
}

/// What is subscribed to.
enum Subject {
    All { place: usize, filter: Filter },
    Stream { name: String, next: u64 },
}

struct Subscription {
    /// First, so that it is counted as closed before the client sees the end.
    _open: Gauge,
    node: Node,
    subject: Subject,
    ids_as_text: bool,
    sender: Sender,
    /// Position of the last event or checkpoint that was sent.
    told: Option<u64>,
    /// Records looked at since the last checkpoint.
    considered: usize,
}

impl Node {
    /// Begins a subscription; it runs until the client goes or the double ends it.
    pub(super) fn subscribe(
        &self,
        subject: StreamOption,
        filter: Filter,
        ids_as_text: bool,
        sender: Sender,
    ) -> Result<(), Status> {
        let missing = || Status::invalid_argument("where to begin is missing");
        let mut told = None;
        let subject = match subject {
            StreamOption::All(all) => {
                let log = self.shared.log();
                let place = match all.all_option.ok_or_else(missing)? {
                    AllOption::Start(()) => 0,
                    AllOption::End(()) => log.len(),
                    AllOption::Position(position) => {
                        let position = position.commit_position;
                        let place = log.place(position).ok_or_else(errors::invalid_position)?;
                        let known = log.at(place).filter(|record| record.position <= position);
                        told = known.map(|record| record.position);
                        place + usize::from(known.is_some())
                    }
                };
                Subject::All { place, filter }
            }
            StreamOption::Stream(stream) => {
                let name = stream_name(stream.stream_identifier)?;
                let next = match stream.revision_option.ok_or_else(missing)? {
                    RevisionOption::Start(()) => 0,
                    RevisionOption::End(()) => {
                        self.shared.log().last(&name).map_or(0, |last| last + 1)
                    }
                    RevisionOption::Revision(revision) => revision.saturating_add(1),
                };
                Subject::Stream { name, next }
            }
        };
        let subscription = Subscription {
            _open: Gauge::subscription(&self.shared),
            node: self.clone(),
            subject,
            ids_as_text,
            sender,
            told,
            considered: 0,
        };
        tokio::spawn(subscription.run());
        Ok(())
    }
}

impl Subscription {
    async fn run(mut self) {
        let shared = self.node.shared.clone();
        let mut endings = shared.endings();
        let sender = self.sender.clone();
        let ending = tokio::select! {
            stop = self.follow() => match stop {
                Stop::Gone => return,
                Stop::With(status) => Some(status),
            },
            () = sender.closed() => return,
            ended = endings.changed() => match (ended, endings.borrow().1) {
                (Ok(()), Ending::Failed) => Some(errors::not_ready()),
                _ => None,
            },
        };
        if let Some(status) = ending {
            // A client that has gone needs no status.
            drop(sender.send(Err(status)).await);
        }
    }

    async fn follow(&mut self) -> Stop {
        match self.follow_on().await {
            Err(stop) => stop,
            Ok(never) => match never {},
        }
    }

    async fn follow_on(&mut self) -> Result<std::convert::Infallible, Stop> {
        let shared = self.node.shared.clone();
        let mut head = shared.head();
        let confirmation = SubscriptionConfirmation {
            subscription_id: Uuid::new_v4().to_string(),
        };
        tell(&self.sender, Content::Confirmation(confirmation)).await?;
        let mut live = false;
        loop {
            head.borrow_and_update();
            while self.step(live).await? {}
            if !live {
                live = true;
                self.caught_up().await?;
            }
            if head.changed().await.is_err() {
                return Err(Stop::Gone);
            }
        }
    }

    /// Sends what is there; says whether there was anything to look at.
    async fn step(&mut self, live: bool) -> Result<bool, Stop> {
        let delayed = live.then(|| self.node.shared.clone());
        match &mut self.subject {
            Subject::All { place, .. } => {
                let page = self.node.page(*place);
                *place += page.len();
                for record in &page {
                    if let Some(shared) = &delayed {
                        shared.pace().await;
                    }
                    self.look_at(record, live).await?;
                }
                Ok(!page.is_empty())
            }
            Subject::Stream { name, next } => {
                let forwards = Direction::Forwards;
                let page = self
                    .node
                    .shared
                    .log()
                    .read_stream(name, Some(*next), forwards, 256);
                match page {
                    Page::Missing => Ok(false),
                    Page::Deleted => Err(Stop::With(errors::stream_deleted(name))),
                    Page::Found { events, .. } => {
                        for record in &events {
                            if let Some(shared) = &delayed {
                                shared.pace().await;
                            }
                            *next = record.revision + 1;
                            tell(&self.sender, appeared(record, self.ids_as_text)).await?;
                        }
                        Ok(!events.is_empty())
                    }
                }
            }
        }
    }

    /// One record of everything: it is sent when it is wanted; every so many records a checkpoint is.
    async fn look_at(&mut self, record: &Arc<Record>, live: bool) -> Result<(), Stop> {
        let Subject::All { filter, .. } = &self.subject else {
            return Ok(());
        };
        if filter.wants(record) {
            tell(&self.sender, appeared(record, self.ids_as_text)).await?;
        }
        self.told = Some(record.position);
        self.considered = self.considered.saturating_add(1);
        if filter.is_set() && self.considered >= filter.interval {
            self.considered = 0;
            // While it is live, an event that was sent is a checkpoint itself.
            if !(live && filter.wants(record)) {
                self.checkpoint(record.position).await?;
            }
        }
        Ok(())
    }

    async fn checkpoint(&self, position: u64) -> Result<(), Stop> {
        let checkpoint = Checkpoint {
            commit_position: position,
            prepare_position: position,
            timestamp: Some(timestamp()),
        };
        tell(&self.sender, Content::Checkpoint(checkpoint)).await?;
        Ok(())
    }

    async fn caught_up(&mut self) -> Result<(), Stop> {
        let mut caught_up = CaughtUp {
            timestamp: Some(timestamp()),
            stream_revision: None,
            position: None,
        };
        match &self.subject {
            Subject::All { filter, .. } => {
                if let (true, Some(position)) = (filter.is_set(), self.told) {
                    self.checkpoint(position).await?;
                }
                caught_up.position = self.told.map(|position| Position {
                    commit_position: position,
                    prepare_position: position,
                });
            }
            Subject::Stream { next, .. } => {
                caught_up.stream_revision = next
                    .checked_sub(1)
                    .filter(|revision| *revision < TOMBSTONE)
                    .and_then(|revision| i64::try_from(revision).ok());
            }
        }
        tell(&self.sender, Content::CaughtUp(caught_up)).await?;
        Ok(())
    }
}

fn timestamp() -> Timestamp {
    let ticks = now();
    Timestamp {
        seconds: ticks / 10_000_000,
        nanos: i32::try_from(ticks % 10_000_000 * 100).unwrap_or_default(),
    }
}
