//! Orders of small sets of candidates, each showing one rule, and the properties of the order.

use super::*;
use expect_test::expect;
use proptest::prelude::*;

const DAY: i64 = jay_types::time::DAY;

fn setting() -> Setting {
    Setting { now: Timestamp(1000 * DAY), window: None, weights: Weights::default() }
}

fn text(id: u32, score: f64) -> Candidate<u32> {
    Candidate { text: Some(score), ..Candidate::new(id) }
}

fn order(candidates: &[Candidate<u32>], setting: &Setting) -> Vec<u32> {
    fuse(candidates, setting).into_iter().map(|hit| hit.id).collect()
}

#[test]
fn text_alone_keeps_its_order_and_ties_go_by_id() {
    assert_eq!(order(&[text(1, 2.0), text(2, 9.0), text(3, 5.0)], &setting()), [2, 3, 1]);
    assert_eq!(order(&[text(3, 1.0), text(1, 1.0), text(2, 1.0)], &setting()), [1, 2, 3]);
    assert!(fuse::<u32>(&[], &setting()).is_empty());
}

#[test]
fn text_and_vector_share_the_decision() {
    let both = |id, text, vector| Candidate { text, vector, ..Candidate::new(id) };
    let candidates = [both(1, Some(10.0), Some(0.2)), both(2, Some(8.0), Some(0.8)), both(3, Some(1.0), Some(0.9))];
    assert_eq!(order(&candidates, &setting()), [2, 1, 3]);
}

#[test]
fn what_is_not_embedded_is_judged_by_its_words() {
    let candidates = [
        Candidate { vector: Some(0.9), ..text(1, 2.0) },
        text(2, 10.0),
        Candidate { vector: Some(0.1), ..text(3, 9.0) },
    ];
    assert_eq!(order(&candidates, &setting()), [2, 3, 1]);
}

#[test]
fn neighbours_count_in_the_same_session_only() {
    let turn = |id, score: Option<f64>, session, place| Candidate {
        text: score,
        turn: Some((session, place)),
        ..Candidate::new(id)
    };
    let candidates =
        [turn(1, Some(10.0), 7, 4), turn(2, None, 7, 5), turn(3, None, 7, 6), turn(4, None, 7, 7), turn(5, None, 8, 5)];
    let hits = fuse(&candidates, &setting());
    let relevance = |id: u32| hits.iter().find(|hit| hit.id == id).unwrap().relevance;
    let Weights { crowding, neighbour_1, neighbour_2, .. } = Weights::default();
    assert!(
        (relevance(2) - (neighbour_1 - crowding)).abs() < 1e-9,
        "distance 1, one better of the session: {}",
        relevance(2)
    );
    assert!((relevance(3) - (neighbour_2 - 2.0 * crowding)).abs() < 1e-9);
    assert!((relevance(4) + 3.0 * crowding).abs() < 1e-9, "too far away");
    assert!(relevance(5).abs() < 1e-9);
}

#[test]
fn a_session_that_covers_the_query_lifts_its_turns() {
    let turn = |id, terms, session| Candidate { terms, turn: Some((session, i64::from(id) * 10)), ..text(id, 5.0) };
    // Session 7 holds both words in two turns, session 8 one word twice.
    let candidates = [turn(1, 0b01, 8), turn(2, 0b01, 8), turn(3, 0b01, 7), turn(4, 0b10, 7)];
    assert_eq!(order(&candidates, &setting()), [3, 4, 1, 2]);
}

#[test]
fn what_is_of_no_session_is_not_put_behind_by_that() {
    let candidates = [
        Candidate { terms: 0b11, ..text(1, 9.0) },
        Candidate { terms: 0b01, turn: Some((1, 1)), ..text(2, 8.0) },
        Candidate { terms: 0b01, turn: Some((1, 9)), ..text(3, 8.0) },
    ];
    assert_eq!(order(&candidates, &setting()), [1, 2, 3]);
}

#[test]
fn sessions_take_turns_where_their_hits_are_nearly_as_good() {
    let turn = |id, score, session| Candidate { turn: Some((session, i64::from(id) * 10)), ..text(id, score) };
    let candidates = [turn(1, 10.0, 1), turn(2, 9.8, 1), turn(3, 9.6, 1), turn(4, 9.5, 2), turn(5, 5.0, 3)];
    assert_eq!(order(&candidates, &setting()), [1, 4, 2, 3, 5]);
}

#[test]
fn names_and_times_lift() {
    let window = Window::between(Timestamp(10 * DAY), Timestamp(11 * DAY));
    let candidates = [
        text(1, 10.0),
        Candidate { named: true, ..text(2, 9.0) },
        Candidate { at: Some(Timestamp(10 * DAY)), ..text(3, 9.0) },
        Candidate { at: Some(Timestamp(500 * DAY)), ..text(4, 9.0) },
    ];
    assert_eq!(order(&candidates, &Setting { window: Some(window), ..setting() }), [2, 3, 1, 4]);
}

#[test]
fn a_hit_says_why() {
    let candidates = [
        Candidate {
            vector: Some(0.5),
            named: true,
            priors: Priors { importance: 1.0, ..Priors::default() },
            ..text(1, 4.0)
        },
        Candidate { vector: Some(0.7), turn: Some((1, 1)), ..text(2, 2.0) },
    ];
    let lines: Vec<String> = fuse(&candidates, &setting())
        .iter()
        .map(|hit| {
            let why: Vec<String> =
                hit.why.iter().map(|s| format!("{:?} {:.2} #{} +{:.3}", s.leg, s.raw, s.rank, s.share)).collect();
            format!("{} {:.3}: {}\n", hit.id, hit.score, why.join(", "))
        })
        .collect();
    expect![[r#"
        1 1.174: Text 4.00 #1 +0.655, Vector 0.50 #2 +0.173, Name 1.00 #1 +0.340, Prior 0.35 #1 +0.007
        2 0.675: Text 2.00 #2 +0.327, Vector 0.70 #1 +0.345, Prior 0.10 #2 +0.002
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn what_the_model_has_not_read_is_judged_as_if_there_were_none() {
    let both = |id, score: f64, cosine| Candidate { vector: Some(cosine), late: Some(score), ..text(id, score) };
    let without = fuse(&[both(1, 1.0, 0.2), both(2, 3.0, 0.6), both(3, 2.0, 0.4)], &setting());
    let read = |id, score, cosine, model| Candidate { model: Some(model), ..both(id, score, cosine) };
    let with = fuse(&[read(1, 1.0, 0.2, 0.9), read(2, 3.0, 0.6, 0.1), both(3, 2.0, 0.4)], &setting());
    let of = |hits: &[Hit<u32>], id| hits.iter().find(|hit| hit.id == id).map(|hit| hit.score).unwrap();
    assert!((of(&without, 3) - of(&with, 3)).abs() < 1e-9);
    assert!(of(&with, 1) > of(&without, 1) && of(&with, 2) < of(&without, 2));
    // What every leg puts first stands where it stood.
    let best = fuse(&[read(1, 3.0, 0.6, 0.9), read(2, 1.0, 0.2, 0.1)], &setting());
    assert_eq!(best.first().map(|hit| (hit.id, (hit.relevance * 1e6).round())), Some((1, 1e6)));
    let model = best.first().and_then(|hit| hit.why.iter().find(|share| share.leg == Leg::Model));
    assert!(model.is_some_and(|share| share.share > 0.0 && share.rank == 1));
}

#[test]
fn scores_that_are_no_numbers_count_as_absent() {
    let candidates = [Candidate { vector: Some(f64::NAN), ..text(1, f64::INFINITY) }, text(2, 1.0)];
    let hits = fuse(&candidates, &setting());
    assert_eq!(hits.first().map(|hit| hit.id), Some(2));
    assert!(hits.iter().all(|hit| hit.score.is_finite()));
}

#[test]
fn the_prior_shares_sum_to_one() {
    let p = Weights::default().priors;
    assert!((p.importance + p.confidence + p.pinned + p.recency + p.feedback - 1.0).abs() < 1e-9);
}

fn candidate() -> impl Strategy<Value = Candidate<u32>> {
    (
        (prop::option::of(0.0..30.0), prop::option::of(-1.0..1.0), prop::option::of(0.0..5.0)),
        (prop::option::of((0u64..3, 0i64..10)), any::<bool>(), prop::option::of(0i64..1000)),
        (any::<f64>(), -1.0..2.0, any::<bool>(), any::<i64>()),
    )
        .prop_map(|((text, vector, entity), (turn, named, day), (importance, confidence, pinned, feedback))| {
            Candidate {
                id: 0,
                text,
                vector,
                model: vector.filter(|value| value.to_bits() % 3 == 0).map(|value| -value),
                late: vector.map(f64::abs),
                entity,
                terms: importance.to_bits(),
                turn,
                asks: false,
                named,
                at: day.map(|day| Timestamp(day * DAY)),
                priors: Priors { importance, confidence, pinned, feedback },
            }
        })
}

proptest! {
    #[test]
    fn hits_are_the_same_without_reasons(candidates in prop::collection::vec(candidate(), 0..30)) {
        let told = fuse(&candidates, &setting());
        prop_assert!(told.iter().all(|hit| !hit.why.is_empty() || hit.score == 0.0));
        let bits = |hits: &[Hit<u32>]| -> Vec<(u32, u64, u64)> {
            hits.iter().map(|hit| (hit.id, hit.score.to_bits(), hit.relevance.to_bits())).collect()
        };
        let silent = fuse_silently(&candidates, &setting());
        prop_assert_eq!(bits(&silent), bits(&told));
        prop_assert!(silent.iter().all(|hit| hit.why.is_empty()));
    }

    #[test]
    fn priors_never_outrank_relevance(mut candidates in prop::collection::vec(candidate(), 0..30)) {
        for (i, candidate) in candidates.iter_mut().enumerate() {
            candidate.id = i as u32;
        }
        let hits = fuse(&candidates, &setting());
        prop_assert_eq!(hits.len(), candidates.len());
        for (i, first) in hits.iter().enumerate() {
            prop_assert!(first.score >= first.relevance - 1e-9 && first.score <= first.relevance + PRIOR_MAX + 1e-9);
            for second in &hits[i + 1..] {
                prop_assert!(second.relevance - first.relevance <= PRIOR_MAX + 1e-9);
            }
        }
    }

    #[test]
    fn the_order_does_not_depend_on_the_input_order(mut candidates in prop::collection::vec(candidate(), 0..20), turn in 0usize..20) {
        for (i, candidate) in candidates.iter_mut().enumerate() {
            candidate.id = i as u32;
        }
        let before = order(&candidates, &setting());
        let len = candidates.len().max(1);
        candidates.rotate_left(turn % len);
        prop_assert_eq!(before, order(&candidates, &setting()));
    }
}

#[test]
fn an_answer_follows_its_question_and_a_question_is_seldom_one() {
    let turn = |id: u64, place, text, asks| Candidate { turn: Some((1, place)), text, asks, ..Candidate::new(id) };
    let setting = Setting { now: Timestamp(0), window: None, weights: Weights::default() };
    let order = |asks| {
        let candidates = [
            turn(1, 0, Some(3.0), asks),
            turn(2, 1, Some(0.5), false),
            Candidate { turn: Some((3, 5)), text: Some(1.2), ..Candidate::new(3) },
            Candidate { turn: Some((2, 0)), text: Some(0.1), ..Candidate::new(4) },
        ];
        fuse(&candidates, &setting)
    };
    let places = |hits: &[Hit<u64>]| hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
    let (told, asked) = (order(false), order(true));
    assert_eq!(places(&told)[0], 1);
    let score = |hits: &[Hit<u64>], id| hits.iter().find(|hit| hit.id == id).unwrap().relevance;
    assert!(score(&asked, 2) > score(&told, 2), "the turn after a question gains");
    assert!(score(&asked, 1) < score(&told, 1), "the question itself loses");
    assert!((score(&asked, 3) - score(&told, 3)).abs() < 1e-9, "others do not care");
    assert!(asked[0].why.iter().any(|share| share.leg == Leg::Question && share.share < 0.0));
}

#[test]
fn one_more_weak_candidate_changes_no_score() {
    let full = |id, score, cosine| Candidate { vector: Some(cosine), late: Some(score), ..text(id, score) };
    let few = [full(1, 3.0, 0.7), full(2, 2.0, 0.5)];
    let more = [full(1, 3.0, 0.7), full(2, 2.0, 0.5), full(3, 0.1, 0.01), full(4, 0.2, -0.3)];
    let scores = |candidates: &[Candidate<u32>]| {
        fuse(candidates, &setting()).iter().take(2).map(|hit| (hit.id, hit.score.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(scores(&few), scores(&more));
}
