//! The engine in this process, as a door would open it.

use anyhow::Result;
use jay_core::{ActorKind, Call, Caller, Door, Engine, EngineOptions};
use jay_testkit::{Clock, Random, Stores};
use jay_types::Timestamp;
use jay_types::namespace::NamespacePath;
use jay_types::request::NewMemory;
use jay_types::surroundings::Surroundings;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

struct Steps {
    clock: Clock,
    random: Mutex<Random>,
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.clock.tick()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

/// An engine with somebody who calls it.
pub(crate) struct World {
    engine: Engine,
    caller: Caller,
}

impl World {
    /// Opens the data directory, which may be empty.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        // Later than whatever a binary with a real clock wrote into a shared store.
        let surroundings =
            Arc::new(Steps { clock: Clock::at("2027-01-01T00:00:00Z"), random: Mutex::new(Random::new(7)) });
        let options = EngineOptions {
            data_dir: data_dir.to_owned(),
            force_location: false,
            embedder: jay_core::EmbedderChoice::BuiltIn,
            model: None,
            reranker: None,
            retention: None,
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
            namespace: NamespacePath::parse(Stores::NAMESPACE)?,
        };
        Ok(Self { engine: Engine::open(options, surroundings)?, caller })
    }

    /// The engine.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A call of the one caller.
    pub(crate) fn call(&self) -> Call<'_> {
        Call { engine: &self.engine, caller: &self.caller, now: Timestamp(1_798_848_000_000_000), idempotency: None }
    }

    /// Remembers `texts` as one act.
    pub(crate) fn batch(&self, texts: Vec<String>) -> Result<()> {
        let memories: Vec<NewMemory> = texts.into_iter().map(|text| memory(&text)).collect::<Result<_>>()?;
        jay_core::remember::batch(&self.call(), memories)?;
        self.engine.after_writes();
        Ok(())
    }
}

/// A memory of that text and nothing else.
pub(crate) fn memory(text: &str) -> Result<NewMemory> {
    Ok(serde_json::from_value(json!({ "text": text }))?)
}
