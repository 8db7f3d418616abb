//! A model on a server: how it is asked for, tried and opened, where this build has the capability.
//!
//! In the data directory it is one small file, [`SETTINGS`]; the key is never in it.

use crate::engine::EngineOptions;
use jay_models::Embedder;
use jay_types::surroundings::Surroundings;
use jay_types::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How it is reached.
pub(super) const SETTINGS: &str = "endpoint.toml";

/// A model on a server as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub struct EndpointAsked {
    /// `http://…` or `https://…`
    pub base: String,
    /// openai or ollama
    pub api: String,
    /// What the server calls it
    pub model: String,
    /// What to call it here
    pub name: Option<String>,
    /// The environment variable that holds the key
    pub api_key_env: Option<String>,
    /// Stands before every question
    pub query_prefix: Option<String>,
    /// Stands before every document
    pub document_prefix: Option<String>,
    /// Tokens that it reads
    pub window_tokens: Option<usize>,
    /// How long a question may take
    pub query_timeout_ms: Option<u32>,
    /// How long a batch of documents may take
    pub document_timeout_ms: Option<u32>,
}

/// What a process brings along to reach a server.
#[derive(Clone)]
pub(crate) struct Reach {
    variables: Arc<BTreeMap<String, String>>,
    surroundings: Arc<dyn Surroundings>,
}

impl Reach {
    pub(crate) fn of(options: &EngineOptions, surroundings: &Arc<dyn Surroundings>) -> Self {
        Self { variables: Arc::new(options.variables.clone()), surroundings: Arc::clone(surroundings) }
    }
}

/// A model that answered.
pub(super) struct Probed {
    pub(super) id: String,
    pub(super) dimension: usize,
    /// Where it is, as people read it.
    pub(super) source: String,
    /// The file's text.
    pub(super) settings: String,
    /// What is to be said of where texts go.
    pub(super) notes: Vec<String>,
}

#[cfg(feature = "network")]
mod with {
    use super::{EndpointAsked, Error, Path, Probed, Reach, Result, SETTINGS};
    use jay_models::Embedder as _;
    use jay_models::network::{Address, Api, Endpoint, Settings};
    use std::sync::Arc;

    pub(super) fn probe(asked: EndpointAsked, reach: &Reach) -> Result<Probed> {
        let api = [Api::OpenAi, Api::Ollama].into_iter().find(|api| api.name() == asked.api);
        let settings = Settings {
            api: api
                .ok_or_else(|| Error::bad_input(format!("no api `{}`", asked.api)).hint("Say openai or ollama."))?,
            base: asked.base,
            model: asked.model,
            dimension: None,
            query_prefix: asked.query_prefix.unwrap_or_default(),
            document_prefix: asked.document_prefix.unwrap_or_default(),
            window_tokens: asked.window_tokens,
            api_key_env: asked.api_key_env,
            query_timeout_ms: asked.query_timeout_ms,
            document_timeout_ms: asked.document_timeout_ms,
        };
        let surroundings = Arc::clone(&reach.surroundings);
        let endpoint = Endpoint::probe(settings, &|name| reach.variables.get(name).cloned(), surroundings)?;
        let settings = endpoint.settings();
        let address = Address::parse(&settings.base)?;
        let mut notes = Vec::new();
        if endpoint.leaves_machine() {
            notes.push("it is on another machine: what is in namespaces below private/ is never sent to it".to_owned());
            if !address.is_tls() {
                notes.push("texts and questions go there unencrypted".to_owned());
            }
        }
        Ok(Probed {
            id: endpoint.id().to_owned(),
            dimension: endpoint.dimension(),
            source: format!("{} ({} {})", address.base(), settings.api.name(), settings.model),
            settings: settings.to_toml()?,
            notes,
        })
    }

    pub(super) fn open(directory: &Path, reach: &Reach) -> Result<Endpoint> {
        let path = directory.join(SETTINGS);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
        let surroundings = Arc::clone(&reach.surroundings);
        Endpoint::open(Settings::parse(&text)?, &|name| reach.variables.get(name).cloned(), surroundings)
    }
}

/// What is said where this build cannot.
#[cfg(not(feature = "network"))]
pub(super) fn missing() -> Error {
    Error::new(jay_types::Code::Refused, "this jay was built without the feature `network`")
        .hint("Build it with that feature, which is on by default, or install a model from a directory.")
}

/// Asks the server for two vectors.
#[cfg(feature = "network")]
pub(super) fn probe(asked: EndpointAsked, reach: &Reach) -> Result<Probed> {
    with::probe(asked, reach)
}

#[cfg(not(feature = "network"))]
pub(super) fn probe(_: EndpointAsked, _: &Reach) -> Result<Probed> {
    Err(missing())
}

/// Opens one that is noted here; nothing is sent.
#[cfg(feature = "network")]
pub(super) fn open(directory: &Path, reach: &Reach) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(with::open(directory, reach)?))
}

#[cfg(not(feature = "network"))]
pub(super) fn open(_: &Path, reach: &Reach) -> Result<Arc<dyn Embedder>> {
    let _ = (&reach.variables, &reach.surroundings);
    Err(missing())
}
