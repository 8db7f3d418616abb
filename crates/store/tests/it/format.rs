//! Files of other days: a store of format 1 answers the same for ever, what is newer or foreign is refused.

use crate::support::*;
use jay_store::{Draft, Store};
use jay_testkit::blocks::{block, session_id};
use jay_types::change::registry::{KEY, PATH, TAGS};
use jay_types::change::{Body, EntityKind, Op, SetEdit, frame};
use jay_types::id::from_hex;
use jay_types::{Code, EntityId, Error, NamespaceId};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

fn fixtures(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

#[expect(clippy::disallowed_methods, reason = "a test has no door that could hand the setting in")]
fn may_make_files() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1")
}

#[test]
fn a_journal_of_version_1_is_received_and_has_the_root_that_it_had() {
    let hex = std::fs::read_to_string(fixtures("journal/v1/frame.hex")).unwrap();
    let hex = hex.trim();
    let bytes: Vec<u8> = (0..hex.len() / 2).map(|at| from_hex::<1>(&hex[2 * at..2 * at + 2]).unwrap()[0]).collect();
    let entries = frame::decode(&bytes).unwrap();
    let roots = std::fs::read_to_string(fixtures("journal/v1/roots.txt")).unwrap();
    let node = Node::new(1);
    for (store, line) in [&node.memory, &node.archive].into_iter().zip(roots.lines()) {
        assert_eq!(store.receive(&entries).unwrap().refused, []);
        let (root, faults) = store
            .read::<_, Error>(|tx| {
                let num = tx.namespace_num(NamespaceId([0x11; 16]))?.unwrap();
                Ok((tx.root_of(num)?, tx.verify_journal(&mut |_| ())?))
            })
            .unwrap();
        assert!(line.ends_with(&root.to_string()), "{line}, not {root}");
        assert_eq!(faults, Vec::<String>::new());
    }
    let memory = node.get(EntityId([0x22; 16])).unwrap().memory;
    assert_eq!(
        (memory.text.as_str(), memory.tags, memory.forgotten),
        ("It listens on 5436", vec!["db".to_owned()], true)
    );
    assert_eq!(memory.conflicts, []);
    assert_eq!(node.get(EntityId([0x23; 16])), None);
    assert!(node.archive.read::<_, Error>(|tx| Ok(Store::find_session(tx, "s-1-is-too-short")?)).is_err());
}

/// What the fixture was made of; run once.
fn make_fixture(folder: &Path) {
    let node = Node::new(1);
    let (ns, _) = node.namespace("work/acme");
    let tags = SetEdit { add: vec!["db".into()], remove: vec![] };
    let id = node.create(ns, saying("Staging listens on 5432").with_set(TAGS, &tags).with(KEY, "port"));
    node.edit(ns, id, saying("Staging listens on 5433"));
    node.create(ns, saying("Production listens on 5434").with(KEY, "port"));
    let gone = node.remember(ns, "forgotten words");
    node.forget(ns, gone);
    let purged = node.remember(ns, "purged words");
    node.purge(ns, purged);
    node.act(|w| {
        let body = Body::default().with(PATH, "work/acme/api");
        w.draft(Draft::new(ns, EntityKind::Namespace, EntityId::of_namespace(ns), Op::Update, body));
        Ok(())
    })
    .unwrap();
    let archived = block("session-one", "/a", 0, 0, &["hello there", "general greetings"]);
    node.archive
        .write::<_, Error>(&ann(), |w| {
            w.draft(Draft::block(ns, session_id("session-one"), archived.to_json()));
            Ok(())
        })
        .unwrap();
    assert!(node.memory.scrub().unwrap().done && node.archive.scrub().unwrap().done);
    for name in ["memory.db", "archive.db"] {
        jay_testkit::write(folder.join(name), std::fs::read(node.directory().join(name)).unwrap());
    }
    jay_testkit::write(folder.join("expected.txt"), answers(&node));
}

fn answers(node: &Node) -> String {
    let dump = |store: &Store| store.read::<_, Error>(|tx| Ok(tx.canonical_dump()?.join("\n"))).unwrap();
    let memories: Vec<String> = node.list().iter().map(|id| node.get(*id).unwrap().memory.text).collect();
    let found: Vec<String> = node.search("listens").iter().map(|id| node.get(*id).unwrap().memory.text).collect();
    let archive = dump(&node.archive);
    format!("{}\n{archive}\nlist {memories:?}\nsearch {found:?}\n", dump(&node.memory))
}

fn fixture_copy() -> Node {
    let node = Node::new(50);
    copy_files(&fixtures("store/v1"), &node.directory());
    node.steps.clock.advance(86_400_000_000);
    node
}

#[test]
fn a_store_of_format_1_answers_as_it_did() {
    let folder = fixtures("store/v1");
    if !folder.join("memory.db").exists() {
        assert!(may_make_files(), "the fixture is missing; UPDATE_EXPECT=1 makes it");
        make_fixture(&folder);
    }
    let expected = std::fs::read_to_string(folder.join("expected.txt")).unwrap();
    let node = fixture_copy();
    assert_eq!(answers(&node), expected);
    for store in [&node.memory, &node.archive] {
        assert_eq!(store.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
        assert!(store.rebuild(&mut |_, _| ()).unwrap().same);
    }
    assert_eq!(answers(&node), expected, "through a writer too");
    for copy in [node.memory.copies().unwrap(), node.archive.copies().unwrap()].concat() {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&copy).unwrap());
        assert_eq!(mode & 0o077, 0, "{} is its owner's", copy.display());
    }
    let (ns, _) = node.namespace("work/acme/api");
    let id = node.remember(ns, "It goes on");
    assert_eq!((node.list()[0], node.list().len()), (id, 2));
}

fn refused(node: &Node) -> [Error; 2] {
    let read = node.memory.read::<_, Error>(|tx| Ok(tx.latest_pos()?)).unwrap_err();
    let write = node.act(|w| Ok(w.namespace(&path("x"))?.0)).unwrap_err();
    [read, write]
}

#[test]
fn a_newer_file_is_refused_with_the_version_that_is_needed() {
    let node = Node::new(1);
    node.namespace("team");
    let node = node.again();
    let file = Connection::open(node.memory.file()).unwrap();
    file.execute("INSERT INTO migrations(number, checksum, program, at) VALUES(99, x'00', '9.1.0', 0)", []).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(file);
    let before = std::fs::read(node.memory.file()).unwrap();
    for error in refused(&node) {
        assert_eq!((error.code, error.details["needed"].as_str()), (Code::StoreTooNew, Some("9.1.0")));
    }
    assert_eq!(std::fs::read(node.memory.file()).unwrap(), before);
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let statements = [
        "CREATE TABLE places(id); PRAGMA user_version = 3;",
        "CREATE TABLE places(id); PRAGMA user_version = 1;",
        "CREATE TABLE places(id);",
    ];
    for sql in statements {
        let node = Node::new(1);
        std::fs::create_dir_all(node.directory()).unwrap();
        Connection::open(node.memory.file()).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(node.memory.file()).unwrap();
        for error in refused(&node) {
            assert_eq!(error.code, Code::Damaged, "{sql}: {error}");
        }
        assert_eq!(std::fs::read(node.memory.file()).unwrap(), before, "{sql}");
    }
    let node = Node::new(1);
    jay_testkit::write(node.memory.file(), "this is a letter, not a store\n".repeat(400));
    for error in refused(&node) {
        assert_eq!(error.code, Code::Damaged, "{error}");
    }
}
