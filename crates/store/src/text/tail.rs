//! Documents that are in no segment yet: few enough to look at each.

use super::Fault;
use super::document::TermsView;
use super::prefix::Union;
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A document as the store keeps it until it is put into a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fresh {
    /// The document.
    pub(crate) doc: i64,
    /// Number of its namespace.
    pub(crate) namespace: u32,
    /// Its terms, encoded.
    pub(crate) terms: Vec<u8>,
}

/// The fresh documents of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct FreshSet {
    rows: Vec<Fresh>,
    questions: Cell<u32>,
    inverted: OnceCell<Inverted>,
}

/// Which documents hold a term, by their place, and how often.
#[derive(Debug, Default)]
struct Inverted {
    length: u64,
    lengths: Vec<u32>,
    terms: HashMap<Vec<u8>, Vec<(usize, u32)>>,
}

/// Terms, each with the places of the documents that hold it, ascending, and how often.
pub(super) type Holders = BTreeMap<Vec<u8>, Vec<(usize, u32)>>;

/// Questions that are answered by looking at each document; whoever asks more often is worth a table of terms.
const SCANS: u32 = 2;

impl FreshSet {
    pub(crate) fn new(rows: Vec<Fresh>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// The terms that `takes` takes.
    pub(super) fn holding(&self, takes: impl Fn(&[u8]) -> bool) -> Result<Holders, Fault> {
        let mut found = Holders::new();
        for (place, document) in self.rows.iter().enumerate() {
            let mut view = TermsView::new(&document.terms)?;
            while let Some((term, count)) = view.next()? {
                if takes(term) {
                    found.entry(term.to_vec()).or_default().push((place, count));
                }
            }
        }
        Ok(found)
    }

    fn inverted(&self) -> Result<&Inverted, Fault> {
        if let Some(inverted) = self.inverted.get() {
            return Ok(inverted);
        }
        let mut inverted = Inverted::default();
        for (place, document) in self.rows.iter().enumerate() {
            let mut view = TermsView::new(&document.terms)?;
            inverted.length += u64::from(view.length);
            inverted.lengths.push(view.length);
            while let Some((term, count)) = view.next()? {
                match inverted.terms.get_mut(term) {
                    Some(list) => list.push((place, count)),
                    None => {
                        inverted.terms.insert(term.to_vec(), vec![(place, count)]);
                    }
                }
            }
        }
        Ok(self.inverted.get_or_init(|| inverted))
    }
}

/// What a query finds among fresh documents.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Documents, and terms of all of them.
    pub(super) documents: u64,
    pub(super) length: u64,
    /// For each term of the query the documents that hold it.
    pub(super) frequencies: Vec<u64>,
    /// Documents that hold at least one.
    pub(super) matches: Vec<Match>,
    /// Number of a term and its count in a document.
    counts: Vec<(usize, u32)>,
}

/// A fresh document that holds terms of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) doc: i64,
    pub(super) namespace: u32,
    pub(super) length: u32,
    from: usize,
    to: usize,
}

impl Tail {
    /// Looks for `terms`, which are sorted, in every document; what unions found there is numbered behind them.
    pub(super) fn find(fresh: &FreshSet, terms: &[&[u8]], unions: &[Arc<Union>]) -> Result<Self, Fault> {
        fresh.questions.set(fresh.questions.get().saturating_add(1));
        let is_worth_it = fresh.questions.get() > SCANS;
        if is_worth_it { Self::look_up(fresh, terms, unions) } else { Self::scan(fresh, terms, unions) }
    }

    fn scan(fresh: &FreshSet, terms: &[&[u8]], unions: &[Arc<Union>]) -> Result<Self, Fault> {
        let mut tail = Self { frequencies: vec![0; terms.len() + unions.len()], ..Self::default() };
        for (place, document) in fresh.rows.iter().enumerate() {
            let mut view = TermsView::new(&document.terms)?;
            tail.documents += 1;
            tail.length += u64::from(view.length);
            let from = tail.counts.len();
            let mut wanted = 0;
            while wanted < terms.len() {
                let Some((term, count)) = view.next()? else { break };
                while terms.get(wanted).is_some_and(|want| *want < term) {
                    wanted += 1;
                }
                if terms.get(wanted).is_some_and(|want| *want == term) {
                    tail.counts.push((wanted, count));
                    wanted += 1;
                }
            }
            for (number, union) in (terms.len()..).zip(unions) {
                let at = union.fresh.binary_search_by_key(&place, |(place, _)| *place).ok();
                tail.counts.extend(at.and_then(|at| union.fresh.get(at)).map(|(_, count)| (number, *count)));
            }
            tail.close(document, view.length, from);
        }
        Ok(tail)
    }

    fn look_up(fresh: &FreshSet, terms: &[&[u8]], unions: &[Arc<Union>]) -> Result<Self, Fault> {
        let inverted = fresh.inverted()?;
        let documents = fresh.rows.len() as u64;
        let frequencies = vec![0; terms.len() + unions.len()];
        let mut tail = Self { documents, length: inverted.length, frequencies, ..Self::default() };
        let mut found: Vec<(usize, usize, u32)> = Vec::new();
        for (number, term) in terms.iter().enumerate() {
            let list = inverted.terms.get(*term).map_or(&[][..], Vec::as_slice);
            found.extend(list.iter().map(|(place, count)| (*place, number, *count)));
        }
        for (number, union) in (terms.len()..).zip(unions) {
            found.extend(union.fresh.iter().map(|(place, count)| (*place, number, *count)));
        }
        found.sort_unstable();
        for of_document in found.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some((place, ..)) = of_document.first() else { continue };
            let from = tail.counts.len();
            tail.counts.extend(of_document.iter().map(|(_, number, count)| (*number, *count)));
            if let Some((document, length)) = fresh.rows.get(*place).zip(inverted.lengths.get(*place)) {
                tail.close(document, *length, from);
            }
        }
        Ok(tail)
    }

    /// Notes a document whose counts begin at `from`; none where it holds no term.
    fn close(&mut self, document: &Fresh, length: u32, from: usize) {
        let to = self.counts.len();
        for (number, _) in self.counts.get(from..to).unwrap_or_default() {
            if let Some(frequency) = self.frequencies.get_mut(*number) {
                *frequency += 1;
            }
        }
        if to > from {
            self.matches.push(Match { doc: document.doc, namespace: document.namespace, length, from, to });
        }
    }

    /// The terms that a match holds, by number, with their counts.
    pub(super) fn counts(&self, of: &Match) -> &[(usize, u32)] {
        self.counts.get(of.from..of.to).unwrap_or_default()
    }
}
