//! What would other contact rules have changed? Asked beside everything else: one question of a tenant at a time, one
//! customer in memory at a time, and the answer is forgotten when the process ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::aggregate::decode;
use rapport_domain::event::{Actor, Category, Position, Revision, Stream};
use rapport_domain::id::{CustomerId, DryRunId, TenantId};
use rapport_domain::policy::{
    ContactPolicy, Entry, Policy, PolicyBook, Question, Report, Said, replay,
};
use rapport_domain::port::query::Wanted;
use rapport_domain::time::{Timestamp, Zone};

use crate::engine::Engine;
use crate::error::CommandError;

/// Most days a question looks back.
pub const MOST_DAYS: u32 = 31;
/// Answers of a tenant that are kept.
const KEPT: usize = 5;
/// Customers asked for at a time.
const CUSTOMERS: usize = 500;
/// Events read at a time.
const PAGE: usize = 512;
/// Events of one customer; whoever has more is left out, and counted.
const MOST_EVENTS: usize = 50_000;

/// What is asked.
#[derive(Clone, Debug)]
pub struct DryRunOrder {
    /// The rules.
    pub rules: ContactPolicy,
    /// Over how many days until now.
    pub days: u32,
    /// Who asks.
    pub by: Actor,
}

/// A question and how far its answer is.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// Its name.
    pub id: DryRunId,
    /// The rules it asks about.
    pub rules: ContactPolicy,
    /// Who asked.
    pub by: Actor,
    /// The version in force that it compares with.
    pub base: u64,
    /// The days looked at begin here.
    pub from: Timestamp,
    /// And end here.
    pub until: Timestamp,
    /// Customers done.
    pub done: u64,
    /// Customers to do.
    pub total: u64,
    /// How it stands.
    pub state: DryRunState,
}

/// How a question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunState {
    /// At work.
    Running,
    /// The answer.
    Done(Report),
    /// Somebody gave it up.
    Cancelled,
    /// Log or read model could not be read.
    Failed,
}

struct Run {
    id: DryRunId,
    order: DryRunOrder,
    book: Arc<PolicyBook>,
    zone: Zone,
    from: Timestamp,
    until: Timestamp,
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
    state: Mutex<DryRunState>,
}

impl Run {
    fn state(&self) -> MutexGuard<'_, DryRunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> DryRun {
        DryRun {
            id: self.id,
            rules: self.order.rules.clone(),
            by: self.order.by.clone(),
            base: self.book.in_force().policy.version,
            from: self.from,
            until: self.until,
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            state: self.state().clone(),
        }
    }
}

/// The questions of all tenants.
#[derive(Default)]
pub(crate) struct DryRuns(Mutex<BTreeMap<TenantId, VecDeque<Arc<Run>>>>);

impl DryRuns {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, VecDeque<Arc<Run>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tenant: TenantId, run: &Arc<Run>) -> Result<(), CommandError> {
        let mut all = self.lock();
        let runs = all.entry(tenant).or_default();
        if runs.iter().any(|run| *run.state() == DryRunState::Running) {
            return Err(CommandError::Rejected {
                code: "dry_run_running",
                detail: "a dry run of this tenant is at work; wait for it, or cancel it".into(),
            });
        }
        while runs.len() >= KEPT {
            runs.pop_front();
        }
        runs.push_back(run.clone());
        Ok(())
    }

    fn find(&self, tenant: TenantId, id: DryRunId) -> Option<Arc<Run>> {
        let all = self.lock();
        all.get(&tenant)?.iter().find(|run| run.id == id).cloned()
    }
}

/// Why a question has no answer.
enum Unanswered {
    Cancelled,
    Unreadable(String),
}

impl Engine {
    /// Begins to find out what other rules would have changed.
    ///
    /// # Errors
    /// [`CommandError`]: the days, that there are no rules to compare with, that one is at work, or the log fails.
    pub async fn start_dry_run(
        self: &Arc<Self>,
        tenant: TenantId,
        order: DryRunOrder,
        wanted: Arc<dyn Wanted>,
    ) -> Result<DryRunId, CommandError> {
        if !(1..=MOST_DAYS).contains(&order.days) {
            return Err(CommandError::Invalid {
                field: "days",
                detail: format!("use 1 to {MOST_DAYS}"),
            });
        }
        let directory = self.directory();
        let entry = directory.tenant(tenant);
        let zone = entry
            .ok_or(CommandError::NotFound("tenant"))?
            .tenant
            .definition
            .zone;
        let book = self.policy_book(tenant).await?;
        let book = book.ok_or(CommandError::NotFound("policy"))?;
        let until = self.now();
        let span = Duration::from_secs(u64::from(order.days) * 86_400);
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let run = Arc::new(Run {
            id: DryRunId::from_uuid(self.fresh()),
            order,
            book,
            zone,
            from: Timestamp::from_micros(until.as_micros().saturating_sub(micros)),
            until,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(DryRunState::Running),
        });
        self.dry_runs.add(tenant, &run)?;
        let (engine, id) = (self.clone(), run.id);
        tokio::spawn(async move {
            let answer = engine.answer(tenant, &run, wanted).await;
            *run.state() = match answer {
                Ok(report) => DryRunState::Done(report),
                Err(Unanswered::Cancelled) => DryRunState::Cancelled,
                Err(Unanswered::Unreadable(why)) => {
                    tracing::error!(why, "a dry run of a contact policy could not go on");
                    DryRunState::Failed
                }
            };
        });
        Ok(id)
    }

    /// How a question stands; `None` when it is not this tenant's, or forgotten.
    #[must_use]
    pub fn dry_run(&self, tenant: TenantId, id: DryRunId) -> Option<DryRun> {
        self.dry_runs.find(tenant, id).map(|run| run.look())
    }

    /// Gives a question up. `false` when there is no such question.
    #[must_use]
    pub fn cancel_dry_run(&self, tenant: TenantId, id: DryRunId) -> bool {
        let found = self.dry_runs.find(tenant, id);
        if let Some(run) = &found {
            run.cancelled.store(true, Ordering::Relaxed);
        }
        found.is_some()
    }

    async fn answer(
        &self,
        tenant: TenantId,
        run: &Arc<Run>,
        wanted: Arc<dyn Wanted>,
    ) -> Result<Report, Unanswered> {
        let since = run.from;
        let asked = wanted.clone();
        run.total.store(
            off(move || asked.count(tenant, since)).await?,
            Ordering::Relaxed,
        );
        let draft = Policy {
            rules: run.order.rules.clone(),
            version: run.book.in_force().policy.version + 1,
        };
        let question = Question {
            versions: run.book.versions(),
            draft: &draft,
            zone: run.zone,
            from: run.from,
            until: run.until,
        };
        let (mut report, mut after) = (Report::default(), None);
        loop {
            let asked = wanted.clone();
            let page = off(move || asked.page(tenant, since, after, CUSTOMERS)).await?;
            for customer in &page {
                if run.cancelled.load(Ordering::Relaxed) || self.stopping.load(Ordering::Relaxed) {
                    return Err(Unanswered::Cancelled);
                }
                match self.recorded_of(tenant, *customer).await? {
                    Some(entries) => replay(question, *customer, &entries, &mut report),
                    None => report.skipped += 1,
                }
                run.done.fetch_add(1, Ordering::Relaxed);
                // Whoever waits for this thread goes first.
                tokio::task::yield_now().await;
            }
            after = page.last().copied();
            if page.len() < CUSTOMERS {
                return Ok(report);
            }
        }
    }

    /// All that was recorded of a customer and the outreach to them, in the order of the log; `None` when it is too much, or
    /// cannot be understood.
    async fn recorded_of(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Option<Vec<Entry>>, Unanswered> {
        let mut all: Vec<(Position, Entry)> = vec![];
        for category in [Category::Customer, Category::Outreach] {
            let stream = Stream::new(category, customer.as_uuid());
            let mut next = Revision::FIRST;
            loop {
                let page = self.store.log.read_stream(stream, next, PAGE).await;
                let page = page.map_err(|error| Unanswered::Unreadable(error.to_string()))?;
                for recorded in &page {
                    let event = &recorded.event;
                    if event.meta.tenant != tenant || all.len() >= MOST_EVENTS {
                        return Ok(None);
                    }
                    let (kind, version, data) = (&event.kind, event.version, &event.data);
                    let said = match category {
                        Category::Customer => decode(kind, version, data).map(Said::Customer),
                        _ => decode(kind, version, data).map(Said::Outreach),
                    };
                    let Ok(said) = said else {
                        return Ok(None);
                    };
                    let at = event.recorded_at;
                    all.push((recorded.position, Entry { at, said }));
                    next = recorded.revision.next();
                }
                if page.len() < PAGE {
                    break;
                }
            }
        }
        all.sort_by_key(|(position, _)| *position);
        Ok(Some(all.into_iter().map(|(_, entry)| entry).collect()))
    }
}

/// Asks a read model where nobody waits for it.
async fn off<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, rapport_domain::port::query::QueryError> + Send + 'static,
) -> Result<T, Unanswered> {
    let unreadable = |why: String| Unanswered::Unreadable(why);
    let answer = tokio::task::spawn_blocking(question).await;
    answer
        .map_err(|error| unreadable(error.to_string()))?
        .map_err(|error| unreadable(error.to_string()))
}
