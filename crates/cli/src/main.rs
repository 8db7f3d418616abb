//! `jay`: the memory of this person's agents, from the command line.
//!
//! This crate reads words, files and the environment, and writes text. What a command does stands in `jay-ops` and
//! below; what stands here is only how it is asked for and shown.
//!
//! **Invariant:** stdout and stderr are written in `output` and nowhere else; the environment, the clock and
//! randomness are read in `surroundings` and nowhere else.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value))]

mod app;
mod arguments;
mod commands;
mod config;
mod input;
mod interval;
mod output;
mod place;
mod progress;
mod render;
mod surroundings;

fn main() -> std::process::ExitCode {
    app::run(std::env::args_os(), &surroundings::Machine::read())
}
