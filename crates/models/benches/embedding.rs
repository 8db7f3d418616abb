//! What the built-in embedder costs: a query waits for it, and so does every memory that is written.

use divan::Bencher;
use divan::counter::ItemsCount;
use jay_models::{Embedder as _, StaticEmbedder};

fn main() {
    divan::main();
}

const QUERY: &str = "when did the certificate of the staging host expire";
/// About thirty tokens.
const SENTENCE: &str = "The deploy to production failed on Friday because the certificate of the load balancer had \
                        expired, and nobody on call had been told that it would.";

/// A short query, as one call.
#[divan::bench]
fn embed_query(bencher: Bencher) {
    bencher.bench(|| StaticEmbedder::new().embed(divan::black_box(&[QUERY])));
}

/// A thousand sentences of thirty tokens, as a backfill does them.
#[divan::bench]
fn embed_sentences(bencher: Bencher) {
    let texts = [SENTENCE; 1000];
    bencher.counter(ItemsCount::new(texts.len())).bench(|| StaticEmbedder::new().embed(divan::black_box(&texts)));
}

/// A text of 100,000 words.
#[divan::bench]
fn embed_long_text(bencher: Bencher) {
    let text = "restart the worker once more ".repeat(20_000);
    bencher.bench(|| StaticEmbedder::new().embed(divan::black_box(&[text.as_str()])));
}

/// Every pair of a query's and a document's tokens, as late interaction compares them.
#[divan::bench]
fn compare_tokens(bencher: Bencher) {
    let rows = |text: &str| {
        StaticEmbedder::new()
            .token_ids(text)
            .into_iter()
            .filter_map(|id| StaticEmbedder::new().row(id))
            .collect::<Vec<_>>()
    };
    let (query, document) = (rows(QUERY), rows(SENTENCE));
    bencher.counter(ItemsCount::new(query.len() * document.len())).bench(|| {
        let best = |row: &jay_models::static_table::Row| {
            document.iter().map(|other| row.to_probe().cosine(other)).fold(0.0_f32, f32::max)
        };
        divan::black_box(&query).iter().map(best).sum::<f32>()
    });
}
