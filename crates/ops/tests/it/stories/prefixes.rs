//! Beginnings of words: `deploy*` over memories and messages, at once and out of segments, now and then.

use super::*;
use jay_core::{Door, EmbedderChoice};

const TEXTS: [&str; 6] = [
    "The deployment of the api takes nine minutes",
    "parse_http_header drops the trailing CRLF",
    "crates/store/src/network/mod.rs holds the sockets",
    "Retry loops give up after 7 tries",
    "The staging database listens on 5433",
    "Karl-Heinz keeps the 港 keys",
];

/// (query, the texts that are found).
const TABLE: [(&str, &[usize]); 15] = [
    ("deploy*", &[0]),
    ("deploym*", &[0]),
    ("DÉPLOY*", &[0]),
    ("parse_http*", &[1]),
    ("parseHttp*", &[1]),
    ("parse_*", &[1]),
    ("src/net*", &[2]),
    ("netw*", &[2]),
    ("54*", &[4]),
    ("karl-h*", &[5]),
    ("minut* stag*", &[0, 4]),
    ("\"retry loo*\"", &[3]),
    ("\"loo* retry\"", &[]),
    ("\"crates/store/src/net*\"", &[2]),
    ("nothingbeginsso*", &[]),
];

#[test]
fn words_that_begin_so_are_found_and_nothing_else() {
    for embedder in [EmbedderChoice::BuiltIn, EmbedderChoice::None] {
        let world = World::embedding(embedder);
        TEXTS.iter().for_each(|text| drop(world.keep(json!({"text": text}))));
        let rows = TEXTS.iter().enumerate().map(|(n, text)| {
            // A session each: the turns beside a hit can be hits, too.
            format!(
                "{}\n",
                json!({"session": format!("talk-{n}"), "message": format!("m{n}"), "role": "user", "text": text})
            )
        });
        let file = world.home.write("talks.jsonl", rows.collect::<String>());
        let cli = Caller { door: Door::Cli, ..world.me.clone() };
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
        let moment = world.now();
        for (query, expected) in TABLE {
            let expected: Vec<&str> = expected.iter().map(|n| TEXTS[*n]).collect();
            let sorted = |mut found: Vec<String>| {
                found.sort_by_key(|text| TEXTS.iter().position(|known| known == text));
                found
            };
            assert_eq!(sorted(world.recall(json!({"query": query}))), expected, "{query} ({embedder:?})");
            let then = json!({"query": query, "as_of": moment});
            assert_eq!(sorted(world.recall(then)), expected, "{query} at a moment");
            let found = world.ok("session_search", json!({"query": query}));
            assert_eq!(sorted(texts(&found["hits"])), expected, "{query} in sessions");
            if !query.contains('"') {
                assert_eq!(found["matched"], expected.len(), "{query}: {found}");
            }
        }
    }
}

#[test]
fn a_beginning_stands_beside_words_and_their_meaning() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    TEXTS.iter().for_each(|text| drop(world.keep(json!({"text": text}))));
    // The whole word is weighed with the begun one, and compared by meaning.
    let answer =
        world.ok("recall", json!({"query": "which port has the stag*", "explain": true, "min_confidence": 0.0}));
    assert_eq!(answer["hits"][0]["text"], TEXTS[4], "{answer}");
    assert_eq!(answer["notes"], json!([]));
    assert!(strings(&answer["hits"][0]["why"], "leg").contains(&"vector".to_owned()), "{answer}");
    assert!(answer["confidence"].as_f64().unwrap() > 0.0);
    let alone = world.ok("recall", json!({"query": "stag*"}));
    assert_eq!(alone["notes"], json!(["text_only"]), "the beginning of a word has no meaning to compare");
}

#[test]
fn the_begun_word_is_in_the_window_of_a_long_text() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let filler = "lorem ipsum dolor sit amet ".repeat(60);
    world.keep(json!({"text": format!("{filler} the deployment needs two keys. {filler}")}));
    for query in ["deploy*", "\"the deplo*\"", "deploym*"] {
        let answer = world.ok("recall", json!({"query": query}));
        assert!(answer["hits"][0]["text"].as_str().unwrap().contains("deployment needs"), "{query}: {answer}");
        assert!(answer["hits"][0]["span"].is_array(), "{answer}");
    }
}

#[test]
fn what_is_not_looked_for_is_said() {
    let world = World::new();
    TEXTS.iter().for_each(|text| drop(world.keep(json!({"text": text}))));
    for (query, found) in [("a*", 0), ("d* staging", 1)] {
        for operation in ["recall", "session_search"] {
            let answer = world.ok(operation, json!({"query": query}));
            if operation == "recall" {
                assert_eq!(answer["hits"].as_array().unwrap().len(), found, "{query}: {answer}");
            }
            assert!(answer["notes"].to_string().contains("needs 2 letters"), "{query}: {answer}");
        }
    }
    // 1,100 identifiers, and the letters that they have in common.
    let many: String = (0..1100).map(|n| format!("qu{n:05} ")).collect();
    world.keep(json!({"text": many}));
    let answer = world.ok("recall", json!({"query": "qu*"}));
    assert_eq!(answer["hits"].as_array().unwrap().len(), 1);
    assert!(answer["notes"].to_string().contains("`qu*` begins 1101 words: the 1024 most frequent"), "{answer}");
    assert!(!world.ok("recall", json!({"query": "qu000*"}))["notes"].to_string().contains("begins"));
}
