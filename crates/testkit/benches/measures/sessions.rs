//! Session ingest in MB/s: the parse stage beside `serde_json` over the same bytes, and a whole sync.

use crate::world::World;
use crate::{Bench, report};
use anyhow::{Context as _, Result, ensure};
use jay_core::sessions::{SyncRequest, sync};
use jay_sessions::{ReadOptions, SessionAdapter as _, Source, claude_code::ClaudeCode};
use jay_testkit::measured::{Measured, Target, percentile};
use jay_testkit::{Stopwatch, TempHome, corpus};
use std::path::Path;
use std::time::Duration;

/// The corpus is this one in every run and version.
const SEED: u64 = 51;
const BYTES: usize = 32 << 20;
/// How often each stage runs over it; the median counts.
const ROUNDS: usize = 5;
const SYNCS: usize = 3;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = "session ingest";
    if !bench.runs(name) {
        return Ok(());
    }
    let home = TempHome::new();
    let projects = home.work_dir().join("projects");
    let bytes = corpus::write(&projects, SEED, BYTES);
    parse_stage(name, &ClaudeCode.discover_path(&projects)?.sources, bytes, None)?;
    let mut synced = Vec::new();
    for _ in 0..SYNCS {
        // An empty archive each time; taking it away again is not part of the time.
        let archive = TempHome::new();
        synced.push(timed(|| whole(&projects, &archive.path()), bytes).context("sync")?);
    }
    report(&Measured::figure(format!("{name}: whole sync"), format!("{:.1} MB/s", rate(&synced, bytes)?), None));
    Ok(())
}

/// Reading and normalising beside `serde_json` over the same files, which must be that share of its speed.
pub(crate) fn parse_stage(name: &str, sources: &[Source], bytes: usize, share: Option<f64>) -> Result<()> {
    let (mut parsed, mut values) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        values.push(timed(|| sources.iter().map(values_of).sum(), bytes)?);
        parsed.push(timed(|| sources.iter().map(parse).sum(), bytes)?);
    }
    let (ours, theirs) = (rate(&parsed, bytes)?, rate(&values, bytes)?);
    let size = bytes / 1_000_000;
    report(&Measured::figure(
        format!("{name}: parse stage, {size} MB in {} files", sources.len()),
        format!("{ours:.0} MB/s, {:.2} × serde_json", ours / theirs),
        share.map(|share| Target::new(format!("≥ {share} × serde_json"), ours >= share * theirs)),
    ));
    report(&Measured::figure(
        format!("{name}: serde_json to Value, the same bytes"),
        format!("{theirs:.0} MB/s"),
        None,
    ));
    Ok(())
}

/// How long `work` takes, which must get through all the bytes.
fn timed(work: impl FnOnce() -> Result<u64>, bytes: usize) -> Result<Duration> {
    let watch = Stopwatch::start();
    let done = work()?;
    let elapsed = watch.elapsed();
    ensure!(done == u64::try_from(bytes)?, "{done} of {bytes} bytes were read");
    Ok(elapsed)
}

/// MB/s at the median.
fn rate(times: &[Duration], bytes: usize) -> Result<f64> {
    let median = percentile(times, 50).context("nothing was measured")?;
    Ok(f64::from(u32::try_from(bytes)?) / 1e6 / median.as_secs_f64())
}

/// Every block of a source, as ingest takes it, and thrown away.
fn parse(source: &Source) -> Result<u64> {
    let mut bytes = 0;
    for block in ClaudeCode.read(source, None, ReadOptions::default())? {
        let block = block?;
        bytes += block.end - block.start;
        std::hint::black_box(block.messages.len());
    }
    Ok(bytes)
}

/// Every row of a source as a JSON value, and thrown away.
fn values_of(source: &Source) -> Result<u64> {
    let text = std::fs::read(&source.path)?;
    for row in text.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
        std::hint::black_box(serde_json::from_slice::<serde_json::Value>(row)?);
    }
    Ok(u64::try_from(text.len())?)
}

/// A sync into the archive of `data_dir`.
fn whole(projects: &Path, data_dir: &Path) -> Result<u64> {
    let world = World::open(data_dir)?;
    let request = SyncRequest {
        clients: vec!["claude-code".to_owned()],
        path: Some(projects.to_owned()),
        ..SyncRequest::default()
    };
    let synced = sync(&world.call(), &request, &mut |_, _, _| {})?;
    ensure!(synced.outcome == "ok", "the sync is {}: {:?}", synced.outcome, synced.error);
    Ok(synced.sources.iter().map(|source| source.bytes).sum())
}
