//! Documents that are in no segment yet: few enough to look at each.

use super::Fault;
use super::document::TermsView;

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
    /// Looks for `terms`, which are sorted, in every document.
    pub(super) fn find(fresh: &[Fresh], terms: &[&[u8]]) -> Result<Self, Fault> {
        let mut tail = Self { frequencies: vec![0; terms.len()], ..Self::default() };
        for document in fresh {
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
                    if let Some(frequency) = tail.frequencies.get_mut(wanted) {
                        *frequency += 1;
                    }
                    wanted += 1;
                }
            }
            let to = tail.counts.len();
            if to > from {
                let (doc, namespace, length) = (document.doc, document.namespace, view.length);
                tail.matches.push(Match { doc, namespace, length, from, to });
            }
        }
        Ok(tail)
    }

    /// The terms that a match holds, by number, with their counts.
    pub(super) fn counts(&self, of: &Match) -> &[(usize, u32)] {
        self.counts.get(of.from..of.to).unwrap_or_default()
    }
}
