//! Undo: the caller's last act, as far as it still stands.

use super::*;

/// The texts of everything that is shown, sorted.
fn shown(world: &World) -> Vec<String> {
    let mut all = world.list(json!({"all": true}));
    all.sort();
    all
}

#[test]
fn each_kind_of_act_is_taken_back() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp", "tags": ["a"], "importance": 0.5}));
    let other = world.keep(json!({"text": "other", "key": "k"}));
    let acts = [
        ("update", json!({"id": id, "text": "torch", "title": "T"})),
        ("update", json!({"id": id, "tags": ["b"]})),
        ("update", json!({"id": id, "add_tags": ["c"], "remove_tags": ["a"], "importance": 0.9, "pinned": true})),
        ("update", json!({"id": id, "clear": ["importance"], "key": "z", "kind": "fact"})),
        ("remember", json!({"text": "fresh"})),
        ("remember", json!({"text": "takes the key", "key": "k"})),
        ("remember", json!({"text": "lamp", "tags": ["filled"], "title": "Filled"})),
        (
            "remember_batch",
            json!({"memories": [{"text": "one"}, {"text": "two"}, {"text": "two", "title": "T"}, {"text": "lamp", "tags": ["q"]}]}),
        ),
        ("forget", json!({"ids": [id, other]})),
        ("link", json!({"from": id, "to": other})),
        ("feedback", json!({"id": id, "verdict": "noise"})),
        ("move", json!({"id": id, "to": "far/away"})),
    ];
    let state = |id: &str| {
        let mut memory = world.get(id);
        for field in ["version", "updated_at"] {
            memory.as_object_mut().unwrap().remove(field);
        }
        memory
    };
    for (op, input) in acts {
        let before = (state(&id), state(&other), shown(&world));
        world.ok(op, input.clone());
        let mut plan = world.ok("undo", json!({"dry_run": true}));
        assert_eq!(plan.as_object_mut().unwrap().remove("planned"), Some(json!(true)));
        let undone = world.ok("undo", json!({}));
        assert_eq!(plan, undone, "{op} {input}: a dry run says what the run does");
        assert_eq!((state(&id), state(&other), shown(&world)), before, "{op} {input}");
        let version = world.get(&id)["version"].clone();
        for memory in undone["memories"].as_array().unwrap().iter().filter(|memory| memory["id"] == id.as_str()) {
            assert_eq!(memory["version"], version, "{op} {input}");
        }
    }
}

#[test]
fn undo_goes_further_back_each_time_and_stays_with_its_actor() {
    let world = World::new();
    assert_eq!(world.err("undo", json!({})).code, Code::NotFound);
    let id = world.keep(json!({"text": "one"}));
    world.ok("update", json!({"id": id, "text": "two"}));
    world.by(&agent(), "remember", json!({"text": "the agent's"}));
    world.ok("update", json!({"id": id, "text": "three"}));
    world.ok("undo", json!({}));
    assert_eq!(world.get(&id)["text"], "two");
    world.ok("undo", json!({}));
    assert_eq!(world.get(&id)["text"], "one");
    world.ok("undo", json!({}));
    assert_eq!(shown(&world), ["the agent's"]);
    assert_eq!(world.err("undo", json!({})).code, Code::NotFound);
    // A fresh act is the next to be undone.
    world.keep(json!({"text": "four"}));
    world.ok("undo", json!({}));
    assert_eq!(shown(&world), ["the agent's"]);
    world.by(&agent(), "undo", json!({}));
    assert_eq!(shown(&world), [""; 0]);
    assert_eq!(world.err_by(&agent(), "undo", json!({})).code, Code::NotFound);
    // What was undone can be said again.
    world.keep(json!({"text": "one"}));
}

#[test]
fn what_somebody_changed_since_is_a_conflict() {
    let world = World::new();
    let id = world.keep(json!({"text": "one", "tags": ["a"]}));
    world.ok("update", json!({"id": id, "text": "two"}));
    world.by(&agent(), "update", json!({"id": id, "text": "three"}));
    let before = (world.get(&id), world.changes());
    let error = world.err("undo", json!({}));
    assert_eq!(error.code, Code::Conflict);
    assert!(error.message.contains("`text`"), "{error:?}");
    assert_eq!((world.get(&id), world.changes()), before);
    // Another field is no conflict.
    let id = world.keep(json!({"text": "lamp", "tags": ["a", "b"]}));
    world.ok("update", json!({"id": id, "text": "torch", "remove_tags": ["b"]}));
    world.by(&agent(), "update", json!({"id": id, "importance": 0.5, "remove_tags": ["a"]}));
    world.ok("undo", json!({}));
    let memory = world.get(&id);
    assert_eq!((&memory["text"], &memory["importance"]), (&json!("lamp"), &json!(0.5)));
    assert_eq!(memory["tags"], json!(["b"]), "what the agent took away since stays away");
}

#[test]
fn forget_is_undone_by_a_person_only_and_purge_by_nobody() {
    let world = World::new();
    let id = world.by(&agent(), "remember", json!({"text": "lamp"}))["id"].clone();
    world.by(&agent(), "forget", json!({"ids": [id]}));
    assert_eq!(world.err_by(&agent(), "undo", json!({})).code, Code::Refused);
    assert_eq!(shown(&world), [""; 0]);
    let mine = world.keep(json!({"text": "torch"}));
    world.ok("forget", json!({"ids": [mine]}));
    world.ok("undo", json!({}));
    assert_eq!(shown(&world), ["torch"]);
    world.ok("remember", json!({"text": "torch", "tags": ["t"]}));
    world.ok("purge", json!({"ids": [mine]}));
    let error = world.err("undo", json!({}));
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("purge"), "{error:?}");
    world.ok("namespace_set", json!({"path": "x", "secrets": "allow"}));
    assert_eq!(world.err("undo", json!({})).code, Code::Refused);
}

#[test]
fn an_undone_wording_that_was_forgotten_meanwhile_does_not_come_back() {
    let world = World::new();
    let id = world.keep(json!({"text": "the codeword is pelican"}));
    let other = world.by(&agent(), "remember", json!({"text": "the codeword is pelican", "source": {"message": "2"}}))
        ["id"]
        .clone();
    world.ok("update", json!({"id": id, "text": "nothing"}));
    world.by(&agent(), "forget", json!({"ids": [other]}));
    let answer = world.ask(&world.me, "undo", json!({}));
    assert_eq!(world.recall(json!({"query": "pelican"})), [""; 0], "{answer:?}");
}

#[test]
fn an_unforget_is_taken_back_too() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    world.ok("forget", json!({"ids": [id]}));
    world.ok("unforget", json!({"id": id}));
    world.ok("undo", json!({}));
    assert_eq!(world.recall(json!({"query": "lamp"})), [""; 0]);
    assert_eq!(world.err("remember", json!({"text": "lamp"})).code, Code::Forgotten);
    world.ok("unforget", json!({"id": id}));
    world.keep(json!({"text": "torch", "namespace": "a"}));
    world.keep(json!({"text": "candle", "namespace": "b"}));
    world.ok("namespace_merge", json!({"from": "a", "into": "b"}));
    let error = world.err("undo", json!({}));
    assert_eq!(error.code, Code::Refused, "{error:?}");
    assert_eq!(world.list(json!({"namespace": "b"})).len(), 2, "half a merge is never taken back");
}

#[test]
fn undo_in_a_namespace_leaves_the_other_projects_alone() {
    let world = World::new();
    world.keep(json!({"text": "a", "namespace": "pa"}));
    let b = world.keep(json!({"text": "b", "namespace": "pb"}));
    // Known already: no act was made, and the undo that follows says what it takes back instead.
    assert_eq!(world.ok("remember", json!({"text": "a", "namespace": "pa"}))["outcome"], "duplicate");
    let plan = world.ok("undo", json!({"dry_run": true}));
    assert_eq!((&plan["operation"], &plan["namespaces"]), (&json!("create"), &json!(["pb"])), "{plan}");
    assert_eq!(
        plan["memories"][0],
        json!({"id": b, "namespace": "pb", "effect": "retired", "version": 2, "changed": true, "text": "b"})
    );
    let undone = world.ok("undo", json!({"namespace": "pa"}));
    assert_eq!((&undone["namespaces"], &undone["memories"][0]["text"]), (&json!(["pa"]), &json!("a")), "{undone}");
    assert_eq!(shown(&world), ["b"]);
    let error = world.err("undo", json!({"namespace": "pa"}));
    assert_eq!(error.code, Code::NotFound);
    assert!(error.message.contains("in pa") && error.hint.unwrap().contains("another namespace"));
    assert_eq!(world.err("undo", json!({"namespace": "nowhere"})).code, Code::NotFound);
    // A move touches both ends.
    world.ok("move", json!({"id": b, "to": "pc"}));
    world.keep(json!({"text": "d", "namespace": "pd"}));
    let undone = world.ok("undo", json!({"namespace": "pc"}));
    assert_eq!((&undone["operation"], &undone["namespaces"]), (&json!("move"), &json!(["pb", "pc"])));
    let mut effects = strings(&undone["memories"], "effect");
    effects.sort();
    assert_eq!(effects, ["put_back", "retired"]);
    assert_eq!(world.list(json!({"namespace": "pb"})), ["b"]);
}

#[test]
fn agents_of_one_name_do_not_undo_in_each_others_projects() {
    let world = World::new();
    let other = Caller { namespace: NamespacePath::parse("work/other").unwrap(), ..agent() };
    for door in [Door::Mcp, Door::Http] {
        let (here, there) = (Caller { door, ..agent() }, Caller { door, ..other.clone() });
        world.by(&here, "remember", json!({"text": "mine"}));
        world.by(&there, "remember", json!({"text": "theirs"}));
        world.by(&here, "undo", json!({}));
        assert_eq!(shown(&world), ["theirs"]);
        assert_eq!(world.err_by(&here, "undo", json!({})).code, Code::NotFound);
        // What it wrote into a namespace above is its own; another one must be named.
        world.by(&here, "remember", json!({"text": "for all", "namespace": "global"}));
        world.by(&here, "undo", json!({}));
        world.by(&here, "undo", json!({"namespace": "work/other"}));
        assert_eq!(shown(&world), [""; 0]);
    }
}

#[test]
fn a_used_key_is_a_conflict_for_a_dry_run_too() {
    let world = World::new();
    world.keep(json!({"text": "one"}));
    world.keep(json!({"text": "two"}));
    world.ok("undo", json!({"idempotency_key": "k"}));
    assert_eq!(world.err("undo", json!({"idempotency_key": "k", "dry_run": true})).code, Code::Conflict);
    let plan = world.ok("undo", json!({"idempotency_key": "fresh", "dry_run": true}));
    assert_eq!((&plan["planned"], &plan["memories"][0]["text"]), (&json!(true), &json!("one")));
    world.ok("undo", json!({"idempotency_key": "fresh2"}));
}

#[test]
fn undo_tells_no_agent_what_a_forgotten_memory_says() {
    let world = World::new();
    let id = world.by(&agent(), "remember", json!({"text": "the codeword is pelican"}))["id"].clone();
    world.by(&agent(), "update", json!({"id": id, "tags": ["x"]}));
    world.ok("forget", json!({"ids": [id]}));
    let answer = world.ask(&agent(), "undo", json!({}));
    assert!(!format!("{answer:?}").contains("pelican"), "{answer:?}");
}
