//! The open doors from outside, over a store that does not exist.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value)]

mod http;
mod mcp;

use jay_core::{Engine, EngineOptions, Surroundings};
use jay_serve::Service;
use jay_types::Timestamp;
use std::path::Path;
use std::sync::Arc;

pub(crate) struct Still;

impl Surroundings for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_777_000_000_000_000)
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub(crate) fn service() -> (Arc<Service>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(engine(folder.path()));
    (Service::start(engine, Arc::new(Still), "0.0.0").unwrap(), folder)
}

/// An engine over the store in `folder`, as another process has it.
pub(crate) fn engine(folder: &Path) -> Engine {
    let options = EngineOptions {
        data_dir: folder.join("scrubjay"),
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
    Engine::open(options, Arc::new(Still)).unwrap()
}
