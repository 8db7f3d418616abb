//! How quick the vector index is and how much it finds, beside an exact scan of the same codes:
//! `cargo run --release -p jay-testkit --example vector_recall -- VECTORS [DIMENSION [TOPICS]]`.
#![allow(clippy::print_stdout)]

use jay_models::{Encoded, kernel, sign_code, signs::SIGNS_VERSION, weighted_query};
use jay_store::vector_index::{Addition, Code, Content, Model, Query, VectorIndex, VectorMath};
use jay_testkit::{Mixture, Stopwatch, TempHome};
use std::collections::BTreeSet;

const QUERIES: usize = 250;
const MATH: VectorMath = VectorMath {
    distances: kernel::distances,
    dot: kernel::dot,
    sign_code,
    query_code: weighted_query,
    version: SIGNS_VERSION,
};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let number = |place: usize, default: usize| numbers.get(place).copied().unwrap_or(default);
    let (count, dimension, topics) = (number(0, 100_000), number(1, 256), number(2, 5_000));
    let home = TempHome::new();
    let mut mixture = Mixture::new(1, dimension, topics);
    let mut code = || Encoded::from_vector(&mixture.vector()).expect("a vector of finite numbers").to_bytes();
    let codes: Vec<Vec<u8>> = (0..count).map(|_| code()).collect();
    let queries: Vec<Query> =
        (0..QUERIES).map(|_| Query::read(&code(), dimension, MATH).expect("of this dimension")).collect();
    let fresh: Vec<Vec<u8>> = (0..1000).map(|_| code()).collect();

    let index = VectorIndex::new(&home.path(), "bench", Model { id: "mixture".into(), dimension }, MATH);
    let mut content = Content::default();
    let note = |content: &mut Content| content.push(content.mark().after(std::iter::empty()), vec![]);
    note(&mut content);
    let watch = Stopwatch::start();
    let mut builder = index.build().expect("a writable directory");
    for (doc, code) in (0..).zip(&codes) {
        builder.push(&Addition { doc, chunk: 0, namespace: doc as u32 % 7, code }).expect("there is room");
    }
    builder.finish(content.mark(), 1, false).expect("there is room");
    println!("kernel {}, {count} vectors of {dimension} dimensions, {topics} topics", kernel::best().name);
    println!("build {:.0} ms", milliseconds(&watch));

    let mut opened = Vec::new();
    for _ in 0..20 {
        let again = VectorIndex::new(&home.path(), "bench", index.model().clone(), MATH);
        let watch = Stopwatch::start();
        assert_eq!(again.at(&content).expect("whole").count(), count);
        opened.push(milliseconds(&watch));
    }
    println!("open p50 {:.3} ms", middle(&mut opened));

    let search = index.at(&content).expect("whole");
    let _ = search.nearest(queries.first().expect("there are queries"), 10, None, &[], &mut |_, _| true);
    for (name, scope) in [("all", None), ("one namespace of seven", Some([3_u32].as_slice()))] {
        let (mut times, mut found, mut wanted) = (Vec::new(), 0, 0);
        let mut answers = Vec::new();
        // One after the other: an exact scan in between would measure memory.
        for query in &queries {
            let watch = Stopwatch::start();
            let search = index.at(&content).expect("whole");
            answers.push(search.nearest(query, 10, scope, &[], &mut |_, _| true).expect("whole"));
            times.push(milliseconds(&watch));
        }
        for (query, nearest) in queries.iter().zip(&answers) {
            let mut exact: Vec<(f32, i64)> = (0..)
                .zip(&codes)
                .filter(|(doc, _)| scope.is_none_or(|scope| scope.contains(&(*doc as u32 % 7))))
                .map(|(doc, code)| (query.score(&Code::read(code, dimension).expect("a code"), MATH), doc))
                .collect();
            exact.select_nth_unstable_by(9, |a, b| b.0.total_cmp(&a.0));
            let exact: BTreeSet<i64> = exact.iter().take(10).map(|(_, doc)| *doc).collect();
            wanted += exact.len();
            found += nearest.iter().filter(|neighbour| exact.contains(&neighbour.doc)).count();
        }
        times.sort_by(f64::total_cmp);
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        println!(
            "{name}: p50 {:.3} ms, p99 {p99:.3} ms, recall@10 of exact int8 {:.4}",
            middle(&mut times),
            f64::from(found as u32) / f64::from(wanted as u32)
        );
    }
    let docs: Vec<i64> = (0..200).map(|place| place * (count as i64 / 200)).collect();
    let mut times: Vec<f64> = queries
        .iter()
        .map(|query| {
            let watch = Stopwatch::start();
            assert_eq!(search.cosines(query, &docs).expect("whole").len(), docs.len());
            milliseconds(&watch)
        })
        .collect();
    println!("cosines of 200 documents: p50 {:.3} ms", middle(&mut times));
    for round in 0..3 {
        note(&mut content);
        let first = (count + round * fresh.len()) as i64;
        let additions: Vec<Addition<'_>> =
            (first..).zip(&fresh).map(|(doc, code)| Addition { doc, chunk: 0, namespace: 1, code }).collect();
        let watch = Stopwatch::start();
        index.append(&additions, &[], content.mark()).expect("there is room");
        println!("append {} vectors {:.2} ms", additions.len(), milliseconds(&watch));
    }
}

fn milliseconds(watch: &Stopwatch) -> f64 {
    watch.elapsed().as_secs_f64() * 1e3
}

fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
