//! Rows and section of a run of two questions, and where a section is put.

use super::*;
use crate::eval::{Document, Hit, locomo};
use expect_test::expect;
use std::collections::BTreeSet;

fn conversation() -> Conversation {
    let question = |id: &str, group: &str| Question {
        id: id.to_owned(),
        group: group.to_owned(),
        text: "a secret question".to_owned(),
        gold: BTreeSet::from(["D1:1".to_owned(), "D2:1".to_owned()]),
        gold_places: BTreeSet::from(["s/1".to_owned(), "s/2".to_owned()]),
    };
    let document = |session: &str, message: &str| Document {
        session: session.to_owned(),
        message: message.to_owned(),
        place: session.to_owned(),
        text: "a secret text".to_owned(),
        ..Document::default()
    };
    Conversation {
        id: "s".to_owned(),
        documents: vec![document("s/1", "D1:1"), document("s/2", "D2:1"), document("s/2", "D2:2")],
        questions: vec![question("s/0", "1 multi-hop"), question("s/1", "5 adversarial")],
    }
}

/// Two questions: the first finds one of two at rank 2, the second nothing.
fn with_run<T>(use_it: impl FnOnce(&Run<'_>) -> T) -> T {
    let conversation = conversation();
    let hit = |message: &str| Hit { session: "s/2".to_owned(), message: message.to_owned() };
    let answers = [vec![hit("D2:2"), hit("D2:1")], vec![]];
    let asked: Vec<Asked<'_>> = conversation
        .questions
        .iter()
        .zip(answers)
        .map(|(question, hits)| {
            let score = (locomo::BENCHMARK.score)(&conversation, question, &hits, Unit::Turn);
            let answer = Answer { hits, time: Duration::from_micros(2_500) };
            Asked { number: 1, conversation: &conversation, question, answer, score }
        })
        .collect();
    let loaded = Loaded { conversations: vec![conversation.clone()], skipped: BTreeMap::from([("empty ones", 3)]) };
    let options = Options { data: "a/b.json".into(), ..Options::default() };
    use_it(&Run { benchmark: &locomo::BENCHMARK, options: &options, loaded: &loaded, asked: &asked })
}

#[test]
fn a_section_has_what_a_figure_is_judged_by() {
    let origin =
        Origin { file: "b.json".into(), sha256: "0a".into(), machine: "Quick 9000".into(), binary: "jay 1".into() };
    let section = with_run(|run| run.section(&origin));
    assert!(!section.contains("secret"), "{section}");
    expect![[r"
        ### locomo, b.json, sessions by turn

        - data: `b.json`, sha256 `0a`
        - protocol: `session_search`; a store per conversation, a message per turn with `[image: caption]` after its text; ten turns asked for; fraction of the evidence turns among the first k; `session-frac` compares the D-numbers of those ten turns
        - conversations and messages: 1 and 3
        - left out: 3 empty ones
        - per question: p50 2.50 ms, p99 2.50 ms, in an open process
        - with: jay 1; Quick 9000

        | questions | n | frac@5 | frac@10 | any@10 | all@10 | MRR | session-frac@10 |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | 1 multi-hop | 1 | 50.0 | 50.0 | 100.0 | 0.0 | 50.0 | 50.0 |
        | 5 adversarial | 1 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |
        | **categories 1 to 4** | 1 | 50.0 | 50.0 | 100.0 | 0.0 | 50.0 | 50.0 |
        | every question | 2 | 25.0 | 25.0 | 50.0 | 0.0 | 25.0 | 25.0 |

        | conversation, categories 1 to 4 | n | frac@5 | frac@10 | any@10 | all@10 | MRR | session-frac@10 |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | 1 | 1 | 50.0 | 50.0 | 100.0 | 0.0 | 50.0 | 50.0 |
    "]]
    .assert_eq(&section);
}

#[test]
fn rows_hold_ids_and_figures_only() {
    let rows = with_run(|run| run.rows());
    assert!(!rows.contains("secret") && rows.lines().count() == 2, "{rows}");
    let first: Value = serde_json::from_str(rows.lines().next().expect("a row")).expect("JSON");
    assert_eq!(first["ranks"], json!({"D1:1": null, "D2:1": 2}));
    assert_eq!(first["hits"], json!(["D2:2", "D2:1"]));
    assert_eq!((&first["k"], &first["scores"]["frac@10"], &first["ms"]), (&json!(10), &json!(0.5), &json!(2.5)));
}

#[test]
fn a_section_takes_the_place_of_its_own_and_of_no_other() {
    let page = placed("# Quality\n", "a", "one\n").expect("placed");
    let page = placed(&page, "b", "two\n").expect("placed");
    let page = placed(&page, "a", "three\n").expect("placed");
    assert_eq!(
        page,
        "# Quality\n\n<!-- eval:begin a -->\nthree\n<!-- eval:end a -->\n\n<!-- eval:begin b -->\ntwo\n<!-- eval:end b -->\n"
    );
    assert!(placed("<!-- eval:begin a -->\n", "a", "x\n").is_err());
}

#[test]
fn sums_are_those_of_the_command() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    jay_testkit::write(folder.path().join("b/c.txt"), "abc");
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(&folder.path().join("b/c.txt")).expect("summed"), known);
    // A folder's sum changes with a name and with a byte.
    let one = sha256(folder.path()).expect("summed");
    jay_testkit::write(folder.path().join("b/d.txt"), "");
    assert_ne!(sha256(folder.path()).expect("summed"), one);
}
