//! Recall by an engine that is open already: one caller, questions of 2 to 12 words.

use crate::world::World;
use crate::{Bench, report};
use anyhow::{Result, ensure};
use jay_testkit::measured::Measured;
use jay_testkit::{Random, Salad, Stopwatch};
use jay_types::request::RecallQuery;
use serde_json::json;

/// Sizes of the store, with how many questions are asked of it.
const SIZES: [(usize, usize); 3] = [(1_000, 1_000), (10_000, 600), (100_000, 300)];
/// Questions that bring the store into the page cache.
const WARM_UP: usize = 30;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for (memories, questions) in SIZES {
        let name = format!("warm recall, {memories} memories");
        if bench.runs(&name) {
            let _ = bench.stores.jay(memories)?;
            warm(&name, &World::open(&bench.stores.home(memories))?, questions)?;
        }
    }
    Ok(())
}

fn warm(name: &str, world: &World, questions: usize) -> Result<()> {
    let (mut salad, mut random) = (Salad::new(21), Random::new(22));
    let (mut times, mut answered) = (Vec::new(), 0);
    for round in 0..WARM_UP + questions {
        let words = 2 + random.index(11);
        let query: RecallQuery = serde_json::from_value(json!({ "query": salad.text(words) }))?;
        let watch = Stopwatch::start();
        let recalled = jay_core::recall::recall(&world.call(), &query)?;
        let elapsed = watch.elapsed();
        if round >= WARM_UP {
            times.push(elapsed);
            answered += usize::from(!recalled.hits.is_empty());
        }
    }
    // A store that answers nothing is quick.
    ensure!(answered * 10 >= questions * 9, "only {answered} of {questions} questions found anything");
    report(&Measured::times(name, &times, None));
    Ok(())
}
