//! The event log, as `rapport log tail` shows it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::hub::program;
use crate::wait;

/// One event.
#[derive(Clone, Debug)]
pub struct Event(pub Value);

impl Event {
    /// Its type, such as `interaction.started.v1`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// Its stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.0["stream"].as_str().unwrap_or_default()
    }

    /// The uuid in the name of its stream.
    #[must_use]
    pub fn id(&self) -> &str {
        self.stream().split_once('-').map_or("", |(_, id)| id)
    }

    /// When it happened, RFC 3339 to the millisecond; such texts sort by time.
    #[must_use]
    pub fn recorded_at(&self) -> String {
        self.0["recorded_at"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Its place in the log.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0["position"].as_u64().unwrap_or_default()
    }

    /// Its place in the stream.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.0["revision"].as_u64().unwrap_or_default()
    }

    /// What happened.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.0["data"]
    }

    /// A text of the data.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.data()[name].as_str().unwrap_or_default()
    }
}

/// Everything in the log, and what comes.
#[derive(Debug)]
pub struct Log {
    events: Arc<Mutex<Vec<Event>>>,
    reader: Child,
    errors: PathBuf,
}

impl Log {
    /// Follows the log of a data folder from its beginning.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn follow(data: &Path, folder: &Path) -> Self {
        Self::tail("--data", data, folder)
    }

    /// Follows the log that a configuration file names from its beginning, wherever it is.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn of_file(config: &Path, folder: &Path) -> Self {
        Self::tail("--config", config, folder)
    }

    fn tail(which: &str, path: &Path, folder: &Path) -> Self {
        let errors = folder.join("log-tail.err");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&errors)
            .expect("a file");
        let mut command = Command::new(program());
        command
            .args([
                "log",
                "tail",
                "--json",
                "--personal",
                "--follow",
                "--from",
                "0",
                which,
            ])
            .arg(path);
        let mut reader = command
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the program");
        let output = reader.stdout.take().expect("its output");
        let events = Arc::new(Mutex::new(Vec::new()));
        let known = events.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                let event = Event(serde_json::from_str(&line).expect("an event as JSON"));
                known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(event);
            }
        });
        Self {
            events,
            reader,
            errors,
        }
    }

    /// Follows the log of a data folder from its beginning and waits until all of it is known. Nobody writes to it.
    ///
    /// # Panics
    /// When the program cannot be run, or the log cannot be read.
    pub async fn whole(data: &Path, folder: &Path) -> Self {
        let data_folder = data.display().to_string();
        let last = [
            "log",
            "tail",
            "--json",
            "--lines",
            "1",
            "--data",
            &data_folder,
        ];
        let (_, output, errors) = crate::hub::run(&last, folder).await;
        let last: Value = serde_json::from_str(output.trim()).expect(&errors);
        let log = Self::follow(data, folder);
        log.reaches(last["position"].as_u64().expect("a position"))
            .await;
        log
    }

    /// Looks at everything known so far. One at a time: whoever looks must not look again meanwhile.
    pub fn look<T>(&self, at: impl FnOnce(&[Event]) -> T) -> T {
        at(&self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything known so far.
    #[must_use]
    pub fn all(&self) -> Vec<Event> {
        self.look(<[Event]>::to_vec)
    }

    /// Everything known so far that fits.
    pub fn those(&self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        self.look(|all| all.iter().filter(|event| fits(event)).cloned().collect())
    }

    /// How many events of this type there are.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.look(|all| all.iter().filter(|event| event.kind() == kind).count())
    }

    /// Waits for the first event of this type that fits.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn first(&self, kind: &str, fits: impl Fn(&Event) -> bool) -> Event {
        wait::until(&format!("an event {kind}"), || async {
            let found = |event: &&Event| event.kind() == kind && fits(event);
            self.look(|all| all.iter().find(found).cloned())
        })
        .await
    }

    /// Waits until so many events of this type fit, and answers them.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn several(
        &self,
        number: usize,
        kind: &str,
        fits: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        wait::until(&format!("{number} events {kind}"), || async {
            let found = self.those(|event| event.kind() == kind && fits(event));
            (found.len() >= number).then_some(found)
        })
        .await
    }

    /// Waits for an event of this type in this interaction, customer or agent.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn of(&self, id: &str, kind: &str) -> Event {
        self.first(kind, |event| event.id() == id).await
    }

    /// The types of the events of one stream, in order.
    #[must_use]
    pub fn story(&self, id: &str) -> Vec<String> {
        self.those(|event| event.id() == id)
            .iter()
            .map(|event| event.kind().to_owned())
            .collect()
    }

    /// Waits until the position has been read.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn reaches(&self, position: u64) {
        wait::until(&format!("position {position} in the log"), || async {
            let there = |event: &Event| event.position() >= position;
            self.look(|all| all.last().is_some_and(there)).then_some(())
        })
        .await;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing left to do.
        let _ = self.reader.kill();
        let _ = self.reader.wait();
        if std::thread::panicking() {
            let newest = self.all().into_iter().rev().take(60).collect::<Vec<_>>();
            eprintln!("--- the newest of the log:");
            for event in newest.iter().rev() {
                let data: String = event.data().to_string().chars().take(220).collect();
                eprintln!(
                    "{:>5} {:<34} {} {data}",
                    event.position(),
                    event.kind(),
                    event.stream()
                );
            }
            eprintln!(
                "{}",
                std::fs::read_to_string(&self.errors).unwrap_or_default()
            );
        }
    }
}
