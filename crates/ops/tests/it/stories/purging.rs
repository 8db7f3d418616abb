//! Purge: no byte of the words is left in any file.

use super::*;

#[test]
fn m05_no_byte_of_a_purged_memory_is_left() {
    let world = World::with(true);
    let mut random = Random::new(11);
    let words: Vec<String> = (0..6).map(|_| random.letters(14)).collect();
    let id = world.keep(json!({
        "text": format!("{} is the first wording", words[0]), "title": words[1], "tags": [words[2]], "key": words[3],
        "source": {"uri": format!("file:{}", words[4])},
    }));
    for n in 0..60 {
        world.ok("update", json!({"id": id, "text": format!("{} wording {n} {}", words[5], random.letters(300))}));
        world.keep(json!({"text": format!("filler {n} {}", random.letters(400))}));
    }
    world.ok("jobs_run", json!({"until_empty": true}));
    world.ok("move", json!({"id": id, "to": "other"}));
    let found = |word: &str| {
        world.recall(json!({"query": word, "all": true})).iter().filter(|text| text.contains(word)).count()
    };
    assert_eq!(found(&words[5]), 1);
    let plan = world.ok("purge", json!({"ids": [id], "dry_run": true}));
    assert_eq!((&plan["done"], plan["memories"].as_array().unwrap().len()), (&json!(false), 2), "{plan}");
    assert_eq!(found(&words[5]), 1, "a dry run removes nothing");
    let purged = world.ok("purge", json!({"ids": [id]}));
    assert_eq!(purged["done"], true, "{purged}");
    assert_eq!(purged["memories"].as_array().unwrap().len(), 2, "what it was moved to goes along");
    for word in &words {
        assert_eq!(files_with(&world.home, word), [""; 0], "{word}");
        assert_eq!(found(word), 0);
    }
    assert_eq!(world.err("get", json!({"ids": [id]})).code, Code::NotFound);
    assert_eq!(world.err("purge", json!({"ids": [id]})).code, Code::NotFound);
    let history = world.ok("history", json!({"id": id}))["changes"].clone();
    assert!(strings(&history, "operation").contains(&"purge".to_owned()), "{history}");
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
    assert_eq!(world.list(json!({"limit": 100})).len(), 60);
}

#[test]
fn archived_sessions_that_hold_the_text_are_listed_and_taken_along() {
    let mut random = Random::new(5);
    let word = random.letters(16);
    for with_sources in [false, true] {
        let world = World::new();
        let rows = [
            json!({"session": "talk-000001", "message": "m1", "role": "user", "text": format!("please note: the codeword is {word}, thanks")}),
            json!({"session": "talk-000002", "message": "m1", "role": "user", "text": "an innocent talk about the codeword"}),
        ];
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let file = world.home.write("talks.jsonl", lines);
        let cli = Caller { door: Door::Cli, ..world.me.clone() };
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
        let id = world.keep(json!({"text": format!("the codeword is {word}")}));
        let purged = world.ok("purge", json!({"ids": [id], "with_sources": with_sources}));
        assert_eq!(
            purged["sessions"],
            json!([{"client": "generic", "session": "talk-000001", "message": "m1", "purged": with_sources}])
        );
        assert_eq!(purged["done"], true, "{purged}");
        let left = files_with(&world.home, &word);
        assert_eq!(left.is_empty(), with_sources, "{left:?}");
        let found = world.ok("session_search", json!({"query": word}));
        assert_eq!(found["hits"].as_array().unwrap().is_empty(), with_sources);
        let innocent = world.ok("session_search", json!({"query": "innocent"}));
        assert_eq!(innocent["hits"][0]["session"], "talk-000002");
        // What was purged does not come back with the next sync.
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
        assert_eq!(files_with(&world.home, &word).is_empty(), with_sources);
    }
}

#[test]
fn purge_is_for_people_at_hand() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    for caller in [
        agent(),
        someone("bot", ActorKind::Service, Door::Cli, "x"),
        someone("ann", ActorKind::Person, Door::Http, "x"),
    ] {
        assert_eq!(world.err_by(&caller, "purge", json!({"ids": [id]})).code, Code::Refused);
    }
    assert_eq!(world.err("purge", json!({"ids": [id, "ffffffff"]})).code, Code::NotFound);
    assert_eq!(world.recall(json!({"query": "lamp"})), ["lamp"]);
    assert_eq!(world.err("undo", json!({"x": 1})).code, Code::BadInput);
}

#[test]
fn a_copy_from_before_an_upgrade_keeps_a_purge_from_being_done() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    let copy = world.home.path().join("scrubjay/memory.db.before-2");
    jay_testkit::write(&copy, "lamp");
    let purged = world.ok("purge", json!({"ids": [id]}));
    assert_eq!(purged["done"], false, "{purged}");
    let named = purged["places"]
        .as_array()
        .unwrap()
        .iter()
        .any(|place| place["done"] == false && place["place"].as_str().unwrap().ends_with("memory.db.before-2"));
    assert!(named, "{purged}");
}
