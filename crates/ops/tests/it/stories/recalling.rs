//! Recall: scope, filters, words, bounds, notes, time.

use super::*;

#[test]
fn a_namespace_sees_itself_its_ancestors_and_global() {
    let world = World::new();
    for path in ["work", "work/acme", "work/acme/api", "work/acme/web", "home", "global", "workshop"] {
        world.keep(json!({"text": format!("lantern of {path}"), "namespace": path}));
    }
    let seen = |input: Value| {
        let mut texts = world.recall(input);
        texts.sort();
        texts.iter().map(|text| text.trim_start_matches("lantern of ").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen(json!({"query": "lantern"})), ["global", "work", "work/acme", "work/acme/api"]);
    assert_eq!(seen(json!({"query": "lantern", "namespace": "work"})), ["global", "work"]);
    assert_eq!(seen(json!({"query": "lantern", "namespace": "home"})), ["global", "home"]);
    assert_eq!(seen(json!({"query": "lantern", "namespace": "nobody/was/here"})), ["global"]);
    assert_eq!(seen(json!({"query": "lantern", "all": true})).len(), 7);
}

#[test]
fn m12_a_small_namespace_beside_a_big_one_finds_its_own() {
    let world = World::with(true);
    let mut random = Random::new(3);
    for page in 0..5 {
        let memories: Vec<Value> = (0..1000)
            .map(|n| json!({"text": format!("deploy window {} {} {page} {n}", random.letters(6), random.letters(5)), "namespace": "big"}))
            .collect();
        world.ok("remember_batch", json!({"memories": memories}));
    }
    for n in 0..3 {
        world.keep(json!({"text": format!("among many words about everything else the deploy window of the small one is {n}"), "tags": [format!("t{n}")], "namespace": "small"}));
    }
    world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(world.recall(json!({"query": "deploy window", "namespace": "small"})).len(), 3);
    // Filters act inside the scan as well: the one memory with this tag is not behind five thousand others.
    let found = world.recall(json!({"query": "deploy window", "all": true, "tags": ["t1"]}));
    assert_eq!(found.len(), 1, "{found:?}");
    let none = world.recall(json!({"query": "deploy window", "namespace": "big", "kinds": ["gotcha"]}));
    assert_eq!(none, [""; 0]);
}

#[test]
fn filters_hold() {
    let world = World::new();
    world.keep(json!({"text": "lamp one", "kind": "gotcha", "tags": ["a", "b"], "created_at": "2026-01-10"}));
    world.keep(json!({"text": "lamp two", "kind": "fact", "tags": ["b"], "created_at": "2026-02-10"}));
    world.keep(json!({"text": "lamp three", "tags": ["a"], "created_at": "2026-03-10"}));
    let table = [
        (json!({"kinds": ["gotcha"]}), "one"),
        (json!({"kinds": ["gotcha", "fact"]}), "one two"),
        (json!({"tags": ["b"]}), "one two"),
        (json!({"tags": ["a", "b"]}), "one"),
        (json!({"since": "2026-02-10"}), "three two"),
        (json!({"until": "2026-02-10"}), "one"),
        (json!({"since": "2026-02-01", "until": "2026-03-01"}), "two"),
        (json!({"since": "80d", "kinds": ["note"]}), "three"),
    ];
    for (filter, expected) in table {
        for op in ["recall", "list"] {
            let mut input = filter.clone();
            if op == "recall" {
                input["query"] = "lamp".into();
            }
            let answer = world.ok(op, input);
            let mut found = texts(&answer[if op == "recall" { "hits" } else { "memories" }]);
            found.sort();
            let found: Vec<&str> = found.iter().map(|text| text.trim_start_matches("lamp ")).collect();
            assert_eq!(found.join(" "), expected, "{op} {filter}");
        }
    }
    for bad in [
        json!({"since": "soon"}),
        json!({"until": "3 parsecs"}),
        json!({"as_of": "pos:x"}),
        json!({"limit": 0}),
        json!({"limit": 201}),
    ] {
        let mut input = bad.clone();
        input["query"] = "lamp".into();
        assert_eq!(world.err("recall", input).code, Code::BadInput, "{bad}");
    }
    assert_eq!(world.recall(json!({"query": "lamp", "limit": 2})).len(), 2);
    assert_eq!(world.recall(json!({"query": "lamp", "limit": 200})).len(), 3);
}

#[test]
fn m12_m13_what_is_over_is_left_out_unless_asked_for() {
    for embedder in [false, true] {
        let world = World::with(embedder);
        world.keep(json!({"text": "kettle old", "key": "k"}));
        world.keep(json!({"text": "kettle new", "key": "k"}));
        world.keep(json!({"text": "kettle past", "expires_at": "2026-04-01"}));
        world.keep(json!({"text": "kettle soon past", "expires_at": "2026-05-02"}));
        let gone = world.keep(json!({"text": "kettle gone"}));
        world.ok("forget", json!({"ids": [gone]}));
        world.keep(json!({"text": "kettle undone"}));
        world.ok("undo", json!({}));
        let moved = world.keep(json!({"text": "kettle moved"}));
        world.ok("move", json!({"id": moved, "to": "elsewhere"}));
        world.ok("jobs_run", json!({"until_empty": true}));
        let seen = |field: &str| {
            let mut answers = vec![];
            for op in ["recall", "list"] {
                let mut input = if op == "recall" { json!({"query": "kettle"}) } else { json!({}) };
                if !field.is_empty() {
                    input[field] = true.into();
                }
                let answer = world.ok(op, input);
                let mut found = texts(&answer[if op == "recall" { "hits" } else { "memories" }]);
                found.sort();
                answers.push(found);
            }
            assert_eq!(answers[0], answers[1], "recall and list, {field}");
            answers.remove(0)
        };
        assert_eq!(seen(""), ["kettle new", "kettle soon past"]);
        assert_eq!(seen("include_superseded"), ["kettle new", "kettle old", "kettle soon past"]);
        assert_eq!(seen("include_expired"), ["kettle new", "kettle past", "kettle soon past"]);
        assert_eq!(seen("include_forgotten"), ["kettle gone", "kettle new", "kettle soon past"]);
        world.steps.clock.advance(2 * jay_types::time::DAY);
        assert_eq!(seen(""), ["kettle new"]);
        for op in ["recall", "list"] {
            let mut input = json!({"include_forgotten": true});
            if op == "recall" {
                input["query"] = "kettle".into();
            }
            assert_eq!(world.err_by(&agent(), op, input).code, Code::Refused);
        }
    }
}

#[test]
fn m10_words_are_found_as_people_write_them() {
    let world = World::new();
    let table = [
        ("we use retry-with-backoff for uploads", "backoff"),
        ("parseHttpHeader folds continuation lines", "http header"),
        ("the tests stand in crates/store/tests", "store tests"),
        ("std::collections::BTreeMap keeps order", "BTreeMap"),
        ("use max_connections carefully", "connections"),
        ("Restart the proxy.", "proxy"),
        ("is it the gateway?", "gateway"),
        ("東京のサーバーは夜に再起動する", "サーバー"),
        ("数据库在周末迁移", "周末"),
        ("the Müller account is résumé only", "muller resume"),
        ("the naive client", "naïve"),
        ("migrations were running twice", "migration run"),
        ("IPv6 is off at 10.0.0.12", "10.0.0.12"),
    ];
    for (text, _) in table {
        world.keep(json!({"text": text}));
    }
    for (text, query) in table {
        let found = world.recall(json!({"query": query}));
        assert_eq!(found.first().map(String::as_str), Some(text), "{query}: {found:?}");
    }
}

#[test]
fn a_quoted_phrase_is_demanded() {
    let world = World::new();
    world.keep(json!({"text": "the red lamp is on the desk"}));
    world.keep(json!({"text": "the lamp is red"}));
    assert_eq!(world.recall(json!({"query": "red lamp"})).len(), 2);
    assert_eq!(world.recall(json!({"query": "\"red lamp\""})), ["the red lamp is on the desk"]);
    assert_eq!(world.recall(json!({"query": "\"lamp red\""})), [""; 0]);
}

#[test]
fn queries_of_any_shape_are_answered() {
    let world = World::new();
    world.keep(json!({"text": "a lamp"}));
    for query in [
        "\"",
        "\"\"",
        "AND OR NOT",
        "lamp AND",
        "NEAR(lamp)",
        "*",
        "lamp*",
        "terms:lamp",
        "(((",
        "-lamp",
        "…",
        "🙂",
        "' OR 1=1 --",
        "ns1",
        "{scope}: ns1",
    ] {
        world.ok("recall", json!({"query": query}));
    }
    assert_eq!(world.recall(json!({"query": "terms:lamp"})), ["a lamp"]);
    assert_eq!(world.err("recall", json!({"query": "  "})).code, Code::BadInput);
}

#[test]
fn m11_long_texts_and_queries_are_bounded() {
    let world = World::new();
    let long: String = (0..8_000).map(|n| format!("w{n} ")).collect();
    world.keep(json!({"text": format!("{long} needle in the hay")}));
    let started = jay_testkit::Stopwatch::start();
    let query: String = (0..100_000).map(|n| format!("q{n} ")).collect::<String>() + "needle";
    let cli = Caller { door: Door::Cli, ..world.me.clone() };
    let answer = world.by(&cli, "recall", json!({"query": query}));
    assert!(answer["notes"].to_string().contains("cut"), "{}", answer["notes"]);
    assert_eq!(world.err("recall", json!({"query": query})).code, Code::BadInput);
    let found = world.ok("recall", json!({"query": "needle hay"}));
    let hit = &found["hits"][0];
    assert!(
        hit["text"].as_str().unwrap().contains("needle in the hay") && hit["text"].as_str().unwrap().len() < 4_000,
        "{hit}"
    );
    let span = (hit["span"][0].as_u64().unwrap(), hit["span"][1].as_u64().unwrap());
    assert!(span.0 > 1000 && span.1 - span.0 < 2000, "{span:?}");
    let repeated = "needle ".repeat(2_000);
    assert_eq!(world.recall(json!({"query": repeated})).len(), 1);
    let words: String = (0..100_000).map(|n| format!("w{n} ")).collect();
    assert_eq!(world.err("remember", json!({"text": words})).code, Code::BadInput);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn m09_nothing_relevant_is_an_empty_answer() {
    let world = World::new();
    assert_eq!(world.ok("recall", json!({"query": "zeppelin"})), json!({"hits": [], "notes": ["text_only"]}));
    world.keep(json!({"text": "the kettle is blue"}));
    assert_eq!(world.recall(json!({"query": "zeppelin"})), [""; 0]);
}

#[test]
fn m08_relevance_first_and_the_rest_breaks_ties() {
    let world = World::new();
    world.keep(json!({"text": "the staging database listens on port 5433"}));
    world.keep(json!({"text": "staging is slow on mondays", "importance": 1.0, "pinned": true}));
    world.keep(json!({"text": "staging has a blue banner", "importance": 0.1}));
    let found = world.recall(json!({"query": "which port does the staging database listen on"}));
    assert_eq!(found[0], "the staging database listens on port 5433");
    let why = world.ok("recall", json!({"query": "staging port", "explain": true}))["hits"][0]["why"].clone();
    assert!(why.as_array().is_some_and(|why| !why.is_empty()), "{why}");
    assert!(world.ok("recall", json!({"query": "staging port"}))["hits"][0].get("why").is_none());
}

#[test]
fn an_answer_fits_into_its_tokens() {
    let world = World::new();
    for n in 0..20 {
        world.keep(json!({"text": format!("lamp number {n} {}", format!("x{n} ").repeat(60))}));
    }
    let all = world.ok("recall", json!({"query": "lamp", "limit": 20}));
    assert_eq!(all["hits"].as_array().unwrap().len(), 20);
    let some = world.ok("recall", json!({"query": "lamp", "limit": 20, "max_tokens": 400}));
    let count = some["hits"].as_array().unwrap().len();
    assert!((1..20).contains(&count), "{count}");
    assert!(some["notes"].to_string().contains("did not fit into 400 tokens"), "{}", some["notes"]);
}

#[test]
fn notes_say_what_was_not_looked_at() {
    let plain = World::new();
    plain.keep(json!({"text": "a lamp"}));
    assert_eq!(plain.ok("recall", json!({"query": "lamp"}))["notes"], json!(["text_only"]));
    assert_eq!(plain.ok("jobs_list", json!({}))["jobs"], json!([]), "without an embedder nothing is queued");

    let world = World::with(true);
    for n in 0..3 {
        world.keep(json!({"text": format!("lamp {n}")}));
    }
    world.keep(json!({"text": "lamp elsewhere", "namespace": "other"}));
    let notes = |world: &World| world.ok("recall", json!({"query": "lamp"}))["notes"].clone();
    assert_eq!(notes(&world), json!(["3 memories are not embedded yet"]));
    assert_eq!(world.ok("status", json!({}))["not_embedded"], 4);
    let run = world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!((&run["done"], &run["failed"], &run["pending"]), (&json!(4), &json!(0), &json!(0)));
    assert_eq!(notes(&world), json!([]));
    world.keep(json!({"text": "one more lamp"}));
    assert_eq!(notes(&world), json!(["1 memory is not embedded yet"]));
    // A fresh write is found at once.
    assert_eq!(world.recall(json!({"query": "one more"}))[0], "one more lamp");
}

#[test]
fn m14_as_of_shows_the_wording_of_that_time() {
    let world = World::new();
    let id = world.keep(json!({"text": "the port is 5432", "tags": ["db"]}));
    let gone = world.keep(json!({"text": "the port of the old proxy", "expires_at": "2026-05-03"}));
    let then = world.now();
    world.steps.clock.advance(jay_types::time::DAY);
    world.ok("update", json!({"id": id, "text": "the harbour is 5433", "tags": ["net"]}));
    world.ok("forget", json!({"ids": [gone]}));
    world.keep(json!({"text": "a port that came later"}));
    world.steps.clock.advance(5 * jay_types::time::DAY);
    let mut now = world.recall(json!({"query": "port"}));
    now.sort();
    assert_eq!(now, ["a port that came later"]);
    for as_of in [then, "pos:5".to_owned()] {
        let mut found = world.recall(json!({"query": "port", "as_of": as_of}));
        found.sort();
        assert_eq!(found, ["the port is 5432", "the port of the old proxy"], "{as_of}");
        assert_eq!(world.recall(json!({"query": "harbour", "as_of": as_of})), [""; 0]);
        let mut listed = world.list(json!({"as_of": as_of}));
        listed.sort();
        assert_eq!(listed, found, "{as_of}");
        assert_eq!(world.list(json!({"as_of": as_of, "tags": ["db"]})), ["the port is 5432"]);
        let memory = world.ok("get", json!({"ids": [id], "as_of": as_of}))["memories"][0].clone();
        assert_eq!((&memory["text"], &memory["version"]), (&json!("the port is 5432"), &json!(1)));
    }
    assert_eq!(world.recall(json!({"query": "port", "as_of": "2020-01-01"})), [""; 0]);
    assert_eq!(world.err("get", json!({"ids": [id], "as_of": "2020-01-01"})).code, Code::NotFound);
}
