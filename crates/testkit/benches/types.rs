//! What every write pays before it reaches the store: normalising, hashing and naming.

use divan::Bencher;
use divan::counter::BytesCount;
use jay_testkit::Salad;
use jay_types::{EntityId, Hash, text};

fn main() {
    divan::main();
}

/// Normalised text of one memory (J9).
#[divan::bench]
fn normalise(bencher: Bencher) {
    let memory = Salad::new(1).memory();
    bencher.counter(BytesCount::of_str(&memory)).bench(|| text::normalise(divan::black_box(&memory)));
}

/// BLAKE3 of one memory.
#[divan::bench]
fn hash(bencher: Bencher) {
    let memory = Salad::new(1).memory();
    bencher.counter(BytesCount::of_str(&memory)).bench(|| Hash::of(divan::black_box(memory.as_bytes())));
}

/// The id of an archived message (J17).
#[divan::bench]
fn derived_id() -> EntityId {
    EntityId::derived("message", divan::black_box(&["claude-code", "0d8b6a2e-3f7c-4b1a-9e55-7c1f0a2b3c4d", "17"]))
}
