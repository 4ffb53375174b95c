//! All read models of a node.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::channel::Channel;
use rapport_domain::event::{Position, Revision, Stream};
use rapport_domain::id::{AgentId, CustomerId, InteractionId, QueueId, ReviewId, TenantId, WishId};
use rapport_domain::port::projection::{
    Begin, Files, Parked, Projection, ProjectionError, Shelf, Tally,
};
use rapport_domain::port::query::{Checkpoints, PendingOutreach, QueryError, Wanted, Worklist};
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use crate::book::Book;
use crate::customers::{self, Customers};
use crate::error::OpenError;
use crate::family::{Edition, Family};
use crate::reactions::{self, Reactions};
use crate::rebuild::Rebuild;
use crate::statistics::{self, Statistics};
use crate::timeline::{self, Timeline};
use crate::view::{
    AgentWork, CustomerName, CustomerView, DecisionPage, OutcomeCount, QuarterStatistics,
    QueueStatistics, ReviewPage, ReviewView, TimelinePage, WishFilter, WishPage, WishView,
};
use crate::worklist::{self, Worklist as WorklistModel};

/// Who somebody is, what departments want of them, every decision.
pub const CUSTOMERS: &str = "customers";
/// What happened with a customer.
pub const TIMELINE: &str = "timeline";
/// Service figures.
pub const STATISTICS: &str = "statistics";
/// What a starting node must load.
pub const WORKLIST: &str = "worklist";

/// The read side of all models. Cheap to clone; every call blocks for a query, so async callers move it to a blocking
/// thread. At most four queries of a model run at a time, further ones wait. Queries see the last applied page.
#[derive(Clone)]
pub struct ReadModels {
    inner: Arc<Inner>,
}

struct Inner {
    customers: Book,
    timeline: Book,
    statistics: Book,
    worklist: Book,
    reactions: Reactions,
}

/// A file of a model, as it lies in the folder.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileLook {
    /// Of which model.
    pub model: &'static str,
    /// The version of what is in it.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Whether it has once been as far as the log.
    pub complete: bool,
    /// How far it is.
    pub mark: Position,
    /// Streams that are parked in it.
    pub parked: u64,
}

/// The models. A version that replaces another is put behind it.
const FAMILIES: [Family; 4] = [
    Family {
        name: WORKLIST,
        editions: &[Edition::of::<WorklistModel>()],
    },
    Family {
        name: CUSTOMERS,
        editions: &[Edition::of::<Customers>()],
    },
    Family {
        name: TIMELINE,
        editions: &[Edition::of::<Timeline>()],
    },
    Family {
        name: STATISTICS,
        editions: &[Edition::of::<Statistics>()],
    },
];

impl ReadModels {
    /// Opens the models of a data folder, in `<data>/read-models`, and creates those that are missing. Returns what
    /// answers questions, and the projections of the files that answer, the most needed first: one process at a time
    /// feeds them, each on a thread of its own. What is to be built beside says [`Shelf::files`].
    ///
    /// # Errors
    /// [`OpenError`], which names the file and what to do.
    pub fn open(data: &Path) -> Result<(Self, Vec<Box<dyn Projection>>), OpenError> {
        let folder = folder(data)?;
        let [worklist, customers, timeline, statistics] = FAMILIES;
        let (worklist, feed_worklist) = Book::open(worklist, &folder)?;
        let (customers, feed_customers) = Book::open(customers, &folder)?;
        let (timeline, feed_timeline) = Book::open(timeline, &folder)?;
        let (statistics, feed_statistics) = Book::open(statistics, &folder)?;
        let path = reactions::SCHEMA.path(&folder);
        let reactions =
            Reactions::open(&path).map_err(OpenError::file(reactions::SCHEMA.name, &path))?;
        let inner = Inner {
            customers,
            timeline,
            statistics,
            worklist,
            reactions,
        };
        let models = Self {
            inner: Arc::new(inner),
        };
        let projections = vec![
            feed_worklist,
            feed_customers,
            feed_timeline,
            feed_statistics,
        ];
        Ok((models, projections))
    }

    /// The names of the models, as `rapport projection rebuild NAME` takes them.
    #[must_use]
    pub const fn names() -> &'static [&'static str] {
        &[CUSTOMERS, TIMELINE, STATISTICS, WORKLIST]
    }

    /// Begins a model anew in a file beside the one in use while no hub runs: it would go on writing to the file that is
    /// replaced. Feed the [`Rebuild`] from the start of the log, then [`Rebuild::finish`].
    ///
    /// # Errors
    /// [`OpenError`]; the model in use is untouched.
    pub fn rebuild(data: &Path, name: &str) -> Result<Rebuild, OpenError> {
        let folder = folder(data)?;
        let family = FAMILIES.into_iter().find(|family| family.name == name);
        let family = family.ok_or_else(|| OpenError::NoSuchModel(name.to_owned()))?;
        Rebuild::begin(family, &folder)
    }

    /// The files there are, without opening any for answers: for whoever looks while no hub runs.
    ///
    /// # Errors
    /// [`OpenError`] when the folder or a file cannot be read.
    pub fn look(data: &Path) -> Result<Vec<FileLook>, OpenError> {
        let folder = folder(data)?;
        let mut all = Vec::new();
        for family in FAMILIES {
            for file in family.files(&folder)? {
                let looked = file.look(&folder);
                let looked = looked.map_err(OpenError::file(family.name, &file.path(&folder)))?;
                all.push(FileLook {
                    model: family.name,
                    version: file.version,
                    name: file.name(),
                    complete: looked.complete,
                    mark: looked.mark,
                    parked: looked.parked,
                });
            }
        }
        Ok(all)
    }

    fn book(&self, model: &str) -> Option<&Book> {
        match model {
            CUSTOMERS => Some(&self.inner.customers),
            TIMELINE => Some(&self.inner.timeline),
            STATISTICS => Some(&self.inner.statistics),
            WORKLIST => Some(&self.inner.worklist),
            _ => None,
        }
    }

    fn known(&self, model: &str) -> Result<&Book, ProjectionError> {
        self.book(model).ok_or(ProjectionError {
            projection: "read models",
            reason: "there is none of that name".to_owned(),
        })
    }

    /// How far a model is; [`Position::START`] for a name that is none.
    #[must_use]
    pub fn seen(&self, model: &str) -> Position {
        self.book(model).map(Book::position).unwrap_or_default()
    }

    /// What the file of a model that answers did not take in.
    #[must_use]
    pub fn tally(&self, model: &str) -> Tally {
        self.book(model)
            .map(|book| book.progress().tally())
            .unwrap_or_default()
    }

    /// Waits until the file of a model that answers now has applied a position; false when it has not within `longest`.
    #[must_use]
    pub fn wait_for(&self, model: &str, position: Position, longest: Duration) -> bool {
        self.book(model)
            .is_some_and(|book| book.progress().wait(position, longest))
    }

    /// A customer; none for an unknown one or another tenant's.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Option<CustomerView>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::customer(on, tenant, id))
    }

    /// Whom a contact point leads to: its owner first. The key is that of
    /// [`rapport_domain::contact_point::ContactPoint::key`].
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn find_customers(
        &self,
        tenant: TenantId,
        contact_point: Uuid,
    ) -> Result<Vec<CustomerName>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::find_customers(on, tenant, contact_point))
    }

    /// A customer's timeline before a position (from the newest when none), newest first.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn timeline(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        before: Option<Position>,
        limit: usize,
    ) -> Result<TimelinePage, QueryError> {
        self.inner
            .timeline
            .read(|on| timeline::timeline(on, tenant, customer, before, limit))
    }

    /// The decisions on a customer before a position (from the newest when none), newest first.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn decisions(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        before: Option<Position>,
        limit: usize,
    ) -> Result<DecisionPage, QueryError> {
        self.inner
            .customers
            .read(|on| customers::decisions(on, tenant, customer, before, limit))
    }

    /// Doubts whether customers are one person, those that wait or all, after a cursor ([`Position::START`] at first).
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn reviews(
        &self,
        tenant: TenantId,
        waiting: bool,
        after: Position,
        limit: usize,
    ) -> Result<ReviewPage, QueryError> {
        self.inner
            .customers
            .read(|on| customers::reviews(on, tenant, waiting, after, limit))
    }

    /// One doubt; none for an unknown one or another tenant's.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn review(&self, tenant: TenantId, id: ReviewId) -> Result<Option<ReviewView>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::review(on, tenant, id))
    }

    /// A wish; none for an unknown one or another tenant's.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn wish(&self, tenant: TenantId, id: WishId) -> Result<Option<WishView>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::wish(on, tenant, id))
    }

    /// Wishes that fit a filter, in the order of filing, after a cursor ([`Position::START`] at first).
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn wishes(
        &self,
        tenant: TenantId,
        filter: &WishFilter,
        after: Position,
        limit: usize,
    ) -> Result<WishPage, QueryError> {
        self.inner
            .customers
            .read(|on| customers::wishes(on, tenant, filter, after, limit))
    }

    /// How many wishes of a department, or of each, stand where.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn outcomes(
        &self,
        tenant: TenantId,
        department: Option<&str>,
    ) -> Result<Vec<OutcomeCount>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::outcomes(on, tenant, department))
    }

    /// The figures of every queue that had contacts on a day of the tenant's clock
    /// ([`rapport_domain::time::LocalTime::day`]).
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn queue_statistics(
        &self,
        tenant: TenantId,
        day: i32,
    ) -> Result<Vec<QueueStatistics>, QueryError> {
        self.inner
            .statistics
            .read(|on| statistics::queues(on, tenant, day))
    }

    /// The figures of one queue by quarter of an hour, without quarters in which nothing came.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn quarter_statistics(
        &self,
        tenant: TenantId,
        queue: QueueId,
        day: i32,
    ) -> Result<Vec<QuarterStatistics>, QueryError> {
        self.inner
            .statistics
            .read(|on| statistics::quarters(on, tenant, queue, day))
    }

    /// When each agent was last done with a piece of work.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    pub fn agent_work(&self) -> Result<Vec<AgentWork>, QueryError> {
        self.inner.worklist.read(worklist::agent_work)
    }
}

impl Worklist for ReadModels {
    fn seen(&self) -> Result<Position, QueryError> {
        Ok(self.seen(WORKLIST))
    }

    fn open_interactions(&self) -> Result<Vec<(TenantId, InteractionId)>, QueryError> {
        self.inner.worklist.read(worklist::open_interactions)
    }

    fn setup_streams(&self) -> Result<Vec<Stream>, QueryError> {
        self.inner.worklist.read(worklist::setup_streams)
    }

    fn agent_events(&self) -> Result<Vec<(AgentId, Vec<Revision>)>, QueryError> {
        self.inner.worklist.read(worklist::agent_events)
    }

    fn pending_outreach(&self) -> Result<Vec<PendingOutreach>, QueryError> {
        self.inner.worklist.read(worklist::pending_outreach)
    }

    fn latest_interaction(
        &self,
        tenant: TenantId,
        contact_point: Uuid,
        channel: Channel,
    ) -> Result<Option<InteractionId>, QueryError> {
        self.inner
            .worklist
            .read(|on| worklist::latest_interaction(on, tenant, contact_point, channel))
    }
}

impl Shelf for ReadModels {
    fn files(&self, name: &str) -> Option<Files> {
        self.book(name).map(Book::files)
    }

    fn begin(&self, name: &str, from: Begin) -> Result<Box<dyn Projection>, ProjectionError> {
        self.known(name)?.begin(from)
    }

    fn take_over(&self, name: &str) -> Result<(), ProjectionError> {
        self.known(name)?.take_over()
    }

    fn give_up(&self, name: &str) -> Result<(), ProjectionError> {
        self.known(name)?.give_up()
    }

    fn discard(&self, name: &str) -> Result<bool, ProjectionError> {
        self.known(name)?.discard()
    }

    fn parked(&self, name: &str, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        self.known(name)?.parked(limit)
    }
}

impl Wanted for ReadModels {
    fn count(&self, tenant: TenantId, since: Timestamp) -> Result<u64, QueryError> {
        self.inner
            .customers
            .read(|on| customers::count_wanted(on, tenant, since))
    }

    fn page(
        &self,
        tenant: TenantId,
        since: Timestamp,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, QueryError> {
        self.inner
            .customers
            .read(|on| customers::wanted(on, tenant, since, after, limit))
    }
}

impl Checkpoints for ReadModels {
    fn load(&self, name: &str) -> Result<Position, QueryError> {
        self.inner.reactions.load(name)
    }

    fn save(&self, name: &str, position: Position) -> Result<(), QueryError> {
        self.inner.reactions.save(name, position)
    }
}

pub(crate) fn folder(data: &Path) -> Result<PathBuf, OpenError> {
    let folder = data.join("read-models");
    // What customers said is in there: it is this user's alone.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(OpenError::folder(&folder))?;
    Ok(folder)
}
