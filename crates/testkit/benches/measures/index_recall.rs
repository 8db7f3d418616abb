//! How much of the truly nearest the vector index finds: its ten against the ten of a comparison with every vector.
//!
//! No store is needed: the index is filled by hand. Two kinds of vectors, since one kind would flatter: `topics` are made up,
//! near others of the same topic ([`Mixture`]); `texts` are the built-in table's of the texts that all benchmarks use: words in
//! no order, so that all vectors lie around one direction and sign codes tell little. Both have the same target.

use crate::{Bench, MILLION, report};
use anyhow::{Context as _, Result};
use jay_models::{Embedder as _, Encoded, StaticEmbedder, kernel, sign_code, signs::SIGNS_VERSION, weighted_query};
use jay_store::vector_index::{Addition, Content, Model, Query, VectorIndex, VectorMath};
use jay_testkit::measured::{Measured, Target, percentile, show};
use jay_testkit::{Mixture, Random, Salad, Stopwatch, TempHome};
use std::time::Duration;

const MATH: VectorMath = VectorMath {
    distances: kernel::distances,
    dot: kernel::dot,
    sign_code,
    query_code: weighted_query,
    version: SIGNS_VERSION,
};
const DIMENSION: usize = 256;
/// How many vectors, and the least share of the nearest that must be found.
const SIZES: [(usize, f64); 2] = [(100_000, 0.99), (MILLION, 0.96)];
/// How many of the nearest are asked for.
const NEAREST: usize = 10;
const QUESTIONS: usize = 200;
/// Vectors to a topic, whatever their number.
const OF_A_TOPIC: usize = 20;

/// By so much two scores of one pair may differ; vectors that are equally near are equally right.
const ROUNDING: f32 = 1e-6;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for (vectors, least) in bench.sizes(SIZES) {
        let name = format!("vector index, {vectors} vectors");
        if !bench.runs(&name) {
            continue;
        }
        let (mut salad, mut random, mut asked) = (Salad::new(1), Random::new(62), Salad::new(61));
        let texts = || embed(&salad.memory());
        let questions = (0..QUESTIONS).map(|_| embed(&asked.text(2 + random.index(11))));
        of_data(&format!("{name}: texts"), vectors, least, texts, &questions.collect::<Result<Vec<_>>>()?)?;
        let mut mixture = Mixture::new(1, DIMENSION, vectors / OF_A_TOPIC);
        let questions: Vec<Vec<u8>> = (0..QUESTIONS).map(|_| encode(&mixture.vector())).collect::<Result<_>>()?;
        of_data(&format!("{name}: topics"), vectors, least, || encode(&mixture.vector()), &questions)?;
    }
    Ok(())
}

fn embed(text: &str) -> Result<Vec<u8>> {
    let vectors = StaticEmbedder::new().embed(&[text])?;
    encode(vectors.first().context("a text has a vector")?)
}

fn encode(vector: &[f32]) -> Result<Vec<u8>> {
    Ok(Encoded::from_vector(vector)?.to_bytes())
}

fn of_data(
    name: &str,
    vectors: usize,
    least: f64,
    mut vector: impl FnMut() -> Result<Vec<u8>>,
    questions: &[Vec<u8>],
) -> Result<()> {
    let home = TempHome::new();
    let index = VectorIndex::new(&home.path(), "bench", Model { id: name.to_owned(), dimension: DIMENSION }, MATH);
    let mut content = Content::default();
    content.push(content.mark().after(std::iter::empty()), vec![]);
    let codes: Vec<Vec<u8>> = (0..vectors).map(|_| vector()).collect::<Result<_>>()?;
    let mut builder = index.build()?;
    for (doc, code) in (0..).zip(&codes) {
        builder.push(&Addition { doc, chunk: 0, namespace: 1, code })?;
    }
    builder.finish(content.mark(), 1, false)?;
    let (mut found, mut times) = (0, Vec::with_capacity(questions.len()));
    for question in questions {
        let query = Query::read(question, DIMENSION, MATH).context("a code of the dimension")?;
        let watch = Stopwatch::start();
        let search = index.at(&content).map_err(|damage| anyhow::anyhow!("{damage}"))?;
        let nearest = search.nearest(&query, NEAREST, None, &[], &mut |_, _| true);
        let nearest = nearest.map_err(|damage| anyhow::anyhow!("{damage}"))?;
        times.push(watch.elapsed());
        let bound = least_of_nearest(question, &codes)?;
        found += nearest.iter().filter(|neighbour| neighbour.score >= bound - ROUNDING).count();
    }
    let share = found as f64 / (NEAREST * questions.len()) as f64;
    let target = Target::new(format!("≥ {least}"), share >= least);
    let value = format!("{share:.4} of the {NEAREST} nearest, {} a search", median(&times));
    report(&Measured::figure(name, value, Some(target)));
    Ok(())
}

fn median(times: &[Duration]) -> String {
    percentile(times, 50).map(show).unwrap_or_default()
}

/// The score of the last of the nearest, by a comparison with every vector.
fn least_of_nearest(question: &[u8], codes: &[Vec<u8>]) -> Result<f32> {
    let (scale, values) = split(question)?;
    let values: Vec<i8> = values.iter().map(|byte| byte.cast_signed()).collect();
    let mut scores = Vec::with_capacity(codes.len());
    for code in codes {
        let (of_code, bytes) = split(code)?;
        scores.push(kernel::dot(&values, bytes) as f32 * of_code * scale);
    }
    let place = NEAREST - 1;
    let (_, last, _) = scores.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
    Ok(*last)
}

/// The scale and the values of a code.
fn split(code: &[u8]) -> Result<(f32, &[u8])> {
    let (scale, values) = code.split_first_chunk().context("a code begins with its scale")?;
    Ok((f32::from_le_bytes(*scale), values))
}
