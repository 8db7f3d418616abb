//! Nearest vectors of 100,000: the whole search, the share of its two steps, and adding to the file.

use divan::Bencher;
use jay_models::{Encoded, kernel, sign_code, signs::SIGNS_VERSION, weighted_query};
use jay_store::vector_index::{Addition, Content, Model, Query, VectorIndex, VectorMath};
use jay_testkit::{Mixture, TempHome};

const DIMENSION: usize = 256;
const VECTORS: usize = 100_000;
const MATH: VectorMath = VectorMath {
    distances: kernel::distances,
    dot: kernel::dot,
    sign_code,
    query_code: weighted_query,
    version: SIGNS_VERSION,
};

fn main() {
    divan::main();
}

struct World {
    index: VectorIndex,
    content: Content,
    mixture: Mixture,
    /// Removed when it is dropped.
    home: TempHome,
}

impl World {
    fn new() -> Self {
        let home = TempHome::new();
        let index = VectorIndex::new(&home.path(), "bench", Model { id: "mixture".into(), dimension: DIMENSION }, MATH);
        let mut world = Self { index, content: Content::default(), mixture: Mixture::new(1, DIMENSION, 5000), home };
        world.note();
        let codes: Vec<Vec<u8>> = (0..VECTORS).map(|_| world.code()).collect();
        let mut builder = world.index.build().expect("a writable directory");
        for (doc, code) in (0..).zip(&codes) {
            builder.push(&Addition { doc, chunk: 0, namespace: 1, code }).expect("there is room");
        }
        builder.finish(world.content.mark(), 1, false).expect("there is room");
        world
    }

    fn code(&mut self) -> Vec<u8> {
        Encoded::from_vector(&self.mixture.vector()).expect("a vector of finite numbers").to_bytes()
    }

    fn note(&mut self) {
        self.content.push(self.content.mark().after(std::iter::empty()), vec![]);
    }
}

#[divan::bench]
fn vectors_nearest_10_of_100000(bencher: Bencher<'_, '_>) {
    let mut world = World::new();
    let queries: Vec<Query> =
        (0..64).map(|_| Query::read(&world.code(), DIMENSION, MATH).expect("of this dimension")).collect();
    let mut next = queries.iter().cycle();
    bencher.bench_local(|| {
        let search = world.index.at(&world.content).expect("whole");
        search.nearest(next.next().expect("a cycle"), 10, None, &[], &mut |_, _| true).expect("whole")
    });
    assert!(world.home.path().exists());
}

#[divan::bench]
fn vectors_open_a_file_of_100000(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| {
        let index = VectorIndex::new(&world.home.path(), "bench", world.index.model().clone(), MATH);
        index.at(&world.content).expect("whole").count()
    });
}

#[divan::bench(sample_count = 20)]
fn vectors_append_1000(bencher: Bencher<'_, '_>) {
    let mut world = World::new();
    let codes: Vec<Vec<u8>> = (0..1000).map(|_| world.code()).collect();
    let mut doc = VECTORS as i64;
    bencher.bench_local(|| {
        world.note();
        let additions: Vec<Addition<'_>> =
            (doc..).zip(&codes).map(|(doc, code)| Addition { doc, chunk: 0, namespace: 1, code }).collect();
        doc += 1000;
        world.index.append(&additions, &[], world.content.mark()).expect("there is room");
    });
}
