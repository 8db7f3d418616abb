//! What a caller of the engine and of a server waits for, beside the floor of the same disk in the same run.
//!
//! `cargo xtask bench` starts this program and makes a table of its lines ([`jay_testkit::measured`]). It is no divan
//! benchmark, since it needs tails, ratios between two measurements, several threads and other processes.
//!
//! **Invariant:** a figure with a target stands in the same run as what the target is a ratio to.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the program that reads this reads its stdout")]

mod archive;
mod beside;
mod disk;
mod http;
mod index_recall;
mod lag;
mod memory;
mod recall;
mod remember;
mod server;
mod server_idle;
mod sessions;
mod size;
mod sync;
mod world;

use anyhow::{Context as _, Result, bail};
use jay_testkit::Stores;
use jay_testkit::measured::Measured;
use std::path::Path;

/// What every benchmark gets.
struct Bench {
    /// Filled stores and the binary.
    stores: Stores,
    /// Part of the name of what is run.
    filter: String,
    /// Whether what needs [`MILLION`] memories is run too: filling them takes many minutes and 2 GB.
    is_million: bool,
}

/// The size that is asked for by `--million` only.
const MILLION: usize = 1_000_000;

impl Bench {
    /// Whether `name` is asked for; says so where it is.
    fn runs(&self, name: &str) -> bool {
        let runs = name.contains(&self.filter);
        if runs {
            eprintln!("measuring: {name}");
        }
        runs
    }

    /// Those of `sizes`, each with what belongs to it, that this run is for.
    fn sizes<T>(&self, sizes: impl IntoIterator<Item = (usize, T)>) -> impl Iterator<Item = (usize, T)> {
        sizes.into_iter().filter(|(size, _)| *size < MILLION || self.is_million)
    }
}

/// Hands a result on at once: a failure later does not take it along.
fn report(measured: &Measured) {
    println!("{}", measured.line());
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_million = arguments.iter().any(|word| word == "--million");
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "--million").collect();
    let bench = match words.as_slice() {
        ["--jay", jay, "--stores", directory, filter @ ..] => {
            let filter = filter.first().copied().unwrap_or_default().to_owned();
            Bench { stores: Stores::new(Path::new(jay), Path::new(directory)), filter, is_million }
        }
        [] => {
            eprintln!("these are run by `cargo xtask bench`, which hands in the binary and a place for stores");
            return Ok(());
        }
        _ => bail!("usage: measures --jay FILE --stores DIR [--million] [FILTER]"),
    };
    // First, since what this process takes is measured at it.
    recall::run(&bench).context("recall")?;
    index_recall::run(&bench).context("recall of the vector index")?;
    remember::run(&bench).context("remember")?;
    server::run(&bench).context("writers through a server")?;
    server_idle::run(&bench).context("an idle server")?;
    beside::run(&bench).context("readers beside a writer")?;
    lag::run(&bench).context("write-to-findable lag")?;
    size::run(&bench).context("bytes")?;
    sessions::run(&bench).context("session ingest")?;
    archive::run(&bench).context("an archive")?;
    sync::run(&bench).context("sync")
}
