//! A session that is erased: no byte of it is left, and no sync brings it back.

use super::sessions::{cli, lay_out, said, sync_generic};
use super::*;

fn rows(word: &str) -> Vec<Value> {
    vec![
        said("s1", "m1", "user", "2026-05-01T10:00:00Z", &format!("where does the {word} lamp stand")),
        said("s1", "m2", "assistant", "2026-05-01T10:00:01Z", "on the shelf"),
        said("s2", "m1", "user", "2026-05-01T11:00:00Z", "what else is there"),
    ]
}

fn archive_files_with(world: &World, word: &str) -> Vec<String> {
    let mut left = files_with(&world.home, word);
    let (_, archive) = stores_of(world);
    archive
        .read(|tx| -> Result<(), Error> {
            tx.each_body(&mut |body: &jay_store::HeldBody<'_>| {
                if String::from_utf8_lossy(body.json.unwrap()).contains(word) {
                    left.push("a body".to_owned());
                }
                Ok(())
            })
        })
        .unwrap();
    left
}

#[test]
fn an_erased_session_is_gone_and_stays_away() {
    let world = World::new();
    let word = "zirbelholz";
    sync_generic(&world, &rows(word));
    let plan = world.by(&cli(&world), "session_erase", json!({"session": "s1", "dry_run": true}));
    assert_eq!(plan["sessions"], json!([{"client": "generic", "session": "s1", "messages": 2}]));
    assert_eq!(plan["done"], false);
    assert!(!archive_files_with(&world, word).is_empty(), "a dry run removes nothing");
    let erased = world.by(&cli(&world), "session_erase", json!({"session": "s1", "purge": true}));
    assert_eq!(erased["done"], true, "{erased}");
    assert_eq!(archive_files_with(&world, word), Vec::<String>::new());
    let again =
        sync_generic(&world, &[rows(word), vec![said("s1", "m3", "user", "2026-05-02T10:00:00Z", word)]].concat());
    assert_eq!(again["messages_inserted"], 0, "{again}");
    assert!(again["messages_left_out"].as_u64().unwrap() > 0);
    let listed = world.ok("session_list", json!({}))["sessions"].as_array().unwrap().clone();
    assert_eq!(listed.iter().map(|row| row["session"].clone()).collect::<Vec<_>>(), ["s2"]);
    assert_eq!(archive_files_with(&world, word), Vec::<String>::new(), "nor did the sync bring a byte of it");
    let error = world.ask(&cli(&world), "session_erase", json!({"session": "s1", "purge": true})).unwrap_err();
    assert_eq!(error.code, Code::NotFound);
}

#[test]
fn subagents_go_with_their_session() {
    let world = World::new();
    lay_out(&world);
    world.ok("session_sync", json!({}));
    let before = world.ok("session_list", json!({"limit": 200}))["sessions"].as_array().unwrap().clone();
    let parent = "5b0c1f6e-8a1d-4c57-9f0e-2f6f6b1d7a10";
    let of_parent = |row: &&Value| row["session"].as_str().unwrap().starts_with(&format!("{parent}/"));
    let children = before.iter().filter(of_parent).count();
    assert!(children > 0 && before.iter().filter(|row| row["parent"] == parent).count() > children, "one continues it");
    let erased = world.by(&cli(&world), "session_erase", json!({"session": parent, "purge": true}));
    assert_eq!(erased["sessions"].as_array().unwrap().len(), 1 + children, "{erased}");
    let after = world.ok("session_list", json!({"limit": 200}))["sessions"].as_array().unwrap().len();
    assert_eq!(after, before.len() - 1 - children);
    assert!(world.ok("doctor", json!({}))["healthy"].as_bool().unwrap());
    // One that its client writes only now is left out as well: it tells of the same work.
    let subagents = world.home.work_dir().join(format!(".claude/projects/-home-mira-code-lantern/{parent}/subagents"));
    let text = std::fs::read_to_string(subagents.join("agent-7f3a9c21.jsonl")).unwrap();
    jay_testkit::write(subagents.join("agent-11a7e000.jsonl"), text.replace("7f3a9c21", "11a7e000"));
    let synced = world.ok("session_sync", json!({}));
    assert_eq!(synced["messages_inserted"], 0, "{synced}");
    assert!(synced["messages_left_out"].as_u64().unwrap() > 0, "{synced}");
}

#[test]
fn erasing_is_for_people_who_say_that_they_mean_it() {
    let world = World::new();
    sync_generic(&world, &rows("lamp"));
    let error = world.ask(&cli(&world), "session_erase", json!({"session": "s1"})).unwrap_err();
    assert_eq!(error.code, Code::BadInput);
    assert!(error.hint.unwrap().contains("--purge"));
    let agent = Caller { door: Door::Mcp, ..world.me.clone() };
    assert!(world.ask(&agent, "session_erase", json!({"session": "s1", "purge": true})).is_err());
    assert_eq!(world.ok("session_list", json!({}))["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn an_erasing_that_is_sent_twice_answers_alike() {
    let world = World::new();
    sync_generic(&world, &rows("lamp"));
    let caller = Caller { door: Door::Cli, ..world.me.clone() };
    let input = json!({"session": "s1", "purge": true, "idempotency_key": "once"});
    let first = world.by(&caller, "session_erase", input.clone());
    assert_eq!(first, world.by(&caller, "session_erase", input));
}
