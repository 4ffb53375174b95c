//! One endpoint: follows the log, sends, and notes in the endpoint's history how far it has come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::event::{Category, Position, Recorded, Stream};
use rapport_domain::id::WebhookId;
use rapport_domain::outreach::{self, Outreach};
use rapport_domain::port::webhook::WebhookSender;
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::{
    Answer, DeadReason, Delivery, Due, Endpoint, Fact, Line, Next, Outdated, Place, Sending, Step,
    concerns, delivery,
};
use tokio::sync::watch;

use super::Sends;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::store::Ctx;

/// Events read at a time.
const PAGE: usize = 512;
/// Deliveries after which the mark is moved although more of them wait: so many at most are repeated after a crash.
const SAVE_EVERY: u64 = 32;
/// Events without a word for this endpoint after which the mark is moved, so that a start need not read them again.
const PASS_EVERY: u64 = 10_000;
/// Pause after a failure of our own.
const PAUSE: Duration = Duration::from_secs(1);

/// The task of one endpoint.
pub(super) struct Outbox {
    engine: Arc<Engine>,
    endpoint: Endpoint,
    id: WebhookId,
    sender: Arc<dyn WebhookSender>,
    moved: watch::Receiver<u64>,
}

/// What it knows beside the endpoint's history, for as long as the round lasts.
struct Run {
    round: u64,
    /// Read up to here.
    cursor: Position,
    /// What waits in line, with the moment of its event.
    line: VecDeque<(Delivery, Timestamp)>,
    /// Everything up to here is done.
    done: Position,
    /// Taken, and not noted yet.
    delivered: u64,
    /// Events read since the mark was moved.
    passed: u64,
    sending: Sending,
}

/// Why a tenure ended.
enum Trouble {
    /// The round is over: begin anew from the history.
    Round,
    /// Something of ours failed.
    Failed(String),
}

impl From<ExecuteError<Outdated>> for Trouble {
    fn from(error: ExecuteError<Outdated>) -> Self {
        match error {
            ExecuteError::Rejected(Outdated) => Self::Round,
            error => Self::Failed(format!("{error:?}")),
        }
    }
}

impl Run {
    fn of(line: &Line, give_up_after: Duration) -> Self {
        Self {
            round: line.round,
            cursor: line.mark,
            line: VecDeque::new(),
            done: line.mark,
            delivered: 0,
            passed: 0,
            sending: Sending::new(give_up_after),
        }
    }

    fn head(&self, line: &Line) -> Option<Due> {
        self.line.front().map(|(delivery, at)| Due {
            position: delivery.place.position,
            since: (*at).max(line.since),
        })
    }
}

impl Outbox {
    pub fn new(
        engine: &Arc<Engine>,
        endpoint: Endpoint,
        sender: Arc<dyn WebhookSender>,
        moved: watch::Receiver<u64>,
    ) -> Self {
        Self {
            engine: engine.clone(),
            id: endpoint.id(),
            endpoint,
            sender,
            moved,
        }
    }

    /// Until the engine stops.
    pub async fn run(mut self) {
        while !self.stopping() {
            match self.tend().await {
                Ok(()) | Err(Trouble::Round) => {}
                Err(Trouble::Failed(error)) => {
                    tracing::warn!(webhook = %self.id, error, "an endpoint cannot be looked after; trying again");
                    self.say(|report| report.error = Some(error));
                    let later = self.engine.now() + PAUSE;
                    self.wait(Some(later), None).await;
                }
            }
        }
    }

    fn stopping(&self) -> bool {
        self.engine.stopping.load(Ordering::Acquire)
    }

    fn ours(&self) -> bool {
        self.engine.leads(self.endpoint.tenant)
    }

    fn say(&self, change: impl FnOnce(&mut super::Report)) {
        self.engine.webhooks.report(self.id, change);
    }

    /// Waits for a moment, for the log to grow past a position, for a change of an endpoint's history, or the end.
    async fn wait(&mut self, until: Option<Timestamp>, past: Option<Position>) {
        let engine = self.engine.clone();
        let stop = engine.stop.notified();
        tokio::pin!(stop);
        stop.as_mut().enable();
        if self.stopping() {
            return;
        }
        let moment = async {
            match until {
                Some(until) => tokio::time::sleep(until.since(engine.now())).await,
                None => std::future::pending().await,
            }
        };
        let grown = async {
            match past {
                Some(past) => drop(engine.log().wait_past(past).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop => {}
            () = moment => {}
            () = grown => {}
            _ = self.moved.changed() => {}
        }
    }

    /// Looks after the endpoint for as long as that is this node's to do, and the round lasts.
    async fn tend(&mut self) -> Result<(), Trouble> {
        if !self.ours() {
            self.say(|report| report.sends = Sends::Elsewhere);
            // Signs of life of nodes are in the log too: whoever becomes the owner hears of it.
            let head = self.engine.log().head();
            self.wait(None, Some(head)).await;
            return Ok(());
        }
        self.engine.store.renewed::<Line>(self.id.as_uuid()).await;
        let head = self.engine.log().head();
        let (name, department) = (&self.endpoint.name, &self.endpoint.department);
        self.note(|known| Ok(Line::open(known, name, department, head)))
            .await?;
        let mut run = Run::of(&*self.line().await?, self.endpoint.give_up_after);
        while self.ours() && !self.stopping() {
            self.moved.mark_unchanged();
            let line = self.line().await?;
            if line.round != run.round {
                return Err(Trouble::Round);
            }
            if line.suspended.is_some() {
                self.say(|report| report.sends = Sends::Suspended);
                self.wait(None, None).await;
                continue;
            }
            self.refill(&mut run).await?;
            let now = self.engine.now();
            let aside: Vec<Due> = line
                .aside
                .iter()
                .map(|(at, held)| (*at, held.1))
                .map(due)
                .collect();
            let next = run.sending.next(run.head(&line), &aside, now);
            self.act(&mut run, &line, aside.len(), next).await?;
        }
        // The next owner goes on from the history; what is not noted is only sent twice.
        self.save(&mut run).await
    }

    async fn act(
        &mut self,
        run: &mut Run,
        line: &Line,
        aside: usize,
        next: Next,
    ) -> Result<(), Trouble> {
        match next {
            Next::Head => {
                let (Some((delivery, _)), Some(due)) = (run.line.front().cloned(), run.head(line))
                else {
                    return Ok(());
                };
                let step = self.attempt(run, &delivery, due, true, aside).await;
                self.stepped(run, &delivery, step, true).await
            }
            Next::Aside(position) => {
                let Some((place, since)) = line.aside.get(&position) else {
                    return Ok(());
                };
                let Some(delivery) = self.again(*place).await? else {
                    // It is no news for this endpoint any more.
                    return self.settle(run, position).await;
                };
                let due = due((position, *since));
                let step = self.attempt(run, &delivery, due, false, aside).await;
                self.stepped(run, &delivery, step, false).await
            }
            Next::GiveUpHead(why) => {
                let Some((delivery, _)) = run.line.front().cloned() else {
                    return Ok(());
                };
                self.stepped(run, &delivery, Step::GiveUp(why), true).await
            }
            Next::Wait(until) => {
                self.save(run).await?;
                self.say(|report| report.sends = Sends::Waiting(until));
                // With nothing in line, something new is sent although what is aside waits.
                let past = run.line.is_empty().then_some(run.cursor);
                let past = past.filter(|_| run.sending.down_until().is_none());
                self.wait(Some(until), past).await;
                Ok(())
            }
            Next::Idle => {
                self.save(run).await?;
                self.say(|report| report.sends = Sends::Idle);
                self.wait(None, Some(run.cursor)).await;
                Ok(())
            }
        }
    }

    async fn attempt(
        &self,
        run: &mut Run,
        delivery: &Delivery,
        due: Due,
        in_line: bool,
        aside: usize,
    ) -> Step {
        self.say(|report| report.sends = Sends::Sending);
        let answer = self
            .sender
            .deliver(self.id, delivery, self.engine.now())
            .await;
        let now = self.engine.now();
        let counters = self.engine.counters();
        Counters::count(if answer == Answer::Taken {
            &counters.webhooks_delivered
        } else {
            &counters.webhooks_failed
        });
        self.say(|report| {
            report.last = Some((answer, now));
            report.error = None;
        });
        let jitter = u16::try_from(self.engine.fresh().as_u128() % 1_000).unwrap_or_default();
        run.sending
            .answered(due, answer, in_line, aside, now, jitter)
    }

    async fn stepped(
        &self,
        run: &mut Run,
        delivery: &Delivery,
        step: Step,
        in_line: bool,
    ) -> Result<(), Trouble> {
        let place = delivery.place;
        match step {
            Step::Again => Ok(()),
            Step::Done if in_line => {
                run.line.pop_front();
                run.done = place.position;
                run.delivered += 1;
                if run.delivered >= SAVE_EVERY || run.line.is_empty() {
                    self.save(run).await?;
                }
                Ok(())
            }
            Step::Done => self.settle(run, place.position).await,
            Step::Aside { status } => {
                let (round, delivered) = (run.round, run.delivered);
                self.note(|known| Line::set_aside(known, round, place, status, delivered))
                    .await?;
                run.over(place.position);
                Ok(())
            }
            Step::GiveUp(why) => self.give_up(run, delivery, why, in_line).await,
            Step::Suspend(why) => {
                self.save(run).await?;
                let round = run.round;
                tracing::warn!(webhook = %self.id, "an endpoint says that it wants no more; it is sent nothing until somebody asks for a replay");
                self.note(|known| Line::suspend(known, round, why)).await
            }
        }
    }

    async fn give_up(
        &self,
        run: &mut Run,
        delivery: &Delivery,
        why: DeadReason,
        in_line: bool,
    ) -> Result<(), Trouble> {
        let (place, event) = (delivery.place, delivery.event);
        let (round, delivered) = (run.round, if in_line { run.delivered } else { 0 });
        Counters::count(&self.engine.counters().webhooks_given_up);
        tracing::warn!(webhook = %self.id, position = %place.position, "a delivery had its time and is given up");
        self.note(|known| Line::give_up(known, round, place, event, why, delivered))
            .await?;
        if in_line {
            run.over(place.position);
        }
        Ok(())
    }

    async fn settle(&self, run: &Run, position: Position) -> Result<(), Trouble> {
        let round = run.round;
        self.note(|known| Line::settle(known, round, position))
            .await
    }

    /// Notes how far the line has come.
    async fn save(&self, run: &mut Run) -> Result<(), Trouble> {
        if run.line.is_empty() && (run.delivered > 0 || run.passed >= PASS_EVERY) {
            run.done = run.cursor;
        } else if run.delivered == 0 {
            return Ok(());
        }
        let (round, done, delivered) = (run.round, run.done, run.delivered);
        self.note(|known| Line::progress(known, round, done, delivered))
            .await?;
        (run.delivered, run.passed) = (0, 0);
        Ok(())
    }

    /// Reads on until there is something to send, or the end of the log.
    async fn refill(&self, run: &mut Run) -> Result<(), Trouble> {
        let failed =
            |error: rapport_domain::port::log::ReadError| Trouble::Failed(error.to_string());
        while run.line.is_empty() && !self.stopping() {
            let page = self.engine.log().read_all(run.cursor, PAGE).await;
            let page = page.map_err(failed)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            for recorded in &page {
                if let Some(delivery) = self.told(recorded).await? {
                    run.line.push_back((delivery, recorded.event.recorded_at));
                }
            }
            run.cursor = last.position;
            run.passed += page.len() as u64;
            if run.line.is_empty() && run.passed >= PASS_EVERY {
                self.save(run).await?;
            }
        }
        Ok(())
    }

    /// What the endpoint is told of an event. One that cannot be read is passed over: the reactor has said so.
    async fn told(&self, recorded: &Recorded) -> Result<Option<Delivery>, Trouble> {
        let ours = recorded.event.meta.tenant == self.endpoint.tenant
            && recorded.stream.category == Category::Outreach;
        if !ours {
            return Ok(None);
        }
        let Ok(fact) = crate::reactor::fact::<outreach::Fact>(recorded) else {
            return Ok(None);
        };
        if !concerns(&self.endpoint, &fact) {
            return Ok(None);
        }
        let (customer, revision) = (recorded.stream.id, recorded.revision);
        let loaded = self
            .engine
            .store
            .load_at::<Outreach>(customer, revision)
            .await
            .map_err(|error| Trouble::Failed(format!("{error:?}")))?;
        let state = loaded.folded.state.as_deref();
        Ok(state.and_then(|outreach| delivery(&self.endpoint, recorded, &fact, outreach)))
    }

    /// A delivery that was set aside, made anew from its event.
    async fn again(&self, place: Place) -> Result<Option<Delivery>, Trouble> {
        let stream = Stream::new(Category::Outreach, place.customer.as_uuid());
        let read = self.engine.log().read_stream(stream, place.revision, 1);
        let read = read
            .await
            .map_err(|error| Trouble::Failed(error.to_string()))?;
        match read.first() {
            Some(recorded) => self.told(recorded).await,
            None => Ok(None),
        }
    }

    async fn line(&self) -> Result<Arc<Line>, Trouble> {
        let line = self
            .engine
            .store
            .load_of::<Line>(self.endpoint.tenant, self.id.as_uuid());
        let line = line
            .await
            .map_err(|error| Trouble::Failed(format!("{error:?}")))?;
        line.ok_or_else(|| Trouble::Failed("its history cannot be found".to_owned()))
    }

    async fn note(
        &self,
        decide: impl Fn(Option<&Line>) -> Result<Vec<Fact>, Outdated> + Send + Sync,
    ) -> Result<(), Trouble> {
        let ctx = Ctx::system(self.endpoint.tenant, self.id.as_uuid(), None);
        let noted =
            self.engine
                .store
                .execute::<Line, Outdated>(self.id.as_uuid(), &ctx, |known, _| decide(known));
        noted.await?;
        Ok(())
    }
}

impl Run {
    /// The delivery at the head of the line is done with, and noted.
    fn over(&mut self, position: Position) {
        self.line.pop_front();
        self.done = position;
        (self.delivered, self.passed) = (0, 0);
    }
}

fn due((position, since): (Position, Timestamp)) -> Due {
    Due { position, since }
}
