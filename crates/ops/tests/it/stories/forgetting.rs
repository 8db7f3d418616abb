//! Forget and unforget (m06): what was forgotten stays forgotten, whichever way it comes.

use super::*;

#[test]
fn m06_an_equal_text_is_refused_on_every_way_in() {
    let world = World::new();
    let id = world.keep(json!({"text": "the codeword is Pelican"}));
    let other = world.keep(json!({"text": "something else"}));
    world.ok("update", json!({"id": other, "text": "the codeword is  Pelican"}));
    world.ok("update", json!({"id": other, "text": "something new"}));
    let elsewhere = world.keep(json!({"text": "the codeword is Pelican", "namespace": "elsewhere"}));
    world.ok("forget", json!({"ids": [id]}));
    let dot = world.ok("history", json!({"id": other}))["changes"][1]["dot"].clone();
    let again = "the  codeword\tis Pelican";
    let before = world.changes();
    for (op, input) in [
        ("remember", json!({"text": again})),
        ("remember", json!({"text": again, "kind": "fact", "key": "k"})),
        ("remember_batch", json!({"memories": [{"text": "fine"}, {"text": again}]})),
        ("update", json!({"id": other, "text": again})),
        ("revert", json!({"id": other, "to": dot})),
        ("move", json!({"id": elsewhere, "to": "work/acme/api"})),
    ] {
        for caller in [&world.me, &agent()] {
            let error = world.err_by(caller, op, input.clone());
            assert_eq!(error.code, Code::Forgotten, "{op} {input}: {error:?}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("jay unforget")), "{error:?}");
            assert!(!error.message.contains("Pelican"), "{error:?}");
        }
    }
    assert_eq!(world.changes(), before);
    // The other namespace keeps its own, and a different wording is another text.
    assert_eq!(world.recall(json!({"query": "pelican", "namespace": "elsewhere"})).len(), 1);
    world.keep(json!({"text": "the codeword is Heron"}));
    assert_eq!(world.recall(json!({"query": "codeword"})), ["the codeword is Heron"]);
}

#[test]
fn m06_an_earlier_day_does_not_show_agents_what_was_forgotten_since() {
    let world = World::new();
    let id = world.keep(json!({"text": "the codeword is pelican"}));
    world.keep(json!({"text": "the codeword is long"}));
    let then = world.now();
    world.steps.clock.advance(jay_types::time::DAY);
    world.ok("forget", json!({"ids": [id]}));
    let as_of = |caller: &Caller, op: &str| {
        let mut input = json!({"as_of": then});
        if op == "recall" {
            input["query"] = "codeword".into();
        }
        let answer = world.by(caller, op, input);
        texts(&answer[if op == "recall" { "hits" } else { "memories" }]).len()
    };
    for op in ["recall", "list"] {
        assert_eq!((as_of(&agent(), op), as_of(&world.me, op)), (1, 2), "{op}");
    }
    let input = json!({"ids": [id], "as_of": then});
    assert_eq!(world.err_by(&agent(), "get", input.clone()).code, Code::Forgotten);
    world.ok("get", input);
}

#[test]
fn forget_is_for_all_and_unforget_for_people() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    let answer = world.by(&agent(), "forget", json!({"ids": [id, id], "reason": "wrong"}));
    assert_eq!(answer["memories"].as_array().unwrap().len(), 1);
    assert_eq!(world.ok("forget", json!({"ids": [id]}))["memories"][0]["changed"], false);
    assert_eq!(world.recall(json!({"query": "lamp"})), [""; 0]);
    for caller in [
        agent(),
        someone("ann", ActorKind::Person, Door::Mcp, "work/acme/api"),
        someone("ann", ActorKind::Person, Door::Http, "work/acme/api"),
        someone("bot", ActorKind::Agent, Door::Cli, "work/acme/api"),
    ] {
        assert_eq!(world.err_by(&caller, "unforget", json!({"id": id})).code, Code::Refused, "{caller:?}");
    }
    // An edit does not clear it.
    assert_eq!(world.err("update", json!({"id": id, "tags": ["x"]})).code, Code::Forgotten);
    assert_eq!(world.ok("unforget", json!({"id": id}))["changed"], true);
    assert_eq!(world.ok("unforget", json!({"id": id}))["changed"], false);
    assert_eq!(world.recall(json!({"query": "lamp"})), ["lamp"]);
    assert_eq!(world.ok("remember", json!({"text": "lamp"}))["outcome"], "duplicate");
}

#[test]
fn m01_one_unknown_id_forgets_nothing() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    assert_eq!(world.err("forget", json!({"ids": [id, "ffffffff"]})).code, Code::NotFound);
    assert_eq!(world.recall(json!({"query": "lamp"})), ["lamp"]);
}

#[test]
fn forgetting_the_holder_of_a_key_empties_the_slot() {
    let world = World::new();
    let old = world.keep(json!({"text": "port 5432", "key": "port"}));
    let new = world.keep(json!({"text": "port 5433", "key": "port"}));
    world.ok("forget", json!({"ids": [new]}));
    assert_eq!(world.recall(json!({"query": "port"})), [""; 0], "the earlier holder does not come back");
    assert_eq!(world.get(&old)["superseded_by"], new.as_str());
    world.ok("unforget", json!({"id": new}));
    assert_eq!(world.recall(json!({"query": "port"})), ["port 5433"]);
}

#[test]
fn equal_texts_from_before_the_forget_are_hidden_with_it() {
    let world = World::new();
    let a = world.keep(json!({"text": "lamp", "source": {"message": "1"}}));
    world.keep(json!({"text": "lamp", "source": {"message": "2"}}));
    world.ok("forget", json!({"ids": [a]}));
    assert_eq!(world.list(json!({})), [""; 0]);
    world.ok("unforget", json!({"id": a}));
    assert_eq!(world.list(json!({})), ["lamp", "lamp"]);
}

#[test]
fn a_merge_brings_no_forgotten_text_back() {
    let world = World::new();
    let in_two = world.keep(json!({"text": "never again", "namespace": "t2"}));
    world.ok("forget", json!({"ids": [in_two]}));
    world.keep(json!({"text": "never  again", "namespace": "t1", "title": "T"}));
    world.keep(json!({"text": "lamp", "namespace": "t1"}));
    let plan = world.ok("namespace_merge", json!({"from": "t1", "into": "t2", "dry_run": true}));
    let merged = world.ok("namespace_merge", json!({"from": "t1", "into": "t2"}));
    assert_eq!((&merged["moved"], &plan["moved"]), (&json!(2), &json!(2)));
    assert_eq!(merged["notes"], json!(["1 of them stays hidden: an equal text was forgotten in t2"]), "{merged}");
    for path in ["t1", "t2"] {
        assert_eq!(world.list(json!({"namespace": path})), ["lamp"]);
        assert_eq!(world.recall(json!({"query": "never again", "namespace": path})), [""; 0]);
        assert_eq!(world.err("remember", json!({"text": "never again", "namespace": path})).code, Code::Forgotten);
    }
    // A person brings back first what was forgotten there, then what came with the merge.
    world.ok("unforget", json!({"id": in_two}));
    let hint = world.err("remember", json!({"text": "never again", "namespace": "t2"})).details["id"].clone();
    world.ok("unforget", json!({"id": hint}));
    assert_eq!(world.list(json!({"namespace": "t2"})).len(), 3);
}

#[test]
fn a_text_that_was_forgotten_in_a_deleted_namespace_is_not_taken_at_its_path() {
    let world = World::new();
    let gone = world.keep(json!({"text": "never again", "namespace": "t3"}));
    world.ok("namespace_alias", json!({"path": "t3", "alias": "three"}));
    world.ok("forget", json!({"ids": [gone]}));
    world.ok("namespace_delete", json!({"path": "t3"}));
    // Also in the act that makes the namespace anew, and by its other name.
    for path in ["t3", "three"] {
        for _ in 0..2 {
            let error = world.err("remember", json!({"text": "never again", "namespace": path}));
            assert_eq!((error.code, &error.details["id"]), (Code::Forgotten, &json!(gone)), "{path}");
            world.ok("remember", json!({"text": "something else", "namespace": path}));
        }
    }
    let elsewhere = world.keep(json!({"text": "never again", "namespace": "t4"}));
    assert_eq!(world.err("move", json!({"id": elsewhere, "to": "t3"})).code, Code::Forgotten);
    world.ok("unforget", json!({"id": gone}));
    world.keep(json!({"text": "never again", "namespace": "t3"}));
    // What was merged elsewhere is asked for there.
    let merged = world.keep(json!({"text": "gone too", "namespace": "t5"}));
    world.keep(json!({"text": "lamp", "namespace": "t6"}));
    world.ok("forget", json!({"ids": [merged]}));
    world.ok("namespace_merge", json!({"from": "t5", "into": "t6"}));
    let copy = world.err("remember", json!({"text": "gone too", "namespace": "t5"})).details["id"].clone();
    world.ok("unforget", json!({"id": copy}));
    assert_eq!(world.ok("remember", json!({"text": "gone too", "namespace": "t5"}))["id"], copy);
}
