//! LoCoMo's reader and scores on three questions, with every sum beside its figure.

use super::*;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/eval/locomo.json");

fn loaded() -> Loaded {
    load(Path::new(FIXTURE)).expect("the fixture has the shape")
}

fn turns(ids: &str) -> Vec<Hit> {
    ids.split_whitespace().map(|id| Hit { session: String::new(), message: id.to_owned() }).collect()
}

fn sessions(ids: &str) -> Vec<Hit> {
    ids.split_whitespace().map(|id| Hit { session: id.to_owned(), message: String::new() }).collect()
}

fn figure(score: &Score, name: &str) -> f64 {
    score.iter().find(|(of, _)| of == name).expect("a figure of this name").1
}

#[test]
fn turns_are_read_in_the_order_of_sessions_by_number() {
    let loaded = loaded();
    let read: Vec<String> = loaded.conversations[0]
        .documents
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one.session,
                one.message,
                one.at.as_deref().unwrap_or("-"),
                one.author.as_deref().unwrap_or("-")
            )
        })
        .collect();
    expect_test::expect![[r"
        made-1/1 D1:1 2023-05-08T13:56:00Z Ilse
        made-1/1 D1:2 2023-05-08T13:56:20Z Tomo
        made-1/9 D9:1 2023-06-12T09:05:00Z Tomo
        made-1/11 D11:1 2023-07-02T00:30:00Z Ilse
        made-1/11 D11:2 2023-07-02T00:30:20Z Tomo"]]
    .assert_eq(&read.join("\n"));
    assert_eq!(
        loaded.conversations[0].documents[1].text,
        "Mine lives on the balcony. [image: a fig tree beside a red chair]"
    );
}

#[test]
fn evidence_is_what_names_a_turn() {
    let loaded = loaded();
    let gold = |at: usize| loaded.conversations[0].questions[at].gold.iter().cloned().collect::<Vec<_>>();
    // "D1:2; D9:1" is two ids; of "D:11:02", "D" and "D30:1" the first is D11:2, the second none, the third no turn.
    assert_eq!((gold(0), gold(1)), (vec!["D1:2".to_owned(), "D9:1".to_owned()], vec!["D11:2".to_owned()]));
    // The question without evidence is no question; the place of the others in the file stays.
    assert_eq!(loaded.conversations[0].questions.len(), 2);
    assert_eq!(loaded.conversations[0].questions[1].id, "made-1/1");
    let skipped: Vec<_> = loaded.skipped.into_iter().collect();
    assert_eq!(skipped, [("evidence ids that no turn has", 1), ("questions whose evidence names no turn", 1)]);
}

#[test]
fn turns_are_scored_by_hand() {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    let question = &conversation.questions[0];
    // Gold D1:2 and D9:1. The first is found at rank 2, the other at rank 6.
    let hits = turns("D11:1 D1:2 D1:1 D11:2 D1:1 D9:1");
    let score = score(conversation, question, &hits, Unit::Turn);
    assert_eq!(figure(&score, "frac@1"), 0.0);
    assert_eq!(figure(&score, "frac@5"), 1.0 / 2.0);
    assert_eq!(figure(&score, "frac@10"), 2.0 / 2.0);
    assert_eq!((figure(&score, "any@5"), figure(&score, "all@5"), figure(&score, "all@10")), (1.0, 0.0, 1.0));
    assert_eq!(figure(&score, "MRR"), 1.0 / 2.0);
    // Sessions 1 and 9 are wanted; turns of 11 and 1 only bring one of the two.
    let score = super::score(conversation, question, &turns("D11:1 D1:1"), Unit::Turn);
    assert_eq!((figure(&score, "frac@10"), figure(&score, "session-frac@10")), (0.0, 1.0 / 2.0));
}

#[test]
fn an_eleventh_hit_does_not_count() {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    let hits = turns(&format!("{}D11:2", "D1:1 ".repeat(10)));
    let score = score(conversation, &conversation.questions[1], &hits, Unit::Turn);
    assert_eq!((figure(&score, "frac@10"), figure(&score, "MRR"), figure(&score, "session-frac@10")), (0.0, 0.0, 0.0));
}

#[test]
fn sessions_are_scored_by_hand() {
    let loaded = loaded();
    let conversation = &loaded.conversations[0];
    // Gold are sessions 1 and 9; 11 is not 1.
    let score =
        score(conversation, &conversation.questions[0], &sessions("made-1/11 made-1/9 made-1/1"), Unit::Session);
    assert_eq!((figure(&score, "frac@1"), figure(&score, "frac@5")), (0.0, 2.0 / 2.0));
    assert_eq!(figure(&score, "MRR"), 1.0 / 2.0);
}
