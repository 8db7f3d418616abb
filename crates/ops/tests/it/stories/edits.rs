//! Update, revert, link, feedback, move.

use super::*;

#[test]
fn an_update_writes_what_differs() {
    let world = World::new();
    let id = world.keep(json!({"text": "alpha", "tags": ["a", "b"], "title": "T", "importance": 0.3, "key": "k", "valid_from": "2026-01-01"}));
    // (edit, changed, a field, its value)
    let table = [
        (json!({"text": "beta"}), true, "text", json!("beta")),
        (json!({"text": "beta"}), false, "title", json!("T")),
        (json!({"tags": ["b", "c"]}), true, "tags", json!(["b", "c"])),
        (json!({"tags": ["c", "b"]}), false, "tags", json!(["b", "c"])),
        (json!({"add_tags": ["d"], "remove_tags": ["b"]}), true, "tags", json!(["c", "d"])),
        (json!({"add_tags": ["d"]}), false, "tags", json!(["c", "d"])),
        (json!({"remove_tags": ["nope"]}), false, "tags", json!(["c", "d"])),
        (json!({"tags": []}), true, "tags", Value::Null),
        (json!({"clear": ["title", "importance"]}), true, "title", Value::Null),
        (json!({"clear": ["importance"]}), false, "importance", Value::Null),
        (json!({"kind": "gotcha"}), true, "kind", json!("gotcha")),
        (json!({"kind": "note"}), true, "kind", json!("note")),
        (json!({"pinned": true}), true, "pinned", json!(true)),
        (json!({"valid_to": "2026-06-01"}), true, "valid_from", json!("2026-01-01T00:00:00Z")),
        (json!({"clear": ["valid_from"]}), true, "valid_to", json!("2026-06-01T00:00:00Z")),
        (json!({"source": {"session": "s"}}), true, "source", json!({"session": "s"})),
        (json!({"clear": ["source", "key", "valid_to", "expires_at", "confidence"]}), true, "key", Value::Null),
    ];
    let mut version = 1;
    for (edit, changed, field, expected) in table {
        let mut input = edit.clone();
        input["id"] = id.as_str().into();
        let answer = world.ok("update", input);
        version += u64::from(changed);
        let memory = world.get(&id);
        let found = memory.get(field).cloned().unwrap_or_default();
        assert_eq!(
            (&answer["changed"], &answer["version"], &found),
            (&json!(changed), &json!(version), &expected),
            "{edit}"
        );
        assert_eq!(memory["version"], version);
    }
}

#[test]
fn m01_a_refused_update_changes_nothing() {
    let world = World::new();
    let id = world.keep(json!({"text": "alpha", "valid_from": "2026-03-01"}));
    let gone = world.keep(json!({"text": "gone"}));
    world.ok("forget", json!({"ids": [gone]}));
    let before = (world.get(&id), world.changes());
    let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    let table = [
        (json!({"id": id}), Code::BadInput),
        (json!({"id": id, "text": ""}), Code::BadInput),
        (json!({"id": id, "tags": ["a"], "add_tags": ["b"]}), Code::BadInput),
        (json!({"id": id, "title": "x", "clear": ["title"]}), Code::BadInput),
        (json!({"id": id, "clear": ["text"]}), Code::BadInput),
        (json!({"id": id, "tags": many}), Code::BadInput),
        (json!({"id": id, "valid_to": "2026-01-01"}), Code::BadInput),
        (json!({"id": id, "source": {"uri": ""}}), Code::BadInput),
        (json!({"id": id, "importance": 7}), Code::BadInput),
        (json!({"id": id, "text": "beta", "if_version": 9}), Code::Conflict),
        (json!({"id": id, "text": " gone "}), Code::Forgotten),
        (json!({"id": gone, "text": "beta"}), Code::Forgotten),
        (json!({"id": "ffffffff", "text": "beta"}), Code::NotFound),
    ];
    for (input, code) in table {
        assert_eq!(world.err("update", input.clone()).code, code, "{input}");
    }
    assert_eq!((world.get(&id), world.changes()), before);
    let error = world.err("update", json!({"id": id, "text": "beta", "if_version": 9}));
    assert_eq!(error.details["version"], 1);
    world.ok("update", json!({"id": id, "text": "beta", "if_version": 1}));
}

#[test]
fn an_update_is_found_by_its_wording_and_not_by_the_old_one() {
    let world = World::with(true);
    let id = world.keep(json!({"text": "the kettle is blue"}));
    world.ok("jobs_run", json!({"until_empty": true}));
    world.ok("update", json!({"id": id, "text": "a boiler it is"}));
    world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(world.recall(json!({"query": "boiler"})), ["a boiler it is"]);
    let found = world.ok("recall", json!({"query": "kettle", "explain": true}));
    assert!(!found.to_string().contains("blue"), "{found}");
}

#[test]
fn revert_goes_back_by_change_position_and_time() {
    let world = World::new();
    let id = world.keep(json!({"text": "one", "tags": ["a"], "importance": 0.1}));
    let first = world.ok("history", json!({"id": id}))["changes"][0].clone();
    let time = world.now();
    world.ok("update", json!({"id": id, "text": "two", "tags": ["b"], "clear": ["importance"], "title": "T"}));
    for to in [
        first["dot"].as_str().unwrap().to_owned(),
        first["dot"].as_str().unwrap()[..8].to_owned(),
        format!("pos:{}", first["pos"]),
        time,
    ] {
        assert_eq!(world.ok("revert", json!({"id": id, "to": to}))["changed"], true, "{to}");
        let memory = world.get(&id);
        assert_eq!(
            (&memory["text"], &memory["tags"], &memory["importance"], memory.get("title")),
            (&json!("one"), &json!(["a"]), &json!(0.1), None),
            "{to}"
        );
        assert_eq!(world.ok("revert", json!({"id": id, "to": to}))["changed"], false);
        world.ok("update", json!({"id": id, "text": "two", "tags": ["b"]}));
    }
    for (to, code) in [
        ("2020-01-01", Code::NotFound),
        ("pos:1", Code::NotFound),
        ("whenever", Code::BadInput),
        ("abcdefabcdef", Code::BadInput),
    ] {
        assert_eq!(world.err("revert", json!({"id": id, "to": to})).code, code, "{to}");
    }
}

#[test]
fn links_go_both_ways_and_follow_what_hides() {
    let world = World::new();
    let [a, b, c] = ["a", "b", "c"].map(|text| world.keep(json!({"text": text})));
    assert_eq!(world.ok("link", json!({"from": a, "to": b}))["changed"], true);
    assert_eq!(world.ok("link", json!({"from": a, "to": b}))["changed"], false);
    world.ok("link", json!({"from": c, "to": b, "relation": "derived_from"}));
    let links = |id: &str| world.ok("get", json!({"ids": [id]}))["links"][0].clone();
    assert_eq!(links(&a)["from_here"], json!([{"relation": "relates", "to": b}]));
    assert_eq!(links(&b)["to_here"].as_array().unwrap().len(), 2);
    assert_eq!(world.get(&b)["version"], 1, "a link stands with the memory that links");
    world.ok("forget", json!({"ids": [c]}));
    assert_eq!(links(&b)["to_here"], json!([{"relation": "relates", "to": a}]));
    assert_eq!(world.ok("unlink", json!({"from": a, "to": b}))["changed"], true);
    assert_eq!(world.ok("unlink", json!({"from": a, "to": b}))["changed"], false);
    assert_eq!(links(&b)["to_here"], json!([]));
    for (input, code) in [
        (json!({"from": a, "to": a}), Code::BadInput),
        (json!({"from": a, "to": "ffffffff"}), Code::NotFound),
        (json!({"from": a, "to": c}), Code::Forgotten),
        (json!({"from": a, "to": b, "relation": ""}), Code::BadInput),
    ] {
        assert_eq!(world.err("link", input.clone()).code, code, "{input}");
    }
    // A link to what is purged can still be taken away.
    world.ok("link", json!({"from": a, "to": b}));
    world.ok("purge", json!({"ids": [b]}));
    assert_eq!(world.ok("unlink", json!({"from": a, "to": b}))["changed"], true);
}

#[test]
fn m08_feedback_is_one_mark_per_actor_and_breaks_ties() {
    let world = World::new();
    world.keep(json!({"text": "lamp on the left"}));
    let right = world.keep(json!({"text": "lamp on the next"}));
    assert_eq!(world.ok("feedback", json!({"id": right, "verdict": "useful"}))["changed"], true);
    assert_eq!(world.ok("feedback", json!({"id": right, "verdict": "useful"}))["changed"], false);
    assert_eq!(world.recall(json!({"query": "lamp"}))[0], "lamp on the next");
    assert_eq!(world.ok("feedback", json!({"id": right, "verdict": "noise"}))["changed"], true);
    assert_eq!(world.recall(json!({"query": "lamp"}))[0], "lamp on the left");
    assert_eq!(world.err("feedback", json!({"id": right, "verdict": "meh"})).code, Code::BadInput);
}

#[test]
fn a_move_takes_everything_along_and_leaves_history_behind() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp", "tags": ["a"], "key": "k", "title": "T", "importance": 0.4, "created_at": "2025-05-05T00:00:00Z"}));
    let other = world.keep(json!({"text": "other"}));
    world.ok("link", json!({"from": id, "to": other}));
    let before = world.get(&id);
    let moved = world.ok("move", json!({"id": id, "to": "team/place"}));
    assert_eq!(
        (&moved["namespace"], &moved["changed"], &moved["version"]),
        (&json!("team/place"), &json!(true), &json!(1))
    );
    let after = world.get(moved["id"].as_str().unwrap());
    for field in ["text", "tags", "key", "title", "importance", "created_at", "links", "kind"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["copied_from"], id.as_str());
    assert_eq!(world.list(json!({})), ["other"]);
    assert_eq!(world.list(json!({"namespace": "team/place"})), ["lamp"]);
    assert_eq!(world.ok("history", json!({"id": id}))["changes"].as_array().unwrap().len(), 3);
    // Who holds the old id edits the memory that goes on, not what was left behind.
    let edited = world.ok("update", json!({"id": id, "text": "brighter lamp"}));
    assert_eq!(edited["id"], moved["id"]);
    assert_eq!(world.list(json!({"all": true})).len(), 2);
    assert_eq!(world.ok("move", json!({"id": moved["id"], "to": "team/place"}))["changed"], false);
    let again = world.ok("move", json!({"id": id, "to": "third"}));
    assert_eq!(world.get(&id)["id"], again["id"], "two moves are followed to the end");
    assert_eq!(world.list(json!({"all": true})).len(), 2);
}
