//! Files that are cut, changed, foreign or gone: they are not used, and nothing panics.

use super::*;
use crate::vector_index::probe::{VectorSeals, seal_vectors, vectors};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

fn small() -> Table {
    let mut table = Table::new(64);
    table.store(0..5000);
    table.build();
    table.append(5000..5100);
    table
}

fn open(table: &Table) -> std::fs::File {
    std::fs::File::options().read(true).write(true).open(table.index.path()).unwrap()
}

#[test]
fn a_file_is_its_owners_only() {
    let table = small();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(table.index.path()), 0o600);
    assert_eq!(mode(table.index.path().parent().unwrap()), 0o700);
}

#[test]
fn what_does_not_fit_is_named() {
    let mut table = small();
    let content = table.content.clone();
    let damage = |index: &VectorIndex| index.at(&content).map(|search| search.count()).unwrap_err();
    let directory = table.dir.path().join("index");
    assert_eq!(damage(&VectorIndex::new(&directory, "archive", table.index.model.clone(), MATH)), Damage::Missing);
    let math = VectorMath { version: 99, ..MATH };
    assert_eq!(damage(&VectorIndex::new(&directory, "memory", table.index.model.clone(), math)), Damage::Foreign);
    let mut other = table.other();
    other.model.dimension = 65;
    assert_eq!(damage(&other), Damage::Foreign);
    assert_eq!(table.index.at(&Content::default()).unwrap_err(), Damage::OtherContent);
    // Another store that stored as often.
    let mut elsewhere = Table::new(64);
    elsewhere.random = Random::new(8);
    elsewhere.store(0..5000);
    elsewhere.store(5000..5100);
    assert_eq!(table.index.at(&elsewhere.content).unwrap_err(), Damage::OtherContent);
    let rows = table.store([6000]);
    let additions = [Addition { code: &rows[0].3[1..], ..addition(&rows[0]) }];
    assert!(matches!(table.index.append(&additions, &[], table.content.mark()), Err(Damage::Io(_))));
    let additions = [Addition { namespace: u32::MAX, ..addition(&rows[0]) }];
    assert!(table.index.append(&additions, &[], table.content.mark()).is_err());
    assert_eq!(table.index.at(&content).unwrap().count(), 5100, "what failed is not there");
}

#[test]
fn a_torn_header_leaves_the_one_before() {
    let table = small();
    let mut older = table.content.clone();
    let file = open(&table);
    let mut pages = [0; layout::HEADER_BYTES];
    file.read_exact_at(&mut pages, 0).unwrap();
    let newest = header::Header::decode(&pages, &table.index.model, MATH.version).unwrap();
    let place = newest.serial % 2 * layout::PAGE as u64;
    file.write_all_at(&[1], place + 100).unwrap();
    let search = table.index.at(&table.content).unwrap();
    assert_eq!((search.count(), search.newer().len()), (5000, 100), "the commit before, and its documents are newer");
    file.write_all_at(&[1], (layout::PAGE as u64 - place) + 100).unwrap();
    assert_eq!(table.index.at(&table.content).unwrap_err(), Damage::Header);
    older.push(older.mark().after(std::iter::empty()), vec![]);
    assert_eq!(table.index.at(&older).unwrap_err(), Damage::Header);
}

#[test]
fn a_crash_between_records_and_header_leaves_garbage_that_is_overwritten() {
    let mut table = small();
    let shape = layout::Shape::of(64);
    let file = open(&table);
    // The records of a writer that died: behind the count.
    let slot = 5100 - layout::SLOTS;
    let extent = (layout::HEADER_BYTES + shape.extent_bytes()) as u64;
    file.write_all_at(&[0xAA; 400], extent + (layout::Shape::label(slot)) as u64).unwrap();
    file.write_all_at(&[0xAA; 400], extent + shape.sign_word(slot + 4, 0) as u64).unwrap();
    let query = table.query();
    assert_eq!(nearest(&table.index.at(&table.content).unwrap(), &query, 6000).unwrap().len(), 5100);
    table.append(5100..5200);
    assert_eq!(table.index.verify().unwrap(), (5200, 0));
    let found = nearest(&table.index.at(&table.content).unwrap(), &query, 6000).unwrap();
    assert_eq!(found, table.exact(&query, |_, _| true));
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_noticed() {
    let mut table = small();
    let query = table.query();
    assert!(nearest(&table.index.at(&table.content).unwrap(), &query, 10).is_ok());
    open(&table).set_len(layout::HEADER_BYTES as u64 + 5000).unwrap();
    assert_eq!(table.index.at(&table.content).unwrap_err(), Damage::Short);
}

#[test]
fn an_erased_file_says_nothing_even_to_who_has_it_mapped() {
    let mut table = small();
    let reader = table.other();
    let query = table.query();
    let search = reader.at(&table.content).unwrap();
    assert!(nearest(&search, &query, 10).is_ok());
    let file = open(&table);
    table.index.erase().unwrap();
    assert!(!table.index.path().exists());
    table.index.erase().unwrap();
    assert!(matches!(nearest(&search, &query, 10), Err(Damage::Record(_))), "zeros are no records");
    assert_eq!(reader.at(&table.content).unwrap_err(), Damage::Missing);
    let mut bytes = vec![1; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes.iter().all(|byte| *byte == 0));
}

#[test]
fn a_damaged_sign_code_is_found_by_a_check_of_all() {
    let table = small();
    assert!(table.index.verify().is_ok());
    let file = open(&table);
    let place = layout::HEADER_BYTES as u64 + layout::Shape::of(64).sign_word(77, 0) as u64;
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 1], place).unwrap();
    assert_eq!(table.other().verify(), Err(Damage::Record(77)));
}

/// Checksums find accidents. A header that was forged, or written by a fault of our own, has its checksum: found by fuzzing.
#[test]
fn a_header_that_says_what_cannot_be_is_not_used() {
    let mut table = Table::new(64);
    table.store(0..50);
    table.build();
    table.append(50..60);
    let whole = std::fs::read(table.index.path()).unwrap();
    let mut random = Random::new(3);
    let query = Query::read(&table.rows[7].3, 64, MATH).unwrap();
    let read = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        seal_vectors(&mut bytes, 64, VectorSeals { header: true, ..VectorSeals::default() });
        vectors(&bytes, &table.index.model, MATH, &table.content, &query)
    };
    assert_eq!(read(&whole).fault, None);
    for (place, value) in [(72, 61_u64), (80, 61), (80, u64::MAX), (72, 1 << 33), (120, 61)] {
        let mut bytes = whole.clone();
        for copy in [0, layout::PAGE] {
            bytes[copy + place..copy + place + 8].copy_from_slice(&value.to_le_bytes());
        }
        assert!(read(&bytes).fault.is_some(), "{value} at {place}");
    }
    for place in (0..200).chain([4088, 4095]) {
        let mut bytes = whole.clone();
        for copy in [0, layout::PAGE] {
            bytes[copy + place] ^= 1 << random.below(8);
        }
        let _ = read(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Any cut and any changed byte: the answer is the right one, or the file is not used, or (where a sign code lies)
    /// doctor finds it; a document that is answered has its true score.
    #[test]
    fn a_damaged_file_never_answers_wrongly(place in 0.0_f64..1.0, flip in 1_u8..=255, cut in any::<bool>()) {
        let mut table = Table::new(16);
        table.store(0..4200);
        table.build();
        let query = table.query();
        let exact = table.exact(&query, |_, _| true);
        let file = open(&table);
        let length = file.metadata().unwrap().len();
        let at = (length as f64 * place) as u64;
        if cut {
            file.set_len(at).unwrap();
        } else {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ flip], at).unwrap();
        }
        let reader = table.other();
        let answered = reader.at(&table.content).and_then(|search| nearest(&search, &query, 5000));
        let verified = reader.verify();
        match answered {
            // Bytes that no record uses, or a sign code: all are looked at here, so that nothing is missed.
            Ok(found) => {
                prop_assert_eq!(&found, &exact);
                prop_assert!(!cut);
            }
            Err(_) => prop_assert!(verified.is_err()),
        }
        let few = reader.at(&table.content).and_then(|search| nearest(&search, &query, 10));
        for neighbour in few.unwrap_or_default() {
            prop_assert!(exact.contains(&neighbour), "{:?}", neighbour);
        }
    }
}
