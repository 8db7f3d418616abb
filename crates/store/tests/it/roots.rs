//! Cached roots are those of a scan, whatever was cached when (J15).

use crate::support::*;
use jay_store::{Adopted, Store};
use jay_testkit::Random;
use jay_testkit::{Author, Foreign};
use jay_types::change::{EntityKind, Op};
use jay_types::{EntityId, Error, Hash, NamespaceId};

/// Compares each namespace's root with that of a scan; sometimes the cache is brought up before.
pub(crate) fn compare_with_scans(node: &Node, random: &mut Random) {
    for store in [&node.memory, &node.archive] {
        if random.chance(20) {
            store.settle_roots().unwrap();
        }
        for (root, scanned) in roots(store) {
            assert_eq!(root, scanned);
        }
    }
}

/// The root of every namespace, and the same by a scan.
fn roots(store: &Store) -> Vec<(Hash, Hash)> {
    let read = store.read::<_, Error>(|tx| {
        let namespaces = tx.branches()?.into_iter().map(|branch| branch.stream.namespace);
        let mut namespaces: Vec<NamespaceId> = namespaces.collect();
        namespaces.sort();
        namespaces.dedup();
        let of = |ns: NamespaceId| {
            let num = tx.namespace_num(ns)?.unwrap();
            Ok((tx.root_of(num)?, tx.root_by_scan(num)?))
        };
        namespaces.into_iter().map(of).collect()
    });
    read.unwrap()
}

fn assert_right(store: &Store, what: &str) -> Vec<Hash> {
    let roots = roots(store);
    assert!(roots.iter().all(|(root, scanned)| root == scanned), "{what}");
    roots.into_iter().map(|(root, _)| root).collect()
}

#[test]
fn a_root_follows_every_write_with_and_without_a_cache() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let (other, _) = node.namespace("other");
    let mut seen = vec![assert_right(&node.memory, "nothing is cached")];
    let mut look = |what: &str, settles: bool| {
        let before = seen.last().unwrap().clone();
        if settles {
            node.memory.settle_roots().unwrap();
        }
        let found = assert_right(&node.memory, what);
        assert_ne!(found, before, "{what}");
        seen.push(found);
    };
    let id = node.remember(ns, "first");
    look("uncached", false);
    let second = node.remember(other, "second");
    look("cached", true);
    node.edit(ns, id, saying("reworded"));
    look("an edit", false);
    node.edit(ns, id, saying("reworded again"));
    look("another edit", true);
    node.purge(ns, id);
    look("a purge", false);
    node.purge(other, second);
    look("a purge that is cached", true);
    // More than is gone through one by one.
    for _ in 0..5 {
        let many = |w: &mut jay_store::WriteTx<'_>| {
            for n in 0..1_000 {
                create(w, ns, saying(&format!("number {n}")));
            }
            Ok(())
        };
        node.act(many).unwrap();
        look("many", false);
    }
    let last = seen.last().unwrap();
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
    assert_eq!(&assert_right(&node.memory, "a rebuild"), last);
    let file = node.directory().join("all.checkpoint");
    node.memory.checkpoint(&|_| true, &file).unwrap();
    let new = Node::new(2);
    assert!(matches!(new.memory.adopt(&file, &mut |_, _| ()).unwrap(), Adopted::Whole { .. }));
    assert_eq!(&assert_right(&new.memory, "an adoption"), last);
}

#[test]
fn a_body_that_comes_late_is_seen_though_its_change_was_cached() {
    const NS: NamespaceId = NamespaceId([8; 16]);
    let mut author = Author::new(1);
    let memory = |n: u8| Foreign::new(EntityKind::Memory, EntityId([n; 16]), Op::Create, &saying("late"));
    let part = author.part(NS, &[memory(1), memory(2)]);
    let mut early = part.clone();
    early[2].body = None;
    let node = Node::new(1);
    node.receive(&early);
    node.memory.settle_roots().unwrap();
    let before = assert_right(&node.memory, "without the body");
    assert_eq!(node.receive(&part).bodies, 1);
    let after = assert_right(&node.memory, "the body came");
    assert_ne!(before, after);
    node.memory.settle_roots().unwrap();
    assert_eq!(assert_right(&node.memory, "cached again"), after);
}
