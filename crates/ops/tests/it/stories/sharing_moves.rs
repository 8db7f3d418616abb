//! What crosses a move: what one machine does to a memory that another one moves meanwhile reaches where it goes on.

use super::sharing::{at_hand, two};
use super::*;
use jay_store::Draft;
use jay_types::change::registry::{COPIED_FROM, RETIRED, TEXT};
use jay_types::change::{Body, EntityKind, Op};
use serde_json::json;

/// A memory of a shared namespace that both machines know.
fn known_to_both() -> (tempfile::TempDir, World, World, String) {
    let (shared, one, other) = two();
    let id = one.keep(json!({"text": "staging postgres listens on 5433", "namespace": "home", "tags": ["db", "old"]}));
    one.keep(json!({"text": "the namespace is shared", "namespace": "work"}));
    sync([&one, &other]);
    (shared, one, other, id)
}

/// Syncs these machines in turn, until nothing is new.
fn sync(worlds: [&World; 2]) {
    for round in 0.. {
        let before = worlds.map(World::changes);
        for world in worlds {
            world.ok("sync", json!({}));
        }
        if worlds.map(World::changes) == before && round > 0 {
            return;
        }
        assert!(round < 6, "it comes to rest");
    }
}

fn moved(world: &World, id: &str, to: &str) -> String {
    world.ok("move", json!({"id": id, "to": to, "change_sharing": true}))["id"].as_str().unwrap().to_owned()
}

fn is_gone(world: &World, words: &str) -> bool {
    let left = |name: &str| std::fs::read(world.home.path().join("scrubjay").join(name)).unwrap();
    !left("memory.db").windows(words.len()).any(|bytes| bytes == words.as_bytes())
}

#[test]
fn a_purge_that_crosses_a_move_takes_the_copy_along_on_every_machine() {
    for (is_mover_first, to) in [(true, "work"), (false, "work"), (true, "private/x")] {
        let (_shared, one, other, id) = known_to_both();
        let copy = moved(&other, &id, to);
        let last = moved(&other, &copy, "elsewhere");
        one.by(&at_hand(&one), "purge", json!({"ids": [id]}));
        sync(if is_mover_first { [&other, &one] } else { [&one, &other] });
        for world in [&one, &other] {
            assert_eq!(world.list(json!({"all": true})), ["the namespace is shared"], "{to}");
            assert!(is_gone(world, "5433"), "{to}");
        }
        for id in [&id, &copy, &last] {
            assert_eq!(other.err("get", json!({"ids": [id]})).code, Code::NotFound);
        }
    }
}

#[test]
fn a_purge_of_the_copy_by_who_does_not_know_the_source_takes_it_along() {
    let (_shared, one, other, id) = known_to_both();
    let private = one.keep(json!({"text": "a token of the registry", "namespace": "private/x"}));
    let copy = one.by(&at_hand(&one), "move", json!({"id": private, "to": "work", "change_sharing": true}));
    sync([&one, &other]);
    other.by(&at_hand(&other), "purge", json!({"ids": [copy["id"]]}));
    sync([&one, &other]);
    assert_eq!(one.err("get", json!({"ids": [private]})).code, Code::NotFound);
    assert!(is_gone(&one, "registry"));
    assert_eq!(one.ok("get", json!({"ids": [id]}))["memories"][0]["id"], json!(id));
}

/// Whoever shares anything with a machine can write what it likes there.
#[test]
fn a_memory_that_names_another_one_takes_it_along_in_no_purge() {
    let (_shared, one, other, id) = known_to_both();
    let private = one.keep(json!({"text": "a token of the registry", "namespace": "private/x"}));
    let (memory, _) = stores_of(&one);
    let place = |id: &str| {
        let id = jay_types::EntityId::parse(id).unwrap();
        memory.read::<_, Error>(|tx| Ok(tx.identity_of(tx.find_memory(&id.to_string(), None)?)?)).unwrap()
    };
    let ((private_id, private_namespace), (_, namespace)) = (place(&private), place(&id));
    let (theirs, _) = stores_of(&other);
    let actor = jay_store::ActorName { kind: "person".to_owned(), name: "mallory".to_owned() };
    let written = theirs.write::<_, Error>(&actor, |w| {
        let (copy, end) = (w.new_id(), w.new_id());
        let body = Body::default()
            .with(TEXT, json!({"text": "planted"}))
            .with(COPIED_FROM, json!({"namespace": private_namespace, "id": private_id}));
        w.draft(Draft::new(namespace, EntityKind::Memory, copy, Op::Create, body));
        let body = Body::default().with(RETIRED, json!({"reason": "moved", "moved_to": end}));
        w.draft(Draft::new(namespace, EntityKind::Memory, copy, Op::Update, body));
        let body = Body::default().with(TEXT, json!({"text": "the end"}));
        w.draft(Draft::new(namespace, EntityKind::Memory, end, Op::Create, body));
        Ok((copy, end))
    });
    let end = written.unwrap().1;
    sync([&other, &one]);
    theirs
        .write::<_, Error>(&actor, |w| {
            w.draft(Draft::new(namespace, EntityKind::Memory, end, Op::Purge, Body::default()));
            Ok(())
        })
        .unwrap();
    sync([&other, &one]);
    assert_eq!(one.ok("get", json!({"ids": [private]}))["memories"][0]["text"], "a token of the registry");
}

#[test]
fn a_forget_that_crosses_a_move_hides_the_copy_until_a_person_brings_it_back() {
    for to in ["work", "private/x"] {
        let (_shared, one, other, id) = known_to_both();
        let copy = moved(&one, &id, to);
        other.ok("forget", json!({"ids": [id]}));
        sync([&one, &other]);
        for world in [&one, &other] {
            assert_eq!(world.list(json!({"all": true})), ["the namespace is shared"]);
            assert_eq!(world.ok("status", json!({}))["conflicts"], 0);
        }
        assert_eq!(one.err("get", json!({"ids": [copy]})).code, Code::Forgotten);
        one.by(&at_hand(&one), "unforget", json!({"id": id}));
        sync([&one, &other]);
        assert_eq!(one.ok("get", json!({"ids": [copy]}))["memories"][0]["id"], json!(copy), "{to}");
    }
}

#[test]
fn who_sees_both_ends_and_forgets_one_keeps_the_other() {
    let (_shared, one, other, id) = known_to_both();
    other.ok("update", json!({"id": id, "text": "staging postgres listens on 5434"}));
    moved(&one, &id, "work");
    other.ok("update", json!({"id": id, "text": "staging postgres listens on 5435"}));
    sync([&one, &other]);
    assert_eq!(one.list(json!({"all": true})).len(), 3, "the edit reopens what was moved");
    one.ok("forget", json!({"ids": [id]}));
    sync([&one, &other]);
    for world in [&one, &other] {
        let listed = world.list(json!({"all": true}));
        assert!(listed.contains(&"staging postgres listens on 5433".to_owned()), "{listed:?}");
        assert_eq!(listed.len(), 2, "{listed:?}");
    }
}

#[test]
fn what_is_set_while_a_memory_moves_is_set_where_it_goes_on() {
    for to in ["work", "private/x"] {
        let (_shared, one, other, id) = known_to_both();
        let copy = moved(&one, &id, to);
        let last = moved(&one, &copy, "elsewhere");
        other.ok("update", json!({"id": id, "add_tags": ["port"], "remove_tags": ["old"], "importance": 0.9}));
        sync([&other, &one]);
        let worlds: &[&World] = if to == "work" { &[&one, &other] } else { &[&one] };
        for world in worlds {
            let got = world.ok("get", json!({"ids": [id]}))["memories"][0].clone();
            assert_eq!(got["id"], json!(last), "{got}");
            assert_eq!((&got["tags"], &got["importance"]), (&json!(["db", "port"]), &json!(0.9)), "{got}");
            assert!(got.get("conflicts").is_none(), "{got}");
            assert_eq!(world.ok("status", json!({}))["conflicts"], 0);
        }
        // What a person does there afterwards stays so.
        one.ok("update", json!({"id": last, "remove_tags": ["port"], "importance": 0.2}));
        other.ok("feedback", json!({"id": last, "verdict": "useful"}));
        sync([&other, &one]);
        let got = one.ok("get", json!({"ids": [last]}))["memories"][0].clone();
        assert_eq!((&got["tags"], &got["importance"]), (&json!(["db"]), &json!(0.2)), "{got}");
    }
}

#[test]
fn a_field_that_was_cleared_before_the_move_does_not_clear_what_is_set_after_it() {
    let (_shared, one, other, id) = known_to_both();
    one.ok("update", json!({"id": id, "importance": 0.7}));
    one.ok("update", json!({"id": id, "clear": ["importance"]}));
    let copy = moved(&one, &id, "work");
    one.ok("update", json!({"id": copy, "importance": 0.3}));
    other.ok("update", json!({"id": id, "add_tags": ["port"]}));
    sync([&one, &other]);
    for world in [&one, &other] {
        let got = world.ok("get", json!({"ids": [copy]}))["memories"][0].clone();
        assert_eq!((&got["importance"], got.get("conflicts")), (&json!(0.3), None), "{got}");
        assert_eq!(got["tags"], json!(["db", "old", "port"]));
    }
}

#[test]
fn what_both_machines_set_while_one_of_them_moves_it_is_a_conflict_there() {
    for (mover_is_later, shown, other_one) in [(false, 0.9, 0.7), (true, 0.7, 0.9)] {
        let (_shared, one, other, id) = known_to_both();
        let later = if mover_is_later { &one } else { &other };
        later.steps.clock.advance(60 * jay_types::time::SECOND);
        one.ok("update", json!({"id": id, "importance": 0.7}));
        let copy = moved(&one, &id, "work");
        other.ok("update", json!({"id": id, "importance": 0.9}));
        sync([&one, &other]);
        for world in [&one, &other] {
            let got = world.ok("get", json!({"ids": [copy]}))["memories"][0].clone();
            let said: Vec<&Value> =
                got["conflicts"][0]["heads"].as_array().unwrap().iter().map(|head| &head["value"]).collect();
            assert_eq!(said, [&json!(shown), &json!(other_one)], "{got}");
            assert_eq!(world.ok("status", json!({}))["conflicts"], 1);
        }
        other.ok("update", json!({"id": copy, "importance": 0.7}));
        sync([&one, &other]);
        for world in [&one, &other] {
            let got = world.ok("get", json!({"ids": [copy]}))["memories"][0].clone();
            assert_eq!((&got["importance"], got.get("conflicts")), (&json!(0.7), None), "settled once and for all");
        }
    }
}

#[test]
fn what_a_person_set_where_it_goes_on_is_what_is_shown_there() {
    let (_shared, one, other, id) = known_to_both();
    let copy = moved(&one, &id, "work");
    one.ok("update", json!({"id": copy, "importance": 0.2}));
    other.steps.clock.advance(60 * jay_types::time::SECOND);
    other.ok("update", json!({"id": id, "importance": 0.9}));
    sync([&one, &other]);
    for world in [&one, &other] {
        let got = world.ok("get", json!({"ids": [copy]}))["memories"][0].clone();
        assert_eq!(
            (&got["importance"], &got["conflicts"][0]["heads"][1]["value"]),
            (&json!(0.2), &json!(0.9)),
            "{got}"
        );
    }
}

#[test]
fn machines_that_answer_at_once_say_the_same_and_come_to_rest() {
    for what in ["update", "forget", "purge"] {
        let (_shared, one, other, id) = known_to_both();
        let copy = moved(&one, &id, "work");
        match what {
            "update" => drop(other.ok("update", json!({"id": id, "add_tags": ["port"], "importance": 0.9}))),
            "forget" => drop(other.ok("forget", json!({"ids": [id]}))),
            _ => drop(other.by(&at_hand(&other), "purge", json!({"ids": [id]}))),
        }
        for direction in ["push", "pull"] {
            for world in [&one, &other] {
                world.ok("sync", json!({direction: true}));
            }
        }
        sync([&one, &other]);
        for world in [&one, &other] {
            let status = world.ok("status", json!({}));
            assert_eq!(status["conflicts"], 0, "{what} {status}");
            assert_eq!(world.list(json!({"all": true})).len(), if what == "update" { 2 } else { 1 }, "{what}");
        }
        if what == "update" {
            let got = one.ok("get", json!({"ids": [copy]}))["memories"][0].clone();
            assert_eq!((&got["importance"], got.get("conflicts")), (&json!(0.9), None), "{got}");
            assert_eq!(got, other.ok("get", json!({"ids": [copy]}))["memories"][0]);
        }
    }
}

#[test]
fn what_is_remembered_in_a_namespace_that_is_deleted_or_merged_meanwhile_is_found_through_it() {
    for (merges, ends_first) in [(false, true), (false, false), (true, true)] {
        let (_shared, one, other, _) = known_to_both();
        if merges {
            other.by(&at_hand(&other), "namespace_merge", json!({"from": "work", "into": "home"}));
        } else {
            other.by(&at_hand(&other), "namespace_delete", json!({"path": "work"}));
        }
        one.keep(json!({"text": "alpha", "namespace": "work"}));
        sync(if ends_first { [&other, &one] } else { [&one, &other] });
        for world in [&one, &other] {
            let said = |of: Value| -> Vec<String> {
                let texts = of.as_array().unwrap().iter().map(|memory| memory["text"].as_str().unwrap().to_owned());
                texts.collect()
            };
            assert!(world.list(json!({"all": true})).contains(&"alpha".to_owned()));
            assert!(world.list(json!({"namespace": "work"})).contains(&"alpha".to_owned()));
            let hits = world.ok("recall", json!({"query": "alpha", "namespace": "work"}))["hits"].clone();
            assert!(said(hits).contains(&"alpha".to_owned()));
            let listed = world.ok("namespace_list", json!({}))["namespaces"].clone();
            let here = listed.as_array().unwrap().iter().find(|namespace| namespace["path"] == "work").unwrap();
            assert_eq!(here["memories"], 1, "{listed}");
            assert_eq!(world.ok("status", json!({}))["namespaces"], json!(listed.as_array().unwrap().len()));
            assert_eq!(world.ok("doctor", json!({"rebuild": true}))["healthy"], json!(true), "rows are as before");
        }
        // It takes what is new where nobody else has the name, and ends once more.
        if merges {
            one.by(&at_hand(&one), "namespace_merge", json!({"from": "work", "into": "home"}));
        } else {
            one.keep(json!({"text": "beta", "namespace": "work"}));
            one.by(&at_hand(&one), "namespace_delete", json!({"path": "work"}));
        }
        sync([&one, &other]);
        for world in [&one, &other] {
            let listed = world.ok("namespace_list", json!({}))["namespaces"].clone();
            assert!(listed.as_array().unwrap().iter().all(|namespace| namespace["path"] != "work"), "{listed}");
            assert_eq!(world.list(json!({"all": true})).contains(&"alpha".to_owned()), merges);
        }
    }
}

#[test]
fn what_is_left_of_a_merged_namespace_is_deleted_without_what_it_was_merged_into() {
    let (_shared, one, other, _) = known_to_both();
    other.by(&at_hand(&other), "namespace_merge", json!({"from": "work", "into": "home"}));
    one.keep(json!({"text": "alpha", "namespace": "work"}));
    sync([&one, &other]);
    assert_eq!(one.ok("namespace_show", json!({"path": "work"}))["memories"], 1);
    one.by(&at_hand(&one), "namespace_delete", json!({"path": "work"}));
    sync([&one, &other]);
    for world in [&one, &other] {
        let listed = world.list(json!({"all": true}));
        assert_eq!(listed.len(), 2, "{listed:?}");
        assert!(!listed.contains(&"alpha".to_owned()));
    }
}
