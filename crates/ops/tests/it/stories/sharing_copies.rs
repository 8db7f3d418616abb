//! What two machines remembered apart is one memory (J9): what reads, changes and destroys it.

use super::sharing::{at_hand, machine, two};
use super::*;
use serde_json::json;

/// What two machines remembered before they heard of each other's.
fn remembered_twice(first: Value, second: Value) -> (tempfile::TempDir, World, World, [String; 2]) {
    let (shared, one, other) = two();
    let early = one.keep(json!({"text": "the namespace is shared", "namespace": "work/x"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    one.by(&at_hand(&one), "purge", json!({"ids": [early]}));
    other.steps.clock.advance(60 * jay_types::time::SECOND);
    let (early, late) = (one.keep(first), other.keep(second));
    for world in [&one, &other, &one, &other] {
        world.ok("sync", json!({}));
    }
    (shared, one, other, [early, late])
}

fn memory(text: &str, more: Value) -> Value {
    let mut memory = json!({"text": text, "namespace": "work/x"});
    memory.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    memory
}

#[test]
fn what_two_machines_remembered_apart_is_one_memory_on_both() {
    let text = "staging postgres listens on 5433";
    let (_shared, one, other, [early, late]) = remembered_twice(
        memory(text, json!({"tags": ["db"], "source": {"session": "s"}})),
        memory(text, json!({"tags": ["staging"], "title": "Port", "source": {"session": "s", "message": "m"}})),
    );
    for world in [&one, &other] {
        assert_eq!(world.list(json!({"all": true})), [text]);
        let hits = world.ok("recall", json!({"query": "postgres staging", "all": true}))["hits"].clone();
        assert_eq!(hits.as_array().unwrap().len(), 1, "{hits}");
        assert_eq!(hits[0]["id"], early, "{hits}");
        let got = world.ok("get", json!({"ids": [late, early]}));
        for memory in got["memories"].as_array().unwrap() {
            assert_eq!(memory["id"], early, "{got}");
            assert_eq!((&memory["title"], &memory["tags"]), (&json!("Port"), &json!(["db", "staging"])), "{got}");
            assert_eq!(memory["source"], json!({"session": "s", "message": "m"}), "{got}");
            assert!(memory.get("conflicts").is_none(), "{got}");
        }
        assert!(got["notes"][0].as_str().unwrap().contains("says the same"), "{got}");
        assert_eq!(world.ok("status", json!({}))["conflicts"], 0);
        let counted = world.ok("sql", json!({"query": "SELECT tags FROM memories"}));
        assert_eq!(counted["rows"], json!([[r#"["db","staging"]"#]]), "{counted}");
        assert!(world.ok("jobs_list", json!({}))["jobs"].to_string().matches("alias").count() == 0);
    }
    assert_eq!(one.ok("get", json!({"ids": [early]})), other.ok("get", json!({"ids": [early]})));
    let history = other.ok("history", json!({"id": late}));
    let creates: Vec<&Value> =
        history["changes"].as_array().unwrap().iter().filter(|change| change["operation"] == "create").collect();
    assert_eq!(creates.len(), 2, "{history}");
    assert_eq!((creates[0].get("alias"), &creates[1]["alias"]), (None, &json!(late)), "{history}");

    // It is written once: nothing more is said, whoever syncs.
    let before = (one.changes(), other.changes());
    for world in [&one, &other, &one] {
        world.ok("sync", json!({}));
    }
    assert_eq!((one.changes(), other.changes()), before);

    // What is written to the later one is written to the one.
    other.ok("update", json!({"id": late, "text": "staging postgres listens on 5434", "remove_tags": ["db"]}));
    for world in [&other, &one] {
        world.ok("sync", json!({}));
        let got = world.ok("get", json!({"ids": [late]}))["memories"][0].clone();
        assert_eq!((&got["text"], &got["tags"]), (&json!("staging postgres listens on 5434"), &json!(["staging"])));
        assert!(got.get("conflicts").is_none(), "{got}");
    }
    // Remembered again it is a duplicate of the one.
    let again = one.ok("remember", memory("staging postgres listens on 5434", json!({})));
    assert_eq!((&again["outcome"], &again["id"]), (&json!("duplicate"), &json!(early)));
}

#[test]
fn what_differs_in_a_field_stays_two() {
    for (first, second) in [
        (json!({"source": {"message": "a"}}), json!({"source": {"message": "b"}})),
        (json!({"title": "Port"}), json!({"title": "Another"})),
        (json!({}), json!({"kind": "fact"})),
        (json!({"importance": 0.5}), json!({"importance": 0.6})),
    ] {
        let (_shared, one, other, _) = remembered_twice(memory("alpha", first), memory("alpha", second));
        for world in [&one, &other] {
            assert_eq!(world.list(json!({"all": true})), ["alpha", "alpha"]);
        }
    }
}

#[test]
fn forgetting_and_purging_either_takes_both() {
    let (_shared, one, other, [early, late]) = remembered_twice(memory("alpha", json!({})), memory("alpha", json!({})));
    other.ok("forget", json!({"ids": [late]}));
    for world in [&other, &one] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"all": true})), Vec::<String>::new());
        assert_eq!(world.err("get", json!({"ids": [early]})).code, Code::Forgotten);
        assert_eq!(world.err("remember", memory("alpha", json!({}))).code, Code::Forgotten);
    }
    one.by(&at_hand(&one), "unforget", json!({"id": late}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"all": true})), ["alpha"]);
    }
    let purged = other.by(&at_hand(&other), "purge", json!({"ids": [late]}));
    let mut ids = vec![early, late];
    ids.sort();
    let mut gone: Vec<String> = serde_json::from_value(purged["memories"].clone()).unwrap();
    gone.sort();
    assert_eq!((gone, &purged["other_memories"]), (ids, &Value::Null), "{purged}");
    for world in [&other, &one] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"all": true})), Vec::<String>::new());
    }
}

#[test]
fn moved_or_deleted_neither_comes_to_light_again_and_an_undo_takes_back_ones_own() {
    let (_shared, one, other, [early, late]) = remembered_twice(memory("alpha", json!({})), memory("alpha", json!({})));
    let moved = one.ok("move", json!({"id": late, "to": "work/y"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"all": true})), ["alpha"]);
        for id in [&early, &late] {
            assert_eq!(world.ok("get", json!({"ids": [id]}))["memories"][0]["id"], moved["id"]);
        }
    }
    one.ok("undo", json!({}));
    assert_eq!(one.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(early));

    let (_shared, one, other, [early, late]) = remembered_twice(memory("beta", json!({})), memory("beta", json!({})));
    let undone = one.ok("undo", json!({}));
    assert_eq!(undone["memories"][0]["id"], json!(early), "{undone}");
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(world.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(late), "the other's is left");
    }
    other.by(&at_hand(&other), "namespace_delete", json!({"path": "work/x"}));
    assert_eq!(other.list(json!({"all": true})), Vec::<String>::new());
}

#[test]
fn an_undone_forget_brings_both_back_as_one_and_a_revert_reaches_what_either_said() {
    let (_shared, one, other, [early, late]) = remembered_twice(memory("alpha", json!({})), memory("alpha", json!({})));
    let me = at_hand(&one);
    one.by(&me, "forget", json!({"ids": [early]}));
    assert_eq!(one.err("get", json!({"ids": [late]})).code, Code::Forgotten);
    one.by(&me, "undo", json!({}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"all": true})), ["alpha"]);
        assert_eq!(world.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(early));
    }
    other.ok("update", json!({"id": late, "text": "beta", "tags": ["b"]}));
    one.ok("sync", json!({}));
    other.ok("sync", json!({}));
    one.ok("sync", json!({}));
    let history = one.ok("history", json!({"id": early}));
    let made = history["changes"].as_array().unwrap().iter().find(|change| change["alias"] == json!(late)).unwrap();
    one.ok("revert", json!({"id": late, "to": made["dot"]}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        let got = world.ok("get", json!({"ids": [early]}))["memories"][0].clone();
        assert_eq!((&got["text"], got.get("tags"), got.get("conflicts")), (&json!("alpha"), None, None), "{got}");
    }
}

#[test]
fn what_comes_back_on_the_machine_that_wrote_the_later_one_is_joined_with_the_next_sync() {
    let (_shared, one, other) = two();
    one.keep(json!({"text": "the namespace is shared", "namespace": "work/x"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    other.steps.clock.advance(60 * jay_types::time::SECOND);
    let (early, late) = (one.keep(memory("alpha", json!({}))), other.keep(memory("beta", json!({}))));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    other.ok("update", json!({"id": late, "text": "alpha"}));
    assert_eq!(other.ok("list", json!({"namespace": "work/x"}))["memories"].as_array().unwrap().len(), 3);
    let run = other.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(run["failed"], 0, "{run}");
    assert_eq!(other.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(early));
    // Two of one machine that come to say the same stay what they were made: two.
    let twice = other.keep(memory("gamma", json!({})));
    let third = other.keep(memory("delta", json!({})));
    other.ok("update", json!({"id": third, "text": "gamma"}));
    for world in [&other, &one, &other] {
        world.ok("sync", json!({}));
        for id in [&twice, &third] {
            assert_eq!(world.ok("get", json!({"ids": [id]}))["memories"][0]["id"], json!(id));
        }
    }
}

#[test]
fn three_machines_with_three_copies_have_one_memory() {
    let (_shared, one, other, [early, late]) =
        remembered_twice(memory("alpha", json!({"tags": ["a"]})), memory("alpha", json!({"tags": ["b"]})));
    let third = machine(23);
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    let url = one.ok("remote_list", json!({}))["remotes"][0]["url"].clone();
    third.by(&at_hand(&third), "remote_add", json!({"name": "home", "url": url}));
    third.ok("vault_join", json!({"code": code}));
    third.ok("sync", json!({"pull": true}));
    for world in [&one, &third, &other] {
        world.ok("sync", json!({}));
    }
    // Nobody syncs while each of them says it once more, the last two in other words and then in these.
    third.steps.clock.advance(120 * jay_types::time::SECOND);
    let last = third.keep(memory("something else", json!({"tags": ["c"]})));
    third.ok("update", json!({"id": last, "text": "alpha"}));
    for world in [&third, &one, &other, &third] {
        world.ok("sync", json!({}));
    }
    for world in [&one, &other, &third] {
        for id in [&early, &late, &last] {
            let got = world.ok("get", json!({"ids": [id]}))["memories"][0].clone();
            assert_eq!((&got["id"], &got["tags"]), (&json!(early), &json!(["a", "b", "c"])), "{got}");
        }
        let history = world.ok("history", json!({"id": early}))["changes"].clone();
        let said = history.as_array().unwrap().iter().filter(|change| change["fields"] == json!(["alias_of"])).count();
        assert_eq!(said, 2, "each of the two once: {history}");
        assert_eq!(world.ok("doctor", json!({"rebuild": true}))["healthy"], true);
    }
}

#[test]
fn a_merged_namespace_takes_them_along_as_one_memory() {
    let (_shared, one, other, [early, late]) =
        remembered_twice(memory("alpha", json!({"tags": ["a"]})), memory("alpha", json!({"tags": ["b"]})));
    one.keep(json!({"text": "the other namespace", "namespace": "work/y"}));
    let merged = one.by(&at_hand(&one), "namespace_merge", json!({"from": "work/x", "into": "work/y"}));
    assert_eq!(merged["moved"], 1, "{merged}");
    for world in [&one, &other] {
        world.ok("sync", json!({}));
        assert_eq!(world.list(json!({"namespace": "work/y"})).len(), 2);
        let of_either = [&early, &late].map(|id| world.ok("get", json!({"ids": [id]}))["memories"][0].clone());
        assert_eq!(of_either[0], of_either[1]);
        assert_eq!(of_either[0]["tags"], json!(["a", "b"]));
    }
}

#[test]
fn a_purge_by_who_did_not_know_the_other_copy_leaves_it_and_every_machine_says_so() {
    let (_shared, one, other) = two();
    one.keep(json!({"text": "the namespace is shared", "namespace": "work/x"}));
    for world in [&one, &other] {
        world.ok("sync", json!({}));
    }
    other.steps.clock.advance(60 * jay_types::time::SECOND);
    let early = one.keep(memory("alpha", json!({})));
    for world in [&one, &other] {
        world.ok("sync", json!({"push": true}));
    }
    let late = other.keep(memory("alpha", json!({})));
    other.ok("sync", json!({"push": true}));
    // The first machine has not heard of the later one.
    let purged = one.by(&at_hand(&one), "purge", json!({"ids": [early]}));
    assert_eq!((&purged["memories"], purged.get("other_memories")), (&json!([early]), None), "{purged}");
    // The second has them as one by now.
    let brought = other.ok("sync", json!({"pull": true}));
    assert_eq!(brought["notes"], json!([]), "{brought}");
    assert_eq!(other.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(early));
    one.ok("sync", json!({"push": true}));
    let told = other.ok("sync", json!({}));
    let notes = told["notes"].to_string();
    assert!(notes.contains(&format!("the memory {late} says the same as one that was purged")), "{told}");
    assert_eq!(other.ok("get", json!({"ids": [late]}))["memories"][0]["id"], json!(late), "nothing of it is lost");
    other.by(&at_hand(&other), "purge", json!({"ids": [late]}));
    for world in [&other, &one] {
        world.ok("sync", json!({}));
        assert!(!world.list(json!({"all": true})).contains(&"alpha".to_owned()));
    }
}
