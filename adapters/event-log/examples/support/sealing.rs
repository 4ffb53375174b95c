//! The log as the hub has it: sealed below everybody who writes.

use std::path::Path;
use std::sync::Arc;

use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_event_log::SealedLog;
use rapport_event_log::keys::LocalKeys;
use uuid::Uuid;

use crate::load;

/// Seals with keys in the same folder, and makes the key of every customer of the load: that happens once for a customer,
/// not once for an event.
pub async fn over(log: Arc<dyn EventLog>, folder: &Path) -> Arc<dyn EventLog> {
    let keys = LocalKeys::open(folder, None).expect("a file of keys");
    let sealed: Arc<dyn EventLog> = Arc::new(SealedLog::new(log, Arc::new(keys)));
    let tasks: Vec<_> = (0..load::CUSTOMERS)
        .map(|number| {
            let sealed = Arc::clone(&sealed);
            let batch = Batch {
                stream: load::stream(Uuid::now_v7()),
                expected: Expected::NoStream,
                events: vec![load::message(load::customer_number(number), 600, 0)],
            };
            tokio::spawn(async move { sealed.append(batch).await.map(|_| ()) })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task").expect("appended");
    }
    sealed
}
