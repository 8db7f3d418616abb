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
    assert_eq!(sync_generic(&world, &rows())["messages_inserted"], 2);
    assert_eq!(last(&world), Value::Null);
    std::fs::remove_dir(record.join("in the way")).unwrap();
    std::fs::remove_dir(&record).unwrap();
    jay_testkit::write(&record, "{\"finished_at\":");
    assert_eq!(last(&world), Value::Null, "half a record is none");
    sync_generic(&world, &rows());
    assert_eq!(last(&world)["outcome"], "ok");
}
