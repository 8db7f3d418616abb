//! A durable remember beside a bare SQLite commit and a bare append and sync of the same text; batches of a thousand.

use crate::disk::{Append, BareSqlite};
use crate::world::{World, memory};
use crate::{Bench, report};
use anyhow::{Context as _, Result};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Salad, Stopwatch, TempHome};
use std::time::Duration;

/// Sizes of the store in which one more is remembered.
const SIZES: [usize; 2] = [1_000, 10_000];
/// How often each of the three is done, in turn, after [`WARM_UP`] that are thrown away.
const ROUNDS: usize = 400;
const WARM_UP: usize = 20;
/// Memories of one batch, and how many batches.
const BATCH: usize = 1_000;
const BATCHES: usize = 10;
/// What a remember may cost beyond twice the bare commit.
const ALLOWANCE: Duration = Duration::from_millis(1);

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for memories in SIZES {
        let name = format!("durable remember, {memories} memories");
        if bench.runs(&name) {
            durable(&name, memories)?;
        }
    }
    let name = "remember_batch of 1000";
    if bench.runs(name) {
        batches(name)?;
    }
    Ok(())
}

fn durable(name: &str, memories: usize) -> Result<()> {
    let home = TempHome::new();
    let world = World::open(&home.path())?;
    let mut salad = Salad::new(11);
    for at in (0..memories).step_by(BATCH) {
        world.batch(salad.memories((memories - at).min(BATCH)).collect())?;
    }
    let (mut append, sqlite) = (Append::new(&home.path())?, BareSqlite::new(&home.path())?);
    let (mut appended, mut committed, mut remembered) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that what else the disk does falls on all three.
    for round in 0..WARM_UP + ROUNDS {
        let text = salad.memory();
        let new = memory(&text)?;
        let times = (append.add(&text)?, sqlite.add(&text)?);
        let watch = Stopwatch::start();
        jay_core::remember::one(&world.call(), new)?;
        let elapsed = watch.elapsed();
        world.engine().after_writes();
        if round >= WARM_UP {
            appended.push(times.0);
            committed.push(times.1);
            remembered.push(elapsed);
        }
    }
    report(&Measured::times(name, &remembered, Some(target(&remembered, &committed)?)));
    report(&Measured::times(format!("{name}: bare SQLite commit of the same text"), &committed, None));
    report(&Measured::times(format!("{name}: bare append and fdatasync of the same text"), &appended, None));
    Ok(())
}

fn target(remembered: &[Duration], committed: &[Duration]) -> Result<Target> {
    let ours = percentile(remembered, 50).context("nothing was remembered")?;
    let bare = percentile(committed, 50).context("nothing was committed")?;
    let limit = bare * 2 + ALLOWANCE;
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    let text = format!("median ≤ 2 × bare commit + 1 ms = {}; it is {ratio:.1} × the bare commit", show(limit));
    Ok(Target::new(text, ours <= limit))
}

fn batches(name: &str) -> Result<()> {
    let home = TempHome::new();
    let world = World::open(&home.path())?;
    let mut salad = Salad::new(12);
    let mut times = Vec::new();
    for _ in 0..BATCHES {
        let texts: Vec<String> = salad.memories(BATCH).collect();
        let watch = Stopwatch::start();
        world.batch(texts)?;
        times.push(watch.elapsed());
    }
    report(&Measured::times(name, &times, None));
    let seconds: f64 = times.iter().map(Duration::as_secs_f64).sum();
    let rate = f64::from(u32::try_from(BATCH * BATCHES)?) / seconds;
    report(&Measured::figure(
        format!("{name}: rate into a store of 0 to 10000"),
        format!("{rate:.0} memories/s"),
        None,
    ));
    Ok(())
}
