//! Damaged fixtures: nothing panics, and no byte is lost.

use crate::fixtures::all;
use jay_sessions::{adapters, read_all};
use proptest::prelude::*;

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
