//! The same load on UmaDB, in a process of its own because it writes to standard output. Its public writer thread is used
//! as its server uses it; the expected revision becomes "fail if this stream's tag is found after the position last seen".

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use umadb_core::mvcc::{Mvcc, StorageOptions};
use umadb_core::writer_thread_blocking::writer_thread_blocking;
use umadb_core::writer_thread_request::WriterThreadRequest;
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbQuery, DcbQueryItem};

use crate::load;

/// Set in the child: seconds and appenders.
pub const CHILD: &str = "RAPPORT_BENCH_UMADB";

/// Runs one point in a child.
pub fn run(appenders: usize, span: Duration) -> Result<load::Point, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .env(CHILD, format!("{} {appenders}", span.as_secs()))
        .stderr(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text
        .lines()
        .find_map(|line| line.strip_prefix("point "))
        .ok_or_else(|| format!("it gave no figures ({})", output.status))?;
    let figures: Vec<f64> = figures
        .split(' ')
        .filter_map(|figure| figure.parse().ok())
        .collect();
    let [per_second, p50_ms, p99_ms, cpu_us] = figures[..] else {
        return Err("its figures cannot be read".to_owned());
    };
    Ok(load::Point {
        per_second,
        p50_ms,
        p99_ms,
        cpu_us,
    })
}

/// What the child does.
pub async fn child(task: &str) {
    let (seconds, appenders) = task.split_once(' ').expect("seconds and appenders");
    let span = Duration::from_secs(seconds.parse().expect("seconds"));
    let folder = tempfile::tempdir().expect("a folder");
    let point = measure(folder.path(), appenders.parse().expect("appenders"), span).await;
    println!(
        "point {} {} {} {}",
        point.per_second, point.p50_ms, point.p99_ms, point.cpu_us
    );
}

async fn measure(folder: &Path, appenders: usize, span: Duration) -> load::Point {
    let options = StorageOptions::default().db_path(folder.join("uma.db"));
    let mvcc = Arc::new(Mvcc::new(false, options).expect("a database"));
    let (requests, queue) = mpsc::channel(1_024);
    let (head, _kept) = watch::channel(None);
    let writer = thread::spawn(move || writer_thread_blocking(mvcc, queue, head, 1_024));
    let point = load::run(appenders, span, |_| {
        let requests = requests.clone();
        // Written by each append for the next one of the same appender.
        let last = Arc::new(Mutex::new(None));
        move |stream, revision: u64| {
            let (event, requests) = (load::event(), requests.clone());
            let tag = load::stream(stream).to_string();
            let last = Arc::clone(&last);
            let seen =
                |last: &Mutex<Option<u64>>| *last.lock().unwrap_or_else(PoisonError::into_inner);
            let query = DcbQuery {
                items: vec![DcbQueryItem {
                    types: Vec::new(),
                    tags: vec![tag.clone()],
                }],
            };
            let condition = DcbAppendCondition {
                fail_if_events_match: query,
                after: if revision == 0 { None } else { seen(&last) },
            };
            let meta = serde_json::to_string(&event.meta).expect("an envelope");
            let event = DcbEvent::new()
                .event_type(event.kind)
                .uuid(event.id.as_uuid())
                .tags([tag])
                .metadata_entry("meta", meta)
                .data(event.data);
            let (reply, answer) = oneshot::channel();
            async move {
                let request = WriterThreadRequest::Append {
                    events: vec![event],
                    condition: Some(condition),
                    tracking_info: None,
                    response_tx: reply,
                    cancel: None,
                };
                assert!(requests.send(request).await.is_ok(), "the writer has ended");
                let position = answer.await.expect("an answer").expect("appended");
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
            }
        }
    })
    .await;
    drop(requests.send(WriterThreadRequest::Shutdown).await);
    writer.join().expect("the writer");
    point
}
