//! Follows the log for every read model: each file on a thread of its own, by pull, so a slow one delays nobody else.
//!
//! A model is built beside the file that answers, for a new version of the program or because an operator asks, and takes
//! its place when it has caught up. One is built at a time: two would share the same disk and processors and be done no
//! sooner. Nothing follows from what a read model takes in, so a build repeats no effect: those belong to the reactor,
//! which has a mark of its own.

mod line;
mod runner;
mod status;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::log::EventLog;
use rapport_domain::port::projection::{Begin, Parked, Projection, ProjectionError, Shelf};
use tokio::runtime::Handle;

use line::{Line, Task};
use runner::Runner;

pub use runner::Retried;
pub use status::{BuildStatus, ProjectionStatus, State};

/// How long a retry of parked streams is waited for.
const RETRY_WITHIN: Duration = Duration::from_secs(120);

/// Why an operator's wish is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionRefusal {
    /// No model has this name.
    #[error("there is no read model of that name")]
    Unknown,
    /// It is being built already, or is in line for it.
    #[error("it is being built already; wait, or give that up first")]
    Building,
    /// Nothing is being built.
    #[error("nothing is being built")]
    NotBuilding,
    /// There is no way back.
    #[error("no earlier file is kept")]
    NothingBefore,
    /// It does not answer, now or at all.
    #[error("it does not follow the log at the moment; see its error")]
    NotRunning,
    /// The file fails.
    #[error(transparent)]
    File(#[from] ProjectionError),
}

/// The read models of a node, each followed by a thread.
pub struct Projections {
    shared: Arc<Shared>,
}

/// What the threads share.
struct Shared {
    log: Arc<dyn EventLog>,
    shelf: Arc<dyn Shelf>,
    runtime: Handle,
    /// In the order in which they are needed.
    names: Vec<&'static str>,
    lines: BTreeMap<&'static str, Line>,
    builds: Mutex<Builds>,
}

/// What is built, and what is to be built after it: at most two jobs of a model.
#[derive(Default)]
struct Builds {
    running: Option<&'static str>,
    queue: VecDeque<(&'static str, Job)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    /// There is no complete file: the one that answers is filled.
    Fill,
    /// A file beside the one that answers.
    Beside(Begin),
}

impl Projections {
    /// Follows the log with the files that answer (`projections`, the most needed first), and builds what `shelf` says is
    /// to be built. `runtime` drives the reads of the log; applying happens on the threads.
    #[must_use]
    pub fn start(
        log: Arc<dyn EventLog>,
        shelf: Arc<dyn Shelf>,
        projections: Vec<Box<dyn Projection>>,
        runtime: Handle,
    ) -> Self {
        let names: Vec<&'static str> = projections.iter().map(|known| known.name()).collect();
        let mut lines = BTreeMap::new();
        let mut builds = Builds::default();
        for projection in projections {
            let name = projection.name();
            // A file that cannot even say that is shown to be wrong by its thread.
            let complete = projection.is_complete().unwrap_or(true);
            if !complete {
                builds.queue.push_back((name, Job::Fill));
            }
            lines.insert(name, Line::new(projection));
        }
        let unfinished = names.iter().filter_map(|name| {
            let files = shelf.files(name)?;
            let begin = match files.beside {
                Some(_) => Begin::Unfinished,
                None if files.serving.version < files.newest => Begin::Anew,
                None => return None,
            };
            Some((*name, Job::Beside(begin)))
        });
        builds.queue.extend(unfinished);
        let filled: Vec<&str> = builds
            .queue
            .iter()
            .filter(|(_, job)| *job == Job::Fill)
            .map(|(name, _)| *name)
            .collect();
        let complete = names.iter().filter(|name| !filled.contains(name));
        let complete: Vec<&'static str> = complete.copied().collect();
        let shared = Arc::new(Shared {
            log,
            shelf,
            runtime,
            names,
            lines,
            builds: Mutex::new(builds),
        });
        for name in complete {
            shared.start_serving(name, Task::Serve);
        }
        shared.build_next();
        Self { shared }
    }

    /// The names of the models, the most needed first.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.shared.names
    }

    /// How far the file of a model that answers is; [`Position::START`] for a name that is none.
    #[must_use]
    pub fn mark(&self, name: &str) -> Position {
        self.shared.line(name).map(Line::mark).unwrap_or_default()
    }

    /// Waits until an event has been applied to the file that answers; answers whether it was within the time. What has
    /// been reached once stays reached, also when another file takes over.
    pub async fn wait_for(&self, name: &str, position: Position, at_most: Duration) -> bool {
        match self.shared.line(name) {
            Some(line) => line.wait_for(position, at_most).await,
            None => false,
        }
    }

    /// Why the file that answers does not go on; `None` while it does.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<String> {
        self.shared.line(name).and_then(Line::error)
    }

    /// Every model, as it is now.
    pub async fn status(&self) -> Vec<ProjectionStatus> {
        status::read(&self.shared).await
    }

    /// Parked streams of the file of a model that answers, in the order of their failing events, at most `limit`. Blocks.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, or when the file cannot be read.
    pub fn parked(&self, name: &str, limit: usize) -> Result<Vec<Parked>, ProjectionRefusal> {
        self.shared.line(name).ok_or(ProjectionRefusal::Unknown)?;
        Ok(self.shared.shelf.parked(name, limit)?)
    }

    /// Builds a model anew beside the file that answers; it takes over when it has caught up. Waits in line while another
    /// one is built.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, or when it is being built already.
    pub fn rebuild(&self, name: &str) -> Result<(), ProjectionRefusal> {
        self.shared.order(name, Begin::Anew)
    }

    /// Goes back to the file that answered before; it takes over when it has caught up, and the present one is deleted.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, when there is no such file, or while another one is built.
    pub fn go_back(&self, name: &str) -> Result<(), ProjectionRefusal> {
        let files = self.shared.shelf.files(name);
        if files.ok_or(ProjectionRefusal::Unknown)?.previous.is_none() {
            return Err(ProjectionRefusal::NothingBefore);
        }
        self.shared.order(name, Begin::Previous)
    }

    /// Gives up what is being built or waits for it; the file that answers is untouched. Blocks until the page in hand is
    /// done.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, or when nothing is being built.
    pub fn cancel(&self, name: &str) -> Result<(), ProjectionRefusal> {
        self.shared.cancel(name)
    }

    /// Deletes the file that answered before. Answers whether there was one. Blocks.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, or when it cannot be deleted.
    pub fn discard(&self, name: &str) -> Result<bool, ProjectionRefusal> {
        self.shared.line(name).ok_or(ProjectionRefusal::Unknown)?;
        Ok(self.shared.shelf.discard(name)?)
    }

    /// Tries to take in what is held back: every parked stream from the event that failed on, from the log.
    ///
    /// # Errors
    /// [`ProjectionRefusal`] for an unknown name, when the model does not go on, or its file or the log fails.
    pub async fn retry(&self, name: &str) -> Result<Retried, ProjectionRefusal> {
        let line = self.shared.line(name).ok_or(ProjectionRefusal::Unknown)?;
        let answer = line.retry().ok_or(ProjectionRefusal::NotRunning)?;
        match tokio::time::timeout(RETRY_WITHIN, answer).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(_)) | Err(_) => Err(ProjectionRefusal::NotRunning),
        }
    }

    /// Stops after the pages in hand. Blocks. What was being built goes on at the next start.
    pub fn stop(&self) {
        self.shared.builds().queue.clear();
        for line in self.shared.lines.values() {
            line.stop();
        }
    }
}

impl Drop for Projections {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn line(&self, name: &str) -> Option<&Line> {
        self.lines.get(name)
    }

    fn builds(&self) -> MutexGuard<'_, Builds> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread of the file that answers.
    fn start_serving(self: &Arc<Self>, name: &'static str, task: Task) {
        let Some(line) = self.line(name) else { return };
        line.start_serving(|projection, id| Runner::start(self.clone(), projection, id, task));
    }

    /// Puts a build in line.
    fn order(self: &Arc<Self>, name: &str, begin: Begin) -> Result<(), ProjectionRefusal> {
        let known = self.names.iter().find(|known| **known == name);
        let name = *known.ok_or(ProjectionRefusal::Unknown)?;
        {
            let mut builds = self.builds();
            let line = self.line(name);
            let waits = builds
                .queue
                .iter()
                .any(|(of, job)| *of == name && *job != Job::Fill);
            if waits || line.is_some_and(Line::is_building) {
                return Err(ProjectionRefusal::Building);
            }
            builds.queue.push_back((name, Job::Beside(begin)));
        }
        self.build_next();
        Ok(())
    }

    /// Begins the next build when none is running.
    fn build_next(self: &Arc<Self>) {
        loop {
            let (name, job) = {
                let mut builds = self.builds();
                if builds.running.is_some() {
                    return;
                }
                let Some((name, job)) = builds.queue.pop_front() else {
                    return;
                };
                builds.running = Some(name);
                (name, job)
            };
            let begun = match job {
                Job::Fill => {
                    self.start_serving(name, Task::Fill);
                    Ok(())
                }
                Job::Beside(begin) => self.start_beside(name, begin),
            };
            let Err(error) = begun else {
                tracing::info!(model = name, "a read model is being built");
                return;
            };
            tracing::error!(model = name, %error, "a read model cannot be built");
            self.builds().running = None;
        }
    }

    fn start_beside(
        self: &Arc<Self>,
        name: &'static str,
        begin: Begin,
    ) -> Result<(), ProjectionError> {
        let Some(line) = self.line(name) else {
            return Ok(());
        };
        line.start_beside(|id| {
            let projection = self.shelf.begin(name, begin)?;
            Ok(Runner::start(self.clone(), projection, id, Task::Beside))
        })
    }

    /// A build has come to its end, whichever.
    fn built(self: &Arc<Self>, name: &'static str) {
        {
            let mut builds = self.builds();
            if builds.running != Some(name) {
                return;
            }
            builds.running = None;
        }
        self.build_next();
    }

    fn cancel(self: &Arc<Self>, name: &str) -> Result<(), ProjectionRefusal> {
        let line = self.line(name).ok_or(ProjectionRefusal::Unknown)?;
        let known = self.names.iter().find(|known| **known == name);
        let name = *known.ok_or(ProjectionRefusal::Unknown)?;
        let waited = {
            let mut builds = self.builds();
            let before = builds.queue.len();
            builds
                .queue
                .retain(|(of, job)| *of != name || *job == Job::Fill);
            builds.queue.len() < before
        };
        match line.take_beside() {
            Some(runner) => {
                runner.halt();
                self.shelf.give_up(name)?;
                self.built(name);
                Ok(())
            }
            None if waited => Ok(self.shelf.give_up(name)?),
            None => Err(ProjectionRefusal::NotBuilding),
        }
    }

    /// Lets a file that has caught up answer, unless the one that does is further.
    fn take_over(
        self: &Arc<Self>,
        name: &'static str,
        id: u64,
        mark: Position,
    ) -> Result<bool, ProjectionError> {
        let Some(line) = self.line(name) else {
            return Ok(false);
        };
        let Some(before) = line.take_over(id, mark, || self.shelf.take_over(name))? else {
            return Ok(false);
        };
        tracing::info!(
            model = name,
            position = mark.0,
            "a read model that was built has taken over"
        );
        if let Some(before) = before {
            before.halt();
        }
        self.built(name);
        Ok(true)
    }
}
