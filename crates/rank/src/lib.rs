//! Ranking: what a text's terms are, what a query asks for, and in which order candidates answer it.
//!
//! Everything that decides an order lives here, apart from the store that finds candidates, so that memories and
//! archived messages are ranked by the same rules and the rules can be tested without a database.
//!
//! **Invariant:** pure functions: no I/O, no clock, no randomness; equal input gives equal output, ties are broken by id.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod analyse;
pub mod budget;
pub mod confidence;
pub mod diversity;
pub mod duplicates;

pub mod fuse;
pub mod known_item;
pub mod plan;
pub mod rerank;
pub mod snippet;
