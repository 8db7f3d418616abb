//! Plans of whole queries, as examples that are read in review, and the bounds that hold for any query.

use super::*;
use proptest::prelude::*;

/// A Wednesday.
fn now() -> Timestamp {
    Timestamp::parse("2026-05-20T15:30:00Z").unwrap()
}

fn parse(text: &str) -> Query {
    Query::parse(text, now(), None)
}

fn phrases(query: &Query) -> Vec<String> {
    let shown = |phrase: &Phrase| {
        let last = phrase.last.iter().map(|last| format!("{}*", last.start));
        phrase.terms.iter().cloned().chain(last).collect::<Vec<_>>().join(" ")
    };
    query.phrases.iter().map(shown).collect()
}

#[test]
fn question_words_go_and_stay_only_where_nothing_else_is_left() {
    assert_eq!(parse("Which port does staging Postgres use?").terms, ["port", "stage", "postgr", "use"]);
    assert_eq!(parse("what is it").terms, ["what", "is", "it"]);
    assert_eq!(parse("port port PORT ports").terms, ["port"]);
    assert!(parse("  ?! ").is_empty());
}

#[test]
fn a_name_is_known_by_its_terms() {
    let query = parse("what did Caroline tell O'Brien about ports");
    let terms =
        |word: &str| terms(word).iter().map(|term| query.terms.iter().position(|t| t == term)).collect::<Vec<_>>();
    let bits: u64 =
        [terms("caroline"), terms("o'brien")].concat().into_iter().flatten().fold(0, |bits, at| bits | 1 << at);
    assert!(bits.count_ones() >= 2);
    assert_eq!(query.name_terms(), bits);
    assert_eq!(parse("ports of the server").name_terms(), 0);
    let long: String = (0..200).map(|n| format!("word{n} ")).collect();
    assert_eq!(parse(&format!("{long} Al")).name_terms(), u64::MAX, "a name that was cut can stand anywhere");
}

#[test]
fn phrases_identifiers_and_names_are_seen() {
    let query =
        parse("did Caroline's \"retry loop\" call parseHttpHeader2 on 5433 in “the store” with O'Brien? When, Friday?");
    assert_eq!(phrases(&query), ["retri loop", "the store"]);
    assert_eq!(query.identifiers, ["parsehttpheader2", "5433"]);
    assert_eq!(query.names, ["caroline", "o'brien"]);
    assert_eq!(parse("an \"open quote").phrases, []);
    assert_eq!(parse("Ångström and Zoë").names, ["angstrom", "zoe"]);
}

#[test]
fn operators_are_words_and_nothing_else() {
    let query = parse("a\" OR text:* NEAR(x, 2) \"two words\" -- ; DROP");
    assert_eq!(query.terms, ["text", "near", "x", "2", "two", "word", "drop"]);
    assert_eq!(phrases(&query), ["or text near x 2"]);
    assert_eq!(query.prefixes, []);
}

#[test]
fn a_star_behind_a_word_makes_it_a_beginning() {
    // (query, whole terms, beginnings)
    for (text, terms, starts) in [
        ("deploy*", "", "deploy"),
        ("Déploy* to prod", "prod", "deploy"),
        ("why did deploym* fail", "fail", "deploym"),
        ("parse_http*", "pars", "parse_http http"),
        ("parse_*", "pars", "parse_"),
        ("parseHttpHe*", "pars http", "parsehttphe"),
        ("src/net*", "src", "src_net net"),
        ("src/net/*", "src_net src net", "src_net_"),
        ("std::*", "std", "std_"),
        ("v1.2*", "", "v1_2"),
        ("tests/it/*.rs and O'Bri*", "tests_it test it rs", "tests_it_ obri"),
        ("(retry*), [back*]; (deploy* | ship*)", "", "retry back deploy ship"),
        ("54*", "", "54"),
        ("deploy* deploy*", "", "deploy"),
    ] {
        let query = parse(text);
        assert_eq!(query.terms.join(" "), terms, "{text}");
        let found: Vec<String> = query.prefixes.iter().map(|prefix| prefix.start.clone()).collect();
        assert_eq!(found.join(" "), starts, "{text}");
    }
    for text in [
        "*",
        "***",
        "* * *",
        "*deploy*",
        "**deploy**",
        "some *stressed words* here",
        "10*20",
        "foo*bar",
        "deploy **",
        "text:*",
        "*.rs",
        "f(*args, **kwargs)",
        "count(*)",
        "deploy *",
        "東京*",
        "🦑*",
        "",
    ] {
        let query = parse(text);
        assert_eq!((query.prefixes, query.prefixes_cut), (vec![], 0), "{text}");
    }
    for text in ["a*", "x* ", "É*"] {
        assert!(parse(text).is_empty() && parse(text).prefixes_cut == 1, "{text}: {:?}", parse(text));
    }
}

#[test]
fn a_beginning_has_no_meaning() {
    for (text, meaning) in [
        ("which port does stag* use", "which port does   use"),
        ("deploy*", " "),
        ("a* b", "  b"),
        ("no star", "no star"),
        ("10*20", "10*20"),
    ] {
        assert_eq!(parse(text).meaning(text), meaning, "{text}");
    }
}

#[test]
fn the_last_word_of_a_phrase_can_be_a_beginning() {
    for (text, expected) in [
        ("\"retry loo*\"", "retri loo*"),
        ("\"loo*\"", "loo*"),
        ("\"call parse_ht* \" x", "call parse_ht*"),
        ("\"retr* loop\"", "retr loop"),
        ("\"l*\"", "l"),
    ] {
        assert_eq!(phrases(&parse(text)), [expected], "{text}");
    }
    let in_text = |query: &str, text: &str| parse(query).phrases[0].stands_in(&analyse::index_terms(text));
    assert!(in_text("\"retry loo*\"", "the retry loops"));
    assert!(in_text("\"call parse_ht*\"", "we call parse_http_header"));
    assert!(in_text("\"staging deploym*\"", "before a staging deployment"));
    assert!(!in_text("\"retry loo*\"", "loops that retry") && !in_text("\"retry loo*\"", "retry"));
}

/// What a beginning of a word finds is no less than what the word finds.
#[test]
fn words_are_found_by_any_beginning() {
    for word in [
        "deployment",
        "deployments",
        "deployed",
        "running",
        "policies",
        "policy",
        "organization",
        "organizational",
        "relational",
        "hopefulness",
        "retries",
        "retrieved",
        "quickly",
        "configuration",
        "configurations",
        "databases",
        "happiness",
        "generalization",
        "easily",
        "dependencies",
        "scheduled",
        "scheduler",
        "connections",
        "authentication",
        "availability",
        "usability",
        "migrations",
        "indexes",
        "latency",
        "queries",
        "encryption",
        "responsible",
        "caches",
        "embeddings",
        "testing",
        "stopped",
        "redis",
        "kubernetes",
        "postgres",
        "analysis",
        "vacuuming",
        "compiled",
        "parseHttp",
        "references",
        "references",
        "different",
        "importance",
        "university",
        "automatically",
        "historical",
        "previously",
    ] {
        let term = analyse::index_terms(word).remove(0);
        for end in 2..=word.len() {
            let text = format!("{}*", &word[..end]);
            let prefix = parse(&text).prefixes.remove(0);
            let is_short = term.len() < 3;
            assert!(is_short || prefix.takes(&term), "{text} of {word}: {term} {prefix:?}");
        }
    }
    let prefix = parse("bei*").prefixes.remove(0);
    assert!(!prefix.takes("be") && prefix.takes("beij"));
    assert!(!parse("port*").prefixes[0].takes("por") && !parse("thes*").prefixes[0].takes("the"));
}

#[test]
fn a_query_has_a_bounded_number_of_beginnings() {
    let text: String = (0..40).map(|n| format!("word{}* ", letters(n))).collect();
    let query = parse(&text);
    assert_eq!(query.prefixes.len(), PREFIXES_MAX);
    assert_eq!(query.terms.len(), 40 - PREFIXES_MAX, "the rest are words");
    let query = parse(&text.repeat(10).replace("word", "a/b/c-d/"));
    assert!(query.terms.len() + query.prefixes.len() <= TERMS_MAX);
}

#[test]
fn a_long_query_keeps_its_rarest_terms() {
    let mut text = String::new();
    for i in 0..100_000 {
        text.push_str(&format!("word{} ", (b'a' + (i % 26) as u8) as char));
        text.push_str(["alpha ", "beta "][i % 2]);
        text.push_str(&letters(i));
        text.push(' ');
    }
    text.insert_str(0, "zyzzyva ");
    let frequency = |term: &str| match term {
        "zyzzyva" => 1,
        term if term.starts_with('q') => 0,
        _ => 1000,
    };
    let query = Query::parse(&text, now(), Some(&frequency));
    assert_eq!(query.terms.len(), TERMS_MAX);
    assert!(query.terms.contains(&"zyzzyva".to_owned()) && query.terms_cut > 1000);
    assert!(query.terms.iter().all(|term| !term.starts_with('q')));
    let guessed = Query::parse(&format!("{text} parse_http_header"), now(), None);
    assert_eq!(guessed.terms.len(), TERMS_MAX);
}

fn letters(mut i: usize) -> String {
    let mut out = String::new();
    for _ in 0..4 {
        out.push((b'a' + (i % 26) as u8) as char);
        i /= 26;
    }
    out
}

#[test]
fn times_are_read() {
    for (text, expected) in [
        ("what did we do yesterday?", "2026-05-19..2026-05-20"),
        ("today", "2026-05-20..2026-05-21"),
        ("notes of last week", "2026-05-11..2026-05-18"),
        ("this week", "2026-05-18..2026-05-25"),
        ("last month", "2026-04-01..2026-05-01"),
        ("last year's plan", "2025-01-01..2026-01-01"),
        ("What happened in May?", "2026-05-01..2026-06-01"),
        ("in June", "2025-06-01..2025-07-01"),
        ("in May 2023", "2023-05-01..2023-06-01"),
        ("deployed 2023-05-08", "2023-05-08..2023-05-09"),
        ("in 2023-05", "2023-05-01..2023-06-01"),
        ("in 2023", "2023-01-01..2024-01-01"),
        ("on 8 May", "2026-05-08..2026-05-09"),
        ("on 8 May, 2023", "2023-05-08..2023-05-09"),
        ("the 8th of June", "2025-06-08..2025-06-09"),
        ("May 8, 2023", "2023-05-08..2023-05-09"),
        ("3 days ago", "2026-05-17..2026-05-18"),
        ("a week ago", "2026-05-10..2026-05-17"),
        ("two months ago", "2026-03-05..2026-04-05"),
        ("in the last 3 days", "2026-05-17..2026-05-21"),
        ("over the past two weeks", "2026-05-06..2026-05-21"),
        ("last Friday", "2026-05-15..2026-05-16"),
        ("last Wednesday", "2026-05-13..2026-05-14"),
        ("last night", "2026-05-19..2026-05-20"),
        ("since 2026-05-01", "2026-05-01.."),
        ("after April", "2026-04-30.."),
        ("before May 2023", "..2023-05-01"),
        ("until March 2023", "..2023-04-01"),
        ("since today", "2026-05-20..2026-05-21"),
    ] {
        let date = |at: Option<Timestamp>| at.map(|at| at.date()).unwrap_or_default();
        let window = window(text, now()).map(|w| format!("{}..{}", date(w.from), date(w.to)));
        assert_eq!(window.as_deref(), Some(expected), "{text}");
    }
    for text in [
        "may I see it",
        "port 2023",
        "march on",
        "31 june",
        "version 1.2.3",
        "last resort",
        "5 days",
        "",
        "99999999 days ago",
    ] {
        assert_eq!(window(text, now()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_compound_is_found_by_any_beginning(word in "[a-zA-Z][a-zA-Z0-9é]{1,7}([_./-][a-zA-Z0-9]{1,6}){0,3}", cut in 2_usize..30) {
        let have = analyse::index_terms(&format!("see {word} there"));
        let text: String = word.chars().take(cut).chain(['*']).collect();
        if let Some(prefix) = parse(&text).prefixes.first() {
            // The whole word comes before its parts. Stems of two letters and those that are stop words are left out, as
            // "its" of "itse".
            let is_left_out = |term: &String| term.len() < 3 || analyse::is_stop_word(term);
            prop_assert!(have.get(1).is_none_or(is_left_out) || have.iter().any(|term| prefix.takes(term)), "{text} in {have:?}: {prefix:?}");
        }
    }

    #[test]
    fn a_query_makes_terms_of_the_analysis_only(text in "\\PC{0,80}|[\"'a-z()*:^{}+ -]{0,60}|([a-z/_]{1,4}\\*? ?){0,90}", at in any::<i64>()) {
        let query = Query::parse(&text, Timestamp(at), None);
        for term in query.terms.iter().chain(query.phrases.iter().flat_map(|phrase| &phrase.terms)) {
            prop_assert!(!term.is_empty() && term.chars().all(
                |c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit() || !c.is_ascii()), "{term}");
        }
        prop_assert!(query.terms.len() + query.prefixes.len() <= TERMS_MAX);
        prop_assert!(query.prefixes.iter().all(|prefix| prefix.start.chars().count() >= PREFIX_MIN));
    }
}
