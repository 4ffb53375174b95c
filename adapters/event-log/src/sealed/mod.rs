//! A log whose personal values are sealed, below everybody who reads or writes: readers get the data as it was
//! appended, the log underneath never sees a personal value.
//!
//! What happens when something is wrong:
//!
//! - The customer's key is destroyed: personal values read as [`FORGOTTEN`](rapport_domain::private::FORGOTTEN), and what
//!   is appended about that customer from then on is stored with it in the place of personal values.
//! - The store of keys does not answer, or has no key for an event that was sealed: the read fails and can be repeated; the
//!   append fails and nothing is stored. A missing key is not taken for a destroyed one: on a shared folder it may not be
//!   visible yet, and what readers make of an event is kept.
//! - A sealed value does not open (the event was changed, or another key was given to the customer): the event is handed
//!   out with data that no type can be read from, so that whoever decodes it sets this one aside and goes on.
//! - Personal values without a customer they belong to, or data that is not written as facts are: refused.

mod cipher;
mod ring;
mod splice;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use rapport_domain::event::{Category, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::{KeyError, KeyState, Keys};
use rapport_domain::port::log::{
    AppendError, Appended, Batch, EventLog, Expected, MAX_EVENT_BYTES, ReadError,
};
use rapport_domain::registry::personal;
use rapport_domain::time::Timestamp;
use tokio::runtime::Handle;

use cipher::{Cipher, PREFIX};
use ring::{Held, Ring};

/// The type of event that says that a customer is forgotten: from then on their key is in no memory.
const ERASED: &str = "customer.erased";

/// From so many events on they are opened and sealed beside the asynchronous threads.
const LARGE_PAGE: usize = 64;

/// What is handed out in the place of data that does not open: no type of event can be read from it.
const UNREADABLE: &[u8] = b"\"sealed data that does not open\"";

/// Events looked at by [`SealedLog::check_keys`].
const LOOK_AT: usize = 1_000;

/// Stored data as whoever has no keys can look at it: what is sealed reads as forgotten. `None` when it is sealed in no form
/// that this program knows.
pub(crate) fn legible(data: &[u8]) -> Option<Cow<'_, [u8]>> {
    if data.starts_with(PREFIX) {
        cipher::forget_sealed(data).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(data))
    }
}

/// An [`EventLog`] that seals personal values on their way into another one, and opens them on their way out.
///
/// Sealed values take a third more room and some 60 bytes for each event; an event that becomes too large by that is refused.
pub struct SealedLog {
    inner: Arc<dyn EventLog>,
    keys: Arc<dyn Keys>,
    ring: Arc<Ring>,
}

/// The keys of one page or batch.
type Needed = HashMap<CustomerId, Held>;

impl SealedLog {
    /// Seals what goes into a log, with keys from this store.
    #[must_use]
    pub fn new(inner: Arc<dyn EventLog>, keys: Arc<dyn Keys>) -> Self {
        Self {
            inner,
            keys,
            ring: Arc::default(),
        }
    }

    /// The log underneath: events as they are stored. For moving and verifying logs; what is appended there is not sealed.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn EventLog> {
        &self.inner
    }

    /// The event as it would be stored in a stream; one that is sealed already, or holds nothing personal, as it is. The
    /// same event is sealed into the same bytes.
    ///
    /// # Errors
    /// As an append of it, without the conflicts.
    pub async fn seal(&self, stream: Stream, event: NewEvent) -> Result<NewEvent, AppendError> {
        if is_sealed(&event) {
            return Ok(event);
        }
        let batch = Batch {
            stream,
            expected: Expected::NoStream,
            events: vec![event],
        };
        let mut sealed = self.sealed(batch).await?;
        sealed
            .events
            .pop()
            .ok_or_else(|| AppendError::Refused("no event was sealed".to_owned()))
    }

    /// Drops the customer's key from memory, so that the store is asked again. Done by itself when a reader is handed the
    /// event that says that the customer is forgotten, and by [`Keys::destroy`] of this log.
    pub fn forget(&self, customer: CustomerId) {
        self.ring.forget(customer);
    }

    /// Whether the store of keys belongs to this log: looks for the keys of the oldest sealed events. To be asked before
    /// anybody writes, because a new key would be made for every customer whose key is elsewhere.
    ///
    /// # Errors
    /// [`KeyError`] when none of these keys is known, or when they cannot be looked for.
    pub async fn check_keys(&self) -> Result<(), KeyError> {
        let page = self
            .inner
            .read_all(Position::START, LOOK_AT)
            .await
            .map_err(|error| KeyError(error.to_string()))?;
        let mut sealed: Vec<CustomerId> = page
            .iter()
            .filter(|recorded| is_sealed(&recorded.event))
            .filter_map(|recorded| recorded.event.meta.subject)
            .collect();
        sealed.sort_unstable();
        sealed.dedup();
        let states = self.keys.keys_for_opening(sealed).await?;
        if !states.is_empty() && states.iter().all(|state| *state == KeyState::Absent) {
            return Err(KeyError(format!(
                "none of the {} oldest customers in the log has its key here; give the store of keys that belongs to this log",
                states.len()
            )));
        }
        Ok(())
    }

    async fn sealed(&self, mut batch: Batch) -> Result<Batch, AppendError> {
        batch.check()?;
        let mut places = Vec::with_capacity(batch.events.len());
        let mut needed = Needed::new();
        for event in &batch.events {
            let spans = personal_values(event)?;
            if !spans.is_empty() {
                let subject = event.meta.subject.ok_or_else(|| {
                    AppendError::Refused(format!(
                        "event {} of type {} holds personal values and does not say whose",
                        event.id, event.kind
                    ))
                })?;
                if let Entry::Vacant(missing) = needed.entry(subject) {
                    missing.insert(self.for_sealing(event.meta.tenant, subject).await?);
                }
            }
            places.push(spans);
        }
        if needed.is_empty() {
            return Ok(batch);
        }
        let count = batch.events.len();
        beside(count, move || {
            for (event, spans) in batch.events.iter_mut().zip(&places) {
                seal(event, spans, &needed)?;
            }
            Ok(batch)
        })
        .await
        .unwrap_or_else(|why| Err(AppendError::Unavailable(why)))
    }

    async fn for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Held, AppendError> {
        if let Some(held) = self.ring.get(customer) {
            return Ok(held);
        }
        let unavailable = |error: KeyError| AppendError::Unavailable(error.to_string());
        let asked = self.ring.epoch();
        let state = self
            .keys
            .key_for_sealing(tenant, customer)
            .await
            .map_err(unavailable)?;
        let held = held(state).map_err(unavailable)?.ok_or_else(|| {
            unavailable(KeyError(format!("none was made for customer {customer}")))
        })?;
        self.ring.put(asked, customer, held.clone());
        Ok(held)
    }

    async fn opened(&self, events: Vec<Recorded>) -> Result<Vec<Recorded>, ReadError> {
        let mut needed = Needed::new();
        let mut missing = Vec::new();
        let mut sealed = 0;
        for recorded in &events {
            if recorded.event.kind == ERASED && recorded.stream.category == Category::Customer {
                self.forget(CustomerId::from_uuid(recorded.stream.id));
            }
            if !is_sealed(&recorded.event) {
                continue;
            }
            sealed += 1;
            let Some(subject) = recorded.event.meta.subject else {
                continue;
            };
            if needed.contains_key(&subject) {
                continue;
            }
            match self.ring.get(subject) {
                Some(held) => {
                    needed.insert(subject, held);
                }
                None => missing.push(subject),
            }
        }
        if sealed == 0 {
            return Ok(events);
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            self.fetch(missing, &mut needed).await?;
        }
        beside(sealed, move || {
            let mut events = events;
            for recorded in events.iter_mut().filter(|one| is_sealed(&one.event)) {
                open(recorded, &needed);
            }
            events
        })
        .await
        .map_err(ReadError)
    }

    async fn fetch(&self, missing: Vec<CustomerId>, needed: &mut Needed) -> Result<(), ReadError> {
        let failed = |error: KeyError| ReadError(error.to_string());
        let asked = self.ring.epoch();
        let states = self
            .keys
            .keys_for_opening(missing.clone())
            .await
            .map_err(failed)?;
        for (customer, state) in missing.into_iter().zip(states) {
            let Some(held) = held(state).map_err(failed)? else {
                return Err(ReadError(format!(
                    "the keys of personal data: there is none for customer {customer}, of whom events are sealed; \
                     bring the keys back from their backup, or give the customer up for good with \
                     `rapport keys give-up {customer}`"
                )));
            };
            self.ring.put(asked, customer, held.clone());
            needed.insert(customer, held);
        }
        Ok(())
    }
}

/// Runs work on a thread that may be busy for a while, when there is much and there is a runtime to ask for one.
async fn beside<T: Send + 'static>(
    events: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    match Handle::try_current() {
        Ok(runtime) if events > LARGE_PAGE => runtime
            .spawn_blocking(work)
            .await
            .map_err(|error| format!("the work on sealed values ended early: {error}")),
        _ => Ok(work()),
    }
}

fn is_sealed(event: &NewEvent) -> bool {
    event.data.starts_with(PREFIX)
}

fn held(state: KeyState) -> Result<Option<Held>, KeyError> {
    match state {
        KeyState::Absent => Ok(None),
        KeyState::Destroyed { .. } => Ok(Some(Held::Gone)),
        KeyState::Present(key) => Cipher::new(key)
            .map(|cipher| Some(Held::Key(Arc::new(cipher))))
            .map_err(|_| KeyError("the cipher does not take the key".to_owned())),
    }
}

fn personal_values(event: &NewEvent) -> Result<Vec<Range<usize>>, AppendError> {
    if is_sealed(event) {
        return Err(AppendError::Refused(format!(
            "event {} is sealed already; copy it into the log underneath",
            event.id
        )));
    }
    let paths = personal::paths(&event.kind, event.version);
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    splice::find(&event.data, paths).map_err(|_| {
        AppendError::Refused(format!(
            "event {} is not written as its type {} is, so its personal values cannot be told",
            event.id, event.kind
        ))
    })
}

fn seal(event: &mut NewEvent, spans: &[Range<usize>], needed: &Needed) -> Result<(), AppendError> {
    let Some(subject) = event.meta.subject.filter(|_| !spans.is_empty()) else {
        return Ok(());
    };
    event.data = match needed.get(&subject) {
        Some(Held::Key(cipher)) => cipher.seal(event, subject, spans).map_err(|_| {
            AppendError::Unavailable(format!(
                "the personal values of event {} could not be sealed",
                event.id
            ))
        })?,
        Some(Held::Gone) => cipher::forgotten(&event.data, spans),
        None => {
            return Err(AppendError::Unavailable(format!(
                "no key for customer {subject}"
            )));
        }
    };
    if event.data.len() > MAX_EVENT_BYTES {
        return Err(AppendError::Refused(format!(
            "event {} has {} bytes once it is sealed, at most {MAX_EVENT_BYTES}",
            event.id,
            event.data.len()
        )));
    }
    Ok(())
}

fn open(recorded: &mut Recorded, needed: &Needed) {
    let event = &mut recorded.event;
    let held = event
        .meta
        .subject
        .and_then(|subject| Some((subject, needed.get(&subject)?)));
    let opened = match held {
        Some((subject, Held::Key(cipher))) => cipher.open(event, subject),
        Some((_, Held::Gone)) => cipher::forget_sealed(&event.data),
        None => Err(cipher::Broken::Form),
    };
    event.data = opened.unwrap_or_else(|why| {
        tracing::error!(
            stream = %recorded.stream,
            revision = recorded.revision.0,
            ?why,
            "personal values of an event do not open: it was changed, or sealed with another key"
        );
        UNREADABLE.to_vec()
    });
}

impl EventLog for SealedLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let sealed = self.sealed(batch).await?;
            self.inner.append(sealed).await
        })
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let events = self.inner.read_stream(stream, from, limit).await?;
            self.opened(events).await
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let events = self.inner.read_all(after, limit).await?;
            self.opened(events).await
        })
    }

    fn head(&self) -> Position {
        self.inner.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.inner.wait_past(position)
    }

    fn counts_positions(&self) -> bool {
        self.inner.counts_positions()
    }
}

/// The keys as this log sees them: destroying one also drops it from memory here.
impl Keys for SealedLog {
    fn key_for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        self.keys.key_for_sealing(tenant, customer)
    }

    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        self.keys.keys_for_opening(customers)
    }

    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(async move {
            let destroyed = self.keys.destroy(customer, at).await;
            self.forget(customer);
            destroyed
        })
    }
}
