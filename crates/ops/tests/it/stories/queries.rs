//! Queries of every kind: bounded time, sensible answers.

use super::World;
use jay_core::{Caller, Door, EmbedderChoice};
use jay_types::Code;
use serde_json::json;
use std::time::Duration;

const TEXTS: [&str; 12] = [
    "Staging Postgres listens on port 5433, not 5432",
    "parse_http_header in src/net/http.rs drops the trailing CRLF",
    "To be or not to be is the motto of the test suite",
    "東京都の天気は晴れです",
    "今日はステージング環境のデータベースを更新しました",
    "서울 데이터센터는 매주 월요일에 점검합니다",
    "خادم قاعدة البيانات يعمل على المنفذ 5433",
    "Сервер базы данных перезапускается по понедельникам",
    "Die Grüße an München gehen über den Übersetzungsdienst",
    "the release party had 🎉 and 🦑 on the cake",
    "fn main() { println!(\"hello\"); } prints hello and nothing else",
    "OCC retry loop: at most 7 tries, then give up with `busy`",
];

/// (query, the text that must come first; none where it is enough that the answer is bounded).
const TABLE: [(&str, Option<usize>); 25] = [
    ("port", Some(0)),
    ("5433 staging", Some(0)),
    ("which port does the staging database listen on", Some(0)),
    ("parseHttpHeader", Some(1)),
    ("src/net/http.rs", Some(1)),
    ("http.rs", Some(1)),
    ("to be or not to be", Some(2)),
    ("the of and is", None),
    ("what", None),
    ("東京の天気", Some(3)),
    ("天気", Some(3)),
    ("データベース", Some(4)),
    ("데이터센터는", Some(5)),
    ("قاعدة البيانات", Some(6)),
    ("сервер базы данных", Some(7)),
    ("Grusse an Munchen", Some(8)),
    ("GRÜẞE", Some(8)),
    ("🦑", Some(9)),
    ("🎉🦑", Some(9)),
    ("println!(\"hello\")", Some(10)),
    ("\"retry loop\"", Some(11)),
    ("retry \"no such phrase\"", None),
    ("unbalanced \"retry loop", Some(11)),
    ("occ RETRY loops", Some(11)),
    ("\u{202e}trop\u{200b}", None),
];

#[test]
fn every_kind_of_query_has_a_sensible_answer() {
    for embedder in [EmbedderChoice::BuiltIn, EmbedderChoice::None] {
        let world = World::embedding(embedder);
        for text in TEXTS {
            world.keep(json!({"text": text}));
        }
        for (query, expected) in TABLE {
            let found = world.recall(json!({"query": query}));
            if let Some(expected) = expected {
                assert_eq!(found.first().map(String::as_str), Some(TEXTS[expected]), "{query} ({embedder:?})");
            }
        }
        assert!(world.recall(json!({"query": "retry \"no such phrase\""})).is_empty(), "a phrase is demanded");
    }
}

#[test]
fn what_asks_for_nothing_finds_nothing() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for text in TEXTS {
        world.keep(json!({"text": text}));
    }
    for query in ["*", "***", "a*", "? *", "?", "\"\"", "\"*\"", "!!! ??? ...", "\u{200b}?"] {
        let answer = world.ok("recall", json!({"query": query, "min_confidence": 0.5}));
        assert_eq!((&answer["hits"], &answer["confidence"]), (&json!([]), &json!(0.0)), "{query}");
        for operation in ["recall", "session_search"] {
            let answer = world.ok(operation, json!({"query": query}));
            assert_eq!(answer["hits"], json!([]), "{query}");
            let notes = answer["notes"].to_string();
            assert!(notes.contains("no word to look for"), "{operation} {query}: {notes}");
        }
    }
}

#[test]
fn a_query_of_any_length_takes_bounded_time() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for text in TEXTS {
        world.keep(json!({"text": text}));
    }
    let hundred = format!("{} which port does staging postgres use", "please tell me now ".repeat(24));
    assert_eq!(world.recall(json!({"query": hundred}))[0], TEXTS[0]);
    let cli = Caller { door: Door::Cli, ..world.me.clone() };
    let mut slowest = Duration::ZERO;
    for (word, expected) in [
        ("staging port ", Some(0)),
        ("zzyzx ", None),
        ("天気", Some(3)),
        ("a.b/c_d ", None),
        ("🎉", Some(9)),
        ("\"retry\" ", Some(11)),
        ("pars* ", Some(1)),
    ] {
        let query: String = word.repeat(100_000).chars().take(100_000).collect();
        let began = jay_testkit::Stopwatch::start();
        let answer = world.by(&cli, "recall", json!({"query": query}));
        slowest = slowest.max(began.elapsed());
        let notes = answer["notes"].to_string();
        assert!(notes.contains("cut") || word.contains('*'), "{word}: {notes}");
        if let Some(expected) = expected {
            assert_eq!(answer["hits"][0]["text"], TEXTS[expected], "{word}");
        }
        let refused = world.err("recall", json!({"query": query}));
        assert_eq!(refused.code, Code::BadInput, "another door cannot tell its user that it cut the query");
    }
    assert!(slowest < Duration::from_secs(10), "{slowest:?}, in a debug build");
}
