//! `rapport log tail`.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::Arc;

use rapport_domain::event::{Actor, Category, NewEvent, Position, Recorded, Stream};
use rapport_domain::id::TenantId;
use rapport_domain::port::log::EventLog;
use rapport_domain::registry::personal;
use rapport_event_log::SealedLog;
use serde_json::{Value, json};

use super::super::{DataFolder, Failure, runtime};

/// Events read at a time.
const PAGE: usize = 1_000;

/// What is to be printed.
#[derive(clap::Args)]
pub struct Tail {
    /// Print everything after this position; without it, the last events
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// How many of the last events, without --from
    #[arg(long, default_value_t = 20)]
    lines: usize,
    /// Go on as new events come
    #[arg(long)]
    follow: bool,
    /// One JSON object a line, with the facts themselves; personal values as <private>
    #[arg(long)]
    json: bool,
    /// With --json: personal values, too
    #[arg(long, requires = "json")]
    personal: bool,
    /// Only of this stream (`interaction-6f1c…`), or of all streams of a kind (`interaction`)
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Only of this type (`interaction.offered`, of every version), or of all types that begin so (`interaction.offer*`)
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only of this tenant, by its name in the configuration file
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    folder: DataFolder,
}

/// Prints.
pub fn run(tail: Tail) -> Result<(), Failure> {
    let wanted = Wanted::of(&tail)?;
    runtime()?.block_on(async {
        let place = tail.folder.place()?;
        let log = place.open_to_read().await?;
        let mut log = log.into_log();
        if tail.personal {
            log = Arc::new(SealedLog::new(
                log,
                place.keys_to_read(&tail.folder.keys_config()?)?,
            ));
        }
        match print_all(&*log, &tail, &wanted).await {
            // Whoever read our output has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Failure::new),
        }
    })
}

/// Which events.
struct Wanted {
    stream: Option<Stream>,
    category: Option<Category>,
    kind: Option<String>,
    /// Whether the type need only begin so.
    begins: bool,
    tenant: Option<TenantId>,
}

impl Wanted {
    fn of(tail: &Tail) -> Result<Self, Failure> {
        let (mut stream, mut category) = (None, None);
        if let Some(text) = &tail.stream {
            category = Category::ALL.into_iter().find(|known| known.name() == text);
            if category.is_none() {
                stream = Some(text.parse().map_err(Failure::new)?);
            }
        }
        let kind = tail.kind.as_deref();
        Ok(Self {
            stream,
            category,
            kind: kind.map(|kind| kind.trim_end_matches('*').to_owned()),
            begins: kind.is_some_and(|kind| kind.ends_with('*')),
            tenant: tail.tenant.as_deref().map(TenantId::named),
        })
    }

    fn has(&self, recorded: &Recorded) -> bool {
        let fits = |kind: &String| match self.begins {
            true => recorded.event.kind.starts_with(kind),
            false => recorded.event.kind == *kind,
        };
        self.stream.is_none_or(|stream| recorded.stream == stream)
            && self
                .category
                .is_none_or(|category| recorded.stream.category == category)
            && self.kind.as_ref().is_none_or(fits)
            && self
                .tenant
                .is_none_or(|tenant| recorded.event.meta.tenant == tenant)
    }
}

async fn print_all(log: &dyn EventLog, tail: &Tail, wanted: &Wanted) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let form = match (tail.json, tail.personal) {
        (false, _) => Form::Line,
        (true, false) => Form::Masked,
        (true, true) => Form::Whole,
    };
    let from = tail.from.map(Position);
    let mut after = from.unwrap_or(Position::START);
    let mut last: VecDeque<Recorded> = VecDeque::new();
    loop {
        let page = log
            .read_all(after, PAGE)
            .await
            .map_err(std::io::Error::other)?;
        let Some(end) = page.last() else { break };
        after = end.position;
        for recorded in page.into_iter().filter(|event| wanted.has(event)) {
            if from.is_some() {
                print(&mut out, &recorded, form)?;
            } else {
                last.push_back(recorded);
                if last.len() > tail.lines {
                    last.pop_front();
                }
            }
        }
    }
    for recorded in &last {
        print(&mut out, recorded, form)?;
    }
    out.flush()?;
    if !tail.follow {
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
            if wanted.has(&recorded) {
                print(&mut out, &recorded, form)?;
            }
        }
        out.flush()?;
    }
}

/// How an event is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Around the fact.
    Line,
    /// As JSON without what is personal.
    Masked,
    /// As JSON with everything.
    Whole,
}

/// The data as it is stored, without what is personal: sealed, or in the clear from before.
fn masked(event: &NewEvent, mut data: Value) -> Value {
    let sealed = data
        .as_object_mut()
        .is_some_and(|fields| fields.remove("$sealed").is_some());
    for path in personal::paths(&event.kind, event.version) {
        let value = path
            .iter()
            .try_fold(&mut data, |inner, key| inner.get_mut(*key));
        if let Some(value) = value
            && (sealed || !value.is_null())
        {
            *value = json!("<private>");
        }
    }
    data
}

fn print(out: &mut impl Write, recorded: &Recorded, form: Form) -> std::io::Result<()> {
    let event = &recorded.event;
    let kind = format!("{}.v{}", event.kind, event.version);
    if form != Form::Line {
        let data: Value = serde_json::from_slice(&event.data).unwrap_or(Value::Null);
        let data = match form {
            Form::Masked => masked(event, data),
            Form::Line | Form::Whole => data,
        };
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
