//! Search in archived sessions.

use super::sessions::*;
use super::*;

#[test]
fn m15_search_finds_the_turn_and_counts_honestly() {
    let world = World::new();
    let mut rows = vec![];
    for n in 0..40 {
        let word = if n % 4 == 0 { "zeppelin" } else { "balloon" };
        let role = if n % 2 == 0 { "user" } else { "assistant" };
        rows.push(said(
            &format!("talk-{:06}", n / 10),
            &format!("m{n}"),
            role,
            &format!("2026-03-{:02}T10:{:02}:00Z", n / 10 + 1, n % 10),
            &format!("we spoke of the {word} {n}"),
        ));
    }
    sync_generic(&world, &rows);
    let search = |input: Value| world.ok("session_search", input);
    let found = search(json!({"query": "zeppelin", "limit": 50}));
    assert_eq!(
        (&found["matched"], &found["searchable"], &found["has_more"]),
        (&json!(10), &json!(40), &json!(false)),
        "{found}"
    );
    let hits = texts(&found["hits"]);
    assert!(hits[..10].iter().all(|text| text.contains("zeppelin")), "{hits:?}");
    let some = search(json!({"query": "zeppelin", "limit": 3}));
    assert_eq!(
        (some["hits"].as_array().unwrap().len(), &some["matched"], &some["has_more"]),
        (3, &json!(10), &json!(true))
    );
    let grouped = search(json!({"query": "zeppelin", "group": "session"}));
    let mut sessions = strings(&grouped["hits"], "session");
    sessions.sort();
    assert_eq!(sessions, ["talk-000000", "talk-000001", "talk-000002", "talk-000003"]);
    assert_eq!(grouped["has_more"], false);
    for (filter, matched) in [
        (json!({"session": "talk-000001"}), 2),
        (json!({"role": "assistant"}), 0),
        (json!({"role": "user"}), 10),
        (json!({"since": "2026-03-04"}), 2),
        (json!({"until": "2026-03-02"}), 3),
        (json!({"client": "codex"}), 0),
        (json!({"project": "talk-000002"}), 3),
    ] {
        let mut input = filter.clone();
        input["query"] = "zeppelin".into();
        input["limit"] = 50.into();
        let found = search(input);
        assert_eq!(found["matched"], matched, "{filter}: {found}");
        assert_eq!(texts(&found["hits"]).iter().filter(|text| text.contains("zeppelin")).count(), matched, "{filter}");
    }
    let phrase = search(json!({"query": "\"zeppelin 8\"", "limit": 50}));
    assert_eq!(strings(&phrase["hits"], "message"), ["m8"]);
    assert_eq!(phrase["has_more"], false, "{phrase}");
    assert_eq!(search(json!({"query": "submarine"}))["hits"], json!([]));
    let hit = &search(json!({"query": "zeppelin 8", "explain": true}))["hits"][0];
    assert_eq!((&hit["message"], &hit["client"], &hit["role"]), (&json!("m8"), &json!("generic"), &json!("user")));
    assert!(hit["why"].as_array().is_some_and(|why| !why.is_empty()));
}

#[test]
fn the_sample_answers_its_questions() {
    let world = World::new();
    let file = world.home.write("sample.jsonl", jay_core::sessions::sample());
    world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": file}));
    for (query, expected) in
        [("which port does staging postgres listen on", "5433"), ("how does the OCC retry loop end", "retr")]
    {
        let found = world.ok("session_search", json!({"query": query}));
        let first = found["hits"][0]["text"].as_str().unwrap().to_lowercase();
        assert!(first.contains(expected), "{query}: {first}");
    }
}

#[test]
fn m07_search_with_vectors_counts_the_same() {
    let world = World::with(true);
    let rows: Vec<Value> = (0..12)
        .map(|n| said("talk-000001", &format!("m{n}"), "user", "2026-03-01", &format!("turn {n} of the beacon")))
        .collect();
    sync_generic(&world, &rows);
    let matched = || world.ok("session_search", json!({"query": "beacon"}))["matched"].clone();
    assert_eq!(matched(), 12);
    world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(matched(), 12);
    let found = world.ok("session_search", json!({"query": "beacon 7", "limit": 1}));
    assert_eq!(found["hits"][0]["message"], "m7");
    assert_eq!(found["notes"], json!([]));
    assert_eq!(world.ok("status", json!({}))["not_embedded"], 0);
}

#[test]
fn what_is_synced_is_found_by_meaning_at_once() {
    let world = World::embedding(jay_core::EmbedderChoice::BuiltIn);
    let texts = ["the automobile is in the garage", "we planted beans", "the deploy failed on friday"];
    let rows: Vec<Value> =
        (0..).zip(texts).map(|(n, text)| said("talk-000001", &format!("m{n}"), "user", "2026-03-01", text)).collect();
    assert_eq!(world.ok("session_search", json!({"query": "car"}))["notes"], json!([]), "nothing is here yet");
    sync_generic(&world, &rows);
    let found = world.ok("session_search", json!({"query": "where is my car", "limit": 1}));
    assert_eq!((&found["hits"][0]["message"], &found["notes"]), (&json!("m0"), &json!([])), "{found}");
    assert_eq!(world.ok("jobs_list", json!({}))["jobs"], json!([]));
}

#[test]
fn the_machine_of_ingest_is_a_filter() {
    let world = World::new();
    let row = |session: &str, id: &str| said(session, id, "user", "2026-03-01", &format!("the beacon of {id}"));
    sync_generic(&world, &[row("talk-000001", "m1"), row("talk-000002", "m2")]);
    let world = world.on("barge");
    let handed_in = json!([{"id": "m3", "role": "user", "text": "the beacon of m3"}]);
    for session in ["talk-000002", "talk-000003"] {
        let input = json!({"client": "generic", "session": session, "messages": handed_in});
        assert_eq!(world.ok("session_append", input)["inserted"], 1);
    }
    for (host, sessions, matched) in [
        ("host", vec!["talk-000001", "talk-000002"], 3),
        // A session that two machines hold belongs to both; names of machines have no case.
        ("Barge", vec!["talk-000002", "talk-000003"], 3),
        ("bar", vec![], 0),
    ] {
        let listed = world.ok("session_list", json!({"host": host}));
        let mut found = strings(&listed["sessions"], "session");
        found.sort();
        assert_eq!(found, sessions, "{host}");
        let found = world.ok("session_search", json!({"query": "beacon", "host": host}));
        assert_eq!((&found["matched"], &found["searchable"]), (&json!(matched), &json!(matched)), "{host}: {found}");
    }
}
