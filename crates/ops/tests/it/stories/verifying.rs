//! Sources that are compared with the archive, row by row.

use super::sessions::{cli, lay_out, lay_out_more, said, sync_generic};
use super::*;

fn verify(world: &World, dry_run: bool) -> Value {
    world.ok("session_sync", json!({"verify": true, "dry_run": dry_run}))
}

/// The generic client's file, compared.
fn verify_file(world: &World, file: &Path, dry_run: bool) -> Value {
    let input = json!({"clients": ["generic"], "path": file, "verify": true, "dry_run": dry_run});
    world.by(&cli(world), "session_sync", input)
}

fn row(message: &str, text: &str) -> Value {
    said("s-000001", message, "user", "2026-05-01T10:00:00Z", text)
}

fn append(file: &Path, text: &str) {
    use std::io::Write as _;
    std::fs::File::options().append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Missing and compared rows, and sources that are being changed.
fn found(answer: &Value) -> (u64, u64, u64) {
    let number = |field: &str| answer["verified"][field].as_u64();
    (number("rows_missing").unwrap(), number("rows").unwrap(), number("changing").unwrap_or(0))
}

#[test]
fn of_every_client_all_rows_are_there() {
    let world = World::new();
    lay_out(&world);
    lay_out_more(&world);
    let data = world.home.work_dir().join(".local/share/opencode");
    jay_testkit::foreign::lay_out(&fixtures().join("opencode/1.2"), &data);
    let synced = verify(&world, false);
    let (missing, rows, changing) = found(&synced);
    assert_eq!((&synced["outcome"], missing, changing), (&json!("ok"), 0, 0), "{synced}");
    let messages = synced["messages_inserted"].as_u64().unwrap();
    assert!(rows > messages / 2 && messages > 100, "{rows} rows, {messages} messages");
    assert_eq!(synced["verified"]["sources"], synced["sources"].as_array().unwrap().len());
    let before = world.changes();
    let again = verify(&world, false);
    assert_eq!((&again["verified"], &again["sources"]), (&synced["verified"], &json!([])), "{again}");
    assert_eq!(world.changes(), before);
    assert_eq!(world.ok("session_sync", json!({})).get("verified"), None, "it was not asked for");
}

#[test]
fn a_row_that_changed_in_the_middle_is_found_and_taken_in() {
    let world = World::new();
    let filler: Vec<Value> = (0..200).map(|n| row(&format!("m{n}"), &format!("the lamp of room {n} is lit"))).collect();
    sync_generic(&world, &filler);
    let file = world.home.work_dir().join("talks.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("the lamp of room 100 is lit", "the lamp of room 100 is out");
    assert_eq!(text.len(), changed.len(), "neither size nor ends tell");
    jay_testkit::write(&file, format!("{changed}{}\n", row("m200", "all lamps are told of")));
    let input = json!({"clients": ["generic"], "path": file});
    assert_eq!(world.by(&cli(&world), "session_sync", input)["messages_inserted"], 1, "a sync goes by the ends");
    let planned = verify_file(&world, &file, true);
    assert_eq!(found(&planned), (1, 201, 0), "{planned}");
    assert_eq!((&planned["outcome"], &planned["sources"][0]["rows_missing"]), (&json!("planned"), &json!(1)));
    assert!(planned["notes"].to_string().contains("1 row was missing of 1 source"), "{planned}");
    let mended = verify_file(&world, &file, false);
    assert_eq!((found(&mended).0, &mended["sources"][0]["state"]), (1, &json!("incomplete")), "{mended}");
    assert_eq!((mended["sources"].as_array().unwrap().len(), &mended["fresh"]), (1, &json!(0)), "told of once");
    assert_eq!(found(&verify_file(&world, &file, false)), (0, 201, 0));
    let shown = world.ok("session_show", json!({"session": "s-000001", "around": "m100", "limit": 1}));
    assert!(shown.to_string().contains("room 100 is out"), "{shown}");
    assert_eq!(world.ok("session_list", json!({}))["sessions"][0]["messages"], 201, "each is there once");
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
}

#[test]
fn rows_that_came_in_pieces_are_one() {
    let world = World::new();
    // Longer than a row that is parsed, and written while it is read.
    let long = row("m2", &"lantern ".repeat(700_000)).to_string();
    let (first, rest) = long.split_at(long.len() - 100_000);
    let file = world.home.write("talks.jsonl", format!("{}\r\n{first}", row("m1", "hello")));
    let sync = || world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": file}));
    sync();
    append(&file, rest);
    sync();
    append(&file, "\r\n\n");
    append(&file, &row("m3", "without an ending").to_string());
    sync();
    append(&file, "\n");
    let answer = verify_file(&world, &file, false);
    assert_eq!(found(&answer), (0, 3, 0), "{answer}");
}

#[test]
fn what_was_written_since_is_new_and_what_was_erased_is_not_missing() {
    let world = World::new();
    let other = said("s-000002", "m1", "user", "2026-05-01T10:00:00Z", "where is the ladder");
    sync_generic(&world, &[row("m1", "hello"), other, row("m2", "again")]);
    let file = world.home.work_dir().join("talks.jsonl");
    append(&file, &format!("{}\n", row("m3", "and again")));
    assert_eq!(found(&verify_file(&world, &file, true)), (0, 3, 0), "the fourth is new");
    world.by(&cli(&world), "session_erase", json!({"session": "s-000002", "purge": true}));
    assert_eq!(found(&verify_file(&world, &file, false)), (0, 3, 0), "all but the erased one");
    jay_testkit::write(&file, format!("{}\n", row("m9", "another file")));
    let planned = verify_file(&world, &file, true);
    assert_eq!((found(&planned), &planned["sources"][0]["state"]), ((0, 1, 1), &json!("rewritten")), "{planned}");
    assert_eq!(found(&verify_file(&world, &file, false)), (0, 1, 0));
}

#[test]
fn rows_that_the_archive_has_lost_are_read_in_again() {
    let world = World::new();
    sync_generic(&world, &[row("m1", "hello"), row("m2", "again")]);
    let file = world.home.work_dir().join("talks.jsonl");
    // The record says that more was read than is there: that of another store, brought here by a person.
    let other = World::new();
    sync_generic(&other, &[row("m1", "hello"), row("m2", "again"), row("m3", "and again")]);
    let cursor = stores_of(&other).1.read(|tx| tx.source_cursors()).unwrap().remove(0);
    append(&file, &format!("{}\n", row("m3", "and again")));
    let (_, archive) = stores_of(&world);
    archive
        .write(&jay_store::ActorName { kind: "person".to_owned(), name: "ann".to_owned() }, |w| {
            w.note_source("generic", &file.display().to_string(), 0, &cursor.cursor)
        })
        .unwrap();
    let answer = verify_file(&world, &file, false);
    assert_eq!((found(&answer).0, &answer["messages_inserted"]), (1, &json!(3)), "{answer}");
    assert_eq!(found(&verify_file(&world, &file, false)), (0, 3, 0));
    assert_eq!(world.ok("session_list", json!({}))["sessions"][0]["messages"], 3);
}
