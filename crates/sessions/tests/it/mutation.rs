//! Damaged fixtures: nothing panics, and no byte is lost.

use crate::fixtures::{all, laid_out};
use jay_sessions::{ReadOptions, SessionAdapter, Shape, Source, adapters, read_all, read_pieces};
use proptest::prelude::*;
use std::sync::LazyLock;

/// One damage to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Delete(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
    Put(prop::sample::Index, &'static [u8]),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let hostile: Vec<&'static [u8]> =
        vec![b"null", b"\"\\ud800\"", b"[[[[", b"1e999", b"{\"type\":", b"\n", b"\0", b"\xff", b"-", b"\\u"];
    prop_oneof![
        (at(), 1u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (at(), 1usize..400).prop_map(|(at, length)| Damage::Delete(at, length)),
        at().prop_map(Damage::Truncate),
        (at(), 1usize..400).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (at(), prop::sample::select(hostile)).prop_map(|(at, bytes)| Damage::Put(at, bytes)),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    let end = |at: usize, length: usize, bytes: &[u8]| (at + length).min(bytes.len());
    match damage {
        _ if bytes.is_empty() => {}
        Damage::Flip(at, bits) => {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        Damage::Delete(at, length) => {
            let at = at.index(bytes.len());
            bytes.drain(at..end(at, *length, bytes));
        }
        Damage::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Repeat(at, length) => {
            let at = at.index(bytes.len());
            let again = bytes[at..end(at, *length, bytes)].to_vec();
            bytes.splice(at..at, again);
        }
        Damage::Put(at, put) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, put.iter().copied());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_loses_nothing(
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let sources = all();
        let mut bytes = std::fs::read(&sources[which.index(sources.len())].1.path).unwrap();
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        // Every adapter reads every client's file: a wrong `--path` is damage too.
        for adapter in adapters() {
            let summary = read_all(*adapter, &bytes);
            prop_assert!(summary.is_lossless);
            prop_assert_eq!(summary.report.bytes, bytes.len() as u64);
            prop_assert_eq!(summary.report.messages + summary.report.carriers, summary.messages.len() as u64);
            prop_assert!(summary.messages.len() as u64 + summary.report.blank >= summary.report.rows);
        }
    }
}

type LaidOut = (&'static dyn SessionAdapter, Source, Vec<u8>);

/// Every source that is read as documents from one file, with its bytes.
static LAID_OUT: LazyLock<Vec<LaidOut>> = LazyLock::new(|| {
    let (_directory, sources) = laid_out();
    let files = sources.into_iter().filter(|(_, source)| source.path.is_file());
    files.map(|(adapter, source)| (adapter, source.clone(), std::fs::read(&source.path).unwrap())).collect()
});

/// Where the elements of the files of the clients stand.
const SHAPES: [Shape; 4] = [
    Shape { is_many: false, key: None },
    Shape { is_many: false, key: Some("messages") },
    Shape { is_many: true, key: Some("chat_messages") },
    Shape { is_many: true, key: Some("mapping") },
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// JSON files that are cut into their elements, by every adapter and in every shape.
    #[test]
    fn damaged_pieces_never_panic_and_lose_nothing(
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 0..6),
        shape in prop::sample::select(SHAPES.to_vec()),
        row in prop_oneof![1usize..200, Just(1 << 20)],
    ) {
        let files: Vec<_> = LAID_OUT.iter().filter(|(_, source, _)| source.within.is_none()).collect();
        let mut bytes = files[which.index(files.len())].2.clone();
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        for adapter in adapters() {
            let summary = read_pieces(*adapter, &bytes, shape, row);
            prop_assert!(summary.is_lossless);
            prop_assert_eq!(summary.report.messages + summary.report.carriers, summary.messages.len() as u64);
            prop_assert!(summary.messages.len() as u64 + summary.report.blank >= summary.report.rows);
        }
    }

    /// Databases: what can be read is, and what cannot is said.
    #[test]
    fn a_damaged_database_never_panics(
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let files: Vec<_> = LAID_OUT.iter().filter(|(_, source, _)| source.within.is_some()).collect();
        let (adapter, source, bytes) = files[which.index(files.len())];
        let directory = tempfile::tempdir().unwrap();
        let source = Source { path: directory.path().join("opencode.db"), ..source.clone() };
        let mut bytes = bytes.clone();
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        jay_testkit::write(&source.path, &bytes);
        let found = adapter.discover_path(&source.path).unwrap();
        for source in found.sources.iter().chain([&source]) {
            let Ok(reader) = adapter.read(source, None, ReadOptions::default()) else { continue };
            let read: Vec<_> = reader.collect();
            prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
        }
        prop_assert_eq!(std::fs::read(&source.path).unwrap(), bytes);
    }
}
