//! The engine: the rules of remember, recall and policy between the catalogue and the store.
//!
//! **Invariant:** no clock, environment, randomness or output; what is needed of those is an argument.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod secrets;
