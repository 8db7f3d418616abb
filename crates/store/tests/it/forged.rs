//! Checkpoints that somebody changed, and processes that die while they take one in (J14).

use crate::checkpoint::{adopt, checkpoint, dump, file_of, filled, of};
use crate::crash::{child_command, say};
use crate::support::*;
use jay_store::{Adopted, Draft, Store};
use jay_testkit::blocks::{block, session_id};
use jay_testkit::kill::{KillAfter, feed_and_kill};
use jay_testkit::{Random, counts};
use jay_types::change::Journal;
use jay_types::{Code, Error};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The checkpoint of one journal, and what a store says that adopts it.
fn honest(journal: Journal) -> (Node, PathBuf, Vec<String>) {
    let (node, ..) = filled();
    let file = file_of(&node);
    checkpoint(of(&node, journal), &file);
    let expected = dump(of(&node, journal));
    (node, file, expected)
}

#[test]
fn a_file_with_any_bit_changed_is_refused_or_says_the_same() {
    for journal in [Journal::Memory, Journal::Archive] {
        let (node, file, expected) = honest(journal);
        let whole = std::fs::read(&file).unwrap();
        let flipped = node.directory().join("flipped.checkpoint");
        let mut random = Random::new(9);
        let mut new = Node::new(2);
        // Space that no row uses is zeros.
        let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        let (mut refused, tries) = (0, 20 * counts().kills());
        for _ in 0..tries {
            let mut bytes = whole.clone();
            let at = *random.pick(&used).unwrap();
            bytes[at] ^= 1 << random.below(8);
            jay_testkit::write(&flipped, &bytes);
            match adopt(of(&new, journal), &flipped) {
                Err(error) => {
                    assert!(matches!(error.code, Code::VerificationFailed | Code::StoreTooNew), "{at}: {error:?}");
                    assert_eq!(dump(of(&new, journal)), Vec::<String>::new(), "byte {at}");
                    refused += 1;
                }
                // What SQLite itself does not read: counters of the file's header, numbers that lead to the same rows.
                Ok(_) => {
                    assert_eq!(dump(of(&new, journal)), expected, "byte {at}");
                    new = Node::new(2);
                }
            }
        }
        assert!(refused > tries / 10 * 7, "{refused} of {tries}");
    }
}

/// What somebody who knows the format may try.
const FORGERIES: &[(&str, &str)] = &[
    ("a body changed", "UPDATE changes SET body = replace(body, 'apple', 'grape') WHERE pos = 4"),
    ("two bodies swapped", "UPDATE changes AS c SET (salt, body) = (SELECT o.salt, o.body FROM changes o WHERE o.pos = 9 - c.pos) WHERE pos IN (4, 5)"),
    ("a salt changed", "UPDATE changes SET salt = randomblob(16) WHERE pos = 4"),
    ("a body that is not an object", "UPDATE changes SET body = 7 WHERE pos = 4"),
    ("a purged text put back", "UPDATE changes SET body = CAST('{}' AS BLOB), salt = zeroblob(16) WHERE body IS NULL"),
    ("a body without a hash taken away", "UPDATE changes SET body = NULL, salt = NULL WHERE pos = 4"),
    ("an encoding changed", "UPDATE changes SET encoding = 9 WHERE pos = 4"),
    ("a signature swapped", "UPDATE changes SET signature = (SELECT signature FROM changes WHERE pos = 3) WHERE signature IS NOT NULL"),
    ("signatures taken away", "UPDATE changes SET signature = NULL"),
    ("a clock changed", "UPDATE changes SET hlc = hlc + 1 WHERE pos = 5"),
    ("a clock of no time", "UPDATE changes SET hlc = -1 WHERE pos = 5"),
    ("a wall clock changed", "UPDATE changes SET at = at + 1 WHERE pos = 5"),
    ("an op changed", "UPDATE changes SET op = 4 WHERE op = 3"),
    ("a change of another entity", "UPDATE changes SET entity = (SELECT max(num) FROM entities) WHERE pos = 4"),
    ("another actor", "UPDATE changes SET actor = entity WHERE pos = 4"),
    ("another id", "UPDATE entities SET id = randomblob(16) WHERE num = 4"),
    ("another kind", "UPDATE entities SET kind = 5 WHERE num = 4"),
    ("another namespace", "UPDATE namespaces SET id = randomblob(16) WHERE num = 1"),
    ("another node", "UPDATE nodes SET id = randomblob(16)"),
    ("another act", "UPDATE acts SET id = randomblob(16) WHERE num = 1"),
    ("streams exchanged", "UPDATE changes SET stream = 3 - stream"),
    ("a change left out", "DELETE FROM changes WHERE pos = 5"),
    ("the last change left out", "DELETE FROM changes WHERE pos = (SELECT max(pos) FROM changes)"),
    ("an entity left out", "DELETE FROM entities WHERE num = (SELECT max(num) FROM entities)"),
    ("a change twice", "INSERT INTO changes SELECT pos + 1000, stream, seq, hlc, at, actor, act, idx, count, run, entity, op, encoding, body_hash, signature, salt, body FROM changes WHERE pos = 5"),
    ("a stream twice", "INSERT INTO streams SELECT num + 10, node, namespace, after_seq, after_hash, head_seq, head_hash FROM streams;
      INSERT INTO changes SELECT pos + 1000, stream + 10, seq, hlc, at, actor, act, idx, count, run, entity, op, encoding, body_hash, signature, salt, body FROM changes"),
    ("changes of no stream", "INSERT INTO changes SELECT pos + 1000, 77, seq, hlc, at, actor, act, idx, count, run, entity, op, encoding, body_hash, signature, salt, body FROM changes WHERE pos = 5"),
    ("a stream from its middle", "UPDATE streams SET after_seq = 1, after_hash = randomblob(32) WHERE num = 1; DELETE FROM changes WHERE stream = 1 AND seq = 1"),
    ("another head", "UPDATE streams SET head_hash = randomblob(32) WHERE num = 1"),
    ("a later head", "UPDATE streams SET head_seq = head_seq + 1 WHERE num = 1"),
    ("a head without its stream", "DELETE FROM changes WHERE stream = 1"),
    ("another order", "UPDATE changes SET pos = -pos"),
    ("a part cut in two", "UPDATE changes SET pos = pos + 1000 WHERE pos = 1"),
    ("a larger count", "UPDATE changes SET count = 4096"),
    ("a seq of no number", "UPDATE changes SET seq = 'five' WHERE pos = 5"),
    ("a projection", "CREATE TABLE memories(entity INTEGER PRIMARY KEY, text_pos INTEGER); INSERT INTO memories VALUES(1, 1)"),
    ("a view in a table's place", "ALTER TABLE acts RENAME TO real; CREATE VIEW acts AS SELECT num, id FROM real"),
    ("a trigger", "CREATE TRIGGER t AFTER INSERT ON acts BEGIN DELETE FROM acts; END"),
    ("another program's file", "PRAGMA application_id = 7"),
    ("a store's mark", "PRAGMA application_id = 1245796685"),
    ("no format", "PRAGMA user_version = 0"),
];

#[test]
fn a_forged_checkpoint_is_refused_and_nothing_of_it_is_stored() {
    for journal in [Journal::Memory, Journal::Archive] {
        let (_node, file, expected) = honest(journal);
        let whole = std::fs::read(&file).unwrap();
        let new = Node::new(2);
        for (what, sql) in FORGERIES {
            jay_testkit::write(&file, &whole);
            Connection::open(&file).unwrap().execute_batch(sql).unwrap();
            if std::fs::read(&file).unwrap() == whole {
                assert_eq!(journal, Journal::Archive, "{what}: nothing was changed");
                continue;
            }
            let error = adopt(of(&new, journal), &file).err().unwrap_or_else(|| panic!("{what} was taken"));
            assert_eq!(error.code, Code::VerificationFailed, "{what}: {error:?}");
            assert_eq!(dump(of(&new, journal)), Vec::<String>::new(), "{what}");
        }
        let forged = Connection::open(&file).unwrap();
        forged.execute_batch("PRAGMA user_version = 2").unwrap();
        jay_testkit::write(&file, &whole);
        Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
        assert_eq!(adopt(of(&new, journal), &file).unwrap_err().code, Code::StoreTooNew);
        for text in [&whole[..whole.len() / 2], b"this is a letter, no checkpoint, and long enough", &[]] {
            jay_testkit::write(&file, text);
            assert_eq!(adopt(of(&new, journal), &file).unwrap_err().code, Code::VerificationFailed);
        }
        // Of the other journal, and a store itself.
        let other = if journal == Journal::Memory { Journal::Archive } else { Journal::Memory };
        jay_testkit::write(&file, &whole);
        assert_eq!(adopt(of(&new, other), &file).unwrap_err().code, Code::VerificationFailed);
        // After all that the honest one is taken.
        assert!(matches!(adopt(of(&new, journal), &file).unwrap(), Adopted::Whole { .. }));
        assert_eq!(dump(of(&new, journal)), expected);
        let itself = of(&new, journal).file();
        assert_eq!(adopt(of(&Node::new(3), journal), &itself).unwrap_err().code, Code::VerificationFailed);
    }
}

#[test]
fn a_store_that_has_changes_takes_no_forgery_either() {
    let (_node, file, _) = honest(Journal::Memory);
    let whole = std::fs::read(&file).unwrap();
    for (what, sql) in FORGERIES {
        jay_testkit::write(&file, &whole);
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let new = Node::new(2);
        new.namespace("team");
        let report = new.memory.receive_checkpoint(&file, &|_| true, &mut |_, _| ());
        // What comes before the forgery may be taken, since it is its author's; nothing else is.
        let held = new.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap();
        assert_eq!(held, Vec::<String>::new(), "{what}");
        let is_told = report.as_ref().map_or(true, |report| !report.refused.is_empty() || report.gaps > 0);
        let is_harmless = ["a change twice", "a stream twice", "changes of no stream"].contains(what);
        assert!(is_told || is_harmless, "{what}: {report:?}");
        assert!(new.memory.rebuild(&mut |_, _| ()).unwrap().same, "{what}");
    }
}

/// What a child of the test below does: it says each step of an adoption, and how it ended.
pub(crate) fn adopt_and_tell(memory: &Store, archive: &Store) {
    for store in [memory, archive] {
        let adopted =
            store.adopt(&store.file().with_extension("checkpoint"), &mut |done, _| say(&format!("step {done}")));
        say(&format!("done {}", adopted.is_ok()));
    }
}

fn assert_empty_or_whole(store: &Store, expected: &[String]) -> bool {
    let found = dump(store);
    assert!(found.is_empty() || found == expected, "{} rows of {}", found.len(), expected.len());
    !found.is_empty()
}

/// Two stores with some hundred changes each, whose checkpoints stand where the child looks for them.
fn large(to: &Path) -> [Vec<String>; 2] {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    for n in 0..150 {
        let id = node.remember(ns, &format!("number {n} {}", "word ".repeat(n)));
        if n % 7 == 0 {
            node.purge(ns, id);
        }
        node.archive
            .write::<_, Error>(&ann(), |w| {
                let said = block(&format!("session-{n}"), "/a", 0, 0, &["hello", "there"]);
                w.draft(Draft::block(ns, session_id(&format!("session-{n}")), said.to_json()));
                Ok(())
            })
            .unwrap();
    }
    [&node.memory, &node.archive].map(|store| {
        let name = store.file().with_extension("checkpoint");
        checkpoint(store, &to.join(name.file_name().unwrap()));
        dump(store)
    })
}

#[test]
fn whoever_is_killed_while_adopting_has_nothing_or_all_of_it() {
    let kept = tempfile::tempdir().unwrap();
    let expected = large(kept.path());
    let mut random = Random::new(3);
    let mut wholes = 0;
    for kill in 0..2 * u64::from(counts().kills()) {
        let node = Node::new(kill + 2);
        std::fs::create_dir_all(node.directory()).unwrap();
        for name in ["memory.checkpoint", "archive.checkpoint"] {
            jay_testkit::write(node.directory().join(name), std::fs::read(kept.path().join(name)).unwrap());
        }
        let command = child_command("adopting", &node.directory(), kill);
        let pause = Duration::from_micros(random.below(3_000));
        feed_and_kill(command, [], KillAfter { answers: 1 + random.index(1_600), pause });
        let node = node.again();
        for (store, expected) in [&node.memory, &node.archive].into_iter().zip(&expected) {
            let is_whole = assert_empty_or_whole(store, expected);
            wholes += u32::from(is_whole);
            let again = adopt(store, &store.file().with_extension("checkpoint")).unwrap();
            assert_eq!(again == Adopted::NotEmpty, is_whole);
            assert_eq!(&dump(store), expected);
            let faults = store.read::<_, Error>(|tx| Ok((tx.integrity_faults()?, tx.text_index_faults()?))).unwrap();
            assert_eq!(faults, (vec![], vec![]));
        }
    }
    assert!(wholes > 0 && wholes < 4 * counts().kills(), "{wholes} were whole");
}
