//! `rapport serve`.

use std::io::Write as _;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, runtime};
use crate::config::Config;
use crate::wiring::{Addresses, Hub};

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Runs a hub until a signal stops it.
pub fn run(config: Config, json: bool) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let data = config.data.display().to_string();
        // Before anybody can know that we are here, so that no signal finds nobody to take it.
        let mut interrupt = on(SignalKind::interrupt())?;
        let mut terminate = on(SignalKind::terminate())?;
        let start = Box::pin(Hub::start(config));
        let hub = tokio::select! {
            hub = start => hub.map_err(Failure::new)?,
            // Nothing was acknowledged yet, so there is nothing to finish.
            _ = interrupt.recv() => std::process::exit(INTERRUPTED),
            _ = terminate.recv() => return Ok(()),
        };
        // Whoever waits for the line may be gone already; that is no reason to stop.
        let _nobody_reads = announce(hub.addresses(), &data, json);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; a second Ctrl-C ends at once");
        tokio::select! {
            () = hub.stop() => {}
            _ = interrupt.recv() => {
                tracing::warn!("ended at once; what was acknowledged is in the log");
                std::process::exit(INTERRUPTED);
            }
        }
        tracing::info!("stopped");
        Ok(())
    })
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(Failure::new)
}

fn announce(addresses: Addresses, data: &str, json: bool) -> std::io::Result<()> {
    let Addresses { http, chat, sip } = addresses;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "ready": true, "http": http, "chat": chat, "sip": sip, "data": data })
        )?;
    } else {
        writeln!(out, "http http://{http}/")?;
        writeln!(out, "chat ws://{chat}/")?;
        if let Some(sip) = sip {
            writeln!(out, "sip sip:{sip}")?;
        }
        writeln!(out, "ready")?;
    }
    out.flush()
}
