//! Get, list and history.

use super::*;

#[test]
fn a_memory_is_named_by_either_end_of_its_id() {
    let world = World::new();
    let ids: Vec<String> = (0..3).map(|n| world.keep(json!({"text": format!("memory {n}")}))).collect();
    let id = &ids[1];
    let plain = id.replace('-', "");
    for name in [
        id.clone(),
        id.to_uppercase(),
        plain.clone(),
        plain[26..].to_owned(),
        plain[20..].to_owned(),
        id[30..].to_owned(),
        plain[..31].to_owned(),
    ] {
        assert_eq!(world.get(&name)["text"], "memory 1", "{name}");
    }
    // Made within seconds of each other, they begin alike.
    let error = world.err("get", json!({"ids": [plain[..6]]}));
    assert_eq!(error.code, Code::Ambiguous);
    let mut candidates: Vec<&str> =
        error.details["candidates"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    candidates.sort_unstable();
    assert_eq!(candidates, ids);
    for (name, code) in [
        ("abcde", Code::BadInput),
        ("not-an-id", Code::BadInput),
        ("ffffffffffff", Code::NotFound),
        ("%%%%%%", Code::BadInput),
    ] {
        assert_eq!(world.err("get", json!({"ids": [name]})).code, code, "{name}");
    }
    assert_eq!(world.err("get", json!({"ids": []})).code, Code::BadInput);
    let several = world.ok("get", json!({"ids": [ids[2], ids[0]]}));
    assert_eq!(texts(&several["memories"]), ["memory 2", "memory 0"], "in the order asked for");
}

#[test]
fn get_says_what_became_of_a_memory() {
    let world = World::new();
    let gone = world.keep(json!({"text": "gone"}));
    world.ok("forget", json!({"ids": [gone]}));
    let error = world.err("get", json!({"ids": [gone]}));
    assert_eq!(error.code, Code::Forgotten);
    assert!(error.hint.unwrap().contains("jay unforget"));
    assert_eq!(world.ok("get", json!({"ids": [gone], "include_forgotten": true}))["memories"][0]["forgotten"], true);
    assert_eq!(world.err_by(&agent(), "get", json!({"ids": [gone], "include_forgotten": true})).code, Code::Refused);
    assert_eq!(world.err_by(&agent(), "history", json!({"id": gone})).code, Code::Forgotten);

    let moved = world.keep(json!({"text": "moved"}));
    let there = world.ok("move", json!({"id": moved, "to": "there"}));
    let answer = world.ok("get", json!({"ids": [moved]}));
    assert_eq!(answer["memories"][0]["id"], there["id"]);
    assert_eq!(answer["memories"][0]["namespace"], "there");
    assert!(answer["notes"][0].as_str().unwrap().contains("was moved"));

    let old = world.keep(json!({"text": "one", "key": "k"}));
    let new = world.keep(json!({"text": "two", "key": "k"}));
    assert_eq!(world.ok("get", json!({"ids": [old]}))["notes"], json!([format!("{old} is superseded by {new}")]));
}

#[test]
fn pages_are_stable_while_others_write() {
    let world = World::new();
    let memories: Vec<Value> = (0..25).map(|n| json!({"text": format!("note {n}")})).collect();
    world.ok("remember_batch", json!({"memories": memories}));
    let mut seen = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = world.ok("list", json!({"limit": 10, "cursor": cursor}));
        seen.extend(texts(&page["memories"]));
        world.keep(json!({"text": format!("came in between {}", seen.len())}));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|n| format!("note {n}")).collect();
    assert_eq!(seen, expected);
    for cursor in ["", "x", "1-2-3", "g-1"] {
        assert_eq!(world.err("list", json!({"cursor": cursor})).code, Code::BadInput, "{cursor}");
    }
    for limit in [0, 501] {
        assert_eq!(world.err("list", json!({"limit": limit})).code, Code::BadInput);
    }
}

#[test]
fn history_tells_every_change_with_its_author() {
    let world = World::new();
    let id = world.keep(json!({"text": "first line\nsecond line", "tags": ["a"]}));
    world.by(&agent(), "update", json!({"id": id, "text": "first line\nother line"}));
    world.ok("update", json!({"id": id, "importance": 0.5}));
    world.ok("forget", json!({"ids": [id], "reason": "wrong"}));
    world.ok("unforget", json!({"id": id}));
    let changes = world.ok("history", json!({"id": id, "diff": true}))["changes"].clone();
    assert_eq!(strings(&changes, "operation"), ["create", "update", "update", "forget", "unforget"]);
    let actors = strings(&changes, "actor");
    assert!(actors[0].contains("ann") && actors[1].contains("claude"), "{actors:?}");
    assert_eq!(changes[1]["diff"], " first line\n-second line\n+other line\n");
    assert_eq!(changes[1]["fields"], json!(["text"]));
    assert_eq!(changes[2]["values"], json!({"importance": 0.5}));
    assert!(changes[2].get("text").is_none() && changes[2].get("diff").is_none());
    let times = strings(&changes, "at");
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    assert!(world.ok("history", json!({"id": id}))["changes"][1].get("diff").is_none());
}

#[test]
fn a_cursor_is_good_for_its_own_list_alone() {
    let world = World::new();
    for i in 0..3 {
        world.keep(json!({"text": format!("memory {i}"), "tags": ["x"]}));
        let row = |message: &str| {
            json!({"session": format!("s-00000{i}"), "message": message, "role": "user", "text": "a"}).to_string()
        };
        let file = world.home.write(format!("s{i}.jsonl"), format!("{}\n{}\n", row("m1"), row("m2")));
        let cli = Caller { door: Door::Cli, ..world.me.clone() };
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
    }
    let next = |op: &str, input: Value| world.ok(op, input)["next"].as_str().unwrap().to_owned();
    let memories = next("list", json!({"limit": 1, "tags": ["x"]}));
    let sessions = next("session_list", json!({"limit": 1}));
    let messages = next("session_show", json!({"session": "s-000000", "limit": 1}));
    world.ok("list", json!({"limit": 2, "tags": ["x"], "cursor": memories}));
    world.ok("session_list", json!({"limit": 2, "cursor": sessions}));
    world.ok("session_show", json!({"session": "s-000000", "cursor": messages}));
    let tampered = format!("0{memories}");
    for (op, input) in [
        ("list", json!({"cursor": memories})),
        ("list", json!({"tags": ["x"], "namespace": "work/other", "cursor": memories})),
        ("list", json!({"tags": ["x"], "cursor": tampered})),
        ("list", json!({"tags": ["x"], "cursor": sessions})),
        ("session_list", json!({"cursor": memories})),
        ("session_list", json!({"client": "generic", "cursor": sessions})),
        ("session_show", json!({"session": "s-000001", "cursor": messages})),
        ("session_show", json!({"session": "s-000000", "cursor": "1"})),
    ] {
        let error = world.err(op, input.clone());
        assert_eq!((error.code, error.hint.is_some()), (Code::BadInput, true), "{op} {input}: {error:?}");
    }
}

#[test]
fn what_is_still_to_come_cannot_be_asked_for() {
    let world = World::new();
    let id = world.keep(json!({"text": "the port is 5432"}));
    for as_of in ["pos:999999", "2099-01-01"] {
        for (op, input) in [
            ("recall", json!({"query": "port", "as_of": as_of})),
            ("list", json!({"as_of": as_of})),
            ("get", json!({"ids": [id], "as_of": as_of})),
        ] {
            let error = world.err(op, input);
            assert!(error.code == Code::BadInput && error.message.starts_with("`as_of`: "), "{op}: {error:?}");
        }
    }
}

#[test]
fn before_the_first_change_nothing_was_here() {
    let world = World::new();
    world.keep(json!({"text": "the port is 5432"}));
    for as_of in ["1999-01-01", "pos:0"] {
        let recalled = world.ok("recall", json!({"query": "port", "as_of": as_of}));
        let said = recalled["notes"][0].as_str().unwrap().to_owned();
        assert!(said.starts_with("nothing was here at that moment: the first change came at 20"), "{said}");
        assert_eq!(world.ok("list", json!({"as_of": as_of}))["notes"][0], json!(said));
    }
    assert_eq!(world.ok("list", json!({"as_of": "pos:1"})).get("notes"), None);
}

#[test]
fn a_time_that_is_none_is_refused_by_the_name_of_its_field() {
    let world = World::new();
    let id = world.keep(json!({"text": "the port is 5432"}));
    for (op, field, input) in [
        ("recall", "since", json!({"query": "port", "since": "once"})),
        ("list", "until", json!({"until": "once"})),
        ("session_search", "since", json!({"query": "port", "since": "once"})),
        ("session_list", "until", json!({"until": "99999999999999w"})),
        ("get", "as_of", json!({"ids": [id], "as_of": "once"})),
        ("list", "as_of", json!({"as_of": "pos:x"})),
        ("revert", "to", json!({"id": id, "to": "once"})),
    ] {
        let error = world.err(op, input);
        assert!(error.code == Code::BadInput && error.message.starts_with(&format!("`{field}`: `")), "{op}: {error:?}");
    }
}
