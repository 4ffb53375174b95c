//! How far the demonstration is; everybody in it watches.

use tokio::sync::watch;

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Customers come.
    Running,
    /// Nobody new comes; whoever is there says goodbye, and agents finish what they have.
    Closing,
    /// Everybody goes home.
    Over,
}

/// How the stage is watched.
pub type Stages = watch::Receiver<Stage>;

/// Waits until the stage is no longer [`Stage::Running`].
pub async fn closing(stages: &mut Stages) {
    // Nobody to change it any more is the end, too.
    let _ = stages.wait_for(|stage| *stage != Stage::Running).await;
}
