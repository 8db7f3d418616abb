//! The journal: appending an act of this node, receiving acts of others, reading an entity's changes, handing out
//! streams.
//!
//! **Invariant:** a row of `changes` is never updated or deleted; only a purge takes rows from `bodies`.

pub(crate) mod ahead;
pub(crate) mod append;
pub(crate) mod export;
pub(crate) mod load;
pub(crate) mod number;
pub(crate) mod receive;
pub(crate) mod stopped;
pub(crate) mod verify;
