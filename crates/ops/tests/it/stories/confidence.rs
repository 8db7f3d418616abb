//! Confidence: an empty answer is an answer, and everybody gets the same.

use super::World;
use jay_core::EmbedderChoice;
use jay_types::Code;
use serde_json::{Value, json};

const FACTS: [&str; 8] = [
    "Staging Postgres listens on port 5433, not 5432",
    "Releases are cut on Thursdays after the smoke tests",
    "The retry loop in the uploader backs off for up to 30 seconds",
    "Caroline maintains the billing service and its migrations",
    "Feature flags are read from the config map at start only",
    "The nightly backup goes to the bucket of the finance team",
    "Use tabs in Makefiles, spaces everywhere else",
    "The parser rejects dates without a time zone",
];

fn ask(world: &World, query: &str, floor: f64) -> Value {
    world.ok("recall", json!({"query": query, "min_confidence": floor}))
}

fn stores() -> [World; 2] {
    let stores = [EmbedderChoice::BuiltIn, EmbedderChoice::None].map(World::embedding);
    for world in &stores {
        for fact in FACTS {
            world.keep(json!({"text": fact}));
        }
    }
    stores
}

#[test]
fn a_question_about_something_else_gets_an_empty_answer() {
    for world in stores() {
        for query in ["which port does staging postgres listen on", "when are releases cut"] {
            let answer = ask(&world, query, 0.9);
            assert!(answer["confidence"].as_f64().unwrap() >= 0.9, "{query}: {answer}");
            assert!(!answer["hits"].as_array().unwrap().is_empty());
        }
        for query in ["how is a violin tuned before a concert", "which cheese do the mountain farmers make"] {
            let answer = ask(&world, query, 0.9);
            assert_eq!(answer["hits"], json!([]), "{query}: {answer}");
            if answer["confidence"].as_f64() != Some(0.0) {
                assert!(answer["notes"].to_string().contains("below_floor"), "{answer}");
            }
            // Unless it is asked for, there is no floor.
            assert!(world.ok("recall", json!({"query": query})).get("confidence").is_none());
        }
    }
}

#[test]
fn a_floor_judges_the_best_hit_only() {
    let [world, _] = stores();
    let query = "which port does staging postgres listen on";
    let (all, confident) = (world.ok("recall", json!({"query": query})), ask(&world, query, 0.9));
    assert_eq!(all["hits"], confident["hits"]);
    assert_eq!(ask(&world, query, 0.0)["hits"], all["hits"]);
    let explained = world.ok("recall", json!({"query": query, "explain": true}));
    assert_eq!(explained["confidence"], confident["confidence"]);
}

#[test]
fn what_was_measured_is_noted_and_answers_alike() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let memories: Vec<Value> =
        (0..200).map(|n| json!({"text": format!("{}; case {n} of the suite", FACTS[n % FACTS.len()])})).collect();
    world.ok("remember_batch", json!({"memories": memories}));
    let query = "when are releases cut";
    let before = ask(&world, query, 0.5)["confidence"].as_f64().unwrap();
    assert!(records(&world).is_empty());
    world.engine.after_writes();
    assert_eq!(records(&world).len(), 1);
    let noted = ask(&world, query, 0.5)["confidence"].as_f64().unwrap();
    assert!((before - noted).abs() < 1e-9, "{before} {noted}");
    // A namespace with few memories is measured for itself; more to search can only make an answer less sure.
    world.keep(json!({"text": "a stranger", "namespace": "elsewhere"}));
    let everywhere = world.ok("recall", json!({"query": query, "min_confidence": 0.5, "all": true}));
    assert!(everywhere["confidence"].as_f64().unwrap() <= noted);
    world.engine.after_writes();
    assert_eq!(records(&world).len(), 1, "the small one is cheap to measure");
}

#[test]
fn a_namespace_is_measured_when_it_has_grown_whatever_others_do() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let mut said = 0;
    let mut grow = |namespace: &str, by: usize| {
        let facts = (said..said + by).map(|n| format!("{}; case {n} of the suite", FACTS[n % FACTS.len()]));
        let memories: Vec<Value> = facts.map(|text| json!({"text": text, "namespace": namespace})).collect();
        world.ok("remember_batch", json!({"memories": memories}));
        said += by;
        world.engine.after_writes();
        let of_record = |text: &String| serde_json::from_str::<Value>(text).unwrap()["documents"].as_u64().unwrap();
        records(&world).iter().map(of_record).collect::<Vec<u64>>()
    };
    assert_eq!(grow("big", 400), [400]);
    assert_eq!(grow("small", 90), [400]);
    assert_eq!(grow("small", 260), [400, 350], "the big one has not grown");
    assert_eq!(grow("small", 150), [400, 350], "by less than half");
    assert_eq!(grow("small", 260), [400, 760]);
    assert_eq!(grow("big", 150), [400, 760], "by less than half");
    assert_eq!(grow("big", 260), [810, 760]);
}

/// What is noted of the namespaces.
fn records(world: &World) -> Vec<String> {
    let read = |tx: &jay_store::Tx<'_>| -> jay_types::Result<Vec<String>> {
        let mut records = Vec::new();
        for namespace in tx.namespaces_with_memories()? {
            let name = format!("null distribution of {}", tx.namespace_id_of(namespace)?);
            records.extend(tx.local_record(&name)?);
        }
        Ok(records)
    };
    super::stores_of(world).0.read(read).unwrap()
}

#[test]
fn at_an_earlier_moment_words_are_compared_with_words() {
    let [world, _] = stores();
    let answer = world.ok("recall", json!({"query": "when are releases cut", "min_confidence": 0.8, "as_of": "1s"}));
    assert_eq!(answer["hits"][0]["text"], FACTS[1], "{answer}");
}

#[test]
fn a_floor_is_a_share() {
    let world = World::new();
    for floor in [json!(1.5), json!(-0.1), json!("high")] {
        assert_eq!(world.err("recall", json!({"query": "x", "min_confidence": floor})).code, Code::BadInput);
    }
    assert_eq!(ask(&world, "anything", 0.9)["hits"], json!([]), "an empty store");
}
