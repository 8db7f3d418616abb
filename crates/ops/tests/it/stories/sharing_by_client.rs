//! Which archived sessions a remote shares: those of chosen clients.

use super::sharing::{at_hand, machine};
use super::*;
use serde_json::json;

#[test]
fn clients_are_chosen_with_the_archive_and_are_ones_that_there_are() {
    let shared = tempfile::tempdir().unwrap();
    let world = machine(31);
    let url = shared.path().display().to_string();
    let add = |more: serde_json::Value| {
        let mut input = json!({"name": "home", "url": url});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let refused = world.err_by(&at_hand(&world), "remote_add", add(json!({"client": "codex"})));
    assert_eq!(refused.code, Code::BadInput);
    assert!(refused.hint.unwrap().contains("--archive"));
    let refused = world.err_by(&at_hand(&world), "remote_add", add(json!({"client": "codecs", "archive": true})));
    assert_eq!(refused.code, Code::BadInput);
    assert!(format!("{refused:?}").contains("claude-code"), "it lists those that there are: {refused:?}");
    assert_eq!(world.ok("remote_list", json!({}))["remotes"], json!([]), "nothing was added");

    let added = world.by(&at_hand(&world), "remote_add", add(json!({"client": "codex, claude-code", "archive": true})));
    assert_eq!(added["clients"], json!(["codex", "claude-code"]));
    assert_eq!(world.ok("remote_list", json!({}))["remotes"][0]["clients"], json!(["codex", "claude-code"]));
}

#[test]
fn only_sessions_of_chosen_clients_reach_the_other_machine() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (machine(32), machine(33));
    let url = shared.path().display().to_string();
    let words = json!({"name": "home", "url": url, "archive": true, "client": "editor"});
    for (client, session) in [("editor", "s-1"), ("robot", "s-2")] {
        let message = json!({"id": "m-1", "role": "user", "text": format!("said to the {client}")});
        one.ok("session_append", json!({"client": client, "session": session, "messages": [message]}));
    }
    one.by(&at_hand(&one), "remote_add", words);
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    other.by(&at_hand(&other), "remote_add", json!({"name": "home", "url": url, "archive": true}));
    other.ok("vault_join", json!({"code": code}));
    for world in [&other, &one, &other] {
        world.ok("sync", json!({}));
    }
    let listed = other.ok("session_list", json!({}));
    let clients: Vec<_> = listed["sessions"].as_array().unwrap().iter().map(|one| one["client"].clone()).collect();
    assert_eq!(clients, ["editor"], "{listed}");
    let found = other.ok("session_search", json!({"query": "said to the robot"}));
    assert!(!found["hits"].to_string().contains("robot"), "{found}");
    // What was left out is no fault of this machine's.
    let told = other.ok("sync_status", json!({}));
    assert_eq!(told["deferred"], json!([]), "{told}");
    let doctor = other.ok("doctor", json!({}));
    assert!(!doctor.to_string().contains("archive deferred"), "{doctor}");
}

#[test]
fn clients_that_are_chosen_later_come_from_their_beginning() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (machine(34), machine(35));
    let url = shared.path().display().to_string();
    for (client, session) in [("editor", "s-1"), ("robot", "s-2"), ("phone", "s-3")] {
        let message = json!({"id": "m-1", "role": "user", "text": format!("said to the {client}")});
        one.ok("session_append", json!({"client": client, "session": session, "messages": [message]}));
    }
    // As a person changes what is shared: the remote is taken away and added once more.
    let share = |more: serde_json::Value| {
        let mut words = json!({"name": "home", "url": url});
        words.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one.by(&at_hand(&one), "remote_add", words);
    };
    let stop = || one.by(&at_hand(&one), "remote_remove", json!({"name": "home"}));
    let sync = || {
        for world in [&one, &other, &one, &other] {
            world.ok("sync", json!({}));
        }
    };
    let clients = || {
        let listed = other.ok("session_list", json!({}));
        let sessions = listed["sessions"].as_array().unwrap();
        sessions.iter().map(|one| one["client"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    share(json!({"archive": true, "client": "editor"}));
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    other.by(&at_hand(&other), "remote_add", json!({"name": "home", "url": url, "archive": true}));
    other.ok("vault_join", json!({"code": code}));
    other.ok("sync", json!({}));
    sync();
    assert_eq!(clients(), ["editor".to_owned()].into());
    stop();
    share(json!({"archive": true, "client": "editor,robot"}));
    sync();
    assert_eq!(clients(), ["editor".to_owned(), "robot".to_owned()].into());
    // In between no archive at all: what was left out before is known all the same.
    stop();
    share(json!({}));
    sync();
    stop();
    share(json!({"archive": true}));
    sync();
    assert_eq!(clients(), ["editor".to_owned(), "phone".to_owned(), "robot".to_owned()].into());
}
