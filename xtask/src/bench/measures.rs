//! Runs the benchmarks of engine and server, a program of their own in the release profile, and reads its lines.

use anyhow::{Context, Result, ensure};
use jay_testkit::Stores;
use jay_testkit::measured::Measured;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs those that `options` names.
pub(crate) fn run(root: &Path, stores: &Stores, options: &super::Options) -> Result<Vec<Measured>> {
    let output = Command::new("cargo")
        .args(["bench", "--locked", "-p", "jay-testkit", "--bench", "measures", "--", "--jay"])
        .arg(stores.program())
        .arg("--stores")
        .arg(stores.directory())
        .args(options.million.then_some("--million"))
        .args(Some(&options.filter).filter(|filter| !filter.is_empty()))
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo bench")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "cargo bench failed after\n{text}");
    Ok(text.lines().filter_map(Measured::of_line).collect())
}
