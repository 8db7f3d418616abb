//! Looks for needles in bytes, however they are packed: as they are, compressed, sealed.
//!
//! A needle is a word that stands in one text only, so that whatever holds it holds that text.

use jay_store::Store;
use jay_transfer::format::clear::{Clear, FileKind, KeyId, Range};
use jay_transfer::format::seal::{self, FileKey};
use jay_types::Error;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const BEGIN: &[u8] = b"zq";
const DIGITS: usize = 5;
const END: &[u8] = b"qz";
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Bytes of the largest thing that is unpacked.
const UNPACKED_MAX_BYTES: u64 = 64 << 20;
/// How many times something may be packed in something else.
const DEPTH: usize = 4;

/// The word with a number.
pub(crate) fn needle(number: u32) -> String {
    format!("zq{number:05}qz")
}

/// The needles in some bytes, and in whatever is compressed in them.
pub(crate) fn needles_in(bytes: &[u8]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    look(bytes, DEPTH, &mut found);
    found
}

fn look(bytes: &[u8], depth: usize, found: &mut BTreeSet<u32>) {
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == BEGIN[0] || **byte == ZSTD_MAGIC[0]) {
        let rest = &bytes[at..];
        found.extend(number_at(rest));
        if depth > 0 && rest.starts_with(&ZSTD_MAGIC) {
            let mut plain = Vec::new();
            let decoder = zstd::stream::read::Decoder::with_buffer(rest).unwrap().single_frame();
            // What is cut off is looked at as far as it goes.
            let _ = decoder.take(UNPACKED_MAX_BYTES).read_to_end(&mut plain);
            look(&plain, depth - 1, found);
        }
    }
}

fn number_at(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(BEGIN)?;
    let (digits, rest) = rest.split_at_checked(DIGITS)?;
    rest.starts_with(END).then_some(())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What lies in a file of a remote.
pub(crate) enum Looked {
    /// These needles, and no others.
    Found(BTreeSet<u32>),
    /// It cannot be opened, and may hold some of these changes; of a checkpoint none are named.
    MayHold(Vec<Range>),
}

/// Opens a file with whatever key fits and looks through it.
pub(crate) fn look_into(bytes: &[u8], key_of: &dyn Fn(KeyId) -> Option<FileKey>) -> Looked {
    let mut found = needles_in(bytes);
    match seal::open(bytes, key_of) {
        Ok((_, content)) => {
            found.extend(needles_in(&content));
            Looked::Found(found)
        }
        Err(_) => match Clear::decode(bytes) {
            // Not a byte of the content is left of it, or it is of a kind that holds no text.
            Ok((clear, header, _)) if bytes.len() > header && is_of_texts(clear.kind) => Looked::MayHold(clear.ranges),
            _ => Looked::Found(found),
        },
    }
}

fn is_of_texts(kind: FileKind) -> bool {
    matches!(kind, FileKind::Segment | FileKind::Checkpoint)
}

/// The needles in every file below a directory.
pub(crate) fn needles_below(directory: &Path) -> Vec<(PathBuf, BTreeSet<u32>)> {
    let files = jay_testkit::files_below(directory).unwrap();
    files.into_iter().map(|file| (file.clone(), needles_in(&std::fs::read(file).unwrap_or_default()))).collect()
}

/// The needles in the bodies that a store holds.
pub(crate) fn needles_held(store: &Store) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let read = |tx: &jay_store::Tx<'_>| -> Result<(), Error> {
        tx.each_body::<Error>(&mut |body| {
            look(body.json.unwrap_or_default(), 0, &mut found);
            Ok(())
        })
    };
    if store.exists() {
        store.read(read).unwrap();
    }
    found
}

#[test]
fn needles_are_found_however_they_are_packed() {
    let key = FileKey::new(1, [5; 32]);
    let other = FileKey::new(1, [6; 32]);
    let key_of = |id: KeyId| (id == key.id).then(|| key.clone());
    let text = format!("a {} b {} zq1234qz zq12x45qz", needle(7), needle(99_999));
    assert_eq!(needles_in(text.as_bytes()), BTreeSet::from([7, 99_999]));
    let twice = zstd::bulk::compress(&zstd::bulk::compress(text.as_bytes(), 3).unwrap(), 3).unwrap();
    let packed = [b"before".as_slice(), &twice, b"after"].concat();
    assert_eq!(needles_in(&packed), BTreeSet::from([7, 99_999]));
    let clear = Clear {
        kind: FileKind::Segment,
        vault: jay_types::NamespaceId([1; 16]),
        key: key.id,
        node: jay_types::NodeId([2; 16]),
        ranges: Vec::new(),
        nonce: [3; 19],
    };
    let file = seal::seal(&clear, &key, &packed);
    assert_eq!(needles_in(&file), BTreeSet::new());
    assert!(matches!(look_into(&file, &key_of), Looked::Found(found) if found.len() == 2));
    assert!(matches!(look_into(&file[..file.len() - 1], &key_of), Looked::MayHold(_)));
    assert!(matches!(look_into(&file, &|_| None), Looked::MayHold(_)));
    assert!(matches!(look_into(&seal::seal(&clear, &other, b""), &key_of), Looked::MayHold(_)));
}
