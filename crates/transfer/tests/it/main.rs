//! Remotes, and what is carried by them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[cfg(feature = "buckets")]
mod buckets;
mod conformance;
mod remotes;
mod rewriting;
mod support;
mod syncing;
mod world;
