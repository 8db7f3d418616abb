//! `cargo xtask`: the checks that no other tool makes, and the figures of speed and of quality.
//!
//! `tidy` holds the shape of the repository, `count` the number of crates in the binary, `bench` what
//! things take, `eval` what recall and search find.
//!
//! **Invariant:** nothing here is part of the product, and no check needs the network.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a development tool speaks to the terminal directly")]

mod bench;
mod count;
mod eval;
mod tidy;
mod tree;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  tidy                     check the shape of the repository
  count                    count the crates that the binary `jay` is built from
  bench [FILTER] [--million] [--stores DIR] [--write]
                           run the benchmarks whose name contains FILTER, --million those of a million memories too;
                           print a Markdown table; filled stores are kept in DIR; --write puts the table into
                           docs/benchmarks.md
  eval locomo FILE | beam DIR | longmemeval FILE
       [--unit turn|session] [--mode sessions|memories] [--text-only] [--jay BIN] [--rows FILE] [--write]
                           measure how much of the evidence the release binary (or BIN) finds; --rows writes a line
                           of JSON per question, --write puts the summary into docs/quality.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["tidy"] => tidy(&root()?),
        ["count"] => count::run(&root()?),
        ["bench", options @ ..] => bench::run(&root()?, &bench::Options::parse(options)?),
        ["eval", options @ ..] => eval::run(&root()?, &eval::Options::parse(options)?),
        _ => bail!("{USAGE}"),
    }
}

fn tidy(root: &Path) -> Result<()> {
    let tree = tree::Tree::load(root)?;
    let report = tidy::check(&tree);
    for note in &report.notes {
        println!("look at: {note}");
    }
    for fault in &report.faults {
        println!("fault: {fault}");
    }
    let faults = report.faults.len();
    println!("tidy: {} files, {faults} faults, {} places to look at", tree.len(), report.notes.len());
    if faults > 0 {
        bail!("{faults} faults");
    }
    Ok(())
}

/// The root of the repository: the directory above this package.
fn root() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().map(Path::to_owned).context("xtask stands in the root of the repository")
}
