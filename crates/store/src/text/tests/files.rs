//! The files of an index: damaged, gone, and replaced under who reads them.

use super::super::segment::{DocumentRow, Segment, SegmentId, SegmentWriter};
use super::*;
use crate::probe::TextSeal;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn damage_is_told_and_never_a_panic() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(700, 5);
    let mut index = Index::default();
    let number = put(home.path(), &mut index, &[&docs], &Source::new(2));
    let any: Vec<String> = docs[3].text.split(' ').take(6).map(str::to_owned).collect();
    let asked = Asked { any: &any, unions: &[], all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    drop(index);
    let mut random = Random::new(8);
    let paths: Vec<_> =
        std::fs::read_dir(home.path()).expect("listed").map(|entry| entry.expect("listed").path()).collect();
    assert_eq!(paths.len(), 2, "a segment and a manifest");
    for path in paths {
        let whole = std::fs::read(&path).expect("read");
        for round in 0..300 {
            let mut bytes = whole.clone();
            let at = random.index(bytes.len());
            match round % 4 {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_slice(&[0; 9]),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            // Another file in its place, as a damaged medium shows it: what is mapped must not be written to.
            std::fs::remove_file(&path).expect("removed");
            jay_testkit::write(&path, &bytes);
            let verified = Index::open(home.path(), number).and_then(|index| {
                let hits = search::<Fault>(&index, &FreshSet::default(), asked, MODEL, 10, |_| Ok(true));
                let _ = (
                    hits,
                    matching(&index, &FreshSet::default(), asked),
                    (round % 16 == 2)
                        .then(|| index.without(home.path(), &BTreeSet::from([6]), &Source::new(1000 + round))),
                );
                index.verify()
            });
            assert!(verified.is_err(), "round {round} of {} bytes", whole.len());
        }
        std::fs::remove_file(&path).expect("removed");
        jay_testkit::write(&path, &whole);
    }
    assert!(Index::open(home.path(), number).and_then(|index| index.verify()).is_ok());
    assert!(matches!(Index::open(home.path(), number + 1), Err(Fault::Missing)));
}

/// A count that the file does not bear out would be room taken for nothing.
#[test]
fn a_segment_has_the_documents_that_it_counts() {
    let home = tempfile::tempdir().expect("a directory");
    let rows = [DocumentRow { doc: 1, namespace: 2, length: 3 }];
    let id =
        SegmentWriter::new(home.path(), "forged", &rows).and_then(|writer| writer.finish("forged")).expect("written");
    assert!(Segment::open(home.path(), &id).is_ok());
    let path = home.path().join("forged.segment");
    let mut bytes = std::fs::read(&path).expect("read");
    let footer = bytes.len() - 128;
    bytes[footer..footer + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let hash = *blake3::hash(&bytes[footer..bytes.len() - 32]).as_bytes();
    let end = bytes.len() - 32;
    bytes[end..].copy_from_slice(&hash);
    jay_testkit::write(&path, &bytes);
    let forged = SegmentId { documents: u32::MAX, footer: hash, ..id };
    assert!(
        matches!(Segment::open(home.path(), &forged), Err(Fault::Damaged(said)) if said.contains("number of documents"))
    );
}

/// Documents with lists of every form: short ones, a whole block, and a block with a rest.
fn forms(documents: i64) -> Vec<(i64, u32, String)> {
    let words = |doc: i64| format!("every{} w{} w{} größe", " even".repeat(1 - (doc % 2) as usize), doc % 20, doc % 3);
    (1..=documents).map(|doc| (doc * 2, doc as u32 % 3, words(doc))).collect()
}

/// What hashes keep out before anything else looks at it is let in here: bytes are changed, the file is cut, and the
/// footer says that all is well.
#[test]
fn a_segment_that_was_forged_is_told_and_never_a_panic() {
    let home = tempfile::tempdir().expect("a directory");
    let other = probe::make(home.path(), &forms(3)).expect("they ascend");
    let mut random = Random::new(4);
    // Every byte of a small file, some of one with whole blocks.
    for (documents, step) in [(9, 1), (130, 37)] {
        let whole = probe::make(home.path(), &forms(documents)).expect("they ascend");
        let ask = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            [None, Some(TextSeal::Footer), Some(TextSeal::Postings), Some(TextSeal::Terms)].map(|seal| {
                seal.into_iter().for_each(|seal| probe::seal(&mut bytes, seal));
                probe::ask(&[&bytes, &other])
            })
        };
        for probed in ask(&whole) {
            assert!(probed.fault.is_none() && probed.seen > 300, "{probed:?}");
        }
        for at in (0..whole.len()).step_by(step) {
            let mut bytes = whole.clone();
            bytes[at] = if at % 2 == 0 { 0xff } else { bytes[at] ^ 1 << random.below(8) };
            assert!(ask(&bytes)[0].fault.is_some() || bytes == whole, "its hash does not hold: byte {at}");
            assert!(ask(&whole[..at])[0].fault.is_some(), "cut at {at}");
        }
    }
}

/// Lengths are added up over segments: no sum of them may overflow.
#[test]
fn a_segment_is_as_long_as_its_documents_can_be() {
    let home = tempfile::tempdir().expect("a directory");
    let whole = probe::make(home.path(), &forms(130)).expect("they ascend");
    let mut bytes = whole.clone();
    let sum = whole.len() - 128 + 8;
    bytes[sum..sum + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    probe::seal(&mut bytes, TextSeal::Footer);
    let fault = probe::ask(&[&bytes, &whole]).fault;
    assert!(matches!(fault, Some(Fault::Damaged(said)) if said.contains("not as long")), "{fault:?}");
}

#[test]
fn readers_go_on_while_files_are_replaced_under_them() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(3000, 6);
    let any = [docs[0].text.split(' ').next().expect("a word").to_owned()];
    let asked = Asked { any: &any, unions: &[], all: &[], rarest: usize::MAX, scope: None, upto: docs[499].doc };
    let current = Mutex::new(put(home.path(), &mut Index::default(), &[&docs[..500]], &Source::new(2)));
    let expected = matching(
        &Index::open(home.path(), *current.lock().expect("whole")).expect("whole"),
        &FreshSet::default(),
        asked,
    )
    .expect("whole");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut reads = 0;
            while !is_done.load(Ordering::Relaxed) || reads == 0 {
                // As the store does: whoever comes too late looks at its number again.
                let number = *current.lock().expect("whole");
                let Ok(index) = Index::open(home.path(), number) else { continue };
                assert_eq!(matching(&index, &FreshSet::default(), asked).expect("whole"), expected);
                reads += 1;
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let mut index = Index::open(home.path(), *current.lock().expect("whole")).expect("whole");
        let source = Source::new(9);
        for piece in docs[500..].chunks(250) {
            let fresh: Vec<Fresh> = piece.iter().map(Plain::fresh).collect();
            let number = index.with(home.path(), &fresh, &source).expect("written");
            *current.lock().expect("whole") = number;
            Index::clean(home.path(), &[number]).expect("cleaned");
            index = Index::open(home.path(), number).expect("whole");
        }
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
        assert_eq!(index.documents(), 3000);
        assert!(index.size().0 <= 6, "{:?}", index.size());
    });
}
