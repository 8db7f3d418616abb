//! The catalogue: every operation of Scrubjay, defined once.
//!
//! An operation is one file in [`operations`]: its input with doc comments, its output, and the function that runs
//! it. Command line, HTTP, MCP, OpenAPI document and reference page are all made from the JSON schema of the input;
//! all of them end in [`call()`], which checks the input, asks whether the caller may, and hands it to the core.
//!
//! Not here: what an operation does (that is `jay-core`), and how a door reads or writes bytes.
//!
//! **Invariant:** a bad input is refused with the same code and the same words through every door, before anything
//! is stored; no word of a memory stands in a log.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod agents;
mod bounds;
mod call;
mod check;
pub mod json;
mod names;
mod operation;
pub mod operations;
pub mod schema;
pub mod sharing;
pub mod surface;
pub mod tokens;

pub use bounds::{Ids, Several};
pub use call::{Context, call, call_with_progress};
pub use check::misfit;
pub use operation::{
    ALL_DOORS, AT_THE_MACHINE, Access, HERE, Operation, PEOPLE, PROGRAMS, Progress, SEEN_BY_PEOPLE, Spec,
};
pub use operations::{ALL, find};
