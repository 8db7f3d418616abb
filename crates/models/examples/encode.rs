//! Vectors of an installed kind of model, for comparing them with other runtimes:
//! `… --example encode --features transformer -- DIRECTORY [FILE]` reads a text a line and writes a vector a line as JSON;
//! with `--time` it writes how long questions and documents take instead.
#![allow(clippy::print_stdout)]

use jay_models::Embedder as _;
use jay_models::transformer::{Files, Settings, Transformer};
use jay_testkit::Stopwatch;
use std::path::Path;

/// Questions and documents that are timed.
const TIMED: usize = 200;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named: Vec<&String> = words.iter().filter(|word| *word != "--time").collect();
    let [directory, rest @ ..] = named.as_slice() else {
        println!("name a directory");
        return;
    };
    let directory = Path::new(directory);
    let graph = rest.first().map_or("model.onnx", |name| name.as_str());
    let read = |name: &str| std::fs::read(directory.join(name)).expect("a file of the model");
    let watch = Stopwatch::start();
    let files = Files { model: read(graph), tokenizer: read("tokenizer.json"), settings: Settings::default() };
    let model = Transformer::load(files).expect("a model");
    if words.iter().any(|word| word == "--time") {
        println!("load {:.1} ms", elapsed_ms(watch));
        time(&model);
        return;
    }
    let texts: Vec<String> = std::io::stdin().lines().map(|line| line.expect("text")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for vector in model.embed(&texts).expect("vectors") {
        println!("{}", serde_json::to_string(&vector).expect("numbers"));
    }
}

fn elapsed_ms(watch: Stopwatch) -> f64 {
    watch.elapsed().as_secs_f64() * 1000.0
}

fn time(model: &Transformer) {
    let mut times: Vec<f64> = (0..TIMED)
        .map(|n| {
            let question = format!("where did we put the key of server {n}");
            let watch = Stopwatch::start();
            model.embed_query(&question).expect("a vector");
            elapsed_ms(watch)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(TIMED * share / 100).copied().unwrap_or_default();
    println!("question p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    for words in [25, 170] {
        let texts: Vec<String> = (0..TIMED).map(|n| format!("{n} {}", "the worker waits ".repeat(words / 3))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let watch = Stopwatch::start();
        model.embed(&texts).expect("vectors");
        println!("documents of {words} words: {:.0} a second", TIMED as f64 * 1000.0 / elapsed_ms(watch));
    }
    // What a cross-encoder of this size takes for the best of a question: the layer after the last costs next to nothing.
    let texts: Vec<String> = (0..20).map(|n| format!("{n} {}", "the worker waits ".repeat(26))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut times: Vec<f64> = (0..20)
        .map(|_| {
            let watch = Stopwatch::start();
            model.embed(&texts).expect("vectors");
            elapsed_ms(watch)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("20 texts of 80 tokens: p50 {:.0} ms", times.get(10).copied().unwrap_or_default());
}
