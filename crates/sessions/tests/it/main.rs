//! The conformance suite: what holds for every adapter, and what each reads from its fixtures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod clients;
mod conformance;
mod discovery;
mod documents;
mod fixtures;
mod forms;
mod lines;
mod lossless;
mod mutation;
