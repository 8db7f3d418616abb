//! The readers of index files: whatever stands in one, a query is answered or told why not, in bounded time and memory.

use crate::{Seeds, Target};
use jay_models::{Encoded, kernel, vector};
use jay_store::probe::{self, Probed, TextSeal, VectorSeals};
use jay_store::vector_index::{Addition, Content, Model, Query, VectorIndex, VectorMath};
use jay_testkit::Random;
use jay_types::Code;
use std::path::Path;
use std::sync::LazyLock;

/// An input is the file of a segment; its hashes and, where it grew or shrank, its parts are made to fit.
pub(super) const SEGMENTS: Target =
    Target { name: "segments", run: segments, seeds: Seeds::Made(|| SEGMENT_FILES.clone()) };

/// An input is what is changed in a valid file: a byte of choices ([`IMAGE`], [`HEADER`], …), then changes of a part, an
/// offset (2 bytes), a length and so many bytes. A file's own size would leave no room for a search.
pub(super) const VECTORS: Target = Target {
    name: "vectors",
    run: vectors,
    seeds: Seeds::Written(&[
        &[0],
        &[IMAGE],
        // The number of records, of marks, of dropped ones: in both copies of the header.
        &[HEADER, 0, 72, 0, 2, 255, 15, 1, 72, 0, 2, 255, 15],
        &[HEADER | IMAGE, 0, 20, 0, 1, 9, 1, 80, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255],
        // A summary, labels with document and scale, namespaces of a dropped record.
        &[SUMMARIES | IMAGE, 2, 0, 0, 20, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        &[RECORDS, 3, 24, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255, 3, 40, 0, 4, 0, 0, 192, 127],
        &[RECORDS | SUMMARIES | IMAGE, 3, 12, 0, 4, 255, 255, 255, 255, 4, 0, 0, 4, 255, 255, 255, 255],
        // Sign codes and codes; the end of the file.
        &[0, 5, 0, 0, 4, 255, 0, 255, 0, 6, 0, 0, 4, 127, 128, 127, 128],
        &[0, 255, 0, 40, 0],
    ]),
};

/// The second image: a whole extent and a piece.
const IMAGE: u8 = 1;
/// The header's checksums are made to hold.
const HEADER: u8 = 2;
/// Those of summaries.
const SUMMARIES: u8 = 4;
/// Those of records.
const RECORDS: u8 = 8;
/// A change of this part cuts the file at 256 times the offset.
const CUT: u8 = 255;

/// Segments with lists of every form: shorter than a block, one block, a block and a rest; repeated and long terms.
static SEGMENT_FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let home = tempfile::tempdir().expect("a directory");
    let words = ["alpha", "beta", "walk", "walker", "walking", "größe", "東京", "v1.2.3"];
    let text = |doc: i64| {
        let mut text = format!("every alpha{}", doc % 7);
        for (place, word) in (2_i64..).zip(words) {
            if doc % place == 0 {
                text.push_str(&format!(" {word}").repeat(1 + (doc % 5) as usize));
            }
        }
        text
    };
    let file = |documents: Vec<(i64, u32, String)>| {
        probe::make_segment(home.path(), &documents).expect("documents that ascend")
    };
    let numbered = |count: i64| (1..=count).map(|doc| (doc * 3, doc as u32 % 4, text(doc))).collect();
    vec![file(numbered(12)), file(numbered(128)), file(numbered(140)), file(vec![(9, 1, "b".repeat(300))])]
});

fn segments(input: &[u8]) {
    let other = SEGMENT_FILES.first().expect("there are some");
    let is_seed = SEGMENT_FILES.iter().any(|file| file == input);
    for seal in [None, Some(TextSeal::Footer), Some(TextSeal::Postings), Some(TextSeal::Terms)] {
        let mut file = input.to_vec();
        if let Some(seal) = seal {
            probe::seal_segment(&mut file, seal);
        }
        let Probed { answers, seen, fault } = probe::segments(&[&file, other]);
        if let Some(error) = &fault {
            assert!(error.code == Code::Damaged && error.hint.is_some(), "{error:?}");
        }
        // A seal of what is whole changes nothing.
        assert!(!is_seed || (fault.is_none() && answers > 30 && seen > 100), "{seal:?} {answers} {seen} {fault:?}");
    }
}

const MATH: VectorMath =
    VectorMath { distances: kernel::distances, dot: kernel::dot, sign_code, query_code, version: 1 };

/// Plain signs: the rotation of the real ones would take most of a search's time and reads nothing of a file's form.
fn sign_code(codes: &[u8]) -> Vec<u64> {
    let word = |codes: &[u8]| codes.iter().rev().fold(0, |word, code| word << 1 | u64::from(code.cast_signed() > 0));
    codes.chunks(64).map(word).collect()
}

/// Every bit of [`sign_code`] with the weight 1.
fn query_code(codes: &[u8]) -> (Vec<u64>, u16) {
    let words: Vec<u64> = sign_code(codes).into_iter().flat_map(|signs| [signs, u64::MAX, 0, 0]).collect();
    let farthest = words.len() / 4 * 64;
    (words, farthest as u16)
}

/// Not a multiple of what kernels take at a time.
const DIMENSION: usize = 12;

/// A valid file, and what the table that it follows knows.
struct Image {
    bytes: Vec<u8>,
    content: Content,
}

static IMAGES: LazyLock<[Image; 2]> = LazyLock::new(|| [image(40), image(4110)]);

fn model() -> Model {
    Model { id: "probe".to_owned(), dimension: DIMENSION }
}

fn code(random: &mut Random) -> Vec<u8> {
    let mut values: Vec<f32> = (0..DIMENSION).map(|_| random.fraction() as f32 - 0.5).collect();
    vector::normalise(&mut values);
    Encoded::from_vector(&values).expect("finite").to_bytes()
}

fn addition((doc, code): &(i64, Vec<u8>)) -> Addition<'_> {
    Addition { doc: *doc, chunk: 0, namespace: *doc as u32 % 5, code }
}

/// A file that was built with `count` documents, then extended by two more and by one that is there already.
fn image(count: i64) -> Image {
    let home = tempfile::tempdir().expect("a directory");
    let index = VectorIndex::new(home.path(), "probe", model(), MATH);
    let mut random = Random::new(count.unsigned_abs());
    let mut content = Content::default();
    let mut store = |docs: std::ops::Range<i64>| {
        let rows: Vec<(i64, Vec<u8>)> = docs.clone().map(|doc| (doc, code(&mut random))).collect();
        let mark = content.mark().after(rows.iter().map(|(doc, code)| (*doc, 0, code.as_slice())));
        content.push(mark, docs.collect());
        (rows, mark)
    };
    let (rows, mark) = store(0..count);
    let mut builder = index.build().expect("a directory that can be written");
    for row in &rows {
        builder.push(&addition(row)).expect("of the dimension");
    }
    builder.finish(mark, 1, false).expect("a directory that can be written");
    let (rows, mark) = store(count - 1..count + 2);
    let additions: Vec<Addition<'_>> = rows.iter().map(addition).collect();
    index.append(&additions, &[3], mark).expect("a file that was just built");
    Image { bytes: read(index.path()), content }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file that was just written")
}

static QUERY: LazyLock<Query> =
    LazyLock::new(|| Query::read(&code(&mut Random::new(5)), DIMENSION, MATH).expect("a code of the dimension"));

fn vectors(input: &[u8]) {
    let (choices, changes) = input.split_first().map_or((0, input), |(choices, rest)| (*choices, rest));
    let [small, large] = &*IMAGES;
    let Image { bytes, content } = if choices & IMAGE == 0 { small } else { large };
    let mut file = bytes.clone();
    change(&mut file, changes);
    let seals = VectorSeals {
        header: choices & HEADER != 0,
        summaries: choices & SUMMARIES != 0,
        records: choices & RECORDS != 0,
    };
    probe::seal_vectors(&mut file, DIMENSION, seals);
    let Probed { answers, seen, fault } = probe::vectors(&file, &model(), MATH, content, &QUERY);
    if file == *bytes {
        assert!(fault.is_none() && answers == 9 && seen > 60, "{answers} {seen} {fault:?}");
    }
}

/// Makes the changes that an input asks for; what lies outside of the file changes nothing.
fn change(file: &mut Vec<u8>, mut changes: &[u8]) {
    let parts = probe::vector_parts(DIMENSION, 2);
    while let [part, low, high, length, rest @ ..] = changes {
        let offset = usize::from(u16::from_le_bytes([*low, *high]));
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        changes = rest;
        if *part == CUT {
            file.truncate(offset << 8);
            continue;
        }
        let start = parts.get(usize::from(*part) % parts.len()).copied().unwrap_or_default() + offset;
        if let Some(place) = file.get_mut(start..start + value.len()) {
            place.copy_from_slice(value);
        }
    }
}
