//! An archive of 2,000 sessions with 200,000 messages: taking it in, taking it in again, its bytes and memory, and searches.

use crate::world::World;
use crate::{Bench, report, sessions};
use anyhow::{Context as _, Result, ensure};
use jay_core::sessions::{SearchRequest, SyncRequest, Within, search, sync};
use jay_core::usage::{By, UsageRequest, usage};
use jay_sessions::{SessionAdapter as _, claude_code::ClaudeCode};
use jay_testkit::Jay;
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Random, Salad, Stopwatch, TempHome, corpus};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The corpus is this one in every run and version.
const SEED: u64 = 77;
const SESSIONS: usize = 2_000;
/// Share of `serde_json` that reading must reach.
const PARSE_SHARE: f64 = 0.6;
/// What the archive may take of its sources, text index included, vectors not.
const PERCENT_MAX: u64 = 35;
const MEMORY_MAX_BYTES: u64 = 150_000_000;
const SECOND_MAX: Duration = Duration::from_millis(500);
const SEARCH_P50_MAX: Duration = Duration::from_millis(10);
const SEARCH_P99_MAX: Duration = Duration::from_millis(50);
const QUESTIONS: usize = 300;
/// Sessions that are taken in row by row.
const WATCHED_SESSIONS: usize = 20;
/// Searches that go through the messages are asked less often: they take longer.
const LOOKS: usize = 20;
const SYNC: [&str; 5] = ["session", "sync", "claude-code", "--json", "--path"];

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = "archive of 200000 messages";
    if !bench.runs(name) {
        return Ok(());
    }
    let home = TempHome::new();
    let projects = home.work_dir().join("projects");
    let bytes = corpus::write_sessions(&projects, SEED, SESSIONS);
    shape(name, &projects, bytes)?;
    sessions::parse_stage(name, &ClaudeCode.discover_path(&projects)?.sources, bytes, Some(PARSE_SHARE))?;
    let jay = Jay::at(bench.stores.program(), home.path(), home.work_dir());
    taken_in(name, &jay, &projects, bytes)?;
    stored(name, &home.path(), bytes)?;
    searched(name, &home.path())?;
    watched(name)
}

/// What an archive takes that was filled row by row, as a watch fills it where a client writes a row at a time.
fn watched(name: &str) -> Result<()> {
    let (home, written) = (TempHome::new(), TempHome::new());
    let whole = written.work_dir().join("projects");
    let bytes = u64::try_from(corpus::write_sessions(&whole, SEED, WATCHED_SESSIONS))?;
    let world = World::open(&home.path())?;
    let watch = Stopwatch::start();
    let mut rows = 0;
    for source in ClaudeCode.discover_path(&whole)?.sources {
        let growing = home.work_dir().join(source.path.strip_prefix(&whole)?);
        let mut so_far = Vec::new();
        for row in std::fs::read(&source.path)?.split_inclusive(|byte| *byte == b'\n') {
            so_far.extend_from_slice(row);
            jay_testkit::write(&growing, &so_far);
            let request = SyncRequest {
                clients: vec!["claude-code".to_owned()],
                path: Some(growing.clone()),
                ..SyncRequest::default()
            };
            sync(&world.call(), &request, &mut |_, _, _| {})?;
            rows += 1;
        }
    }
    let took = show(watch.elapsed() / rows);
    let tables = crate::size::Bytes::read(&home.path().join("archive.db"), &home.path().join("index"), "archive")?;
    let plain = ((tables.all - tables.vectors() + tables.text_index) * 100).div_ceil(bytes);
    let parts = tables.shares(bytes);
    report(&Measured::figure(
        format!("{name}: bytes where each row came by itself, {WATCHED_SESSIONS} sessions"),
        format!("{plain} % of the sources, vectors not; {took} a row: {parts}"),
        None,
    ));
    Ok(())
}

/// What the sources are like.
fn shape(name: &str, projects: &Path, bytes: usize) -> Result<()> {
    let mut compressed = 0;
    for source in ClaudeCode.discover_path(projects)?.sources {
        compressed += zstd::encode_all(std::fs::File::open(&source.path)?, 3)?.len();
    }
    let ratio = bytes as f64 / compressed as f64;
    let megabytes = bytes / 1_000_000;
    report(&Measured::figure(
        format!("{name}: its sources"),
        format!("{megabytes} MB in {SESSIONS} files, {ratio:.1} times smaller under zstd -3"),
        None,
    ));
    Ok(())
}

fn taken_in(name: &str, jay: &Jay, projects: &Path, bytes: usize) -> Result<()> {
    let (first, peak) = process(jay, projects)?;
    let rate = bytes as f64 / 1e6 / first.as_secs_f64();
    report(&Measured::figure(format!("{name}: first sync"), format!("{rate:.1} MB/s, {}", show(first)), None));
    let target = Target::new("≤ 150 MB", peak.own + peak.of_files <= MEMORY_MAX_BYTES);
    let parts = format!("{} MB of its own, {} of mapped files", peak.own / 1_000_000, peak.of_files / 1_000_000);
    report(&Measured::figure(format!("{name}: memory of that sync at most"), parts, Some(target)));
    let (second, _) = process(jay, projects)?;
    let target = Target::new(format!("≤ {}", show(SECOND_MAX)), second <= SECOND_MAX);
    report(&Measured::figure(format!("{name}: second sync, nothing changed"), show(second), Some(target)));
    Ok(())
}

/// Memory of a process at its peak, in bytes.
#[derive(Clone, Copy, Default)]
struct Peak {
    own: u64,
    of_files: u64,
}

/// A sync as a process of its own: how long it takes, and its memory at most.
fn process(jay: &Jay, projects: &Path) -> Result<(Duration, Peak)> {
    let mut words: Vec<&std::ffi::OsStr> = SYNC.iter().map(std::ffi::OsStr::new).collect();
    words.push(projects.as_os_str());
    let watch = Stopwatch::start();
    let mut child = jay.command(&words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = Peak::default();
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        if let Ok(text) = std::fs::read_to_string(&status) {
            let bytes = |field: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(field));
                line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
            };
            peak.own = peak.own.max(bytes("RssAnon:"));
            peak.of_files = peak.of_files.max(bytes("RssFile:"));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    ensure!(ended.success(), "the sync ended with {ended}");
    Ok((watch.elapsed(), peak))
}

fn stored(name: &str, data_dir: &Path, bytes: usize) -> Result<()> {
    let tables = crate::size::Bytes::read(&data_dir.join("archive.db"), &data_dir.join("index"), "archive")?;
    let bytes = u64::try_from(bytes)?;
    let percent = |part: u64| (part * 100).div_ceil(bytes);
    let plain = percent(tables.all - tables.vectors() + tables.text_index);
    let target = Target::new(format!("≤ {PERCENT_MAX} %"), plain <= PERCENT_MAX);
    let with = format!("{plain} % of the sources, text index included, vectors not");
    report(&Measured::figure(format!("{name}: bytes"), with, Some(target)));
    let vectors = format!("{} % of the sources more", percent(tables.vectors() + tables.vector_index));
    report(&Measured::figure(format!("{name}: bytes of vectors"), vectors, None));
    report(&Measured::figure(format!("{name}: by table, of the sources"), tables.shares(bytes), None));
    Ok(())
}

fn searched(name: &str, data_dir: &Path) -> Result<()> {
    let world = World::open(data_dir)?;
    // Nothing is left for a search to do that a sync leaves for later.
    sync(&world.call(), &SyncRequest { dry_run: true, ..SyncRequest::default() }, &mut |_, _, _| {})?;
    ask(&world, 23, 30, Within::Text)?;
    let times = ask(&world, 21, QUESTIONS, Within::Text)?;
    let is_within = |percent, bound| percentile(&times, percent).is_some_and(|time| time <= bound);
    let target = Target::new(
        format!("p50 ≤ {}, p99 ≤ {}", show(SEARCH_P50_MAX), show(SEARCH_P99_MAX)),
        is_within(50, SEARCH_P50_MAX) && is_within(99, SEARCH_P99_MAX),
    );
    report(&Measured::times(format!("{name}: search"), &times, Some(target)));
    report(&Measured::times(
        format!("{name}: search in tools, two words"),
        &ask(&world, 25, LOOKS, Within::Tools)?,
        None,
    ));
    let request = UsageRequest {
        by: By::Day,
        client: None,
        since: None,
        until: None,
        limit: 1000,
        // The clock of the bench goes on with each look at it.
        time_max: Duration::from_secs(1 << 30),
    };
    let watch = Stopwatch::start();
    let counted = usage(&world.call(), &request)?;
    let took = show(watch.elapsed());
    report(&Measured::figure(format!("{name}: usage"), format!("{took} for {} turns", counted.totals.turns), None));
    Ok(())
}

fn ask(world: &World, seed: u64, questions: usize, within: Within) -> Result<Vec<Duration>> {
    let (mut salad, mut random) = (Salad::new(seed), Random::new(seed + 1));
    let (mut times, mut answered) = (Vec::with_capacity(questions), 0);
    for _ in 0..questions {
        let words = if within == Within::Text { 2 + random.index(11) } else { 2 };
        let query = serde_json::from_value(serde_json::json!(salad.text(words)))?;
        let request = SearchRequest { within, ..SearchRequest::new(query, 10) };
        let watch = Stopwatch::start();
        let found = search(&world.call(), &request).context("search")?;
        times.push(watch.elapsed());
        answered += usize::from(!found.hits.is_empty());
    }
    ensure!(within != Within::Text || answered * 10 >= questions * 9, "only {answered} of {questions} found anything");
    Ok(times)
}
