//! What two nodes wrote apart and says the same reads as one memory, the earlier (J9).

use crate::support::*;
use jay_store::{ALIAS_JOB, Draft, ListFilter, Moment};
use jay_types::change::registry::{ALIAS_OF, KEY, RETIRED, TAGS};
use jay_types::change::{Body, EntityKind, Op, SetEdit};
use jay_types::time::MINUTE;
use jay_types::{EntityId, Error, NamespaceId};
use serde_json::json;

fn tagged(text: &str, tag: &str) -> Body {
    saying(text).with_set(TAGS, &SetEdit { add: vec![tag.to_owned()], remove: vec![] })
}

/// A write that sees nothing.
fn write(node: &Node, ns: NamespaceId, id: EntityId, body: Body) {
    node.act(|w| {
        w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Update, body));
        Ok(())
    })
    .unwrap();
}

fn jobs(node: &Node) -> u64 {
    node.memory.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some(ALIAS_JOB))?)).unwrap()
}

fn conflicts(node: &Node) -> (u64, Vec<EntityId>) {
    node.memory.read::<_, Error>(|tx| Ok((tx.counts()?.conflicts, tx.memories_in_conflict(9)?))).unwrap()
}

/// The texts of every head of a memory's text, the one that is shown first.
fn heads(node: &Node, id: EntityId) -> Vec<String> {
    let row = node.get(id).unwrap();
    let text = row.memory.conflicts.iter().find(|conflict| conflict.field == "text");
    match text {
        Some(conflict) => conflict.heads.iter().map(|head| head.value["text"].as_str().unwrap().to_owned()).collect(),
        None => vec![row.memory.text],
    }
}

/// Two nodes with one namespace and the same text in it, the earlier of the first, the later of the second; both hold both.
fn two(text: &str) -> (Node, Node, NamespaceId, [EntityId; 2]) {
    let (one, other) = (Node::new(1), Node::new(2));
    let (ns, _) = one.namespace("team");
    sync(&one, &other);
    other.steps.clock.advance(MINUTE);
    let early = one.create(ns, tagged(text, "a"));
    let late = other.create(ns, tagged(text, "b"));
    for _ in 0..2 {
        sync(&one, &other);
        sync(&other, &one);
    }
    (one, other, ns, [early, late])
}

/// The same, and the later one is said to be the earlier.
fn joined(text: &str) -> (Node, Node, NamespaceId, [EntityId; 2]) {
    let (one, other, ns, [early, late]) = two(text);
    write(&other, ns, late, Body::default().with(ALIAS_OF, json!(early)));
    sync(&other, &one);
    (one, other, ns, [early, late])
}

#[test]
fn until_it_is_said_both_show_then_one() {
    let (one, other, ns, [early, late]) = two("the port is 5433");
    assert_eq!((one.list().len(), other.list().len()), (2, 2));
    assert!(jobs(&one) > 0 && jobs(&other) > 0, "each looks whether the later is its own");
    write(&other, ns, late, Body::default().with(ALIAS_OF, json!(early)));
    sync(&other, &one);
    for node in [&one, &other] {
        assert_eq!(node.list(), [early]);
        assert_eq!(node.search("port"), [early]);
        for id in [early, late] {
            let row = node.get(id).unwrap();
            assert_eq!((row.memory.id, row.aliases), (early, vec![late]));
            assert_eq!(row.memory.tags, ["a", "b"]);
            assert_eq!((row.memory.conflicts, row.memory.version), (vec![], 3));
        }
        let filter = ListFilter { tags: vec!["b".into()], ..everything() };
        assert_eq!(node.search_at("port", &filter), [early], "found by a tag of the other");
        assert_eq!(conflicts(node), (0, vec![]));
    }
    assert_eq!(one.dump(), other.dump());
}

#[test]
fn only_what_this_node_may_have_written_twice_is_looked_at() {
    let (one, other, third) = (Node::new(1), Node::new(2), Node::new(3));
    let (ns, _) = one.namespace("team");
    sync(&one, &other);
    one.remember(ns, "alpha");
    one.create(ns, saying("gamma").with(jay_types::change::registry::KIND, "fact"));
    let (_, elsewhere) = (other.remember(ns, "beta"), other.namespace("elsewhere").0);
    other.remember(elsewhere, "alpha");
    other.remember(ns, "gamma");
    for node in [&one, &other] {
        sync(node, &third);
    }
    sync(&one, &other);
    sync(&other, &one);
    assert_eq!([jobs(&one), jobs(&other), jobs(&third)], [0; 3], "another text, kind or namespace");
    other.remember(ns, "alpha");
    sync(&other, &one);
    sync(&other, &third);
    assert_eq!([jobs(&one), jobs(&third)], [1, 0], "the third node wrote neither");
}

#[test]
fn a_memory_that_comes_before_its_namespace_is_looked_at_when_that_comes() {
    let (one, other, late) = (Node::new(1), Node::new(2), Node::new(3));
    let (ns, _) = one.namespace("team");
    sync(&one, &other);
    other.remember(ns, "alpha");
    // The third node writes into a namespace of which it knows the id alone.
    late.remember(ns, "alpha");
    late.receive(&over_the_wire(&export(&other.memory)[..].iter().skip(1).cloned().collect::<Vec<_>>()));
    sync(&other, &late);
    sync(&one, &late);
    assert!(jobs(&late) > 0);
}

#[test]
fn the_rows_are_the_same_in_any_order_and_after_a_rebuild() {
    let (one, other, ns, [_, late]) = joined("alpha");
    let third = Node::new(3);
    third.steps.clock.advance(2 * MINUTE);
    sync(&one, &third);
    let last = third.remember(ns, "alpha");
    write(&third, ns, last, Body::default().with(ALIAS_OF, json!(late)));
    write(&other, ns, late, tagged("beta", "c"));
    for _ in 0..2 {
        sync(&third, &one);
        sync(&other, &one);
    }
    assert_eq!(one.list().len(), 1, "a chain reads as its first");
    let parts = export(&one.memory);
    for turn in 0..parts.len() {
        let fresh = Node::new(10 + turn as u64);
        let mut turned = parts.clone();
        turned.rotate_left(turn);
        turned.reverse();
        for _ in 0..turned.len() {
            for part in &turned {
                fresh.receive(part);
            }
        }
        assert_eq!(fresh.dump(), one.dump(), "turned by {turn}");
        assert!(fresh.memory.rebuild(&mut |_, _| ()).unwrap().same, "turned by {turn}");
        assert_eq!(fresh.dump(), one.dump(), "rebuilt, turned by {turn}");
    }
}

#[test]
fn an_edit_of_either_is_read_in_both_and_the_greatest_is_shown() {
    let (one, other, ns, [early, late]) = joined("alpha");
    // Somebody who does not know that they are the same.
    let apart = Node::new(3);
    let parts: Vec<_> = export(&one.memory).into_iter().chain(export(&other.memory)).collect();
    let told = |part: &Vec<jay_types::change::frame::FrameEntry>| {
        !part.iter().any(|entry| entry.body.as_ref().is_some_and(|(_, bytes)| contains(bytes, b"alias_of")))
    };
    apart.receive(&over_the_wire(&parts.into_iter().filter(told).collect::<Vec<_>>()));
    assert_eq!(apart.list().len(), 2);
    apart.edit(ns, late, saying("beta"));
    sync(&apart, &one);
    for id in [early, late] {
        assert_eq!(heads(&one, id), ["beta", "alpha"]);
    }
    assert_eq!((one.search("beta"), one.search("alpha")), (vec![early], vec![]), "found by what is shown");
    assert_eq!(conflicts(&one), (1, vec![early]));
    // A write to the one settles it for both.
    one.edit(ns, early, saying("gamma"));
    assert_eq!(heads(&one, late), ["gamma"]);
    assert_eq!(conflicts(&one), (0, vec![]));
    sync(&one, &other);
    assert_eq!((other.list(), other.search("gamma"), other.search("beta")), (vec![early], vec![early], vec![]));
    let changes = one.memory.read::<_, Error>(|tx| Ok(tx.history(tx.find_memory(&late.to_string(), None)?)?)).unwrap();
    let of: Vec<(EntityId, &str)> = changes.iter().map(|change| (change.entity, change.operation.as_str())).collect();
    let expected = [(early, "create"), (late, "create"), (late, "update"), (late, "update"), (early, "update")];
    assert_eq!(of, expected);
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn what_is_gone_gives_the_other_back() {
    // The earlier one is retired: the later shows itself.
    let (one, _, ns, [early, late]) = joined("alpha");
    one.edit(ns, early, Body::default().with(RETIRED, json!({"reason": "undo"})));
    assert_eq!(one.list(), [late]);
    // Reopened, they are one again.
    write(&one, ns, early, saying("alpha"));
    assert_eq!(one.list(), [early]);

    let (one, _, ns, [early, late]) = joined("alpha");
    one.purge(ns, early);
    assert_eq!((one.list(), one.search("alpha")), (vec![late], vec![late]));
    assert_eq!(one.get(late).unwrap().memory.tags, ["b"]);

    let (one, _, ns, [early, late]) = joined("alpha");
    write(&one, ns, late, saying("beta"));
    assert_eq!(one.search("beta"), [early]);
    one.purge(ns, late);
    assert_eq!((one.list(), one.search("alpha"), one.search("beta")), (vec![early], vec![early], vec![]));
    assert_eq!(one.get(early).unwrap().memory.tags, ["a"]);
    assert!(one.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn a_forget_hides_what_was_said_before_it_and_no_more() {
    let (one, other, ns, [early, late]) = joined("alpha");
    one.forget(ns, early);
    assert_eq!(one.list(), []);
    assert!(one.get(late).unwrap().memory.forgotten, "an equal text of before the forget");
    // Said again after the forget by somebody who had not heard of it.
    let again = other.remember(ns, "alpha");
    write(&other, ns, again, Body::default().with(ALIAS_OF, json!(early)));
    sync(&other, &one);
    sync(&one, &other);
    assert_eq!((one.list(), other.list()), (vec![again], vec![again]));
    assert_eq!(one.dump(), other.dump());
}

#[test]
fn a_key_of_the_later_is_held_by_both_and_neither_supersedes_the_other() {
    let (one, other, ns, [early, late]) = joined("alpha");
    for (node, id) in [(&one, early), (&other, late)] {
        write(node, ns, id, Body::default().with(KEY, "port"));
    }
    sync(&one, &other);
    sync(&other, &one);
    for node in [&one, &other] {
        assert_eq!(node.list(), [early]);
        assert_eq!(node.get(late).unwrap().memory.key.as_deref(), Some("port"));
    }
    let newer = one.create(ns, saying("beta").with(KEY, "port"));
    assert_eq!(one.list(), [newer], "both are superseded together");
    assert_eq!(one.get(late).unwrap().memory.superseded_by, Some(newer));
}

#[test]
fn a_moment_before_they_were_one_shows_both() {
    let (one, _, ns, [early, late]) = two("alpha");
    let before = one.memory.read::<_, Error>(|tx| Ok(tx.latest_pos()?)).unwrap();
    write(&one, ns, late, Body::default().with(ALIAS_OF, json!(early)));
    assert_eq!(one.list(), [early]);
    let then = Moment::Position(before);
    assert_eq!(one.get_at(late, then).unwrap().memory.id, late);
    let filter = ListFilter { moment: then, ..everything() };
    let mut both = vec![early, late];
    both.sort();
    assert_eq!(one.search_at("alpha", &filter), both);
}

#[test]
fn vectors_are_those_of_the_wording_that_is_shown() {
    let (one, _, ns, [early, late]) = joined("alpha");
    let one = one.wanting(Some("m"));
    one.memory.queue_missing_vectors().unwrap();
    write(&one, ns, late, saying("beta"));
    let texts = one.memory.read::<_, Error>(|tx| {
        let jobs = tx.jobs(None, 99)?;
        let texts = jobs.iter().filter(|job| job.kind == "embed").map(|job| tx.document_text(job.subject));
        Ok(texts.collect::<Result<Vec<_>, _>>()?)
    });
    assert_eq!(texts.unwrap(), [Some("beta".to_owned())]);
    assert_eq!(one.get(early).unwrap().memory.text, "beta");
}

/// The file as a program wrote it that knew nothing of memories which read as one: each has a row of its own, as far as it is shown.
fn of_the_format_before(node: &Node) -> Node {
    let node = node.again();
    let file = rusqlite::Connection::open(node.memory.file()).unwrap();
    file.execute_batch(
        "BEGIN; DROP TABLE alias_claims; DROP TABLE aliases; DROP TABLE moves; DELETE FROM jobs WHERE kind = 'alias';
         UPDATE memories SET hidden = hidden & 31;
         DELETE FROM migrations WHERE number >= 4; PRAGMA user_version = 3; COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);",
    )
    .unwrap();
    drop(file);
    node
}

#[test]
fn a_store_of_the_format_before_reads_what_a_newer_node_said_and_looks_for_its_own_copies() {
    let (one, other, ns, [early, late]) = joined("alpha");
    // A pair of which nobody has said anything, one of which this node wrote neither, and one that is alone.
    let first = one.remember(ns, "beta");
    other.steps.clock.advance(MINUTE);
    other.remember(ns, "beta");
    let third = Node::new(3);
    sync(&one, &third);
    third.remember(ns, "gamma");
    one.remember(ns, "delta");
    for node in [&other, &third] {
        sync(node, &one);
    }
    other.remember(ns, "gamma");
    sync(&other, &one);
    let dump = one.dump();
    assert_eq!(one.list().len(), 6);

    let old = of_the_format_before(&one);
    assert_eq!(jobs(&old), 1, "one of the two is looked at, which looks at both");
    assert_eq!(old.get(late).unwrap().memory.id, early);
    // The next writer makes the rows, whatever it writes.
    old.memory.finish_jobs(&[]).unwrap();
    assert_eq!((old.list(), old.dump()), (one.list(), dump.clone()));
    assert!(old.memory.rebuild(&mut |_, _| ()).unwrap().same);
    assert_eq!(old.dump(), dump);
    let subjects = old.memory.read::<_, Error>(|tx| Ok(tx.jobs(None, 9)?)).unwrap();
    let subjects: Vec<i64> = subjects.iter().filter(|job| job.kind == ALIAS_JOB).map(|job| job.subject).collect();
    let num = old.memory.read::<_, Error>(|tx| Ok(tx.find_memory(&first.to_string(), None)?)).unwrap();
    assert_eq!(subjects, [num]);
}

#[test]
fn what_says_something_else_goes_along_with_no_purge_whoever_says_that_it_is_the_same() {
    let (one, other, ns, [early, late]) = joined("alpha");
    let unlike = one.remember(ns, "beta");
    sync(&one, &other);
    write(&other, ns, unlike, Body::default().with(ALIAS_OF, json!(early)));
    sync(&other, &one);
    let same = |id: EntityId| {
        let found = one.memory.read::<_, Error>(|tx| {
            let same = tx.said_to_be_the_same(tx.find_memory(&id.to_string(), None)?)?;
            same.into_iter().map(|num| Ok(tx.identity_of(num)?.0)).collect::<Result<Vec<_>, Error>>()
        });
        found.unwrap()
    };
    assert_eq!((same(early), same(late), same(unlike)), (vec![late], vec![early], vec![]));
    // What it says is not lost either: it is another head.
    assert_eq!(heads(&one, unlike), ["beta", "alpha"]);
    // Edited since, they still said it once.
    write(&one, ns, late, saying("gamma"));
    assert_eq!(same(early), vec![late]);
}

#[test]
fn a_purge_that_comes_from_elsewhere_names_what_still_says_it() {
    for which in [0, 1] {
        let (one, other, ns, ids) = joined("alpha");
        let third = Node::new(3);
        sync(&one, &third);
        let before = export(&one.memory);
        third.purge(ns, ids[which]);
        let purge = export(&third.memory).into_iter().filter(|part| !before.contains(part));
        let reports: Vec<_> = purge.map(|part| other.receive(&over_the_wire(&[part]))).collect();
        let named: Vec<EntityId> = reports.into_iter().flat_map(|report| report.say_what_was_purged).collect();
        assert_eq!(named, [ids[1 - which]]);
        assert_eq!(other.list(), [ids[1 - which]]);
        // Where both are purged nothing is left to name.
        other.purge(ns, ids[1 - which]);
        let report = one.receive(&over_the_wire(&export(&other.memory)));
        assert_eq!((report.say_what_was_purged, one.list()), (vec![], vec![]));
    }
}

#[test]
fn the_root_tells_whether_it_was_said() {
    let (one, other, ns, [early, late]) = two("alpha");
    let root =
        |node: &Node| node.memory.read::<_, Error>(|tx| Ok(tx.root_of(tx.namespace_num(ns)?.unwrap())?)).unwrap();
    assert_eq!(root(&one), root(&other));
    write(&other, ns, late, Body::default().with(ALIAS_OF, json!(early)));
    assert_ne!(root(&one), root(&other));
    sync(&other, &one);
    assert_eq!(root(&one), root(&other));
}

#[test]
fn what_comes_to_say_the_same_here_is_looked_at() {
    let (one, other) = (Node::new(1), Node::new(2));
    let (ns, _) = one.namespace("team");
    sync(&one, &other);
    one.remember(ns, "alpha");
    sync(&one, &other);
    let edited = other.remember(ns, "beta");
    assert_eq!(jobs(&other), 0);
    other.edit(ns, edited, saying("alpha"));
    assert_eq!(jobs(&other), 1);
    // As where two processes remember at once, or what the door compared was forgotten then.
    other.remember(ns, "alpha");
    assert_eq!(jobs(&other), 2);
}
