//! What all histories have in common: facts are encoded under hand-written names, and a state is folded from them.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::event::{Category, Recorded, Revision};
use crate::id::CustomerId;
use crate::time::Timestamp;
use crate::upcast::{self, Upcaster};

/// The facts of one category, serialised as `{"type": "interaction.started.v1", "data": {…}}`.
pub trait Fact: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The category whose streams hold these facts.
    const CATEGORY: Category;

    /// How versions that are no longer written are read: see [`crate::upcast`]. No fact has a second version yet.
    const UPCASTERS: &'static [Upcaster] = &[];
}

/// A stored event could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event type {kind}.v{version} cannot be read: {reason}")]
pub struct DecodeError {
    /// Type without version.
    pub kind: String,
    /// Version.
    pub version: u16,
    /// What the parser said.
    pub reason: String,
}

/// A fact in its stored form: type, version and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Type without version, such as `interaction.offer_accepted`.
    pub kind: String,
    /// Version of the data.
    pub version: u16,
    /// The data as JSON.
    pub data: Vec<u8>,
}

#[derive(serde::Deserialize)]
struct Tagged {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: serde_json::Value,
}

/// Encodes a fact under its hand-written name.
///
/// # Errors
/// [`DecodeError`] when the fact has no name of the form `category.name.vN` or cannot be written as JSON; a test
/// over every fact shows that none does.
pub fn encode<F: Fact>(fact: &F) -> Result<Encoded, DecodeError> {
    let wrong = |kind: &str, reason: String| DecodeError {
        kind: kind.to_owned(),
        version: 0,
        reason,
    };
    let value = serde_json::to_value(fact).map_err(|error| wrong("?", error.to_string()))?;
    let tagged: Tagged =
        serde_json::from_value(value).map_err(|error| wrong("?", error.to_string()))?;
    let (kind, version) = tagged
        .kind
        .rsplit_once(".v")
        .and_then(|(kind, version)| Some((kind.to_owned(), version.parse().ok()?)))
        .ok_or_else(|| wrong(&tagged.kind, "its name must end in .v1, .v2, …".to_owned()))?;
    let data = serde_json::to_vec(&tagged.data).map_err(|error| wrong(&kind, error.to_string()))?;
    Ok(Encoded {
        kind,
        version,
        data,
    })
}

/// Reads a fact back. Upcasting of old versions happens here, below every reader; the present version is read straight
/// from its bytes.
///
/// # Errors
/// [`DecodeError`] when the type is unknown to this category or the data does not fit it.
pub fn decode<F: Fact>(kind: &str, version: u16, data: &[u8]) -> Result<F, DecodeError> {
    if upcast::step(F::UPCASTERS, kind, version).is_none() {
        return read(kind, version, data);
    }
    let wrong = |reason: String| DecodeError {
        kind: kind.to_owned(),
        version,
        reason,
    };
    let stored = serde_json::from_slice(data).map_err(|error| wrong(error.to_string()))?;
    let (to_kind, to_version, data) = upcast::upcast(F::UPCASTERS, kind, version, stored)?;
    let data = serde_json::to_vec(&data).map_err(|error| wrong(error.to_string()))?;
    read(&to_kind, to_version, &data).map_err(|error| wrong(error.reason))
}

/// Reads a version that the facts have today.
fn read<F: Fact>(kind: &str, version: u16, data: &[u8]) -> Result<F, DecodeError> {
    let mut text = Vec::with_capacity(data.len() + kind.len() + 32);
    text.extend_from_slice(b"{\"type\":\"");
    text.extend_from_slice(kind.as_bytes());
    text.extend_from_slice(format!(".v{version}\",\"data\":").as_bytes());
    text.extend_from_slice(data);
    text.push(b'}');
    serde_json::from_slice(&text).map_err(|error| DecodeError {
        kind: kind.to_owned(),
        version,
        reason: error.to_string(),
    })
}

/// A state that is nothing but the fold of its facts.
pub trait Aggregate: Sized + Clone + Send + Sync + 'static {
    /// The facts.
    type Fact: Fact;

    /// The state after the first fact of a stream; `None` when that fact cannot begin a history.
    fn begin(fact: &Self::Fact, at: Timestamp) -> Option<Self>;

    /// Takes a further fact in. Facts are never refused.
    fn apply(&mut self, fact: &Self::Fact, at: Timestamp, revision: Revision);

    /// The customer whose personal data the facts of this history may hold; `id` is the history's own. None when
    /// they hold none.
    fn subject(&self, id: Uuid) -> Option<CustomerId>;
}

/// A state together with the revision it was folded up to.
#[derive(Clone, Debug)]
pub struct Folded<A> {
    /// The state; `None` while the stream is empty. Shared, so that handing it around copies nothing.
    pub state: Option<Arc<A>>,
    /// The last revision in it.
    pub revision: Option<Revision>,
}

impl<A> Default for Folded<A> {
    fn default() -> Self {
        Self {
            state: None,
            revision: None,
        }
    }
}

impl<A: Aggregate> Folded<A> {
    /// Takes one fact in; a revision that is already in it changes nothing.
    pub fn take(&mut self, fact: &A::Fact, at: Timestamp, revision: Revision) {
        if self.revision.is_some_and(|known| revision <= known) {
            return;
        }
        match &mut self.state {
            Some(state) => Arc::make_mut(state).apply(fact, at, revision),
            None => {
                self.state = A::begin(fact, at).map(|mut begun| {
                    begun.apply(fact, at, revision);
                    Arc::new(begun)
                });
            }
        }
        self.revision = Some(revision);
    }

    /// Decodes a stored event and takes it in.
    ///
    /// # Errors
    /// [`DecodeError`] when the event is not a fact of this aggregate.
    pub fn take_recorded(&mut self, recorded: &Recorded) -> Result<(), DecodeError> {
        let event = &recorded.event;
        let fact = decode(&event.kind, event.version, &event.data)?;
        self.take(&fact, event.recorded_at, recorded.revision);
        Ok(())
    }
}
