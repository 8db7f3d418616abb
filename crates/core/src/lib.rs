//! The engine: the rules of remember, recall, forget and of the archive, between the catalogue and the store.
//!
//! Each operation goes the same way: gather from one snapshot, decide by a pure function that gives its reasons, apply
//! as one act.
//!
//! **Invariant:** no clock, environment, randomness or output; what is needed of those is an argument. No network but what
//! `models` is asked for.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value))]

mod call;
mod cursor;
pub mod diagnostics;
pub mod documents;
pub mod edit;
mod embedding;
mod engine;
pub mod evaluate;
mod filter;
mod looks;
pub mod models;
pub mod namespaces;
pub mod purge;
pub mod read;
pub mod recall;
mod registers;
pub mod remember;
pub mod schedule;
pub mod secrets;
pub mod sessions;
pub mod sql;
pub mod turn;
pub mod usage;

pub use call::{ActorKind, Call, Caller, Door, Idempotency};
pub use engine::{DirectoryName, EmbedderChoice, Engine, EngineOptions, NamespaceOfDirectory};
pub use jay_types::surroundings::Surroundings;
