//! What did we know on Tuesday: a question about a moment is answered as it was at that moment (J13).

use crate::support::*;
use jay_store::{Draft, ListFilter, Moment, Tx};
use jay_testkit::{Random, counts};
use jay_types::change::registry::{ALIAS_OF, IMPORTANCE, KEY, PATH, RETIRED, TAGS};
use jay_types::change::{Body, EntityKind, Op, SetEdit};
use jay_types::memory::Memory;
use jay_types::{EntityId, Error, NamespaceId, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;

const WORDS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

/// Everything that a moment answers.
#[derive(Debug, PartialEq)]
struct Answers {
    listed: Vec<EntityId>,
    /// Also those that are hidden for other reasons than being a shadow.
    memories: BTreeMap<EntityId, (Memory, i64)>,
    found: BTreeMap<&'static str, Vec<EntityId>>,
}

fn answers(tx: &Tx<'_>, moment: Moment) -> Result<Answers, Error> {
    let filter = ListFilter { moment, ..everything() };
    let all = ListFilter { hidden: filter.hidden.with_forgotten().with_retired().with_superseded(), ..filter.clone() };
    let ids = |page: jay_store::ListPage| page.rows.into_iter().map(|row| row.memory.id).collect::<Vec<_>>();
    let mut found = BTreeMap::new();
    for word in WORDS {
        let mut hits = Vec::new();
        for hit in tx.search_memories(&asking(word), &filter, 1000)? {
            hits.extend(tx.memory(hit.entity, moment)?.map(|row| row.memory.id));
        }
        hits.sort();
        found.insert(word, hits);
    }
    let memories = tx.list(&all, 1000, None)?.rows.into_iter().map(|row| (row.memory.id, (row.memory, row.hidden)));
    Ok(Answers { memories: memories.collect(), listed: ids(tx.list(&filter, 1000, None)?), found })
}

fn random_act(node: &Node, ns: NamespaceId, ids: &mut Vec<EntityId>, random: &mut Random) {
    let word = WORDS[random.index(WORDS.len())];
    let Some(id) = random.pick(ids).copied().filter(|_| random.chance(75)) else {
        let mut body = saying(word).with_set(TAGS, &SetEdit { add: vec![word.into()], remove: vec![] });
        if random.chance(50) {
            body = body.with(KEY, ["one", "two"][random.index(2)]);
        }
        ids.push(node.create(ns, body));
        return;
    };
    let tag_dots = node.get(id).unwrap().state.element_dots(TAGS, word);
    match random.below(9) {
        8 => {
            let other = random.pick(ids).copied().unwrap_or(id);
            node.act(|w| {
                w.draft(Draft::new(
                    ns,
                    EntityKind::Memory,
                    id,
                    Op::Update,
                    Body::default().with(ALIAS_OF, json!(other)),
                ));
                Ok(())
            })
            .unwrap();
        }
        0 | 1 => node.edit(ns, id, saying(&format!("{word} {}", WORDS[random.index(WORDS.len())]))),
        2 => node.edit(
            ns,
            id,
            Body::default().with_set(TAGS, &SetEdit { add: vec![], remove: tag_dots }).with(IMPORTANCE, 0.3),
        ),
        3 => node.edit(ns, id, Body::default().with(KEY, ["one", "two"][random.index(2)])),
        4 => node.edit(ns, id, Body::default().with(KEY, serde_json::Value::Null)),
        5 => node.edit(ns, id, Body::default().with(RETIRED, json!({"reason": "restore"}))),
        6 => node.forget(ns, id),
        _ if node.get(id).unwrap().state.is_forgotten() => node.unforget(ns, id),
        _ => node.act(|w| edit(w, ns, id, Op::Update, Body::default().with(RETIRED, serde_json::Value::Null))).unwrap(),
    }
}

#[test]
fn every_moment_answers_as_it_did_then() {
    for seed in 0..counts().seeds() {
        let mut random = Random::new(seed);
        let node = Node::new(seed);
        let (ns, _) = node.namespace("team");
        let mut ids = Vec::new();
        let mut then: Vec<(u64, Timestamp, Answers)> = Vec::new();
        for _ in 0..25 {
            random_act(&node, ns, &mut ids, &mut random);
            let (pos, now) =
                node.memory.read::<_, Error>(|tx| Ok((tx.latest_pos()?, answers(tx, Moment::Latest)?))).unwrap();
            then.push((pos, node.steps.clock.now(), now));
        }
        for (pos, at, expected) in &then {
            node.memory
                .read::<_, Error>(|tx| {
                    assert_eq!(tx.moment_at(*at)?, Moment::Position(*pos), "seed {seed}");
                    assert_eq!(&answers(tx, Moment::Position(*pos))?, expected, "seed {seed}, position {pos}");
                    Ok(())
                })
                .unwrap();
        }
        assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same, "seed {seed}");
    }
}

#[test]
fn a_moment_before_everything_is_empty_and_arrivals_never_go_back() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "alpha");
    let early = node.steps.clock.now();
    // The wall clock of this machine is set back: what arrives now still came later.
    node.steps.clock.advance(-3_600_000_000);
    node.edit(ns, id, saying("beta"));
    node.memory
        .read::<_, Error>(|tx| {
            assert_eq!(tx.moment_at(Timestamp(0))?, Moment::Position(0));
            assert_eq!(answers(tx, Moment::Position(0))?.memories.len(), 0);
            let moment = tx.moment_at(early)?;
            assert_eq!(answers(tx, moment)?.found["alpha"], [id]);
            assert_eq!(answers(tx, tx.moment_at(Timestamp(early.0 + 1))?)?.found["beta"], [id]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_moment_shows_the_path_that_a_namespace_had_then() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("old/path");
    let id = node.remember(ns, "alpha");
    let pos = |node: &Node| node.memory.read::<_, Error>(|tx| Ok(tx.latest_pos()?)).unwrap();
    let rename = |to: &str| {
        let write = |w: &mut jay_store::WriteTx<'_>| -> Result<(), Error> {
            let num = w.namespace_num(ns)?.unwrap();
            let mut body = Body::default().with(PATH, to);
            body.replaces.insert(PATH.name.to_owned(), w.namespace_entity(num)?.head_dots(PATH));
            w.draft(Draft::new(ns, EntityKind::Namespace, EntityId::of_namespace(ns), Op::Update, body));
            Ok(())
        };
        node.act(write).unwrap();
        pos(&node)
    };
    let named = [(pos(&node), "old/path"), (rename("new/path"), "new/path"), (rename("newest"), "newest")];
    for (pos, path) in named {
        assert_eq!(node.get_at(id, Moment::Position(pos)).unwrap().memory.namespace, path);
        let listed = node
            .memory
            .read::<_, Error>(|tx| {
                let filter = ListFilter { moment: Moment::Position(pos), ..everything() };
                Ok(tx.list(&filter, 10, None)?.rows.into_iter().map(|row| row.memory.namespace).collect::<Vec<_>>())
            })
            .unwrap();
        assert_eq!(listed, [path]);
    }
    assert_eq!(node.get(id).unwrap().memory.namespace, "newest");
}

#[test]
fn what_arrives_late_was_not_known_before() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    let id = a.remember(ns, "alpha");
    b.steps.clock.advance(86_400_000_000);
    let yesterday = b.steps.clock.now();
    b.steps.clock.advance(86_400_000_000);
    b.namespace("other");
    sync(&a, &b);
    let known = |at: Timestamp| b.memory.read::<_, Error>(|tx| Ok(answers(tx, tx.moment_at(at)?)?.listed)).unwrap();
    assert_eq!(known(yesterday), []);
    b.steps.clock.advance(1_000_000);
    assert_eq!(known(b.steps.clock.now()), [id]);
}
