//! Rules for how long sessions are kept: without one nothing goes, and what goes is gone as if it was erased by hand.

use super::sessions::{cli, said, sync_generic};
use super::*;

fn rows() -> Vec<Value> {
    vec![
        said("old", "m1", "user", "2020-05-01T10:00:00Z", "where does the zirbelholz lamp stand"),
        said("grown", "m1", "user", "2020-05-01T10:00:00Z", "an old beginning"),
        said("grown", "m2", "user", "2100-05-01T10:00:00Z", "and a late end"),
        json!({"session": "untimed", "message": "m1", "role": "user", "text": "when was that"}),
    ]
}

fn sessions(world: &World) -> Vec<String> {
    let listed = world.ok("session_list", json!({"limit": 200}));
    let mut names: Vec<String> =
        listed["sessions"].as_array().unwrap().iter().map(|row| row["session"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn without_a_rule_everything_is_kept() {
    let world = World::new();
    sync_generic(&world, &rows());
    for input in [json!({"purge": true}), json!({"dry_run": true}), json!({})] {
        let answer = world.by(&cli(&world), "session_retention", input);
        assert_eq!((&answer["sessions"], &answer["done"]), (&json!([]), &json!(true)), "{answer}");
        assert!(answer["notes"][0].as_str().unwrap().contains("everything is kept"));
    }
    assert_eq!(sessions(&world), ["grown", "old", "untimed"]);
}

#[test]
fn what_is_older_than_its_rule_goes_for_good() {
    let world = World::new().keeping("codex=1d, generic=30d, *=forever");
    sync_generic(&world, &rows());
    let plan = world.by(&cli(&world), "session_retention", json!({"dry_run": true}));
    assert_eq!(plan["sessions"], json!([{"client": "generic", "session": "old", "messages": 1}]));
    assert_eq!((&plan["done"], sessions(&world).len()), (&json!(false), 3), "a dry run removes nothing");
    let error = world.ask(&cli(&world), "session_retention", json!({})).unwrap_err();
    assert!(error.code == Code::BadInput && error.hint.unwrap().contains("--purge"));
    let answer = world.by(&cli(&world), "session_retention", json!({"purge": true}));
    assert_eq!(answer["done"], true, "{answer}");
    assert_eq!(answer["rules"][1], json!({"rule": "generic=30d", "sessions": 3, "older": 1}));
    assert_eq!(answer["rules"][2]["sessions"], 0);
    // What tells no time is not old.
    assert_eq!(sessions(&world), ["grown", "untimed"]);
    assert_eq!(files_with(&world.home, "zirbelholz"), Vec::<String>::new());
    let again = sync_generic(&world, &rows());
    assert_eq!((&again["messages_inserted"], sessions(&world).len()), (&json!(0), 2), "{again}");
    let nothing = world.by(&cli(&world), "session_retention", json!({"purge": true}));
    assert_eq!((&nothing["sessions"], &nothing["done"]), (&json!([]), &json!(true)));
}

#[test]
fn the_first_rule_that_fits_decides_and_a_namespace_means_what_is_below() {
    for (rules, kept) in [
        ("generic=forever, *=1d", 3),
        ("*@home/mira=1d", 2),
        ("*@home/mira/old=1d", 2),
        ("*@home/mir=1d", 3),
        ("*@home/mira/grown=forever, *=1d", 2),
    ] {
        let world = World::new().keeping(rules);
        sync_generic(&world, &rows());
        world.by(&cli(&world), "session_retention", json!({"purge": true}));
        assert_eq!(sessions(&world).len(), kept, "{rules}: {:?}", world.ok("session_list", json!({})));
    }
}

#[test]
fn a_session_stays_with_its_parent_and_its_subagents() {
    let world = World::new().keeping("*=30d");
    let (old, late) = ("2020-05-01T10:00:00Z", "2100-05-01T10:00:00Z");
    let of = |session: &str, parent: Option<&str>, at: &str| {
        let mut row = said(session, "m1", "user", at, "some words");
        if let Some(parent) = parent {
            row["parent"] = parent.into();
            row["relation"] = "subagent".into();
        }
        row
    };
    let rows = [
        of("late", None, late),
        of("old-of-late", Some("late"), old),
        of("old-with-late", None, old),
        of("late-of-old", Some("old-with-late"), late),
        of("beside-it", Some("old-with-late"), old),
        of("old", None, old),
        of("old-of-old", Some("old"), old),
    ];
    sync_generic(&world, &rows);
    let answer = world.by(&cli(&world), "session_retention", json!({"purge": true}));
    assert_eq!(sessions(&world), ["beside-it", "late", "late-of-old", "old-of-late", "old-with-late"], "{answer}");
    assert_eq!(answer["notes"], json!(["kept although older: 3, with a parent or subagent that is kept"]));
}

#[test]
fn rules_are_for_people_and_a_wrong_one_erases_nothing() {
    let world = World::new().keeping("generic=30 weeks");
    sync_generic(&world, &rows());
    let error = world.ask(&cli(&world), "session_retention", json!({"purge": true})).unwrap_err();
    assert!(error.code == Code::BadInput && error.hint.unwrap().contains("codex=180d"));
    let agent = someone("bot", ActorKind::Agent, Door::Cli, "work/acme/api");
    let error = world.ask(&agent, "session_retention", json!({"purge": true})).unwrap_err();
    assert_eq!((error.code, sessions(&world).len()), (Code::Refused, 3));
}
