//! The line protocol of the program: a command a line, an answer a line (JSON).
//!
//! | command | effect |
//! |---|---|
//! | `delay MS` | [`Mischief::Delay`] |
//! | `hang` | [`Mischief::Hang`] |
//! | `cut-before N`, `cut-after N` | [`Mischief::CutBefore`], [`Mischief::CutAfter`] |
//! | `swallow N` | [`Mischief::Swallow`] |
//! | `false-conflict N` | [`Mischief::FalseConflict`] |
//! | `read-only`, `fail-reads` | [`Mischief::ReadOnly`], [`Mischief::FailReads`] |
//! | `clear` | [`Double::clear`] |
//! | `refuse NODE`, `accept NODE`, `cut NODE` | [`Double::refuse`], [`Double::accept`], [`Double::cut_connections`] |
//! | `lead NODE` | [`Double::lead`] |
//! | `end-subscriptions`, `fail-subscriptions` | [`Double::end_subscriptions`] |
//! | `seen` | counters and the number of events |
//!
//! Nodes count from 0. The answer is `{"ok":true}`, with more beside it for `seen`, or `{"error":"…"}`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Double, Ending, Mischief};

/// Carries out one command.
pub async fn obey(double: &Double, line: &str) -> Value {
    match command(double, line).await {
        Ok(answer) => answer,
        Err(error) => json!({ "error": error }),
    }
}

async fn command(double: &Double, line: &str) -> Result<Value, String> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let number = words.next().map(str::parse::<usize>);
    let number = || match number.clone() {
        Some(Ok(number)) => Ok(number),
        Some(Err(error)) => Err(format!("{name}: {error}")),
        None => Err(format!("{name}: a number is missing")),
    };
    let node = || {
        number().and_then(|node| {
            let known = node < double.nodes();
            known
                .then_some(node)
                .ok_or(format!("there is no node {node}"))
        })
    };
    let failed = |error: std::io::Error| format!("{name}: {error}");
    match name {
        "delay" => double.set(Mischief::Delay(Duration::from_millis(number()? as u64))),
        "hang" => double.set(Mischief::Hang),
        "cut-before" => double.set(Mischief::CutBefore(number()?)),
        "cut-after" => double.set(Mischief::CutAfter(number()?)),
        "swallow" => double.set(Mischief::Swallow(number()?)),
        "false-conflict" => double.set(Mischief::FalseConflict(number()?)),
        "read-only" => double.set(Mischief::ReadOnly),
        "fail-reads" => double.set(Mischief::FailReads),
        "clear" => double.clear(),
        "refuse" => double.refuse(node()?).await,
        "accept" => double.accept(node()?).await.map_err(failed)?,
        "cut" => double.cut_connections(node()?).await.map_err(failed)?,
        "lead" => double.lead(node()?),
        "end-subscriptions" => double.end_subscriptions(Ending::Clean),
        "fail-subscriptions" => double.end_subscriptions(Ending::Failed),
        "seen" => return Ok(seen(double)),
        other => return Err(format!("\"{other}\" is no command")),
    }
    Ok(json!({ "ok": true }))
}

fn seen(double: &Double) -> Value {
    let seen = double.seen();
    json!({
        "ok": true,
        "events": double.events(),
        "leader": double.leader(),
        "connections": seen.connections,
        "open_connections": seen.open_connections,
        "appends": seen.appends,
        "conflicts": seen.conflicts,
        "batch_sessions": seen.batch_sessions,
        "reads": seen.reads,
        "subscriptions": seen.subscriptions,
        "open_subscriptions": seen.open_subscriptions,
        "denied": seen.denied,
    })
}
