//! Remember: created, duplicate, near-duplicate, superseding; nothing half stored.

use super::*;

#[test]
fn m02_what_is_the_same_is_joined_and_what_differs_is_kept() {
    // (earlier, later, outcome, reason, whether `other` names the earlier one)
    let table = [
        (
            json!({"text": "deploys happen on monday"}),
            json!({"text": " deploys  happen\non monday "}),
            "duplicate",
            None,
            false,
        ),
        (
            json!({"text": "deploys happen on monday"}),
            json!({"text": "deploys happen on monday", "tags": ["ci"], "title": "Deploys"}),
            "duplicate",
            Some("fills title, tags"),
            false,
        ),
        (
            json!({"text": "deploys happen on monday", "importance": 0.2}),
            json!({"text": "deploys happen on monday", "importance": 0.9}),
            "created",
            None,
            true,
        ),
        (
            json!({"text": "deploys happen on monday"}),
            json!({"text": "deploys happen on monday", "kind": "decision"}),
            "created",
            None,
            true,
        ),
        (
            json!({"text": "deploys happen on monday", "source": {"message": "m1"}}),
            json!({"text": "deploys happen on monday", "source": {"message": "m2"}}),
            "created",
            None,
            true,
        ),
        (
            json!({"text": "deploys happen on monday"}),
            json!({"text": "deploys happen on monday", "namespace": "work/other"}),
            "created",
            None,
            false,
        ),
        (
            json!({"text": "staging postgres of the api listens on port 5432"}),
            json!({"text": "staging postgres of the api listens on port 5433"}),
            "created",
            None,
            false,
        ),
        (
            json!({"text": "the nightly backup job is enabled on the staging host"}),
            json!({"text": "the nightly backup job is not enabled on the staging host"}),
            "created",
            None,
            false,
        ),
        (
            json!({"text": "the nightly backup job runs on the staging host"}),
            json!({"text": "the nightly backup job runs on the staging host."}),
            "created",
            None,
            true,
        ),
    ];
    for (earlier, later, outcome, reason, named) in table {
        let world = World::new();
        let id = world.keep(earlier.clone());
        let answer = world.ok("remember", later.clone());
        let shown = format!("{later} after {earlier}: {answer}");
        assert_eq!(answer["outcome"], outcome, "{shown}");
        assert_eq!(answer.get("reason").and_then(Value::as_str), reason, "{shown}");
        assert_eq!(answer.get("other").and_then(Value::as_str) == Some(id.as_str()), named, "{shown}");
        assert_eq!(answer["id"] == id.as_str(), outcome == "duplicate", "{shown}");
        let memory = world.get(answer["id"].as_str().unwrap());
        assert_eq!(memory["version"], answer["version"], "{shown}");
    }
}

#[test]
fn what_a_duplicate_fills_is_kept() {
    let world = World::new();
    let id = world.keep(json!({"text": "use tabs", "tags": ["style"], "source": {"session": "s"}}));
    let answer =
        world.ok("remember", json!({"text": "use tabs", "tags": ["go"], "pinned": true, "source": {"message": "m"}}));
    assert_eq!((answer["outcome"].as_str(), answer["version"].as_u64()), (Some("duplicate"), Some(2)));
    let memory = world.get(&id);
    assert_eq!(memory["tags"], json!(["go", "style"]));
    assert_eq!(memory["source"], json!({"session": "s", "message": "m"}));
    assert_eq!(memory["pinned"], true);
    assert_eq!(world.ok("remember", json!({"text": "use tabs"}))["version"], 2, "nothing to fill writes nothing");
}

#[test]
fn a_key_is_held_by_the_latest() {
    let world = World::new();
    let old = world.keep(json!({"text": "the port is 5432", "key": "port"}));
    let answer = world.ok("remember", json!({"text": "the port is 5433", "key": "port"}));
    assert_eq!(answer["other"], old.as_str());
    assert_eq!(world.get(&old)["superseded_by"], answer["id"]);
    assert_eq!(world.recall(json!({"query": "port"})), ["the port is 5433"]);
    let both = world.recall(json!({"query": "port", "include_superseded": true}));
    assert_eq!(both.len(), 2);
    // The slot is per namespace.
    world.keep(json!({"text": "the port is 80", "key": "port", "namespace": "work/web"}));
    assert_eq!(world.recall(json!({"query": "port"})), ["the port is 5433"]);
    // Saying the old thing again without its key is not the superseded one.
    world.ok("remember", json!({"text": "the port is 5432"}));
    assert_eq!(world.recall(json!({"query": "5432"})), ["the port is 5432"]);
}

#[test]
fn m01_nothing_is_stored_of_what_is_refused() {
    let long = "x".repeat(70_000);
    let tags: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    let bad = [
        ("text", json!({"text": ""})),
        ("text", json!({"text": " \n "})),
        ("text", json!({"text": "a\u{0}b"})),
        ("text", json!({"text": long})),
        ("text", json!({})),
        ("kind", json!({"text": "a", "kind": "wisdom"})),
        ("key", json!({"text": "a", "key": ""})),
        ("key", json!({"text": "a", "key": "k".repeat(257)})),
        ("title", json!({"text": "a", "title": "t".repeat(513)})),
        ("tags", json!({"text": "a", "tags": tags})),
        ("tags", json!({"text": "a", "tags": ["t".repeat(129)]})),
        ("tags", json!({"text": "a", "tags": [""]})),
        ("importance", json!({"text": "a", "importance": 1.5})),
        ("confidence", json!({"text": "a", "confidence": -0.1})),
        ("pinned", json!({"text": "a", "pinned": "yes"})),
        ("source.agent", json!({"text": "a", "source": {"agent": "a".repeat(5000)}})),
        ("source.uri", json!({"text": "a", "source": {"uri": ""}})),
        ("source.span", json!({"text": "a", "source": {"span": [9, 3]}})),
        ("created_at", json!({"text": "a", "created_at": "yesterday-ish"})),
        ("expires_at", json!({"text": "a", "expires_at": "2026-13-01"})),
        ("valid_to", json!({"text": "a", "valid_from": "2026-02-01", "valid_to": "2026-01-01"})),
        ("namespace", json!({"text": "a", "namespace": "../etc"})),
        ("expires_in", json!({"text": "a", "expires_in": "3d"})),
        ("idempotency_key", json!({"text": "a", "idempotency_key": ""})),
    ];
    let world = World::new();
    for (field, input) in &bad {
        let error = world.err("remember", input.clone());
        assert_eq!(error.code, Code::BadInput, "{field}: {error:?}");
        assert!(error.message.contains(field), "{field}: {error:?}");
        assert!(error.message.len() < 400, "{field}: {} bytes", error.message.len());
    }
    assert_eq!(world.changes(), 0);
    assert_eq!(world.ok("namespace_list", json!({}))["namespaces"], json!([]));
    world.keep(json!({"text": "a"}));
}

#[test]
fn every_field_comes_back_as_it_was_sent() {
    let world = World::new();
    let sent = json!({
        "text": "  Keep\tthe  white space\n\nand  Ünïcode 日本 ", "kind": "procedure", "key": "k/ey", "title": "A title",
        "tags": ["b", "a"], "importance": 0.25, "confidence": 1.0, "pinned": true,
        "source": {"agent": "a", "client": "codex", "session": "s", "message": "m", "uri": "file:x", "span": [3, 9]},
        "created_at": "2025-01-02T03:04:05Z", "valid_from": "2025-01-01", "valid_to": "2025-12-31T00:00:00Z",
        "expires_at": "2030-01-01T00:00:00Z", "namespace": "work/acme",
    });
    let id = world.keep(sent.clone());
    let memory = world.get(&id);
    for (field, value) in sent.as_object().unwrap() {
        let expected = match field.as_str() {
            "tags" => json!(["a", "b"]),
            "valid_from" => json!("2025-01-01T00:00:00Z"),
            _ => value.clone(),
        };
        assert_eq!(memory[field], expected, "{field}");
    }
}

#[test]
fn a_key_can_be_taken_given_up_and_given_back() {
    let world = World::new();
    let shown = || {
        let mut all = world.list(json!({}));
        all.sort();
        all
    };
    let a = world.keep(json!({"text": "a", "key": "slot"}));
    let b = world.keep(json!({"text": "b"}));
    let c = world.keep(json!({"text": "c", "key": "slot"}));
    assert_eq!(shown(), ["b", "c"]);
    // The one created later gives its key up: the earlier one holds the slot again.
    world.ok("update", json!({"id": c, "clear": ["key"]}));
    assert_eq!(shown(), ["a", "b", "c"]);
    world.ok("update", json!({"id": b, "key": "slot"}));
    assert_eq!(shown(), ["b", "c"], "b was created after a");
    // A claim by an older memory supersedes nobody who came later (no circles), and takes the slot.
    world.ok("update", json!({"id": a, "text": "a again", "key": "other"}));
    world.ok("update", json!({"id": a, "key": "slot"}));
    assert_eq!(world.ok("status", json!({}))["memories"].as_u64().unwrap(), shown().len() as u64);
    assert!(shown().contains(&"a again".to_owned()), "{:?}", shown());
    world.ok("move", json!({"id": a, "to": "far"}));
    assert_eq!(shown(), ["b", "c"], "a slot is per namespace");
    world.ok("purge", json!({"ids": [b]}));
    assert_eq!(shown(), ["c"]);
}

#[test]
fn what_is_over_is_no_earlier_one() {
    let world = World::new();
    let old = world.keep(json!({"text": "gate code 12", "expires_at": "2026-05-02"}));
    world.steps.clock.advance(3 * jay_types::time::DAY);
    let fresh = world.keep(json!({"text": "gate code 12"}));
    assert_ne!(old, fresh);
    world.ok("undo", json!({}));
    assert_ne!(world.keep(json!({"text": "gate code 12"})), fresh);
}

#[test]
fn what_has_expired_already_is_said() {
    let world = World::new();
    let answer = world.ok("remember", json!({"text": "a", "expires_at": "2020-01-01"}));
    assert_eq!(answer["reason"], "expired already at 2020-01-01T00:00:00Z: it is shown with include_expired only");
    let answer = world.ok("remember", json!({"text": "b", "expires_at": "2099-01-01"}));
    assert_eq!(answer["reason"], Value::Null);
    let past = world.ok("update", json!({"id": answer["id"], "expires_at": "2020-01-01"}));
    assert_eq!(past["notes"][0], "expired already at 2020-01-01T00:00:00Z: it is shown with include_expired only");
}
