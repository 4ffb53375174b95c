//! The operator's way in while a hub runs: a socket in the data folder, for the user of the system that owns it. One
//! connection is one wish, a line of JSON, and its answer, another.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Caller;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::customer::ErasureGround;
use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::projection::{FileName, Parked};
use rapport_domain::time::Timestamp;
use rapport_engine::{Engine, ProjectionRefusal, ProjectionStatus, Projections};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::erasing;

/// The socket's name in the data folder.
const NAME: &str = "hub.sock";
/// Addresses of sockets are this long at the most, in bytes; a longer one is reached through its open folder.
const LONGEST: usize = 100;
/// Operators served at one time; further ones wait.
const AT_ONCE: usize = 8;
/// A wish has this many bytes at the most, and has to be here within this time.
const MOST_BYTES: u64 = 64 * 1024;
const WITHIN: Duration = Duration::from_secs(10);
/// Whoever asks waits this long for the answer: a retry of parked streams may take a while.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);
/// Parked streams that are shown of one model.
const SHOWN: usize = 100;

/// What an operator wishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Wish {
    /// How far every read model is.
    Projections,
    /// Build one anew beside the file that answers.
    Rebuild {
        /// Which.
        name: String,
    },
    /// Give up what is built.
    Cancel {
        /// Of which.
        name: String,
    },
    /// Try to take in what parked streams hold back.
    Retry {
        /// Of which.
        name: String,
    },
    /// Go back to the file that answered before.
    Back {
        /// Of which.
        name: String,
    },
    /// Delete the file that answered before.
    Discard {
        /// Of which.
        name: String,
    },
    /// Forget a customer for good.
    Erase {
        /// Whose customer.
        tenant: TenantId,
        /// Whom.
        customer: CustomerId,
        /// Why.
        ground: ErasureGround,
    },
}

/// An open socket; closed and removed when it is dropped.
pub struct Office {
    serving: JoinHandle<()>,
    socket: PathBuf,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.serving.abort();
        let _gone_either_way = fs::remove_file(&self.socket);
    }
}

impl Office {
    /// Opens the socket in the data folder, which this process owns by its lock. A hub does its work without one, so
    /// what goes wrong is a warning.
    #[must_use]
    pub fn open(folder: &Path, engine: Arc<Engine>, projections: Arc<Projections>) -> Option<Self> {
        let socket = folder.join(NAME);
        match bind(folder) {
            Ok(listener) => Some(Self {
                serving: tokio::spawn(serve(listener, engine, projections)),
                socket,
            }),
            Err(error) => {
                tracing::warn!(%error, socket = %socket.display(), "commands for a running hub cannot be taken");
                None
            }
        }
    }
}

/// Runs `work` with an address of the socket that is short enough.
fn at<T>(folder: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let socket = folder.join(NAME);
    if socket.as_os_str().len() <= LONGEST {
        return work(&socket);
    }
    let open = fs::File::open(folder)?;
    work(&PathBuf::from(format!(
        "/proc/self/fd/{}/{NAME}",
        open.as_raw_fd()
    )))
}

fn bind(folder: &Path) -> io::Result<UnixListener> {
    at(folder, |socket| {
        // Of a hub that was killed: ours is the folder.
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        fs::set_permissions(socket, Permissions::from_mode(0o600))?;
        Ok(listener)
    })
}

async fn serve(listener: UnixListener, engine: Arc<Engine>, projections: Arc<Projections>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (engine, projections) = (engine.clone(), projections.clone());
                tokio::spawn(async move {
                    let answered = hear(stream, &engine, &projections).await;
                    if let Err(error) = answered {
                        tracing::debug!(%error, "an operator hung up");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket for operators fails");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn hear(
    mut stream: UnixStream,
    engine: &Engine,
    projections: &Arc<Projections>,
) -> io::Result<()> {
    let mut line = String::new();
    {
        let (reader, _) = stream.split();
        let mut reader = tokio::io::BufReader::new(reader.take(MOST_BYTES));
        tokio::time::timeout(WITHIN, reader.read_line(&mut line)).await??;
    }
    let answer = match serde_json::from_str::<Wish>(&line) {
        Ok(wish) => carry_out(wish, engine, projections).await,
        Err(error) => Err(format!("the hub does not understand that: {error}")),
    };
    let answer = match answer {
        Ok(done) => json!({ "done": done }),
        Err(why) => json!({ "refused": why }),
    };
    stream.write_all(format!("{answer}\n").as_bytes()).await
}

async fn carry_out(
    wish: Wish,
    engine: &Engine,
    projections: &Arc<Projections>,
) -> Result<Value, String> {
    // Files are made and deleted, and threads waited for.
    let off = |work: fn(&Projections, &str) -> Result<Value, ProjectionRefusal>, name: String| {
        let projections = projections.clone();
        async move {
            let done = tokio::task::spawn_blocking(move || work(&projections, &name)).await;
            done.map_err(|error| error.to_string())?
                .map_err(|refused| refused.to_string())
        }
    };
    match wish {
        Wish::Projections => all(engine, projections).await,
        Wish::Rebuild { name } => {
            off(|all, name| all.rebuild(name).map(|()| Value::Null), name).await
        }
        Wish::Cancel { name } => {
            off(|all, name| all.cancel(name).map(|()| Value::Null), name).await
        }
        Wish::Back { name } => off(|all, name| all.go_back(name).map(|()| Value::Null), name).await,
        Wish::Discard { name } => off(|all, name| all.discard(name).map(Value::Bool), name).await,
        Wish::Erase {
            tenant,
            customer,
            ground,
        } => {
            let done = erasing::erase(
                engine,
                projections,
                tenant,
                customer,
                ground,
                Actor::Operator,
            );
            let done = done.await.map_err(|refused| refused.to_string())?;
            serde_json::to_value(done).map_err(|error| error.to_string())
        }
        Wish::Retry { name } => {
            let done = projections.retry(&name).await;
            let done = done.map_err(|refused| refused.to_string())?;
            Ok(json!({ "released": done.released, "parked": done.parked }))
        }
    }
}

async fn all(engine: &Engine, projections: &Arc<Projections>) -> Result<Value, String> {
    let (now, mut models) = (engine.now(), Vec::new());
    for status in projections.status().await {
        let mut model = described(&status, now);
        if status.tally.parked > 0 {
            let (projections, name) = (projections.clone(), status.name);
            let read = tokio::task::spawn_blocking(move || projections.parked(name, SHOWN)).await;
            let read = read.map_err(|error| error.to_string())?;
            let streams = read.map_err(|error| error.to_string())?;
            model["parked"] = streams.iter().map(parked).collect();
        }
        models.push(model);
    }
    Ok(json!({
        "position": engine.log().head(), "reacted_to": engine.reacted_to(), "projections": models,
    }))
}

fn file(file: &FileName) -> Value {
    json!({ "version": file.version, "file": file.name })
}

/// A model as the API describes it (docs/API.md).
#[must_use]
pub fn described(model: &ProjectionStatus, now: Timestamp) -> Value {
    let build = model.build.as_ref().map(|build| {
        json!({
            "version": build.file.as_ref().map(|file| file.version),
            "file": build.file.as_ref().map(|file| &file.name),
            "position": build.mark, "lag_events": build.lag_events,
            "parked_streams": build.tally.parked, "error": build.error,
        })
    });
    json!({
        "name": model.name, "version": model.file.version, "file": model.file.name, "state": model.state.word(),
        "position": model.mark, "lag_events": model.lag_events, "lag_estimated": model.lag_estimated,
        "lag_seconds": model.lag_seconds(now),
        "parked_streams": model.tally.parked, "held_events": model.tally.held, "unknown_events": model.tally.unknown,
        "error": model.error, "build": build, "previous": model.previous.as_ref().map(file),
    })
}

fn parked(stream: &Parked) -> Value {
    json!({
        "stream": stream.stream.to_string(), "tenant": stream.tenant, "revision": stream.revision,
        "position": stream.position, "type": stream.kind, "reason": stream.reason,
        "since": stream.since.as_millis(), "held_events": stream.held,
    })
}

/// Tells a running hub a wish and gives its answer; `None` when no hub listens in that folder. The inner error is the
/// hub's refusal.
///
/// # Errors
/// When the hub cannot be talked to.
pub fn ask(folder: &Path, wish: &Wish) -> io::Result<Option<Result<Value, String>>> {
    let mut stream = match at(folder, |socket| Caller::connect(socket)) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let wish = serde_json::to_string(wish).map_err(io::Error::other)?;
    stream.write_all(format!("{wish}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(16 << 20)).read_line(&mut line)?;
    let mut answer: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
    Ok(Some(match answer.get("refused").and_then(Value::as_str) {
        Some(why) => Err(why.to_owned()),
        None => Ok(answer["done"].take()),
    }))
}
