//! A cross-encoder: a BERT that reads question and document together and says how well one answers the other.
//!
//! A pair is `[CLS] question [SEP] document [SEP]`, with type 1 from the document on. The question has at most
//! [`QUESTION_TOKENS_MAX`] tokens and half of the window; of what is still too long the longer is cut first.
//!
//! **Invariant:** a pair's logit does not depend on the pairs beside it; whatever the files hold, the answer is a logit for
//! each pair or a typed error.

use super::graph::Graph;
use super::settings::Settings;
use super::tokenizer::Tokenizer;
use super::workers::Workers;
use super::{Files, Parts, no_room, no_token};
use crate::Reranker;
use jay_types::Error;
use rten::ThreadPool;
use std::sync::Arc;

/// Tokens of a question that are read: about fifty words.
pub const QUESTION_TOKENS_MAX: usize = 64;

/// A loaded model.
pub struct CrossEncoder {
    id: String,
    graph: Graph,
    tokenizer: Tokenizer,
    settings: Settings,
    workers: Workers,
}

impl std::fmt::Debug for CrossEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CrossEncoder({})", self.id)
    }
}

impl CrossEncoder {
    /// Loads a model; what it gives is looked at with the first pair.
    ///
    /// # Errors
    /// `bad_input` that names the file and what is wrong with it.
    pub fn load(files: Files) -> Result<Self, Error> {
        Self::of(Parts::load(files)?)
    }

    pub(super) fn of(parts: Parts) -> Result<Self, Error> {
        let Parts { hash, settings, tokenizer, graph } = parts;
        if !graph.judges() {
            return Err(Error::bad_input("model.onnx: it has no output `logits` and judges no pairs")
                .hint("A cross-encoder is needed, exported for sequence classification."));
        }
        tokenizer.demand_pairs()?;
        let makes_vectors =
            settings.pooling.is_some() || !settings.query_prefix.is_empty() || !settings.document_prefix.is_empty();
        if makes_vectors {
            return Err(Error::bad_input("a cross-encoder has no pooling and no prefixes")
                .hint("Leave them out of jay-model.toml and of the flags: they are for models that make vectors."));
        }
        Ok(Self { id: format!("cross-{hash}"), graph, tokenizer, settings, workers: Workers::default() })
    }

    /// Tries the model with a short pair, the last token and the longest pair that it will ever be given.
    ///
    /// # Errors
    /// `bad_input` where the graph has no room for one of them or gives more than one value.
    pub fn try_out(&self) -> Result<(), Error> {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let window = self.settings.window();
        let question = self.tokenizer.question("a question", window, QUESTION_TOKENS_MAX);
        let (mut ids, second) = self.tokenizer.pair(&question, "an answer", window);
        self.graph.judge(&ids, second, &pool)?;
        let greatest = self.tokenizer.greatest();
        ids.insert(second, greatest);
        self.graph.judge(&ids, second, &pool).map_err(|error| no_token(greatest, &error))?;
        let (ids, second) = self.tokenizer.pair(&question, &"a ".repeat(window), window);
        self.graph.judge(&ids, second, &pool).map_err(|error| no_room(ids.len(), &error))?;
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Reranker for CrossEncoder {
    fn id(&self) -> &str {
        &self.id
    }

    fn judge(
        &self,
        question: &str,
        documents: &[&str],
        is_late: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<f32>>, Error> {
        let window = self.settings.window();
        let question = self.tokenizer.question(question, window, QUESTION_TOKENS_MAX);
        let judged = self.workers.each(documents.len(), |at, pool| {
            if is_late() {
                return Ok(None);
            }
            let (ids, second) = self.tokenizer.pair(&question, documents.get(at).copied().unwrap_or_default(), window);
            self.graph.judge(&ids, second, pool).map(Some)
        });
        judged.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
