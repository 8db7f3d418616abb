//! Models that a server has: OpenAI-compatible or Ollama, on this machine or another; and files of models from an address
//! ([`FileSource`]).
//!
//! A server is asked over HTTP, in batches for documents and alone for a question. What comes back is checked as if a stranger
//! had sent it. Nothing is ever sent but texts that the caller gave; which may be sent is the caller's to decide
//! ([`Embedder::leaves_machine`]).
//!
//! **Invariant:** the id names all that decides the vectors: what is spoken, address, model, prefixes, window, dimension. The
//! one place of this crate that does input and output.

mod address;
mod client;
mod dialect;
mod fetch;
mod patience;
mod settings;

pub use address::Address;
pub use fetch::{Advance, Answer, FetchPatience, FetchedFile, FileSource, TakePiece};
pub use patience::Patience;
pub use settings::{Api, Settings};

use crate::{CHUNK_TOKENS, Embedder, vector};
use client::{Client, Failure, Key};
use jay_types::surroundings::Surroundings;
use jay_types::{Code, Error};
use patience::Gate;
use std::sync::Arc;
use std::time::Duration;

/// Texts of one request.
const BATCH_TEXTS: usize = 32;
/// Bytes of the texts of one request, but for a single longer one.
const BATCH_BYTES: usize = 128 * 1024;

/// A model on a server.
pub struct Endpoint {
    id: String,
    dimension: usize,
    settings: Settings,
    address: Address,
    client: Client,
    patience: Patience,
    surroundings: Arc<dyn Surroundings>,
    questions: Gate,
    documents: Gate,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({}, {})", self.id, self.dimension)
    }
}

impl Endpoint {
    /// A model whose dimension is known; nothing is sent. `variable` gives the value of an environment variable.
    ///
    /// # Errors
    /// `bad_input` where the settings are not whole or the key's variable is not set; `refused` for a key in the clear.
    pub fn open(
        settings: Settings,
        variable: &dyn Fn(&str) -> Option<String>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, Error> {
        let settings = settings.checked()?;
        let dimension = settings.dimension.filter(|dimension| (1..=dialect::DIMENSION_MAX).contains(dimension));
        let dimension = dimension.ok_or_else(|| {
            Error::bad_input("endpoint.toml names no dimension").hint("Install the model again: `jay model install`.")
        })?;
        let (address, client) = connect(&settings, variable)?;
        Ok(Self {
            id: settings.id(),
            dimension,
            settings,
            address,
            client,
            patience: Patience::default(),
            surroundings,
            questions: Gate::default(),
            documents: Gate::default(),
        })
    }

    /// Asks for the vectors of two short texts, which tells the dimension.
    ///
    /// # Errors
    /// As [`Endpoint::open`], and what is wrong with the server's answer, in its own words where it has some.
    pub fn probe(
        settings: Settings,
        variable: &dyn Fn(&str) -> Option<String>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, Error> {
        let mut settings = settings.checked()?;
        let (_, client) = connect(&settings, variable)?;
        let texts = ["a question", "a document"].map(str::to_owned);
        let body = dialect::body(settings.api, &settings.model, &texts);
        let vectors = client
            .post(dialect::path(settings.api), &body, settings.document_timeout(), true)
            .and_then(|answer| {
                dialect::vectors(settings.api, &answer, texts.len(), None).map_err(|said| client.wrong(&said))
            })
            .map_err(|failure| {
                let error = failure.into_error();
                // Nothing is installed yet, so nothing answers in its place and no job waits.
                if error.code == Code::Unreachable {
                    error.hint("Start the server, or look at the address.")
                } else {
                    error
                }
            })?;
        settings.dimension = vectors.first().map(Vec::len);
        Self::open(settings, variable, surroundings)
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The settings, dimension included.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn ask(&self, texts: &[String], within: Duration) -> Result<Vec<Vec<f32>>, Failure> {
        let api = self.settings.api;
        let body = dialect::body(api, &self.settings.model, texts);
        let answer = self.client.post(dialect::path(api), &body, within, false)?;
        let vectors = dialect::vectors(api, &answer, texts.len(), Some(self.dimension));
        let mut vectors = vectors.map_err(|said| self.client.wrong(&said))?;
        vectors.iter_mut().for_each(|vector| vector::normalise(vector));
        Ok(vectors)
    }

    /// The vectors of a batch, asked for as often as patience allows.
    fn batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        self.documents.pass(self.surroundings.now())?;
        let mut tried = 0;
        loop {
            let failure = match self.ask(texts, self.settings.document_timeout()) {
                Ok(vectors) => {
                    self.documents.open();
                    self.questions.open();
                    return Ok(vectors);
                }
                // Nothing is wrong with the server.
                Err(Failure::Texts(said)) => return Err(Failure::Texts(said).into_error()),
                Err(failure) => failure,
            };
            tried += 1;
            let asked_for = match &failure {
                Failure::Later(_, after) => *after,
                _ => None,
            };
            let wait = match &failure {
                Failure::Later(..) if tried < self.patience.tries => {
                    self.patience.backoff(tried - 1, asked_for, &*self.surroundings)
                }
                _ => None,
            };
            let Some(wait) = wait else {
                let (error, now) = (failure.into_error(), self.surroundings.now());
                self.documents.close(now, &error, asked_for, &self.patience);
                self.questions.close(now, &error, asked_for, &self.patience);
                return Err(error);
            };
            std::thread::sleep(wait);
        }
    }
}

fn connect(settings: &Settings, variable: &dyn Fn(&str) -> Option<String>) -> Result<(Address, Client), Error> {
    let address = Address::parse(&settings.base)?;
    let key = settings.api_key_env.as_deref().map(|name| Key::of(name, variable(name))).transpose()?;
    Ok((address.clone(), Client::new(address, key)))
}

/// Servers refuse an empty text, and one of signs alone means nothing.
fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

impl Embedder for Endpoint {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut out = vec![vec![0.0; self.dimension]; texts.len()];
        let mut wanted = (0..).zip(texts).filter(|(_, text)| has_words(text)).peekable();
        while wanted.peek().is_some() {
            let (mut places, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some((place, text)) =
                wanted.next_if(|(_, text)| batch.is_empty() || bytes + text.len() <= BATCH_BYTES)
            {
                bytes += text.len();
                places.push(place);
                batch.push(format!("{}{text}", self.settings.document_prefix));
                if batch.len() == BATCH_TEXTS {
                    break;
                }
            }
            for (place, vector) in places.into_iter().zip(self.batch(&batch)?) {
                out.get_mut::<usize>(place).into_iter().for_each(|slot| slot.clone_from(&vector));
            }
        }
        Ok(out)
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        if !has_words(text) {
            return Ok(vec![0.0; self.dimension]);
        }
        self.questions.pass(self.surroundings.now())?;
        let texts = [format!("{}{text}", self.settings.query_prefix)];
        match self.ask(&texts, self.settings.query_timeout()) {
            Ok(vectors) => {
                self.questions.open();
                vectors.into_iter().next().ok_or_else(|| Error::internal(format!("{} gave no vector", self.id)))
            }
            Err(failure) => {
                let asked_for = match &failure {
                    Failure::Later(_, after) => *after,
                    _ => None,
                };
                let is_text = matches!(failure, Failure::Texts(_));
                let error = failure.into_error();
                if !is_text {
                    self.questions.close(self.surroundings.now(), &error, asked_for, &self.patience);
                }
                Err(error)
            }
        }
    }

    fn chunk_tokens(&self) -> usize {
        // A token has about four letters; the estimate is a rough one, and the prefix takes its room.
        let prefix = self.settings.document_prefix.len().div_ceil(4);
        (self.settings.window().saturating_sub(prefix) * 4 / 5).clamp(8, CHUNK_TOKENS)
    }

    fn leaves_machine(&self) -> bool {
        !self.address.is_loopback()
    }
}

#[cfg(test)]
mod tests;
