//! Lists, ids and names: what is asked for and in which order it comes.

use crate::support::*;
use jay_store::{Moment, Scope};
use jay_types::change::registry::{CREATED_AT, TEXT};
use jay_types::{Error, Timestamp};
use serde_json::json;

#[test]
fn pages_are_stable_while_others_write() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    // Half of them at one moment, some before 1970: ties and signs must not stop a list.
    let ids: Vec<_> = (0..23)
        .map(|n: i64| {
            node.create(ns, saying(&format!("number {n}")).with(CREATED_AT, if n % 2 == 0 { 7 } else { -n * 1000 }))
        })
        .collect();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = node.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), 4, cursor.as_deref())?)).unwrap();
        seen.extend(page.rows.iter().map(|row| row.memory.id));
        node.create(ns, saying("newer").with(CREATED_AT, 1_000_000));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), ids.len());
    let (mut sorted, mut ids) = (seen, ids);
    sorted.sort();
    ids.sort();
    assert_eq!(sorted, ids, "each once, none of those that came meanwhile");
    let bad = node.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), 4, Some("x"))?));
    assert_eq!(bad.unwrap_err().code, jay_types::Code::BadInput);
}

#[test]
fn filters_act_inside_the_scan() {
    let node = Node::new(1);
    let (big, _) = node.namespace("big");
    let (small, num) = node.namespace("small");
    let mine = node.remember(small, "needle in here with more words than the others have");
    node.act(|w| {
        for _ in 0..300 {
            create(w, big, saying("needle"));
        }
        Ok(())
    })
    .unwrap();
    let filter = jay_store::ListFilter { scope: Scope::Of(vec![num]), ..everything() };
    let best = node.memory.read::<_, Error>(|tx| Ok(tx.search_memories(&asking("needle"), &filter, 1)?)).unwrap();
    assert_eq!(best[0].entity, node.get(mine).unwrap().num);
    let nowhere = jay_store::ListFilter { scope: Scope::Of(vec![]), ..everything() };
    assert_eq!(node.search_at("needle", &nowhere), []);
    let narrow = jay_store::ListFilter { since: Some(Timestamp(i64::MAX)), ..everything() };
    assert_eq!(node.search_at("needle", &narrow), []);
}

#[test]
fn a_shortened_id_is_looked_up_inside_the_namespaces_that_are_meant() {
    let node = Node::new(1);
    let (big, big_num) = node.namespace("big");
    let (small, small_num) = node.namespace("small");
    node.act(|w| {
        for _ in 0..40 {
            create(w, big, saying("x"));
        }
        Ok(())
    })
    .unwrap();
    let mine = node.remember(small, "mine");
    let start = mine.to_string()[..8].to_owned();
    let find =
        |within: Option<&[i64]>, text: &str| node.memory.read::<_, Error>(|tx| Ok(tx.find_memory(text, within)?));
    assert_eq!(find(Some(&[small_num]), &start).unwrap(), node.get(mine).unwrap().num);
    let error = find(Some(&[big_num]), &start).unwrap_err();
    assert_eq!(error.code, jay_types::Code::Ambiguous);
    assert_eq!(find(None, "abcdef").unwrap_err().code, jay_types::Code::NotFound);
    for bad in ["abc", "zzzzzz", ""] {
        assert_eq!(find(None, bad).unwrap_err().code, jay_types::Code::BadInput);
    }
}

#[test]
fn a_name_resolves_to_every_namespace_that_claims_it_the_first_bound_first() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (one, _) = a.namespace("global");
    let (two, num) = b.namespace("global");
    sync(&a, &b);
    let claims = b.memory.read::<_, Error>(|tx| Ok(tx.namespaces_at("global")?)).unwrap();
    assert_eq!((claims.len(), claims[0]), (2, num));
    let bound = b.act(|w| Ok(w.namespace(&path("global"))?.0)).unwrap();
    assert_eq!(bound, two);
    a.remember(one, "from a");
    b.remember(two, "from b");
    sync(&a, &b);
    let scope = b.memory.read::<_, Error>(|tx| Ok(tx.scope_of(&path("work/x"))?)).unwrap();
    let filter = jay_store::ListFilter { scope, ..everything() };
    assert_eq!(b.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 9, None)?.rows.len())).unwrap(), 2);
}

#[test]
fn history_and_feed_tell_every_change_in_order() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "one");
    node.edit(ns, id, saying("two"));
    node.forget(ns, id);
    let num = node.get(id).unwrap().num;
    let history = node.memory.read::<_, Error>(|tx| Ok(tx.history(num)?)).unwrap();
    let told: Vec<_> = history.iter().map(|view| (view.operation.as_str(), view.actor.as_str())).collect();
    assert_eq!(told, [("create", "ann"), ("update", "ann"), ("forget", "ann")]);
    assert_eq!(history[1].body.as_ref().unwrap().registers[TEXT.name], json!({"text": "two"}));
    let feed = node.memory.read::<_, Error>(|tx| Ok(tx.feed(0, 100)?)).unwrap();
    let positions: Vec<u64> = feed.iter().map(|(pos, _)| *pos).collect();
    assert_eq!(positions, (1..=feed.len() as u64).collect::<Vec<_>>());
    assert_eq!(node.get_at(id, Moment::Position(history[0].pos)).unwrap().memory.text, "one");
    let wordings = node.memory.read::<_, Error>(|tx| Ok(tx.wordings(num)?)).unwrap();
    assert_eq!(wordings, [("one".to_owned(), None), ("two".to_owned(), None)]);
}

#[test]
fn what_two_nodes_wrote_at_one_moment_of_both_clocks_is_paged_in_one_order_everywhere() {
    let (one, other) = (Node::new(1), Node::new(2));
    for node in [&one, &other] {
        let (ns, _) = node.namespace("team");
        for n in 0..5 {
            node.create(ns, saying(&format!("number {n}")).with(CREATED_AT, 7));
        }
    }
    sync(&one, &other);
    sync(&other, &one);
    let pages = |node: &Node, size: usize| {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = node.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), size, cursor.as_deref())?)).unwrap();
            seen.extend(page.rows.iter().map(|row| row.memory.id));
            match page.next {
                Some(next) => cursor = Some(next),
                None => return seen,
            }
        }
    };
    let whole = pages(&one, 99);
    assert_eq!(whole.len(), 10);
    let hlcs = |node: &Node| -> std::collections::BTreeSet<u64> {
        whole.iter().map(|id| node.get(*id).unwrap().state.created.unwrap().order.hlc.0).collect()
    };
    assert_eq!(hlcs(&one).len(), 5, "two have each");
    for node in [&one, &other] {
        for size in 1..5 {
            assert_eq!(pages(node, size), whole, "by {size}");
        }
    }
}
