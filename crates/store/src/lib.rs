//! The store: SQLite, SQL, migrations, the journal, its projections, and the locks of one data directory.
//!
//! It is entered by [`Store::read`] and [`Store::write`] only; the unit is the transaction. A write hands over
//! [`Draft`]s; at its end they become one act of changes, are chained, signed, journalled and projected in the same
//! SQLite transaction (I1). Each of the two journals is a [`Store`] of its own file: `memory.db` and `archive.db`.
//!
//! **Invariant:** only this crate contains SQL, no rusqlite type leaves it, only [`project`] writes projections (I5),
//! and the read path writes nothing (I6).

mod begun;
mod checkpoint;
mod connection;
mod embedded;
mod error;
mod exclusive;
mod foreseen;
mod group;
mod held;
mod holders;
mod identity;
mod jobs;
mod journal;
mod local_records;
mod location;
mod lock;
mod mapped;
mod migrate;
mod open;
mod permissions;
#[doc(hidden)]
pub mod probe;
pub mod project;
mod purge;
mod read;
mod rebuild;
mod retry;
pub mod sql;
mod succession;
mod text;
mod text_index;
mod tx;
mod vector_files;
pub mod vector_index;
mod vectors;
mod write;

pub use checkpoint::{Adopted, Checkpoint, checkpoint_holds_bodies};
pub use error::StoreError;
pub use exclusive::{Attempt, Exclusive, Holder};
pub use foreseen::Foreseen;
pub use held::HELD;
pub use identity::Machine;
pub use jobs::Job;
pub use journal::ahead::{ClockAhead, WallAhead};
pub use journal::export::{Branch, Journalled};
pub use journal::receive::{ReceiveReport, Refusal};
pub use journal::stopped::{BAD_CLOCK, StoppedClock, is_bad_clock};
pub use open::{Analysis, Store, StoreOptions};
pub use project::alias::ALIAS_JOB;
pub use project::moves::MOVE_JOB;
pub use purge::Scrubbed;
pub use read::actors::ActorName;
pub use read::as_of::Moment;
pub use read::bodies::HeldBody;
pub use read::history::{ActChange, ChangeView};
pub use read::list::{ListFilter, ListPage};
pub use read::look::{LookedAt, PassingBlock};
pub use read::memory::{ENTITY_HIDDEN_ALL, HiddenMask, MemoryRow};
pub use read::messages::{MessageBody, MessageRow, MessageText};
pub use read::namespaces::{NamespaceRow, Scope};
pub use read::passing::PassingMessages;
pub use read::places::PlacedRow;
pub use read::said::Said;
pub use read::search::{Brief, Current, TextHit};
pub use read::sessions::{SessionClause, SessionRow};
pub use read::sources::{BlockPlace, KeptBlock, SourceCursor, SourceRow};
pub use read::states::{NOT_SHARED, PurgedChanges};
pub use read::status::StoreCounts;
pub use read::touched::{ArchiveCounts, Touching};
pub use read::turns::{Turn, Window};
pub use rebuild::Rebuilt;
pub use succession::Succession;
pub use text::{Bm25, PREFIX_TERMS_MAX, TermPrefix};
pub use text_index::TextQuery;
pub use tx::Tx;
pub use vector_files::IndexCheck;
pub use vectors::{StoredVector, WantedVectors};
pub use write::{Draft, WriteTx};

/// What this crate's fallible functions return.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
