//! Benchmarks: those under the code (`crates/testkit/benches/types.rs`, divan), those of engine and server
//! (`crates/testkit/benches/measures`) and those of whole processes.
//!
//! A figure without its machine, commit and data is worth nothing: the table carries them. No test and no CI runs any
//! of it: a figure of a busy machine judges nothing.
//!
//! **Invariant:** two figures are compared only within one run on one machine.

mod divan;
pub(crate) mod machine;
mod measure;
mod measures;
mod processes;
mod table;

use anyhow::{Context, Result, bail, ensure};
use jay_testkit::{Stores, TempHome};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `--write` puts the table.
const PAGE: &str = "docs/benchmarks.md";

/// What to run and where the result goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Part of the name of what is run; everything where empty.
    filter: String,
    /// Whether the table goes into [`PAGE`].
    write: bool,
    /// Whether what needs a million memories is run too.
    million: bool,
    /// Where filled stores are kept and found again; none for a directory that is removed at the end.
    stores: Option<PathBuf>,
}

impl Options {
    /// Reads `[FILTER] [--write] [--million] [--stores DIR]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--write" => options.write = true,
                "--million" => options.million = true,
                "--stores" => options.stores = Some(words.next().context("--stores needs a directory")?.into()),
                flag if flag.starts_with('-') => {
                    bail!("unknown option `{flag}`; bench takes [FILTER], --write, --million and --stores DIR")
                }
                filter if options.filter.is_empty() => filter.clone_into(&mut options.filter),
                second => bail!("a second filter `{second}`; bench takes one"),
            }
        }
        // A table of some of the figures must not replace the table of all.
        ensure!(options.filter.is_empty() || !options.write, "--write needs every benchmark: leave the filter out");
        // A rebuild is measured on a shared store and leaves it another than it was filled.
        let are_kept = options.stores.is_some();
        ensure!(!are_kept || !options.write, "--write needs stores that this run has filled: leave --stores out");
        Ok(options)
    }
}

/// Runs the benchmarks and prints the table.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let jay = build(root)?;
    let place = TempHome::new();
    let directory = options.stores.as_deref().map_or_else(|| Ok(place.path()), std::path::absolute)?;
    let stores = Stores::new(&jay, &directory);
    let found = table::Found {
        in_code: divan::parse(&run_divan(root, &options.filter)?),
        measured: measures::run(root, &stores, options)?,
        // Last: a rebuild writes the shared stores anew.
        of_processes: processes::run(&stores, options)?,
    };
    ensure!(!found.is_empty(), "no benchmark is named like `{}`", options.filter);
    let page = table::render(&machine::describe(root)?, &found);
    println!("{page}");
    if options.write {
        let path = root.join(PAGE);
        let old = std::fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
        jay_testkit::write(&path, table::replace(&old, &page)?);
        println!("written to {PAGE}");
    }
    Ok(())
}

/// Builds the binary as it is released and returns where it stands.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["build", "--release", "--locked", "-p", "jay-cli", "--bin", "jay", "--message-format", "json"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo build")?;
    ensure!(output.status.success(), "the release build failed");
    executable(&String::from_utf8_lossy(&output.stdout)).context("cargo build names no executable `jay`")
}

/// The path of the binary in cargo's JSON messages.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|name| name == "jay"))
}

fn run_divan(root: &Path, filter: &str) -> Result<String> {
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--locked", "-p", "jay-testkit", "--bench", "types"])
        .current_dir(root)
        .stderr(Stdio::inherit());
    if !filter.is_empty() {
        command.args(["--", filter]);
    }
    let output = command.output().context("cannot run cargo bench")?;
    ensure!(output.status.success(), "cargo bench failed:\n{}", String::from_utf8_lossy(&output.stdout));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let parsed = |words: &[&str]| Options::parse(words).map_err(|error| error.to_string());
        assert_eq!(parsed(&[]), Ok(Options::default()));
        assert_eq!(parsed(&["recall"]), Ok(Options { filter: "recall".into(), ..Options::default() }));
        assert_eq!(parsed(&["--write"]), Ok(Options { write: true, ..Options::default() }));
        assert_eq!(
            parsed(&["--stores", "d", "--million", "cold"]),
            Ok(Options { filter: "cold".into(), million: true, stores: Some("d".into()), ..Options::default() })
        );
        for words in
            [["--fast", ""].as_slice(), &["a", "b"], &["a", "--write"], &["--stores"], &["--write", "--stores", "d"]]
        {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_binary_is_found_among_the_messages() {
        let messages =
            "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n{\"executable\":\"/t/release/jay\"}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/release/jay")));
        assert_eq!(executable("{\"executable\":\"/t/release/other\"}"), None);
    }
}
