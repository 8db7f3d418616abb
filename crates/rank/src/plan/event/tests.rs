//! What is read as a time that hangs on an event, what is not, and what follows from what texts tell.

use super::*;
use crate::plan::{Query, told};

const READ: [(&str, &str, &str); 24] = [
    ("what did we decide before the release?", "before the release", "releas"),
    ("Before the release, what was the port", "Before the release", "releas"),
    ("what changed after the migration to postgres", "after the migration to postgres", "migrat postgr"),
    ("errors since the outage", "since the outage", "outag"),
    ("who was on call until the offsite", "until the offsite", "offsit"),
    ("what did we try during the incident?", "during the incident", "incid"),
    ("which flags were on before our launch and why", "before our launch", "launch"),
    ("what has Ann said since my talk", "since my talk", "talk"),
    ("what happened after the Q3 planning, and who was there", "after the Q3 planning", "q3 plan"),
    ("what was said before the v2.0 release", "before the v2.0 release", "v2_0 releas"),
    ("notes till the end of the sprint", "till the end of the sprint", "sprint"),
    ("costs since the start of our beta", "since the start of our beta", "beta"),
    ("what did we do to the cache before the freeze", "before the freeze", "freez"),
    ("what was moved to S3 after the disk failure", "after the disk failure", "disk failur"),
    ("How did Melanie feel after the accident?", "after the accident", "accid"),
    ("decisions after the switch from npm to pnpm", "after the switch from npm to pnpm", "switch npm pnpm"),
    ("what broke after the upgrade we made in Berlin", "after the upgrade", "upgrad"),
    ("what broke (after the upgrade) and how", "after the upgrade", "upgrad"),
    ("timeouts during the load test on staging", "during the load test", "load test"),
    ("what did they plan after the road trip to relax", "after the road trip to relax", "road trip relax"),
    ("what was discussed after the 東京 offsite", "after the 東京 offsite", "offsit"),
    ("before we ship, what did we do since the audit", "since the audit", "audit"),
    ("what were the limits before the new scheduler", "before the new scheduler", "new schedul"),
    ("since the end, what changed after the rollback", "after the rollback", "rollback"),
];

const NOT_READ: [&str; 38] = [
    "",
    "before",
    "before the",
    "before we ship",
    "after all",
    "what did we do before lunch",
    "since the port is 5433",
    "since the cache is cold what do we warm",
    "since the tests don't pass",
    "after the server was moved",
    "until the end",
    "until the end of the day",
    "since the beginning",
    "after the fact",
    "the day before the other",
    "during the week",
    "during the night",
    "what must run before the deploy",
    "what should I check before the release",
    "always lint before the push",
    "who has to approve before the merge",
    "how do we warm up after the restart",
    "what can break during the rollout",
    "what is never done before the audit",
    "every step after the build",
    "what was done \"before the release\"",
    "what \"happened before\" the release",
    "what did we say before, the release",
    "after the migration to",
    "after the big long very slow migration of everything",
    "since the 3",
    "since the 5 %",
    "before a release",
    "before releases",
    "the aftermath of the outage",
    "what did we do before the release in May 2023",
    "what did we do in May 2023 before the release",
    "what did we do before 2026-05-01",
];

fn now() -> Timestamp {
    Timestamp::parse("2026-05-20T15:30:00Z").unwrap()
}

fn day(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn what_hangs_on_an_event_is_read() {
    for (text, phrase, terms) in READ {
        let query = Query::parse(text, now(), None);
        let event = query.event.unwrap_or_else(|| panic!("{text}"));
        assert_eq!((event.phrase.as_str(), query.window), (phrase, None), "{text}");
        let expected: Vec<&str> = terms.split(' ').collect();
        assert!(expected.iter().all(|term| event.terms.iter().any(|found| found == term)), "{text}: {:?}", event.terms);
        assert!(event.terms.iter().all(|term| query.terms.contains(term)), "the words stay words: {text}");
    }
}

#[test]
fn rules_reasons_and_vague_words_are_not_read() {
    for text in NOT_READ {
        assert_eq!(Query::parse(text, now(), None).event, None, "{text}");
    }
}

#[test]
fn a_long_query_is_bounded() {
    let text = "before the ".repeat(50_000);
    assert_eq!(event(&text), None);
    let text = format!("{} since the outage", "word ".repeat(WORDS_MAX));
    assert_eq!(event(&text), None);
}

#[test]
fn a_text_that_hangs_on_the_event_does_not_tell_it() {
    let event = event("what did we decide before the release").unwrap();
    for text in
        ["Released 2.0 on 3 May", "The release went out", "the release of the API is done. Before that we slept"]
    {
        assert!(event.may_be_told_by(text, false), "{text}");
    }
    for text in [
        "Before the release we must rotate the keys",
        "keys are rotated before every release",
        "Prior to the big release, Ann froze the branch",
        "The freeze holds until release",
        "When is the release?",
        "After our third release we went home",
    ] {
        assert!(!event.may_be_told_by(text, false) && !event.may_be_told_by(text, true), "{text}");
    }
    let rule = "Each release is signed by two people";
    assert!(!event.may_be_told_by(rule, false) && event.may_be_told_by(rule, true));
}

#[test]
fn the_time_of_an_event_is_what_its_text_names() {
    let at = day("2026-05-20T15:30:00Z");
    for (text, expected) in [
        ("We released 2.0 yesterday", Some(("2026-05-19", "2026-05-20"))),
        ("Release 2.0 went out on 3 May", Some(("2026-05-03", "2026-05-04"))),
        ("Since 2024 we planned; released 2026-04-02.", Some(("2026-04-02", "2026-04-03"))),
        ("the outage of April", Some(("2026-04-01", "2026-05-01"))),
        ("in 2025 we released little", None),
        ("before May 2023 it was red", None),
        ("the release is out", None),
    ] {
        let expected = expected.map(|(from, to)| Told { from: day(from), to: day(to) });
        assert_eq!(told(text, at), expected, "{text}");
    }
}

#[test]
fn windows_follow_from_the_relation() {
    let told = Told { from: day("2026-05-03"), to: day("2026-05-04") };
    let fit = |relation: Relation, at: &str| {
        let event = Event { relation, phrase: String::new(), terms: vec![] };
        (event.window(told).fit(day(at)) * 100.0).round()
    };
    for (relation, fits) in [
        (Relation::Before, [100.0, 98.0, 76.0]),
        (Relation::Until, [100.0, 100.0, 78.0]),
        (Relation::After, [49.0, 100.0, 100.0]),
        (Relation::Since, [50.0, 100.0, 100.0]),
        (Relation::During, [5.0, 100.0, 34.0]),
    ] {
        assert_eq!(
            ["2026-04-03", "2026-05-03T20:00:00Z", "2026-05-14T20:00:00Z"].map(|at| fit(relation, at)),
            fits,
            "{relation:?}"
        );
    }
}

#[test]
fn texts_must_agree_within_a_week_and_kept_events_count_alone() {
    let at = |day: i64| Told::at(Timestamp(day * DAY));
    assert_eq!(agree(&[]), Agreed::Untold);
    assert_eq!(agree(&[(at(10), false)]), Agreed::On(at(10), 0));
    assert_eq!(agree(&[(at(10), false), (at(17), false)]), Agreed::On(at(10), 0));
    assert_eq!(agree(&[(at(10), false), (at(18), false)]), Agreed::Apart);
    assert_eq!(agree(&[(at(10), false), (at(40), true)]), Agreed::On(at(40), 1));
    assert_eq!(agree(&[(at(10), true), (at(12), false), (at(40), true)]), Agreed::Apart);
    let month = Told { from: Timestamp(0), to: Timestamp(30 * DAY) };
    assert_eq!(agree(&[(month, false), (at(20), false), (at(36), false)]), Agreed::Apart, "two of them are");
    assert_eq!(agree(&[(month, false), (at(34), false)]), Agreed::On(month, 0));
}
