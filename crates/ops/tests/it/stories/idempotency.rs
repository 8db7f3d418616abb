//! Sending a write twice: the first answer again, nothing written; the same key with other input is a conflict.

use super::*;

#[test]
fn every_writing_operation_replays_its_first_answer() {
    let world = World::new().keeping("bot=1d");
    let session = world
        .home
        .write("s.jsonl", "{\"session\":\"s-000001\",\"message\":\"m1\",\"role\":\"user\",\"text\":\"hello\"}\n");
    let repository = jay_testkit::Repository::new(&world.home.work_dir().join("lantern"));
    repository.commit("lamp.rs", "fn turn() {}\n", "Lamp: it turns", "2026-03-01T10:00:00Z");
    let repository = repository.path();
    let notes = world.home.write("notes/one.md", "# One\nwords\n");
    let a = world.keep(json!({"text": "alpha", "tags": ["x"]}));
    let dot = world.ok("history", json!({"id": a}))["changes"][0]["dot"].clone();
    let b = world.keep(json!({"text": "beta"}));
    let c = world.keep(json!({"text": "gamma"}));
    let doomed = world.keep(json!({"text": "doomed words"}));
    for path in ["n/one", "n/two", "n/three", "n/four"] {
        world.keep(json!({"text": "there", "namespace": path}));
    }
    // In this order: each is a state from which the next can be written; `other` is other input for the same key.
    let writes = [
        ("remember", json!({"text": "delta"}), json!({"text": "epsilon"})),
        ("remember_batch", json!({"memories": [{"text": "zeta"}]}), json!({"memories": [{"text": "eta"}]})),
        ("update", json!({"id": a, "text": "alpha two", "if_version": 1}), json!({"id": a, "text": "alpha three"})),
        ("revert", json!({"id": a, "to": dot}), json!({"id": a, "to": "pos:4"})),
        ("link", json!({"from": a, "to": b}), json!({"from": b, "to": a})),
        ("unlink", json!({"from": a, "to": b}), json!({"from": b, "to": a})),
        ("feedback", json!({"id": a, "verdict": "useful"}), json!({"id": a, "verdict": "noise"})),
        ("forget", json!({"ids": [b]}), json!({"ids": [a]})),
        ("unforget", json!({"id": b}), json!({"id": a})),
        ("undo", json!({}), json!({"dry_run": false})),
        ("move", json!({"id": c, "to": "n/five"}), json!({"id": c, "to": "n/six"})),
        ("namespace_set", json!({"path": "n/one", "secrets": "allow"}), json!({"path": "n/one", "secrets": "refuse"})),
        ("namespace_alias", json!({"path": "n/one", "alias": "n/uno"}), json!({"path": "n/one", "alias": "n/eins"})),
        ("namespace_rename", json!({"from": "n/two", "to": "n/zwei"}), json!({"from": "n/two", "to": "n/due"})),
        ("namespace_merge", json!({"from": "n/three", "into": "n/one"}), json!({"from": "n/three", "into": "n/four"})),
        ("namespace_delete", json!({"path": "n/four"}), json!({"path": "n/one"})),
        ("purge", json!({"ids": [doomed]}), json!({"ids": [a]})),
        ("docs_add", json!({"path": notes}), json!({"path": notes, "namespace": "n/one"})),
        ("docs_remove", json!({"path": notes}), json!({"path": notes, "namespace": "n/one"})),
        (
            "session_sync",
            json!({"clients": ["generic"], "path": session}),
            json!({"clients": ["codex"], "path": session}),
        ),
        (
            "session_erase",
            json!({"session": "s-000001", "purge": true}),
            json!({"session": "s-000001", "purge": true, "dry_run": true}),
        ),
        ("git_ingest", json!({"repository": repository}), json!({"repository": repository, "all": true})),
        (
            "session_append",
            json!({"client": "bot", "session": "s", "messages": [{"role": "user", "text": "a", "at": "2020-05-01T10:00:00Z"}]}),
            json!({"client": "bot", "session": "s", "messages": [{"role": "user", "text": "b"}]}),
        ),
        ("session_retention", json!({"purge": true}), json!({"purge": true, "dry_run": true})),
    ];
    let named: Vec<&str> = writes.iter().map(|(op, ..)| *op).collect();
    for spec in jay_ops::ALL.iter().filter(|spec| spec.access.writes()) {
        assert!(named.contains(&spec.name), "{} has no story of being sent twice", spec.name);
    }
    let mut faults = Vec::new();
    for (op, mut input, mut other) in writes {
        // Files of the machine are read for the command line only.
        let door = if matches!(op, "session_sync" | "git_ingest" | "docs_add") { Door::Cli } else { Door::Web };
        let caller = Caller { door, ..world.me.clone() };
        input["idempotency_key"] = "k1".into();
        other["idempotency_key"] = "k1".into();
        let before = world.changes();
        let first = world.by(&caller, op, input.clone());
        let after = world.changes();
        if after == before {
            faults.push(format!("{op} wrote nothing: {first}"));
        }
        match world.ask(&caller, op, input) {
            Ok(again) if again == first => {}
            Ok(again) => faults.push(format!("{op} answered {first}, then {again}")),
            Err(error) => faults.push(format!("{op} sent again: {error:?}")),
        }
        match world.ask(&caller, op, other) {
            Err(error) if error.code == Code::Conflict && error.message.contains("idempotency") => {}
            answer => faults.push(format!("{op} with other input: {answer:?}")),
        }
        if world.changes() != after {
            faults.push(format!("{op} sent again wrote {} changes", world.changes() - after));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_key_is_kept_for_a_week_and_refused_writes_do_not_take_it() {
    let world = World::new();
    let input = json!({"text": "alpha", "idempotency_key": "k"});
    assert_eq!(
        world
            .err(
                "remember",
                json!({"text": "a", "valid_from": "2026-02-01", "valid_to": "2026-01-01", "idempotency_key": "k"})
            )
            .code,
        Code::BadInput
    );
    let first = world.ok("remember", input.clone());
    assert_eq!(world.ok("remember", input.clone()), first);
    world.steps.clock.advance(8 * jay_types::time::DAY);
    assert_eq!(world.ok("remember", input)["outcome"], "duplicate");
    // Spelled differently it is the same input; for another operation the key is another.
    let spelled = world.ok("remember", json!({"idempotency_key": "q", "tags": ["t"], "text": "beta"}));
    assert_eq!(
        world.ok("remember", json!({"text": "beta", "title": null, "tags": ["t"], "idempotency_key": "q"})),
        spelled
    );
    world.ok("forget", json!({"ids": [spelled["id"]], "idempotency_key": "q"}));
}

#[test]
fn a_replay_does_not_depend_on_what_happened_since() {
    let world = World::new();
    let text = "the key is AKIAQ3EXAMPLE7BZKJ2T";
    let remember = json!({"text": text, "idempotency_key": "k"});
    let batch = json!({"memories": [{"text": text, "kind": "fact"}], "idempotency_key": "k"});
    let first = world.ok("remember", remember.clone());
    let second = world.ok("remember_batch", batch.clone());
    let update = json!({"id": first["id"], "text": "other words", "idempotency_key": "k"});
    let third = world.ok("update", update.clone());
    world.ok("namespace_set", json!({"path": "work/acme/api", "secrets": "refuse"}));
    world.ok("forget", json!({"ids": [first["id"], second["results"][0]["id"]]}));
    assert_eq!(world.ok("remember", remember), first);
    assert_eq!(world.ok("remember_batch", batch), second);
    assert_eq!(world.ok("update", update.clone()), third);
    world.ok("purge", json!({"ids": [first["id"]]}));
    assert_eq!(world.ok("update", update), third);
}

#[test]
fn the_same_words_in_another_namespace_are_another_write() {
    let world = World::new();
    let there = someone("ann", ActorKind::Person, Door::Web, "work/other");
    for (op, input) in [
        ("remember", json!({"text": "idem", "idempotency_key": "k"})),
        ("remember_batch", json!({"memories": [{"text": "idem too"}], "idempotency_key": "k"})),
    ] {
        let first = world.ok(op, input.clone());
        assert_eq!(world.ok(op, input.clone()), first, "{op}");
        let error = world.err_by(&there, op, input.clone());
        assert_eq!((error.code, error.message.contains("idempotency")), (Code::Conflict, true), "{op}: {error:?}");
        // Named in the input, it is the same from everywhere.
        let mut named = input;
        named["idempotency_key"] = "k2".into();
        if op == "remember" {
            named["namespace"] = "work/other".into();
            let first = world.ok(op, named.clone());
            assert_eq!((&first["namespace"], &world.by(&there, op, named)), (&json!("work/other"), &first));
        }
    }
}
