//! Namespaces: names, aliases, merging, deleting, policy.

use super::*;

fn paths(world: &World) -> Vec<String> {
    strings(&world.ok("namespace_list", json!({}))["namespaces"], "path")
}

#[test]
fn a_rename_takes_memories_and_history_along() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp", "namespace": "old/place"}));
    world.ok("namespace_rename", json!({"from": "old/place", "to": "new/place"}));
    assert_eq!(paths(&world), ["new/place"]);
    assert_eq!(world.get(&id)["namespace"], "new/place");
    assert_eq!(world.list(json!({"namespace": "new/place"})), ["lamp"]);
    assert_eq!(world.ok("history", json!({"id": id}))["changes"].as_array().unwrap().len(), 1);
    // A directory or a .jay.toml that is named so still means it, until its name is taken away.
    assert_eq!(world.list(json!({"namespace": "old/place"})), ["lamp"]);
    assert_eq!(world.ok("namespace_show", json!({"path": "old/place"}))["aliases"], json!(["old/place"]));
    assert_eq!(world.ok("remember", json!({"text": "torch", "namespace": "old/place"}))["namespace"], "new/place");
    world.ok("namespace_rename", json!({"from": "new/place", "to": "old/place"}));
    assert_eq!(world.ok("namespace_show", json!({"path": "new/place"}))["aliases"], json!(["new/place"]), "and back");
    world.ok("namespace_rename", json!({"from": "old/place", "to": "new/place"}));
    world.ok("namespace_alias", json!({"path": "new/place", "alias": "old/place", "remove": true}));
    assert_eq!(world.err("namespace_show", json!({"path": "old/place"})).code, Code::NotFound);
    world.keep(json!({"text": "other", "namespace": "old/place"}));
    assert_eq!(world.err("namespace_rename", json!({"from": "old/place", "to": "new/place"})).code, Code::Conflict);
    assert_eq!(world.err("namespace_rename", json!({"from": "nowhere", "to": "x"})).code, Code::NotFound);
    assert_eq!(world.err("namespace_rename", json!({"from": "old/place", "to": "a//b"})).code, Code::BadInput);
    assert_eq!(world.err_by(&agent(), "namespace_rename", json!({"from": "old/place", "to": "x"})).code, Code::Refused);
}

#[test]
fn an_alias_means_the_namespace() {
    let world = World::new();
    world.keep(json!({"text": "lamp", "namespace": "work/acme"}));
    world.ok("namespace_alias", json!({"path": "work/acme", "alias": "acme"}));
    assert_eq!(world.ok("remember", json!({"text": "lamp", "namespace": "acme"}))["outcome"], "duplicate");
    let answer = world.ok("remember", json!({"text": "torch", "namespace": "acme"}));
    assert_eq!(answer["namespace"], "work/acme");
    assert_eq!(world.list(json!({"namespace": "acme"})).len(), 2);
    assert_eq!(world.ok("namespace_show", json!({"path": "acme"}))["aliases"], json!(["acme"]));
    world.keep(json!({"text": "x", "namespace": "taken"}));
    assert_eq!(world.err("namespace_alias", json!({"path": "work/acme", "alias": "taken"})).code, Code::Conflict);
    assert_eq!(
        world.err("namespace_alias", json!({"path": "work/acme", "alias": "none", "remove": true})).code,
        Code::NotFound
    );
    world.ok("namespace_alias", json!({"path": "work/acme", "alias": "acme", "remove": true}));
    assert_eq!(world.list(json!({"namespace": "acme"})), [""; 0]);
}

#[test]
fn a_merged_path_leads_to_the_target() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp", "namespace": "a"}));
    let old = world.keep(json!({"text": "port 1", "namespace": "a", "key": "port"}));
    world.keep(json!({"text": "port 2", "namespace": "a", "key": "port"}));
    world.keep(json!({"text": "torch", "namespace": "b"}));
    let gone = world.keep(json!({"text": "gone", "namespace": "a"}));
    world.ok("forget", json!({"ids": [gone]}));
    let plan = world.ok("namespace_merge", json!({"from": "a", "into": "b", "dry_run": true}));
    assert_eq!(world.list(json!({"namespace": "a"})).len(), 2);
    let merged = world.ok("namespace_merge", json!({"from": "a", "into": "b"}));
    assert_eq!(merged["moved"], plan["moved"]);
    assert_eq!(merged["into"]["path"], "b");
    assert_eq!(merged["into"]["memories"], 3);
    assert_eq!(paths(&world), ["b"]);
    for path in ["a", "b"] {
        let mut texts = world.list(json!({"namespace": path}));
        texts.sort();
        assert_eq!(texts, ["lamp", "port 2", "torch"], "{path}");
    }
    assert_eq!(world.get(&id)["namespace"], "b");
    assert_eq!(world.ok("remember", json!({"text": "from now on", "namespace": "a"}))["namespace"], "b");
    // What was superseded stays so, and what was forgotten stays forgotten (m06).
    assert!(world.get(&old)["superseded_by"].is_string());
    let again = world.ask(&world.me, "remember", json!({"text": "gone", "namespace": "a"}));
    assert_eq!(again.unwrap_err().code, Code::Forgotten);
    assert_eq!(world.err("namespace_merge", json!({"from": "a", "into": "b"})).code, Code::BadInput);
    assert_eq!(world.err("namespace_merge", json!({"from": "zzz", "into": "b"})).code, Code::NotFound);
}

#[test]
fn a_deleted_namespace_is_out_of_sight_and_its_path_free() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp", "namespace": "a"}));
    assert_eq!(world.ok("namespace_delete", json!({"path": "a", "dry_run": true})), json!({"path": "a", "retired": 1}));
    assert_eq!(world.list(json!({"namespace": "a"})), ["lamp"]);
    assert_eq!(world.ok("namespace_delete", json!({"path": "a"})), json!({"path": "a", "retired": 1}));
    assert_eq!(paths(&world), [""; 0]);
    assert_eq!(world.list(json!({"all": true})), [""; 0]);
    assert_eq!(world.get(&id)["retired"], true);
    assert_eq!(world.err("namespace_show", json!({"path": "a"})).code, Code::NotFound);
    world.keep(json!({"text": "lamp", "namespace": "a"}));
    assert_eq!(world.list(json!({"namespace": "a"})), ["lamp"]);
    assert_eq!(world.err_by(&agent(), "namespace_delete", json!({"path": "a"})).code, Code::Refused);
}

#[test]
fn remotes_and_policy_are_set() {
    let world = World::new();
    let made = world.ok(
        "namespace_set",
        json!({"path": "work/acme", "secrets": "refuse", "add_remotes": ["git@github.com:Acme/API.git"]}),
    );
    assert_eq!((&made["secrets"], &made["remotes"]), (&json!("refuse"), &json!(["github.com/Acme/API"])));
    // A clone's path is known by its remote.
    assert_eq!(
        world.ok("remember", json!({"text": "x", "namespace": "github.com/Acme/API"}))["namespace"],
        "work/acme"
    );
    let less =
        world.ok("namespace_set", json!({"path": "work/acme", "remove_remotes": ["https://github.com/Acme/API"]}));
    assert_eq!((&less["secrets"], &less["remotes"]), (&json!("refuse"), &json!([])));
    let before = world.changes();
    for bad in [
        json!({"path": "p"}),
        json!({"path": "p", "secrets": "maybe"}),
        json!({"path": "p", "add_remotes": ["not a remote"]}),
    ] {
        assert_eq!(world.err("namespace_set", bad).code, Code::BadInput);
    }
    assert_eq!(world.changes(), before);
    let shown = world.ok("namespace_show", json!({"path": "work/acme"}));
    assert_eq!((&shown["memories"], &shown["private"]), (&json!(1), &json!(false)));
    world.keep(json!({"text": "x", "namespace": "private/diary"}));
    let shown = |path: &str| {
        let shown = world.ok("namespace_show", json!({"path": path}));
        (shown["private"].clone(), shown["aliases"].clone())
    };
    assert_eq!(shown("private/diary"), (json!(true), json!([])));
    world.ok("namespace_rename", json!({"from": "private/diary", "to": "private/log"}));
    assert_eq!(shown("private/log"), (json!(true), json!(["private/diary"])));
    world.ok("namespace_rename", json!({"from": "private/log", "to": "log"}));
    assert_eq!(shown("log"), (json!(false), json!([])), "no name that it had keeps it private");
    world.ok("namespace_alias", json!({"path": "log", "alias": "private/log"}));
    assert_eq!(shown("log"), (json!(true), json!(["private/log"])), "an alias makes it private, and it says so");
}

#[test]
fn an_earlier_day_shows_the_path_of_that_day() {
    let world = World::new();
    let id = world.keep(json!({"text": "the lamp is blue", "namespace": "old/name"}));
    let then = world.now();
    world.steps.clock.tick();
    world.ok("namespace_rename", json!({"from": "old/name", "to": "new/name"}));
    for (as_of, path) in [(Some(then), "old/name"), (None, "new/name")] {
        let with = |mut input: Value| {
            if let Some(as_of) = &as_of {
                input["as_of"] = as_of.as_str().into();
            }
            input
        };
        assert_eq!(world.ok("get", with(json!({"ids": [id]})))["memories"][0]["namespace"], path);
        // It is asked for by the name that it has today.
        let list = with(json!({"namespace": "new/name"}));
        assert_eq!(world.ok("list", list)["memories"][0]["namespace"], path);
        let recall = with(json!({"query": "lamp", "namespace": "new/name"}));
        assert_eq!(world.ok("recall", recall)["hits"][0]["namespace"], path);
    }
}
