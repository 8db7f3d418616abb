//! What comes from other nodes: taken whole, refused by name, or kept until it can be read (J3, J5).

use crate::support::*;
use jay_store::Refusal;
use jay_testkit::{Author, Foreign};
use jay_types::change::frame::FrameEntry;
use jay_types::change::registry::{TAGS, TEXT};
use jay_types::change::{Body, EntityKind, Header, Op, SetEdit};
use jay_types::time::{Hlc, TEN_YEARS};
use jay_types::{EntityId, Error, Hash, NamespaceId};
use serde_json::json;
use std::collections::BTreeMap;

const NS: NamespaceId = NamespaceId([8; 16]);
const OTHER: NamespaceId = NamespaceId([9; 16]);

fn memory(n: u8, text: &str) -> Foreign {
    Foreign::new(EntityKind::Memory, EntityId([n; 16]), Op::Create, &saying(text))
}

fn stopped(node: &Node) -> Vec<(String, u64)> {
    node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.stopped)).unwrap()
}

/// Every way in which a part can be wrong, with the name of its refusal.
fn faults(author: &Author, part: &[FrameEntry]) -> Vec<(&'static str, &'static str, Vec<FrameEntry>)> {
    let altered = |index: usize, change: &dyn Fn(&mut Header)| author.altered(part, index, change);
    let raw = |change: &dyn Fn(&mut Vec<FrameEntry>)| {
        let mut part = part.to_vec();
        change(&mut part);
        part
    };
    let bytes = |part: &mut Vec<FrameEntry>| part[0].body.as_mut().unwrap().1[3] ^= 1;
    vec![
        ("bad_signature", "flipped", raw(&|part| part.last_mut().unwrap().signature.as_mut().unwrap()[7] ^= 1)),
        ("bad_signature", "missing", raw(&|part| part.last_mut().unwrap().signature = None)),
        ("bad_signature", "of another key", Author::new(99).altered(part, 0, |_| ())),
        (
            "bad_signature",
            "at another place",
            raw(&|part| {
                let signature = part.last_mut().unwrap().signature.take();
                part[0].signature = signature;
            }),
        ),
        ("bad_chain", "another header before", altered(1, &|header| header.prev_hash = Hash([1; 32]))),
        ("bad_chain", "a seq left out", altered(1, &|header| header.seq += 1)),
        ("bad_chain", "a clock that goes back", altered(1, &|header| header.hlc = Hlc(1))),
        (
            "bad_chain",
            "an open in the middle",
            altered(1, &|header| {
                (header.kind, header.op) = (EntityKind::Node.number(), Op::Open.number());
            }),
        ),
        ("bad_body", "another body", raw(&bytes)),
        ("bad_body", "another salt", raw(&|part| part[1].body.as_mut().unwrap().0[0] ^= 1)),
        (
            "bad_bounds",
            "cut off",
            raw(&|part| {
                part.pop();
            }),
        ),
        ("bad_bounds", "a count of others", altered(1, &|header| header.count = 7)),
        ("bad_bounds", "an index twice", altered(2, &|header| header.index = 1)),
        ("bad_bounds", "two actors in one act", altered(1, &|header| header.actor.0[0] ^= 1)),
        (
            "bad_bounds",
            "a short header",
            raw(&|part| {
                part[0].header.pop();
            }),
        ),
        ("bad_bounds", "no such seq", altered(0, &|header| header.seq = 0)),
        ("bad_bounds", "a seq beyond all numbers", altered(0, &|header| header.seq = u64::MAX)),
        (
            "bad_clock",
            "eleven years ahead",
            altered(2, &|header| header.hlc = Hlc(header.hlc.0 + TEN_YEARS as u64 / 10 * 11)),
        ),
        ("bad_clock", "beyond all clocks", altered(2, &|header| header.hlc = Hlc(u64::MAX))),
        ("unknown_version", "a newer header", raw(&|part| part.iter_mut().for_each(|entry| entry.header[0] = 2))),
        (
            "unknown_version",
            "a newer and longer header",
            raw(&|part| {
                part.iter_mut().for_each(|entry| {
                    entry.header[0] = 3;
                    entry.header.extend([0; 40]);
                });
            }),
        ),
    ]
}

#[test]
fn what_is_wrong_is_refused_by_name_and_stops_its_stream_only() {
    let mut author = Author::new(1);
    let first = author.part(NS, &[memory(1, "first")]);
    let before_second = author.clone();
    let second = author.part(NS, &[memory(2, "second"), memory(3, "third"), memory(4, "fourth")]);
    let third = author.part(NS, &[memory(5, "fifth")]);
    let elsewhere = author.part(OTHER, &[memory(6, "elsewhere")]);
    let mut stranger = Author::new(2);
    let strange = stranger.part(NS, &[memory(7, "stranger")]);
    for (reason, how, bad) in faults(&before_second, &second) {
        let node = Node::new(1);
        node.receive(&first);
        let before = node.dump();
        // Nothing of the part is journalled, and nothing after it in its stream.
        let report = node.receive(&[bad.clone(), third.clone()].concat());
        assert_eq!((report.journalled, node.dump() == before), (0, true), "{reason}: {how}");
        let seq = if how.contains("seq beyond") || how.contains("no such") { report.refused[0].seq } else { 3 };
        let refusal = Refusal { node: author.key.node_id(), namespace: NS, seq, reason };
        assert_eq!(report.refused, [refusal], "{reason}: {how}");
        assert_eq!(stopped(&node), [(reason.to_owned(), 1)], "{how}");
        // Other streams go on, of this node and of others.
        let report = node.receive(&[bad, elsewhere.clone(), strange.clone()].concat());
        assert_eq!((report.journalled, report.refused.len()), (4, 1), "{reason}: {how}");
        // What is good resumes the stream, though it was stopped before.
        let report = node.receive(&[second.clone(), third.clone()].concat());
        assert_eq!((report.journalled, report.refused.len()), (4, 0), "{reason}: {how}");
        assert_eq!(stopped(&node), [], "{how}");
        assert_eq!(node.list().len(), 7);
        assert_eq!(
            node.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_first_part_must_bring_its_key() {
    let mut author = Author::new(1);
    let good = author.part(NS, &[memory(1, "first")]);
    let node = Node::new(1);
    let mut withheld = good.clone();
    withheld[0].body = None;
    let report = node.receive(&withheld);
    assert_eq!(report.refused.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(), ["bad_signature"]);
    let mut alien = Author::new(2);
    alien.key = author.key.clone();
    let body = Body::default().with(jay_types::change::registry::PUBLIC_KEY, "00");
    let mut wrong = author.altered(&good, 0, |header| header.kind = EntityKind::Memory.number());
    assert_eq!(node.receive(&wrong).refused[0].reason, "bad_chain");
    wrong = alien.part(NS, &[Foreign::new(EntityKind::Node, EntityId([1; 16]), Op::Open, &body)]);
    assert_eq!(node.receive(&wrong).refused[0].reason, "bad_chain", "a stream is opened once");
    assert_eq!((node.receive(&good).journalled, stopped(&node)), (2, vec![]));
}

#[test]
fn noise_in_frames_is_refused_and_does_no_harm() {
    let node = Node::new(1);
    let entry = |header: Vec<u8>| FrameEntry { header, body: None, signature: None };
    let report = node.receive(&[entry(vec![]), entry(vec![1; 41]), entry(vec![1; 195]), entry(vec![0; 300])]);
    assert_eq!(report.journalled, 0);
    assert_eq!(node.dump(), Vec::<String>::new());
}

#[test]
fn what_comes_too_early_waits_for_what_is_before_it() {
    let mut author = Author::new(1);
    let parts: Vec<_> = (1..5).map(|n| author.part(NS, &[memory(n, "x")])).collect();
    let node = Node::new(1);
    let report = node.receive(&[parts[3].clone(), parts[1].clone()].concat());
    assert_eq!((report.journalled, report.gaps, report.refused.len()), (0, 2, 0));
    assert_eq!(node.receive(&parts.concat()).journalled, 5);
    let again = node.receive(&parts.concat());
    assert_eq!((again.journalled, again.have, again.bodies, again.gaps), (0, 5, 0, 0));
}

#[test]
fn what_this_version_does_not_know_is_kept_and_relayed_as_it_came() {
    let mut author = Author::new(1);
    let id = EntityId([1; 16]);
    let kind = EntityKind::Memory.number();
    let mut unknown_encoding = Foreign::new(EntityKind::Memory, id, Op::Update, &saying("encoded"));
    unknown_encoding.encoding = 9;
    let mood = Body {
        registers: BTreeMap::from([
            ("mood".to_owned(), json!("glad")),
            (TEXT.name.to_owned(), json!({"text": "mooded"})),
        ]),
        ..Body::default()
    };
    let parts = [
        author.part(NS, &[memory(1, "plain")]),
        author.part(NS, &[Foreign::raw(kind, id, 999, b"whatever".to_vec())]),
        author.part(NS, &[Foreign::raw(77, id, Op::Create.number(), b"{}".to_vec())]),
        author.part(NS, &[Foreign::new(EntityKind::Memory, id, Op::Update, &mood)]),
        author.part(NS, &[unknown_encoding]),
        author.part(
            NS,
            &[Foreign::new(
                EntityKind::Memory,
                id,
                Op::Update,
                &Body::default().with_set(TAGS, &SetEdit { add: vec!["late".into()], remove: vec![] }),
            )],
        ),
        // A kind of the other journal belongs to no table here.
        author.part(NS, &[Foreign::raw(EntityKind::Session.number(), id, Op::Block.number(), b"{}".to_vec())]),
    ];
    let node = Node::new(1);
    let mut first = parts.clone();
    first[5][0].body = None;
    let report = node.receive(&first.concat());
    assert_eq!((report.journalled, report.refused.len()), (8, 0));
    let row = node.get(id).unwrap();
    assert_eq!((row.memory.text.as_str(), row.memory.tags.len(), row.memory.version), ("mooded", 0, 5));
    let deferred = || node.memory.read::<_, Error>(|tx| Ok(tx.counts()?.deferred)).unwrap();
    let counted =
        |reasons: &[(&str, u64)]| reasons.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect::<Vec<_>>();
    let others = [("unknown_field", 1), ("unknown_kind", 2), ("unknown_op", 1), ("unreadable_body", 1)];
    assert_eq!(deferred(), counted(&[&[("missing_body", 1)][..], &others].concat()));
    assert_eq!(export(&node.memory).concat(), first.concat(), "as it came");
    // The body comes later, with the part that it is of.
    let report = node.receive(&parts[5]);
    assert_eq!((report.journalled, report.have, report.bodies), (0, 1, 1));
    assert_eq!(node.get(id).unwrap().memory.tags, ["late"]);
    assert_eq!(deferred(), counted(&others));
    assert_eq!(export(&node.memory).concat(), parts.concat());
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn a_signature_where_none_belongs_is_not_passed_on() {
    let mut author = Author::new(1);
    let part = author.part(NS, &[memory(1, "x")]);
    let mut noisy = part.clone();
    noisy[0].signature = Some([7; 64]);
    let node = Node::new(1);
    assert_eq!(node.receive(&noisy).journalled, 2);
    assert_eq!(export(&node.memory).concat(), part);
}

#[test]
fn a_clock_ahead_raises_ours() {
    let mut author = Author::new(1);
    author.hlc += 3_600_000_000;
    let part = author.part(NS, &[memory(1, "from the future")]);
    let node = Node::new(1);
    node.receive(&part);
    node.edit(NS, EntityId([1; 16]), saying("after seeing it"));
    assert_eq!(node.get(EntityId([1; 16])).unwrap().memory.text, "after seeing it");
}
