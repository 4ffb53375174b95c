//! Passwords and keys of a demonstration. They follow from one secret that is made for each data folder and kept there,
//! so the accounts printed today still work tomorrow, and nobody else's demonstration has the same.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cast::{AGENTS, DEPARTMENTS, OPERATIONS, PERSON, PhoneKind, SUPERVISOR, TENANT};

/// The file of the secret.
const FILE: &str = "demo-secret";
/// The file that says the accounts to people.
const ACCOUNTS: &str = "demo-accounts.txt";

/// The accounts of one data folder.
#[derive(Clone)]
pub struct Accounts {
    secret: String,
}

impl Accounts {
    /// Reads the folder's secret, or makes one. Only the owner may read the files.
    ///
    /// # Errors
    /// When they cannot be read or written, or there are no random numbers.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let file = folder.join(FILE);
        let accounts = match std::fs::read_to_string(&file) {
            Ok(text) if text.trim().len() >= 32 => Self {
                secret: text.trim().to_owned(),
            },
            Ok(_) => {
                return Err(io::Error::other(format!(
                    "{} is damaged: remove it to get new passwords",
                    file.display()
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).map_err(io::Error::other)?;
                let secret = hex(&bytes);
                write_private(&file, &secret)?;
                Self { secret }
            }
            Err(error) => return Err(error),
        };
        write_private(&folder.join(ACCOUNTS), &accounts.in_words())?;
        Ok(accounts)
    }

    fn derive(&self, kind: &str, name: &str) -> [u8; 32] {
        Sha256::digest(format!("{}/{kind}/{name}", self.secret)).into()
    }

    /// The password of somebody at the desk: six syllables that can be typed.
    #[must_use]
    pub fn password(&self, agent: &str) -> String {
        syllables(&self.derive("password", agent))
    }

    /// The password of somebody's phone.
    #[must_use]
    pub fn phone(&self, agent: &str) -> String {
        syllables(&self.derive("phone", agent))
    }

    /// The API key of a department.
    #[must_use]
    pub fn key(&self, department: &str) -> String {
        hex(&self.derive("key", department)[..20])
    }

    fn in_words(&self) -> String {
        let mut text =
            format!("Accounts of this demonstration (tenant {TENANT}). Login and password:\n");
        let mut line = |words: String| {
            text.push_str(&words);
            text.push('\n');
        };
        for name in [PERSON, SUPERVISOR]
            .into_iter()
            .chain(AGENTS.iter().map(|agent| agent.name))
        {
            line(format!("  {name}  {}", self.password(name)));
        }
        line("Phones that register, user and password:".to_owned());
        let registering = AGENTS
            .iter()
            .filter(|agent| agent.phone == PhoneKind::Registers)
            .map(|agent| agent.name);
        for name in std::iter::once(PERSON).chain(registering) {
            line(format!("  {name}  {}", self.phone(name)));
        }
        line("API keys:".to_owned());
        for name in DEPARTMENTS
            .iter()
            .map(|department| department.name)
            .chain([OPERATIONS])
        {
            line(format!("  {name}  {}", self.key(name)));
        }
        text
    }
}

fn syllables(bytes: &[u8]) -> String {
    const FIRST: &[u8; 16] = b"bdfghjklmnprstvz";
    const SECOND: &[u8; 4] = b"aeou";
    let mut text = String::new();
    for (place, byte) in bytes.iter().take(6).enumerate() {
        if place > 0 && place % 2 == 0 {
            text.push('-');
        }
        text.push(char::from(FIRST[usize::from(byte >> 4)]));
        text.push(char::from(SECOND[usize::from(byte & 3)]));
    }
    let number = u16::from_be_bytes([bytes[6], bytes[7]]);
    // Writing into a String does not fail.
    let _ = write!(text, "-{number:05}");
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&beside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_passwords_and_another_has_others() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Accounts::of(one.path()).unwrap();
        assert_eq!(
            first.password("you"),
            Accounts::of(one.path()).unwrap().password("you")
        );
        assert_ne!(
            first.password("you"),
            Accounts::of(other.path()).unwrap().password("you")
        );
        assert_ne!(first.password("you"), first.phone("you"));
        assert!(
            std::fs::read_to_string(one.path().join(ACCOUNTS))
                .unwrap()
                .contains(&first.password("you"))
        );
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_secrets() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Accounts::of(folder.path()).unwrap();
        for file in [FILE, ACCOUNTS] {
            let mode = std::fs::metadata(folder.path().join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn a_damaged_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(
            Accounts::of(folder.path())
                .err()
                .unwrap()
                .to_string()
                .contains(FILE)
        );
    }
}
