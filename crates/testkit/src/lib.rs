//! What the tests and benches of every crate share, so that each of them is deterministic and short.
//!
//! In it: homes in temporary directories ([`TempHome`]), a clock that only steps when asked ([`Clock`]), seeded
//! randomness ([`Random`]), text that looks like what agents store ([`Salad`]) and session files that look like
//! theirs ([`corpus`]), clients' directories whose databases are written as SQL ([`foreign`]), changes of another program ([`Author`]) and small archived
//! blocks ([`blocks`]), HTTP servers on loopback ([`http`], [`EmbeddingServer`]), the binary as a process ([`Jay`]), killing it in the middle of a write ([`kill`]), how often a
//! test repeats ([`counts()`]), filled stores for benchmarks ([`Stores`]) what these report ([`measured`])
//! and what syncs move ([`moved`]).
//! Not in it: anything that knows the store or the engine. Stores are filled through the binary's batch door.
//!
//! **Invariant:** no product crate depends on this one, except as a dev-dependency; a test that gets its numbers
//! from here gets the same ones in every run.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod author;
pub mod blocks;
mod clock;
pub mod corpus;
mod counts;
pub mod embedding_server;
pub mod foreign;
mod home;
pub mod http;
pub mod kill;
pub mod measured;
mod mixture;
pub mod moved;
mod process;
mod random;
mod repository;
mod salad;
mod stopwatch;
mod stores;
pub mod tiny_bert;

pub use author::{Author, Foreign};
pub use clock::Clock;
pub use counts::{Counts, counts};
pub use embedding_server::EmbeddingServer;
pub use home::{TempHome, files_below, write};
pub use mixture::Mixture;
pub use process::{Jay, Output, binary, jay};
pub use random::Random;
pub use repository::Repository;
pub use salad::{Salad, WORDS_PER_MEMORY};
pub use stopwatch::Stopwatch;
pub use stores::Stores;
pub use tiny_bert::{TinyBert, TinyJudge};
