//! Benchmarks of the binary as a process: what a person or a hook waits for.

use super::measure::measure;
use anyhow::{Context, Result};
use jay_testkit::measured::{Target, percentile};
use jay_testkit::{Jay, Salad, Stores, TempHome};
use std::time::Duration;

/// How often a process is run for one row, and before that how often to bring binary and store into the page cache.
#[derive(Clone, Copy)]
struct Runs {
    counted: usize,
    thrown_away: usize,
}

const MANY: Runs = Runs { counted: 40, thrown_away: 3 };
/// For what takes seconds.
const ONE: Runs = Runs { counted: 1, thrown_away: 0 };
/// The queries are from another salad than the memories, over the same vocabulary.
const QUERY_SEED: u64 = 2;
/// The target was set for questions of this length.
const QUERY_WORDS: usize = 4;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was run.
    pub(crate) name: String,
    /// Wall-clock times.
    pub(crate) wall: Vec<Duration>,
    /// CPU times.
    pub(crate) cpu: Vec<Duration>,
    /// The most CPU time that the median may have.
    pub(crate) cpu_target: Option<Duration>,
}

impl Row {
    /// What was promised, where something was.
    pub(crate) fn target(&self) -> Option<Target> {
        let (target, median) = (self.cpu_target?, percentile(&self.cpu, 50)?);
        Some(Target::new(format!("median CPU ≤ {} ms", target.as_millis()), median <= target))
    }
}

/// Cold `jay recall` with this many memories; the target is for ten thousand.
const COLD_RECALL: [(usize, Option<Duration>); 4] =
    [(1_000, None), (10_000, Some(Duration::from_millis(30))), (100_000, None), (MILLION, None)];
/// The size that is asked for by `--million` only.
const MILLION: usize = 1_000_000;
/// How many memories `jay doctor --rebuild` makes again.
const REBUILD: usize = 100_000;

/// Runs those that `options` names.
pub(crate) fn run(stores: &Stores, options: &super::Options) -> Result<Vec<Row>> {
    let filter = options.filter.as_str();
    let mut rows = Vec::new();
    let start = "jay --version";
    if start.contains(filter) {
        let home = TempHome::new();
        let jay = Jay::of_program(stores.program(), &home);
        rows.push(repeat(start.to_owned(), &jay, MANY, || vec!["--version".to_owned()], None)?);
    }
    for (memories, target) in COLD_RECALL.into_iter().filter(|(memories, _)| *memories < MILLION || options.million) {
        let name = format!("cold jay recall, {memories} memories");
        if name.contains(filter) {
            let mut salad = Salad::new(QUERY_SEED);
            let query = || vec!["recall".to_owned(), salad.text(QUERY_WORDS), "--json".to_owned()];
            rows.push(repeat(name, &stores.jay(memories)?, MANY, query, target)?);
        }
    }
    let rebuild = format!("jay doctor --rebuild, {REBUILD} memories");
    if rebuild.contains(filter) {
        let words = || vec!["doctor".to_owned(), "--rebuild".to_owned()];
        rows.push(repeat(rebuild, &stores.jay(REBUILD)?, ONE, words, None)?);
    }
    Ok(rows)
}

fn repeat(
    name: String,
    jay: &Jay,
    runs: Runs,
    mut arguments: impl FnMut() -> Vec<String>,
    cpu_target: Option<Duration>,
) -> Result<Row> {
    let mut row = Row { name, wall: Vec::new(), cpu: Vec::new(), cpu_target };
    for at in 0..runs.thrown_away + runs.counted {
        let cost = measure(&mut jay.command(&arguments())).with_context(|| row.name.clone())?;
        if at >= runs.thrown_away {
            row.wall.push(cost.wall);
            row.cpu.push(cost.cpu);
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_for_the_median() {
        let cpu = [9, 9, 100].map(Duration::from_millis).to_vec();
        let mut row = Row { name: String::new(), wall: vec![], cpu, cpu_target: None };
        assert_eq!(row.target(), None);
        for (target, is_kept) in [(8, false), (9, true)] {
            row.cpu_target = Some(Duration::from_millis(target));
            assert_eq!(row.target().map(|target| target.is_kept), Some(is_kept));
        }
    }

    #[test]
    fn runs_that_only_warm_up_are_not_counted() {
        let home = TempHome::new();
        let jay = Jay::of_program(std::path::Path::new("/bin/sh"), &home);
        let words = || vec!["-c".to_owned(), "echo run >> runs".to_owned()];
        let row = repeat("a".to_owned(), &jay, Runs { counted: 2, thrown_away: 1 }, words, None).expect("sh runs");
        assert_eq!((row.cpu.len(), row.wall.len()), (2, 2));
        let runs = std::fs::read_to_string(home.work_dir().join("runs")).expect("written");
        assert_eq!(runs.lines().count(), 3);
    }
}
