//! The keys of a node that has its log for itself: one SQLite file beside it.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::{KeyError, KeyState, Keys};
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::local_file::{self, database};
use super::master::{self, MasterKey};
use super::threads::{Threads, gone};
use super::{KeysOpenError, read_only};

/// Requests that may wait for the writer; further callers wait before the queue.
const QUEUE: usize = 1_024;

/// What one transaction writes at the most.
const GROUP: usize = 1_024;

/// Reads go on while a group of new keys is being synced.
const READERS: usize = 2;

/// Keys in the file `keys.db` of a data folder, readable by its owner only.
///
/// New keys are written in groups, one sync for all who wait. Several processes may have the file open at once. A
/// destroyed key is overwritten (`secure_delete`), and the journal that held it is emptied before the answer; what a disk
/// or file system keeps of overwritten blocks is out of reach, which is what a master key is for.
pub struct LocalKeys {
    /// None when nothing may be written.
    writer: Option<mpsc::Sender<Request>>,
    /// None when there is no file, and hence no key.
    readers: Option<Threads<Connection>>,
    master: Option<Arc<MasterKey>>,
}

enum Request {
    Make {
        tenant: TenantId,
        customer: CustomerId,
        reply: Reply<KeyState>,
    },
    Destroy {
        customer: CustomerId,
        at: Timestamp,
        reply: Reply<()>,
    },
}

type Reply<T> = oneshot::Sender<Result<T, KeyError>>;

impl LocalKeys {
    /// The name of the file in a data folder.
    pub const FILE: &str = "keys.db";

    /// Opens the keys of a data folder, or makes the file when there is none. Keys that were stored without a master key
    /// are wrapped when one is given.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open(folder: &Path, master: Option<MasterKey>) -> Result<Self, KeysOpenError> {
        crate::file::prepare_folder(folder).map_err(KeysOpenError::io(folder))?;
        let file = local_file::path(folder);
        local_file::prepare(&file)?;
        let mut connection = local_file::open(&file)?;
        local_file::agree(&mut connection, &file, master.as_ref())?;
        let master = master.map(Arc::new);
        let own = (0..READERS)
            .map(|_| local_file::open(&file))
            .collect::<Result<_, _>>()?;
        let readers = Threads::start("read", own).map_err(KeysOpenError::io(&file))?;
        let (writer, requests) = mpsc::channel(QUEUE);
        let wrapping = master.clone();
        thread::Builder::new()
            .name("keys-write".to_owned())
            .spawn(move || write(connection, wrapping.as_deref(), requests))
            .map_err(KeysOpenError::io(&file))?;
        Ok(Self {
            writer: Some(writer),
            readers: Some(readers),
            master,
        })
    }

    /// Opens the keys of a data folder to look at them: no file is made and nothing in one is changed, and keys are neither
    /// made nor destroyed. Where there is no file there is no key.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open_read_only(folder: &Path, master: Option<MasterKey>) -> Result<Self, KeysOpenError> {
        let file = local_file::path(folder);
        let own = match local_file::open_reading(&file)? {
            None => None,
            Some(connection) => {
                local_file::is_master(&connection, &file, master.as_ref())?;
                Some(vec![connection])
            }
        };
        let readers = own.map(|own| Threads::start("read", own)).transpose();
        Ok(Self {
            writer: None,
            readers: readers.map_err(KeysOpenError::io(&file))?,
            master: master.map(Arc::new),
        })
    }

    /// Copies the keys as they are now into a file of their own, beside whoever uses them. What is wrapped stays so.
    ///
    /// # Errors
    /// [`KeyError`] when there is such a file already, or it cannot be written.
    pub async fn back_up(&self, to: &Path) -> Result<(), KeyError> {
        let to = to.to_owned();
        let readers = self.readers.as_ref();
        readers
            .ok_or_else(|| KeyError("there are no keys".to_owned()))?
            .run(move |connection| local_file::copy(connection, &to))
            .await?
    }

    /// What is stored of the next customers in the order of their ids, at most so many; none at the end. For moving keys to
    /// another store.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be read.
    pub async fn stored_after(
        &self,
        customer: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<(CustomerId, KeyState)>, KeyError> {
        let Some(readers) = &self.readers else {
            return Ok(Vec::new());
        };
        let master = self.master.clone();
        readers
            .run(move |connection| {
                let view = connection.transaction().map_err(database)?;
                let customers = local_file::customers_after(&view, customer, limit)?;
                customers
                    .into_iter()
                    .map(|customer| {
                        local_file::state(&view, master.as_deref(), customer)
                            .map(|state| (customer, state))
                    })
                    .collect()
            })
            .await?
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, KeyError> {
        let (reply, answer) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.send(request(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    async fn states(&self, customers: Vec<CustomerId>) -> Result<Vec<KeyState>, KeyError> {
        let Some(readers) = &self.readers else {
            return Ok(vec![KeyState::Absent; customers.len()]);
        };
        let master = self.master.clone();
        readers
            .run(move |connection| {
                // One view of the file for all of them.
                let view = connection.transaction().map_err(database)?;
                customers
                    .into_iter()
                    .map(|customer| local_file::state(&view, master.as_deref(), customer))
                    .collect()
            })
            .await?
    }
}

impl Keys for LocalKeys {
    fn key_for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        Box::pin(async move {
            let known = self.states(vec![customer]).await?;
            match known.into_iter().next() {
                Some(KeyState::Absent) | None => {
                    self.ask(|reply| Request::Make {
                        tenant,
                        customer,
                        reply,
                    })
                    .await
                }
                Some(known) => Ok(known),
            }
        })
    }

    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        Box::pin(self.states(customers))
    }

    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(self.ask(move |reply| Request::Destroy {
            customer,
            at,
            reply,
        }))
    }
}

/// Writes group after group until nobody can ask any more.
fn write(
    mut connection: Connection,
    master: Option<&MasterKey>,
    mut requests: mpsc::Receiver<Request>,
) {
    while let Some(first) = requests.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = requests.try_recv()
        {
            group.push(next);
        }
        match commit(&mut connection, master, &group) {
            Ok(made) => {
                for (request, state) in group.into_iter().zip(made) {
                    // Whoever asked may have stopped waiting.
                    match request {
                        Request::Make { reply, .. } => drop(reply.send(Ok(state))),
                        Request::Destroy { reply, .. } => drop(reply.send(Ok(()))),
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, requests = group.len(), "the keys of personal data were not written");
                for request in group {
                    match request {
                        Request::Make { reply, .. } => drop(reply.send(Err(error.clone()))),
                        Request::Destroy { reply, .. } => drop(reply.send(Err(error.clone()))),
                    }
                }
            }
        }
    }
}

/// Writes one group; answers what is stored of each customer after it.
fn commit(
    connection: &mut Connection,
    master: Option<&MasterKey>,
    group: &[Request],
) -> Result<Vec<KeyState>, KeyError> {
    let writing = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database)?;
    let mut states = Vec::with_capacity(group.len());
    for request in group {
        let customer = match request {
            Request::Make {
                tenant, customer, ..
            } => {
                make(&writing, master, *tenant, *customer)?;
                *customer
            }
            Request::Destroy { customer, at, .. } => {
                destroy(&writing, *customer, *at)?;
                *customer
            }
        };
        states.push(local_file::state(&writing, master, customer)?);
    }
    writing.commit().map_err(database)?;
    if group
        .iter()
        .any(|request| matches!(request, Request::Destroy { .. }))
    {
        local_file::empty_journal(connection).map_err(database)?;
    }
    Ok(states)
}

fn make(
    writing: &Connection,
    master: Option<&MasterKey>,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<(), KeyError> {
    let failed = |_| KeyError("the source of random bytes or the cipher failed".to_owned());
    let key = master::fresh().map_err(failed)?;
    let stored = master::stored(master, customer, &key).map_err(failed)?;
    // One that is there, or was destroyed, stays as it is.
    writing
        .prepare_cached(
            "INSERT INTO keys (customer, tenant, key) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                customer.as_uuid().as_bytes(),
                tenant.as_uuid().as_bytes(),
                stored
            ])
        })
        .map(|_| ())
        .map_err(database)
}

fn destroy(writing: &Connection, customer: CustomerId, at: Timestamp) -> Result<(), KeyError> {
    writing
        .prepare_cached(
            "INSERT INTO keys (customer, destroyed_at) VALUES (?1, ?2) ON CONFLICT (customer) DO UPDATE \
             SET key = NULL, destroyed_at = excluded.destroyed_at WHERE destroyed_at IS NULL",
        )
        .and_then(|mut statement| {
            statement.execute(params![customer.as_uuid().as_bytes(), at.as_micros()])
        })
        .map(|_| ())
        .map_err(database)
}
