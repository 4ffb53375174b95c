//! `rapport log`.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};

use clap::Subcommand;
use rapport_domain::event::{Actor, Position, Recorded};
use rapport_domain::port::log::EventLog;
use rapport_event_log::EmbeddedLog;
use serde_json::{Value, json};

use super::{DataFolder, Failure, runtime};

/// Events read at a time.
const PAGE: usize = 1_000;

/// What can be done with the log.
#[derive(Subcommand)]
pub enum LogCommand {
    /// Print events, the oldest first
    Tail {
        /// Print everything after this position; without it, the last events
        #[arg(long, value_name = "POSITION")]
        from: Option<u64>,
        /// How many of the last events, without --from
        #[arg(long, default_value_t = 20)]
        lines: usize,
        /// Go on as new events come
        #[arg(long)]
        follow: bool,
        /// One JSON object a line, with the facts themselves: personal data
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: DataFolder,
    },
}

/// Runs one of them.
pub fn run(command: LogCommand) -> Result<(), Failure> {
    let LogCommand::Tail {
        from,
        lines,
        follow,
        json,
        folder,
    } = command;
    let log = EmbeddedLog::open_read_only(&folder.resolve()).map_err(Failure::new)?;
    runtime()?.block_on(async {
        let printed = tail(&log, from.map(Position), lines, follow, json).await;
        match printed {
            // Whoever read our output has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Failure::new),
        }
    })
}

async fn tail(
    log: &EmbeddedLog,
    from: Option<Position>,
    lines: usize,
    follow: bool,
    json: bool,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut after = from.unwrap_or(Position::START);
    let mut last: VecDeque<Recorded> = VecDeque::new();
    loop {
        let page = log
            .read_all(after, PAGE)
            .await
            .map_err(std::io::Error::other)?;
        let Some(end) = page.last() else { break };
        after = end.position;
        for recorded in page {
            if from.is_some() {
                print(&mut out, &recorded, json)?;
            } else {
                last.push_back(recorded);
                if last.len() > lines {
                    last.pop_front();
                }
            }
        }
    }
    for recorded in &last {
        print(&mut out, recorded, json)?;
    }
    out.flush()?;
    if !follow {
        return Ok(());
    }
    loop {
        log.wait_past(after).await;
        for recorded in log
            .read_all(after, PAGE)
            .await
            .map_err(std::io::Error::other)?
        {
            after = recorded.position;
            print(&mut out, &recorded, json)?;
        }
        out.flush()?;
    }
}

fn print(out: &mut impl Write, recorded: &Recorded, json: bool) -> std::io::Result<()> {
    let event = &recorded.event;
    let kind = format!("{}.v{}", event.kind, event.version);
    if json {
        let data: Value = serde_json::from_slice(&event.data).unwrap_or(Value::Null);
        let line = json!({
            "position": recorded.position, "stream": recorded.stream.to_string(), "revision": recorded.revision,
            "id": event.id, "type": kind, "recorded_at": event.recorded_at.to_string(), "tenant": event.meta.tenant,
            "actor": event.meta.actor, "correlation": event.meta.correlation, "causation": event.meta.causation, "data": data,
        });
        return writeln!(out, "{line}");
    }
    let actor = match &event.meta.actor {
        Actor::System => "system".to_owned(),
        Actor::Operator => "operator".to_owned(),
        Actor::Agent(agent) => format!("agent {agent}"),
        Actor::Customer(customer) => format!("customer {customer}"),
        Actor::Department(name) => format!("department {name}"),
    };
    let (position, at, stream, revision) = (
        recorded.position,
        event.recorded_at,
        recorded.stream,
        recorded.revision.0,
    );
    writeln!(
        out,
        "{position:>8} {at} {kind:<34} {stream} #{revision} by {actor}"
    )
}
