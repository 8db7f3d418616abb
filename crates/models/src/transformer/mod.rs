//! BERT-type models in ONNX: better than the table where the words differ, at a thousand times its cost; and cross-encoders,
//! which read question and document together ([`CrossEncoder`]).
//!
//! A model is a directory with `model.onnx` (f32 or int8), `tokenizer.json` (WordPiece) and, where its vectors are not
//! the mean over the tokens, `jay-model.toml` ([`Settings`]). Its bytes are given; it is loaded once and kept.
//!
//! A question runs on one thread. Documents run one by one on a thread per core: the runtime gains little from several
//! threads for one text, and a batch would let the texts beside it change an int8 vector, whose scale is that of the batch.
//!
//! **Invariant:** the id is a hash of both files, the settings and of how they are read here. Whatever the files hold, the
//! answer is an embedder or a typed error.

mod bounds;
mod cross_encoder;
mod graph;
mod settings;
mod tokenizer;
mod workers;

pub use cross_encoder::{CrossEncoder, QUESTION_TOKENS_MAX};
pub use settings::{Pooling, Settings, WINDOW_MAX};

use crate::{CHUNK_TOKENS, Embedder, vector};
use graph::Graph;
use jay_types::Error;
use rten::ThreadPool;
use std::sync::Arc;
use tokenizer::Tokenizer;
use workers::Workers;

/// Counts up when equal files give other vectors.
const READING_VERSION: u32 = 1;
/// Characters of the hash in an id.
const ID_CHARS: usize = 16;

/// A model's files.
#[derive(Clone)]
pub struct Files {
    /// `model.onnx`
    pub model: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
    /// `jay-model.toml`, or what takes its place.
    pub settings: Settings,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Files({} and {} bytes)", self.model.len(), self.tokenizer.len())
    }
}

impl Files {
    /// The name of everything that decides the vectors.
    #[must_use]
    pub fn id(&self) -> String {
        format!("onnx-{}", self.hash())
    }

    fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&READING_VERSION.to_le_bytes());
        for part in [&self.model, &self.tokenizer, self.settings.canonical().as_bytes()] {
            hasher.update(blake3::hash(part).as_bytes());
        }
        hasher.finalize().to_hex().get(..ID_CHARS).unwrap_or_default().to_owned()
    }
}

/// What a model's files turn out to be.
#[derive(Debug)]
pub enum Loaded {
    /// It makes vectors.
    Encoder(Transformer),
    /// It judges pairs.
    CrossEncoder(CrossEncoder),
}

impl Loaded {
    /// Loads whatever it is and tries it with the longest and the last that it will be given.
    ///
    /// # Errors
    /// `bad_input` that names the file and what is wrong with it.
    pub fn tried(files: Files) -> Result<Self, Error> {
        let parts = Parts::load(files)?;
        if parts.graph.judges() {
            let model = CrossEncoder::of(parts)?;
            model.try_out()?;
            return Ok(Self::CrossEncoder(model));
        }
        let model = Transformer::of(parts)?;
        model.try_out()?;
        Ok(Self::Encoder(model))
    }
}

/// What a trial says where the graph does not take the tokenizer's last token.
fn no_token(token: u32, error: &Error) -> Error {
    Error::bad_input(format!("tokenizer.json has a token {token} that the model does not take"))
        .hint(format!("The two files must belong together. {}", error.message))
}

/// What a trial says where the graph does not take as many tokens as the window has.
fn no_room(tokens: usize, error: &Error) -> Error {
    Error::bad_input(format!("the model does not take {tokens} tokens: {}", error.message))
        .hint("Set a smaller window_tokens.")
}

/// What both kinds are made of.
struct Parts {
    hash: String,
    settings: Settings,
    tokenizer: Tokenizer,
    graph: Graph,
}

impl Parts {
    fn load(files: Files) -> Result<Self, Error> {
        let hash = files.hash();
        let settings = files.settings.checked()?;
        let tokenizer = Tokenizer::parse(&files.tokenizer)?;
        let graph = Graph::load(files.model, &settings)?;
        Ok(Self { hash, settings, tokenizer, graph })
    }
}

/// A loaded model.
pub struct Transformer {
    id: String,
    dimension: usize,
    graph: Graph,
    tokenizer: Tokenizer,
    settings: Settings,
    query_pool: Arc<ThreadPool>,
    workers: Workers,
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transformer({}, {})", self.id, self.dimension)
    }
}

impl Transformer {
    /// Loads a model and asks it one question, which tells its dimension.
    ///
    /// # Errors
    /// `bad_input` that names the file and what is wrong with it.
    pub fn load(files: Files) -> Result<Self, Error> {
        Self::of(Parts::load(files)?)
    }

    fn of(parts: Parts) -> Result<Self, Error> {
        let Parts { hash, settings, tokenizer, graph } = parts;
        if graph.judges() {
            return Err(Error::bad_input("model.onnx: its output `logits` judges pairs and is no vector")
                .hint("It is a cross-encoder: `jay model install` keeps it as one."));
        }
        let query_pool = Arc::new(ThreadPool::with_num_threads(1));
        let (short, _) = tokenizer.encode("a question", settings.window());
        let dimension = graph.run(&short, &query_pool)?.len();
        let workers = Workers::default();
        Ok(Self { id: format!("onnx-{hash}"), dimension, graph, tokenizer, settings, query_pool, workers })
    }

    /// Reads a `tokenizer.json` and forgets it: a directory may be refused for it before the model is here.
    ///
    /// # Errors
    /// `bad_input` that says what is wrong with it.
    pub fn check_tokenizer(json: &[u8]) -> Result<(), Error> {
        Tokenizer::parse(json).map(drop)
    }

    /// Tries the model with the longest text and the last token that it will ever be given. Loading does not, since it takes
    /// as long as ten questions.
    ///
    /// # Errors
    /// `bad_input` where the graph has no room for one of them.
    pub fn try_out(&self) -> Result<(), Error> {
        let greatest = self.tokenizer.greatest();
        let (mut ids, _) = self.tokenizer.encode("a question", self.settings.window());
        self.graph.run(&ids, &self.query_pool)?;
        ids.insert(ids.len() / 2, greatest);
        self.graph.run(&ids, &self.query_pool).map_err(|error| no_token(greatest, &error))?;
        let window = self.settings.window();
        let long = "a ".repeat(window);
        let (ids, _) = self.tokenizer.encode(&long, window);
        self.graph.run(&ids, &self.query_pool).map_err(|error| no_room(ids.len(), &error))?;
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn vector(&self, prefix: &str, text: &str, pool: &Arc<ThreadPool>) -> Result<Vec<f32>, Error> {
        let prefixed;
        let (whole, has_words) = if prefix.is_empty() {
            self.tokenizer.encode(text, self.settings.window())
        } else {
            prefixed = format!("{prefix}{text}");
            let has_words = self.tokenizer.encode(text, self.settings.window()).1;
            (self.tokenizer.encode(&prefixed, self.settings.window()).0, has_words)
        };
        if !has_words {
            return Ok(vec![0.0; self.dimension]);
        }
        let mut vector = self.graph.run(&whole, pool)?;
        if vector.len() != self.dimension {
            return Err(Error::internal(format!("{} gave vectors of two lengths", self.id)));
        }
        vector::normalise(&mut vector);
        Ok(vector)
    }
}

impl Embedder for Transformer {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let prefix = &self.settings.document_prefix;
        let vectors = self
            .workers
            .each(texts.len(), |at, pool| self.vector(prefix, texts.get(at).copied().unwrap_or_default(), pool));
        vectors.into_iter().collect()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.vector(&self.settings.query_prefix, text, &self.query_pool)
    }

    fn chunk_tokens(&self) -> usize {
        // The estimate of tokens is a rough one, and the prefix takes its room.
        let prefix = self.tokenizer.encode(&self.settings.document_prefix, self.settings.window()).0.len();
        (self.settings.window().saturating_sub(prefix) * 4 / 5).clamp(8, CHUNK_TOKENS)
    }
}

#[cfg(test)]
mod tests;
