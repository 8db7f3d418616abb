//! Which machine, which code: what a reader needs to judge a figure.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// One line: processor, cores, memory, system, commit.
pub(crate) fn describe(root: &Path) -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let models: BTreeSet<&str> = values(&cpu, "model name").collect();
    let model =
        if models.is_empty() { "unknown processor" } else { &models.into_iter().collect::<Vec<_>>().join(" and ") };
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |count| count.to_string());
    Ok(format!(
        "{model}, {cores} cores, {}, {} {}; {}",
        memory_gib(&memory).map_or_else(|| "unknown memory".to_owned(), |gib| format!("{gib} GiB")),
        std::env::consts::OS,
        std::env::consts::ARCH,
        commit(root)?
    ))
}

/// All but the pages that figures are written to: those of a second run are not of changed code.
const FIGURES: &[&str] = &[":(exclude)docs/benchmarks.md", ":(exclude)docs/quality.md"];

/// The values of `name` in a file of `name : value` lines.
fn values<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// Memory in GiB, rounded, from the kernel's count in kiB.
fn memory_gib(meminfo: &str) -> Option<u64> {
    let kib: u64 = values(meminfo, "MemTotal").next()?.strip_suffix(" kB")?.parse().ok()?;
    Some((kib + (1 << 19)) >> 20)
}

/// The commit with its date, and whether the files are those of the commit.
fn commit(root: &Path) -> Result<String> {
    let head = git(root, &["log", "-1", "--format=%h of %cs"])?;
    let changed = git(root, &[&["status", "--porcelain", "--untracked-files=no", "--", "."], FIGURES].concat())?;
    Ok(format!("commit {head}{}", if changed.is_empty() { "" } else { ", with changes" }))
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().context("cannot run git")?;
    ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let cpu = "processor\t: 0\nmodel name\t: Quick 9000\nprocessor\t: 1\nmodel name\t: Quick 9000\n";
        assert_eq!(values(cpu, "model name").collect::<Vec<_>>(), ["Quick 9000", "Quick 9000"]);
        assert_eq!(memory_gib("MemTotal:       24630964 kB\nMemFree: 1 kB\n"), Some(23));
        assert_eq!(memory_gib(""), None);
    }

    #[test]
    fn figures_of_an_earlier_run_are_no_change() {
        let home = jay_testkit::TempHome::new();
        let (root, page) = (home.work_dir(), home.write("docs/quality.md", "one"));
        let code = home.write("a.rs", "one");
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        for words in [["init", "-q"].as_slice(), &["add", "."], &[&identity[..], &["commit", "-qm", "a"]].concat()] {
            git(&root, words).expect("git runs");
        }
        jay_testkit::write(&page, "two");
        assert!(!commit(&root).expect("a commit").contains("changes"));
        jay_testkit::write(&code, "two");
        assert!(commit(&root).expect("a commit").ends_with(", with changes"));
    }
}
