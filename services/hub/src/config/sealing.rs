//! Where the keys of personal data are, and what wraps them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rapport_domain::port::keys::Keys;
use rapport_domain::private::Private;
use rapport_event_log::keys::{KeysOpenError, LocalKeys, MasterKey, SharedKeys};
use serde::Deserialize as _;

use super::Environment;
use super::file::File;
use super::problem::Problems;
use super::secret::resolve;

/// The keys of personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysConfig {
    /// Where they are.
    pub place: KeysPlace,
    /// What the master key is made of; a folder that nodes share needs one.
    pub secret: Option<Private<String>>,
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysPlace {
    /// In the data folder, beside the log.
    Local,
    /// In a folder that nodes share.
    Shared(PathBuf),
}

const LOCAL: &str = "local";

impl KeysPlace {
    fn parse(text: &str) -> Option<Self> {
        if text == LOCAL {
            return Some(Self::Local);
        }
        let folder = Path::new(text.strip_prefix("dir://")?);
        folder
            .is_absolute()
            .then(|| Self::Shared(folder.to_owned()))
    }
}

impl KeysConfig {
    /// Opens the keys of a hub with this data folder.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open(&self, data: &Path) -> Result<Arc<dyn Keys>, KeysOpenError> {
        Ok(match &self.place {
            KeysPlace::Local => Arc::new(LocalKeys::open(data, self.master()?)?),
            KeysPlace::Shared(folder) => Arc::new(SharedKeys::open(folder, self.needed()?)?),
        })
    }

    /// Opens the keys in the folder that nodes share; none when they are in the data folder.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open_shared(&self) -> Result<Option<SharedKeys>, KeysOpenError> {
        match &self.place {
            KeysPlace::Local => Ok(None),
            KeysPlace::Shared(folder) => SharedKeys::open(folder, self.needed()?).map(Some),
        }
    }

    /// Opens the keys of a hub with this data folder to look at them: nothing is made where there are none, and nothing
    /// that is there is changed.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open_read_only(&self, data: &Path) -> Result<Arc<dyn Keys>, KeysOpenError> {
        Ok(match &self.place {
            KeysPlace::Local => Arc::new(self.open_local_read_only(data)?),
            KeysPlace::Shared(folder) => {
                Arc::new(SharedKeys::open_read_only(folder, self.needed()?)?)
            }
        })
    }

    /// Opens the keys in a data folder to look at them.
    ///
    /// # Errors
    /// [`KeysOpenError`].
    pub fn open_local_read_only(&self, data: &Path) -> Result<LocalKeys, KeysOpenError> {
        LocalKeys::open_read_only(data, self.master()?)
    }

    fn master(&self) -> Result<Option<MasterKey>, KeysOpenError> {
        self.secret
            .as_ref()
            .map(|secret| MasterKey::new(secret.expose()))
            .transpose()
    }

    fn needed(&self) -> Result<MasterKey, KeysOpenError> {
        self.master()?.ok_or(KeysOpenError::WeakMaster)
    }

    pub(super) fn check(
        file: &File,
        environment: Environment<'_>,
        problems: &mut Problems,
    ) -> Self {
        let secret = file
            .keys_secret
            .as_ref()
            .and_then(|secret| resolve(secret, "keys_secret", environment, problems));
        let place = KeysPlace::parse(&file.keys).unwrap_or_else(|| {
            problems.add(
                "keys",
                "names no place for keys that this program knows",
                "use \"local\", or a folder that the nodes share: \"dir:///mnt/shared/keys\"",
            );
            KeysPlace::Local
        });
        if let Some(secret) = &secret
            && MasterKey::new(secret).is_err()
        {
            problems.add(
                "keys_secret",
                "is too easily guessed",
                format!(
                    "use at least {} random characters, such as `openssl rand -hex 32` prints",
                    MasterKey::LEAST
                ),
            );
        }
        if place != KeysPlace::Local && file.keys_secret.is_none() {
            problems.add(
                "keys_secret",
                "is missing: keys in a shared folder are wrapped",
                "give a random secret, the same to every node, from outside of that folder",
            );
        }
        Self {
            place,
            secret: secret.map(Private::new),
        }
    }

    /// What a configuration file says of keys, for commands that need nothing else of it: other secrets may not be there
    /// to be had. Without a file: the keys in the data folder, without a master key.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of_file(file: &Path, environment: Environment<'_>) -> Result<Self, String> {
        let table: toml::Table = match std::fs::read_to_string(file) {
            Ok(text) => text
                .parse()
                .map_err(|_| format!("{} is not TOML", file.display()))?,
            Err(_) => toml::Table::new(),
        };
        let wanted = ["keys", "keys_secret"];
        let table = table
            .into_iter()
            .filter(|(key, _)| wanted.contains(&key.as_str()))
            .collect();
        let file = File::deserialize(toml::Value::Table(table))
            .map_err(|error| format!("{}: {}", file.display(), error.message()))?;
        let mut problems = Problems::default();
        let keys = Self::check(&file, environment, &mut problems);
        if problems.is_empty() {
            Ok(keys)
        } else {
            Err(problems.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_data_folder_or_an_absolute_folder() {
        assert_eq!(KeysPlace::parse("local"), Some(KeysPlace::Local));
        assert_eq!(
            KeysPlace::parse("dir:///mnt/keys"),
            Some(KeysPlace::Shared("/mnt/keys".into()))
        );
        for wrong in ["", "keys", "dir://keys", "vault://x"] {
            assert_eq!(KeysPlace::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn commands_read_what_a_file_says_of_keys_and_no_other_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rapport.toml");
        let local = KeysConfig {
            place: KeysPlace::Local,
            secret: None,
        };
        assert_eq!(KeysConfig::of_file(&file, &|_| None), Ok(local));
        let text = "keys = \"dir:///mnt/keys\"\nkeys_secret = { env = \"MASTER\" }\n[[tenant]]\nname = 1\n";
        std::fs::write(&file, text).unwrap();
        let missing = KeysConfig::of_file(&file, &|_| None).unwrap_err();
        assert!(missing.contains("MASTER"), "{missing}");
        let master = |name: &str| (name == "MASTER").then(|| "m".repeat(64));
        let read = KeysConfig::of_file(&file, &master).unwrap();
        assert_eq!(read.place, KeysPlace::Shared("/mnt/keys".into()));
        assert!(!format!("{read:?}").contains('m'.to_string().repeat(8).as_str()));
        let short = KeysConfig::of_file(&file, &|_| Some("guess".to_owned())).unwrap_err();
        assert!(short.contains("too easily guessed"), "{short}");
    }
}
