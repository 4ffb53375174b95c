//! The keys of a cluster: a folder that all nodes share, one small file for each customer.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand;
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::{CustomerKey, KeyError, KeyState, Keys};
use rapport_domain::time::Timestamp;

use super::master::{self, MasterKey, WRAPPED_BYTES};
use super::threads::Threads;
use super::{KeysOpenError, read_only};
use crate::file::FILE_MODE;

/// A shared folder answers slowly; so many questions wait for it at once.
const THREADS: usize = 8;

const FOLDER_MODE: u32 = 0o700;
const PROOF: &str = "master";
/// The first byte of a file whose key was destroyed; the moment follows, then zeros to the length of a key.
const DESTROYED: u8 = 0xff;

/// Keys in a folder, each wrapped by the master key: a copy of the folder alone opens nothing.
///
/// A key appears whole or not at all: it is written and synced under another name and then linked to its own, which
/// fails when there is one already, so of nodes that make the same key at once one wins and the others take its key.
/// Destroying overwrites the key where it is and syncs. Needs a file system with hard links and with one view for all
/// nodes, such as NFS version 4.
pub struct SharedKeys {
    folder: Arc<Folder>,
    threads: Threads<()>,
}

impl SharedKeys {
    /// Opens the keys in a folder, or begins with none. The folder itself must exist: a mount that is missing is not to be
    /// taken for an empty one.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open(folder: &Path, master: MasterKey) -> Result<Self, KeysOpenError> {
        Self::open_as(folder, master, false)
    }

    /// Opens the keys in a folder to look at them: nothing in it is made or changed, and keys are neither made nor
    /// destroyed.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open_read_only(folder: &Path, master: MasterKey) -> Result<Self, KeysOpenError> {
        Self::open_as(folder, master, true)
    }

    /// Takes in what another store has of a customer: their key, unless one is there, or that it was destroyed. Answers whether
    /// that was new.
    ///
    /// # Errors
    /// [`KeyError`] when the customer has another key here, or the folder cannot be written to.
    pub async fn take_in(&self, customer: CustomerId, state: KeyState) -> Result<bool, KeyError> {
        self.run(move |folder| {
            match (&state, folder.read(customer)?) {
                (KeyState::Absent, _) | (_, KeyState::Destroyed { .. }) => return Ok(false),
                (KeyState::Destroyed { at }, _) => {
                    return folder.destroy(customer, *at).map(|()| true);
                }
                (KeyState::Present(_), here) if here == state => return Ok(false),
                (KeyState::Present(key), KeyState::Absent) => folder.keep(customer, key)?,
                (KeyState::Present(_), KeyState::Present(_)) => {}
            }
            // Somebody else may have made one meanwhile.
            if folder.read(customer)? == state {
                return Ok(true);
            }
            Err(io::Error::other(format!(
                "customer {customer} has another key in {}",
                folder.root.display()
            )))
        })
        .await
    }

    /// Whether a file, in the folder or in a copy of it, still holds the key of this customer.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn holds_key_of(file: &Path, customer: CustomerId) -> io::Result<bool> {
        let theirs = file
            .file_name()
            .is_some_and(|name| name == name_of(customer).as_str());
        Ok(theirs && destroyed_at(&fs::read(file)?).is_none())
    }

    fn open_as(folder: &Path, master: MasterKey, read_only: bool) -> Result<Self, KeysOpenError> {
        let folder = Folder {
            root: folder.to_owned(),
            master,
            read_only,
        };
        folder.agree()?;
        let threads =
            Threads::start("share", vec![(); THREADS]).map_err(KeysOpenError::io(&folder.root))?;
        Ok(Self {
            folder: Arc::new(folder),
            threads,
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> Result<T, KeyError> {
        let folder = Arc::clone(&self.folder);
        self.threads
            .run(move |()| work(&folder))
            .await?
            .map_err(|error| KeyError(error.to_string()))
    }
}

impl Keys for SharedKeys {
    fn key_for_sealing(
        &self,
        _: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        Box::pin(self.run(move |folder| match folder.read(customer)? {
            KeyState::Absent => folder.make(customer),
            known => Ok(known),
        }))
    }

    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        Box::pin(self.run(move |folder| {
            customers
                .into_iter()
                .map(|customer| folder.read(customer))
                .collect()
        }))
    }

    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(self.run(move |folder| folder.destroy(customer, at)))
    }
}

struct Folder {
    root: PathBuf,
    master: MasterKey,
    /// Whether nothing may be written.
    read_only: bool,
}

impl Folder {
    /// Sees to it that the master key is the one of the folder.
    fn agree(&self) -> Result<(), KeysOpenError> {
        let io = || KeysOpenError::io(&self.root);
        let path = self.root.join(PROOF);
        let proof = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.read_only => {
                // Nobody has begun with it; whether it is there at all is another matter.
                return fs::read_dir(&self.root).map(drop).map_err(io());
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let proof = self.master.proof().map_err(|_| KeysOpenError::Cipher)?;
                self.place(&self.root, &path, &proof).map_err(io())?;
                fs::read(&path).map_err(io())?
            }
            read => read.map_err(io())?,
        };
        if self.master.made(&proof) {
            Ok(())
        } else {
            Err(KeysOpenError::OtherMaster {
                path: self.root.clone(),
            })
        }
    }

    /// The subfolder and file of a customer. Ids made one after the other begin alike and end at random.
    fn place_of(&self, customer: CustomerId) -> (PathBuf, PathBuf) {
        let id = customer.as_uuid().simple().to_string();
        let shard = self.root.join(&id[id.len() - 3..]);
        let file = shard.join(name_of(customer));
        (shard, file)
    }

    fn read(&self, customer: CustomerId) -> io::Result<KeyState> {
        let (_, path) = self.place_of(customer);
        let mut stored = Vec::with_capacity(WRAPPED_BYTES);
        match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(KeyState::Absent),
            Err(error) => return Err(error),
            Ok(file) => file.take(1_024).read_to_end(&mut stored)?,
        };
        if let Some(at) = destroyed_at(&stored) {
            return Ok(KeyState::Destroyed { at });
        }
        master::read(Some(&self.master), customer, &stored)
            .map(KeyState::Present)
            .map_err(|why| {
                io::Error::other(format!(
                    "the key of customer {customer} cannot be used: {why:?}"
                ))
            })
    }

    fn make(&self, customer: CustomerId) -> io::Result<KeyState> {
        let key = master::fresh().map_err(failed)?;
        self.keep(customer, &key)?;
        // What is there now: this key, or that of somebody who was faster.
        self.read(customer)
    }

    fn keep(&self, customer: CustomerId, key: &CustomerKey) -> io::Result<()> {
        let (shard, path) = self.place_of(customer);
        let stored = master::stored(Some(&self.master), customer, key).map_err(failed)?;
        self.shard(&shard)?;
        self.place(&shard, &path, &stored)
    }

    fn destroy(&self, customer: CustomerId, at: Timestamp) -> io::Result<()> {
        let (shard, path) = self.place_of(customer);
        self.shard(&shard)?;
        let mut tombstone = vec![0; WRAPPED_BYTES];
        tombstone[0] = DESTROYED;
        tombstone[1..9].copy_from_slice(&at.as_micros().to_be_bytes());
        self.place(&shard, &path, &tombstone)?;
        if let KeyState::Destroyed { .. } = self.read_raw(&path)? {
            return Ok(());
        }
        // In place: every name the file may have loses the key, and who reads sees the one or the other.
        let file = OpenOptions::new().write(true).open(&path)?;
        file.write_all_at(&tombstone, 0)?;
        file.set_len(tombstone.len() as u64)?;
        file.sync_all()
    }

    /// Whether a file is a tombstone, without looking at its key.
    fn read_raw(&self, path: &Path) -> io::Result<KeyState> {
        Ok(match destroyed_at(&fs::read(path)?) {
            Some(at) => KeyState::Destroyed { at },
            None => KeyState::Absent,
        })
    }

    fn shard(&self, shard: &Path) -> io::Result<()> {
        if self.read_only {
            return Err(io::Error::other(read_only().0));
        }
        match DirBuilder::new().mode(FOLDER_MODE).create(shard) {
            Ok(()) => sync(&self.root),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives content a name, durably, unless the name is taken: then that stays.
    fn place(&self, folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut random = [0; 8];
        rand::fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let unfinished = path.with_extension(format!("{:016x}.new", u64::from_ne_bytes(random)));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&unfinished)
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| match fs::hard_link(&unfinished, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            });
        // In any case: what is left of a failure holds a key that nothing is sealed with.
        let removed = fs::remove_file(&unfinished);
        written?;
        removed?;
        // Also when another was faster: its name must be durable before this answers.
        sync(folder)
    }
}

fn failed(_: master::Failed) -> io::Error {
    io::Error::other("the source of random bytes or the cipher failed")
}

fn name_of(customer: CustomerId) -> String {
    format!("{}.key", customer.as_uuid().simple())
}

fn destroyed_at(stored: &[u8]) -> Option<Timestamp> {
    let (first, rest) = stored.split_first()?;
    let at = rest.first_chunk::<8>()?;
    (*first == DESTROYED).then(|| Timestamp::from_micros(i64::from_be_bytes(*at)))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
