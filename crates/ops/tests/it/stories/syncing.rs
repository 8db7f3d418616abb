//! One sync at a time, and the record of the last one.

use super::sessions::{said, sync_generic};
use super::*;
use jay_store::Attempt;

const LOCK: &str = "sync-archive";

fn last(world: &World) -> Value {
    world.ok("status", json!({}))["last_session_sync"].clone()
}

fn rows() -> [Value; 2] {
    [
        said("s1", "m1", "user", "2026-05-01T10:00:00Z", "where does the lamp stand"),
        said("s1", "m2", "assistant", "2026-05-01T10:00:01Z", "on the shelf"),
    ]
}

#[test]
fn a_busy_store_names_its_holder() {
    let world = World::new();
    let Attempt::Taken(held) = stores_of(&world).1.exclusive(LOCK).unwrap() else { panic!("nobody holds it") };
    let error = world.err("session_sync", json!({"no_wait": true}));
    assert_eq!(error.code, Code::Busy);
    let details = error.details;
    assert_eq!(details["pid"], std::process::id());
    assert!(details["started_at"].is_string() && error.message.contains(&std::process::id().to_string()));
    assert!(
        world.ok("session_sync", json!({"dry_run": true, "no_wait": true}))["outcome"] == "planned",
        "it reads only"
    );
    assert_eq!(last(&world), Value::Null, "a sync that did not run leaves no record");
    drop(held);
    world.ok("session_sync", json!({"no_wait": true}));
}

#[test]
fn who_waits_goes_on_when_the_other_is_done() {
    let world = World::new();
    let Attempt::Taken(held) = stores_of(&world).1.exclusive(LOCK).unwrap() else { panic!("nobody holds it") };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| world.ok("session_sync", json!({})));
        std::thread::sleep(std::time::Duration::from_millis(250));
        assert!(!waiting.is_finished(), "it waits");
        drop(held);
        assert_eq!(waiting.join().unwrap()["outcome"], "ok");
    });
}

#[test]
fn another_store_is_another_lock() {
    let (one, other) = (World::new(), World::new());
    let Attempt::Taken(_held) = stores_of(&one).1.exclusive(LOCK).unwrap() else { panic!("nobody holds it") };
    assert_eq!(other.ok("session_sync", json!({"no_wait": true}))["outcome"], "ok");
}

#[test]
fn how_the_last_sync_ended_is_known() {
    let world = World::new();
    assert_eq!(last(&world), Value::Null, "never");
    let synced = sync_generic(&world, &rows());
    let record = last(&world);
    for field in ["finished_at", "duration_ms", "sessions_inserted", "messages_inserted", "outcome"] {
        assert_eq!(record[field], synced[field], "{field}");
    }
    assert_eq!((&record["messages_inserted"], record.get("error")), (&json!(2), None));
    let absent = world.home.work_dir().join("absent.jsonl");
    let caller = Caller { door: Door::Cli, ..world.me.clone() };
    let failed = world.ask(&caller, "session_sync", json!({"clients": ["generic"], "path": absent})).unwrap_err();
    let record = last(&world);
    assert_eq!((&record["outcome"], &record["error"]), (&json!("error"), &json!(failed.message)), "{record}");
}

#[test]
fn a_record_that_cannot_be_written_fails_no_sync() {
    let world = World::new();
    let record = world.engine.data_dir().join("state/last-sync-archive.json");
    // A directory in its place cannot be replaced by a file.
    std::fs::create_dir_all(record.join("in the way")).unwrap();
    let synced = sync_generic(&world, &rows());
    assert_eq!(synced["messages_inserted"], 2);
    assert!(synced["notes"].to_string().contains("could not be noted"), "{synced}");
    let unknown = |world: &World| {
        let status = world.ok("status", json!({}));
        status["last_session_sync"].is_null()
            && status["last_session_sync_error"].as_str().is_some_and(|why| why.contains(&*record.to_string_lossy()))
    };
    assert!(unknown(&world), "unknown is not never");
    std::fs::remove_dir(record.join("in the way")).unwrap();
    std::fs::remove_dir(&record).unwrap();
    jay_testkit::write(&record, "{\"finished_at\":");
    assert!(unknown(&world), "half a record is none, and not never");
    sync_generic(&world, &rows());
    assert_eq!(last(&world)["outcome"], "ok");
    assert_eq!(world.ok("status", json!({})).get("last_session_sync_error"), None);
}

#[test]
fn sessions_that_their_client_removes_soon_are_spoken_of() {
    let world = World::new();
    let said = |world: &World| {
        let notes = world.ok("status", json!({}))["notes"].to_string();
        let findings = world.ok("doctor", json!({}))["findings"].clone();
        let finding =
            findings.as_array().unwrap().iter().find(|found| found["check"] == "sessions of clients").cloned();
        (notes.contains("not archived"), finding)
    };
    super::sessions::lay_out(&world);
    let now = world.steps.clock.now();
    let mut files = Vec::new();
    for directory in std::fs::read_dir(world.home.work_dir().join(".claude/projects")).unwrap().flatten() {
        files.extend(std::fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.path()));
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let age = |files: &[PathBuf], days: i64| {
        for file in files {
            let at =
                std::time::UNIX_EPOCH + std::time::Duration::from_micros((now.0 - days * jay_types::time::DAY) as u64);
            std::fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
        }
    };
    age(&files, 1);
    assert_eq!(said(&world), (false, None), "there is time");
    age(&files[..1], 26);
    let (is_noted, finding) = said(&world);
    let finding = finding.unwrap();
    assert!(is_noted && finding["severity"] == "warning", "{finding}");
    assert!(finding["message"].as_str().unwrap().contains("within 4 days"), "{finding}");
    age(&files[..1], 40);
    assert!(said(&world).1.unwrap()["message"].as_str().unwrap().contains("at any time"));
    world.home.write(".claude/settings.json", r#"{"cleanupPeriodDays": 365}"#);
    assert_eq!(said(&world), (false, None), "this person keeps them for a year");
    world.home.write(".claude/settings.json", "{");
    assert!(said(&world).1.is_some(), "settings that cannot be read say nothing");
    world.ok("session_sync", json!({}));
    assert_eq!(said(&world), (false, None), "archived");
}

#[test]
fn only_what_changed_lately_is_read_where_that_is_asked_for() {
    let world = World::new();
    let day = |text: &str| {
        let at = Timestamp::parse(text).unwrap();
        std::time::UNIX_EPOCH + std::time::Duration::from_micros(at.0.unsigned_abs())
    };
    for (name, changed) in [("old", "2026-01-01"), ("late", "2026-02-01")] {
        let row = json!({"session": name, "message": "m1", "role": "user", "text": "hello"});
        let file = world.home.write(format!("talks/{name}.jsonl"), format!("{row}\n"));
        std::fs::File::options().append(true).open(file).unwrap().set_modified(day(changed)).unwrap();
    }
    let sync = |since: Value, dry_run: bool| {
        let path = world.home.work_dir().join("talks");
        let input = json!({"clients": ["generic"], "path": path, "since": since, "dry_run": dry_run});
        world.ask(&super::sessions::cli(&world), "session_sync", input)
    };
    let states = |answer: &Value| (answer["sources"].as_array().unwrap().len(), answer["earlier"].clone());
    assert_eq!(states(&sync(json!("2026-02-01"), true).unwrap()), (1, json!(1)));
    let answer = sync(json!("2026-02-01"), false).unwrap();
    assert_eq!((states(&answer), &answer["messages_inserted"]), ((1, json!(1)), &json!(1)), "{answer}");
    assert!(answer["notes"].to_string().contains("left alone: 1 source that was last changed before"), "{answer}");
    assert_eq!(answer["sources"][0]["session"], "late");
    assert_eq!(states(&sync(Value::Null, false).unwrap()), (1, Value::Null), "the other was not taken for read");
    let error = sync(json!("once"), false).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (Code::BadInput, "`since`: `once` is not a time"));
}
