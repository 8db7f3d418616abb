//! Many writers of one process: one commit for those who queue, each with an answer of its own (I8).

use crate::support::*;
use jay_types::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn threads_share_commits_and_lose_nothing() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let node = &node;
            scope.spawn(move || {
                for n in 0..20 {
                    let id = node.remember(ns, &format!("thread {thread} number {n}"));
                    assert!(node.get(id).is_some(), "what was acknowledged is read");
                }
            });
        }
    });
    assert_eq!(node.list().len(), 320);
    let (commits, acts) = node.memory.group_counts();
    assert_eq!(acts, 321);
    assert!(commits < acts, "{commits} commits for {acts} acts");
    assert_eq!(node.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn a_failure_or_panic_among_many_takes_back_itself_only() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let node = &node;
            scope.spawn(move || {
                for n in 0..10 {
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        node.act(|w| {
                            create(w, ns, saying(&format!("thread {thread} number {n}")));
                            w.next_act()?;
                            match (thread + n) % 3 {
                                0 => Err(Error::bad_input("no")),
                                1 => panic!("a defect"),
                                _ => Ok(()),
                            }
                        })
                    }));
                    assert_eq!(matches!(result, Ok(Ok(()))), (thread + n) % 3 == 2);
                }
            });
        }
    });
    assert_eq!(node.list().len(), 40);
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn the_first_act_of_a_transaction_is_taken_back_alone() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let failing = |text: &str| {
        let failed = node.act::<()>(|w| {
            create(w, ns, saying(text));
            w.next_act()?;
            Err(Error::bad_input("no"))
        });
        assert!(failed.is_err());
        assert_eq!(node.list().len() as u64, node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.entities)).unwrap());
    };
    let kept = node.memory.group(|| {
        failing("before all");
        failing("once more");
        let kept = node.remember(ns, "kept");
        failing("after it");
        kept
    });
    assert_eq!(node.list(), [kept.unwrap()]);
    node.memory.group(|| failing("alone")).unwrap();
    assert_eq!(node.again().list().len(), 1);
    assert_eq!(node.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
}

#[test]
fn a_hold_is_one_commit_and_sees_its_own_writes() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let (before, _) = node.memory.group_counts();
    let ids = node
        .memory
        .group(|| {
            let first = node.remember(ns, "first");
            assert_eq!(node.list(), [first], "before the commit, by this thread");
            std::thread::scope(|scope| {
                let elsewhere = scope.spawn(|| node.list()).join().unwrap();
                assert_eq!(elsewhere, [], "not by another one: it is not durable yet");
            });
            // A hold inside a hold belongs to the outer one.
            let second = node.memory.group(|| node.remember(ns, "second")).unwrap();
            let failed = node.act::<()>(|w| {
                create(w, ns, saying("failed"));
                Err(Error::bad_input("no"))
            });
            assert!(failed.is_err());
            vec![node.remember(ns, "third"), second, first]
        })
        .unwrap();
    assert_eq!(node.list(), ids);
    assert_eq!(node.memory.group_counts().0, before + 1);
}

#[test]
fn holders_and_writers_wait_for_one_another() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let node = &node;
            scope.spawn(move || {
                for round in 0..5 {
                    let made = node.memory.group(|| {
                        (0..5).map(|n| node.remember(ns, &format!("{thread} {round} {n}"))).collect::<Vec<_>>()
                    });
                    for id in made.unwrap() {
                        assert!(node.get(id).is_some());
                    }
                }
            });
            scope.spawn(move || {
                for n in 0..10 {
                    let id = node.remember(ns, &format!("alone {thread} {n}"));
                    assert!(node.get(id).is_some());
                }
            });
        }
    });
    assert_eq!(node.list().len(), 140);
}

#[test]
fn a_panic_in_a_hold_keeps_what_was_written_and_lets_go() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let held = catch_unwind(AssertUnwindSafe(|| {
        node.memory.group(|| {
            node.remember(ns, "written");
            panic!("a defect of the door");
        })
    }));
    assert!(held.is_err());
    node.remember(ns, "after");
    assert_eq!(node.again().list().len(), 2);
}

#[test]
fn the_log_stays_small_though_nobody_closes_the_store() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let mut random = jay_testkit::Random::new(1);
    let mut largest = 0;
    for _ in 0..60 {
        node.remember(ns, &random.letters(200_000));
        node.memory.checkpoint_if_large().unwrap();
        largest = largest.max(node.memory.wal_bytes());
    }
    assert!(largest < 8 * 1024 * 1024, "{largest} bytes");
    node.remember(ns, "small");
    node.remember(ns, "small");
    assert!(node.memory.wal_bytes() < 4 * 1024 * 1024, "a large log does not call for a checkpoint after every act");
    assert_eq!(node.again().list().len(), 62);
}
