//! What status and doctor say of sharing, each with what helps.

use super::sharing::{at_hand, machine, two};
use super::*;
use jay_testkit::files_below;
use jay_types::time::DAY;

/// The findings of doctor that are no `ok`: check, severity, message, hint.
fn wrong(world: &World) -> Vec<(String, String, String, String)> {
    let diagnosis = world.ok("doctor", json!({}));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let all = diagnosis["findings"].as_array().unwrap().iter();
    let told = all.map(|one| (text(one, "check"), text(one, "severity"), text(one, "message"), text(one, "hint")));
    told.filter(|(_, severity, ..)| severity != "ok").collect()
}

/// True where both say it, with that command.
#[track_caller]
fn both_say(world: &World, check: &str, message: &str, help: &str) {
    let wrong = wrong(world);
    let found = wrong.iter().find(|(one, ..)| one == check).unwrap_or_else(|| panic!("no `{check}` in {wrong:#?}"));
    assert!(found.2.contains(message) && found.3.contains(help), "{found:?}");
    let notes = world.ok("status", json!({}))["notes"].clone();
    let is_said = |note: &Value| note.as_str().is_some_and(|note| note.contains(message) && note.contains(help));
    assert!(notes.as_array().unwrap().iter().any(is_said), "{notes:#}");
}

#[test]
fn a_store_without_remotes_says_nothing_of_sharing() {
    let world = machine(31);
    world.keep(json!({"text": "alpha"}));
    let status = world.ok("status", json!({}));
    assert_eq!((status.get("sync"), status.get("sync_error")), (None, None), "{status}");
    let findings = world.ok("doctor", json!({}))["findings"].to_string();
    assert!(!findings.contains("sync") && !findings.contains("vault"), "{findings}");
}

#[test]
fn how_far_each_remote_is_stands_in_status() {
    let (_shared, one, other) = two();
    one.ok("sync", json!({}));
    other.ok("sync", json!({}));
    one.ok("sync", json!({}));
    let sync = one.ok("status", json!({}))["sync"].clone();
    let home = &sync["remotes"][0];
    assert_eq!((&sync["is_member"], &sync["last"]["outcome"]), (&json!(true), &json!("ok")), "{sync}");
    assert_eq!((&home["name"], &home["to_come"], &home["to_go"]), (&json!("home"), &json!(0), &json!(0)), "{sync}");
    assert_eq!(wrong(&one), [], "all is well");
    // What the other has not told of having.
    one.keep(json!({"text": "alpha"}));
    one.ok("sync", json!({}));
    let home = one.ok("status", json!({}))["sync"]["remotes"][0].clone();
    assert_eq!((&home["to_come"], &home["to_go"]), (&json!(0), &json!(4)), "{home}");
    let asked = one.ok("doctor", json!({"remotes": true}))["findings"].to_string();
    assert!(asked.contains("it answers, with "), "{asked}");
}

#[test]
fn who_does_not_belong_to_the_vault_is_told_what_lets_it_in() {
    let (shared, one, _other) = two();
    let newcomer = machine(33);
    let url = shared.path().display().to_string();
    newcomer.by(&at_hand(&newcomer), "remote_add", json!({"name": "home", "url": url}));
    newcomer.keep(json!({"text": "alpha"}));
    both_say(&newcomer, "vault", "belongs to no vault yet", "jay vault join home --code CODE");
    let code = one.ok("vault_invite", json!({}))["code"].clone();
    newcomer.ok("vault_join", json!({"code": code}));
    newcomer.ok("sync", json!({}));
    both_say(&newcomer, "vault", "is not let into `home` yet", "jay sync home");
    assert_eq!(newcomer.ok("status", json!({}))["sync"]["remotes"][0].get("to_go"), None, "unknown is not zero");
}

#[test]
fn files_that_cannot_be_read_and_purges_that_wait_are_told() {
    let (shared, one, other) = two();
    let third = machine(23);
    third.by(&at_hand(&third), "remote_add", json!({"name": "home", "url": shared.path().display().to_string()}));
    third.ok("vault_join", json!({"code": one.ok("vault_invite", json!({}))["code"]}));
    let id = one.keep(json!({"text": "the word is swordfish"}));
    for world in [&third, &one, &other, &third] {
        world.ok("sync", json!({}));
    }
    third.ok("purge", json!({"ids": [id]}));
    third.ok("sync", json!({}));
    // Who has not heard of it edits, and shares that.
    other.ok("update", json!({"id": id, "text": "the word was swordfish"}));
    other.ok("sync", json!({"push": true}));
    one.ok("sync", json!({}));
    both_say(&one, "sync home", "1 file still holds what was purged", "jay sync");
    other.ok("sync", json!({}));
    one.ok("sync", json!({}));
    assert_eq!(wrong(&one), []);
    // A file that was damaged on the way.
    other.keep(json!({"text": "alpha"}));
    let before = files_below(shared.path()).unwrap();
    other.ok("sync", json!({}));
    let new = files_below(shared.path()).unwrap();
    let new = new.into_iter().find(|path| !before.contains(path) && path.extension().is_some()).unwrap();
    let mut bytes = std::fs::read(&new).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    jay_testkit::write(&new, &bytes);
    one.ok("sync", json!({}));
    both_say(&one, "sync home", "1 file cannot be read", "jay sync status");
}

#[test]
fn a_sync_that_failed_or_is_long_ago_is_told() {
    let (shared, one, _other) = two();
    let later = one.home.path().join("scrubjay/state/last-sync-remotes.json");
    assert!(later.exists());
    one.steps.clock.advance(8 * DAY);
    both_say(&one, "sync home", "the last good sync ended at", "jay schedule start --every 15m");
    one.ok("sync", json!({}));
    assert_eq!(wrong(&one), []);
    drop(shared);
    one.err("sync", json!({}));
    both_say(&one, "last sync", "it failed at", "jay remote check");
    let asked = one.ok("doctor", json!({"remotes": true}));
    assert_eq!(asked["healthy"], false);
    assert!(asked["findings"].to_string().contains("remote home"), "{asked}");
}

#[test]
fn keys_that_are_lost_damaged_or_open_to_others_are_told() {
    let (_shared, one, _other) = two();
    let file = one.home.path().join("scrubjay/state/vault.json");
    let keys = std::fs::read(&file).unwrap();
    let checks =
        |world: &World| wrong(world).into_iter().map(|(check, severity, ..)| (check, severity)).collect::<Vec<_>>();
    let error = |check: &str| (check.to_owned(), "error".to_owned());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(checks(&one), [error("permissions")]);
        assert!(wrong(&one)[0].2.contains("vault.json"));
        one.ok("doctor", json!({"fix": true}));
        assert_eq!(checks(&one), []);
    }
    let write = |bytes: &[u8]| {
        jay_testkit::write(&file, bytes);
        one.ok("doctor", json!({"fix": true}));
    };
    write(b"{");
    assert_eq!(checks(&one), [error("vault keys")]);
    let status = one.ok("status", json!({}));
    assert!(status["sync_error"].as_str().unwrap().contains("vault.json cannot be read"), "{status}");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(checks(&one), [error("vault keys")]);
    both_say(&one, "vault keys", "state/vault.json is missing", "jay vault join home");
    // The keys of another machine of the vault, as a copied file has them.
    let mut other: Value = serde_json::from_slice(&keys).unwrap();
    let identity = machine_identity();
    other["identity"] = json!(identity);
    write(other.to_string().as_bytes());
    assert_eq!(checks(&one), [error("vault keys")]);
    assert!(wrong(&one)[0].2.contains("another identity"), "{:?}", wrong(&one));
    write(&keys);
    assert_eq!(checks(&one), []);
}

/// An age identity that no vault knows.
fn machine_identity() -> String {
    let (_shared, one, _) = two();
    let file = one.home.path().join("scrubjay/state/vault.json");
    let keys: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    keys["identity"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_that_no_machine_named_is_for_a_person_to_remove() {
    let (shared, one, other) = two();
    let node = other.ok("sync_status", json!({}))["remotes"][0]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["is_here"] == true)
        .map(|node| node["node"].as_str().unwrap().to_owned())
        .unwrap();
    let directory = shared.path().join("nodes").join(node);
    jay_testkit::write(directory.join("junk.jay"), b"junk, and no more than that");
    jay_testkit::write(directory.join("empty.jay"), b"");
    one.ok("sync", json!({}));
    both_say(&one, "sync home", "1 file cannot be read, the first: ", "remove them there");
    let status = one.ok("sync_status", json!({}));
    let faults = status["remotes"][0]["faults"].to_string();
    assert!(faults.contains("no machine gave it this name: where it stays, remove it"), "{faults}");
}

#[test]
fn what_waits_here_to_be_shared_stands_in_status() {
    let (_shared, one, _other) = two();
    let to_share = || one.ok("status", json!({}))["sync"]["remotes"][0]["to_share"].clone();
    assert_eq!(to_share(), 0);
    one.keep(json!({"text": "alpha"}));
    let told = one.ok("sync", json!({"dry_run": true}));
    assert_eq!((to_share(), &told["pushed"]), (json!(4), &json!(4)));
    assert_eq!(one.ok("sync_status", json!({}))["remotes"][0]["to_share"], 4);
}
