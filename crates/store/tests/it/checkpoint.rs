//! A checkpoint is the journal of chosen streams and nothing else; a store that begins with one is the store that made it,
//! and one that was tampered with is refused whole (J14).

use crate::support::*;
use jay_store::{Adopted, Draft, Store, StoredVector, WantedVectors};
use jay_testkit::blocks::{block, session_id};
use jay_types::change::registry::KEY;
use jay_types::change::{Header, Journal};
use jay_types::{Code, Error, NamespaceId};
use std::path::{Path, PathBuf};

pub(crate) fn of(node: &Node, journal: Journal) -> &Store {
    match journal {
        Journal::Memory => &node.memory,
        Journal::Archive => &node.archive,
    }
}

pub(crate) fn file_of(node: &Node) -> PathBuf {
    node.directory().join("whole.checkpoint")
}

/// A store with something of everything in both namespaces.
pub(crate) fn filled() -> (Node, NamespaceId, NamespaceId) {
    let node = Node::new(1);
    let (shared, _) = node.namespace("team/shared");
    let (other, _) = node.namespace("team/otherplace");
    for (ns, word) in [(shared, "apple"), (other, "walnut")] {
        let first = node.remember(ns, &format!("{word} one is green"));
        node.edit(ns, first, saying(&format!("{word} one is red")));
        node.create(ns, saying(&format!("{word} two")).with(KEY, format!("{word}-key")));
        node.create(ns, saying(&format!("{word} three")).with(KEY, format!("{word}-key")));
        let gone = node.remember(ns, &format!("{word} forgotten"));
        node.forget(ns, gone);
        let purged = node.remember(ns, &format!("{word} cyanide"));
        node.purge(ns, purged);
        let long = format!("{word} ").repeat(400);
        node.remember(ns, &long);
        let session = format!("session-of-{word}");
        let archived = block(&session, "/a", 0, 0, &[word, "hello"]);
        node.archive
            .write::<_, Error>(&ann(), |w| {
                w.draft(Draft::block(ns, session_id(&session), archived.to_json()));
                Ok(())
            })
            .unwrap();
    }
    (node, shared, other)
}

pub(crate) fn checkpoint(store: &Store, to: &Path) -> jay_store::Checkpoint {
    store.checkpoint(&|_| true, to).unwrap()
}

pub(crate) fn adopt(store: &Store, file: &Path) -> Result<Adopted, Error> {
    Ok(store.adopt(file, &mut |_, _| ())?)
}

pub(crate) fn dump(store: &Store) -> Vec<String> {
    store.read::<_, Error>(|tx| Ok(tx.canonical_dump()?)).unwrap()
}

/// What is wrong in a store: nothing.
pub(crate) fn assert_sound(store: &Store) {
    let faults = store
        .read::<_, Error>(|tx| Ok((tx.verify_journal(&mut |_| ())?, tx.integrity_faults()?, tx.text_index_faults()?)));
    assert_eq!(faults.unwrap(), (vec![], vec![], vec![]));
    assert!(store.rebuild(&mut |_, _| ()).unwrap().same);
}

/// Checks that a store which adopts a checkpoint of `wanted`, and one which receives it, say what a store says that is
/// given the same by frames; returns that.
pub(crate) fn compare_with_frames(source: &Store, journal: Journal, wanted: &[NamespaceId], name: &str) -> Vec<String> {
    let [by_checkpoint, by_frames, part_by_part] = [601, 602, 603].map(Node::new);
    let file = file_of(&by_frames);
    std::fs::create_dir_all(by_frames.directory()).unwrap();
    let made = source.checkpoint(&|stream| wanted.contains(&stream.namespace), &file).unwrap();
    let adopted = adopt(of(&by_checkpoint, journal), &file).unwrap();
    assert!(matches!(adopted, Adopted::Whole { changes, .. } if changes == made.changes), "{name}");
    let taken = of(&part_by_part, journal).receive_checkpoint(&file, &|_| true, &mut |_, _| ()).unwrap();
    assert_eq!((taken.journalled, taken.gaps, taken.refused), (made.changes, 0, vec![]), "{name}");
    let mut parts = export(source);
    parts.retain(|part| wanted.contains(&Header::decode(&part[0].header).unwrap().namespace));
    assert_eq!(of(&by_frames, journal).receive(&over_the_wire(&parts)).unwrap().refused, [], "{name}");
    let expected = dump(of(&by_frames, journal));
    for store in [of(&by_checkpoint, journal), of(&part_by_part, journal)] {
        let found = dump(store);
        let differ: Vec<_> = expected.iter().zip(&found).filter(|(one, other)| one != other).take(3).collect();
        assert!(found == expected, "{name}: {differ:#?}");
        assert!(store.rebuild(&mut |_, _| ()).unwrap().same, "{name}");
    }
    expected
}

#[test]
fn a_store_that_begins_with_a_checkpoint_is_the_one_that_made_it() {
    let (node, ..) = filled();
    let new = Node::new(2);
    for (from, to, place) in [(&node.memory, &new.memory, 0), (&node.archive, &new.archive, 1)] {
        let file = node.directory().join(format!("checkpoint-{place}"));
        let made = checkpoint(from, &file);
        assert_eq!(made.bytes, std::fs::metadata(&file).unwrap().len());
        let (changes, branches) = from.read::<_, Error>(|tx| Ok((tx.counts()?.changes, tx.branches()?))).unwrap();
        assert_eq!((made.changes, &made.position), (changes, &branches));
        let mut steps = Vec::new();
        let adopted = to.adopt(&file, &mut |done, all| steps.push((done, all))).unwrap();
        let Adopted::Whole { changes, renewed_node, .. } = adopted else { panic!("{adopted:?}") };
        assert_eq!((changes, renewed_node), (made.changes, false));
        assert!(steps.is_sorted() && steps.last().unwrap().0 == steps.last().unwrap().1, "{steps:?}");
        assert_eq!(dump(to), dump(from));
        assert_sound(to);
        assert_eq!(dump(to), dump(from), "after a rebuild too");
        let roots = |store: &Store| {
            let read = store.read::<_, Error>(|tx| {
                let names = branches.iter().map(|branch| branch.stream.namespace);
                names.map(|ns| Ok(tx.root_of(tx.namespace_num(ns)?.unwrap())?)).collect::<Result<Vec<_>, Error>>()
            });
            read.unwrap()
        };
        assert_eq!(roots(to), roots(from));
    }
    for words in ["apple", "green", "walnut red", "forgotten", "cyanide"] {
        assert_eq!(new.search(words), node.search(words), "{words}");
    }
    assert_ne!(new.id(), node.id());
    let (ns, _) = new.namespace("team/shared");
    assert_eq!(ns, node.namespace("team/shared").0, "the namespace is known by its path");
    new.remember(ns, "it goes on");
    assert_eq!(sync(&new, &node).refused, []);
    assert_eq!(new.list().len(), node.list().len());
    assert_eq!(dump(&new.memory), dump(&node.memory));
}

#[test]
fn nothing_is_made_where_a_file_is_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (node, ..) = filled();
    let file = file_of(&node);
    jay_testkit::write(&file, "a letter");
    let error = Error::from(node.memory.checkpoint(&|_| true, &file).unwrap_err());
    assert_eq!((error.code, std::fs::read_to_string(&file).unwrap().as_str()), (Code::Io, "a letter"));
    std::fs::remove_file(&file).unwrap();
    checkpoint(&node.memory, &file);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let missing = adopt(&Node::new(2).memory, &node.directory().join("nothing")).unwrap_err();
    assert_eq!(missing.code, Code::Io);
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn not_a_byte_of_an_unwanted_stream_is_in_the_file() {
    let (node, shared, other) = filled();
    for store in [&node.memory, &node.archive] {
        let file = file_of(&node);
        let made = store.checkpoint(&|stream| stream.namespace == shared, &file).unwrap();
        assert!(made.position.iter().all(|branch| branch.stream.namespace == shared));
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for leak in ["walnut", "otherplace", "cyanide", "walnut-key"] {
            assert!(!holds(&bytes, leak.as_bytes()), "{leak}");
        }
        assert!(!holds(&bytes, &other.0) && holds(&bytes, &shared.0));
        let entities =
            dump(store).into_iter().filter(|line| line.contains(&jay_types::id::to_hex(&other.0).to_uppercase()));
        assert!(entities.count() > 3, "the other namespace has entities");
        assert!(holds(&bytes, b"apple"), "a search in the file would find it");
    }
}

#[test]
fn of_what_was_written_after_a_position_nothing_is_in_its_checkpoint() {
    let (node, shared, _) = filled();
    let file = file_of(&node);
    let position = node.memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
    let expected = dump(&node.memory);
    node.remember(shared, "the word is swordfish");
    let (later, _) = node.namespace("team/later");
    node.remember(later, "elsewhere");
    let made = node.memory.checkpoint_at(&position, &file).unwrap();
    assert_eq!(made.position, position);
    for leak in ["swordfish", "elsewhere", "team/later"] {
        assert!(!holds(&std::fs::read(&file).unwrap(), leak.as_bytes()), "{leak}");
    }
    let new = Node::new(2);
    adopt(&new.memory, &file).unwrap();
    assert_eq!(dump(&new.memory), expected);
    assert_sound(&new.memory);
}

#[test]
fn a_store_with_changes_is_left_alone_and_can_take_a_checkpoint_in() {
    let (node, shared, other) = filled();
    let file = file_of(&node);
    checkpoint(&node.memory, &file);
    let mut others = [Node::new(2), Node::new(3)];
    for one in &mut others {
        let (ns, _) = one.namespace("team/shared");
        one.remember(ns, "pear");
        let before = one.dump();
        assert_eq!(adopt(&one.memory, &file).unwrap(), Adopted::NotEmpty);
        assert_eq!(one.dump(), before);
    }
    let [by_checkpoint, by_frames] = others;
    let mut steps = Vec::new();
    let all = node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.changes)).unwrap();
    let mut take = |ns: NamespaceId| {
        let report =
            by_checkpoint.memory.receive_checkpoint(&file, &|stream| stream.namespace == ns, &mut |done, of| {
                steps.push((done, of));
            });
        report.unwrap()
    };
    let first = take(shared);
    assert_eq!((first.journalled > 5, first.have, first.gaps, first.refused.len()), (true, 0, 0, 0));
    assert_eq!(take(shared).have, first.journalled, "once more brings nothing");
    let second = take(other);
    assert_eq!(first.journalled + second.journalled, all);
    assert_eq!(steps[0], (first.journalled, all));
    sync(&node, &by_frames);
    let mine = |line: &&String| !line.contains("pear");
    let differing = |node: &Node| node.dump().iter().filter(mine).count();
    assert_eq!(differing(&by_checkpoint), differing(&by_frames));
    assert_eq!(by_checkpoint.search("apple").len(), node.search("apple").len());
    assert_sound(&by_checkpoint.memory);
    sync(&by_frames, &by_checkpoint);
    sync(&by_checkpoint, &by_frames);
    assert_eq!(by_checkpoint.dump(), by_frames.dump());
}

#[test]
fn a_directory_that_was_set_back_goes_on_as_a_new_node() {
    let (node, ..) = filled();
    let file = file_of(&node);
    checkpoint(&node.memory, &file);
    // The memory is lost, the archive and the key are not.
    let before = node.id();
    for name in ["memory.db", "memory.db-wal", "memory.db-shm", "state/memory.begun"] {
        std::fs::remove_file(node.directory().join(name)).unwrap();
    }
    let node = node.again();
    let Adopted::Whole { renewed_node, .. } = adopt(&node.memory, &file).unwrap() else { panic!("it is empty") };
    assert!(renewed_node && node.id() != before);
}

#[test]
fn a_clock_that_is_not_believed_is_refused() {
    let node = Node::new(1);
    for _ in 0..2 {
        // Each time within what the store itself believes.
        node.steps.clock.advance(jay_types::time::TEN_YEARS / 10 * 7);
        node.namespace("team");
        let (ns, _) = node.namespace("team");
        node.remember(ns, "from the future");
    }
    let file = file_of(&node);
    checkpoint(&node.memory, &file);
    let new = Node::new(2);
    let error = adopt(&new.memory, &file).unwrap_err();
    assert!(error.code == Code::VerificationFailed && error.message.contains("bad_clock"), "{error:?}");
    assert_eq!(new.dump(), Vec::<String>::new());
}

fn made_at_once(doc: i64, text: &str) -> Vec<StoredVector> {
    let mut vector = [1.0; 48];
    vector[text.len() % 48] = -3.0;
    let code = jay_models::Encoded::from_vector(&vector).unwrap().to_bytes();
    vec![StoredVector { doc, chunk: 0, first: 0, last: text.len() as u32, code, tokens: vec![] }]
}

#[test]
fn vectors_are_made_at_once_or_wait_as_jobs() {
    let (node, ..) = filled();
    let file = file_of(&node);
    checkpoint(&node.memory, &file);
    let wanted = |at_once| WantedVectors { model: "table".to_owned(), dimension: 48, at_once };
    let quick = Node::new(2).embedding(Some(wanted(Some(made_at_once))));
    let later = Node::new(3).embedding(Some(wanted(None)));
    for (new, jobs, vectors) in [(&quick, 0, 10), (&later, 10, 0)] {
        adopt(&new.memory, &file).unwrap();
        let read = new.memory.read::<_, Error>(|tx| {
            let checks = tx.check_vector_indexes()?;
            Ok((tx.jobs_pending(Some("embed"))?, checks.first().map_or(0, |check| check.records)))
        });
        assert_eq!(read.unwrap(), (jobs, vectors));
        assert_eq!(new.dump(), node.dump());
    }
}
