//! One segment out of several, without what was purged; and which ones are merged when.
//!
//! **Invariant:** a merge changes no answer: the same documents with the same terms, in the order of documents.

use super::Fault;
use super::postings::Posting;
use super::segment::{DocumentRow, Segment, SegmentId, SegmentWriter};
use std::collections::BTreeSet;
use std::path::Path;

/// A segment of more documents is left alone by merges: making it again would take seconds each time.
const DOCUMENTS_MAX: u32 = 1 << 19;

/// Which of the segments (by their number of documents) go into one with a new one of `fresh` documents.
///
/// Each is taken that is not larger than all that were taken before together, so that sizes double from one to the next:
/// seven segments at 100,000 documents, and each document is written again as often.
pub(super) fn choose(documents: &[u32], fresh: u32) -> Vec<usize> {
    let mut order: Vec<(u32, usize)> =
        documents.iter().copied().zip(0..).filter(|(size, _)| *size < DOCUMENTS_MAX).collect();
    order.sort_unstable();
    let mut taken = fresh;
    let mut chosen = Vec::new();
    for (size, place) in order {
        if size > taken {
            break;
        }
        taken = taken.saturating_add(size);
        chosen.push(place);
    }
    chosen
}

/// The ordinal of a document that is left out.
const NONE: u32 = u32::MAX;

/// Writes one segment of all documents of `segments` but those in `dropped`.
pub(super) fn merge(
    directory: &Path,
    name: &str,
    segments: &[&Segment],
    dropped: &BTreeSet<i64>,
) -> Result<SegmentId, Fault> {
    let (rows, places) = place_documents(segments, dropped)?;
    let mut writer = SegmentWriter::new(directory, name, &rows)?;
    let mut walks = segments.iter().map(|segment| segment.terms()).collect::<Result<Vec<_>, _>>()?;
    let mut entries = walks.iter_mut().map(|walk| walk.next()).collect::<Result<Vec<_>, _>>()?;
    let mut term: Vec<u8> = Vec::new();
    let mut postings: Vec<Posting> = Vec::new();
    loop {
        let heads = walks.iter().zip(&entries).filter(|(_, entry)| entry.is_some());
        let Some(least) = heads.map(|(walk, _)| walk.term.as_slice()).min() else { break };
        term.clear();
        term.extend_from_slice(least);
        postings.clear();
        for (((walk, entry), segment), places) in walks.iter_mut().zip(&mut entries).zip(segments).zip(&places) {
            let Some(found) = entry.filter(|_| walk.term == term) else { continue };
            segment.list(found)?.each(|ordinal, count| {
                let place = places.get(ordinal as usize).copied().unwrap_or(NONE);
                if place != NONE && count > 0 {
                    postings.push((place, count));
                }
            })?;
            *entry = walk.next()?;
        }
        // Documents of one segment mostly lie behind those of the one before; else they are interleaved here.
        if !postings.is_sorted() {
            postings.sort_unstable();
        }
        writer.term(&term, &postings)?;
    }
    writer.finish(name)
}

type Places = Vec<Vec<u32>>;

/// The documents of the new segment in their order, and for each old segment the new ordinal of each document.
fn place_documents(segments: &[&Segment], dropped: &BTreeSet<i64>) -> Result<(Vec<DocumentRow>, Places), Fault> {
    let mut all: Vec<(DocumentRow, usize, u32)> = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        for ordinal in 0..segment.documents() {
            all.push((segment.row(ordinal)?, number, ordinal));
        }
    }
    all.sort_by_key(|(row, ..)| row.doc);
    // A document stands once, wherever else a crash left it.
    all.dedup_by_key(|(row, ..)| row.doc);
    all.retain(|(row, ..)| !dropped.contains(&row.doc));
    let mut places: Places = segments.iter().map(|segment| vec![NONE; segment.documents() as usize]).collect();
    let mut rows = Vec::with_capacity(all.len());
    for (row, number, ordinal) in all {
        if let Some(place) = places.get_mut(number).and_then(|places| places.get_mut(ordinal as usize)) {
            *place = rows.len() as u32;
        }
        rows.push(row);
    }
    Ok((rows, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_segments_however_many_documents() {
        let (mut segments, mut written) = (Vec::new(), 0_u64);
        for n in 1..=1000_u32 {
            let mut size = 1000;
            for place in choose(&segments, size).into_iter().rev().collect::<BTreeSet<_>>().into_iter().rev() {
                size += segments.remove(place);
            }
            segments.push(size);
            written += u64::from(size);
            assert!(segments.len() <= if n <= 100 { 8 } else { 12 }, "{segments:?}");
        }
        assert_eq!(segments.iter().sum::<u32>(), 1_000_000);
        assert!(written < 11_000_000, "{written}");
    }
}
