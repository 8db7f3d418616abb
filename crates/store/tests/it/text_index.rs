//! The text index over its life: segments, merges, lost and damaged files, readers of older snapshots.

use crate::support::*;
use jay_store::{Draft, ListFilter, Moment, PassingMessages, SessionClause, TextQuery};
use jay_testkit::Random;
use jay_testkit::blocks::{block, session_id};
use jay_types::change::SetEdit;
use jay_types::change::registry::TAGS;
use jay_types::{EntityId, Error, NamespaceId};
use std::path::PathBuf;

const WORDS: [&str; 8] = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"];

fn index_files(node: &Node) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(node.directory().join("index/memory"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Documents with their scores for every word and pair of words, now and at a moment.
fn answers(node: &Node, moment: Moment) -> Vec<Vec<(i64, String)>> {
    let at = ListFilter { moment, ..everything() };
    let mut all = Vec::new();
    node.memory
        .read::<_, Error>(|tx| {
            for (first, second) in WORDS.iter().zip(WORDS.iter().skip(1)) {
                for query in
                    [TextQuery::any([*first]), TextQuery::any([*first, *second]), TextQuery::all([*first, *second])]
                {
                    for filter in [&everything(), &at] {
                        let hits = tx.search_memories(&query, filter, 20)?;
                        all.push(hits.iter().map(|hit| (hit.doc, format!("{:.5}", hit.score))).collect());
                    }
                }
            }
            Ok(())
        })
        .unwrap();
    all
}

fn random_act(node: &Node, ns: NamespaceId, ids: &mut Vec<EntityId>, random: &mut Random) {
    let text: Vec<&str> = (0..1 + random.index(6)).map(|_| WORDS[random.index(WORDS.len())]).collect();
    match random.below(10) {
        0..6 => ids.push(node.remember(ns, &format!("{} {}", text.join(" "), ids.len()))),
        6..8 if !ids.is_empty() => node.edit(ns, ids[random.index(ids.len())], saying(&text.join(" "))),
        8 if !ids.is_empty() => node.forget(ns, ids[random.index(ids.len())]),
        _ if ids.len() > 3 => node.purge(ns, ids.remove(random.index(ids.len()))),
        _ => {}
    }
}

#[test]
fn segments_merges_and_losses_change_no_answer() {
    // One settles after each few acts, the other never: what one finds the other finds, with the same scores.
    let (settled, plain) = (Node::new(1), Node::new(1));
    let (mut random, mut same) = (Random::new(11), Random::new(11));
    let (mut ids, mut others) = (Vec::new(), Vec::new());
    let ((ns, _), (other, _)) = (settled.namespace("team"), plain.namespace("team"));
    for n in 0..150 {
        random_act(&settled, ns, &mut ids, &mut random);
        random_act(&plain, other, &mut others, &mut same);
        if n % 9 == 4 {
            settled.memory.settle_index().unwrap();
        }
        if n % 40 == 39 {
            // A purged document counts until its bytes are gone; then it is as if it had never been.
            assert!(settled.memory.scrub().unwrap().done && plain.memory.scrub().unwrap().done);
            let moment = Moment::Position(n);
            assert_eq!(answers(&settled, moment), answers(&plain, moment), "{n}");
        }
    }
    assert!(index_files(&settled).len() >= 2 && index_files(&plain).is_empty());
    assert!(answers(&plain, Moment::Latest).iter().filter(|hits| hits.len() > 3).count() > 20);
    let expected = answers(&plain, Moment::Position(60));
    assert!(settled.memory.scrub().unwrap().done && plain.memory.scrub().unwrap().done);
    assert_eq!(settled.memory.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap(), Vec::<String>::new());
    // Without the files: a copy of the database alone, as a backup has it.
    let copy = settled.copy(7);
    assert!(index_files(&copy).is_empty());
    assert_eq!(answers(&copy, Moment::Position(60)), expected);
    assert!(index_files(&copy).is_empty(), "a read writes nothing");
    let faults = || copy.memory.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap();
    assert_eq!(faults(), ["a file of the text index is missing"]);
    copy.memory.tend().unwrap();
    assert_eq!(faults(), Vec::<String>::new(), "who may write puts it right");
    assert_eq!(answers(&copy, Moment::Position(60)), expected);
    copy.memory.settle_index().unwrap();
    assert!(index_files(&copy).len() >= 2);
    assert_eq!(answers(&copy, Moment::Position(60)), expected);
    assert!(settled.memory.rebuild(&mut |_, _| ()).unwrap().same);
    assert_eq!(answers(&settled, Moment::Position(60)), expected);
}

#[test]
fn damaged_files_are_not_trusted_and_are_made_again() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let mut random = Random::new(12);
    let mut ids = Vec::new();
    for _ in 0..60 {
        random_act(&node, ns, &mut ids, &mut random);
    }
    assert!(node.memory.scrub().unwrap().done);
    let expected = answers(&node, Moment::Latest);
    for round in 0..40 {
        node.memory.settle_index().unwrap();
        for path in index_files(&node) {
            let mut bytes = std::fs::read(&path).unwrap();
            let at = random.index(bytes.len());
            if round % 2 == 0 {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << random.below(8);
            }
            std::fs::remove_file(&path).unwrap();
            jay_testkit::write(&path, &bytes);
        }
        // As another process sees it, which has nothing open.
        let other = node.again();
        let faults = other.memory.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap();
        assert!(!faults.is_empty());
        other.memory.renew_index().unwrap();
        let faults = other.memory.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap();
        assert_eq!((faults, answers(&other, Moment::Latest)), (vec![], expected.clone()));
    }
    // Files of another store, or of another day, are not those that the store names.
    for path in index_files(&node) {
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!(answers(&node.again(), Moment::Latest), expected);
}

#[test]
fn a_reader_of_an_older_snapshot_finds_what_it_had() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let early = node.remember(ns, "early words");
    node.memory.settle_index().unwrap();
    let other = node.again();
    let found = other.memory.read::<_, Error>(|tx| {
        tx.latest_pos()?;
        for n in 0..6 {
            node.remember(ns, &format!("later words {n}"));
            node.memory.settle_index().unwrap();
        }
        node.edit(ns, early, saying("other"));
        Ok(tx.search_memories(&asking("words"), &everything(), 9)?.len())
    });
    assert_eq!(found.unwrap(), 1);
    assert_eq!((node.search("words").len(), node.search("early")), (6, vec![]));
    assert!(index_files(&node).len() <= 6, "what was merged is removed: {:?}", index_files(&node));
}

#[test]
fn a_store_that_was_set_back_finds_its_own_words() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    node.remember(ns, "first words");
    node.memory.settle_index().unwrap();
    let before = node.copy(2);
    node.remember(ns, "second words");
    node.memory.settle_index().unwrap();
    // The older database returns beside the newer files; what is written then takes the same positions.
    let back = node.copy(3);
    copy_files(&before.directory(), &back.directory());
    std::fs::create_dir_all(back.directory().join("index/memory")).unwrap();
    copy_files(&node.directory().join("index/memory"), &back.directory().join("index/memory"));
    let id = back.remember(ns, "third words");
    back.memory.settle_index().unwrap();
    assert_eq!((back.search("second"), back.search("third")), (vec![], vec![id]));
    assert_eq!(back.search("words").len(), 2);
}

#[test]
fn messages_are_counted_and_found_in_segments_as_before() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let write = |session: &str, texts: &[&str]| {
        let json = block(session, "/a", 0, 0, texts).to_json();
        node.archive
            .write::<_, Error>(&ann(), |w| {
                w.draft(Draft::block(ns, session_id(session), json));
                Ok(())
            })
            .unwrap();
    };
    let count = || {
        let asked = node.archive.read::<_, Error>(|tx| {
            Ok(tx.search_messages(&asking("amber"), &mut PassingMessages::new(&SessionClause::default()), 9)?)
        });
        let (hits, matched) = asked.unwrap();
        (hits.len(), matched)
    };
    write("session-one", &["amber one", "birch two", "amber cedar"]);
    write("session-two", &["amber three"]);
    assert_eq!(count(), (3, 3));
    node.archive.settle_index().unwrap();
    assert_eq!(count(), (3, 3));
    write("session-three", &["amber four"]);
    assert_eq!(count(), (4, 4));
    node.archive
        .write::<_, Error>(&ann(), |w| {
            let (kind, op) = (jay_types::change::EntityKind::Session, jay_types::change::Op::Purge);
            w.draft(Draft::new(ns, kind, session_id("session-one"), op, jay_types::change::Body::default()));
            Ok(())
        })
        .unwrap();
    assert_eq!(count(), (2, 2), "also while its segment still holds them");
    assert!(node.archive.scrub().unwrap().done);
    assert_eq!(count(), (2, 2));
    assert_eq!(node.archive.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap(), Vec::<String>::new());
}

#[test]
fn a_narrow_filter_finds_its_one_among_many_and_many_make_a_segment() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let rare = SetEdit { add: vec!["rare".to_owned()], remove: vec![] };
    // The longest of all, and so the last of 1,300.
    let last = node.create(ns, saying(&format!("amber {}", "birch ".repeat(300))).with_set(TAGS, &rare));
    for _ in 0..13 {
        node.act(|w| {
            for n in 0..100 {
                create(w, ns, saying(&format!("amber {n}")));
            }
            Ok(())
        })
        .unwrap();
        node.memory.tend().unwrap();
    }
    let files = index_files(&node).len();
    assert!((2..=10).contains(&files), "a manifest and few segments: {files} files");
    let narrow = ListFilter { tags: vec!["rare".to_owned()], ..everything() };
    assert_eq!(node.search_at("amber", &narrow), [last]);
    assert_eq!(node.search("amber").len(), 1000);
    assert_eq!(node.search("birch"), [last]);
}

#[test]
fn a_segment_that_is_cut_or_torn_while_it_is_open_harms_nobody() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let ids: Vec<_> = (0..200).map(|n| node.remember(ns, &format!("beacon number{n}"))).collect();
    node.memory.settle_index().unwrap();
    assert_eq!(node.search("number7"), [ids[7]], "the files are open");
    let segment = |node: &Node| {
        let mut files = index_files(node);
        files.retain(|file| file.extension().is_some_and(|end| end == "segment"));
        files.sort_by_key(|file| std::fs::metadata(file).unwrap().len());
        files.pop().unwrap()
    };
    let file = segment(&node);
    std::fs::File::options().write(true).open(&file).unwrap().set_len(100).unwrap();
    assert_eq!(node.search("number7"), [ids[7]], "what is mapped behind the end is not read");
    let tear = |node: &Node| {
        let file = segment(node);
        let mut bytes = std::fs::read(&file).unwrap();
        let end = bytes.len() - 200;
        bytes[64..end].fill(0xff);
        jay_testkit::write(&file, &bytes);
    };
    let faults = |node: &Node| node.memory.read::<_, Error>(|tx| Ok(tx.text_index_faults()?)).unwrap();
    // Who looks at every byte makes it again.
    assert!(node.memory.mend_indexes().unwrap());
    tear(&node);
    let other = node.again();
    assert_eq!(faults(&other).len(), 1);
    assert!(other.memory.mend_indexes().unwrap() && !other.memory.mend_indexes().unwrap());
    assert_eq!(faults(&other), Vec::<String>::new());
    // So does a writer that meets it in a merge, and leaves no file behind.
    tear(&other);
    let other = other.again();
    for n in 200..1000 {
        other.remember(ns, &format!("beacon number{n}"));
        other.memory.tend().unwrap();
    }
    other.memory.settle_index().unwrap();
    assert_eq!(faults(&other), Vec::<String>::new());
    assert_eq!((other.search("number7"), other.search("number399").len()), (vec![ids[7]], 1));
    assert!(index_files(&other).len() < 12, "{:?}", index_files(&other));
}
