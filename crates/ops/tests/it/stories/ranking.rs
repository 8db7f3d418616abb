//! Whether recall finds what answers: figures over a set of our own (`fixtures/ranking`), held in both directions.
//!
//! A figure below the recorded one is a regression. One clearly above it is an improvement that the next regression
//! would hide behind: it must be recorded, with `UPDATE_EXPECT=1`.

use super::*;
use expect_test::expect;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const MEMORIES: &str = include_str!("../../../../../fixtures/ranking/memories.jsonl");
const QUESTIONS: &str = include_str!("../../../../../fixtures/ranking/questions.jsonl");
/// How many hits are asked for.
const LIMIT: usize = 10;
/// So many questions more may be found before that must be recorded.
const MARGIN_QUESTIONS: u32 = 1;
/// The same for the mean reciprocal rank, in thousandths.
const MARGIN_MRR: u32 = 20;

/// Figures of one style of question. The mean reciprocal rank is in thousandths, so that equal is equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    questions: u32,
    hit_1: u32,
    hit_5: u32,
    mrr: u32,
}

impl Figures {
    /// Of the rank of the first right hit of each question; none where it is not among the hits.
    fn of(ranks: &[Option<usize>]) -> Self {
        let within = |k: usize| ranks.iter().flatten().filter(|rank| **rank <= k).count() as u32;
        let sum: f64 = ranks.iter().flatten().map(|rank| 1.0 / *rank as f64).sum();
        let questions = ranks.len() as u32;
        let mrr = (1000.0 * sum / f64::from(questions.max(1))).round() as u32;
        Self { questions, hit_1: within(1), hit_5: within(5), mrr }
    }

    fn line(&self, style: &str) -> String {
        let Self { questions, hit_1, hit_5, mrr } = self;
        format!("{style}: {questions} questions, hit@1 {hit_1}, hit@5 {hit_5}, MRR 0.{mrr:03}")
            .replace("0.1000", "1.000")
    }

    /// Reads a line as it is recorded.
    fn read(line: &str) -> Option<(String, Self)> {
        let (style, figures) = line.trim().split_once(": ")?;
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok();
        let parts: Vec<&str> = figures.split(", ").collect();
        let [questions, hit_1, hit_5, mrr] = parts.as_slice() else { return None };
        let after_at = |text: &str| digits(text.split_once(' ')?.1);
        let figures =
            Self { questions: digits(questions)?, hit_1: after_at(hit_1)?, hit_5: after_at(hit_5)?, mrr: digits(mrr)? };
        Some((style.to_owned(), figures))
    }
}

/// What is wrong with `found`, measured by what was `recorded`.
fn judge(recorded: Figures, found: Figures) -> Option<&'static str> {
    if recorded.questions != found.questions {
        return Some("another set of questions: record the figures");
    }
    let pairs = [
        (recorded.hit_1, found.hit_1, MARGIN_QUESTIONS),
        (recorded.hit_5, found.hit_5, MARGIN_QUESTIONS),
        (recorded.mrr, found.mrr, MARGIN_MRR),
    ];
    if pairs.iter().any(|(recorded, found, _)| found < recorded) {
        return Some("recall finds less than it did");
    }
    let is_better = pairs.iter().any(|(recorded, found, margin)| *found > recorded + margin);
    is_better.then_some("recall finds more than it did: record it")
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {row}"))
}

/// The rank of what answers, for each question.
fn ranks(world: &World) -> Vec<(Value, Option<usize>)> {
    let memories: Vec<Value> = rows(MEMORIES)
        .iter()
        .map(|row| json!({"text": row["text"], "kind": row["kind"], "source": {"message": row["id"]}}))
        .collect();
    let answer = world.ok("remember_batch", json!({"memories": memories}));
    for (result, memory) in answer["results"].as_array().unwrap().iter().zip(&memories) {
        assert_eq!(result["outcome"], "created", "{memory}");
    }
    world.ok("jobs_run", json!({"until_empty": true}));
    let rank = |question: Value| {
        let answer = world.ok("recall", json!({"query": question["query"], "limit": LIMIT}));
        assert_eq!(answer["notes"], json!([]), "{question}");
        let hits = answer["hits"].as_array().unwrap();
        let expected = question["expected"].as_array().unwrap();
        let rank = hits.iter().position(|hit| expected.contains(&hit["source"]["message"])).map(|at| at + 1);
        (question, rank)
    };
    rows(QUESTIONS).into_iter().map(rank).collect()
}

#[test]
fn what_answers_is_found_as_well_as_recorded() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let mut by_style = BTreeMap::<String, Vec<Option<usize>>>::new();
    let mut behind = String::new();
    for (question, rank) in ranks(&world) {
        if rank != Some(1) {
            let rank = rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string());
            writeln!(behind, "{rank:>3}  {} -> {}", word(&question, "query"), question["expected"]).unwrap();
        }
        by_style.entry(word(&question, "style").to_owned()).or_default().push(rank);
    }
    let found: BTreeMap<String, Figures> =
        by_style.into_iter().map(|(style, ranks)| (style, Figures::of(&ranks))).collect();
    let recorded = expect![[r#"
        paraphrase: 32 questions, hit@1 8, hit@5 19, MRR 0.398
        words: 36 questions, hit@1 33, hit@5 36, MRR 0.954"#]];
    let before: BTreeMap<String, Figures> = recorded.data().lines().filter_map(Figures::read).collect();
    let faults: Vec<&str> = found
        .iter()
        .filter_map(|(style, found)| judge(before.get(style).copied().unwrap_or_default(), *found))
        .collect();
    if !faults.is_empty() || is_recording() {
        println!("{}; not at rank 1:\n{behind}", faults.join("; "));
        let lines: Vec<String> = found.iter().map(|(style, figures)| figures.line(style)).collect();
        recorded.assert_eq(&lines.join("\n"));
    }
}

/// Whether expected outputs are written anew; a figure inside the margin is recorded then, too.
#[expect(
    clippy::disallowed_methods,
    reason = "expect-test is told by environment, and is asked only where it must act"
)]
fn is_recording() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

#[test]
fn the_set_is_whole() {
    let (memories, questions) = (rows(MEMORIES), rows(QUESTIONS));
    let ids: BTreeSet<&str> = memories.iter().map(|row| word(row, "id")).collect();
    assert_eq!(ids.len(), memories.len(), "an id stands twice");
    assert!(memories.len() >= 120 && questions.len() >= 60);
    for question in &questions {
        let expected = question["expected"].as_array().unwrap();
        assert!(!expected.is_empty() && expected.iter().all(|id| ids.contains(id.as_str().unwrap())), "{question}");
    }
    let of_words = questions.iter().filter(|row| word(row, "style") == "words").count();
    assert!(
        of_words * 10 > questions.len() * 4 && of_words * 10 < questions.len() * 6,
        "{of_words} of {}",
        questions.len()
    );
}

#[test]
fn figures_are_held_in_both_directions() {
    let recorded = Figures { questions: 30, hit_1: 20, hit_5: 25, mrr: 700 };
    for (found, is_fault) in [
        (recorded, false),
        (Figures { hit_1: 21, mrr: 720, ..recorded }, false),
        (Figures { hit_1: 19, ..recorded }, true),
        (Figures { hit_5: 24, hit_1: 22, ..recorded }, true),
        (Figures { mrr: 699, ..recorded }, true),
        (Figures { hit_1: 22, ..recorded }, true),
        (Figures { mrr: 721, ..recorded }, true),
        (Figures { questions: 31, ..recorded }, true),
    ] {
        assert_eq!(judge(recorded, found).is_some(), is_fault, "{found:?}");
    }
    // 1/1 + 1/4 + 0 over three questions.
    let found = Figures::of(&[Some(1), None, Some(4)]);
    assert_eq!(found, Figures { questions: 3, hit_1: 1, hit_5: 2, mrr: 417 });
    for figures in [found, Figures { mrr: 1000, ..found }] {
        assert_eq!(Figures::read(&figures.line("words")), Some(("words".to_owned(), figures)));
    }
}
