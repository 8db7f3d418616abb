//! Questions to the text index: what is asked, and what a snapshot answers from.
//!
//! **Invariant:** an answer comes from one snapshot's segments and fresh documents, and where a segment fails from all
//! documents of the journal: it is the same, only slower.

use super::MANIFEST;
use crate::read::namespaces::Scope;
use crate::read::search::TextHit;
use crate::text::{self, Asked, Fault, Fresh, FreshSet, Index, TermPrefix, Union};
use crate::tx::Tx;
use crate::{Result, StoreError};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// What is looked for in the text index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextQuery {
    /// Terms of the analysis of which a document holds at least one; they make the score.
    pub any: Vec<String>,
    /// Beginnings of words, each of which counts as one term of `any`.
    pub prefixes: Vec<TermPrefix>,
    /// Terms that a document must hold, every one: those of a phrase.
    pub all: Vec<String>,
    /// How many of `any` count at most, the rarest of those that some document holds; none for all. Fewer do where they stand
    /// in thousands of documents, so that the time that it takes is bounded.
    pub rarest: Option<usize>,
}

impl TextQuery {
    /// The documents that hold one of these terms at least.
    #[must_use]
    pub fn any(terms: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { any: terms.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The documents that hold one at least of the rarest `count` of these terms.
    #[must_use]
    pub fn rarest(terms: impl IntoIterator<Item = impl Into<String>>, count: usize) -> Self {
        Self { rarest: Some(count), ..Self::any(terms) }
    }

    /// The documents that hold all of these terms.
    #[must_use]
    pub fn all(terms: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { all: terms.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    fn asked<'a>(&'a self, unions: &'a [Arc<Union>], scope: Option<&'a [i64]>, upto: i64) -> Asked<'a> {
        let any = if self.any.is_empty() && self.prefixes.is_empty() { &self.all } else { &self.any };
        Asked { any, unions, all: &self.all, rarest: self.rarest.unwrap_or(usize::MAX), scope, upto }
    }
}

/// What a question is put to.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// The segments of the snapshot.
    index: Arc<Index>,
    /// The documents that are in none.
    fresh: Rc<FreshSet>,
    /// What beginnings of words stand for: each is asked about several times in one answer.
    unions: Rc<RefCell<BTreeMap<TermPrefix, Arc<Union>>>>,
}

impl Sources {
    fn new(index: Arc<Index>, fresh: Vec<Fresh>) -> Self {
        Self { index, fresh: Rc::new(FreshSet::new(fresh)), unions: Rc::default() }
    }

    /// What each of these beginnings finds.
    fn unions(&self, prefixes: &[TermPrefix]) -> Result<Vec<Arc<Union>>, Fault> {
        let mut known = self.unions.borrow_mut();
        let unions = prefixes.iter().map(|prefix| {
            if let Some(union) = known.get(prefix) {
                return Ok(Arc::clone(union));
            }
            let union = Arc::new(Union::find(&self.index, &self.fresh, prefix)?);
            known.insert(prefix.clone(), Arc::clone(&union));
            Ok(union)
        });
        unions.collect()
    }
}

/// Why a question failed: only the index's own failures are answered from the journal instead.
enum Failure {
    Index(Fault),
    Store(StoreError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Index(fault)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Tx<'_> {
    /// The best documents that `entity_of` gives an entity for: what is hidden or elsewhere takes no place.
    pub(crate) fn search_text(
        &self,
        query: &TextQuery,
        scope: &Scope,
        upto: i64,
        limit: usize,
        mut entity_of: impl FnMut(i64) -> Result<Option<i64>>,
    ) -> Result<Vec<TextHit>> {
        let mut entities = HashMap::new();
        let found = self.ask(query, |Sources { index, fresh, .. }, unions| {
            let asked = query.asked(unions, scope.numbers(), upto);
            text::search(index, fresh, asked, self.analysis.bm25, limit, |doc| {
                let entity = entity_of(doc)?;
                entities.extend(entity.map(|entity| (doc, entity)));
                Ok::<_, Failure>(entity.is_some())
            })
        })?;
        let hit = |found: text::Found| {
            Some(TextHit { doc: found.doc, entity: *entities.get(&found.doc)?, score: found.score })
        };
        Ok(found.into_iter().filter_map(hit).collect())
    }

    /// How many documents hold each term of `any`, then each of the prefixes, in the order asked for, and how many
    /// documents there are.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn text_frequencies(&self, query: &TextQuery) -> Result<(Vec<u64>, u64)> {
        self.ask(query, |Sources { index, fresh, .. }, unions| {
            let asked = Asked { any: &query.any, ..query.asked(unions, None, i64::MAX) };
            Ok(text::frequencies(index, fresh, asked)?)
        })
    }

    /// How many different terms begin like each of the prefixes of a query: of more than [`text::PREFIX_TERMS_MAX`] only
    /// the most frequent are searched.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn prefix_terms(&self, query: &TextQuery) -> Result<Vec<usize>> {
        self.ask(query, |_, unions| Ok(unions.iter().map(|union| union.terms).collect()))
    }

    /// What each of these documents has of the query; those that hold none of its terms are left out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn weigh_text(&self, query: &TextQuery, docs: &[i64]) -> Result<BTreeMap<i64, (f64, u64)>> {
        let mut docs = docs.to_vec();
        docs.sort_unstable();
        docs.dedup();
        let weighed = self.ask(query, |Sources { index, fresh, .. }, unions| {
            let asked = query.asked(unions, None, i64::MAX);
            Ok(text::weigh(index, fresh, asked, self.analysis.bm25, &docs)?)
        })?;
        Ok(weighed.into_iter().map(|(doc, weighed)| (doc, (weighed.score, weighed.terms))).collect())
    }

    /// Every document that matches, purged ones too whose segment was not written anew yet; ascending.
    pub(crate) fn matching_text(&self, query: &TextQuery, scope: &Scope) -> Result<Vec<i64>> {
        self.ask(query, |Sources { index, fresh, .. }, unions| {
            Ok(text::matching(index, fresh, query.asked(unions, scope.numbers(), i64::MAX))?)
        })
    }

    /// Asks the segments of this snapshot and the documents that are in none; where segments fail, all documents.
    fn ask<T>(
        &self,
        query: &TextQuery,
        mut question: impl FnMut(&Sources, &[Arc<Union>]) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut put = |sources: &Sources| {
            let unions = sources.unions(&query.prefixes)?;
            question(sources, &unions)
        };
        let answer = put(&self.sources()?).or_else(|failure| match failure {
            Failure::Index(fault) => put(&self.fall_back(&fault)?),
            failure => Err(failure),
        });
        answer.map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Index(fault) => fault.into(),
        })
    }

    /// What this snapshot is searched in: read once, since a batch asks a thousand times.
    fn sources(&self) -> Result<Sources> {
        if let Some(sources) = self.sources.borrow().as_ref() {
            return Ok(sources.clone());
        }
        match self.text.index(self.meta_number(MANIFEST)?) {
            Ok(index) => Ok(self.keep(Sources::new(index, self.fresh(i64::MAX)?))),
            Err(fault) => self.fall_back(&fault),
        }
    }

    fn fall_back(&self, fault: &Fault) -> Result<Sources> {
        tracing::warn!(%fault, "the text index is made again for this answer");
        self.text.suspect();
        Ok(self.keep(Sources::new(Arc::default(), self.all_as_fresh()?)))
    }

    fn keep(&self, sources: Sources) -> Sources {
        *self.sources.borrow_mut() = Some(sources.clone());
        sources
    }

    pub(super) fn fresh(&self, limit: i64) -> Result<Vec<Fresh>> {
        let sql = "SELECT doc, namespace, terms FROM fresh ORDER BY doc LIMIT ?1";
        self.all(sql, [limit], |row| Ok(Fresh { doc: row.get(0)?, namespace: row.get(1)?, terms: row.get(2)? }))
    }
}
