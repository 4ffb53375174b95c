//! Where the cluster is and how to get in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A name and a password for the cluster. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// Which cluster, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// `esdb://` or `kurrentdb://`, hosts with commas between them, and parameters: `esdb://a,b,c?tls=true`. Several
    /// hosts are asked for the leader; `+discover` after the scheme asks the name service for the hosts.
    pub connection_string: String,
    /// Who we are there; before what the connection string may say.
    pub credentials: Option<Credentials>,
    /// Certificates (PEM) that sign the cluster's; none: those the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The first connection is tried for so long.
    pub connect_within: Duration,
    /// An append that could not be settled within this time fails.
    pub append_within: Duration,
    /// A page that could not be read within this time fails.
    pub read_within: Duration,
    /// One question to the cluster may take so long before it is asked again.
    pub answer_within: Duration,
    /// The longest wait between two attempts to connect.
    pub longest_pause: Duration,
}

impl ClusterConfig {
    /// A cluster, with the usual times: 30 s to connect, 15 s for an append or a page, 5 s for one answer, 5 s between
    /// attempts.
    #[must_use]
    pub fn new(connection_string: impl Into<String>) -> Self {
        Self {
            connection_string: connection_string.into(),
            credentials: None,
            ca_file: None,
            connect_within: Duration::from_secs(30),
            append_within: Duration::from_secs(15),
            read_within: Duration::from_secs(15),
            answer_within: Duration::from_secs(5),
            longest_pause: Duration::from_secs(5),
        }
    }

    /// Checks everything that can be checked without a network.
    ///
    /// # Errors
    /// [`ConnectError::Config`], [`ConnectError::CaFile`].
    pub fn check(&self) -> Result<(), ConnectError> {
        self.target().map(drop)
    }

    /// What the client is told.
    pub(crate) fn target(&self) -> Result<Target, ConnectError> {
        let wrong = |why: &str| Err(ConnectError::Config(why.to_owned()));
        let Some((scheme, rest)) = self.connection_string.split_once("://") else {
            return wrong("it must look like esdb://host1,host2,host3?tls=true");
        };
        let plain = scheme.strip_suffix("+discover").unwrap_or(scheme);
        if !["esdb", "kurrentdb", "kurrent", "kdb"].contains(&plain) {
            return wrong("it must begin with esdb:// or kurrentdb://");
        }
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, hosts) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        let hosts = hosts.trim_end_matches('/');
        if hosts
            .split(',')
            .any(|host| host.is_empty() || host.contains('/'))
        {
            return wrong("it must name hosts, with commas between them");
        }
        let credentials = match (&self.credentials, user) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(text)) => Some(user_info(text).ok_or_else(|| {
                ConnectError::Config("its user and password cannot be read".to_owned())
            })?),
            (None, None) => None,
        };
        let given = |name: &str| {
            let mut names = query.split('&').filter_map(|part| part.split('=').next());
            names.any(|given| given.eq_ignore_ascii_case(name))
        };
        let mut parts: Vec<String> = Vec::new();
        parts.extend((!query.is_empty()).then(|| query.to_owned()));
        if !given("nodePreference") {
            // Expected revisions are checked by the leader, and only it shows what was just appended.
            parts.push("nodePreference=leader".to_owned());
        }
        if !given("discoveryInterval") {
            // The client waits so long before its first attempt, too.
            parts.push("discoveryInterval=100".to_owned());
        }
        if let Some(file) = &self.ca_file {
            certificates(file)?;
            parts.push(format!(
                "tlsCaFile={}",
                escaped(&file.display().to_string())
            ));
        }
        Ok(Target {
            connection_string: format!("{scheme}://{hosts}?{}", parts.join("&")),
            credentials,
        })
    }
}

/// What the client is told: a connection string without a secret, and the secret.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) connection_string: String,
    pub(crate) credentials: Option<Credentials>,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection string makes no sense. It is not repeated here: it may hold a password.
    #[error("the address of the cluster cannot be used: {0}")]
    Config(String),
    /// The certificates cannot be read.
    #[error("cannot read the cluster's certificates in {}: {why}", file.display())]
    CaFile {
        /// Which file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody answered in time.
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(String),
    /// This machine lacks something.
    #[error("cannot start the cluster's client: {0}")]
    System(String),
}

/// `user:password`, each percent-encoded, as in an address.
fn user_info(text: &str) -> Option<Credentials> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Some(Credentials {
        user: unescaped(user)?,
        password: unescaped(password)?,
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The client panics over a file it cannot understand, so it is looked at before.
fn certificates(file: &std::path::Path) -> Result<(), ConnectError> {
    let wrong = |why: String| ConnectError::CaFile {
        file: file.to_owned(),
        why,
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let mut found = 0;
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("-----BEGIN CERTIFICATE-----") {
        let (body, end) = after
            .split_once("-----END CERTIFICATE-----")
            .ok_or_else(|| wrong("a certificate has no end".to_owned()))?;
        let body: String = body.split_whitespace().collect();
        match STANDARD.decode(body) {
            Ok(der) if !der.is_empty() => found += 1,
            _ => return Err(wrong("a certificate is garbled".to_owned())),
        }
        rest = end;
    }
    if found == 0 {
        return Err(wrong("it holds no certificate (PEM)".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target, ConnectError> {
        ClusterConfig::new(text).target()
    }

    #[test]
    fn the_leader_is_asked_for_unless_the_address_says_otherwise() {
        let plain = target("esdb://a,b:2114,c?tls=true").expect("an address");
        assert_eq!(
            plain.connection_string,
            "esdb://a,b:2114,c?tls=true&nodePreference=leader&discoveryInterval=100"
        );
        let bare = target("kurrentdb+discover://cluster.example").expect("an address");
        assert_eq!(
            bare.connection_string,
            "kurrentdb+discover://cluster.example?nodePreference=leader&discoveryInterval=100"
        );
        let own = "esdb://a?nodepreference=follower&DiscoveryInterval=7";
        assert_eq!(target(own).expect("an address").connection_string, own);
    }

    #[test]
    fn a_password_in_the_address_is_read_taken_out_and_shown_nowhere() {
        let config = ClusterConfig::new("esdb://ad%6Din:p%40ss:w%2Frd@node:2113?tls=false");
        let target = config.target().expect("an address");
        assert_eq!(
            target.connection_string,
            "esdb://node:2113?tls=false&nodePreference=leader&discoveryInterval=100"
        );
        let credentials = target.credentials.clone().expect("credentials");
        assert_eq!(
            (credentials.user.as_str(), credentials.password.as_str()),
            ("admin", "p@ss:w/rd")
        );
        assert!(!format!("{target:?}").contains("w/rd"));
        let given = ClusterConfig {
            credentials: Some(Credentials {
                user: "hub".to_owned(),
                password: "other".to_owned(),
            }),
            ..config
        };
        let used = given.target().expect("an address").credentials;
        assert_eq!(used.map(|used| used.user), Some("hub".to_owned()));
    }

    #[test]
    fn an_address_that_makes_no_sense_is_refused_without_being_repeated() {
        for text in [
            "",
            "embedded",
            "http://node",
            "esdb://",
            "esdb://a,,b",
            "esdb://secret%zz@node",
            "esdb://node/path",
        ] {
            let error = target(text).expect_err(text);
            assert!(matches!(error, ConnectError::Config(_)), "{error:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn certificates_that_cannot_be_used_are_named_before_anything_connects() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca & co.pem");
        let config = ClusterConfig {
            ca_file: Some(file.clone()),
            ..ClusterConfig::new("esdb://node")
        };
        let refused = |why: &str| {
            let error = config.check().expect_err(why).to_string();
            assert!(
                error.contains(why) && error.contains("ca & co.pem"),
                "{error}"
            );
        };
        refused("No such file");
        std::fs::write(&file, "nothing").expect("written");
        refused("no certificate");
        std::fs::write(
            &file,
            "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        )
        .expect("written");
        refused("garbled");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nMIIB").expect("written");
        refused("no end");
        std::fs::write(
            &file,
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        )
        .expect("written");
        let target = config.target().expect("readable");
        assert!(
            target.connection_string.ends_with("ca%20%26%20co.pem"),
            "{}",
            target.connection_string
        );
    }
}
