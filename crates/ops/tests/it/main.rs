//! The catalogue from outside: its surfaces, and how it refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value)]

mod agents;
mod refusals;
mod stories;
mod surface;

use jay_core::{ActorKind, Caller, Door, Engine, EngineOptions, Surroundings};
use jay_ops::{Context, call, find};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Timestamp};
use serde_json::Value;

/// A clock that stands still and bytes that are all alike.
pub(crate) struct Still;

impl Surroundings for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_777_000_000_000_000)
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub(crate) fn caller(kind: ActorKind, door: Door) -> Caller {
    Caller { kind, name: "ann".to_owned(), door, namespace: NamespacePath::global() }
}

/// Calls an operation on a store that does not exist.
pub(crate) fn try_call(op: &str, caller: &Caller, input: Value) -> Result<Value, Error> {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        data_dir: folder.path().join("scrubjay"),
        force_location: true,
        embedder: jay_core::EmbedderChoice::None,
        model: None,
        reranker: None,
        retention: None,
        machine_id: "test".to_owned(),
        host: "host".to_owned(),
        user: "ann".to_owned(),
        home: None,
        variables: std::collections::BTreeMap::new(),
        namespace_of: None,
    };
    let engine = Engine::open(options, std::sync::Arc::new(Still)).unwrap();
    call(find(op)?, &Context { engine: &engine, caller, surroundings: &Still }, input)
}
