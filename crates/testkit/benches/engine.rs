//! What a caller pays in a warm process: a durable remember beside a bare append and sync of the same bytes, a batch, a
//! recall at three sizes.

use divan::Bencher;
use jay_core::{ActorKind, Call, Caller, Door, Engine, EngineOptions};
use jay_testkit::{Clock, Random, Salad, TempHome};
use jay_types::Timestamp;
use jay_types::namespace::NamespacePath;
use jay_types::request::{NewMemory, RecallQuery};
use jay_types::surroundings::Surroundings;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

fn main() {
    divan::main();
}

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

struct World {
    engine: Engine,
    caller: Caller,
    salad: Mutex<Salad>,
    home: TempHome,
}

impl World {
    fn new(memories: usize) -> Self {
        let home = TempHome::new();
        let surroundings =
            Arc::new(Steps { clock: Clock::at("2026-11-01T00:00:00Z"), random: Mutex::new(Random::new(7)) });
        let options = EngineOptions {
            data_dir: home.path().join("data"),
            force_location: false,
            test_embedder: false,
            machine_id: "bench".to_owned(),
            host: "bench".to_owned(),
            user: "bench".to_owned(),
            home: None,
            variables: BTreeMap::new(),
            namespace_of: None,
        };
        let caller = Caller {
            kind: ActorKind::Person,
            name: "bench".to_owned(),
            door: Door::Cli,
            namespace: NamespacePath::global(),
        };
        let engine = Engine::open(options, surroundings).expect("an engine");
        let world = Self { engine, caller, salad: Mutex::new(Salad::new(7)), home };
        for at in (0..memories).step_by(1000) {
            world.batch((memories - at).min(1000));
        }
        world
    }

    fn call(&self) -> Call<'_> {
        let now = Timestamp::parse("2026-11-02").expect("a date");
        Call { engine: &self.engine, caller: &self.caller, now, idempotency: None }
    }

    fn memory(&self) -> NewMemory {
        let text = self.salad.lock().expect("no bench panics while it holds this").memory();
        serde_json::from_value(json!({"text": text})).expect("a memory")
    }

    fn batch(&self, count: usize) {
        let memories = (0..count).map(|_| self.memory()).collect();
        jay_core::remember::batch(&self.call(), memories).expect("kept");
    }
}

/// The floor: the bytes of one memory appended to a file and synced.
#[divan::bench]
fn append_and_sync(bencher: Bencher) {
    let home = TempHome::new();
    let path = home.write("floor", "");
    let mut file = std::fs::File::options().append(true).open(path).expect("there");
    let memory = Salad::new(1).memory();
    bencher.bench_local(|| {
        file.write_all(memory.as_bytes()).expect("written");
        file.sync_data().expect("synced");
    });
}

/// One memory, durable when the call returns, in a store of 1,000.
#[divan::bench]
fn remember_durable(bencher: Bencher) {
    let world = World::new(1000);
    bencher
        .with_inputs(|| world.memory())
        .bench_local_values(|memory| jay_core::remember::one(&world.call(), memory).expect("kept"));
}

/// A thousand memories as one act.
#[divan::bench(sample_count = 5)]
fn remember_batch_of_1000(bencher: Bencher) {
    let world = World::new(0);
    bencher.bench_local(|| world.batch(1000));
}

/// One question of four words, warm, one caller.
#[divan::bench(args = [1000, 10_000], sample_count = 60)]
fn recall(bencher: Bencher, memories: usize) {
    let world = World::new(memories);
    let mut salad = Salad::new(99);
    let input = || -> RecallQuery { serde_json::from_value(json!({"query": salad.text(4)})).expect("a query") };
    bencher
        .with_inputs(input)
        .bench_local_values(|query| jay_core::recall::recall(&world.call(), &query).expect("answered"));
    assert!(world.home.path().exists());
}
