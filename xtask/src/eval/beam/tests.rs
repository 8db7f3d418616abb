//! BEAM's reader and scores on three questions, with every sum beside its figure.

use super::*;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/eval/beam");

fn loaded() -> Loaded {
    load(Path::new(FIXTURE)).expect("the fixture has the shape")
}

fn hits(ids: &str) -> Vec<Hit> {
    ids.split_whitespace().map(|id| Hit { session: "100K/1".to_owned(), message: id.to_owned() }).collect()
}

fn figures(question: usize, found: &str, names: &[&str]) -> Vec<f64> {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    let score = score(conversation, &conversation.questions[question], &hits(found), Unit::Turn);
    names.iter().map(|name| score.iter().find(|(of, _)| of == name).expect("a figure of this name").1).collect()
}

#[test]
fn messages_are_read_through_batches_and_turns() {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    assert_eq!(conversation.id, "100K/1");
    let read: Vec<String> = conversation
        .documents
        .iter()
        .map(|one| format!("{} {} {}: {}", one.message, one.place, one.role, one.text))
        .collect();
    expect_test::expect![[r"
        0 1 user: My budget tracker uses port 5000.
        1 1 assistant: Five thousand is fine for development.
        2 1 assistant: Remember to change it later.
        3 2 user: Always answer in short sentences.
        4 2 assistant: I will.
        5 3 user: I moved the tracker to port 8080.
        6 3 assistant: Noted: 8080."]]
    .assert_eq(&read.join("\n"));
}

#[test]
fn ids_stand_in_numbers_lists_and_maps() {
    let loaded = loaded();
    let questions = &loaded.conversations[0].questions;
    let gold: Vec<String> = questions
        .iter()
        .map(|one| format!("{}: {}", one.id, one.gold.iter().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    // 99 is no message of the chat.
    assert_eq!(gold, ["100K/1/knowledge_update/0: 0 2 5", "100K/1/instruction_following/0: 3 4"]);
    assert_eq!(loaded.skipped.into_iter().collect::<Vec<_>>(), [("abstention questions", 1)]);
}

#[test]
fn a_hit_brings_its_exchange() {
    // Gold 0, 2, 5. Message 1 is none of them, but its exchange is 0, 1, 2: two of three.
    let names = ["any@5", "exchange-any@5", "exchange-frac@5", "frac@5"];
    assert_eq!(figures(0, "1 4", &names), [0.0, 1.0, 2.0 / 3.0, 0.0]);
    // 6 brings 5 as well: three of three, though no hit is evidence itself but 0: one of three.
    assert_eq!(figures(0, "6 0", &names), [1.0, 1.0, 3.0 / 3.0, 1.0 / 3.0]);
    assert_eq!(figures(0, "3 4", &names), [0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn k_is_five_hits_and_not_five_exchanges() {
    // Five hits of exchange 1, then one of exchange 2, which the question is about.
    let names = ["exchange-any@5", "exchange-any@10", "any@10", "MRR"];
    assert_eq!(figures(1, "0 1 2 0 1 4", &names), [0.0, 1.0, 1.0, 1.0 / 6.0]);
}

#[test]
fn one_chat_can_be_named() {
    let loaded = load(&Path::new(FIXTURE).join("100K/1")).expect("the fixture has the shape");
    assert_eq!(loaded.conversations.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[test]
fn a_folder_without_chats_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    assert!(load(folder.path()).is_err());
}
