//! Two processes that recall while a third writes: nobody may have to read a whole index again.

use crate::lag::Batch;
use crate::{Bench, report};
use anyhow::{Context as _, Result, anyhow};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Jay, Random, Salad, Stopwatch, TempHome};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MEMORIES: usize = 10_000;
const READERS: u64 = 2;
/// Questions of each reader, quiet and beside the writer.
const QUESTIONS: usize = 600;
/// From one write to the next: 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// How much longer the slowest of a hundred answers may take beside a writer.
const TIMES_MAX: u32 = 2;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = format!("two readers beside a writer, {MEMORIES} memories");
    if !bench.runs(&name) {
        return Ok(());
    }
    let _ = bench.stores.jay(MEMORIES)?;
    let home = TempHome::new();
    copy(&bench.stores.home(MEMORIES), &home.path())?;
    let jay = Jay::of_program(bench.stores.program(), &home);
    let mut readers = (0..READERS).map(|_| Batch::start(&jay)).collect::<Result<Vec<_>>>()?;
    let _ = read(&mut readers, 60)?;
    let quiet = read(&mut readers, 61)?;
    let is_over = AtomicBool::new(false);
    let (beside, written) = std::thread::scope(|scope| -> Result<_> {
        let writer = scope.spawn(|| write(&jay, &is_over));
        let beside = read(&mut readers, 61);
        is_over.store(true, Ordering::Release);
        let written = writer.join().map_err(|_| anyhow!("the writer panicked"))??;
        Ok((beside?, written))
    })?;
    let [quietly, besides] = [&quiet, &beside].map(|times| percentile(times, 99).unwrap_or_default());
    let text = format!("p99 ≤ {TIMES_MAX} × that without the writer = {}", show(quietly * TIMES_MAX));
    report(&Measured::times(&name, &beside, Some(Target::new(text, besides <= quietly * TIMES_MAX))));
    report(&Measured::times(format!("{name}: without the writer"), &quiet, None));
    report(&Measured::figure(format!("{name}: written meanwhile"), format!("{written:.0} memories/s"), None));
    Ok(())
}

fn read(readers: &mut [Batch], seed: u64) -> Result<Vec<Duration>> {
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            (seed..).zip(readers).map(|(seed, reader)| scope.spawn(move || ask(reader, seed))).collect();
        let mut times = Vec::new();
        for reader in asked {
            times.extend(reader.join().map_err(|_| anyhow!("a reader panicked"))??);
        }
        Ok(times)
    })
}

fn ask(reader: &mut Batch, seed: u64) -> Result<Vec<Duration>> {
    let (mut salad, mut random) = (Salad::new(seed), Random::new(seed));
    let mut times = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let question = json!({ "query": salad.text(2 + random.index(11)), "all": true });
        let watch = Stopwatch::start();
        reader.call("recall", &question)?;
        times.push(watch.elapsed());
    }
    Ok(times)
}

/// Writes until it is over; gives how many a second.
fn write(jay: &Jay, is_over: &AtomicBool) -> Result<f64> {
    let (mut writer, mut salad, mut written) = (Batch::start(jay)?, Salad::new(63), 0_u32);
    let watch = Stopwatch::start();
    while !is_over.load(Ordering::Acquire) {
        writer.call("remember", &json!({ "text": salad.memory() }))?;
        written += 1;
        std::thread::sleep((PAUSE * written).saturating_sub(watch.elapsed()));
    }
    Ok(f64::from(written) / watch.elapsed().as_secs_f64())
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            jay_testkit::write(target, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}
