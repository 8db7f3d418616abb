//! Remotes, and what is carried by them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod remotes;
mod rewriting;
mod support;
mod syncing;
mod world;
