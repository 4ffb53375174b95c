//! The one file that knows the client crate, and the walls around it.
//!
//! A client lives in a runtime of its own and dies with it ([`Link`]): its tasks never end by themselves, and it neither
//! recovers from a first connection that failed nor leaves a node that died. Whatever panics or hangs in there ends one
//! task, and whoever asked hears of it in time. `wake.rs` holds the wall around a subscription.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, BatchAppendClient, BatchAppendOptions, Client, ClientSettings,
    Credentials, Error, EventData, Position, ReadAllOptions, ReadStream, ReadStreamOptions,
    ResolvedEvent, StreamPosition, StreamState, SubscribeToAllOptions, SubscriptionEvent,
    SubscriptionFilter,
};
use rapport_domain::event::{Revision, Stream};
use rapport_domain::port::log::Expected;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::answer::{Fault, Proposed, Written};
use super::config::Target;
use super::envelope::{Raw, prefixes};
use super::json::Ordered;

/// Batch sessions a client has. One conflict ends a session, and with it everything on it is sent again: several bound
/// what one conflict disturbs.
const SESSIONS: usize = 4;

/// Batches of more bytes go event by event in a call of their own: a session sends a batch as one message, and a server
/// refuses messages of several megabytes.
const ONE_MESSAGE: usize = 256 * 1_024;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            // What the client says to everything in flight when its session has ended.
            Error::ServerError(why) if why.contains("Batch-append stream has been closed") => {
                Self::Unclear(why)
            }
            Error::Grpc { message, .. }
                if message
                    .to_lowercase()
                    .replace(' ', "")
                    .contains("appendsize") =>
            {
                Self::TooLarge(message)
            }
            // A node that is cut off from its cluster.
            Error::Grpc { message, .. } | Error::ServerError(message)
                if message.contains("No leader info") =>
            {
                Self::Declined(message)
            }
            Error::Grpc { code, message } => {
                let code = format!("{code:?}");
                let why = format!("{code}: {message}");
                match code.as_str() {
                    "PermissionDenied" | "Unauthenticated" => Self::Denied,
                    "FailedPrecondition" | "InvalidArgument" | "AlreadyExists" => {
                        Self::Declined(why)
                    }
                    _ => Self::Unclear(why),
                }
            }
            Error::AccessDenied => Self::Denied,
            Error::ResourceDeleted => Self::Deleted,
            Error::UnsupportedFeature => Self::Unsupported,
            error @ (Error::WrongExpectedVersion { .. } | Error::ResourceAlreadyExists) => {
                Self::Declined(error.to_string())
            }
            error @ (Error::ResourceNotFound | Error::InternalParsingError(_)) => {
                Self::Unclear(error.to_string())
            }
            error => Self::Lost(error.to_string()),
        }
    }
}

/// A batch session, opened by whoever needs it first.
type Session = OnceCell<BatchAppendClient>;

/// One client, from its first connection to the first doubt about it.
pub(crate) struct Link {
    /// Which one, counted from 1.
    pub(crate) number: u64,
    /// Whether a server's answer to a batch of several events was found to name the last one.
    pub(crate) names_last: AtomicBool,
    runtime: Option<Runtime>,
    client: Client,
    credentials: Option<Credentials>,
    sessions: Arc<Vec<Mutex<Arc<Session>>>>,
    turn: AtomicUsize,
    batches: Arc<AtomicBool>,
    filtered: AtomicBool,
    answer_within: Duration,
}

impl Link {
    /// Makes a client; nothing is connected yet.
    pub(crate) fn new(
        number: u64,
        target: &Target,
        answer_within: Duration,
    ) -> Result<Self, String> {
        let settings = settings(target)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("log-link")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let client = Client::with_runtime_handle(runtime.handle().clone(), settings)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            number,
            names_last: AtomicBool::new(false),
            runtime: Some(runtime),
            client,
            credentials: credentials(target),
            sessions: Arc::new((0..SESSIONS).map(|_| Mutex::default()).collect()),
            turn: AtomicUsize::new(0),
            batches: Arc::new(AtomicBool::new(true)),
            filtered: AtomicBool::new(true),
            answer_within,
        })
    }

    /// Appends through a session, or in a call of its own when the batch is large or the server knows no sessions.
    pub(crate) async fn append(
        &self,
        stream: Stream,
        expected: Expected,
        events: Vec<Proposed>,
    ) -> Result<Written, Fault> {
        let (name, state) = (stream.to_string(), state(expected));
        let bytes: usize = events
            .iter()
            .map(|event| event.data.len() + event.metadata.len())
            .sum();
        let (client, within) = (self.client.clone(), self.answer_within);
        if bytes > ONE_MESSAGE || !self.batches.load(Ordering::Relaxed) {
            let options = self.common(
                AppendToStreamOptions::default().stream_state(state),
                |o, c| o.authenticated(c),
            );
            // What is large takes longer; so much longer that a megabyte a second would do.
            let within = within + Duration::from_millis(bytes as u64 / 1_000);
            let options = options.deadline(within).requires_leader(true);
            let call = async move {
                let events: Vec<EventData> = events.into_iter().map(event_data).collect();
                let written =
                    timeout(within, client.append_to_stream(name, &options, events)).await;
                let written = written.map_err(|_| Fault::Late(within))??;
                Ok(Written {
                    revision: Some(written.next_expected_version),
                    position: Some(written.position.commit).filter(|position| *position > 0),
                })
            };
            return self.run(within, call).await;
        }
        let options = self.common(BatchAppendOptions::default(), |o, c| o.authenticated(c));
        let options = options.requires_leader(true);
        let (sessions, batches) = (Arc::clone(&self.sessions), Arc::clone(&self.batches));
        let place = self.turn.fetch_add(1, Ordering::Relaxed) % SESSIONS;
        let call = async move {
            let session = sessions[place]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let ask = async {
                let open = session
                    .get_or_try_init(|| client.batch_append(&options))
                    .await?;
                let events = events.into_iter().map(event_data).collect();
                open.append_to_stream(name, state, events).await
            };
            let answer = match timeout(within, ask).await {
                Ok(answer) => answer.map_err(Fault::from),
                Err(_) => Err(Fault::Late(within)),
            };
            match answer {
                Ok(written) => Ok(Written {
                    revision: written.current_revision(),
                    position: written.current_position().map(|position| position.commit),
                }),
                Err(fault) => {
                    if fault == Fault::Unsupported {
                        batches.store(false, Ordering::Relaxed);
                    }
                    // One error ends a session in the client, whatever it was: the next append opens another.
                    let mut slot = sessions[place]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    if Arc::ptr_eq(&slot, &session) {
                        *slot = Arc::default();
                    }
                    Err(fault)
                }
            }
        };
        self.run(within, call).await
    }

    /// Events of a stream from a revision on; `None` when there is no such stream.
    pub(crate) async fn stream_from(
        &self,
        stream: Stream,
        from: Revision,
        count: usize,
    ) -> Result<Option<Vec<Raw>>, Fault> {
        let options = ReadStreamOptions::default().position(StreamPosition::Position(from.0));
        self.read_stream(stream, options.max_count(count)).await
    }

    /// The last events of a stream, the last one first; `None` when there is no such stream.
    pub(crate) async fn stream_end(
        &self,
        stream: Stream,
        count: usize,
    ) -> Result<Option<Vec<Raw>>, Fault> {
        let options = ReadStreamOptions::default().position(StreamPosition::End);
        self.read_stream(stream, options.max_count(count)).await
    }

    async fn read_stream(
        &self,
        stream: Stream,
        options: ReadStreamOptions,
    ) -> Result<Option<Vec<Raw>>, Fault> {
        let options = self
            .common(options, |o, c| o.authenticated(c))
            .requires_leader(true);
        let (client, within) = (self.client.clone(), self.answer_within);
        let call = async move {
            let name = stream.to_string();
            let opened = timeout(within, client.read_stream(name, &options)).await;
            let page = match opened.map_err(|_| Fault::Late(within))? {
                Ok(page) => drain(page, within).await,
                Err(error) => Err(Answer::Error(error)),
            };
            match page {
                Ok(events) => Ok(Some(events)),
                Err(Answer::Error(Error::ResourceNotFound)) => Ok(None),
                Err(Answer::Error(error)) => Err(error.into()),
                Err(Answer::Late) => Err(Fault::Late(within)),
            }
        };
        // A page goes on as long as events come; nobody waits longer than for a very large one.
        self.run(within * 20, call).await
    }

    /// Events of all streams in order, at or after a position; only those that may be ours, when the server can choose.
    pub(crate) async fn all_from(&self, position: u64, count: usize) -> Result<Vec<Raw>, Fault> {
        let from = match position {
            0 => StreamPosition::Start,
            at => StreamPosition::Position(exactly(at)),
        };
        self.read_all(ReadAllOptions::default().position(from).max_count(count))
            .await
    }

    /// Events of all streams before a position, the last one first; without one, the last of all.
    pub(crate) async fn all_before(
        &self,
        position: Option<u64>,
        count: usize,
    ) -> Result<Vec<Raw>, Fault> {
        let from = position.map_or(StreamPosition::End, |at| {
            StreamPosition::Position(exactly(at))
        });
        let options = ReadAllOptions::default().position(from).backwards();
        self.read_all(options.max_count(count)).await
    }

    /// Whether the server passes over what is not ours.
    pub(crate) fn is_filtered(&self) -> bool {
        self.filtered.load(Ordering::Relaxed)
    }

    async fn read_all(&self, options: ReadAllOptions) -> Result<Vec<Raw>, Fault> {
        let filtered = self.is_filtered();
        let options = if filtered {
            options.filter(ours())
        } else {
            options
        };
        let options = self
            .common(options, |o, c| o.authenticated(c))
            .requires_leader(true);
        let (client, within) = (self.client.clone(), self.answer_within);
        let call = async move {
            let opened = timeout(within, client.read_all(&options)).await;
            match drain(opened.map_err(|_| Fault::Late(within))??, within).await {
                Ok(events) => Ok(events),
                Err(Answer::Error(error)) => Err(error.into()),
                Err(Answer::Late) => Err(Fault::Late(within)),
            }
        };
        let answer = self.run(within * 20, call).await;
        // A server that is too old to choose, or takes too long to find anything of ours, sends everything instead.
        let cannot = |fault: &Fault| {
            matches!(
                fault,
                Fault::Unsupported | Fault::Late(_) | Fault::Declined(_)
            )
        };
        if filtered && answer.as_ref().is_err_and(cannot) {
            self.filtered.store(false, Ordering::Relaxed);
        }
        answer
    }

    /// Asks for one event: whether anybody is there, leads, and lets us in.
    pub(crate) async fn probe(&self) -> Result<(), Fault> {
        let options = ReadAllOptions::default()
            .position(StreamPosition::End)
            .max_count(1);
        let options = self
            .common(options, |o, c| o.authenticated(c))
            .requires_leader(true);
        let (client, within) = (self.client.clone(), self.answer_within);
        let call = async move {
            let ask = async { client.read_all(&options).await?.next().await };
            timeout(within, ask)
                .await
                .map_err(|_| Fault::Late(within))??;
            Ok(())
        };
        self.run(within, call).await
    }

    /// Runs the client's part in the client's runtime. What it does not answer is given up a moment later, so that even a
    /// client that holds its thread for ever makes nobody wait.
    async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        call: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        let Some(runtime) = &self.runtime else {
            return Err(Fault::Lost("the client has ended".to_owned()));
        };
        match timeout(within + Duration::from_secs(1), runtime.spawn(call)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Err(Fault::Lost(format!("the client has ended: {ended}"))),
            Err(_) => Err(Fault::Late(within)),
        }
    }

    fn common<O>(&self, options: O, authenticated: impl FnOnce(O, Credentials) -> O) -> O {
        match &self.credentials {
            Some(credentials) => authenticated(options, credentials.clone()),
            None => options,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a subscription tells.
pub(crate) enum Heard {
    /// It runs.
    Running,
    /// One of our events, at this position.
    Event(u64),
}

/// Subscribes to everything after a position until the subscription ends; the answer says why. It must run on a thread of
/// its own: when the server ends the subscription cleanly, the client goes round in a circle without ever yielding.
pub(crate) async fn follow(
    target: &Target,
    after: u64,
    within: Duration,
    heard: impl Fn(Heard),
) -> String {
    let client = match settings(target).map(Client::new) {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return error.to_string(),
        Err(why) => return why,
    };
    let position = match after {
        0 => StreamPosition::Start,
        at => StreamPosition::Position(exactly(at)),
    };
    let mut options = SubscribeToAllOptions::default()
        .position(position)
        .filter(ours());
    if let Some(credentials) = credentials(target) {
        options = options.authenticated(credentials);
    }
    let mut subscription = client.subscribe_to_all(&options).await;
    let mut running = false;
    loop {
        let next = subscription.next_subscription_event();
        let event = if running {
            next.await
        } else {
            match timeout(within, next).await {
                Ok(event) => event,
                Err(_) => return Fault::Late(within).words(),
            }
        };
        match event {
            Ok(SubscriptionEvent::EventAppeared(event)) => {
                if let Some(ours) = raw(event).and_then(Raw::recorded) {
                    heard(Heard::Event(ours.position.0));
                }
            }
            // A checkpoint may lie behind events that are still to come: it is no position of ours.
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
        if !running {
            running = true;
            heard(Heard::Running);
        }
    }
}

fn settings(target: &Target) -> Result<ClientSettings, String> {
    target
        .connection_string
        .parse()
        .map_err(|error: eventstore::ClientSettingsParseError| error.to_string())
}

fn credentials(target: &Target) -> Option<Credentials> {
    let given = target.credentials.as_ref()?;
    Some(Credentials::new(given.user.clone(), given.password.clone()))
}

fn ours() -> SubscriptionFilter {
    prefixes().fold(SubscriptionFilter::on_stream_name(), |filter, prefix| {
        filter.add_prefix(prefix)
    })
}

/// Events written in one go have their own positions, and `prepare` differs from `commit` only for transactions of the
/// TCP protocol, which are not ours.
fn exactly(position: u64) -> Position {
    Position {
        commit: position,
        prepare: position,
    }
}

fn state(expected: Expected) -> StreamState {
    match expected {
        Expected::NoStream => StreamState::NoStream,
        Expected::Exact(revision) => StreamState::StreamRevision(revision.0),
    }
}

fn event_data(event: Proposed) -> EventData {
    let json =
        Ordered::exactly(&event.data).and_then(|value| EventData::json(&event.kind, &value).ok());
    json.unwrap_or_else(|| EventData::binary(&event.kind, event.data.into()))
        .id(event.id)
        .metadata(event.metadata.into())
}

enum Answer {
    Error(Error),
    Late,
}

/// Everything of a page. Each event has its time anew: a long page is not a late one.
async fn drain(mut page: ReadStream, within: Duration) -> Result<Vec<Raw>, Answer> {
    let mut events = Vec::new();
    loop {
        match timeout(within, page.next()).await {
            Ok(Ok(Some(event))) => events.extend(raw(event)),
            Ok(Ok(None)) => return Ok(events),
            Ok(Err(error)) => return Err(Answer::Error(error)),
            Err(_) => return Err(Answer::Late),
        }
    }
}

fn raw(resolved: ResolvedEvent) -> Option<Raw> {
    let event = resolved.link.or(resolved.event)?;
    Some(Raw {
        stream: event.stream_id().to_owned(),
        revision: event.revision,
        // Old servers know no position of an event that was read in its stream.
        position: Some(event.position.commit)
            .filter(|at| *at <= i64::MAX as u64)
            .unwrap_or(0),
        id: event.id,
        kind: event.event_type,
        metadata: event.custom_metadata.to_vec(),
        data: event.data.to_vec(),
    })
}
