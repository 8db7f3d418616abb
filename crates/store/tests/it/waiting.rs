//! What waits for another hour or another program: reported, tried again by the first write, at no cost elsewhere (J4, J5).

use crate::support::*;
use jay_store::{ClockAhead, StoppedClock, WallAhead};
use jay_testkit::{Author, Foreign};
use jay_types::change::frame::FrameEntry;
use jay_types::change::{EntityKind, Op};
use jay_types::time::{DAY, Hlc, MINUTE, TEN_YEARS};
use jay_types::{EntityId, Error, NamespaceId, Timestamp};
use rusqlite::Connection;

const NS: NamespaceId = NamespaceId([8; 16]);
const YEAR: i64 = TEN_YEARS / 10;

fn memory(n: u8, text: &str) -> Foreign {
    Foreign::new(EntityKind::Memory, EntityId([n; 16]), Op::Create, &saying(text))
}

fn clocks_ahead(node: &Node) -> Vec<ClockAhead> {
    node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.clocks_ahead)).unwrap()
}

fn stopped(node: &Node) -> (Vec<(String, u64)>, Vec<StoppedClock>) {
    node.memory.read::<_, Error>(|tx| Ok(tx.counts().map(|counts| (counts.stopped, counts.stopped_clocks))?)).unwrap()
}

fn deferred(node: &Node) -> Vec<(String, u64)> {
    node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.deferred)).unwrap()
}

/// Statements behind the store's back: what an older program left.
fn meddle(node: &Node, sql: &str) {
    Connection::open(node.memory.file()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_clock_more_than_five_minutes_ahead_is_applied_and_reported() {
    let node = Node::new(1);
    let mut near = Author::new(1);
    near.hlc = (node.steps.clock.now().0 + 4 * MINUTE) as u64;
    node.receive(&near.part(NS, &[memory(1, "near")]));
    assert_eq!(clocks_ahead(&node), []);
    let mut far = Author::new(2);
    let now = node.steps.clock.now();
    let clock = |author: &mut Author, ahead: i64, now: Timestamp| {
        author.hlc = (now.0 + ahead) as u64;
        author.at = Timestamp(now.0 + ahead - MINUTE);
    };
    clock(&mut far, 6 * MINUTE, now);
    let part = far.part(NS, &[memory(2, "far")]);
    assert_eq!(node.receive(&part).journalled, 2);
    // The author steps a millisecond for each change.
    let expected = ClockAhead {
        node: far.key.node_id(),
        changes: 2,
        ahead_us: 6 * MINUTE + 2000,
        wall_ahead_us: 5 * MINUTE,
        first_at: now,
        last_at: now,
        wall: None,
    };
    assert_eq!(clocks_ahead(&node), [expected], "its own clock is just not told of");
    node.receive(&part);
    assert_eq!(clocks_ahead(&node), [expected], "what is here already is not counted again");
    node.steps.clock.advance(DAY);
    let later = node.steps.clock.now();
    clock(&mut far, 2 * 60 * MINUTE, later);
    node.receive(&far.part(NS, &[memory(3, "farther")]));
    let both = ClockAhead {
        changes: 3,
        ahead_us: 120 * MINUTE + 1000,
        wall_ahead_us: 119 * MINUTE,
        last_at: later,
        wall: Some(WallAhead { changes: 1, first_at: later, last_at: later }),
        ..expected
    };
    assert_eq!((clocks_ahead(&node), node.list().len()), (vec![both], 3));
    // A local record: made by no projection, kept by a rebuild.
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
    assert_eq!(clocks_ahead(&node.again()), [both]);
    // It is told of what came, not of what was written here after seeing it.
    node.remember(NS, "ours");
    assert_eq!(clocks_ahead(&node), [both]);
}

/// A part of `author`'s stream whose clock is `ahead` of `now`.
fn part_ahead(author: &mut Author, n: u8, now: Timestamp, ahead: i64) -> Vec<FrameEntry> {
    author.hlc = (now.0 + ahead) as u64;
    author.part(NS, &[memory(n, "from far away")])
}

#[test]
fn a_stream_that_was_too_far_ahead_may_go_on_when_the_wall_clock_has_caught_up() {
    let node = Node::new(1);
    node.namespace("team");
    let (mut author, mut beyond) = (Author::new(1), Author::new(2));
    let now = node.steps.clock.now();
    let part = part_ahead(&mut author, 1, now, 12 * YEAR);
    let good = beyond.part(NS, &[memory(2, "near")]);
    let never = beyond.part(NS, &[memory(3, "x")]);
    let never = beyond.altered(&never, 0, |header| header.hlc = Hlc(u64::MAX));
    let report = node.receive(&[part.clone(), good, never].concat());
    assert_eq!(report.refused.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(), ["bad_clock", "bad_clock"]);
    let of = |id| move |stopped: &StoppedClock| stopped.node == id;
    let (author, beyond) = (author.key.node_id(), beyond.key.node_id());
    let (counted, streams) = stopped(&node);
    assert_eq!(counted, [("bad_clock".to_owned(), 2)]);
    let waits = *streams.iter().find(|stream| of(author)(stream)).unwrap();
    assert_eq!(waits.retry_from, Some(Timestamp(now.0 + 2 * YEAR + 2000)), "status says when");
    assert!(!streams.iter().find(|stream| of(beyond)(stream)).unwrap().is_due(Timestamp(i64::MAX - 1)));
    // Neither too early, nor by a read, nor by a process that has written before.
    node.steps.clock.advance(YEAR);
    node.again().namespace("early");
    node.steps.clock.advance(YEAR + DAY);
    assert!(waits.is_due(node.steps.clock.now()));
    let next = node.again();
    assert_eq!(stopped(&next).1.len(), 2);
    next.namespace("late");
    let left = stopped(&next).1;
    assert_eq!(left.iter().map(|stopped| stopped.node).collect::<Vec<_>>(), [beyond]);
    // The next exchange sends the part again, and it is taken.
    let report = next.receive(&part);
    assert_eq!((report.journalled, report.refused.len()), (2, 0));
    assert_eq!(next.get(EntityId([1; 16])).unwrap().memory.text, "from far away");
}

#[test]
fn other_reasons_are_not_cured_by_time() {
    let node = Node::new(1);
    let mut author = Author::new(1);
    node.receive(&author.part(NS, &[memory(1, "good")]));
    let mut part = author.part(NS, &[memory(2, "bad")]);
    part[0].signature = None;
    node.receive(&part);
    node.steps.clock.advance(YEAR);
    let next = node.again();
    next.namespace("later");
    assert_eq!(stopped(&next).0, [("bad_signature".to_owned(), 1)]);
}

/// A store as an older program left it, which knew no tags and no sessions' kind: a memory with its tags deferred.
fn as_an_older_program_left_it() -> (Node, EntityId) {
    let node = Node::new(1);
    let id = EntityId([1; 16]);
    let body = saying("plain").with_set(
        jay_types::change::registry::TAGS,
        &jay_types::change::SetEdit { add: vec!["late".into()], remove: vec![] },
    );
    let mut author = Author::new(1);
    node.receive(&author.part(NS, &[Foreign::new(EntityKind::Memory, id, Op::Create, &body)]));
    node.receive(&author.part(NS, &[Foreign::raw(77, id, Op::Create.number(), b"{}".to_vec())]));
    let mut missing = author.part(NS, &[memory(2, "missing")]);
    missing[0].body = None;
    node.receive(&missing);
    meddle(
        &node,
        "INSERT INTO deferred(pos, field, reason) SELECT pos, 'tags', 'unknown_field' FROM versions WHERE register = 15;
         DELETE FROM versions WHERE register = 15; DELETE FROM tags;
         UPDATE meta SET value = 'another program' WHERE name = 'deferred_tried'",
    );
    (node, id)
}

fn tagged(node: &Node) -> i64 {
    Connection::open(node.memory.file()).unwrap().query_row("SELECT count(*) FROM tags", [], |row| row.get(0)).unwrap()
}

fn counted(reasons: &[&str]) -> Vec<(String, u64)> {
    reasons.iter().map(|reason| ((*reason).to_owned(), 1)).collect()
}

#[test]
fn what_another_program_deferred_is_tried_by_the_first_write() {
    let (node, id) = as_an_older_program_left_it();
    let next = node.again();
    let waiting = counted(&["missing_body", "unknown_field", "unknown_kind"]);
    assert_eq!((deferred(&next), tagged(&next)), (waiting, 0), "a read changes nothing");
    next.namespace("elsewhere");
    assert_eq!((deferred(&next), tagged(&next)), (counted(&["missing_body", "unknown_kind"]), 1));
    assert_eq!(next.get(id).unwrap().memory.tags, ["late"]);
    assert!(next.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn what_this_program_tried_is_not_tried_at_each_open() {
    let (node, _) = as_an_older_program_left_it();
    node.again().namespace("first");
    // A row that trying again would take away tells whether it was tried.
    let tell = "INSERT INTO deferred(pos, field, reason) SELECT min(pos), 'probe', 'unknown_field' FROM bodies
                WHERE pos IN (SELECT pos FROM versions WHERE register = 1)";
    meddle(&node, tell);
    let probed = counted(&["missing_body", "unknown_field", "unknown_kind"]);
    node.again().namespace("second");
    assert_eq!(deferred(&node), probed);
    // What is deferred by this program meanwhile changes nothing of that.
    node.again().receive(&Author::new(9).part(NS, &[Foreign::raw(78, EntityId([3; 16]), 2, b"{}".to_vec())]));
    node.again().namespace("third");
    assert!(deferred(&node).contains(&("unknown_field".to_owned(), 1)));
    // But where another program deferred something beside it, all is tried once more.
    meddle(&node, "UPDATE meta SET value = 'another program' WHERE name = 'deferred_tried'");
    let here = node.again();
    here.namespace("fourth");
    assert!(!deferred(&node).contains(&("unknown_field".to_owned(), 1)));
}

#[test]
fn a_program_that_defers_beside_another_does_not_speak_for_it() {
    let (node, _) = as_an_older_program_left_it();
    // This process opened the store before the other program wrote its mark, so that it tried nothing.
    node.receive(&Author::new(9).part(NS, &[Foreign::raw(78, EntityId([3; 16]), 2, b"{}".to_vec())]));
    assert!(deferred(&node).contains(&("unknown_field".to_owned(), 1)), "it is not tried yet");
    node.again().namespace("next");
    assert!(!deferred(&node).contains(&("unknown_field".to_owned(), 1)));
}

#[test]
fn where_nothing_is_deferred_opening_writes_nothing() {
    let node = Node::new(1);
    node.namespace("team");
    let marks = || -> i64 {
        let file = Connection::open(node.memory.file()).unwrap();
        file.query_row("SELECT count(*) FROM meta WHERE name = 'deferred_tried'", [], |row| row.get(0)).unwrap()
    };
    let next = node.again();
    let log = next.memory.wal_bytes();
    next.memory.finish_jobs(&[]).unwrap();
    assert_eq!((marks(), next.memory.wal_bytes()), (0, log));
}
