//! What holds for every adapter, over all its fixtures.

use crate::fixtures::{Growing, Held, all, contents, laid_out, small};
use jay_sessions::{OpenRow, ReadOptions, Verdict};
use proptest::prelude::*;

const ALL: usize = usize::MAX;

/// The file's bytes with a last row that is complete.
fn complete(path: &std::path::Path) -> Vec<u8> {
    let mut bytes = contents(path);
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}

#[test]
fn every_row_is_a_message_or_a_carrier_or_blank() {
    for (adapter, source) in all() {
        let mut held = Held::default();
        let (verdict, report) = held.sync(adapter, &source, ReadOptions { final_pass: true, ..small(700) }, ALL);
        let file = contents(&source.path);
        assert_eq!(verdict, Verdict::New);
        assert_eq!(held.bytes, file);
        assert_eq!((report.bytes, report.pending_bytes), (file.len() as u64, 0));
        for (number, line) in file.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let spoken = held.messages.iter().any(|(at, _)| *at == number as u64 + 1);
            assert_eq!(spoken, !line.trim_ascii().is_empty(), "{} line {}", source.path.display(), number + 1);
        }
        assert_eq!(report.messages + report.carriers, held.messages.len() as u64);
        assert!(report.rows >= report.carriers + report.blank);
        for (_, message) in &held.messages {
            assert!(held.sessions.contains_key(&message.session));
            assert!(!message.message.id.is_empty());
        }
    }
}

/// The watch looks at a changed file by its own path.
#[test]
fn every_source_is_found_again_by_its_own_path() {
    let (_directory, documents) = laid_out();
    for (adapter, source) in all().into_iter().chain(documents) {
        let found = adapter.discover_path(&source.path).unwrap();
        assert_eq!(found.problems, []);
        let again = found.sources.iter().find(|again| again.name() == source.name());
        assert_eq!(again.map(|again| (again.stamp, &again.client)), Some((source.stamp, &source.client)), "{source:?}");
        assert!(found.sources.len() == 1 || source.within.is_some(), "{}: other files too", source.name());
    }
}

#[test]
fn a_second_read_finds_everything_fresh() {
    for (adapter, source) in all() {
        let mut held = Held::default();
        held.sync(adapter, &source, ReadOptions { final_pass: true, ..ReadOptions::default() }, ALL);
        let before = held.clone();
        let (verdict, report) = held.sync(adapter, &source, ReadOptions::default(), ALL);
        assert_eq!((verdict, report.rows, report.bytes), (Verdict::Fresh, 0, 0), "{}", source.path.display());
        assert_eq!(held, before);
        assert!(held.cursor.unwrap().is_unchanged(&source.stamp));
    }
}

#[test]
fn a_read_that_was_interrupted_goes_on_where_it_stood() {
    for (adapter, source) in all() {
        let options = ReadOptions { final_pass: true, ..small(600) };
        let (mut whole, mut broken) = (Held::default(), Held::default());
        whole.sync(adapter, &source, options, ALL);
        let (_, first) = broken.sync(adapter, &source, options, 1);
        if first.bytes < contents(&source.path).len() as u64 {
            assert!(!broken.cursor.as_ref().unwrap().is_unchanged(&source.stamp));
        }
        while broken.sync(adapter, &source, options, 1).1.blocks > 0 {}
        assert_eq!(broken.told(), whole.told(), "{}", source.path.display());
    }
}

#[test]
fn a_torn_last_line_waits_until_it_is_complete() {
    for (adapter, source) in all() {
        let bytes = complete(&source.path);
        let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let cut = last + (bytes.len() - last) / 2;
        let growing = Growing::like(&source);
        growing.append(&bytes[..cut]);
        let mut held = Held::default();
        let (_, report) = held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
        assert_eq!(report.pending_bytes, (cut - last) as u64, "{}", source.path.display());
        assert_eq!(held.bytes, bytes[..last]);
        growing.append(&bytes[cut..]);
        let (verdict, report) = held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
        assert_eq!((verdict, report.pending_bytes), (Verdict::Grown { from: last as u64 }, 0));
        assert_eq!(held.bytes, bytes);
    }
}

#[test]
fn a_whole_last_row_without_its_ending_is_taken_once() {
    let (adapter, source) = all().into_iter().find(|(adapter, _)| adapter.name() == "generic").unwrap();
    let row = |n: u32| format!(r#"{{"session":"s","message":"m{n}","role":"user","text":"row {n}"}}"#);
    for ending in ["\n", "\r\n"] {
        let growing = Growing::like(&source);
        growing.append(format!("{}\n{}", row(1), row(2)).as_bytes());
        let mut held = Held::default();
        let (_, report) = held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
        assert_eq!((report.messages, report.pending_bytes), (2, 0));
        assert_eq!(held.cursor.as_ref().unwrap().open, OpenRow::Whole);
        growing.append(ending.as_bytes());
        growing.append(format!("{}\n", row(3)).as_bytes());
        let (verdict, report) = held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
        assert!(matches!(verdict, Verdict::Grown { .. }));
        assert_eq!((report.rows, report.messages), (1, 1));
        let mut whole = Held::default();
        whole.sync(adapter, &growing.source, ReadOptions::default(), ALL);
        assert_eq!(held.told(), whole.told());
    }
}

#[test]
fn a_row_that_grew_after_it_was_taken_makes_the_file_rewritten() {
    let (adapter, source) = all().into_iter().find(|(adapter, _)| adapter.name() == "generic").unwrap();
    let growing = Growing::like(&source);
    growing.append(br#"{"session":"s","role":"user","text":"a"}"#);
    let mut held = Held::default();
    held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
    growing.append(b" , and more\n");
    let (verdict, report) = held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
    assert_eq!((verdict, report.rows, report.carriers), (Verdict::Rewritten, 1, 1));
    assert_eq!(held.unknown.keys().collect::<Vec<_>>(), ["(not an object)"]);
}

#[test]
fn a_rewritten_file_is_noticed_and_read_from_its_beginning() {
    for (adapter, source) in all() {
        let bytes = complete(&source.path);
        let mut head = bytes.clone();
        head[3] ^= 1;
        let mut tail = bytes.clone();
        let at = tail.len() - 2;
        tail[at] ^= 1;
        let longer = [b"\n".as_slice(), &bytes].concat();
        for changed in [bytes[..bytes.len() / 2].to_vec(), head, tail, longer, Vec::new()] {
            let growing = Growing::like(&source);
            growing.append(&bytes);
            let mut held = Held::default();
            held.sync(adapter, &growing.source, ReadOptions::default(), ALL);
            growing.write(&changed);
            let options = ReadOptions { final_pass: true, ..ReadOptions::default() };
            let (verdict, _) = held.sync(adapter, &growing.source, options, ALL);
            assert_eq!(verdict, Verdict::Rewritten, "{}", source.path.display());
            assert_eq!(held.bytes, changed);
        }
    }
}

#[test]
fn a_file_that_is_gone_is_a_named_error() {
    let (adapter, source) = all().remove(0);
    let gone = jay_sessions::Source { path: source.path.with_extension("gone"), ..source };
    let error = adapter.read(&gone, None, ReadOptions::default()).unwrap_err();
    assert_eq!(error.code, jay_types::Code::NotFound);
    assert!(error.message.ends_with(".gone is no longer there"), "{}", error.message);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reading a file while it grows, at any bytes, gives what one read of the whole gives.
    #[test]
    fn appended_rows_read_as_one_whole(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        block in 1usize..5000,
    ) {
        let sources = all();
        let (adapter, source) = &sources[which.index(sources.len())];
        let bytes = complete(&source.path);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let growing = Growing::like(source);
        let mut held = Held::default();
        for pair in cuts.windows(2) {
            growing.append(&bytes[pair[0]..pair[1]]);
            let (verdict, report) = held.sync(*adapter, &growing.source, small(block), ALL);
            prop_assert_ne!(verdict, Verdict::Rewritten);
            prop_assert_eq!(held.bytes.len() as u64 + report.pending_bytes, pair[1] as u64);
        }
        let mut whole = Held::default();
        whole.sync(*adapter, &growing.source, ReadOptions::default(), ALL);
        prop_assert_eq!(held.told(), whole.told());
        prop_assert_eq!(held.cursor.unwrap().state, whole.cursor.unwrap().state);
    }
}
