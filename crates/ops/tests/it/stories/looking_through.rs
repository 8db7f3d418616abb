//! Searches that go through the messages: what tools were asked and answered, and regular expressions; the order of hits and
//! their pages.

use super::sessions::{lay_out, lay_out_more, said, sync_generic};
use super::*;

fn search(world: &World, input: Value) -> Value {
    world.ok("session_search", input)
}

fn ids(answer: &Value) -> Vec<String> {
    strings(&answer["hits"], "message")
}

/// A message with a call of a tool and what it answered.
fn worked(session: &str, message: &str, at: &str, command: &str, output: &str) -> Value {
    json!({"session": session, "message": message, "role": "assistant", "at": at, "parts": [
        {"type": "text", "text": "I look at it.", "provenance": "conversational"},
        {"type": "reasoning", "text": "a hunch about gaskets"},
        {"type": "tool_call", "id": "c1", "name": "shell", "input": {"command": command}},
        {"type": "tool_result", "id": "c1", "name": "shell", "output": output}]})
}

fn world() -> World {
    let world = World::new();
    sync_generic(
        &world,
        &[
            said("s1", "m1", "user", "2026-05-01T10:00:00Z", "why does the lantern fail"),
            worked(
                "s1",
                "m2",
                "2026-05-01T10:01:00Z",
                "cargo build",
                "error[E0308]: mismatched types\n  --> lantern.rs:7",
            ),
            worked("s2", "m3", "2026-05-02T10:00:00Z", "cargo build", "error[E0382]: use of moved value"),
            worked("s2", "m4", "2026-05-03T10:00:00Z", "cargo test lantern", "test result: ok. 12 passed"),
            said("s3", "m5", "user", "2026-05-04T10:00:00Z", "cargo is a word of mine"),
            json!({"session": "s3", "message": "m6", "role": "assistant", "parts": [
                {"type": "tool_call", "id": "c9", "name": "read", "input": {"path": "Cargo.toml"}}]}),
        ],
    );
    world
}

#[test]
fn tools_are_looked_in_where_that_is_asked_for() {
    let world = world();
    let found = search(&world, json!({"query": "cargo build", "in": "tools"}));
    assert_eq!((ids(&found), &found["matched"]), (vec!["m3".to_owned(), "m2".to_owned()], &json!(2)), "{found}");
    assert_eq!((&found["searchable"], &found["looked_at"], &found["has_more"]), (&json!(6), &json!(6), &json!(false)));
    let hit = &found["hits"][0];
    assert_eq!((&hit["found_in"], &hit["tool"]), (&json!("tool_call"), &json!("shell")), "{hit}");
    assert_eq!(ids(&search(&world, json!({"query": "moved VALUE", "in": "tools"}))), ["m3"]);
    let output = search(&world, json!({"query": "\"mismatched types\"", "in": "tools"}));
    assert_eq!((&output["hits"][0]["found_in"], &output["hits"][0]["message"]), (&json!("tool_result"), &json!("m2")));
    assert_eq!(ids(&search(&world, json!({"query": "\"types mismatched\"", "in": "tools"}))), [""; 0]);
    let all = search(&world, json!({"query": "cargo", "in": "all"}));
    assert_eq!(ids(&all), ["m5", "m4", "m3", "m2", "m6"], "the one that tells no time comes last");
    assert_eq!(ids(&search(&world, json!({"query": "cargo"}))), ["m5"], "by default only what was said");
    assert_eq!(ids(&search(&world, json!({"query": "gaskets", "in": "tools"}))), [""; 0]);
    let thought = search(&world, json!({"query": "gaskets", "in": "all", "limit": 1}));
    assert_eq!(
        (&thought["hits"][0]["found_in"], &thought["has_more"]),
        (&json!("reasoning"), &json!(true)),
        "{thought}"
    );
}

#[test]
fn filters_and_orders_hold_where_messages_are_gone_through() {
    let world = world();
    let found = |input: Value| ids(&search(&world, input));
    assert_eq!(found(json!({"query": "cargo", "in": "tools", "sort": "oldest"})), ["m2", "m3", "m4", "m6"]);
    assert_eq!(found(json!({"query": "cargo", "in": "tools", "session": "s1"})), ["m2"]);
    assert_eq!(found(json!({"query": "cargo", "in": "all", "role": "user"})), ["m5"]);
    assert_eq!(found(json!({"query": "cargo", "in": "tools", "since": "2026-05-02", "until": "2026-05-03"})), ["m3"]);
    assert_eq!(found(json!({"query": "cargo", "in": "tools", "group": "session"})), ["m4", "m2", "m6"]);
    let error = world.err("session_search", json!({"query": "cargo", "in": "tools", "sort": "relevance"}));
    assert!(error.code == Code::BadInput && error.hint.is_some(), "{error:?}");
    for nothing in ["", "\"\"", " * "] {
        let answer = world.ask(&world.me, "session_search", json!({"query": nothing, "in": "tools"}));
        assert!(answer.as_ref().map_or(true, |answer| answer["hits"] == json!([])), "{nothing:?}: {answer:?}");
    }
}

#[test]
fn an_expression_is_looked_for() {
    let world = world();
    let found = search(&world, json!({"query": r"E0\d{3}", "regex": true, "in": "tools"}));
    assert_eq!(ids(&found), ["m3", "m2"]);
    assert!(found["hits"][0]["text"].as_str().unwrap().contains("E0382"));
    assert_eq!(ids(&search(&world, json!({"query": "^why .* fail$", "regex": true}))), ["m1"], "in what was said");
    let error = world.err("session_search", json!({"query": "(", "regex": true}));
    assert!(
        error.code == Code::BadInput && error.message.starts_with("`query`: is no regular expression"),
        "{error:?}"
    );
}

#[test]
fn a_secret_is_no_hit() {
    let world = World::new();
    let key = concat!("sk-ant-", "api03-", "Zx9Qw7Er5Ty3Ui1Op8As6Df4Gh2Jk0Lz");
    sync_generic(&world, &[worked("s1", "m1", "2026-05-01", "env", &format!("KEY={key} and more"))]);
    let found = search(&world, json!({"query": "and more", "in": "tools"}));
    assert!(found["hits"][0]["text"].as_str().unwrap().contains("[secret:"), "{found}");
    for asked in [json!({"query": key, "in": "tools"}), json!({"query": "Zx9Q[a-z]7", "regex": true, "in": "all"})] {
        assert_eq!(ids(&search(&world, asked.clone())), [""; 0], "{asked}");
    }
}

/// Every page after the other.
fn pages(world: &World, input: &Value) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut input = input.clone();
        input["cursor"] = cursor;
        let page = search(world, input);
        all.extend(ids(&page));
        cursor = page["next"].clone();
        if cursor.is_null() {
            return all;
        }
    }
}

#[test]
fn pages_are_the_whole_and_nothing_twice() {
    let world = World::new();
    let rows: Vec<Value> = (0..30)
        .map(|n| {
            let (session, at) = (format!("talk-{}", n % 5), format!("2026-05-{:02}T10:00:00Z", n / 2 + 1));
            let mut row = worked(&session, &format!("m{n:02}"), &at, &format!("make lamp {n}"), "done");
            row["parts"][0]["text"] = json!(format!("the lamp {n} is lit"));
            row
        })
        .collect();
    sync_generic(&world, &rows);
    for input in [
        json!({"query": "make lamp", "in": "tools"}),
        json!({"query": "make lamp", "in": "tools", "sort": "oldest"}),
        json!({"query": "lamp", "in": "all", "group": "session"}),
        json!({"query": "lamp"}),
        json!({"query": "lamp", "sort": "newest"}),
        json!({"query": "\"the lamp\"", "group": "session"}),
    ] {
        let whole = ids(&search(
            &world,
            [&input, &json!({"limit": 100})].into_iter().fold(json!({}), |mut all, some| {
                all.as_object_mut().unwrap().extend(some.as_object().unwrap().clone());
                all
            }),
        ));
        let expected = if input["group"] == "session" { 5 } else { 30 };
        assert_eq!(whole.len(), expected, "{input}");
        for limit in [1, 4, 7] {
            let mut paged = input.clone();
            paged["limit"] = json!(limit);
            assert_eq!(pages(&world, &paged), whole, "{input} by {limit}");
        }
    }
    let newest = ids(&search(&world, json!({"query": "lamp", "sort": "newest", "limit": 2})));
    assert!(newest.iter().all(|id| ["m28", "m29"].contains(&id.as_str())), "{newest:?}");
    let next = search(&world, json!({"query": "lamp", "limit": 2}))["next"].clone();
    for other in [json!({"query": "lit", "cursor": next}), json!({"query": "lamp", "cursor": "5-x"})] {
        assert_eq!(world.err("session_search", other.clone()).code, Code::BadInput, "{other}");
    }
}

#[test]
fn sessions_that_tell_no_time_are_paged_too() {
    let world = World::new();
    let row = |session: usize, message: usize| json!({"session": format!("s{session}"), "message": format!("s{session}-{message}"), "role": "user", "text": "a pear"});
    let rows: Vec<Value> = (0..4).flat_map(|session| (0..3).map(move |message| row(session, message))).collect();
    sync_generic(&world, &rows);
    for limit in [1, 2, 3] {
        let input = json!({"query": "pear", "in": "all", "group": "session", "limit": limit});
        let mut sessions: Vec<String> = pages(&world, &input).iter().map(|id| id[..2].to_owned()).collect();
        sessions.sort();
        assert_eq!(sessions, ["s0", "s1", "s2", "s3"], "{limit} at a time");
    }
}

#[test]
fn of_a_phrase_it_is_said_how_far_it_was_looked_for() {
    let world = World::new();
    let mut rows: Vec<Value> = (0..250)
        .map(|n| said("s1", &format!("m{n}"), "user", "2026-05-01T10:00:00Z", &format!("beta alpha {n}")))
        .collect();
    let long = "filler of many words ".repeat(60);
    rows.push(said("s2", "n1", "user", "2026-05-01T10:00:00Z", &format!("{long} alpha beta {long}")));
    sync_generic(&world, &rows);
    let answer = search(&world, json!({"query": "\"alpha beta\""}));
    let notes = answer["notes"].to_string();
    assert!(notes.contains("of 251 messages") && notes.contains("--in all"), "{answer}");
    assert_eq!(
        answer["matched"],
        answer["hits"].as_array().unwrap().len(),
        "only what has the phrase counts: {answer}"
    );
    assert_eq!(ids(&search(&world, json!({"query": "\"alpha beta\"", "in": "all"}))), ["n1"]);
    let few = search(&world, json!({"query": "\"beta alpha 7\""}));
    assert_eq!((&few["matched"], ids(&few)), (&json!(1), vec!["m7".to_owned()]), "{few}");
}

#[test]
fn of_every_client_a_tool_is_found() {
    let world = World::new();
    lay_out(&world);
    lay_out_more(&world);
    world.ok("session_sync", json!({}));
    let found = search(&world, json!({"query": ".", "regex": true, "in": "tools", "limit": 200}));
    let clients: std::collections::BTreeSet<String> = strings(&found["hits"], "client").into_iter().collect();
    assert!(clients.len() > 12, "{clients:?}");
    assert_eq!(found["looked_at"], found["searchable"]);
    assert_eq!(found["matched"], found["hits"].as_array().unwrap().len());
}
