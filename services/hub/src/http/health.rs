//! For whoever watches the hub: is it well, and what does it count.

use std::future::Future;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use rapport_domain::event::{Actor, Category, Meta, NewEvent, Revision, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::port::log::{AppendError, Batch, Expected};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::app::App;
use super::problem::Problem;
use crate::metrics;

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);

/// An append that no log takes, because its stream never gets that far: whoever answers "conflict" would have taken a
/// right one.
fn impossible(app: &App) -> Batch {
    let id = app.engine.fresh();
    let event = NewEvent {
        id: EventId::from_uuid(id),
        kind: "tenant.defined".to_owned(),
        version: 1,
        recorded_at: app.engine.now(),
        meta: Meta {
            tenant: TenantId::from_uuid(Uuid::nil()),
            actor: Actor::System,
            correlation: id,
            causation: None,
            subject: None,
        },
        data: b"{}".to_vec(),
    };
    let expected = Expected::Exact(Revision(i64::MAX.unsigned_abs() - 1));
    Batch {
        stream: Stream::new(Category::Tenant, Uuid::nil()),
        expected,
        events: vec![event],
    }
}

/// The answer of the last second. Whoever asks while the log is looked at waits for the same answer: however many ask,
/// the log is given one append a second.
#[derive(Default)]
pub struct Pulse {
    last: Mutex<Option<(Instant, Result<(), Problem>)>>,
}

impl Pulse {
    async fn take<F: Future<Output = Result<(), Problem>>>(
        &self,
        feel: impl FnOnce() -> F,
    ) -> Result<(), Problem> {
        let mut last = self.last.lock().await;
        if let Some((at, known)) = &*last
            && at.elapsed() < FRESH
        {
            return known.clone();
        }
        let felt = feel().await;
        *last = Some((Instant::now(), felt.clone()));
        felt
    }
}

/// `GET /health`: 200 when the log takes appends and the read models go on, as of the last second. Parked streams are
/// named by number: everything else goes on.
pub async fn health(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.pulse.take(|| feel(&app)).await?;
    let models = app.projections.status().await;
    let parked = models.iter().filter(|model| model.tally.parked > 0);
    let parked: Map<String, Value> = parked
        .map(|model| (model.name.to_owned(), json!(model.tally.parked)))
        .collect();
    let mut answer = json!({ "status": "ok", "position": app.engine.log().head() });
    if !parked.is_empty() {
        answer["parked_streams"] = parked.into();
    }
    Ok(HttpResponse::Ok().json(answer))
}

async fn feel(app: &App) -> Result<(), Problem> {
    let asked = app.engine.log().append(impossible(app));
    let answer = tokio::time::timeout(Duration::from_secs(2), asked).await;
    if !matches!(answer, Ok(Err(AppendError::Conflict { .. }))) {
        return Err(Problem::unavailable("The event log takes no appends.", 5));
    }
    let mut names = app.projections.names().iter();
    match names.find(|name| app.projections.error(name).is_some()) {
        Some(name) => Err(Problem::unavailable(
            format!("The read model {name} cannot go on."),
            5,
        )),
        None => Ok(()),
    }
}

/// `GET /metrics`.
pub async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let models = app.projections.status().await;
    let text = metrics::text(&app, &models).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_within_a_second_cost_one_look_and_a_bad_answer_is_kept_as_short() {
        let (pulse, looks) = (Pulse::default(), Cell::new(0));
        let bad = || Err(Problem::unavailable("no", 5));
        let look = |answer: Result<(), Problem>| {
            looks.set(looks.get() + 1);
            std::future::ready(answer)
        };
        assert_eq!(pulse.take(|| look(bad())).await, bad());
        for _ in 0..100 {
            assert_eq!(pulse.take(|| look(Ok(()))).await, bad());
        }
        assert_eq!(looks.get(), 1);
        let then = Instant::now().checked_sub(FRESH).unwrap();
        *pulse.last.lock().await = Some((then, bad()));
        assert_eq!(pulse.take(|| look(Ok(()))).await, Ok(()));
        assert_eq!(looks.get(), 2);
    }
}
