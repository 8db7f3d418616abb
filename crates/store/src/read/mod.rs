//! Questions to a snapshot, one file for each subject. All are methods of [`crate::Tx`] and write nothing.

pub(crate) mod actors;
pub(crate) mod as_of;
pub(crate) mod bodies;
mod dump;
mod equal_texts;
pub(crate) mod history;
pub(crate) mod idempotency;
pub(crate) mod list;
pub(crate) mod look;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod passing;
pub(crate) mod places;
pub(crate) mod root;
pub(crate) mod said;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod sources;
pub(crate) mod states;
pub(crate) mod status;
pub(crate) mod touched;
pub(crate) mod turns;
