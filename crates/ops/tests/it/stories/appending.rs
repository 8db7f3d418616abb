//! Messages of agents that keep no files.

use super::sessions::{cli, said};
use super::*;

const AGENT: &str = "lantern-bot";

fn append(world: &World, session: &str, messages: Value) -> Value {
    world.ok("session_append", json!({"client": AGENT, "session": session, "messages": messages}))
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["outcome"].as_str().unwrap()).collect()
}

fn shown(world: &World, session: &str) -> Vec<(String, String)> {
    let shown = world.ok("session_show", json!({"session": session}));
    let messages = shown["messages"].as_array().unwrap();
    let text = |message: &Value| message["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
    messages.iter().map(|m| (m["message"].as_str().unwrap().to_owned(), text(m))).collect()
}

#[test]
fn what_is_handed_in_is_a_session_like_any_other() {
    let world = World::new();
    let answer = world.ok(
        "session_append",
        json!({
            "client": AGENT, "session": "talk-000001", "project": "/home/mira/harbour", "title": "the lamp",
            "messages": [
                {"id": "m1", "role": "user", "text": "the lamp of the lighthouse is broken", "at": "2026-03-01T10:00:00Z", "author": "Mira"},
                {"id": "m2", "role": "assistant", "at": "2026-03-01T10:00:05Z", "parts": [
                    {"type": "text", "text": "I order a fresnel lens"},
                    {"type": "tool_call", "id": "c1", "name": "shop", "input": {"what": "lens"}}]},
            ],
        }),
    );
    assert_eq!((&answer["inserted"], outcomes(&answer)), (&json!(2), vec!["inserted", "inserted"]), "{answer}");
    let listed = world.ok("session_list", json!({"client": AGENT}))["sessions"].clone();
    assert_eq!(listed[0]["title"], "the lamp");
    assert_eq!(
        (&listed[0]["project"], &listed[0]["namespace"]),
        (&json!("/home/mira/harbour"), &json!("work/acme/api"))
    );
    assert_eq!(
        (&listed[0]["messages"], &listed[0]["ended_at"]),
        (&json!(2), &json!("2026-03-01T10:00:05Z")),
        "{listed}"
    );
    let found = world.ok("session_search", json!({"query": "fresnel", "client": AGENT}));
    assert_eq!((&found["hits"][0]["message"], &found["hits"][0]["client"]), (&json!("m2"), &json!(AGENT)), "{found}");
    let show = world.ok("session_show", json!({"session": "talk-000001"}));
    assert_eq!(
        (&show["messages"][0]["author"], &show["messages"][1]["parts"][1]["name"]),
        (&json!("Mira"), &json!("shop"))
    );

    // What comes later stands after it, and a title that comes later is the title.
    let later = json!({"client": AGENT, "session": "talk-000001", "title": "the new lens", "messages": [
        {"id": "m3", "role": "user", "text": "it has come"}]});
    world.ok("session_append", later);
    let ids: Vec<String> = shown(&world, "talk-000001").into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["m1", "m2", "m3"]);
    assert_eq!(world.ok("session_list", json!({}))["sessions"][0]["title"], "the new lens");
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
    assert_eq!(shown(&world, "talk-000001").len(), 3);
    world.ok("session_erase", json!({"session": "talk-000001", "purge": true}));
    let error = world.err(
        "session_append",
        json!({"client": AGENT, "session": "talk-000001", "messages": [{"role": "user", "text": "it has come"}]}),
    );
    assert_eq!(error.code, Code::Refused, "what was erased stays erased");
    assert_eq!(world.ok("session_list", json!({}))["sessions"], json!([]));
}

#[test]
fn what_is_sent_again_is_matched() {
    let world = World::new();
    let first = json!([
        {"id": "m1", "role": "user", "text": "one"},
        {"role": "user", "text": "yes"},
        {"role": "user", "text": "yes"},
        {"id": "m1", "role": "user", "text": "one"},
    ]);
    let answer = append(&world, "talk-000001", first.clone());
    assert_eq!(outcomes(&answer), ["inserted", "inserted", "inserted", "matched"], "{answer}");
    let changes = world.changes();
    assert_eq!(append(&world, "talk-000001", first)["matched"], 4);
    assert_eq!(world.changes(), changes, "nothing is written");
    // Some of it is new, and stands after the rest; times may be stamped anew.
    let more = json!([
        {"id": "m1", "role": "user", "text": "one", "at": "2026-03-01"},
        {"id": "m2", "role": "assistant", "text": "two"},
    ]);
    assert_eq!(outcomes(&append(&world, "talk-000001", more)), ["matched", "inserted"]);
    let texts: Vec<String> = shown(&world, "talk-000001").into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "yes", "yes", "two"]);
    // The same id in another session is another message.
    assert_eq!(append(&world, "talk-000002", json!([{"id": "m1", "role": "user", "text": "1"}]))["inserted"], 1);
    // A known id that says something else, or by somebody else, is refused and changes nothing.
    let other = json!([
        {"id": "m1", "role": "user", "text": "uno"},
        {"id": "m1", "role": "user", "text": "one", "author": "Lou"},
        {"id": "m2", "role": "user", "text": "two"},
    ]);
    let answer = append(&world, "talk-000001", other);
    assert_eq!(outcomes(&answer), ["error"; 3], "{answer}");
    assert_eq!(
        (&answer["results"][0]["error"]["code"], &answer["results"][0]["message"]),
        (&json!("conflict"), &json!("m1"))
    );
    assert_eq!(shown(&world, "talk-000001").len(), 4);
}

#[test]
fn bad_messages_are_told_of_and_stop_no_other() {
    let world = World::new();
    let bad = [
        (json!("hello"), "must be an object"),
        (json!({"text": "a"}), "`role`: is required"),
        (json!({"role": "robot", "text": "a"}), "`role`: must be system, user, assistant or tool, not `robot`"),
        (json!({"role": "user"}), "`text`: is required where there are no `parts`"),
        (json!({"role": "user", "text": ["my secret"]}), "`text`: must be text"),
        (json!({"role": "user", "text": "a", "at": "yesterday-ish"}), "`at`: is not a time"),
        (json!({"role": "user", "text": "a", "id": " "}), "`id`: must not be empty"),
        (
            json!({"role": "user", "text": "a", "txt": 1}),
            "`txt`: is not a field here; known are id, role, text, parts, at, author, model",
        ),
        (
            json!({"role": "user", "parts": [{"type": "hologram"}]}),
            "`parts`: a part of type `hologram` is not one of text, reasoning, file, tool_call, tool_result with their fields",
        ),
        (json!({"role": "user", "text": "x".repeat(4 << 20)}), "must be at most 4194304 bytes, not 4194354"),
    ];
    let mut messages: Vec<Value> = bad.iter().map(|(message, _)| message.clone()).collect();
    messages.insert(3, json!({"role": "user", "text": "good", "id": null}));
    let answer = append(&world, "talk-000001", messages.into());
    assert_eq!((&answer["inserted"], &answer["errors"]), (&json!(1), &json!(bad.len())), "{answer}");
    let mut results = answer["results"].as_array().unwrap().clone();
    assert_eq!(results.remove(3)["outcome"], "inserted");
    for (result, (_, reason)) in results.iter().zip(&bad) {
        let error = &result["error"];
        assert_eq!((&error["code"], error["message"].as_str()), (&json!("bad_input"), Some(*reason)));
        assert!(error["hint"].is_string());
    }
    assert_eq!(shown(&world, "talk-000001").len(), 1);
    // Nothing good: nothing is made, no namespace either.
    let world = World::new();
    assert_eq!(append(&world, "talk-000001", json!([1]))["errors"], 1);
    assert_eq!(world.changes(), 0);
    for (client, word) in
        [("Robot", "lower-case"), ("claude-code", "its own files"), ("a b", "hyphens"), ("ghp_a", "hyphens")]
    {
        let error = world.err(
            "session_append",
            json!({"client": client, "session": "s", "messages": [{"role": "user", "text": "a"}]}),
        );
        assert!(error.code == Code::BadInput && error.message.contains(word), "{client}: {error:?}");
    }
    let many = vec![json!({"role": "user", "text": "a"}); 1001];
    assert_eq!(
        world.err("session_append", json!({"client": AGENT, "session": "s", "messages": many})).code,
        Code::BadInput
    );
}

#[test]
fn secrets_are_masked_in_what_is_handed_in() {
    let world = World::new();
    let key = format!("ghp_{}", "a1B2c3D4e5".repeat(4).get(..36).unwrap());
    let message = json!({"id": "m1", "role": "user", "text": format!("push with {key} now")});
    append(&world, "talk-000001", json!([message]));
    for answer in [
        world.ok("session_show", json!({"session": "talk-000001"})),
        world.ok("session_search", json!({"query": "push"})),
    ] {
        let told = answer.to_string();
        assert!(told.contains("[secret:") && !told.contains(&key), "{told}");
    }
    let revealed = world.ok("session_show", json!({"session": "talk-000001", "reveal": true}));
    assert!(revealed.to_string().contains(&key));
}

#[test]
fn many_who_send_the_same_at_once_add_it_once() {
    let world = World::new();
    let messages: Vec<Value> =
        (0..20).map(|n| json!({"id": format!("m{n}"), "role": "user", "text": format!("turn {n}")})).collect();
    let inserted: u64 = std::thread::scope(|scope| {
        let send = |n: usize| {
            let caller = someone("ann", ActorKind::Agent, Door::Mcp, ["work/one", "work/two"][n % 2]);
            let answer = world.by(
                &caller,
                "session_append",
                json!({"client": AGENT, "session": "talk-000001", "messages": messages}),
            );
            answer["inserted"].as_u64().unwrap()
        };
        let threads: Vec<_> = (0..6).map(|n| scope.spawn(move || send(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(inserted, 20);
    let sessions = world.ok("session_list", json!({}))["sessions"].clone();
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["messages"]), (1, &json!(20)), "{sessions}");
    let ids: Vec<String> = shown(&world, "talk-000001").into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, (0..20).map(|n| format!("m{n}")).collect::<Vec<_>>());
}

#[test]
fn an_idempotency_key_is_answered_the_same_again() {
    let world = World::new();
    let input =
        json!({"client": AGENT, "session": "s", "messages": [{"role": "user", "text": "a"}], "idempotency_key": "k"});
    let first = world.ok("session_append", input.clone());
    assert_eq!(first["inserted"], 1);
    assert_eq!(world.ok("session_append", input), first);
}

#[test]
fn a_file_and_what_is_handed_in_are_one_session() {
    let world = World::new();
    super::sessions::sync_generic(&world, &[said("talk-000001", "m1", "user", "2026-03-01", "from a file")]);
    let messages =
        json!([{"id": "m1", "role": "user", "text": "from a file"}, {"id": "m2", "role": "user", "text": "by hand"}]);
    let answer = world.by(
        &cli(&world),
        "session_append",
        json!({"client": "generic", "session": "talk-000001", "messages": messages}),
    );
    assert_eq!(outcomes(&answer), ["matched", "inserted"]);
    assert_eq!(shown(&world, "talk-000001").len(), 2);
}
