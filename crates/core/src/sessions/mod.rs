//! The archive of agents' sessions: taking them in, appending, listing, showing, writing as documents, searching, going on
//! with them in a client.

mod append;
mod document;
mod endangered;
mod export;
mod ingest;
mod list;
mod report;
mod resume;
mod search;
mod show;
mod sync;

pub use append::{AppendAnswer, AppendError, AppendOutcome, AppendRequest, Appended, append};
pub use document::{DocumentFormat, folded};
pub(crate) use endangered::endangered;
pub use export::{SessionExported, export};
pub use list::{SessionFilter, SessionView, SessionsListed, list};
pub use report::{SourceReport, Synced};
pub use resume::{ResumeRequest, ResumedAs, ResumedCounts, ResumedFile, SessionResumed, resume};
pub use search::{Group, SessionHit, SessionHits, search};
pub use show::{MessageView, Pages, SessionShown, show, show_as};
pub use sync::turn::LastSync;
pub(crate) use sync::turn::last as last_sync;
pub use sync::{SyncRequest, sync};

/// A small session file of made-up work, for machines that have none of their own.
#[must_use]
pub const fn sample() -> &'static str {
    include_str!("../../../../fixtures/sessions/sample/sessions.jsonl")
}
