//! `rapport wishes import` and `rapport customers import`: a table goes to a running hub, row by row, a few at a time.
//! Rows that are wrong go to a file beside it with the reason, and the rest is imported. The same file again is harmless:
//! what a row asks for has a name that follows from the row.

mod customers;
mod decoding;
mod errors;
mod hub;
mod table;
mod wishes;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{Failure, runtime, say};
use errors::Errors;
use hub::{Hub, Trouble};
use table::{Row, Table, Wrong};

/// Commands on wishes.
#[derive(Subcommand)]
pub enum WishesCommand {
    /// File a wish for every row of a table (CSV)
    #[command(after_help = wishes::HELP)]
    Import(Import),
}

/// Commands on customers.
#[derive(Subcommand)]
pub enum CustomersCommand {
    /// Note what every row of a table (CSV) says of a customer; a new one is made when nobody has the contact point
    #[command(after_help = customers::HELP)]
    Import(Import),
}

/// How a table is imported.
#[derive(Args)]
pub struct Import {
    /// The table, with names of columns in its first row
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The running hub. Its key is taken from the environment variable RAPPORT_API_KEY
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// How letters are stored; `auto` is UTF-8 when the whole file is, else GBK
    #[arg(long, value_enum, default_value = "auto")]
    encoding: Encoding,
    /// What stands between cells
    #[arg(long, value_name = "SIGN", default_value = ",")]
    delimiter: char,
    /// Rows that are on their way at one time
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    /// Leave out so many rows at the beginning: where an import that was cut off said to go on
    #[arg(long, value_name = "ROWS", default_value = "0")]
    skip: u64,
    /// Where rows go that are wrong; without it, FILE.errors.csv
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Print what came of it as one JSON object
    #[arg(long)]
    json: bool,
}

/// How letters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// As the file looks.
    Auto,
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GBK, and with it GB 2312.
    Gbk,
}

/// What came of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    New,
    Known,
}

/// What is imported.
#[derive(Clone, Copy)]
enum Kind {
    Wishes,
    Customers,
}

impl Kind {
    fn columns(self) -> &'static [table::Column] {
        match self {
            Self::Wishes => wishes::COLUMNS,
            Self::Customers => customers::COLUMNS,
        }
    }

    fn read(self, row: &Row) -> Result<Vec<Value>, Wrong> {
        match self {
            Self::Wishes => wishes::read(row),
            Self::Customers => customers::read(row),
        }
    }

    async fn send(self, hub: &Hub, wanted: Vec<Value>) -> Result<Done, Trouble> {
        match self {
            Self::Wishes => wishes::send(hub, wanted).await,
            Self::Customers => customers::send(hub, wanted).await,
        }
    }
}

/// Runs `rapport wishes`.
pub fn wishes(command: WishesCommand) -> Result<(), Failure> {
    let WishesCommand::Import(options) = command;
    runtime()?.block_on(import(Kind::Wishes, options))
}

/// Runs `rapport customers`.
pub fn customers(command: CustomersCommand) -> Result<(), Failure> {
    let CustomersCommand::Import(options) = command;
    runtime()?.block_on(import(Kind::Customers, options))
}

#[derive(Default)]
struct Tally {
    rows: u64,
    new: u64,
    known: u64,
    wrong: u64,
    /// The row read last.
    last: u64,
    /// Rows whose end is not known.
    open: BTreeSet<u64>,
}

impl Tally {
    /// Rows from the beginning on that are done with, one after the other.
    fn done_until(&self) -> u64 {
        self.open.first().map_or(self.last, |first| first - 1)
    }
}

type Ended = (Row, Result<Done, Trouble>);

async fn import(kind: Kind, options: Import) -> Result<(), Failure> {
    let hub = Hub::new(&options.url)?;
    let bytes = std::fs::metadata(&options.file).map_err(|error| unreadable(&options, &error))?;
    let bar = bar(bytes.len(), options.json);
    let file = File::open(&options.file).map_err(|error| unreadable(&options, &error))?;
    let encoding =
        decoding::choose(&options.file, options.encoding).map_err(|e| unreadable(&options, &e))?;
    let mut table = Table::open(file, encoding, options.delimiter, kind.columns())?;
    let mut errors = Errors::beside(&options.file, options.errors.clone(), table.header());
    let (mut tally, mut on_their_way) = (Tally::default(), JoinSet::<Ended>::new());
    let ended = loop {
        let row = match table.next() {
            Ok(Some(row)) => row,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        bar.set_position(table.bytes());
        tally.last = row.number;
        if row.number <= options.skip {
            continue;
        }
        tally.rows += 1;
        match kind.read(&row) {
            Ok(wanted) => {
                let hub = hub.clone();
                tally.open.insert(row.number);
                on_their_way.spawn(async move {
                    let sent = kind.send(&hub, wanted).await;
                    (row, sent)
                });
            }
            Err(wrong) => {
                tally.wrong += 1;
                errors.note(&row, &wrong)?;
            }
        }
        if on_their_way.len() >= usize::from(options.at_once)
            && let Err(failure) = one(&mut on_their_way, &mut tally, &mut errors).await
        {
            break Err(failure);
        }
    };
    let ended = match ended {
        Ok(()) => all(&mut on_their_way, &mut tally, &mut errors).await,
        // What is on its way may be done or not; a repetition finds out.
        Err(failure) => Err(failure),
    };
    bar.finish_and_clear();
    let errors = errors.finish()?;
    tell(&options, &tally, errors.as_deref());
    ended.map_err(|failure| {
        let before = tally.done_until();
        Failure::new(format!(
            "{}; the import was cut off. Run it again, it changes nothing twice; --skip {before} leaves out what is done",
            failure.line
        ))
    })
}

fn unreadable(options: &Import, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", options.file.display()))
}

/// Waits for one row that is on its way.
async fn one(
    on_their_way: &mut JoinSet<Ended>,
    tally: &mut Tally,
    errors: &mut Errors,
) -> Result<(), Failure> {
    let Some(ended) = on_their_way.join_next().await else {
        return Ok(());
    };
    let (row, sent) = ended.map_err(Failure::new)?;
    let number = row.number;
    match sent {
        Ok(Done::New) => tally.new += 1,
        Ok(Done::Known) => tally.known += 1,
        Err(Trouble::Row(wrong)) => {
            tally.wrong += 1;
            errors.note(&row, &wrong)?;
        }
        Err(Trouble::Hub(line)) => return Err(Failure::new(line)),
    }
    tally.open.remove(&number);
    Ok(())
}

async fn all(
    on_their_way: &mut JoinSet<Ended>,
    tally: &mut Tally,
    errors: &mut Errors,
) -> Result<(), Failure> {
    while !on_their_way.is_empty() {
        one(on_their_way, tally, errors).await?;
    }
    Ok(())
}

fn bar(bytes: u64, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    let style = "importing {wide_bar} {bytes}/{total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

fn tell(options: &Import, tally: &Tally, errors: Option<&std::path::Path>) {
    let Tally {
        rows,
        new,
        known,
        wrong,
        ..
    } = tally;
    if options.json {
        say(serde_json::json!({
            "rows": rows, "new": new, "known": known, "wrong": wrong, "errors": errors,
        }));
        return;
    }
    say(format!(
        "{rows} rows: {new} are new, {known} changed nothing or were known, {wrong} are wrong"
    ));
    if let Some(errors) = errors {
        say(format!(
            "the wrong ones are in {}, each with its reason; mend it and import it",
            errors.display()
        ));
    }
}
