//! Sync with a remote: what others wrote is read and journalled, what this machine has and the remote lacks is written.
//!
//! `pull` reads files, `push` writes them, `membership` lets others in and wraps keys, `coverage` says what a remote's
//! files carry of what is here, `proof` what of removed nodes counts, `waiting` why a file's changes are not here, `choosing` which namespaces are left out, `clients` which
//! archived sessions travel with their bodies. [`state`] is a local record of what was read; it can be lost, and is made anew by reading.
//!
//! **Invariant:** what a file brings goes through `receive`, and only where the author belongs to the vault; what is not complete
//! or cannot be read yet is left for later, and stops nothing else.

mod bodies;
mod checkpoint;
mod choosing;
mod clients;
pub mod clocks;
pub mod config;
mod coverage;
mod foresee;
mod heads;
mod intact;
mod key_rings;
mod membership;
mod outgoing;
mod parts;
mod proof;
mod pull;
pub mod purging;
mod push;
mod removals;
pub mod report;
mod rewrite;
mod run;
mod scope;
mod scrub;
mod segments;
pub mod setup;
pub mod state;
pub mod status;
mod taking;
pub mod temporary;
mod unpacking;
mod waiting;

pub use checkpoint::CHECKPOINT_FROM_CHANGES;
pub use run::{Direction, Peer, Progress, demand_files, demand_keys, dry_run, sync};
