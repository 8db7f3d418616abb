//! `eval`: a store says of itself what its recall finds.

use super::World;
use jay_core::EmbedderChoice;
use jay_types::Code;
use serde_json::{Value, json};

#[test]
fn a_store_says_what_its_recall_finds() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    assert_eq!(world.ok("eval", json!({}))["notes"].as_array().unwrap().len(), 2, "nothing to ask yet");
    let rooms = ["kitchen", "cellar", "garden", "library", "attic", "stable"];
    let things = ["lamp", "ladder", "clock", "mirror", "basket", "carpet"];
    let memories: Vec<Value> = (0..36)
        .map(|n| json!({"text": format!("The {} hangs beside the door of the {}", things[n % 6], rooms[n / 6])}))
        .collect();
    world.ok("remember_batch", json!({"memories": memories}));
    let before = world.ok("status", json!({}))["changes"].clone();
    let answer = world.ok("eval", json!({"questions": 36}));
    assert_eq!(answer["memories"]["asked"], 36, "{answer}");
    // Lamp and room together tell each of them; four words of which two are in all.
    assert!(answer["memories"]["hit_at_1"].as_f64().unwrap() > 0.9, "{answer}");
    assert_eq!(answer["memories"]["hit_at_10"], 1.0);
    assert!(answer.get("messages").is_none());
    assert_eq!(world.ok("status", json!({}))["changes"], before, "nothing was written");
    let again = world.ok("eval", json!({"questions": 36}));
    assert_eq!(again["memories"]["missed"], answer["memories"]["missed"]);
    assert_eq!(world.ok("eval", json!({"questions": 5}))["memories"]["asked"], 5);
}

#[test]
fn what_is_not_found_is_named() {
    let world = World::new();
    // Equal words in twenty memories: ten of them cannot be among ten hits.
    for n in 0..20 {
        world.keep(json!({"text": format!("a{n}z the drawer holds seven brass screws")}));
    }
    let found = world.ok("eval", json!({"questions": 20}))["memories"].clone();
    assert!(found["hit_at_10"].as_f64().unwrap() <= 0.55, "{found}");
    assert_eq!(found["missed"].as_array().unwrap().len(), 5);
    assert!(found["missed"][0]["query"].as_str().unwrap().contains("brass"));
    assert_eq!(world.err("eval", json!({"questions": 0})).code, Code::BadInput);
}
