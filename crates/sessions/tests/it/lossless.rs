//! The rows of the blocks are the file's bytes, whatever the bytes are.

use crate::fixtures::{Growing, Held, all};
use jay_sessions::{Again, Block, BlockReader, ReadOptions, RowBytes, SessionAdapter, Source, adapters, read_all};
use proptest::prelude::*;

/// Bytes that are rich in what matters: line endings, NUL, braces, invalid UTF-8, small JSON objects.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => Just(b"\xff\xfe".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        2 => Just(br#"{"session":"s","role":"user","text":"t"}"#.to_vec()),
        2 => Just(br#"{"type":"user","message":{"content":"x"}}"#.to_vec()),
        3 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn blocks(adapter: &dyn SessionAdapter, bytes: &[u8], options: ReadOptions) -> Vec<Block> {
    let source = Source { client: adapter.name().to_owned(), session: "s".to_owned(), ..Source::default() };
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    BlockReader::over(adapter, &source, input, options).map(Result::unwrap).collect()
}

fn joined(blocks: &[Block]) -> Vec<u8> {
    blocks.iter().flat_map(|block| &block.rows).flat_map(|row| row.0.clone()).collect()
}

#[test]
fn a_block_is_never_larger_than_asked_unless_it_is_one_row() {
    let row = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
    let file: Vec<u8> = [10, 10, 500, 10, 95, 10, 100, 1].into_iter().flat_map(row).collect();
    let options = ReadOptions { max_block_bytes: 100, ..ReadOptions::default() };
    let sizes: Vec<Vec<usize>> = blocks(adapters()[0], &file, options)
        .iter()
        .map(|block| block.rows.iter().map(|row| row.0.len()).collect())
        .collect();
    assert_eq!(sizes, [vec![10, 10], vec![500], vec![10], vec![95], vec![10], vec![100], vec![1]]);
}

#[test]
fn a_row_that_is_too_long_is_kept_in_pieces_and_counted_once() {
    let long = [vec![b'y'; 1000], b"\r\n".to_vec()].concat();
    let file = [b"{}\n".to_vec(), long, b"{}\n".to_vec()].concat();
    let options = ReadOptions { max_block_bytes: 300, max_row_bytes: 400, final_pass: false };
    for adapter in adapters() {
        let blocks = blocks(*adapter, &file, options);
        assert_eq!(joined(&blocks), file);
        let lines: Vec<_> =
            blocks.iter().map(|block| (block.first_row, block.rows.len(), block.messages.len())).collect();
        assert_eq!(lines, [(1, 1, 1), (2, 1, 1), (2, 1, 0), (2, 1, 0), (2, 1, 0), (3, 1, 1)], "{}", adapter.name());
        let oversized: u64 = blocks.iter().filter_map(|block| block.unknown.get("(oversized row)")).sum();
        assert_eq!(oversized, 1);
    }
}

/// Rows are numbered by their place in their block: two pieces of one row in a block would move all that follow.
#[test]
fn rows_behind_one_in_pieces_have_their_own_numbers() {
    for length in 395..=720 {
        let long = [vec![b'y'; length], b"\n".to_vec()].concat();
        let file = [b"{}\n".to_vec(), long, b"{}\n".to_vec(), b"[]\n".to_vec()].concat();
        let options = ReadOptions { max_block_bytes: 300, max_row_bytes: 400, final_pass: false };
        let mut numbers = std::collections::BTreeMap::new();
        for block in blocks(adapters()[0], &file, options) {
            for (number, row) in (block.first_row..).zip(&block.rows) {
                numbers.entry(number).or_insert_with(Vec::new).extend_from_slice(&row.0);
            }
        }
        assert!(numbers.keys().copied().eq(1..=4), "{length}: {:?}", numbers.keys());
        assert_eq!((&numbers[&3], &numbers[&4]), (&b"{}\n".to_vec(), &b"[]\n".to_vec()), "{length}");
    }
}

#[test]
fn a_row_as_long_as_a_row_may_be_is_read_once_more() {
    let row = br#"{"session":"s","role":"user","text":"t"}"#;
    let adapter = jay_sessions::adapter("generic").unwrap();
    let said = |max: usize, ending: &[u8]| {
        let source = Source { client: "generic".to_owned(), session: "s".to_owned(), ..Source::default() };
        let said = Again::new(adapter, source, max).row(0, &[&row[..], ending].concat());
        said.messages.iter().filter(|message| message.role.is_some()).count()
    };
    for ending in [&b""[..], b"\n", b"\r\n"] {
        assert_eq!((said(row.len(), ending), said(row.len() - 1, ending)), (1, 0), "{ending:?}");
    }
}

#[test]
fn a_byte_order_mark_hides_no_message() {
    let file = b"\xef\xbb\xbf{\"session\":\"s\",\"role\":\"user\",\"text\":\"t\"}\r\n";
    let summary = read_all(jay_sessions::adapter("generic").unwrap(), file);
    assert_eq!((summary.report.messages, summary.is_lossless), (1, true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn joined_rows_are_the_bytes(
        which in any::<prop::sample::Index>(),
        bytes in bytes(),
        block in 1usize..300,
        row in 1usize..300,
        final_pass: bool,
    ) {
        let options = ReadOptions { max_block_bytes: block, max_row_bytes: row, final_pass };
        // Cutting rows is common code: `mutation` gives damaged files to every adapter.
        let adapter = adapters()[which.index(adapters().len())];
        let rows = joined(&blocks(adapter, &bytes, options));
        prop_assert!(bytes.starts_with(&rows));
        let pending = &bytes[rows.len()..];
        prop_assert!(!pending.contains(&b'\n') && (pending.is_empty() || !final_pass));
    }

    /// Appended in any pieces, the bytes come out as they went in, a rewriting of the last row included.
    #[test]
    fn growing_bytes_are_never_lost_or_doubled(
        bytes in bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        row in 1usize..200,
        final_pass: bool,
    ) {
        let options = ReadOptions { max_block_bytes: 64, max_row_bytes: row, final_pass };
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        for (adapter, source) in [all().remove(0), all().pop().unwrap()] {
            let growing = Growing::like(&source);
            let mut held = Held::default();
            for pair in cuts.windows(2) {
                growing.append(&bytes[pair[0]..pair[1]]);
                let (_, report) = held.sync(adapter, &growing.source, options, usize::MAX);
                prop_assert_eq!(held.bytes.len() as u64 + report.pending_bytes, pair[1] as u64);
                prop_assert!(bytes.starts_with(&held.bytes));
            }
            let mut whole = Held::default();
            whole.sync(adapter, &growing.source, options, usize::MAX);
            prop_assert_eq!(&held.messages, &whole.messages);
            prop_assert_eq!(held.cursor.unwrap().row_count, whole.cursor.unwrap().row_count);
        }
    }

    #[test]
    fn a_row_survives_json(bytes in prop::collection::vec(any::<u8>(), 0..60), text in ".*") {
        for row in [RowBytes(bytes), RowBytes(text.clone().into_bytes())] {
            let json = serde_json::to_string(&row).unwrap();
            prop_assert_eq!(serde_json::from_str::<RowBytes>(&json).unwrap(), row);
        }
        prop_assert_eq!(serde_json::to_value(RowBytes(text.clone().into_bytes())).unwrap(), serde_json::json!(text));
    }
}
