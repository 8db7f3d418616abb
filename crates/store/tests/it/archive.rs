//! The archive: blocks in any order become the same sessions and messages (J17).

use crate::support::*;
use jay_store::{Draft, MessageRow, PassingMessages, SessionClause, Store};
use jay_testkit::blocks::{block, session_id};
use jay_testkit::{Author, Foreign, Random};
use jay_types::change::block::{Block, Row};
use jay_types::change::frame::FrameEntry;
use jay_types::change::{Body, EntityKind, Journal, Op};
use jay_types::session::Part;
use jay_types::{Error, NamespaceId, Timestamp};

const NS: NamespaceId = NamespaceId([5; 16]);

fn archive(node: &Node, block: &Block) {
    node.steps.clock.tick();
    node.archive
        .write::<_, Error>(&ann(), |w| {
            w.draft(Draft::block(NS, session_id(&block.session.id), block.to_json()));
            Ok(())
        })
        .unwrap();
}

fn messages(store: &Store, session: &str) -> Vec<(MessageRow, String)> {
    store
        .read::<_, Error>(|tx| {
            let found = Store::find_session(tx, session)?;
            let rows = tx.messages(found.num, 0, 1000)?;
            assert_eq!(found.messages, rows.len() as u64);
            let docs: Vec<i64> = rows.iter().map(|row| row.doc).collect();
            let texts = tx.message_texts(&docs)?;
            Ok(rows
                .into_iter()
                .map(|row| {
                    let text = texts[&row.doc].text.clone();
                    (row, text)
                })
                .collect())
        })
        .unwrap()
}

fn texts(store: &Store, session: &str) -> Vec<String> {
    messages(store, session).into_iter().map(|(_, text)| text).collect()
}

fn search(store: &Store, terms: &str) -> u64 {
    store
        .read::<_, Error>(|tx| {
            Ok(tx.search_messages(&asking(terms), &mut PassingMessages::new(&SessionClause::default()), 50)?.1)
        })
        .unwrap()
}

fn dump(store: &Store) -> Vec<String> {
    store.read::<_, Error>(|tx| Ok(tx.canonical_dump()?)).unwrap()
}

#[test]
fn blocks_become_sessions_and_messages() {
    let node = Node::new(1);
    archive(&node, &block("session-one", "/a", 0, 0, &["hello there", "general greetings"]));
    archive(&node, &block("session-one", "/a", 0, 2, &["a bold move"]));
    archive(&node, &block("session-two", "/b", 0, 0, &["hello again"]));
    assert_eq!(texts(&node.archive, "session-one"), ["hello there", "general greetings", "a bold move"]);
    assert_eq!((search(&node.archive, "hello"), search(&node.archive, "absent")), (2, 0));
    let (row, rows) = node
        .archive
        .read::<_, Error>(|tx| {
            let row = Store::find_session(tx, "session-one")?;
            let mut rows = Vec::new();
            tx.source_rows(row.num, &mut |block| rows.extend(block.rows.iter().map(|row| row.bytes().unwrap())))?;
            Ok((row, rows.concat()))
        })
        .unwrap();
    assert_eq!(
        (row.title.as_deref(), row.started_at, row.ended_at),
        (Some("title 2"), Some(Timestamp(1000)), Some(Timestamp(1002)))
    );
    assert_eq!(rows, b"hello there\ngeneral greetings\na bold move\n", "what the file held, byte for byte");
    assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same);
}

/// What a block says, read once more by an adapter of a version.
fn read_again(node: &Node, of: &Block, adapter: u32, words: &[&str]) {
    let path = of.source.path.clone();
    let kept = node.archive.read::<_, Error>(|tx| Ok(tx.kept_blocks("h", "generic")?)).unwrap();
    let place = (path.as_str(), of.source.revision, of.rows[0].n);
    let kept = kept.into_iter().find(|one| (one.path.as_str(), one.revision, one.first_row) == place).unwrap();
    let plain = block(&of.session.id, &path, of.source.revision, kept.first_row, words);
    let rows = of.rows.iter().map(|row| Row::elsewhere(row.n)).collect();
    let reading = Block { adapter, reads: Some(kept.dot), rows, ..plain };
    node.steps.clock.tick();
    let draft = Draft::reparse(NS, kept.session, reading.to_json());
    node.archive
        .write::<_, Error>(&ann(), |w| {
            w.draft(draft);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_best_reading_of_a_block_is_shown_in_any_order_of_arrival() {
    let author = Node::new(1);
    let (first, rewritten) = (
        block("session-one", "/a", 0, 0, &["one", "two", "three"]),
        block("session-one", "/a", 1, 0, &["one", "other"]),
    );
    archive(&author, &first);
    archive(&author, &rewritten);
    assert_eq!(texts(&author.archive, "session-one"), ["one", "other", "three"]);
    read_again(&author, &first, 2, &["uno", "dos", "tres"]);
    assert_eq!(texts(&author.archive, "session-one"), ["one", "other", "tres"], "a later revision says it still");
    assert_eq!((search(&author.archive, "three"), search(&author.archive, "tres")), (0, 1));
    read_again(&author, &first, 4, &["eins", "zwei", "drei"]);
    read_again(&author, &first, 3, &["un", "deux", "trois"]);
    read_again(&author, &first, 4, &["a", "b", "c"]);
    read_again(&author, &rewritten, 2, &["once"]);
    // What the later revision no longer says under its id is said by the earlier one.
    assert_eq!(texts(&author.archive, "session-one"), ["once", "zwei", "drei"]);
    assert_eq!((search(&author.archive, "trois"), search(&author.archive, "other")), (0, 0));
    let rows = |store: &Store| {
        store
            .read::<_, Error>(|tx| {
                let row = Store::find_session(tx, "session-one")?;
                let mut rows = Vec::new();
                tx.source_rows(row.num, &mut |block| rows.extend(block.rows.iter().map(|row| row.bytes().unwrap())))?;
                Ok(rows.concat())
            })
            .unwrap()
    };
    assert_eq!(rows(&author.archive), b"one\ntwo\nthree\none\nother\n", "the rows stay as they are");
    assert!(author.archive.rebuild(&mut |_, _| ()).unwrap().same);
    let (stream, expected) = (export(&author.archive), dump(&author.archive));
    // A node that has the readings before the blocks, or never gets them.
    for seed in 0..20 {
        let node = Node::new(200 + seed);
        let mut parts = stream.clone();
        for _ in 0..4 {
            Random::new(seed).shuffle(&mut parts);
            for part in &parts {
                node.archive.receive(part).unwrap();
            }
        }
        node.archive.receive(&over_the_wire(&stream)).unwrap();
        assert_eq!(dump(&node.archive), expected, "seed {seed}");
        assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same, "seed {seed}");
    }
}

#[test]
fn what_an_old_block_tells_of_a_session_is_not_later_for_being_read_once_more() {
    let author = Node::new(1);
    let first = block("session-one", "/a", 0, 0, &["one"]);
    archive(&author, &first);
    archive(&author, &block("session-one", "/a", 0, 1, &["two"]));
    let title = |store: &Store| {
        store.read::<_, Error>(|tx| Ok(Store::find_session(tx, "session-one")?.title)).unwrap().unwrap_or_default()
    };
    assert_eq!(title(&author.archive), "title 1");
    read_again(&author, &first, 2, &["uno"]);
    assert_eq!(title(&author.archive), "title 1");
    let node = Node::new(2);
    for part in export(&author.archive).iter().rev().chain(&export(&author.archive)) {
        node.archive.receive(part).unwrap();
    }
    node.archive.receive(&over_the_wire(&export(&author.archive))).unwrap();
    assert_eq!((title(&node.archive).as_str(), dump(&node.archive)), ("title 1", dump(&author.archive)));
}

#[test]
fn a_reading_without_its_block_is_shown_until_the_block_comes() {
    let author = Node::new(1);
    let first = block("session-one", "/a", 0, 0, &["one", "two"]);
    archive(&author, &first);
    read_again(&author, &first, 2, &["uno", "dos"]);
    let entity = session_id("session-one");
    let kept = author.archive.read::<_, Error>(|tx| Ok(tx.kept_blocks("h", "generic")?)).unwrap();
    let rows = first.rows.iter().map(|row| Row::elsewhere(row.n)).collect();
    let reading = Block { adapter: 3, reads: Some(kept[0].dot), rows, ..first };
    // Another node, which has the block by another way, says it better; its stream comes alone.
    let mut other = Author::new(5);
    other.journal = Journal::Archive;
    other.hlc += 10_000_000_000;
    let part =
        other.part(NS, &[Foreign::raw(EntityKind::Session.number(), entity, Op::Reparse.number(), reading.to_json())]);
    let node = Node::new(2);
    node.archive.receive(&part).unwrap();
    assert_eq!(texts(&node.archive, "session-one"), ["one", "two"]);
    assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same);
    node.archive.receive(&over_the_wire(&export(&author.archive))).unwrap();
    assert_eq!(texts(&node.archive, "session-one"), ["one", "two"], "the latest adapter's");
    author.archive.receive(&part).unwrap();
    assert_eq!(dump(&node.archive), dump(&author.archive));
}

#[test]
fn revisions_and_copies_show_each_message_once_in_any_order_of_arrival() {
    let blocks = [
        block("session-one", "/a", 0, 0, &["one", "two", "three"]),
        block("session-one", "/a", 0, 3, &["four"]),
        // The client rewrote the file: two rows stayed, one is another, and one that it no longer has is kept.
        block("session-one", "/a", 1, 0, &["one", "two", "other"]),
        // A resumed file copies rows.
        block("session-one", "/resumed", 0, 0, &["one", "two", "other"]),
        block("session-one", "/resumed", 0, 3, &["five"]),
    ];
    let author = Node::new(1);
    for block in &blocks {
        archive(&author, block);
    }
    assert_eq!(texts(&author.archive, "session-one"), ["one", "two", "other", "four", "five"]);
    assert_eq!((search(&author.archive, "one"), search(&author.archive, "three")), (1, 0));
    let mut second = Author::new(3);
    second.journal = Journal::Archive;
    second.hlc += 10_000_000_000;
    let json = |block: &Block| {
        Foreign::raw(EntityKind::Session.number(), session_id(&block.session.id), Op::Block.number(), block.to_json())
    };
    let mut foreign: Vec<Vec<FrameEntry>> = Vec::new();
    for (n, first) in [0_u64, 1, 4].into_iter().enumerate() {
        foreign
            .push(second.part(NS, &[json(&block("session-one", "/elsewhere", n as u32 / 2, first, &["two", "six"]))]));
    }
    let mut streams = [export(&author.archive), foreign];
    let mut expected: Option<Vec<String>> = None;
    for seed in 0..20 {
        let node = Node::new(100 + seed);
        let mut random = Random::new(seed);
        streams.reverse();
        // Whole streams in any order, then in any interleaving: a gap is filled by sending again.
        let mut parts: Vec<Vec<FrameEntry>> = streams.concat();
        for _ in 0..4 {
            random.shuffle(&mut parts);
            for part in &parts {
                node.archive.receive(part).unwrap();
            }
        }
        node.archive.receive(&over_the_wire(&streams.concat())).unwrap();
        let found = dump(&node.archive);
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "seed {seed}");
        assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same, "seed {seed}");
    }
}

#[test]
fn a_block_that_this_version_cannot_read_is_deferred_and_stops_nobody() {
    let node = Node::new(1);
    let mut author = Author::new(3);
    author.journal = Journal::Archive;
    let good = block("session-one", "/a", 0, 0, &["hello"]);
    let id = session_id("session-one");
    let mut encoding = Foreign::raw(EntityKind::Session.number(), id, Op::Block.number(), b"???".to_vec());
    encoding.encoding = 77;
    let shape = Foreign::raw(EntityKind::Session.number(), id, Op::Block.number(), b"{\"block\": 3}".to_vec());
    let fine = Foreign::raw(EntityKind::Session.number(), id, Op::Block.number(), good.to_json());
    let report = node.archive.receive(&author.part(NS, &[encoding, shape, fine])).unwrap();
    assert_eq!((report.journalled, report.refused.len()), (4, 0));
    assert_eq!(texts(&node.archive, "session-one"), ["hello"]);
    let counts = node.archive.read::<_, Error>(|tx| Ok(tx.counts()?)).unwrap();
    assert_eq!(counts.deferred, [("unreadable_body".to_owned(), 2)]);
    assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn a_purged_session_leaves_nothing_behind() {
    let node = Node::new(1);
    archive(&node, &block("session-one", "/secretpath", 0, 0, &["zanzibarword in here"]));
    archive(&node, &block("session-two", "/b", 0, 0, &["kept word"]));
    node.archive
        .write::<_, Error>(&ann(), |w| {
            let purge = Draft::new(NS, EntityKind::Session, session_id("session-one"), Op::Purge, Body::default());
            w.draft(purge);
            Ok(())
        })
        .unwrap();
    assert!(node.archive.scrub().unwrap().done);
    for name in ["archive.db", "archive.db-wal", "archive.db-shm"] {
        let bytes = std::fs::read(node.directory().join(name)).unwrap_or_default();
        for word in ["zanzibarword", "secretpath"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} in {name}");
        }
    }
    assert_eq!((search(&node.archive, "zanzibarword"), search(&node.archive, "kept")), (0, 1));
    assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same);
    assert!(node.archive.read::<_, Error>(|tx| Ok(Store::find_session(tx, "session-one")?)).is_err());
}

/// What a block's messages touched is found by the end of a path, in whatever order blocks came, until the session is purged.
#[test]
fn touched_files_are_found_by_the_end_of_their_paths() {
    let mut block = block("session-one", "/a", 0, 0, &["one", "two", "three"]);
    for (message, path) in block.messages.iter_mut().zip(["/w/repo/src/lib.rs", "lib.rs", "/w/repo/tests/lib.rs"]) {
        let input = serde_json::json!({"path": path});
        message.parts.push(Part::ToolCall { id: "c".to_owned(), name: "write".to_owned(), input });
    }
    let node = Node::new(1);
    archive(&node, &block);
    let touching = |path: &str, limit| node.archive.read::<_, Error>(|tx| Ok(tx.touching(path, limit)?)).unwrap();
    let places = |path: &str| touching(path, 10).docs.iter().map(|doc| doc & 0xF_FFFF).collect::<Vec<_>>();
    assert_eq!(places("/elsewhere/src/lib.rs"), [1, 0], "the latest first; what is told by its name alone too");
    assert_eq!(places("lib.rs"), [2, 1, 0]);
    assert_eq!(places("src/main.rs"), Vec::<i64>::new());
    let one = touching("lib.rs", 1);
    assert_eq!((one.docs.len(), one.all), (1, 3));
    let holds =
        |id: &str| node.archive.read::<_, Error>(|tx| Ok(tx.has_message(session_id("session-one"), id)?)).unwrap();
    assert!(holds("session-one:1") && !holds("session-one:9"));
    let before = dump(&node.archive);
    assert_eq!(before.iter().filter(|line| line.starts_with("touched|")).count(), 3);
    assert!(node.archive.rebuild(&mut |_, _| ()).unwrap().same);
    assert_eq!(dump(&node.archive), before);
    node.archive
        .write::<_, Error>(&ann(), |w| {
            let purge = Draft::new(NS, EntityKind::Session, session_id("session-one"), Op::Purge, Body::default());
            w.draft(purge);
            Ok(())
        })
        .unwrap();
    assert_eq!(places("lib.rs"), Vec::<i64>::new());
    assert!(!dump(&node.archive).iter().any(|line| line.starts_with("touched|")));
}

#[test]
fn a_source_is_noted_with_the_act_that_read_it() {
    let node = Node::new(1);
    let noted = |fail: bool| {
        node.archive.write::<(), Error>(&ann(), |w| {
            w.note_source("generic", "/a", 2, "cursor")?;
            if fail { Err(Error::bad_input("no")) } else { Ok(()) }
        })
    };
    assert!(noted(true).is_err());
    let source = || node.archive.read::<_, Error>(|tx| Ok(tx.source("generic", "/a")?)).unwrap();
    assert_eq!(source(), None);
    noted(false).unwrap();
    assert_eq!(source().map(|row| (row.revision, row.cursor)), Some((2, "cursor".to_owned())));
}
