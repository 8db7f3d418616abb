//! The store from outside: what a program that uses it may rely on.
//!
//! Each file is one promise; `support` opens stores in temporary directories with a clock and randomness of their own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod acts;
mod aliases;
mod archive;
mod as_of;
mod checkpoint;
mod clones;
mod convergence;
mod crash;
mod foreseen;
mod forged;
mod format;
mod group;
mod lists;
mod memories;
mod purge;
mod receive;
mod roots;
mod support;
mod text_index;
mod vectors;
mod waiting;
