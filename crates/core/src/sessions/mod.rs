//! The archive of agents' sessions: taking them in, watching, appending, listing, showing, writing as documents, searching,
//! going on with them in a client.

mod append;
mod blame;
mod document;
mod endangered;
mod export;
mod git;
mod ingest;
mod list;
mod report;
mod resume;
mod search;
mod show;
mod sync;
mod watch;

pub use append::{AppendAnswer, AppendError, AppendOutcome, AppendRequest, Appended, append};
pub use blame::{BlameRequest, Blamed, BlamedCommit, BlamedLine, BlamedSession, Looked, blame};
pub use document::{DocumentFormat, folded};
pub(crate) use endangered::endangered;
pub use export::{SessionExported, export};
pub use git::{GitIngested, GitRequest, ingest_git};
pub use jay_sessions::CLIENT_VARIABLES;
pub(crate) use list::paths;
pub use list::{SessionFilter, SessionView, SessionsListed, list, unknown_clients};
pub use report::{SourceReport, Synced, Verified};
pub use resume::{ResumeRequest, ResumedAs, ResumedCounts, ResumedFile, SessionResumed, resume};
pub use search::{FoundIn, Group, SearchRequest, SessionHit, SessionHits, Sort, Within, search};
pub use show::{MessageView, Pages, SessionShown, show, show_as};
pub use sync::turn::LastSync;
pub(crate) use sync::turn::last as last_sync;
pub use sync::{SyncRequest, sync};
pub use watch::{Place, Turn, Watch, WatchRequest};

/// A small session file of made-up work, for machines that have none of their own.
#[must_use]
pub const fn sample() -> &'static str {
    include_str!("../../../../fixtures/sessions/sample/sessions.jsonl")
}
