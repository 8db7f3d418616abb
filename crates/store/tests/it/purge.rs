//! A purge takes the bytes away, everywhere in this store, for ever (J10, J11).

use crate::support::*;
use jay_testkit::Random;
use jay_testkit::{Author, Foreign};
use jay_types::change::header::StreamId;
use jay_types::change::registry::{KEY, TAGS};
use jay_types::change::{EntityKind, Header, Op, SetEdit};
use jay_types::{EntityId, Error};
use std::collections::{BTreeSet, HashSet};

fn bytes_of(node: &Node) -> Vec<(String, Vec<u8>)> {
    let folders = ["", "index/memory", "index/archive"].map(|folder| node.directory().join(folder));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Letters of each random word; the search below looks at windows of this size.
const LETTERS: usize = 12;

/// How many of the words stand in the bytes, in upper or lower case: the index holds lower case, bodies what was said.
fn count_words(bytes: &[u8], words: &HashSet<Vec<u8>>) -> usize {
    bytes.to_ascii_lowercase().windows(LETTERS).filter(|window| words.contains(*window)).collect::<HashSet<_>>().len()
}

/// The bodies of an entity as they are stored.
fn stored_bytes(node: &Node, id: EntityId) -> Vec<Vec<u8>> {
    let entries = export(&node.memory).into_iter().flatten();
    let of_it = entries.filter(|entry| Header::decode(&entry.header).unwrap().entity == id);
    of_it.map(|entry| entry.body.unwrap().1).collect()
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[test]
fn what_was_purged_is_found_by_where_its_changes_stand() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let ids: Vec<EntityId> = (0..6).map(|n| node.remember(ns, &format!("note {n}"))).collect();
    node.edit(ns, ids[4], saying("in other words"));
    for id in [ids[1], ids[4]] {
        node.purge(ns, id);
    }
    let read = node.memory.read::<_, Error>(|tx| {
        let known = BTreeSet::new();
        for (_, entity, changes) in tx.purged_changes(&known)? {
            for (stream, seq) in changes {
                assert_eq!(tx.purged_in(stream, seq, seq)?, BTreeSet::from([entity]));
                assert_eq!(tx.purged_in(stream, 1, u64::MAX)?, BTreeSet::from([ids[1], ids[4]]));
                assert_eq!(tx.purged_in(StreamId { journal: 1, ..stream }, 1, u64::MAX)?, BTreeSet::new());
            }
        }
        Ok((tx.purged_changes(&known)?.len(), tx.purged_entities()?))
    });
    assert_eq!(read.unwrap(), (2, BTreeSet::from([(ns, ids[1]), (ns, ids[4])])));
}

#[test]
fn no_byte_of_a_purged_text_is_left_in_any_file() {
    let node = Node::new(1);
    let (ns, num) = node.namespace("team");
    let mut random = Random::new(7);
    let mut sentence = |words: usize| (0..words).map(|_| random.letters(LETTERS)).collect::<Vec<_>>().join(" ");
    let mut secrets: Vec<String> = Vec::new();
    let mut tell = |text: String| {
        secrets.extend(text.split(' ').map(str::to_owned));
        text
    };
    let (tag, slot) = (tell(sentence(1)), tell(sentence(1)));
    let body = saying(&tell(sentence(60)))
        .with(KEY, slot.as_str())
        .with_set(TAGS, &SetEdit { add: vec![tag], remove: vec![] });
    let victim = node.create(ns, body);
    for n in 0..120 {
        // Pages split, overflow and are merged around the victim's rows; its wordings go from short to long and back.
        node.remember(ns, &sentence(if n % 7 == 0 { 900 } else { 40 }));
        node.edit(ns, victim, saying(&tell(sentence(if n % 5 == 0 { 700 } else { 30 }))));
        node.memory.checkpoint_if_large().unwrap();
        if n % 50 == 20 {
            node.memory.settle_index().unwrap();
        }
    }
    let kept = node.remember(ns, "kept for ever");
    let words: HashSet<Vec<u8>> = secrets.iter().map(|word| word.clone().into_bytes()).collect();
    let before: usize = bytes_of(&node).iter().map(|(_, bytes)| count_words(bytes, &words)).sum();
    assert!(before > 1000, "many words stood there as they are: {before} of {}", words.len());
    // Long wordings are stored compressed: their bytes must go just so.
    let stored = stored_bytes(&node, victim);
    let pieces: HashSet<&[u8]> =
        stored.iter().map(|bytes| &bytes[bytes.len() / 2 - LETTERS..][..2 * LETTERS]).collect();
    let count_pieces = |bytes: &[u8]| bytes.windows(2 * LETTERS).filter(|window| pieces.contains(window)).count();
    assert!(bytes_of(&node).iter().map(|(_, bytes)| count_pieces(bytes)).sum::<usize>() > 100);
    node.purge(ns, victim);
    assert_eq!(node.get(victim), None);
    assert!(node.memory.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some("scrub"))?)).unwrap() > 0);
    let scrubbed = node.memory.scrub().unwrap();
    assert_eq!((scrubbed.done, scrubbed.waiting_for), (true, None));
    for (name, bytes) in bytes_of(&node) {
        let left = count_words(&bytes, &words);
        assert_eq!((left, count_pieces(&bytes)), (0, 0), "words of {} are left in {name}", words.len());
    }
    assert_eq!(node.search(&secrets[3]), []);
    assert_eq!((node.search("kept"), node.list().len()), (vec![kept], 121));
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
    let held = node
        .memory
        .read::<_, Error>(|tx| Ok((tx.holder_of_key(num, &slot)?, tx.verify_journal(&mut |_| ())?)))
        .unwrap();
    assert_eq!(held, (None, vec![]), "headers stay and hold together");
}

#[test]
fn a_reader_that_looks_on_is_told_and_keeps_its_answers() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let victim = node.remember(ns, "victimword");
    let other = node.again();
    let scrubbed = other.memory.read::<_, Error>(|tx| {
        tx.latest_pos()?;
        node.purge(ns, victim);
        let scrubbed = node.memory.scrub()?;
        assert!(!tx.search_memories(&asking("victimword"), &everything(), 9)?.is_empty(), "its snapshot stands");
        Ok(scrubbed)
    });
    let scrubbed = scrubbed.unwrap();
    assert!(!scrubbed.done, "postponed is not done");
    let waiting_for = scrubbed.waiting_for.unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(waiting_for, format!("process {} (this one)", std::process::id()));
    }
    assert!(node.memory.scrub().unwrap().done);
    assert!(bytes_of(&node).iter().all(|(_, bytes)| !holds(bytes, "victimword")));
}

#[test]
fn whatever_comes_for_a_purged_id_is_dropped_on_arrival() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "first");
    let mut late = Author::new(9);
    let part = late.part(ns, &[Foreign::new(EntityKind::Memory, id, Op::Update, &saying("concurrentword"))]);
    node.purge(ns, id);
    let report = node.receive(&part);
    assert_eq!((report.journalled, report.refused.len()), (2, 0));
    assert!(node.memory.scrub().unwrap().done);
    assert!(bytes_of(&node).iter().all(|(_, bytes)| !holds(bytes, "concurrentword")));
    assert_eq!((node.get(id), node.search("concurrentword")), (None, vec![]));
    // Also what this store itself writes for it afterwards.
    node.act(|w| {
        w.draft(jay_store::Draft::new(ns, EntityKind::Memory, id, Op::Update, saying("afterwardsword")));
        Ok(())
    })
    .unwrap();
    assert!(node.memory.scrub().unwrap().done);
    assert!(bytes_of(&node).iter().all(|(_, bytes)| !holds(bytes, "afterwardsword")));
    let again = node.receive(&part);
    assert_eq!((again.journalled, again.bodies, again.have), (0, 0, 2));
}

#[test]
fn rows_are_the_same_whether_the_purge_came_first_or_last() {
    let (a, first, last) = (Node::new(1), Node::new(2), Node::new(3));
    let (ns, _) = a.namespace("team");
    let id = a.create(ns, saying("words").with(KEY, "slot"));
    let act = a
        .act(|w| {
            edit(w, ns, id, Op::Update, saying("more words"))?;
            Ok(w.act())
        })
        .unwrap();
    a.act(|w| {
        let mut body = saying("words");
        body.undoes = Some(act);
        edit(w, ns, id, Op::Update, body)
    })
    .unwrap();
    a.forget(ns, id);
    sync(&a, &last);
    a.purge(ns, id);
    sync(&a, &first);
    sync(&a, &last);
    assert_eq!(a.dump(), last.dump());
    assert_eq!(a.dump(), first.dump());
    for node in [&a, &first, &last] {
        assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
    }
    assert_eq!(a.dump(), first.dump());
}

#[test]
fn vectors_are_of_current_wordings_only_also_where_the_model_was_slow() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "first wording");
    let vector =
        |doc: i64| jay_store::StoredVector { doc, chunk: 0, first: 0, last: 5, code: vec![1, 2, 3], tokens: vec![] };
    let put = |doc: i64| node.memory.put_vectors("m", 3, &[vector(doc)], &[]).unwrap();
    let has = |doc: i64| node.memory.read::<_, Error>(|tx| Ok(tx.has_vectors("m", doc)?)).unwrap();
    let first = node.get(id).unwrap().text_pos;
    put(first);
    assert!(has(first));
    node.edit(ns, id, saying("second wording"));
    assert!(!has(first), "the old wording's are dropped");
    put(first);
    assert!(!has(first), "and do not come back");
    let second = node.get(id).unwrap().text_pos;
    put(second);
    node.purge(ns, id);
    assert!(!has(second));
    put(second);
    assert!(!has(second), "a purge is not undone by a model that answers late");
}
