//! A segment out of fresh documents.

use super::document::TermsView;
use super::postings::Posting;
use super::segment::{DocumentRow, SegmentId, SegmentWriter};
use super::{Fault, Fresh};
use std::collections::HashMap;
use std::path::Path;

/// Writes a segment of these documents, which ascend.
pub(super) fn build(directory: &Path, name: &str, fresh: &[Fresh]) -> Result<SegmentId, Fault> {
    if !fresh.is_sorted_by(|a, b| a.doc < b.doc) {
        return Err(Fault::Damaged("documents are not in their order"));
    }
    let mut rows = Vec::with_capacity(fresh.len());
    // Terms by number, so that a repeated one costs one look-up and no copy.
    let mut numbers: HashMap<&[u8], u32> = HashMap::new();
    let mut lists: Vec<Vec<Posting>> = Vec::new();
    for (ordinal, document) in (0_u32..).zip(fresh) {
        let mut view = TermsView::new(&document.terms)?;
        rows.push(DocumentRow { doc: document.doc, namespace: document.namespace, length: view.length });
        while let Some((term, count)) = view.next()? {
            let number = *numbers.entry(term).or_insert_with(|| {
                lists.push(Vec::new());
                lists.len() as u32 - 1
            });
            // A count of none would be a posting of nothing; only damaged bytes have one.
            let list = lists.get_mut(number as usize).filter(|_| count > 0);
            list.ok_or(Fault::Damaged("a term has no count"))?.push((ordinal, count));
        }
    }
    let mut terms: Vec<(&[u8], u32)> = numbers.into_iter().collect();
    terms.sort_unstable();
    let mut writer = SegmentWriter::new(directory, name, &rows)?;
    for (term, number) in terms {
        writer.term(term, lists.get(number as usize).map_or(&[], Vec::as_slice))?;
    }
    writer.finish(name)
}
