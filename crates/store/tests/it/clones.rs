//! Copied and rolled-back directories: who goes on as which node (J3).

use crate::support::*;
use jay_types::{Error, NamespaceId, NodeId};

const NS: NamespaceId = NamespaceId([8; 16]);

#[test]
fn a_copied_directory_is_a_new_node_from_its_first_write() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    node.remember(ns, "first");
    let copy = node.copy(2);
    assert_eq!(copy.list().len(), 1);
    assert_eq!(copy.id(), node.id(), "a read changes nothing");
    copy.remember(ns, "by the copy");
    node.remember(ns, "by the original");
    assert_ne!(copy.id(), node.id());
    let before = copy.id();
    copy.again().remember(ns, "again");
    assert_eq!(copy.id(), before);
    sync(&copy, &node);
    sync(&node, &copy);
    assert_eq!((node.dump(), node.list().len()), (copy.dump(), 4));
    assert_eq!(node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.forks)).unwrap(), 0);
}

#[test]
fn a_store_that_was_rolled_back_takes_its_own_past_in_and_goes_on_as_a_new_node() {
    for writes_before_exchange in [false, true] {
        let (a, b) = (Node::new(1), Node::new(2));
        let (ns, _) = a.namespace("team");
        a.remember(ns, "old");
        let backup = a.copy(3);
        a.remember(ns, "new");
        sync(&a, &b);
        let id = a.id();
        let restored = a.again();
        drop(a);
        let a = restored;
        for name in ["memory.db", "memory.db-wal"] {
            jay_testkit::write(a.directory().join(name), std::fs::read(backup.directory().join(name)).unwrap());
        }
        std::fs::remove_file(a.directory().join("memory.db-shm")).unwrap();
        assert_eq!((a.list().len(), a.id()), (1, id));
        if writes_before_exchange {
            a.remember(ns, "another new");
            assert_eq!(a.id(), id, "nothing tells it yet");
        }
        let report = sync(&b, &a);
        assert!(report.renewed_node && report.refused.is_empty(), "{report:?}");
        assert_ne!(a.id(), id);
        a.remember(ns, "after");
        assert_ne!(a.again().id(), id, "and stays so");
        sync(&a, &b);
        sync(&b, &a);
        let expected = 3 + usize::from(writes_before_exchange);
        assert_eq!((a.list().len(), b.list().len()), (expected, expected), "nothing is lost");
        assert_eq!(a.dump(), b.dump());
        let forks = b.memory.read::<_, Error>(|tx| Ok(tx.counts()?.forks)).unwrap();
        assert_eq!(forks, u64::from(writes_before_exchange));
        assert!(!sync(&b, &a).renewed_node, "what is known changes nothing again");
    }
}

#[test]
fn two_machines_that_took_themselves_for_one_fork_and_part() {
    let a = Node::new(1);
    let (ns, _) = a.namespace("team");
    a.remember(ns, "common");
    let clone = a.clone_undetected(2);
    a.remember(ns, "left");
    clone.remember(ns, "right");
    clone.remember(ns, "right again");
    assert_eq!(a.id(), clone.id(), "nobody noticed");
    assert!(sync(&clone, &a).renewed_node);
    assert!(sync(&a, &clone).renewed_node);
    a.remember(ns, "left on");
    clone.remember(ns, "right on");
    sync(&clone, &a);
    sync(&a, &clone);
    assert_ne!(a.id(), clone.id());
    let third = Node::new(3);
    sync(&clone, &third);
    assert_eq!((a.dump(), a.list().len()), (clone.dump(), 6));
    assert_eq!(third.dump(), a.dump(), "a relay holds both branches");
    for node in [&a, &clone, &third] {
        assert_eq!(
            node.memory.read::<_, Error>(|tx| Ok((tx.counts()?.forks, tx.verify_journal(&mut |_| ())?))).unwrap(),
            (1, vec![])
        );
    }
}

#[test]
fn a_process_that_lives_long_goes_on_as_the_node_that_another_one_made() {
    let long = Node::new(1);
    let (ns, _) = long.namespace("team");
    let archived = |node: &Node, first: u64| {
        let body = jay_testkit::blocks::block("session-one", "/a", 0, first, &["hello"]).to_json();
        let draft = jay_store::Draft::block(ns, jay_testkit::blocks::session_id("session-one"), body);
        let write = |w: &mut jay_store::WriteTx<'_>| -> Result<(), Error> {
            w.draft(draft);
            Ok(())
        };
        node.archive.write(&ann(), write).unwrap();
    };
    archived(&long, 0);
    let clone = long.clone_undetected(2);
    clone.remember(ns, "by a machine that took itself for this one");
    let before = long.id();
    // Another process of the directory learns of the clone's branch.
    let other = long.again();
    assert!(sync(&clone, &other).renewed_node);
    let renewed = other.id();
    assert_ne!(renewed, before);
    let written_by = |store: &jay_store::Store, id: NodeId| {
        let branches = store.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
        branches.iter().filter(|branch| branch.stream.node == id).map(|branch| branch.head_seq).collect::<Vec<_>>()
    };
    let as_before = [written_by(&long.memory, before), written_by(&long.archive, before)];
    long.remember(ns, "by the process that lives long");
    archived(&long, 1);
    assert_eq!([written_by(&long.memory, before), written_by(&long.archive, before)], as_before, "no more as before");
    assert_eq!((written_by(&long.memory, renewed).len(), written_by(&long.archive, renewed).len()), (1, 1));
    // Both go on as one node, also after the long one made it.
    assert!(!long.receive(&over_the_wire(&export(&clone.memory))).renewed_node);
    other.remember(ns, "and by the other");
    assert_eq!((long.id(), other.id()), (renewed, renewed));
    assert_eq!(long.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
}

#[test]
fn the_archive_and_the_memory_are_one_node_also_where_both_begin_at_once() {
    for seed in 0..10 {
        let node = Node::new(seed);
        // As another process would: with an identity of its own to find.
        let other = node.again();
        let body = || jay_testkit::blocks::block("session-one", "/a", 0, 0, &["hello"]).to_json();
        std::thread::scope(|scope| {
            scope.spawn(|| node.namespace("team"));
            scope.spawn(|| {
                let draft = jay_store::Draft::block(NS, jay_testkit::blocks::session_id("session-one"), body());
                other
                    .archive
                    .write::<_, Error>(&ann(), |w| {
                        w.draft(draft);
                        Ok(())
                    })
                    .unwrap();
            });
        });
        let authors = |store: &jay_store::Store| {
            let branches = store.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
            branches.into_iter().map(|branch| branch.stream.node).collect::<Vec<_>>()
        };
        assert_eq!((authors(&node.memory), authors(&node.archive)), (vec![node.id()], vec![node.id()]));
        node.namespace("another");
        assert_eq!(node.again().id(), node.id());
    }
}
