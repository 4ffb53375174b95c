//! What happens between the adapters and the log: commands are decided and appended, the log is followed, and what
//! follows from each event is done. Everything concrete is behind a port.
//!
//! ```text
//! adapter or desk -> command -> decide (domain) -> append -> log
//!                                                   |
//!          floor, timers, process managers, desk <- reactor
//! ```

mod acquaint;
mod book;
mod cache;
mod calls;
mod chat;
mod cluster;
mod counters;
mod customers;
mod declare;
mod desk;
mod directory;
mod dry_runs;
mod engine;
mod erasure;
mod error;
mod floors;
mod lanes;
mod legs;
mod live;
mod offers;
mod outreach;
mod policy;
mod present;
mod projections;
mod reactions;
mod reactor;
mod recovery;
mod store;
mod timers;
mod views;
mod voice;
mod webhooks;
mod wishes;

pub use cluster::NodeSettings;
pub use counters::Counters;
pub use customers::{CustomerChange, CustomerRef, StatedFacts};
pub use declare::{AgentDeclaration, TenantDeclaration};
pub use directory::{AgentEntry, Directory, QueueEntry, TenantEntry};
pub use dry_runs::{DryRun, DryRunOrder, DryRunState, MOST_DAYS};
pub use engine::{Engine, Parts};
pub use erasure::Erasure;
pub use error::{CommandError, EngineError};
pub use live::{Change, ChangeKind, DeskFrame};
pub use policy::PolicyChange;

pub use book::{ContactReport, Field, HistoryEntry, WishChange};
pub use projections::{
    BuildStatus, ProjectionRefusal, ProjectionStatus, Projections, Retried, State,
};
pub use views::{AgendaItem, AgentLine, AgentWork, Me, MessageView, QueueNow, Work};
pub use webhooks::{Sends, WebhookStatus};
pub use wishes::{FiledWish, WishDraft};
