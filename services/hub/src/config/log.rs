//! Which log, and how it is reached.

use std::path::Path;

use rapport_event_log::{ClusterConfig, Credentials};

use super::file::LogCluster;
use super::problem::Problems;
use super::secret::resolve;
use super::{Config, ConfigError, Environment, NodeConfig};

/// Where the event log is.
#[derive(Clone, Debug)]
pub enum LogConfig {
    /// In the data folder.
    Embedded,
    /// In a cluster.
    Cluster(ClusterConfig),
}

impl LogConfig {
    /// What a configuration file says of the log and of this node among those that share it, whatever else is in it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn of_file(text: &str, file: &Path) -> Result<(Self, Option<NodeConfig>), ConfigError> {
        let ours = |all: toml::Table| {
            let of_the_log = all
                .into_iter()
                .filter(|(key, _)| ["log", "log_cluster", "node"].contains(&key.as_str()));
            of_the_log.collect::<toml::Table>().to_string()
        };
        // What is no TOML is told by whoever reads all of it.
        let text = text.parse().map_or_else(|_| text.to_owned(), ours);
        let read = Config::read(&text, file, &|name| std::env::var(name).ok())?;
        Ok((read.log, read.node))
    }

    /// The words of `rapport check-config`.
    pub(super) fn explain(&self, data: &Path) -> String {
        let data = data.display();
        let Self::Cluster(cluster) = self else {
            return format!("The event log and the read models are in the folder {data}.");
        };
        let rest = cluster
            .connection_string
            .split("://")
            .nth(1)
            .unwrap_or_default();
        let (hosts, query) = rest.split_once('?').unwrap_or((rest, ""));
        let user = cluster.credentials.as_ref().map_or_else(
            || "without a user".to_owned(),
            |who| format!("as {}", who.user),
        );
        let tls = if query.to_lowercase().contains("tls=false") {
            "without TLS".to_owned()
        } else {
            let trusted = cluster.ca_file.as_ref().map_or_else(
                || "the system trusts".to_owned(),
                |file| format!("of {}", file.display()),
            );
            format!("with TLS and the certificates {trusted}")
        };
        format!(
            "The event log is in the cluster of EventStoreDB/KurrentDB at {hosts}, {user}, {tls}. The read models are in the folder {data}."
        )
    }
}

/// From `log` and `[log_cluster]`.
pub fn check(
    log: &str,
    access: Option<&LogCluster>,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> LogConfig {
    if log == "embedded" {
        if access.is_some() {
            let how = "take it out, or name a cluster in `log`";
            problems.add(
                "log_cluster",
                "is set, and there is no cluster: `log` is \"embedded\"",
                how,
            );
        }
        return LogConfig::Embedded;
    }
    let (scheme, rest) = log.split_once("://").unwrap_or((log, ""));
    if !["esdb", "kurrentdb"].contains(&scheme.trim_end_matches("+discover")) {
        let what = format!("names a log this program does not have ({scheme})");
        let how = "use \"embedded\", the log in the data folder, or \"esdb://host1,host2,host3?tls=true\"";
        problems.add("log", what, how);
        return LogConfig::Embedded;
    }
    if rest
        .split('?')
        .next()
        .is_some_and(|hosts| hosts.contains('@'))
    {
        let how = "write them into [log_cluster], as `user` and `password`";
        problems.add("log", "holds a user or a password", how);
        return LogConfig::Embedded;
    }
    let access = access.cloned().unwrap_or_default();
    let password = access
        .password
        .as_ref()
        .and_then(|secret| resolve(secret, "log_cluster.password", environment, problems));
    let credentials = match (access.user, password) {
        (Some(user), password) => Some(Credentials {
            user,
            password: password.unwrap_or_default(),
        }),
        (None, Some(_)) => {
            problems.add("log_cluster", "has a password without a user", "set `user`");
            None
        }
        (None, None) => None,
    };
    let config = ClusterConfig {
        credentials,
        ca_file: access.ca_file.map(Into::into),
        ..ClusterConfig::new(log)
    };
    if let Err(error) = config.check() {
        let how = "see docs/OPERATIONS.md, a log in a cluster";
        problems.add("log", error.to_string(), how);
    }
    LogConfig::Cluster(config)
}
