//! What of a write is made before the write lock is taken (I8): the terms and the vectors of its texts, which are most of
//! what a projection costs and need nothing of the store.
//!
//! **Invariant:** what is foreseen is what a projection makes of the same text. It is kept by the text itself, so that a
//! draft which came out otherwise is analysed inside the lock; it is never wrong, at worst of no use.

use crate::embedded::Lane;
use crate::open::Store;
use crate::project::document::{self, TextDocument};
use crate::project::memory::embedded_text;
use crate::text::Terms;
use crate::tx::Tx;
use crate::vectors::{StoredVector, WantedVectors};
use crate::write::WriteTx;
use jay_types::change::Body;
use jay_types::change::block::Block;
use jay_types::change::registry::TEXT;
use std::collections::HashMap;

/// Terms and vectors of texts that are about to be drafted; see [`WriteTx::foresee`].
#[derive(Debug, Default)]
pub struct Foreseen {
    terms: HashMap<String, Vec<u8>>,
    vectors: HashMap<String, Vec<(Lane, Vec<StoredVector>)>>,
}

impl Foreseen {
    pub(crate) fn extend(&mut self, other: Self) {
        self.terms.extend(other.terms);
        self.vectors.extend(other.vectors);
    }
}

impl Store {
    /// What a change that writes a memory's `body` now will put into the text index and beside it.
    #[must_use]
    pub fn foresee_memory(&self, body: &Body) -> Foreseen {
        let mut out = Foreseen::default();
        if let Some(text) = document::of_memory(body, self.options.surroundings.now()) {
            self.foresee_terms(&mut out, text);
        }
        let part = |name| body.registers.get(TEXT.name)?.get(name)?.as_str();
        if let Some(text) = part("text") {
            self.foresee_vectors(&mut out, embedded_text(part("title"), text));
        }
        out
    }

    /// The same of the messages of an archive block.
    #[must_use]
    pub fn foresee_block(&self, block: &Block) -> Foreseen {
        let mut out = Foreseen::default();
        for place in 0..block.messages.len() {
            if let Some(text) = document::of_message(block, place) {
                self.foresee_vectors(&mut out, text.0.clone());
                self.foresee_terms(&mut out, text);
            }
        }
        out
    }

    fn foresee_terms(&self, out: &mut Foreseen, text: TextDocument) {
        let terms = encode(&(self.options.analysis.index_text)(&text.0));
        out.terms.insert(text.0, terms);
    }

    fn foresee_vectors(&self, out: &mut Foreseen, text: String) {
        let lanes = [(Lane::Table, &self.options.embedder), (Lane::Model, &self.options.model)];
        let at_once = |wanted: &Option<WantedVectors>| wanted.as_ref().and_then(|wanted| wanted.at_once);
        // Of which document they are is known when it has its place in the journal.
        let made = lanes.into_iter().filter_map(|(lane, wanted)| Some((lane, at_once(wanted)?(0, &text)))).collect();
        out.vectors.insert(text, made);
    }
}

impl WriteTx<'_> {
    /// Hands over what was made before the lock for texts that this act drafts.
    pub fn foresee(&mut self, foreseen: Foreseen) {
        self.foreseen.borrow_mut().extend(foreseen);
    }
}

impl Tx<'_> {
    /// A document's terms, encoded.
    pub(crate) fn terms(&self, text: &TextDocument) -> Vec<u8> {
        let foreseen = self.foreseen.borrow().terms.get(&text.0).cloned();
        foreseen.unwrap_or_else(|| encode(&(self.analysis.index_text)(&text.0)))
    }

    /// A document's vectors by an embedder that makes them at once.
    pub(crate) fn vectors_of(
        &self,
        lane: Lane,
        doc: i64,
        text: &str,
        embed: fn(i64, &str) -> Vec<StoredVector>,
    ) -> Vec<StoredVector> {
        let foreseen = self.foreseen.borrow();
        let lanes = foreseen.vectors.get(text);
        let Some((_, vectors)) = lanes.and_then(|lanes| lanes.iter().find(|(of, _)| *of == lane)) else {
            return embed(doc, text);
        };
        vectors.iter().map(|vector| StoredVector { doc, ..vector.clone() }).collect()
    }
}

type Embed = fn(i64, &str) -> Vec<StoredVector>;

/// Texts whose terms and vectors are made on all cores.
pub(crate) struct Foreseeing {
    index_text: fn(&str) -> String,
    lanes: Vec<(Lane, Embed)>,
    texts: Vec<Wanted>,
}

enum Wanted {
    Terms(String),
    Vectors(String),
}

/// Texts from which another thread is worth its start.
const TEXTS_PER_THREAD: usize = 64;

impl Foreseeing {
    /// For the analysis of `tx`, and those of `lanes` whose vectors are made at once.
    pub(crate) fn new(tx: &Tx<'_>, lanes: &[Lane]) -> Self {
        let at_once = tx.lanes().filter(|(lane, _)| lanes.contains(lane));
        let lanes = at_once.filter_map(|(lane, wanted)| Some((lane, wanted.at_once?))).collect();
        Self { index_text: tx.analysis.index_text, lanes, texts: Vec::new() }
    }

    pub(crate) fn terms(&mut self, text: &TextDocument) {
        self.texts.push(Wanted::Terms(text.0.clone()));
    }

    pub(crate) fn vectors(&mut self, text: String) {
        if !self.lanes.is_empty() {
            self.texts.push(Wanted::Vectors(text));
        }
    }

    /// Makes them.
    pub(crate) fn make(&self) -> Foreseen {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.texts.len().div_ceil(cores).max(TEXTS_PER_THREAD);
        let mut out = Foreseen::default();
        let mut shares = self.texts.chunks(share);
        let own = shares.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares.map(|texts| scope.spawn(|| self.make_some(texts))).collect();
            out.extend(self.make_some(own));
            for other in others {
                // What a thread could not make is made where it is needed.
                out.extend(other.join().unwrap_or_default());
            }
        });
        out
    }

    fn make_some(&self, texts: &[Wanted]) -> Foreseen {
        let mut out = Foreseen::default();
        for text in texts {
            match text {
                Wanted::Terms(text) => {
                    out.terms.insert(text.clone(), encode(&(self.index_text)(text)));
                }
                Wanted::Vectors(text) => {
                    let made = self.lanes.iter().map(|(lane, embed)| (*lane, embed(0, text))).collect();
                    out.vectors.insert(text.clone(), made);
                }
            }
        }
        out
    }
}

fn encode(terms: &str) -> Vec<u8> {
    Terms::of(terms).encode()
}
