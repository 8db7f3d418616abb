//! All that queries and merges read of segments, for files that a fuzz driver makes up (see `crate::probe`).

use super::bytes::{u32_at, u64_at};
use super::cursor::{Cursor, END};
use super::document::Terms;
use super::prefix::{TermPrefix, Union};
use super::score::{Bm25, Collection};
use super::segment::{FOOTER_BYTES, HASH_BYTES, MAGIC, Segment, SegmentId, path_of};
use super::{Asked, Fault, Fresh, FreshSet, Index, build, files, frequencies, matching, search, weigh};
use crate::mapped::Mapped;
use crate::probe::{Probed, TextSeal};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

const MODEL: Bm25 = Bm25 { k1: 0.9, b: 0.4 };
/// Terms of a file with which questions are asked; all of them are looked up.
const ASKED_TERMS: usize = 24;
/// Hits that are asked for.
const LIMIT: usize = 10;
/// Name of the file that [`make`] writes.
const NAME: &str = "probe";

pub(crate) fn make(directory: &Path, documents: &[(i64, u32, String)]) -> Result<Vec<u8>, Fault> {
    let fresh: Vec<Fresh> = documents
        .iter()
        .map(|(doc, namespace, text)| Fresh { doc: *doc, namespace: *namespace, terms: Terms::of(text).encode() })
        .collect();
    build::build(directory, NAME, &fresh)?;
    let path = path_of(directory, NAME);
    std::fs::read(&path).map_err(|error| files::fault("read", &path, error))
}

pub(crate) fn seal(bytes: &mut [u8], seal: TextSeal) {
    let Some(footer) = bytes.len().checked_sub(FOOTER_BYTES).filter(|at| *at >= MAGIC.len()) else { return };
    put(bytes, 0, MAGIC);
    if seal != TextSeal::Footer {
        fit_parts(bytes, footer, seal);
    }
    let said = footer + FOOTER_BYTES - HASH_BYTES;
    let hash = *blake3::hash(bytes.get(footer..said).unwrap_or_default()).as_bytes();
    put(bytes, said, &hash);
}

/// Puts the ends of the parts where the counts of the footer ask for them, as far as there is room.
fn fit_parts(bytes: &mut [u8], footer: usize, seal: TextSeal) {
    let number = |at: usize| u32_at(bytes, footer + at).unwrap_or(0) as usize;
    let end = |part: usize| u64_at(bytes, footer + 16 + 8 * part).unwrap_or(0) as usize;
    let room = footer - MAGIC.len();
    let documents = number(0).min(room / 16);
    let blocks = number(4).div_ceil(super::dictionary::TERMS);
    let index = (blocks * super::dictionary::BLOCK_BYTES).min(room - 16 * documents);
    let text = footer - 16 * documents - index;
    let postings = match seal {
        TextSeal::Terms => end(0),
        _ => text.saturating_sub(end(1).saturating_sub(end(0))),
    };
    let postings = postings.clamp(MAGIC.len(), text);
    let rows = [(text + index, 0), (text + index, 8), (text + index, 12), (text + index, 16)];
    let ends = [postings, text].into_iter().chain(rows.map(|(start, width)| start + width * documents));
    for (part, end) in ends.collect::<Vec<_>>().into_iter().enumerate() {
        put(bytes, footer + 16 + 8 * part, &(end as u64).to_le_bytes());
    }
    put(bytes, footer, &(documents as u32).to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Opens a file as if the manifest named just it.
fn open(bytes: &[u8]) -> Result<Segment, Fault> {
    let footer = bytes.len().saturating_sub(FOOTER_BYTES);
    let hash = bytes.get(bytes.len().saturating_sub(HASH_BYTES)..).and_then(|hash| hash.first_chunk());
    let id = SegmentId {
        name: NAME.to_owned(),
        bytes: bytes.len() as u64,
        documents: u32_at(bytes, footer).unwrap_or(0),
        footer: *hash.ok_or(Fault::Damaged("a footer is cut"))?,
    };
    let mapped = Mapped::of(bytes).map_err(|error| Fault::Io("cannot map a probe".to_owned(), error))?;
    Segment::of(mapped, &id)
}

pub(crate) fn ask(files: &[&[u8]]) -> Probed<Fault> {
    let mut probed = Probed::default();
    let mut index = Index::default();
    for file in files {
        match open(file) {
            Ok(segment) => index.segments.push(segment),
            Err(fault) => probed.note(Err(fault)),
        }
    }
    let fresh = Fresh { doc: 7, namespace: 1, terms: Terms::of("alpha beta beta walk").encode() };
    let fresh = FreshSet::new(vec![fresh]);
    for segment in &index.segments {
        probed.note(rows(segment));
        let mut terms = Vec::new();
        probed.note(dictionary(segment, &mut terms));
        for term in &terms {
            probed.note(look_up(segment, term));
        }
        questions(&mut probed, &index, &fresh, &terms);
        probed.note(segment.verify().map(|()| 1));
    }
    probed
}

/// What hydration, filters and merges read of each document.
fn rows(segment: &Segment) -> Result<u64, Fault> {
    let mut seen = 0;
    for ordinal in 0..segment.documents() {
        let row = segment.row(ordinal)?;
        seen += u64::from(segment.holds(row.doc)) + u64::from(segment.count_upto(row.doc));
    }
    Ok(seen)
}

/// Walks all terms with all their postings, as a merge does; keeps some of the terms.
fn dictionary(segment: &Segment, terms: &mut Vec<Vec<u8>>) -> Result<u64, Fault> {
    let mut walk = segment.terms()?;
    let mut seen = 0;
    while let Some(entry) = walk.next()? {
        seen += 1;
        if terms.len() < ASKED_TERMS {
            terms.push(walk.term.clone());
        }
        // A damaged list fails its own look-up; the walk goes on to the next term.
        if let Ok(list) = segment.list(entry) {
            let _ = list.each(|ordinal, count| seen += u64::from(ordinal ^ count != 0));
        }
    }
    Ok(seen)
}

/// Looks a term up, walks the dictionary from its beginning, and skips through its postings.
fn look_up(segment: &Segment, term: &[u8]) -> Result<u64, Fault> {
    let mut seen = 0;
    let mut from = segment.terms_from(term.get(..1).unwrap_or_default())?;
    while from.next()?.is_some() && seen < 64 {
        seen += 1;
    }
    let Some(list) = segment.find(term)? else { return Ok(seen) };
    let collection = Collection::new(MODEL, u64::from(segment.documents()), segment.length);
    for step in [1, 7, 129] {
        let mut cursor = Cursor::new(list, collection.weight(u64::from(list.len)), &collection)?;
        let mut target = 0_u32;
        while cursor.ordinal != END && target < segment.documents() {
            cursor.seek(target)?;
            seen += u64::from(cursor.count() > 0);
            seen += u64::from(cursor.bound_within(target, target.saturating_add(step), &collection) > 0);
            target += step;
        }
        cursor.drain(END, |_, _| seen += 1)?;
    }
    Ok(seen)
}

/// The questions of recall and search, over all segments and a fresh document.
fn questions(probed: &mut Probed<Fault>, index: &Index, fresh: &FreshSet, terms: &[Vec<u8>]) {
    let words: Vec<String> = terms.iter().map(|term| String::from_utf8_lossy(term).into_owned()).collect();
    let start = words.first().and_then(|word| word.chars().next()).map(String::from).unwrap_or_default();
    let prefixes = [TermPrefix { start, stems: words.iter().skip(1).take(1).cloned().collect() }];
    let unions: Result<Vec<Arc<Union>>, Fault> =
        prefixes.iter().map(|prefix| Union::find(index, fresh, prefix).map(Arc::new)).collect();
    let unions = unions.unwrap_or_else(|fault| {
        probed.note(Err(fault));
        vec![]
    });
    let docs: Vec<i64> = index.segments.iter().flat_map(|segment| (0..32).filter_map(|n| segment.doc(n))).collect();
    let docs: Vec<i64> = docs.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let all = Asked { any: &words, unions: &unions, all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    let few = Asked { any: words.get(..2).unwrap_or(&words), unions: &[], rarest: 1, scope: Some(&[1]), ..all };
    let demanded = words.get(..1).unwrap_or_default();
    let phrase = Asked { any: &[], unions: &[], all: demanded, upto: docs.last().copied().unwrap_or(0), ..all };
    for asked in [all, few, phrase] {
        let found = search::<Fault>(index, fresh, asked, MODEL, LIMIT, |doc| Ok(doc % 3 != 0));
        probed.note(found.map(|found| {
            assert!(found.len() <= LIMIT, "more hits than were asked for");
            assert!(found.is_sorted_by(|a, b| a.score >= b.score), "the best come first");
            found.len() as u64
        }));
        probed.note(matching(index, fresh, asked).map(|docs| docs.len() as u64));
        probed.note(weigh(index, fresh, asked, MODEL, &docs).map(|weighed| weighed.len() as u64));
        probed.note(frequencies(index, fresh, asked).map(|(frequencies, _)| frequencies.len() as u64));
    }
}
