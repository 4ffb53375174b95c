//! The double as a program: prints one line of JSON when it is ready, obeys the lines it reads (see
//! `rapport_eventstore_double::control`) and ends when its input ends.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use rapport_eventstore_double::{Credentials, Double, Settings, control};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A pretended EventStoreDB/KurrentDB on free ports of the loopback address.
#[derive(Parser)]
struct Arguments {
    /// Number of nodes over one log.
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// NAME:PASSWORD that every request has to bring.
    #[arg(long, value_parser = credentials)]
    credentials: Option<Credentials>,
    /// Seals connections and writes the authority to be trusted into this file.
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Most bytes of one append.
    #[arg(long, default_value_t = Settings::default().most)]
    most: usize,
}

fn credentials(text: &str) -> Result<Credentials, String> {
    let (user, password) = text.split_once(':').ok_or("NAME:PASSWORD is wanted")?;
    Ok(Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

fn say(line: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let double = Double::with(Settings {
        nodes: arguments.nodes,
        credentials: arguments.credentials,
        tls: arguments.tls.is_some(),
        most: arguments.most,
    })
    .await?;
    if let (Some(file), Some(authority)) = (&arguments.tls, double.authority()) {
        std::fs::write(file, authority)?;
    }
    say(&json!({ "connection_string": double.connection_string() }))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if !line.trim().is_empty() {
            say(&control::obey(&double, &line).await)?;
        }
    }
    Ok(())
}
