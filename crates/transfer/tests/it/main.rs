//! Remotes, and what is carried by them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[cfg(feature = "buckets")]

mod blocks;
mod buckets;
mod carrier;
mod conformance;
mod converging;
mod fleet;
mod foreign;
mod killing;
mod operations;
mod remotes;
mod rewriting;
mod support;
mod syncing;
mod world;
