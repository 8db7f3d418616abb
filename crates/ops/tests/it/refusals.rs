//! A bad input is refused with the same words through every door, and names what helps.

use crate::{caller, try_call};
use expect_test::{Expect, expect};
use jay_core::{ActorKind, Door};
use jay_types::Code;
use serde_json::{Value, json};

fn check(op: &str, input: Value, expected: Expect) {
    let refusals: Vec<String> = [Door::Cli, Door::Call, Door::Http, Door::Mcp]
        .into_iter()
        .filter(|door| jay_ops::find(op).is_ok_and(|spec| spec.doors.contains(door)))
        .map(|door| {
            let error = try_call(op, &caller(ActorKind::Person, door), input.clone()).unwrap_err();
            format!("{} {}\n{}\n", error.code.name(), error.message, error.hint.unwrap_or_default())
        })
        .collect();
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
    expected.assert_eq(&refusals[0]);
}

#[test]
fn unknown_fields_are_named_with_the_known_ones() {
    check(
        "unlink",
        json!({"from": "abcdef", "to": "abcdeg", "relatoin": "x"}),
        expect![[r#"
        bad_input `relatoin`: is not a field here; known are from, to, relation, idempotency_key
        `jay help unlink` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({"text": "a", "source": {"sesion": "x"}}),
        expect![[r#"
        bad_input `source.sesion`: is not a field here; known are agent, client, session, message, uri, span
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember_batch",
        json!({"memories": [{"text": "a"}, {"text": "b", "tag": "x"}]}),
        expect![[r#"
            bad_input `memories[1].tag`: is not a field here; known are text, kind, key, title, tags, importance, confidence, pinned, source, created_at, valid_from, valid_to, expires_at, namespace
            `jay call --describe remember_batch` lists every field and its bounds.
        "#]],
    );
    check(
        "status",
        json!({"verbose": true}),
        expect![[r#"
        bad_input `verbose`: is not a field here; known are none
        `jay help status` lists every field and its bounds.
    "#]],
    );
}

#[test]
fn wrong_shapes_are_named_without_quoting_them() {
    check(
        "remember",
        json!({"text": "a", "tags": "my secret"}),
        expect![[r#"
        bad_input `tags`: must be a list, not text
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({"text": ["my secret"]}),
        expect![[r#"
        bad_input `text`: must be text, not a list
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({}),
        expect![[r#"
        bad_input `text`: is required
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({"text": "a", "pinned": null}),
        expect![[r#"
        bad_input `pinned`: must be true or false, not null
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!("text"),
        expect![[r#"
        bad_input `input`: must be a JSON object
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "recall",
        json!({"query": "a", "limit": 2.5}),
        expect![[r#"
        bad_input `limit`: must be a whole number, not a number with a fraction
        `jay help recall` lists every field and its bounds.
    "#]],
    );
    check(
        "recall",
        json!({"query": "a", "kinds": ["gotcha", "wisdom"]}),
        expect![[r#"
            bad_input `kinds[1]`: must be one of note, fact, decision, preference, procedure, gotcha, event, task, message, summary, document, not `wisdom`
            `jay help recall` lists every field and its bounds.
        "#]],
    );
}

#[test]
fn bounds_are_refused_by_field() {
    check(
        "recall",
        json!({"query": "a", "limit": 201}),
        expect![[r#"
        bad_input `limit`: must be 1 to 200, not 201
        `jay help recall` lists every field and its bounds.
    "#]],
    );
    check(
        "recall",
        json!({"query": " "}),
        expect![[r#"
        bad_input `query`: must not be empty
        `jay help recall` lists every field and its bounds.
    "#]],
    );
    check(
        "recall",
        json!({"query": "a", "tags": ["x", ""]}),
        expect![[r#"
            bad_input `tags`: must not be empty
            `jay help recall` lists every field and its bounds.
        "#]],
    );
    check(
        "recall",
        json!({"query": "a", "namespace": "a//b"}),
        expect![[r#"
            bad_input `namespace`: `a//b` is not a namespace path
            Write one like work/acme/api: letters, digits, `.`, `_`, `-` between slashes; `jay namespace list` shows those here.
        "#]],
    );
    check(
        "remember",
        json!({"text": "x".repeat(65537)}),
        expect![[r#"
        bad_input `text`: must be at most 65536 bytes, not 65537
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({"text": "a", "importance": 1.5}),
        expect![[r#"
        bad_input `importance`: must be 0 to 1, not 1.5
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "remember",
        json!({"text": "a", "valid_from": "yesterday"}),
        expect![[r#"
            bad_input `valid_from`: `yesterday` is not a time
            Write times as 2026-05-01 or 2026-05-01T10:00:00Z.
        "#]],
    );
    check(
        "remember",
        json!({"text": "a", "idempotency_key": ""}),
        expect![[r#"
        bad_input `idempotency_key`: must not be empty
        `jay help remember` lists every field and its bounds.
    "#]],
    );
    check(
        "get",
        json!({"ids": []}),
        expect![[r#"
        bad_input `ids`: must not be empty
        `jay help get` lists every field and its bounds.
    "#]],
    );
    check(
        "update",
        json!({"id": "abcdef", "text": ""}),
        expect![[r#"
            bad_input `text`: must not be empty
            `jay help update` lists every field and its bounds.
        "#]],
    );
    check(
        "remember_batch",
        json!({"memories": vec![json!({"text": "a"}); 1001]}),
        expect![[r#"
            bad_input `memories`: must be at most 1000 items, not 1001
            `jay call --describe remember_batch` lists every field and its bounds.
        "#]],
    );
    check(
        "remember_batch",
        json!({"memories": [{"text": "a"}, {"text": ""}]}),
        expect![[r#"
            bad_input `memories[1].text`: must not be empty
            `jay call --describe remember_batch` lists every field and its bounds.
        "#]],
    );
}

#[test]
fn a_long_query_is_refused_over_http_and_mcp_and_cut_elsewhere() {
    let input = json!({"query": "word ".repeat(100_000)});
    for door in [Door::Http, Door::Mcp] {
        let error = try_call("recall", &caller(ActorKind::Agent, door), input.clone()).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::BadInput, "`query`: must be at most 16384 bytes, not 500000")
        );
    }
    for door in [Door::Cli, Door::Call] {
        let answer = try_call("recall", &caller(ActorKind::Agent, door), input.clone());
        assert!(!matches!(&answer, Err(error) if error.code == Code::BadInput), "{answer:?}");
    }
}

#[test]
fn doors_and_persons() {
    let refused = |op: &str, kind, door, input: Value| {
        let error = try_call(op, &caller(kind, door), input).unwrap_err();
        format!("{}: {} / {}", error.code.name(), error.message, error.hint.unwrap_or_default())
    };
    let ids = || json!({"ids": ["abcdef"]});
    let all = [
        refused("purge", ActorKind::Person, Door::Mcp, ids()),
        refused("purge", ActorKind::Agent, Door::Call, ids()),
        refused("unforget", ActorKind::Person, Door::Http, json!({"id": "abcdef"})),
        refused("unforget", ActorKind::Person, Door::Call, json!({"id": "abcdef"})),
        refused("remember_batch", ActorKind::Person, Door::Cli, json!({"memories": []})),
        refused("recall", ActorKind::Agent, Door::Cli, json!({"query": "x", "include_forgotten": true})),
        refused("list", ActorKind::Person, Door::Http, json!({"include_forgotten": true})),
        refused("session_show", ActorKind::Agent, Door::Mcp, json!({"session": "abcdef", "reveal": true})),
        refused("session_sync", ActorKind::Person, Door::Http, json!({"path": "/etc/passwd"})),
    ];
    expect![[r#"
        refused: purge is not offered at this door / Run `jay purge` at the command line.
        refused: purge is for people only / Ask the person you work for to run `jay purge`.
        refused: unforget is not offered at this door / Run `jay unforget` at the command line.
        refused: unforget is not offered at this door / Run `jay unforget` at the command line.
        refused: remember_batch is not offered at this door / Send it as a line of `jay call`: {"op":"remember_batch","input":{…}}.
        refused: `include_forgotten` is for people only, at the command line or the web / Ask the person you work for to run `jay recall --include-forgotten`.
        refused: `include_forgotten` is for people only, at the command line or the web / Ask the person you work for to run `jay list --include-forgotten`.
        refused: `reveal` is for people only, at the command line or the web / Ask the person you work for to run `jay session show --reveal`.
        refused: `path` is not offered at this door: it would read any file of this user / Run `jay session sync CLIENT --path FILE` at the command line.
    "#]].assert_eq(&(all.join("\n") + "\n"));
}

#[test]
fn an_unknown_operation_is_refused_with_the_list() {
    let error = try_call("memorise", &caller(ActorKind::Agent, Door::Call), json!({})).unwrap_err();
    assert_eq!(error.message, "`memorise` is not an operation");
    assert!(error.hint.unwrap().starts_with("The operations are remember, remember_batch, recall, "));
}
