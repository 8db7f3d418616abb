//! From a directory to a model that makes vectors or judges, where this build has the capability.

use super::files::ModelKind;
use jay_models::{Embedder, Reranker};
use jay_types::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// The settings' file.
pub(super) const SETTINGS: &str = "jay-model.toml";
/// The graph.
pub(super) const GRAPH: &str = "model.onnx";
/// Where exporters of sentence encoders say how vectors of tokens become one.
#[cfg(any(feature = "transformer", feature = "network"))]
pub(super) const POOLING: &str = "1_Pooling/config.json";
/// Where exporters say what a model was trained for.
#[cfg(any(feature = "transformer", feature = "network"))]
pub(super) const CONFIG: &str = "config.json";
/// The tokenizer.
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// Settings that stand in place of those of the directory.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// mean, cls or none
    pub pooling: Option<String>,
    /// Stands before every question
    pub query_prefix: Option<String>,
    /// Stands before every document
    pub document_prefix: Option<String>,
    /// Tokens that the model reads
    pub window_tokens: Option<usize>,
    /// The graph's output
    pub output: Option<String>,
}

/// A model that was read and tried.
pub(super) struct Candidate {
    pub(super) id: String,
    pub(super) kind: ModelKind,
    /// 0 where it makes no vectors.
    pub(super) dimension: usize,
    pub(super) model: Vec<u8>,
    pub(super) tokenizer: Vec<u8>,
    pub(super) settings: String,
}

#[cfg(feature = "transformer")]
mod with {
    use super::{
        CONFIG, Candidate, Embedder, Error, GRAPH, ModelKind, Overrides, POOLING, Path, Reranker, Result, SETTINGS,
        TOKENIZER,
    };
    use jay_models::transformer::{CrossEncoder, Files, Loaded, Pooling, Settings, Transformer};
    use std::fs::File;
    use std::io::Read as _;

    /// The most bytes of one file of a model.
    const FILE_MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

    /// Reads one file of a model.
    fn read(path: &Path) -> Result<Vec<u8>> {
        let failed = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::bad_input(format!("{} is not there", path.display()))
                .hint("A model's directory holds model.onnx, tokenizer.json and, where it needs one, jay-model.toml."),
            _ => Error::io(format!("cannot read {}", path.display()), error),
        };
        let file = File::open(path).map_err(|error| failed(&error))?;
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            return Err(Error::bad_input(format!("{} is not a file", path.display())).hint("Name a model's directory."));
        }
        let mut bytes = Vec::new();
        file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > FILE_MAX_BYTES {
            return Err(Error::bad_input(format!("{} is larger than {FILE_MAX_BYTES} bytes", path.display()))
                .hint("Take a smaller model."));
        }
        Ok(bytes)
    }

    fn settings(directory: &Path) -> Result<Settings> {
        let path = directory.join(SETTINGS);
        if !path.exists() {
            return Ok(Settings::default());
        }
        let text = String::from_utf8(read(&path)?).map_err(|_| Error::bad_input(format!("{SETTINGS} is not text")))?;
        Settings::parse(&text)
    }

    /// True where the file beside the model says that the first token's vector is the text's. The mean needs no word: it is what
    /// is done without one.
    fn is_first_token(directory: &Path) -> Result<bool> {
        let path = directory.join(POOLING);
        if !path.exists() {
            return Ok(false);
        }
        let refused = |what: String| {
            Error::bad_input(format!("{POOLING}: {what}")).hint("Say it with `--pooling` (mean, cls, none) instead.")
        };
        let modes: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&read(&path)?).map_err(|error| refused(error.to_string()))?;
        let is_on = |(key, value): &(&String, &serde_json::Value)| {
            key.starts_with("pooling_mode_") && value.as_bool() == Some(true)
        };
        let on: Vec<&str> = modes.iter().filter(is_on).map(|(key, _)| key.as_str()).collect();
        match on.as_slice() {
            [] | ["pooling_mode_mean_tokens"] => Ok(false),
            ["pooling_mode_cls_token"] => Ok(true),
            others => Err(refused(format!("{} is not known", others.join(" with ")))),
        }
    }

    /// What the file beside the model calls it where it was trained to judge pairs.
    fn judging(directory: &Path) -> Result<Option<String>> {
        let path = directory.join(CONFIG);
        if !path.exists() {
            return Ok(None);
        }
        let config: serde_json::Value = serde_json::from_slice(&read(&path)?).map_err(|error| {
            Error::bad_input(format!("{CONFIG}: {error}")).hint("It is not needed: install the directory without it.")
        })?;
        let names = config.get("architectures").and_then(serde_json::Value::as_array).into_iter().flatten();
        let mut names = names.filter_map(serde_json::Value::as_str);
        Ok(names.find(|name| name.ends_with("ForSequenceClassification")).map(str::to_owned))
    }

    fn overridden(mut settings: Settings, with: Overrides) -> Result<Settings> {
        if let Some(name) = with.pooling {
            let known = [Pooling::Mean, Pooling::Cls, Pooling::None];
            let pooling = known.into_iter().find(|pooling| pooling.name() == name);
            settings.pooling = Some(pooling.ok_or_else(|| Error::bad_input(format!("no pooling `{name}`")))?);
        }
        settings.query_prefix = with.query_prefix.unwrap_or(settings.query_prefix);
        settings.document_prefix = with.document_prefix.unwrap_or(settings.document_prefix);
        settings.window_tokens = with.window_tokens.or(settings.window_tokens);
        settings.output = with.output.or(settings.output);
        settings.checked()
    }

    pub(in crate::models) fn candidate(directory: &Path, graph: &Path, with: Overrides) -> Result<Candidate> {
        let settings = overridden(settings(directory)?, with)?;
        let model = read(graph)?;
        let tokenizer = read(&directory.join(TOKENIZER))?;
        let load =
            |settings: Settings| Loaded::tried(Files { model: model.clone(), tokenizer: tokenizer.clone(), settings });
        let has_named_output = settings.output.is_some();
        let loaded = if settings.pooling.is_none() && is_first_token(directory)? {
            let first = load(Settings { pooling: Some(Pooling::Cls), ..settings.clone() });
            // A graph whose output is one vector has the exporter's pooling in it.
            first.or_else(|_| load(settings))?
        } else {
            load(settings)?
        };
        let (kind, id, dimension, settings) = match &loaded {
            Loaded::Encoder(model) => (ModelKind::Encoder, model.id(), model.dimension(), model.settings()),
            Loaded::CrossEncoder(model) => (ModelKind::CrossEncoder, model.id(), 0, model.settings()),
        };
        let judging = if kind == ModelKind::Encoder && !has_named_output { judging(directory)? } else { None };
        if let Some(name) = judging {
            return Err(Error::bad_input(format!("{CONFIG} says {name}, and model.onnx has no output `logits`")).hint(
                "Export it for sequence classification; or install it without config.json as a model that makes vectors.",
            ));
        }
        let (id, text) = (id.to_owned(), settings.to_toml()?);
        Ok(Candidate { id, kind, dimension, model, tokenizer, settings: text })
    }

    #[cfg(feature = "network")]
    pub(in crate::models) fn check_small(directory: &Path) -> Result<()> {
        settings(directory)?;
        Transformer::check_tokenizer(&read(&directory.join(TOKENIZER))?)
    }

    pub(in crate::models) fn installed(directory: &Path) -> Result<Transformer> {
        let settings = settings(directory)?;
        let (model, tokenizer) = (read(&directory.join(GRAPH))?, read(&directory.join(TOKENIZER))?);
        Transformer::load(Files { model, tokenizer, settings })
    }

    pub(in crate::models) fn installed_judge(directory: &Path) -> Result<CrossEncoder> {
        let settings = settings(directory)?;
        let (model, tokenizer) = (read(&directory.join(GRAPH))?, read(&directory.join(TOKENIZER))?);
        CrossEncoder::load(Files { model, tokenizer, settings })
    }
}

fn missing() -> Error {
    Error::new(jay_types::Code::Refused, "this jay was built without transformer models")
        .hint("Build it with the feature `transformer`, which is on by default.")
}

/// Refuses where this build cannot read a model's files.
pub(super) fn demand() -> Result<()> {
    if cfg!(feature = "transformer") { Ok(()) } else { Err(missing()) }
}

/// Reads what stands beside a model, before the model is here.
#[cfg(all(feature = "transformer", feature = "network"))]
pub(super) use with::check_small;

#[cfg(all(not(feature = "transformer"), feature = "network"))]
pub(super) fn check_small(_: &Path) -> Result<()> {
    Err(missing())
}

/// Reads a model that is to be installed, and tries it.
#[cfg(feature = "transformer")]
pub(super) fn candidate(directory: &Path, graph: &Path, with: Overrides) -> Result<Candidate> {
    with::candidate(directory, graph, with)
}

#[cfg(not(feature = "transformer"))]
pub(super) fn candidate(_: &Path, _: &Path, _: Overrides) -> Result<Candidate> {
    Err(missing())
}

/// Loads an installed model.
#[cfg(feature = "transformer")]
pub(super) fn installed(directory: &Path) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(with::installed(directory)?))
}

#[cfg(not(feature = "transformer"))]
pub(super) fn installed(_: &Path) -> Result<Arc<dyn Embedder>> {
    Err(missing())
}

/// Loads an installed cross-encoder.
#[cfg(feature = "transformer")]
pub(super) fn installed_judge(directory: &Path) -> Result<Arc<dyn Reranker>> {
    Ok(Arc::new(with::installed_judge(directory)?))
}

#[cfg(not(feature = "transformer"))]
pub(super) fn installed_judge(_: &Path) -> Result<Arc<dyn Reranker>> {
    Err(missing())
}
