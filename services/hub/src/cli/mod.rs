//! The command line.

mod backup;
mod bar;
mod customer;
mod import;
mod keys;
mod log;
mod place;
mod projection;
mod serve;
mod user;

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use rapport_domain::node::Role;
use rapport_domain::port::keys::Keys;

use place::Place;

use crate::config::{Config, DEFAULT_FILE, KeysConfig, LogConfig, NodeConfig, explain};

/// An omnichannel interaction hub: every contact in one log, one voice to the customer.
#[derive(Parser)]
#[command(name = "rapport", version, max_term_width = 100)]
struct Cli {
    /// Write log lines as JSON, one object a line. Which lines: the environment variable RUST_LOG
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the hub until it is stopped (Ctrl-C or SIGTERM; a second Ctrl-C ends at once)
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
        config: PathBuf,
        /// Print the addresses as one JSON object once the hub is ready
        #[arg(long)]
        json: bool,
        /// What this node does, in place of `roles` in the file: edge, engine, api
        #[arg(long, value_name = "ROLE,…", value_delimiter = ',', value_parser = role)]
        roles: Vec<Role>,
    },
    /// Run a hub on this computer with simulated customers and agents, to look at and to join in
    Demo(crate::demo::Options),
    /// Check a configuration file and say in plain sentences what it would start
    CheckConfig {
        /// The configuration file
        #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
    /// Look at the event log, move it and check it, also while a hub writes to it
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Copy the event log and the read models, also while a hub runs
    Backup(backup::Backup),
    /// Make a data folder from a backup
    Restore(backup::Restore),
    /// Work on the keys of personal data
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Forget a customer, and prove it
    #[command(subcommand)]
    Customer(customer::CustomerCommand),
    /// Work on departments' wishes
    #[command(subcommand)]
    Wishes(import::WishesCommand),
    /// Work on many customers
    #[command(subcommand)]
    Customers(import::CustomersCommand),
    /// Look at read models and build them anew, also while a hub runs
    #[command(subcommand)]
    Projection(projection::ProjectionCommand),
    /// Help with people of the configuration file
    #[command(subcommand)]
    User(user::UserCommand),
}

/// Which data folder a command works on.
#[derive(clap::Args)]
struct DataFolder {
    /// The data folder; without it, the one the configuration file names. Commands on the log also take a cluster's address
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file that names the data folder
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
}

impl DataFolder {
    /// The folder. Of the file only the key `data` is read: secrets may not be there to be had.
    fn resolve(&self) -> PathBuf {
        let of_file = |file: &Path| {
            let table: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
            Some(PathBuf::from(table.get("data")?.as_str()?))
        };
        self.data
            .clone()
            .or_else(|| of_file(&self.config))
            .unwrap_or_else(|| PathBuf::from("rapport-data"))
    }

    /// Where the log is: in the folder, in the cluster that the file names, or in the one whose address was given in the
    /// folder's place.
    fn place(&self) -> Result<Place, Failure> {
        if let Some(address) = self.address() {
            return place::parse(address).map_err(Failure::config);
        }
        let (folder, log) = self.log()?;
        Ok(match log {
            LogConfig::Embedded => Place::Folder(folder),
            LogConfig::Cluster(config) => Place::Cluster(Box::new(config)),
        })
    }

    /// The folder and the log that belongs to it. With --data it is the one in the folder; otherwise what the file says of
    /// the log counts, and nothing else of the file: other secrets may not be there to be had.
    fn log(&self) -> Result<(PathBuf, LogConfig), Failure> {
        self.node().map(|(folder, log, _)| (folder, log))
    }

    /// As [`DataFolder::log`], and which node among those that share the log the folder belongs to.
    fn node(&self) -> Result<(PathBuf, LogConfig, Option<NodeConfig>), Failure> {
        if let Some(address) = self.address() {
            return Err(Failure::config(format!(
                "{address} is no data folder; name with --config the file whose `log` is that cluster and whose `data` is the folder of this node"
            )));
        }
        let folder = self.resolve();
        let text = std::fs::read_to_string(&self.config).unwrap_or_default();
        if self.data.is_some() || text.is_empty() {
            return Ok((folder, LogConfig::Embedded, None));
        }
        let (log, node) = LogConfig::of_file(&text, &self.config).map_err(Failure::config)?;
        Ok((folder, log, node))
    }

    /// The address of a cluster that was given in the folder's place.
    fn address(&self) -> Option<&str> {
        let given = self.data.as_ref().and_then(|data| data.to_str());
        given.filter(|given| given.contains("://"))
    }

    /// What the configuration file says of the keys of personal data.
    fn keys_config(&self) -> Result<KeysConfig, Failure> {
        keys_of(&self.config)
    }

    /// The keys of personal data that belong to the folder, as the configuration file says.
    fn keys(&self) -> Result<Arc<dyn Keys>, Failure> {
        self.keys_config()?
            .open(&self.resolve())
            .map_err(Failure::new)
    }

    /// The same to look at: nothing is made or changed.
    fn keys_to_read(&self) -> Result<Arc<dyn Keys>, Failure> {
        self.keys_config()?
            .open_read_only(&self.resolve())
            .map_err(Failure::new)
    }
}

/// What a configuration file says of the keys of personal data.
fn keys_of(config: &Path) -> Result<KeysConfig, Failure> {
    KeysConfig::of_file(config, &|name| std::env::var(name).ok()).map_err(Failure::config)
}

/// Prints a line. Whoever read our output may have seen enough; that is no reason to fail.
fn say(line: impl std::fmt::Display) {
    let _seen_enough = writeln!(std::io::stdout(), "{line}");
}

/// Why a command failed, as one line, and the exit code that says so.
struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    /// Exit code 1.
    fn new(line: impl ToString) -> Self {
        Self {
            code: 1,
            line: line.to_string(),
        }
    }

    /// Exit code 2: the configuration.
    fn config(line: impl ToString) -> Self {
        Self {
            code: 2,
            line: line.to_string(),
        }
    }
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Beside a demonstration's own words only what is wrong is of interest.
    let usual = if matches!(cli.command, Command::Demo(_)) {
        "warn"
    } else {
        "info,actix_server=warn,kurrentdb=off"
    };
    init_logging(cli.log_json, usual);
    let done = match cli.command {
        Command::Serve {
            config,
            json,
            roles,
        } => load(&config)
            .and_then(|config| with_roles(config, roles))
            .and_then(|config| serve::run(config, json)),
        Command::Demo(options) => runtime().and_then(|runtime| {
            runtime
                .block_on(Box::pin(crate::demo::run(options)))
                .map_err(Failure::new)
        }),
        Command::CheckConfig { file } => load(&file).map(|config| print!("{}", explain(&config))),
        Command::Keys(command) => keys::run(command),
        Command::Log(command) => log::run(command),
        Command::Backup(command) => backup::backup(command),
        Command::Restore(command) => backup::restore(command),
        Command::Customer(command) => customer::run(command),
        Command::Wishes(command) => import::wishes(command),
        Command::Customers(command) => import::customers(command),
        Command::Projection(command) => projection::run(command),
        Command::User(command) => user::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, line }) => {
            eprintln!("rapport: {line}");
            ExitCode::from(code)
        }
    }
}

fn role(name: &str) -> Result<Role, String> {
    serde_json::from_value(name.into()).map_err(|_| "name edge, engine or api".to_owned())
}

/// The roles of the command line count; where there is one node only, it does everything.
fn with_roles(mut config: Config, roles: Vec<Role>) -> Result<Config, Failure> {
    match &mut config.node {
        Some(node) if !roles.is_empty() => node.roles = roles,
        None if !roles.is_empty() => {
            return Err(Failure::config(
                "--roles: nodes share work when the log is in a cluster; set `log` to it, or leave --roles out",
            ));
        }
        _ => {}
    }
    Ok(config)
}

fn load(file: &Path) -> Result<Config, Failure> {
    Config::load(file).map_err(Failure::config)
}

fn init_logging(json: bool, usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json()).init();
    } else {
        registry
            .with(
                lines
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .init();
    }
}

/// A runtime of its own for a command.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::new)
}
