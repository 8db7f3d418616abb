//! Two machines that share a folder: sharing a whole store, joining, one new memory, nothing new, and many small syncs.
//!
//! Each sync is a process of its own, as a person or a schedule starts it. What one memory costs must not hang on what there is: the
//! same is measured in a store a tenth of the size, and both stand in one run.

use crate::{Bench, report};
use anyhow::{Context as _, Result, ensure};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::moved::{Moved, growth, ratio};
use jay_testkit::{Jay, Salad, Stopwatch, Stores, TempHome, files_below};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SIZES: [usize; 2] = [10_000, 100_000];
/// The size that the targets in seconds are for.
const JUDGED: usize = 100_000;
const JOIN_MAX: Duration = Duration::from_secs(20);
const ONE_MAX: Duration = Duration::from_millis(100);
const WRITTEN_MAX_BYTES: u64 = 4 << 10;
const READ_MAX_BYTES: u64 = 16 << 10;
/// Memories that are shared one by one, each with a sync of both machines: enough that small files are joined several times.
const ROUNDS: usize = 200;
/// Syncs with nothing new, and processes that do nothing.
const IDLE: usize = 20;
/// The halves of the small syncs are compared.
const PARTS: usize = 2;
/// What ten times the store may add to the bytes of one memory, and of all.
const GROWTH_MAX: f64 = 1.25;
/// The new memories are another salad than those that are there.
const SEED: u64 = 61;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let mut costs = Vec::new();
    for memories in SIZES {
        let name = format!("sync of {memories} memories");
        if bench.runs(&name) {
            costs.push((memories, of_size(bench, &name, memories).context(name)?));
        }
    }
    if let [(small, of_small), (large, of_large)] = costs.as_slice() {
        let name = format!("sync: {large} memories over {small}");
        let times = |of: u64, to: u64| ratio(of, to).unwrap_or(f64::INFINITY);
        let (one, all) = (times(of_large.one, of_small.one), times(of_large.all, of_small.all));
        let target = Target::new(format!("≤ {GROWTH_MAX} ×"), one <= GROWTH_MAX && all <= GROWTH_MAX);
        let value = format!("bytes of one memory {one:.2} ×, of {ROUNDS} syncs {all:.2} ×");
        report(&Measured::figure(name, value, Some(target)));
    }
    Ok(())
}

/// Bytes that both machines moved.
struct Cost {
    /// For one memory, in the median.
    one: u64,
    /// For all of them.
    all: u64,
}

fn of_size(bench: &Bench, name: &str, memories: usize) -> Result<Cost> {
    let place = TempHome::new();
    let pair = Pair::new(bench.stores.program(), &place.work_dir(), memories)?;
    let nothing = idle(&pair)?;
    report(&Measured::times(format!("{name}: `jay --version`"), &nothing, None));
    first_and_join(name, &pair, memories)?;
    // What was told of before: both know of each other.
    pair.settle()?;
    let before = files(&pair.shared)?;
    let cost = small_syncs(name, &pair, percentile(&nothing, 50).unwrap_or_default(), memories)?;
    pair.settle()?;
    let after = files(&pair.shared)?;
    let value = format!(
        "{} files before, {} after; {} KB more for {ROUNDS} memories",
        before.0,
        after.0,
        after.1.saturating_sub(before.1) / 1_000
    );
    report(&Measured::figure(format!("{name}: on the remote"), value, None));
    pair.demand_memories(memories + ROUNDS)?;
    nothing_new(name, &pair)?;
    Ok(cost)
}

/// Two data directories and the folder between them.
struct Pair {
    sharer: Jay,
    reader: Jay,
    shared: PathBuf,
}

impl Pair {
    fn new(program: &Path, place: &Path, memories: usize) -> Result<Self> {
        // A store of its own: a shared one of the other benchmarks would become a member of a vault.
        let sharer = Stores::new(program, &place.join("stores")).jay(memories)?;
        let (home, directory, shared) = (place.join("reader/home"), place.join("reader/work"), place.join("shared"));
        for directory in [&home, &directory, &shared] {
            std::fs::create_dir_all(directory)?;
        }
        let reader = Jay::at(program, home, directory).env("JAY_NAMESPACE", Stores::NAMESPACE);
        Ok(Self { sharer, reader, shared })
    }

    fn settle(&self) -> Result<()> {
        for _ in 0..3 {
            sync(&self.sharer)?;
            sync(&self.reader)?;
        }
        Ok(())
    }

    fn demand_memories(&self, memories: usize) -> Result<()> {
        for jay in [&self.sharer, &self.reader] {
            let held = json(&ask(jay, &["status", "--json"])?)?.get("memories").and_then(Value::as_u64);
            ensure!(held == u64::try_from(memories).ok(), "{held:?} memories where there are to be {memories}");
        }
        Ok(())
    }
}

fn ask(jay: &Jay, words: &[&str]) -> Result<String> {
    let output = jay.run(words);
    ensure!(output.code == Some(0), "jay {}: {}", words.join(" "), output.stderr.trim());
    Ok(output.stdout)
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("an answer that is no JSON")
}

/// A sync as a process of its own.
fn sync(jay: &Jay) -> Result<(Duration, Moved)> {
    let watch = Stopwatch::start();
    let answer = ask(jay, &["sync", "--json"])?;
    let took = watch.elapsed();
    Ok((took, Moved::of_answer(&answer).context("the answer of a sync does not tell what it moved")?))
}

/// The floor of every process here.
fn idle(pair: &Pair) -> Result<Vec<Duration>> {
    (0..IDLE)
        .map(|_| {
            let watch = Stopwatch::start();
            ask(&pair.sharer, &["--version"])?;
            Ok(watch.elapsed())
        })
        .collect()
}

/// Files below a directory, and their bytes.
fn files(directory: &Path) -> Result<(usize, u64)> {
    let files = files_below(directory)?;
    let bytes = files.iter().map(|file| Ok(std::fs::metadata(file)?.len())).sum::<std::io::Result<u64>>()?;
    Ok((files.len(), bytes))
}

fn first_and_join(name: &str, pair: &Pair, memories: usize) -> Result<()> {
    let shared = pair.shared.to_string_lossy().into_owned();
    ask(&pair.sharer, &["remote", "add", "home", &shared])?;
    let (took, moved) = sync(&pair.sharer)?;
    let value = format!("{}, {:.1} MB written, {} changes", show(took), moved.written as f64 / 1e6, moved.pushed);
    report(&Measured::figure(format!("{name}: first sync"), value, None));
    let invited = json(&ask(&pair.sharer, &["vault", "invite", "home", "--json"])?)?;
    let code = invited.get("code").and_then(Value::as_str).context("an invitation without a code")?;
    ask(&pair.reader, &["remote", "add", "home", &shared])?;
    let watch = Stopwatch::start();
    ask(&pair.reader, &["vault", "join", "home", "--code", code])?;
    let (_, moved) = sync(&pair.reader)?;
    let took = watch.elapsed();
    let target = Target::new(format!("≤ {}", show(JOIN_MAX)), took <= JOIN_MAX);
    let value = format!("{}, {:.1} MB read", show(took), moved.read as f64 / 1e6);
    report(&Measured::figure(
        format!("{name}: a new machine joins"),
        value,
        Some(target).filter(|_| memories == JUDGED),
    ));
    pair.demand_memories(memories)
}

/// What each machine did of the small syncs.
#[derive(Default)]
struct Side {
    times: Vec<Duration>,
    written: Vec<u64>,
    read: Vec<u64>,
}

impl Side {
    fn add(&mut self, (took, moved): (Duration, Moved)) {
        self.times.push(took);
        self.written.push(moved.written);
        self.read.push(moved.read);
    }

    fn report(&self, name: &str, nothing: Duration, is_judged: bool) {
        let median = percentile(&self.times, 50).unwrap_or_default();
        let over = median.as_secs_f64() / nothing.as_secs_f64().max(f64::MIN_POSITIVE);
        let target =
            Target::new(format!("median ≤ {}; it is {over:.1} × `jay --version`", show(ONE_MAX)), median <= ONE_MAX);
        report(&Measured::times(name, &self.times, Some(target).filter(|_| is_judged)));
        let [(written, most_written), (read, most_read)] = [&self.written, &self.read]
            .map(|bytes| (percentile(bytes, 50).unwrap_or_default(), percentile(bytes, 100).unwrap_or_default()));
        let target = Target::new(
            format!("medians ≤ {WRITTEN_MAX_BYTES} B written, ≤ {READ_MAX_BYTES} B read"),
            written <= WRITTEN_MAX_BYTES && read <= READ_MAX_BYTES,
        );
        let value = format!("{written} B written (most {most_written}), {read} B read (most {most_read})");
        report(&Measured::figure(format!("{name}: bytes"), value, Some(target)));
    }
}

fn small_syncs(name: &str, pair: &Pair, nothing: Duration, memories: usize) -> Result<Cost> {
    let mut salad = Salad::new(SEED);
    let (mut sharer, mut reader, mut bytes) = (Side::default(), Side::default(), Vec::new());
    for _ in 0..ROUNDS {
        ask(&pair.sharer, &["remember", &salad.memory()])?;
        let (shares, takes) = (sync(&pair.sharer)?, sync(&pair.reader)?);
        ensure!(shares.1.pushed > 0 && takes.1.pulled > 0, "a memory was not shared: {shares:?}, {takes:?}");
        bytes.push(shares.1.bytes() + takes.1.bytes());
        sharer.add(shares);
        reader.add(takes);
    }
    let is_judged = memories == JUDGED;
    sharer.report(&format!("{name}: one new memory, who shares it"), nothing, is_judged);
    reader.report(&format!("{name}: one new memory, who takes it in"), nothing, is_judged);
    let all: u64 = bytes.iter().sum();
    let grown = growth(&bytes, PARTS).unwrap_or(f64::INFINITY);
    let each = all / u64::try_from(ROUNDS)?;
    let value = format!(
        "{} KB moved by both, joining files included: {each} B a memory; the second half {grown:.2} × the first",
        all / 1_000
    );
    // No promise: files are joined in turns, of which two hundred syncs hold no whole number. What counts is that it is the same in a
    // larger store.
    report(&Measured::figure(format!("{name}: {ROUNDS} syncs of one memory each"), value, None));
    Ok(Cost { one: percentile(&bytes, 50).unwrap_or_default(), all })
}

fn nothing_new(name: &str, pair: &Pair) -> Result<()> {
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..IDLE {
        for jay in [&pair.sharer, &pair.reader] {
            let (took, moved) = sync(jay)?;
            times.push(took);
            bytes += moved.bytes();
        }
    }
    let target = Target::new(format!("no bytes; it was {bytes}"), bytes == 0);
    report(&Measured::times(format!("{name}: nothing new"), &times, Some(target)));
    Ok(())
}
