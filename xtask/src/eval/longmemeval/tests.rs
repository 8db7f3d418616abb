//! LongMemEval's reader and scores on three questions, with every sum beside its figure.

use super::*;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/eval/longmemeval.json");

fn loaded() -> Loaded {
    load(Path::new(FIXTURE)).expect("the fixture has the shape")
}

fn figures(found: &str, unit: Unit, names: &[&str]) -> Vec<f64> {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    let hits: Vec<Hit> =
        found.split_whitespace().map(|id| Hit { session: id.to_owned(), message: id.to_owned() }).collect();
    let score = score(conversation, &conversation.questions[0], &hits, unit);
    names.iter().map(|name| score.iter().find(|(of, _)| of == name).expect("a figure of this name").1).collect()
}

fn close(found: &[f64], expected: &[f64]) {
    let is_close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4);
    assert!(is_close && found.len() == expected.len(), "{found:?} is not {expected:?}");
}

#[test]
fn abstention_and_assistant_side_answers_are_left_out() {
    let loaded = loaded();
    assert_eq!(loaded.conversations.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["made_1"]);
    let skipped: Vec<_> = loaded.skipped.into_iter().collect();
    assert_eq!(skipped, [("abstention questions", 1), ("questions without a marked user turn", 1)]);
}

#[test]
fn the_corpus_is_what_the_user_said() {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    let read: Vec<String> = conversation
        .documents
        .iter()
        .map(|one| format!("{} {} {}", one.message, one.place, one.at.as_deref().unwrap_or("-")))
        .collect();
    // Turns are numbered with those of the assistant. An unmarked turn of an answer session is of no answer session.
    expect_test::expect![[r"
        answer_aa_1_1 answer_aa_1 2023-05-20T02:21:01Z
        answer_aa_1_3 noans_aa_1 2023-05-20T02:21:03Z
        plain_1_1 plain_1 2023-05-21T08:00:01Z
        answer_aa_2_2 answer_aa_2 2023-05-22T09:15:02Z
        answer_aa_2_3 answer_aa_2 2023-05-22T09:15:03Z
        answer_aa_3_1 noans_aa_3 2023-05-23T23:59:01Z"]]
    .assert_eq(&read.join("\n"));
    let question = &conversation.questions[0];
    assert_eq!(question.gold.iter().collect::<Vec<_>>(), ["answer_aa_1_1", "answer_aa_2_2", "answer_aa_2_3"]);
    // answer_aa_3 is named as an answer session, and no turn of the user there is marked.
    assert_eq!(question.gold_places.iter().collect::<Vec<_>>(), ["answer_aa_1", "answer_aa_2"]);
}

#[test]
fn sessions_are_scored_by_hand() {
    let names = ["any@1", "all@1", "all@3", "ndcg@1", "ndcg@3"];
    // Gold at ranks 2 and 3 of 2: ndcg@3 = (1/log2 2 + 1/log2 3) / (1 + 1) = (1 + 0.6309) / 2 = 0.8155.
    let found = "answer_aa_3 answer_aa_2 answer_aa_1";
    close(&figures(found, Unit::Session, &names), &[0.0, 0.0, 1.0, 0.0, 0.8155]);
    // One of two, at rank 1: ndcg@1 = 1 / 1, ndcg@3 = 1 / (1 + 1).
    close(&figures("answer_aa_2 plain_1", Unit::Session, &names), &[1.0, 0.0, 0.0, 1.0, 0.5]);
}

#[test]
fn turns_are_scored_by_hand_and_turned_into_sessions() {
    let found = "answer_aa_2_3 answer_aa_2_2 answer_aa_1_3 plain_1_1 answer_aa_1_1 answer_aa_3_1";
    // Of turns: gold at ranks 1, 2 and 5 of 3. ndcg@3 = (1 + 1) / (1 + 1 + 0.6309) = 0.7602;
    // ndcg@5 = (1 + 1 + 1/log2 5) / 2.6309 = (2 + 0.4307) / 2.6309 = 0.9239.
    let names = ["turn-any@1", "turn-all@3", "turn-all@5", "turn-ndcg@3", "turn-ndcg@5"];
    close(&figures(found, Unit::Turn, &names), &[1.0, 0.0, 1.0, 0.7602, 0.9239]);
    // Of sessions: the third different one, plain_1 after answer_aa_2 and noans_aa_1, is at rank 4. Among those four
    // answer_aa_1 is missing; its gain is (1 + 1) / (1 + 1 + 0.6309) = 0.7602. For k = 5 all six turns are taken:
    // gain (1 + 1 + 1/log2 5) / 2.6309 = 0.9239.
    let names = ["session-any@3", "session-all@3", "session-ndcg@3", "session-all@5", "session-ndcg@5"];
    close(&figures(found, Unit::Turn, &names), &[1.0, 0.0, 0.7602, 1.0, 0.9239]);
}

#[test]
fn a_session_that_stands_twice_is_two() {
    let turn = serde_json::json!([{"role": "user", "content": "x", "has_answer": true}]);
    let entry = serde_json::json!({
        "question_type": "t", "question": "q", "haystack_session_ids": ["answer_1", "answer_1"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/20 (Sat) 02:21"], "haystack_sessions": [turn, turn],
    });
    let read = read(&entry, "q").expect("the shape is right");
    assert_eq!(read.questions[0].gold.iter().collect::<Vec<_>>(), ["answer_1#2_1", "answer_1_1"]);
}
