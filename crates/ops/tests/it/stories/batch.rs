//! A batch is one act: all or nothing, an answer per item.

use super::*;

#[test]
fn a_thousand_are_one_act_with_an_answer_each() {
    let world = World::new();
    let memories: Vec<Value> = (0..1000).map(|n| json!({"text": format!("fact number {n} of the batch")})).collect();
    let input = json!({"memories": memories});
    let results = world.ok("remember_batch", input.clone())["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 1000);
    assert!(results.iter().all(|result| result["outcome"] == "created" && result["version"] == 1));
    let commits = world.engine.group_counts();
    assert_eq!(commits.1, 1, "{commits:?}");
    let change = |n: usize| world.ok("history", json!({"id": results[n]["id"]}))["changes"][0].clone();
    let (first, last) = (change(0), change(999));
    assert_eq!(first["at"], last["at"]);
    assert_eq!(last["pos"].as_u64().unwrap() - first["pos"].as_u64().unwrap(), 999);
    let again = world.ok("remember_batch", input)["results"].as_array().unwrap().clone();
    for (result, repeat) in results.iter().zip(&again) {
        assert_eq!((&repeat["outcome"], &repeat["id"]), (&json!("duplicate"), &result["id"]));
    }
    // Undo takes the act back, all of it.
    let undone = world.ok("undo", json!({}));
    assert_eq!(undone["memories"].as_array().unwrap().len(), 1000);
    assert_eq!(world.list(json!({})), [""; 0]);
}

#[test]
fn what_stands_twice_in_a_batch_is_one_memory() {
    let world = World::new();
    let results = world.ok(
        "remember_batch",
        json!({"memories": [
            {"text": "the port is 5432", "key": "port"},
            {"text": "tea at four"},
            {"text": " tea at  four", "tags": ["ritual"], "title": "Tea"},
            {"text": "tea at four", "title": "Coffee"},
            {"text": "the port is 5433", "key": "port"},
            {"text": "tea at four", "namespace": "home"},
            {"text": "tea at four", "namespace": "home"},
        ]}),
    )["results"]
        .clone();
    let outcomes = strings(&results, "outcome");
    assert_eq!(
        outcomes,
        ["created", "created", "duplicate", "created", "created", "created", "duplicate"],
        "{results}"
    );
    assert_eq!(results[2]["id"], results[1]["id"]);
    assert_eq!(results[4]["other"], results[0]["id"]);
    assert_eq!(results[6]["id"], results[5]["id"]);
    assert_eq!(strings(&results, "namespace")[5..], ["home", "home"]);
    let tea = world.get(results[1]["id"].as_str().unwrap());
    assert_eq!(
        (&tea["title"], &tea["tags"], &tea["version"]),
        (&json!("Tea"), &json!(["ritual"]), &results[2]["version"])
    );
    assert_eq!(world.recall(json!({"query": "port"})), ["the port is 5433"]);
}

#[test]
fn m01_one_bad_item_stores_nothing_and_is_named() {
    let world = World::new();
    world.ok("namespace_set", json!({"path": "strict", "secrets": "refuse"}));
    let gone = world.keep(json!({"text": "never again", "namespace": "strict"}));
    world.ok("forget", json!({"ids": [gone]}));
    let before = world.changes();
    let bad = [
        (json!({"text": "x", "valid_from": "2026-02-01", "valid_to": "2026-01-01"}), Code::BadInput),
        (json!({"text": "x", "source": {"agent": " "}}), Code::BadInput),
        (json!({"text": "aws key AKIAIOSFODNN7EXAMPLE", "namespace": "strict"}), Code::Refused),
        (json!({"text": "never  again", "namespace": "strict"}), Code::Forgotten),
    ];
    for (item, code) in bad {
        let error =
            world.err("remember_batch", json!({"memories": [{"text": "good one"}, {"text": "good two"}, item]}));
        assert_eq!((error.code, &error.details["index"]), (code, &json!(2)), "{error:?}");
        assert!(error.message.starts_with("item 2: "), "{error:?}");
    }
    let error = world.err("remember_batch", json!({"memories": [{"text": "good"}, {"text": ""}]}));
    assert!(error.message.contains("memories[1]"), "{error:?}");
    let too_many: Vec<Value> = (0..1001).map(|n| json!({"text": format!("n{n}")})).collect();
    for memories in [json!([]), json!(too_many)] {
        assert_eq!(world.err("remember_batch", json!({"memories": memories})).code, Code::BadInput);
    }
    assert_eq!(world.changes(), before);
    assert_eq!(world.list(json!({"all": true})), [""; 0]);
}
