//! How many crates the binary is built from: each is code that somebody has to trust, build and update.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The most that the binary may be built from without what is counted apart: 200 for what one machine does, and 110 that come with
/// `age`, which wraps the keys of vaults.
const CRATES_MAX: usize = 310;

/// What is counted apart: capabilities that a build can leave out, all on by default.
const APART: [&str; 3] = ["transformer", "network", "buckets"];

/// Prints the numbers and fails where the one without what is in [`APART`] is too high.
pub(crate) fn run(root: &Path) -> Result<()> {
    let base = crates(root, &["--no-default-features"])?;
    println!("crates in `jay` (normal and build dependencies): {} of at most {CRATES_MAX}", base.len());
    for feature in APART {
        let with = crates(root, &["--no-default-features", "--features", feature])?;
        println!("  with {feature}: {}", with.len());
    }
    println!("  as it is built by default: {}", crates(root, &[])?.len());
    ensure!(base.len() <= CRATES_MAX, "{} crates are too many; `cargo tree -p jay-cli` shows them", base.len());
    Ok(())
}

fn crates(root: &Path, features: &[&str]) -> Result<BTreeSet<String>> {
    let output = Command::new("cargo")
        .args(["tree", "--locked", "-p", "jay-cli", "-e", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(features)
        .current_dir(root)
        .output()
        .context("cannot run cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(distinct(&String::from_utf8_lossy(&output.stdout)))
}

/// The different packages, a version each, in what `cargo tree --prefix none --format {p}` prints.
fn distinct(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|package| !package.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_per_version() {
        let tree = "jay-cli v0.1.0 (/path/to/it)\nserde v1.0.1\nserde v1.0.1 (*)\nserde_derive v1.0.1 (proc-macro)\nsyn v2.0.0\nsyn v3.0.0\n\n";
        let found: Vec<String> = distinct(tree).into_iter().collect();
        assert_eq!(found, ["jay-cli v0.1.0", "serde v1.0.1", "serde_derive v1.0.1", "syn v2.0.0", "syn v3.0.0"]);
    }
}
