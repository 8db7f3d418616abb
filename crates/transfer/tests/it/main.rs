//! Remotes, and what is carried by them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod beginning;
#[cfg(feature = "buckets")]
mod buckets;
mod carrier;
mod checkpoints;
mod choosing;
mod clients;
mod conformance;
mod contesting;
mod converging;
mod damaged;
mod descending;
mod fleet;
mod foreign;
mod golden;
mod inviting;
mod killing;
mod operations;
mod places;
mod remotes;
mod replaced;
mod rewriting;
mod rotating;
mod searching;
mod stopping;
mod support;
mod syncing;
mod tampering;
mod world;
