//! Lists of sessions, and what one of them shows.

use super::sessions::*;
use super::*;

#[test]
fn no_secret_can_be_felt_for_in_a_project() {
    let world = World::new();
    let secret = "AKIAQ3EXAMPLE7BZKJ2T";
    let mut row = said("s-000001", "m1", "user", "2026-03-01T10:00:00Z", "a lamp");
    row["project"] = json!(format!("/home/mira/{secret}/harbour"));
    sync_generic(&world, &[row]);
    let found = |project: &str| strings(&world.ok("session_list", json!({"project": project}))["sessions"], "session");
    assert_eq!(found("harbour"), ["s-000001"]);
    assert_eq!(found("[secret:"), ["s-000001"], "what is shown is compared");
    for part in [secret, "AKIAQ3", "BZKJ2T/harbour"] {
        assert_eq!(found(part), [""; 0], "{part}");
        let hits = world.ok("session_search", json!({"query": "lamp", "project": part}));
        assert_eq!((&hits["hits"], &hits["searchable"]), (&json!([]), &json!(0)), "{part}");
    }
}

#[test]
fn listing_and_showing_filter_and_page() {
    let world = World::new();
    let rows: Vec<Value> = (0..30)
        .map(|n| {
            said(
                &format!("talk-{:06}", n / 10),
                &format!("m{n}"),
                if n % 2 == 0 { "user" } else { "assistant" },
                &format!("2026-03-{:02}T10:{:02}:00Z", n / 10 + 1, n % 10),
                &format!("turn {n}"),
            )
        })
        .collect();
    sync_generic(&world, &rows);
    let listed = |input: Value| strings(&world.ok("session_list", input)["sessions"], "session");
    assert_eq!(listed(json!({})), ["talk-000002", "talk-000001", "talk-000000"], "latest first");
    assert_eq!(listed(json!({"client": "codex"})), [""; 0]);
    assert_eq!(listed(json!({"project": "talk-000001"})), ["talk-000001"]);
    assert_eq!(listed(json!({"session": "000000"})), ["talk-000000"]);
    assert_eq!(listed(json!({"until": "2026-03-02"})), ["talk-000000"]);
    assert_eq!(listed(json!({"since": "2026-03-03"})), ["talk-000002"]);
    assert_eq!(world.err("session_list", json!({"client": "clippy"})).code, Code::BadInput);
    assert_eq!(world.err("session_list", json!({"namespace": "nowhere"})).code, Code::NotFound);
    assert_eq!(world.err("session_list", json!({"cursor": "x"})).code, Code::BadInput);
    let first = world.ok("session_list", json!({"limit": 2}));
    assert_eq!(listed(json!({"limit": 2, "cursor": first["next"]})), ["talk-000000"]);
    let mut seen = vec![];
    let mut cursor = Value::Null;
    loop {
        let page = world.ok("session_show", json!({"session": "talk-000001", "limit": 4, "cursor": cursor}));
        seen.extend(strings(&page["messages"], "message"));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, (10..20).map(|n| format!("m{n}")).collect::<Vec<_>>());
    let around = world.ok("session_show", json!({"session": "talk-000001", "limit": 4, "around": "m15"}));
    assert_eq!(strings(&around["messages"], "message"), ["m13", "m14", "m15", "m16"]);
    let page = world
        .ok("session_show", json!({"session": "talk-000001", "around": "m15", "limit": 4, "cursor": around["next"]}));
    assert_eq!(strings(&page["messages"], "message"), ["m17", "m18", "m19"], "a cursor goes on from there");
    for (input, code) in [
        (json!({"session": "talk-0"}), Code::Ambiguous),
        (json!({"session": "nothing-of-it"}), Code::NotFound),
        (json!({"session": "talk-000001", "around": "m99"}), Code::NotFound),
        (json!({"session": "talk-000001", "cursor": "x"}), Code::BadInput),
    ] {
        assert_eq!(world.err("session_show", input.clone()).code, code, "{input}");
    }
}

#[test]
fn a_short_id_of_a_client_is_an_id() {
    let world = World::new();
    sync_generic(
        &world,
        &[said("dm-1", "1", "user", "2026-03-01", "hello"), said("dm-12", "1", "user", "2026-03-01", "hello too")],
    );
    assert_eq!(world.ok("session_show", json!({"session": "dm-1"}))["session"]["session"], "dm-1");
}

#[test]
fn m19_a_session_is_in_the_namespace_of_its_project_and_goes_where_that_goes() {
    let world = World::new();
    sync_generic(
        &world,
        &[
            said("talk-000001", "1", "user", "2026-03-01", "hello"),
            said("talk-000002", "1", "user", "2026-03-01", "hello too"),
        ],
    );
    let sessions = |path: &str| strings(&world.ok("session_list", json!({"namespace": path}))["sessions"], "session");
    let path = world.ok("session_list", json!({"session": "talk-000001"}))["sessions"][0]["namespace"].clone();
    let path = path.as_str().unwrap();
    assert_eq!(path, "home/mira/talk-000001");
    assert_eq!(sessions(path), ["talk-000001"]);
    assert_eq!(world.ok("session_search", json!({"query": "hello", "namespace": path}))["matched"], 1);
    world.ok("namespace_rename", json!({"from": path, "to": "talks/one"}));
    assert_eq!(sessions("talks/one"), ["talk-000001"]);
    world.keep(json!({"text": "x", "namespace": "talks/two"}));
    world.ok("namespace_merge", json!({"from": "talks/one", "into": "talks/two"}));
    for path in ["talks/one", "talks/two"] {
        assert_eq!(sessions(path), ["talk-000001"], "{path}");
    }
    let view = world.ok("session_list", json!({"session": "talk-000001"}))["sessions"][0].clone();
    assert_eq!(view["namespace"], "talks/two");
}
