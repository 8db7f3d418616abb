//! Recall by an engine that is open already: one caller and several at once, questions of 2 to 12 words.

use crate::world::World;
use crate::{Bench, report};
use anyhow::{Result, anyhow, ensure};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Random, Salad, Stopwatch};
use jay_types::request::RecallQuery;
use serde_json::json;
use std::time::Duration;

/// What was promised of one size: the median and the 99th percentile of one caller, and that of [`CALLERS`].
struct Promise {
    median: Duration,
    worst: Duration,
    worst_of_many: Duration,
}

/// Sizes of the store, with how many questions are asked of it and what was promised.
const SIZES: [(usize, usize, Option<Promise>); 3] = [
    (1_000, 1_000, None),
    (10_000, 600, None),
    (
        100_000,
        300,
        Some(Promise {
            median: Duration::from_millis(5),
            worst: Duration::from_millis(25),
            worst_of_many: Duration::from_millis(60),
        }),
    ),
];
/// Questions that bring the store into the page cache.
const WARM_UP: usize = 30;
/// Callers at once.
const CALLERS: u64 = 8;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for (memories, questions, promise) in SIZES {
        let name = format!("warm recall, {memories} memories");
        if bench.runs(&name) {
            let _ = bench.stores.jay(memories)?;
            let world = World::open(&bench.stores.home(memories))?;
            ask(&world, 23, WARM_UP)?;
            let alone = ask(&world, 21, questions)?;
            let target = promise.as_ref().map(|promise| of_one(&alone, promise));
            report(&Measured::times(&name, &alone, target));
            let together = at_once(&world, questions)?;
            let target = promise.as_ref().map(|promise| of_many(&together, promise));
            report(&Measured::times(format!("{name}, {CALLERS} callers"), &together, target));
        }
    }
    Ok(())
}

fn of_one(times: &[Duration], promise: &Promise) -> Target {
    let (median, worst) = (percentile(times, 50), percentile(times, 99));
    let is_kept = median.is_some_and(|time| time <= promise.median) && worst.is_some_and(|time| time <= promise.worst);
    Target::new(format!("p50 ≤ {}, p99 ≤ {}", show(promise.median), show(promise.worst)), is_kept)
}

fn of_many(times: &[Duration], promise: &Promise) -> Target {
    let is_kept = percentile(times, 99).is_some_and(|time| time <= promise.worst_of_many);
    Target::new(format!("p99 ≤ {}", show(promise.worst_of_many)), is_kept)
}

/// How long each of some questions takes.
fn ask(world: &World, seed: u64, questions: usize) -> Result<Vec<Duration>> {
    let (mut salad, mut random) = (Salad::new(seed), Random::new(seed + 1));
    let (mut times, mut answered) = (Vec::with_capacity(questions), 0);
    for _ in 0..questions {
        let words = 2 + random.index(11);
        let query: RecallQuery = serde_json::from_value(json!({ "query": salad.text(words) }))?;
        let watch = Stopwatch::start();
        let recalled = jay_core::recall::recall(&world.call(), &query)?;
        times.push(watch.elapsed());
        answered += usize::from(!recalled.hits.is_empty());
    }
    // A store that answers nothing is quick.
    ensure!(answered * 10 >= questions * 9, "only {answered} of {questions} questions found anything");
    Ok(times)
}

/// The same by several callers at once, who share the questions.
fn at_once(world: &World, questions: usize) -> Result<Vec<Duration>> {
    let each = questions.div_ceil(usize::try_from(CALLERS)?);
    std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..CALLERS).map(|caller| scope.spawn(move || ask(world, 300 + 2 * caller, each))).collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.join().map_err(|_| anyhow!("a caller panicked"))??);
        }
        Ok(times)
    })
}
