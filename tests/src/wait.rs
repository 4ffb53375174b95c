//! Waiting for a fact instead of for time to pass.

use std::future::Future;
use std::time::{Duration, Instant};

/// The longest anything is awaited unless a test says otherwise. Generous: the machine may be busy, and a fact that is
/// there is seen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How often a fact is asked for.
pub const GLANCE: Duration = Duration::from_millis(20);

/// Asks until the answer is there.
///
/// # Panics
/// When it is not there after [`PATIENCE`]; `what` is what the message says was awaited.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    within(PATIENCE, what, ask).await
}

/// Asks until the answer is there, at most for so long.
///
/// # Panics
/// When it is not there by then.
pub async fn within<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < limit, "waited {limit:?} in vain: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}
