//! Recall by an engine that is open already: one caller and several at once, questions of 2 to 12 words.

use crate::memory::Resident;
use crate::world::World;
use crate::{Bench, MILLION, report};
use anyhow::{Result, anyhow, ensure};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Random, Salad, Stopwatch};
use jay_types::request::RecallQuery;
use serde_json::json;
use std::time::Duration;

/// How many questions are asked of a size, and what was promised of it.
struct Size {
    questions: usize,
    /// Questions that bring the store into the page cache.
    warm_up: usize,
    promise: Promise,
}

/// What was promised: the median and the 99th percentile of one caller, that of [`CALLERS`], and the bytes of memory.
#[derive(Clone, Copy)]
struct Promise {
    of_one: Option<(Duration, Duration)>,
    of_many: Option<Duration>,
    bytes: Option<u64>,
}

const NO_PROMISE: Promise = Promise { of_one: None, of_many: None, bytes: None };
/// By the number of memories. The largest comes first: what memory it takes is not what another one left behind.
const SIZES: [(usize, Size); 4] = [
    (
        MILLION,
        Size {
            questions: 300,
            warm_up: 100,
            promise: Promise {
                of_one: Some((Duration::from_millis(20), Duration::from_millis(80))),
                of_many: None,
                bytes: Some(1_200_000_000),
            },
        },
    ),
    (
        100_000,
        Size {
            questions: 300,
            warm_up: 30,
            promise: Promise {
                of_one: Some((Duration::from_millis(5), Duration::from_millis(25))),
                of_many: Some(Duration::from_millis(60)),
                bytes: None,
            },
        },
    ),
    (10_000, Size { questions: 600, warm_up: 30, promise: NO_PROMISE }),
    (1_000, Size { questions: 1_000, warm_up: 30, promise: NO_PROMISE }),
];
/// Callers at once.
const CALLERS: u64 = 8;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for (memories, size) in bench.sizes(SIZES) {
        let name = format!("warm recall, {memories} memories");
        if bench.runs(&name) {
            let _ = bench.stores.jay(memories)?;
            of_size(bench, &name, memories, &size)?;
        }
    }
    Ok(())
}

fn of_size(bench: &Bench, name: &str, memories: usize, size: &Size) -> Result<()> {
    let Size { questions, warm_up, promise } = size;
    let world = World::open(&bench.stores.home(memories))?;
    ask(&world, 23, *warm_up)?;
    let alone = ask(&world, 21, *questions)?;
    report(&Measured::times(name, &alone, promise.of_one.map(|promise| of_one(&alone, promise))));
    let together = at_once(&world, *questions)?;
    let target = promise.of_many.map(|promise| of_many(&together, promise));
    report(&Measured::times(format!("{name}, {CALLERS} callers"), &together, target));
    let megabytes = |bytes: u64| format!("{:.0} MB", bytes as f64 / 1e6);
    if let (Some(most), Some(resident)) = (promise.bytes, Resident::now()) {
        let target = Target::new(format!("≤ {}", megabytes(most)), resident.bytes() <= most);
        let parts =
            format!("{} of its own, {} of mapped files", megabytes(resident.anonymous), megabytes(resident.of_files));
        let all = format!("{}: {parts}", megabytes(resident.bytes()));
        report(&Measured::figure(format!("{name}: in memory afterwards"), all, Some(target)));
    }
    if let Some(filled_in) = bench.stores.filled_in(memories).filter(|_| memories >= MILLION) {
        let rate = format!("{:.0} memories/s", memories as f64 / filled_in.as_secs_f64().max(0.001));
        report(&Measured::figure(format!("{name}: filled in batches of 1000"), rate, None));
    }
    Ok(())
}

fn of_one(times: &[Duration], (most, worst): (Duration, Duration)) -> Target {
    let within = |percent, bound| percentile(times, percent).is_some_and(|time| time <= bound);
    Target::new(format!("p50 ≤ {}, p99 ≤ {}", show(most), show(worst)), within(50, most) && within(99, worst))
}

fn of_many(times: &[Duration], worst: Duration) -> Target {
    let is_kept = percentile(times, 99).is_some_and(|time| time <= worst);
    Target::new(format!("p99 ≤ {}", show(worst)), is_kept)
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
