//! The same load on a PostgreSQL of this machine, started for the bench on a unix socket in a folder of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

use crate::load;

/// The server; stopped by its pid when dropped.
pub struct Postgres {
    server: Child,
    folder: TempDir,
}

fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// User and group id of `postgres`, whom the server insists on when we are root.
fn ids() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

impl Postgres {
    /// Starts a fresh server, or says why there is none.
    pub async fn start() -> Result<Self, String> {
        let bin = installed().ok_or("no PostgreSQL under /usr/lib/postgresql")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        // SAFETY: the call takes nothing and only asks.
        let user = if unsafe { libc::geteuid() } == 0 {
            Some(ids().ok_or("no user `postgres`")?)
        } else {
            None
        };
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))
                .map_err(|error| error.to_string())?;
        }
        let command = |name: &str| {
            let mut command = Command::new(bin.join(name));
            command
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let data = folder.path().join("data");
        let made = command("initdb")
            .args(["-A", "trust", "-U", "bench", "-D"])
            .arg(&data)
            .status();
        if !made.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Err(format!("initdb failed: {made:?}"));
        }
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "max_connections=300",
                "-c",
                "synchronous_commit=on",
            ])
            .args(["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"])
            .spawn()
            .map_err(|error| error.to_string())?;
        let running = Self { server, folder };
        let patience = Instant::now() + Duration::from_secs(30);
        let client = loop {
            match connect(running.folder.path()).await {
                Ok(client) => break client,
                Err(error) if Instant::now() > patience => {
                    return Err(format!("it does not answer: {error}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        client
            .batch_execute(
                "CREATE TABLE events (position bigserial PRIMARY KEY, stream uuid NOT NULL, revision bigint NOT NULL, \
                 event_id uuid NOT NULL UNIQUE, type text NOT NULL, version smallint NOT NULL, \
                 recorded_at bigint NOT NULL, meta bytea NOT NULL, data bytea NOT NULL, UNIQUE (stream, revision))",
            )
            .await
            .map_err(|error| error.to_string())?;
        Ok(running)
    }

    /// One insert per transaction, a connection per appender; the unique index is the expected revision.
    pub async fn run(&self, appenders: usize, span: Duration) -> Result<load::Point, String> {
        let mut clients = Vec::new();
        for _ in 0..appenders {
            let client = connect(self.folder.path())
                .await
                .map_err(|error| error.to_string())?;
            let insert = client
                .prepare(
                    "INSERT INTO events (stream, revision, event_id, type, version, recorded_at, meta, data) \
                     VALUES ($1::text::uuid, $2, $3::text::uuid, $4, $5, $6, $7, $8)",
                )
                .await
                .map_err(|error| error.to_string())?;
            clients.push((Arc::new(client), insert));
        }
        let point = load::run(appenders, span, |number| {
            let (client, insert) = clients[number].clone();
            move |stream, revision: u64| {
                let (client, insert, event) = (Arc::clone(&client), insert.clone(), load::event());
                async move {
                    let meta = serde_json::to_vec(&event.meta).expect("an envelope");
                    let version = i16::try_from(event.version).expect("a small version");
                    let (at, revision) = (event.recorded_at.as_micros(), revision.cast_signed());
                    let (stream, id) = (stream.to_string(), event.id.to_string());
                    client
                        .execute(
                            &insert,
                            &[
                                &stream,
                                &revision,
                                &id,
                                &event.kind,
                                &version,
                                &at,
                                &meta,
                                &event.data,
                            ],
                        )
                        .await
                        .expect("an insert");
                }
            }
        });
        Ok(point.await)
    }
}

async fn connect(folder: &Path) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host_path(folder).user("bench").dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT asks the server for a fast shutdown; killed, it would leave its processes behind.
        let stopped = libc::pid_t::try_from(self.server.id()).map(|pid| {
            // SAFETY: the pid is that of our own child, which has not been waited for.
            unsafe { libc::kill(pid, libc::SIGINT) }
        });
        if stopped != Ok(0) || self.server.wait().is_err() {
            eprintln!(
                "the PostgreSQL of the bench (pid {}) could not be stopped",
                self.server.id()
            );
        }
    }
}
