//! What a question to the text index costs: warm, in a fresh process's store, and with documents in no segment yet.
//!
//! 100,000 memories take half a minute to write before the first sample.

use divan::Bencher;
use jay_store::vector_index::VectorMath;
use jay_store::{
    ActorName, Analysis, Bm25, Draft, ListFilter, Machine, Scope, Store, StoreOptions, TermPrefix, TextQuery,
};
use jay_testkit::{Clock, Random, Salad, TempHome};
use jay_types::change::registry::TEXT;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::Surroundings;
use jay_types::{Error, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [10_000, 100_000];

struct Steps {
    clock: Clock,
    random: Mutex<Random>,
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.clock.tick()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.random.lock().expect("no bench panics while it holds this").fill(bytes);
    }
}

fn words(text: &str) -> String {
    text.to_lowercase().replace('.', "")
}

struct World {
    options: StoreOptions,
    memory: Store,
    _home: TempHome,
}

impl World {
    fn new(memories: usize) -> Self {
        let home = TempHome::new();
        let options = StoreOptions {
            directory: home.path().join("data"),
            force_location: false,
            machine: Machine { id: "bench".to_owned() },
            surroundings: Arc::new(Steps {
                clock: Clock::at("2026-11-01T00:00:00Z"),
                random: Mutex::new(Random::new(7)),
            }),
            analysis: Analysis {
                index_text: words,
                is_question: |text| text.ends_with('?'),
                touched: |_| vec![],
                version: 1,
                bm25: Bm25 { k1: 0.9, b: 0.4 },
            },
            vector_math: VectorMath {
                distances: jay_models::kernel::distances,
                query_code: jay_models::weighted_query,
                dot: jay_models::kernel::dot,
                sign_code: jay_models::sign_code,
                version: jay_models::signs::SIGNS_VERSION,
            },
            embedder: None,
            model: None,
        };
        let (memory, _) = Store::pair(&options);
        let mut salad = Salad::new(7);
        let actor = ActorName { kind: "person".to_owned(), name: "bench".to_owned() };
        let namespace = NamespacePath::parse("bench").expect("a path");
        for at in (0..memories).step_by(1000) {
            let written = memory.write::<_, Error>(&actor, |w| {
                let (namespace, _) = w.namespace(&namespace)?;
                for text in salad.memories((memories - at).min(1000)) {
                    let body = Body::default().with(TEXT, json!({"text": text}));
                    w.draft(Draft::new(namespace, EntityKind::Memory, w.new_id(), Op::Create, body));
                }
                Ok(())
            });
            written.expect("written");
            memory.tend().expect("tended");
        }
        Self { options, memory, _home: home }
    }

    /// One world of each size is enough for all benches.
    fn of(memories: usize) -> Arc<Self> {
        static WORLDS: LazyLock<Mutex<BTreeMap<usize, Arc<World>>>> = LazyLock::new(Mutex::default);
        let mut worlds = WORLDS.lock().expect("no bench panics while it holds this");
        Arc::clone(worlds.entry(memories).or_insert_with(|| Arc::new(Self::new(memories))))
    }
}

fn ask(store: &Store, query: &TextQuery) -> usize {
    let filter = ListFilter::shown(Scope::All);
    store.read::<_, Error>(|tx| Ok(tx.search_memories(query, &filter, 200)?.len())).expect("answered")
}

/// Questions of 2 to 12 words, frequent ones more often.
fn questions() -> impl FnMut() -> TextQuery {
    let (mut salad, mut count) = (Salad::new(99), 0);
    move || {
        count += 1;
        TextQuery::any((0..2 + count % 11).map(|_| salad.word().to_owned()).collect::<Vec<_>>())
    }
}

/// The best 200, warm.
#[divan::bench(args = SIZES, sample_count = 400, sample_size = 1)]
fn best_200(bencher: Bencher, memories: usize) {
    let world = World::of(memories);
    bencher.with_inputs(questions()).bench_local_values(|query| ask(&world.memory, &query));
}

/// The best 200 for one beginning of two letters, which stands for as many words as a beginning can.
#[divan::bench(args = SIZES, sample_count = 400, sample_size = 1)]
fn best_200_begun(bencher: Bencher, memories: usize) {
    let world = World::of(memories);
    let mut salad = Salad::new(98);
    let question = move || {
        let start = salad.word().chars().take(2).collect();
        TextQuery { prefixes: vec![TermPrefix { start, stems: vec![] }], ..TextQuery::default() }
    };
    bencher.with_inputs(question).bench_local_values(|query| ask(&world.memory, &query));
}

/// The best 200 from a store that was not open: database, manifest, segments.
#[divan::bench(args = SIZES, sample_count = 100, sample_size = 1)]
fn open_and_best_200(bencher: Bencher, memories: usize) {
    let world = World::of(memories);
    bencher.with_inputs(questions()).bench_local_values(|query| ask(&Store::pair(&world.options).0, &query));
}

/// The best 200 of memories that are in no segment yet, as many as there can be.
#[divan::bench(sample_count = 100, sample_size = 1)]
fn best_200_of_999_fresh(bencher: Bencher) {
    let world = World::of(999);
    bencher.with_inputs(questions()).bench_local_values(|query| ask(&world.memory, &query));
}

/// All segments of 10,000 memories made again from the journal: bodies read, analysed, written.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn segments_again(bencher: Bencher) {
    let world = World::of(10_000);
    bencher.counter(divan::counter::ItemsCount::new(10_000_usize)).bench_local(|| world.memory.renew_index());
}
