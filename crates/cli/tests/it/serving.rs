//! Servers that sync by themselves.

use super::doors::Server;
use super::sharing::{Two, ok, remember};
use serde_json::{Value, json};
use std::time::Duration;

const EVERY: [&str; 2] = ["--sync-every", "5s"];
/// How often it is looked, and how long at most: two intervals and what a busy machine adds.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS: usize = 300;

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("{what} does not happen");
}

fn knows(server: &Server, query: &str, text: &str) -> bool {
    let (status, answer) = server.post("/v1/recall", &json!({"query": query, "all": true}));
    assert_eq!(status, 200, "{answer}");
    answer["hits"].as_array().unwrap().iter().any(|hit| hit["text"] == text)
}

#[test]
fn what_is_remembered_through_one_server_is_recalled_at_another() {
    let two = Two::new();
    let [one, other] = [&two.homes[0], &two.homes[1]].map(|home| Server::start(home, &EVERY));
    let text = "staging postgres listens on 5433";
    let (status, answer) = one.post("/v1/remember", &json!({"text": text}));
    assert_eq!(status, 200, "{answer}");
    wait_until("a recall at the other server", || knows(&other, "which port does staging postgres use", text));
    // The record is the one that `jay sync` writes.
    let last = ok(&two.homes[1], &["sync", "status"])["last"].clone();
    assert_eq!(last["outcome"], "ok", "{last}");
    for server in [one, other] {
        let log = server.stopped();
        assert_eq!(log, "", "nothing is to be said of what went well");
    }
}

#[test]
fn a_sync_that_fails_is_told_and_tried_again() {
    let two = Two::new();
    let server = Server::start(&two.homes[0], &EVERY);
    let (shared, away) = (two.shared.path().join("jay"), two.shared.path().join("unmounted"));
    let moved = |from: &std::path::Path, to: &std::path::Path| {
        assert!(std::process::Command::new("mv").arg(from).arg(to).status().unwrap().success());
    };
    moved(&shared, &away);
    remember(&two.homes[0], std::iter::once("written while the folder was away".to_owned()));
    let last = || ok(&two.homes[0], &["sync", "status"])["last"].clone();
    wait_until("a failure in the record", || last()["outcome"] == "error");
    let error = last()["error"].clone();
    assert!(error.as_str().is_some_and(|error| !error.is_empty()), "{error}");
    moved(&away, &shared);
    wait_until("a sync that went well", || last()["outcome"] == "ok");
    let log = server.stopped();
    assert_eq!(log.matches("a sync failed").count(), 1, "it is said once: {log}");
    ok(&two.homes[1], &["sync"]);
    assert_eq!(two.texts(1), ["written while the folder was away"]);
}

#[test]
fn a_server_that_is_told_to_stop_in_a_sync_ends_in_order() {
    let two = Two::new();
    let texts: Vec<String> = (0..600).map(|n| format!("note {n} of many")).collect();
    remember(&two.homes[0], texts.iter().cloned());
    // Its first sync begins within half a second: it is stopped before, in the middle and after.
    for after_ms in [0, 150, 300, 450, 600] {
        let mut server = Server::start(&two.homes[0], &EVERY);
        std::thread::sleep(Duration::from_millis(after_ms));
        server.process.terminate();
        assert_eq!(server.process.wait(), Some(0), "after {after_ms} ms");
        let last: Value = ok(&two.homes[0], &["sync", "status"])["last"].clone();
        assert!(["ok", "stopped"].contains(&last["outcome"].as_str().unwrap()), "{last}");
    }
    two.settle();
    assert_eq!(two.texts(1).len(), 200, "as many as a list shows");
}

#[test]
fn how_often_is_checked_before_anything_is_opened() {
    let two = super::Home::new();
    for (words, why) in [
        (["serve", "--sync-every", "1s"], "must be from 5s to 1d"),
        (["serve", "--sync-every", "often"], "must be an interval such as 30s, 15m or 2h"),
    ] {
        let refused = two.run(&words);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(why) && refused.stderr.contains("--sync-every 15m"), "{refused:?}");
    }
    assert!(!two.path("jay").exists());
}
