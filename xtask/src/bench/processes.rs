//! Benchmarks of the binary as a process: what a person or a hook waits for.

use super::measure::{measure, percentile};
use anyhow::{Context, Result, ensure};
use jay_testkit::{Jay, Salad, TempHome};
use std::path::Path;
use std::time::Duration;

/// How often a process is run for one row, after [`WARM_UP_RUNS`] that are thrown away.
const RUNS: usize = 40;
/// Runs that bring binary and store into the page cache.
const WARM_UP_RUNS: usize = 3;
/// The most memories in one batch (DESIGN section 5).
const BATCH_MEMORIES_MAX: usize = 1_000;
/// A salad of this seed fills the store; queries are from another one over the same vocabulary.
const DATA_SEED: u64 = 1;
const QUERY_SEED: u64 = 2;

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
    /// Whether the target is kept; true where there is none.
    pub(crate) fn is_kept(&self) -> bool {
        match (self.cpu_target, percentile(&self.cpu, 50)) {
            (Some(target), Some(median)) => median <= target,
            _ => true,
        }
    }
}

/// Cold `jay recall` with this many memories; the target is for ten thousand.
const COLD_RECALL: [(usize, Option<Duration>); 2] = [(1_000, None), (10_000, Some(Duration::from_millis(30)))];

/// Runs those whose name contains `filter` with the binary `jay`.
pub(crate) fn run(jay: &Path, filter: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let start = "jay --version";
    if start.contains(filter) {
        let home = TempHome::new();
        rows.push(repeat(start.to_owned(), &Jay::of_program(jay, &home), |_| vec!["--version".to_owned()], None)?);
    }
    for (memories, target) in COLD_RECALL {
        let name = format!("cold jay recall, {memories} memories");
        if name.contains(filter) {
            let home = TempHome::new();
            let jay = Jay::of_program(jay, &home);
            fill(&jay, memories)?;
            let mut salad = Salad::new(QUERY_SEED);
            let query = |_| vec!["recall".to_owned(), salad.text(4), "--json".to_owned()];
            rows.push(repeat(name, &jay, query, target)?);
        }
    }
    Ok(rows)
}

fn repeat(
    name: String,
    jay: &Jay,
    mut arguments: impl FnMut(usize) -> Vec<String>,
    cpu_target: Option<Duration>,
) -> Result<Row> {
    let mut row = Row { name, wall: Vec::new(), cpu: Vec::new(), cpu_target };
    for at in 0..WARM_UP_RUNS + RUNS {
        let cost = measure(&mut jay.command(&arguments(at))).with_context(|| row.name.clone())?;
        if at >= WARM_UP_RUNS {
            row.wall.push(cost.wall);
            row.cpu.push(cost.cpu);
        }
    }
    Ok(row)
}

/// Puts so many memories of about 60 words into the home.
fn fill(jay: &Jay, memories: usize) -> Result<()> {
    let output = jay.clone().input(batches(memories)).run(&["call"]);
    let answered = output.stdout.lines().filter(|line| line.contains("\"ok\":true")).count();
    let expected = memories.div_ceil(BATCH_MEMORIES_MAX);
    ensure!(
        output.code == Some(0) && answered == expected,
        "filling the store: {answered} of {expected} batches; {}",
        output.stderr.trim()
    );
    Ok(())
}

/// The input of `jay call` that remembers so many memories.
fn batches(memories: usize) -> String {
    let mut salad = Salad::new(DATA_SEED);
    let texts: Vec<serde_json::Value> =
        salad.memories(memories).map(|text| serde_json::json!({ "text": text })).collect();
    texts
        .chunks(BATCH_MEMORIES_MAX)
        .map(|batch| format!("{}\n", serde_json::json!({ "op": "remember_batch", "input": { "memories": batch } })))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_memory_once() {
        let input = batches(2_500);
        let sizes: Vec<usize> = input
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).expect("JSON")["input"]["memories"]
                    .as_array()
                    .map_or(0, Vec::len)
            })
            .collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
    }

    #[test]
    fn a_store_that_cannot_be_filled_is_an_error() {
        let home = TempHome::new();
        let error = fill(&Jay::of_program(Path::new("/bin/false"), &home), 10).expect_err("nothing was stored");
        assert!(error.to_string().contains("0 of 1 batches"), "{error}");
    }

    #[test]
    fn a_target_is_for_the_median() {
        let mut row =
            Row { name: String::new(), wall: vec![], cpu: vec![Duration::from_millis(9); 3], cpu_target: None };
        assert!(row.is_kept());
        row.cpu_target = Some(Duration::from_millis(8));
        assert!(!row.is_kept());
        row.cpu_target = Some(Duration::from_millis(9));
        assert!(row.is_kept());
    }
}
