//! Which archived sessions a remote shares: those of chosen clients.

use super::sharing::{at_hand, machine};
use super::*;
use serde_json::json;

#[test]
fn clients_are_chosen_with_the_archive_and_unknown_ones_are_told() {
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
    assert_eq!(world.ok("remote_list", json!({}))["remotes"], json!([]), "nothing was added");

    let added = world.by(&at_hand(&world), "remote_add", add(json!({"client": "codex, claude-code", "archive": true})));
    assert_eq!(added["clients"], json!(["codex", "claude-code"]));
    assert_eq!(added["notes"].as_array().unwrap().len(), 1, "both are known: {added}");
    assert_eq!(world.ok("remote_list", json!({}))["remotes"][0]["clients"], json!(["codex", "claude-code"]));
    world.by(&at_hand(&world), "remote_remove", json!({"name": "home"}));
    let added = world.by(&at_hand(&world), "remote_add", add(json!({"client": "codecs,codex", "archive": true})));
    let note = added["notes"][1].as_str().unwrap();
    assert!(note.contains("no session of codecs is") && note.contains("`jay session sync codecs`"), "{note}");
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

/// Three sessions, one of each of three clients.
fn three_clients_speak(world: &World) {
    for (client, session) in [("editor", "s-1"), ("robot", "s-2"), ("phone", "s-3")] {
        let message = json!({"id": "m-1", "role": "user", "text": format!("said to the {client}")});
        world.ok("session_append", json!({"client": client, "session": session, "messages": [message]}));
    }
}

/// As a person changes what is shared: the remote is taken away and added once more.
fn share_anew(world: &World, url: &str, more: &serde_json::Value) {
    if world.ok("remote_list", json!({}))["remotes"].as_array().is_some_and(|all| !all.is_empty()) {
        world.by(&at_hand(world), "remote_remove", json!({"name": "home"}));
    }
    let mut words = json!({"name": "home", "url": url});
    words.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.by(&at_hand(world), "remote_add", words);
}

fn clients_of(world: &World) -> Vec<String> {
    let listed = world.ok("session_list", json!({}));
    let sessions = listed["sessions"].as_array().unwrap();
    let mut clients: Vec<String> = sessions.iter().map(|one| one["client"].as_str().unwrap().to_owned()).collect();
    clients.sort();
    clients
}

fn sync_both(one: &World, other: &World) {
    for world in [one, other, one, other] {
        world.ok("sync", json!({}));
    }
}

#[test]
fn clients_that_are_chosen_later_come_from_their_beginning() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (machine(34), machine(35));
    let url = shared.path().display().to_string();
    three_clients_speak(&one);
    share_anew(&one, &url, &json!({"archive": true, "client": "editor"}));
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    share_anew(&other, &url, &json!({"archive": true}));
    other.ok("vault_join", json!({"code": code}));
    other.ok("sync", json!({}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor"]);
    share_anew(&one, &url, &json!({"archive": true, "client": "editor,robot"}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor", "robot"]);
    // In between no archive at all: what was left out before is known all the same.
    share_anew(&one, &url, &json!({}));
    sync_both(&one, &other);
    share_anew(&one, &url, &json!({"archive": true}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor", "phone", "robot"]);
}

#[test]
fn clients_that_who_reads_chooses_later_come_from_their_beginning() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (machine(36), machine(37));
    let url = shared.path().display().to_string();
    three_clients_speak(&one);
    share_anew(&one, &url, &json!({"archive": true}));
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    share_anew(&other, &url, &json!({"archive": true, "client": "editor"}));
    other.ok("vault_join", json!({"code": code}));
    other.ok("sync", json!({}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor"]);
    share_anew(&other, &url, &json!({"archive": true, "client": "editor,robot"}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor", "robot"]);
    share_anew(&other, &url, &json!({"archive": true}));
    sync_both(&one, &other);
    assert_eq!(clients_of(&other), ["editor", "phone", "robot"]);
}
