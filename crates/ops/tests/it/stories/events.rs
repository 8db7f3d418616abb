//! Times that hang on events: "before the release" is a time where somebody told when the release was.

use super::sessions::*;
use super::*;

const EARLIER: &str = "We decided to run the queue on port 5433";
const LATER: &str = "We decided to run the queue on port 6433";

/// Two decisions that only their time tells apart; without one the later comes first.
fn decided() -> World {
    let world = World::new();
    world.keep(json!({"text": EARLIER, "kind": "decision", "created_at": "2026-02-10"}));
    world.keep(json!({"text": LATER, "kind": "decision", "created_at": "2026-04-20"}));
    assert_eq!(ask(&world, "which port did we decide on for the queue?"), (LATER.to_owned(), None));
    world
}

/// The best hit, and what was understood of the time.
#[track_caller]
fn ask(world: &World, query: &str) -> (String, Option<String>) {
    ask_by(world, &world.me, json!({"query": query}))
}

#[track_caller]
fn ask_by(world: &World, caller: &Caller, input: Value) -> (String, Option<String>) {
    let answer = world.by(caller, "recall", input);
    let said = strings_of(&answer["notes"]).into_iter().find(|note| note.contains(" read as "));
    (texts(&answer["hits"]).first().cloned().unwrap_or_default(), said)
}

fn strings_of(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_question_hangs_on_an_event_that_was_kept() {
    let world = decided();
    let event = world.keep(json!({"text": "Released 2.0 on 3 March", "kind": "event", "created_at": "2026-03-05"}));
    // None of these tells when it was.
    world.keep(json!({"text": "Before the release we must rotate the keys", "created_at": "2025-01-01"}));
    world.keep(json!({"text": "How to release: tag, push, wait", "kind": "procedure", "created_at": "2025-02-01"}));
    world.keep(json!({"text": "The release notes were long", "created_at": "2025-03-01"}));
    let before = world.changes();
    for (time, first, day) in [
        ("before the release", EARLIER, "before 2026-03-03"),
        ("until our release", EARLIER, "until 2026-03-03"),
        ("after the release", LATER, "after 2026-03-03"),
        ("since the release", LATER, "since 2026-03-03"),
    ] {
        let note = format!("\"{time}\" read as {day} ({event})");
        let query = format!("which port did we decide on for the queue {time}?");
        assert_eq!(ask(&world, &query), (first.to_owned(), Some(note.clone())));
        let input = json!({"query": query, "kinds": ["decision"], "since": "2026-01-01"});
        assert_eq!(ask_by(&world, &agent(), input), (first.to_owned(), Some(note)), "limits are of answers");
    }
    assert_eq!(world.changes(), before, "a question writes nothing");
    let rule = "which port must the queue have before the release?";
    assert_eq!(ask(&world, rule).1, None);
    let dated = "which port did we decide on for the queue in February before the release";
    assert_eq!(ask(&world, dated), (EARLIER.to_owned(), None), "a day is surer");
}

#[test]
fn an_event_is_told_by_what_was_said_and_when() {
    let world = decided();
    world.keep(json!({"text": "the outage is over, the disk was full", "created_at": "2026-03-15T09:00:00Z"}));
    world.keep(json!({"text": "outage: all pages answered 503", "created_at": "2026-03-14T22:00:00Z"}));
    let (first, note) = ask(&world, "which port did the queue have before the outage");
    assert_eq!(first, EARLIER);
    assert!(note.is_some_and(|note| note.contains("read as before 2026-03-1")), "either text tells it");
    // An event with a span of its own.
    let migration = json!({"text": "The migration to Postgres", "kind": "event", "valid_from": "2026-02-05", "valid_to": "2026-02-15"});
    world.keep(migration);
    let query = "which port had the queue during the migration to postgres";
    let (first, note) = ask_by(&world, &world.me, json!({"query": query, "kinds": ["decision"]}));
    assert_eq!(first, EARLIER);
    assert!(note.is_some_and(|note| note.contains("read as during 2026-02-05 to 2026-02-14")));
}

#[test]
fn where_no_text_or_several_tell_of_it_the_words_are_words() {
    let world = decided();
    let query = "which port did we decide on for the queue before the release";
    assert_eq!(ask(&world, query), (LATER.to_owned(), None), "unknown");
    world.keep(json!({"text": "release 1.9 is out", "created_at": "2026-01-20"}));
    world.keep(json!({"text": "release 2.0 is out", "created_at": "2026-03-03"}));
    assert_eq!(ask(&world, query), (LATER.to_owned(), None), "two are meant");
    let answer = world.ok("recall", json!({"query": query, "explain": true}));
    let notes = strings_of(&answer["notes"]);
    assert!(notes.iter().any(|note| note.starts_with("\"before the release\" is read as words")), "{notes:?}");
    let event = world.keep(json!({"text": "The release of 2.0", "kind": "event", "created_at": "2026-03-03"}));
    let (first, note) = ask(&world, query);
    assert_eq!(first, EARLIER, "what was kept as an event counts alone");
    assert!(note.is_some_and(|note| note.ends_with(&format!("2026-03-03 ({event})"))));
    world.keep(json!({"text": "The release of 2.1", "kind": "event", "created_at": "2026-04-03"}));
    assert_eq!(ask(&world, query), (LATER.to_owned(), None));
    // They agree, but they are too many to be about one thing.
    let many = decided();
    for n in 0..17 {
        many.keep(json!({"text": format!("release candidate {n} is out"), "created_at": "2026-03-03"}));
    }
    assert_eq!(ask(&many, query).1, None);
    // Those that hang on it themselves are read and left out.
    let world = decided();
    for n in 0..12 {
        world.keep(json!({"text": format!("Before the release step {n} is done"), "created_at": "2025-03-03"}));
    }
    world.keep(json!({"text": "The release is out", "created_at": "2026-03-03"}));
    assert_eq!(ask(&world, query).0, EARLIER);
}

#[test]
fn what_a_caller_does_not_see_tells_nothing() {
    let world = decided();
    let query = "which port did we decide on for the queue before the release";
    let event =
        json!({"text": "The release", "kind": "event", "created_at": "2026-03-03", "namespace": "private/diary"});
    world.keep(event);
    world.keep(json!({"text": "The release", "kind": "event", "created_at": "2026-03-03", "namespace": "work/other"}));
    assert_eq!(ask(&world, query), (LATER.to_owned(), None), "another namespace");
    assert_eq!(ask_by(&world, &agent(), json!({"query": query})), (LATER.to_owned(), None));
    let (first, note) = ask_by(&world, &world.me, json!({"query": query, "all": true}));
    assert!(first == EARLIER && note.is_some(), "where it is asked in, it tells");
}

#[test]
fn what_was_forgotten_or_not_known_then_tells_nothing() {
    let world = decided();
    let query = "which port did we decide on for the queue before the release";
    let unaware = world.now();
    world.steps.clock.advance(jay_types::time::DAY);
    let id = world.keep(json!({"text": "The release", "kind": "event", "created_at": "2026-03-03"}));
    let aware = world.now();
    world.steps.clock.advance(jay_types::time::DAY);
    let of = |caller: &Caller, moment: &str| ask_by(&world, caller, json!({"query": query, "as_of": moment}));
    assert_eq!(of(&world.me, &unaware).1, None, "nobody had told of it");
    assert_eq!(of(&world.me, &aware).0, EARLIER);
    world.ok("forget", json!({"ids": [id]}));
    assert_eq!(ask(&world, query), (LATER.to_owned(), None));
    assert_eq!(of(&agent(), &aware).1, None, "an agent is not shown what was forgotten since");
    assert!(of(&world.me, &aware).1.is_some(), "a person is");
    let asked = json!({"query": query, "include_forgotten": true});
    assert_eq!(ask_by(&world, &world.me, asked).1, None, "shown, but it tells nothing");
}

#[test]
fn sessions_tell_of_events_too() {
    let world = World::new();
    let rows = [
        said("one", "m1", "user", "2026-02-10T10:00:00Z", "the queue listens on port 5433 now"),
        said("two", "m2", "user", "2026-03-03T10:00:00Z", "the release went out an hour ago"),
        said("two", "m3", "user", "2026-03-03T10:05:00Z", "what did we forget before the release?"),
        said("three", "m4", "user", "2026-04-20T10:00:00Z", "the queue listens on port 6433 now"),
    ];
    sync_generic(&world, &rows);
    for (time, first) in [("before the release", "m1"), ("after the release", "m4")] {
        let query = format!("which port did the queue have {time}");
        let answer = world.ok("session_search", json!({"query": query, "role": "user", "session": null}));
        let note = format!("\"{time}\" read as {} 2026-03-03 (message m2)", time.split(' ').next().unwrap());
        assert!(strings_of(&answer["notes"]).contains(&note), "{answer}");
        let ports: Vec<String> =
            strings(&answer["hits"], "message").into_iter().filter(|m| m == "m1" || m == "m4").collect();
        assert_eq!(ports.first().map(String::as_str), Some(first), "{answer}");
    }
}
