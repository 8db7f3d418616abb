//! Random operations against a simple model of what a memory is: what is shown must agree after every step.

use super::*;
use std::collections::BTreeMap;

/// What the model knows of one memory.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    text: String,
    tags: Vec<String>,
    hidden: bool,
    forgotten: bool,
}

type State = BTreeMap<String, Known>;

/// Texts that were forgotten and are refused.
fn refuses(state: &State, text: &str) -> bool {
    state.values().any(|known| known.forgotten && known.text == text)
}

fn visible(state: &State) -> Vec<(String, Vec<String>)> {
    let shown = state.values().filter(|known| !known.hidden && !known.forgotten && !refuses(state, &known.text));
    let mut all: Vec<_> = shown.map(|known| (known.text.clone(), known.tags.clone())).collect();
    all.sort();
    all
}

fn listed(world: &World) -> Vec<(String, Vec<String>)> {
    let memories = world.ok("list", json!({"limit": 500}))["memories"].clone();
    let mut all: Vec<_> = memories
        .as_array()
        .unwrap()
        .iter()
        .map(|memory| {
            let tags =
                memory["tags"].as_array().map(|tags| tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect());
            (memory["text"].as_str().unwrap().to_owned(), tags.unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}

/// One step: the state after it, or the refusal that is expected.
fn step(world: &World, random: &mut Random, state: &State) -> (String, Result<State, Code>, Result<Value, Error>) {
    let ids: Vec<&String> = state.keys().collect();
    let mut next = state.clone();
    let text = format!("text {}", random.below(9));
    let tag = format!("t{}", random.below(3));
    let picked = random.pick(&ids).map(|id| (*id).clone());
    match (random.below(6), picked) {
        (2 | 3, Some(id)) => {
            let known = next.get_mut(&id).unwrap();
            let expected = match known {
                known if known.forgotten || refuses(state, &known.text) => Err(Code::Forgotten),
                _ if refuses(state, &text) => Err(Code::Forgotten),
                known => {
                    // A greater write to the text reopens what an undo retired; the same text writes nothing.
                    if known.text != text {
                        known.hidden = false;
                    }
                    known.text.clone_from(&text);
                    known.tags = vec![tag.clone()];
                    Ok(())
                }
            };
            let answer = world.ask(&world.me, "update", json!({"id": id, "text": text, "tags": [tag]}));
            (format!("update {id} {text} {tag}"), expected.map(|()| next), answer)
        }
        (4, Some(id)) => {
            next.get_mut(&id).unwrap().forgotten = true;
            (format!("forget {id}"), Ok(next), world.ask(&world.me, "forget", json!({"ids": [id]})))
        }
        (5, Some(id)) => {
            next.get_mut(&id).unwrap().forgotten = false;
            (format!("unforget {id}"), Ok(next), world.ask(&world.me, "unforget", json!({"id": id})))
        }
        _ => {
            let answer = world.ask(&world.me, "remember", json!({"text": text, "tags": [tag]}));
            if refuses(state, &text) {
                return (format!("remember {text}"), Err(Code::Forgotten), answer);
            }
            let same = state.iter().find(|(_, known)| known.text == text && !known.hidden && !known.forgotten);
            let id = match (&answer, same) {
                (Ok(answer), Some(_)) => {
                    assert_eq!(answer["outcome"], "duplicate", "{text}: {answer}");
                    answer["id"].as_str().unwrap().to_owned()
                }
                (Ok(answer), None) => {
                    assert_eq!(answer["outcome"], "created", "{text}: {answer}");
                    answer["id"].as_str().unwrap().to_owned()
                }
                (Err(_), _) => String::new(),
            };
            let known =
                next.entry(id).or_insert(Known { text: text.clone(), tags: vec![], hidden: false, forgotten: false });
            if !known.tags.contains(&tag) {
                known.tags.push(tag);
                known.tags.sort();
            }
            (format!("remember {text}"), Ok(next), answer)
        }
    }
}

#[test]
fn what_is_shown_is_what_the_model_shows() {
    for seed in 0..12 {
        let world = World::new();
        let mut random = Random::new(seed);
        let mut state = State::new();
        let mut steps = Vec::new();
        for _ in 0..60 {
            let before = world.changes();
            let (step, expected, answer) = step(&world, &mut random, &state);
            steps.push(step);
            let told = steps.join("\n");
            match (expected, answer) {
                (Ok(next), Ok(_)) => {
                    let wrote = world.changes() > before;
                    let earlier = std::mem::replace(&mut state, next);
                    assert_eq!(listed(&world), visible(&state), "seed {seed}:\n{told}");
                    // Every write can be taken back; the model goes back with it.
                    if wrote && random.chance(25) {
                        world.ok("undo", json!({}));
                        steps.push("undo".to_owned());
                        let made: Vec<String> = state.keys().filter(|id| !earlier.contains_key(*id)).cloned().collect();
                        for id in made {
                            state.get_mut(&id).unwrap().hidden = true;
                        }
                        for (id, known) in earlier {
                            state.insert(id, known);
                        }
                        assert_eq!(listed(&world), visible(&state), "seed {seed}, undone:\n{told}");
                    }
                }
                (Err(code), Err(error)) => {
                    assert_eq!(error.code, code, "seed {seed}:\n{told}");
                    assert_eq!(world.changes(), before, "seed {seed}:\n{told}");
                }
                (expected, answer) => panic!("seed {seed}: {expected:?}, but {answer:?}\n{told}"),
            }
        }
    }
}
