//! What is shown of read models: how far they are behind, what they did not take in, what is being built.

use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::projection::{FileName, Files, Tally};
use rapport_domain::time::Timestamp;

use super::line::Task;
use super::runner::Report;
use super::{Job, Shared};

/// The log is asked this long for the oldest event that is not applied.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// What the file that answers is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It follows the log.
    Serving,
    /// It has never been as far as the log: it answers from what it has.
    Filling,
    /// As before, and it waits until another model is built.
    Waiting,
}

impl State {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Filling => "building",
            Self::Waiting => "waiting",
        }
    }
}

/// One read model at one moment.
#[derive(Clone, Debug)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The file that answers.
    pub file: FileName,
    /// What that file is doing.
    pub state: State,
    /// How far it is.
    pub mark: Position,
    /// Events it has not seen yet.
    pub lag_events: u64,
    /// Whether that is an estimate: positions of this log do not count events.
    pub lag_estimated: bool,
    /// The recorded moment of the oldest event it has not seen; `None` when it has seen all, or the log did not say.
    pub oldest: Option<Timestamp>,
    /// What it did not take in.
    pub tally: Tally,
    /// Why it does not go on, while it does not.
    pub error: Option<String>,
    /// What is built beside it, or waits for that.
    pub build: Option<BuildStatus>,
    /// The file that answered before, kept for the way back.
    pub previous: Option<FileName>,
}

/// A file being built beside the one that answers.
#[derive(Clone, Debug)]
pub struct BuildStatus {
    /// The file; `None` while it waits for its turn.
    pub file: Option<FileName>,
    /// How far it is.
    pub mark: Position,
    /// Events it has not seen yet.
    pub lag_events: u64,
    /// What it did not take in.
    pub tally: Tally,
    /// Why it does not go on, while it does not.
    pub error: Option<String>,
}

impl ProjectionStatus {
    /// Seconds since the oldest event that it has not seen was recorded; 0 when it has seen all, `None` when the log did
    /// not say.
    #[must_use]
    pub fn lag_seconds(&self, now: Timestamp) -> Option<f64> {
        if self.lag_events == 0 {
            return Some(0.0);
        }
        self.oldest.map(|oldest| now.since(oldest).as_secs_f64())
    }
}

pub(super) async fn read(shared: &Shared) -> Vec<ProjectionStatus> {
    let mut all: Vec<ProjectionStatus> = shared
        .names
        .iter()
        .filter_map(|name| one(shared, name))
        .collect();
    for status in all.iter_mut().filter(|status| status.lag_events > 0) {
        let next = shared.log.read_all(status.mark, 1);
        if let Ok(Ok(next)) = tokio::time::timeout(ASK_WITHIN, next).await {
            status.oldest = next.first().map(|next| next.event.recorded_at);
        }
    }
    all
}

fn one(shared: &Shared, name: &'static str) -> Option<ProjectionStatus> {
    let line = shared.line(name)?;
    let Files {
        serving,
        beside,
        previous,
        ..
    } = shared.shelf.files(name)?;
    let in_line = {
        let builds = shared.builds();
        let mut queue = builds.queue.iter();
        queue.any(|(of, job)| *of == name && *job != Job::Fill)
    };
    let (answering, building) = line.reports();
    // After the marks: what is appended in between is lag of nobody.
    let head = shared.log.head();
    let counted = shared.log.counts_positions();
    let build = match building {
        Some(report) => Some(BuildStatus {
            file: beside,
            mark: report.mark,
            lag_events: lag(head, &report, counted),
            tally: report.tally,
            error: report.error,
        }),
        None if in_line => Some(BuildStatus {
            file: beside,
            mark: Position::START,
            lag_events: lag(head, &Report::default(), counted),
            tally: Tally::default(),
            error: None,
        }),
        None => None,
    };
    let state = match &answering {
        Some((Task::Serve | Task::Beside, _)) => State::Serving,
        Some((Task::Fill, _)) => State::Filling,
        None => State::Waiting,
    };
    let report = answering
        .map(|(_, report)| report)
        .unwrap_or_else(|| Report {
            mark: line.mark(),
            ..Report::default()
        });
    Some(ProjectionStatus {
        name,
        file: serving,
        state,
        mark: report.mark,
        lag_events: lag(head, &report, counted),
        lag_estimated: !counted,
        oldest: None,
        tally: report.tally,
        error: report.error,
        build,
        previous,
    })
}

/// Events between a file and the end of the log. Where positions do not count events, the distance is divided by how far
/// apart the events were that this thread has seen; before it has seen any, all that can be said is that there are some.
fn lag(head: Position, report: &Report, counted: bool) -> u64 {
    let distance = head.0.saturating_sub(report.mark.0);
    if counted || distance == 0 {
        return distance;
    }
    let seen = u128::from(report.mark.0.saturating_sub(report.began.0));
    let estimate = (u128::from(distance) * u128::from(report.events)).checked_div(seen);
    u64::try_from(estimate.unwrap_or(1))
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_where_positions_count_and_estimated_where_they_do_not() {
        let report = Report {
            mark: Position(1_000),
            began: Position(0),
            events: 10,
            ..Report::default()
        };
        assert_eq!(lag(Position(1_500), &report, true), 500);
        assert_eq!(lag(Position(1_500), &report, false), 5);
        assert_eq!(
            lag(Position(1_001), &report, false),
            1,
            "there is one at least"
        );
        assert_eq!(lag(Position(1_000), &report, false), 0);
        assert_eq!(lag(Position(9), &Report::default(), false), 1);
    }
}
