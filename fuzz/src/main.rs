//! Runs the fuzz targets: `cargo run -p jay-fuzz -- [TARGET] [--seconds N] [--seed N] [--input FILE]`.
//!
//! An input that makes a reader ask for gigabytes ends the process: then each target alone, with the same seed, finds it.
//!
//! **Invariant:** it ends by itself, and a broken promise leaves its input in `fuzz/artifacts` and a failing exit.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a development tool speaks to the terminal directly")]

use anyhow::{Context, Result, bail, ensure};
use jay_fuzz::{TARGETS, Target, driver};
use nix::sys::resource::{Resource, setrlimit};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What was asked for.
struct Options {
    target: Option<&'static Target>,
    seconds: u64,
    seed: u64,
    input: Option<String>,
}

/// Bytes of address space that all targets together may take: some hundred times what they need.
const SPACE_MAX: u64 = 8 << 30;

fn main() -> ExitCode {
    // Where the system knows no such limit the search goes on without it.
    let _ = setrlimit(Resource::RLIMIT_AS, SPACE_MAX, SPACE_MAX);
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { target: None, seconds: jay_testkit::counts().fuzz_seconds(), seed: 1, input: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seconds" => options.seconds = value()?.parse().context("--seconds takes a number")?,
            "--seed" => options.seed = value()?.parse().context("--seed takes a number")?,
            "--input" => options.input = Some(value()?),
            name => {
                let found = TARGETS.iter().find(|target| target.name == name);
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                options.target =
                    Some(found.with_context(|| format!("no target `{name}`; there are {}", names.join(", ")))?);
            }
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    if let Some(path) = &options.input {
        let target = options.target.context("--input needs the name of a target")?;
        (target.run)(&std::fs::read(path).with_context(|| format!("cannot read {path}"))?);
        println!("{}: {path} passes", target.name);
        return Ok(());
    }
    let targets = options.target.map_or(TARGETS, std::slice::from_ref);
    let outcomes = driver::run_all(targets, Duration::from_secs(options.seconds), options.seed);
    let mut broken = 0;
    for outcome in &outcomes {
        ensure!(outcome.runs > 0, "{} has read no input", outcome.target);
        println!("fuzz {}: {} inputs in {} s", outcome.target, outcome.runs, options.seconds);
        if let Some(failure) = &outcome.failure {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("artifacts/{}-{}", outcome.target, outcome.runs));
            jay_testkit::write(&path, &failure.input);
            println!("  broken: {}\n  input: {}", failure.message, path.display());
            broken += 1;
        }
    }
    if broken > 0 {
        bail!("{broken} of {} targets are broken", outcomes.len());
    }
    Ok(())
}
