//! Terms of whole texts, as examples that are read in review, and properties that hold for any text.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&index_text(text));
}

#[test]
fn words_are_folded_and_stemmed() {
    check("The servers were listening at the Café.", &expect!["the server were listen at the cafe"]);
    check("Straße Ærø Łódź naïve RÉSUMÉ Ｆｕｌｌ", &expect!["strass aero lodz naiv resum full"]);
    check("Alice's books don't say what's O’Brien’s", &expect!["alic book dont say what obrien"]);
    check("Привет, мир! हिन्दी में", &expect!["привет мир हिन्दी में"]);
}

#[test]
fn identifiers_are_kept_whole_and_split() {
    check("parseHttpHeader2", &expect!["parsehttpheader2 pars http header 2"]);
    check(
        "HTTPServer getURLs iPhone OAuth2 GitHub utf8",
        &expect!["httpserver http server geturl get url iphon oauth2 oauth 2 github git hub utf8 utf 8"],
    );
    check(
        "retry_with_backoff retry-with-backoff __init__",
        &expect!["retry_with_backoff retri with backoff retry_with_backoff retri with backoff init"],
    );
    check("src/a-b.rs std::fmt::Display", &expect!["src_a_b_rs src a_b_rs a b rs std_fmt_display std fmt display"]);
    check(
        "C:\\Users\\me ~/.config/jay.toml https://example.com/a?b=c",
        &expect![
            "c_users_me c user me config_jay_toml config jay_toml jay toml https_example_com_a https example_com exampl com a b c"
        ],
    );
    check(
        "me@example.org C++ and C# but cc",
        &expect!["me_example_org me example_org exampl org cpp and csharp but cc"],
    );
}

#[test]
fn numbers_versions_and_ports_are_kept_whole() {
    check("port 5433, not 5432.", &expect!["port 5433 not 5432"]);
    check(
        "v1.2.3 and 1.2.3 on 2023-05-08 at 12:30",
        &expect!["v1_2_3 1_2_3 and 1_2_3 on 2023_05_08 2023 05 08 at 12_30 12 30"],
    );
    check("127.0.0.1:5433 localhost:5433", &expect!["127_0_0_1_5433 127_0_0_1 127 5433 localhost_5433 localhost 5433"]);
    check(
        "commit 3f2a9bc1d and 0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        &expect!["commit 3f2a9bc1d and 0190a1b2_7c3d_7e4f_8a5b_6c7d8e9f0a1b 0190a1b2 7c3d 7e4f 8a5b 6c7d8e9f0a1b"],
    );
}

#[test]
fn unspaced_scripts_become_characters_and_pairs() {
    check("日本語のport", &expect!["日 日本 本 本語 語 語の の port"]);
    check("港", &expect!["港"]);
    check("서버 설정", &expect!["서 서버 버 설 설정 정"]);
    let query: Vec<String> = query_tokens("日本語 港").into_iter().map(|t| t.term).collect();
    assert_eq!(query, ["日本", "本語", "港"]);
}

#[test]
fn emoji_are_terms() {
    check("shipped 🚀 by 👩‍💻 ❤️!", &expect!["ship 🚀 by 👩‍💻 ❤"]);
}

#[test]
fn what_is_asked_in_parts_is_found() {
    for (document, query) in [
        ("use retry-with-backoff here", "backoff"),
        ("parseHttpHeader fails", "http header"),
        ("It listens on 5433.", "5433"),
        ("see crates/rank/src/lib.rs", "lib.rs"),
        ("the last word is zebra.", "zebra"),
        ("東京都の天気", "天気"),
        ("東京都の天気", "都"),
        ("un café crème", "cafe creme"),
        ("cafe", "CAFÉ"),
        ("bind 10.0.0.7:8080", "8080"),
        ("upgraded to v2.10.0", "2.10.0"),
        ("Kubernetes", "kubernetes"),
    ] {
        let have = index_terms(document);
        for token in query_tokens(query) {
            assert!(have.contains(&token.term), "{query} in {document}: {} of {have:?}", token.term);
        }
    }
}

#[test]
fn a_phrase_is_a_contiguous_part_of_its_text() {
    for (document, phrase) in [
        ("we saw the OCC retry loop again", "retry loop"),
        ("東京都の天気予報", "の天気"),
        ("call parseHttp2 twice now", "parseHttp2 twice"),
    ] {
        let (have, want) = (index_terms(document), index_terms(phrase));
        assert!(have.windows(want.len()).any(|window| window == want), "{want:?} in {have:?}");
    }
}

#[test]
fn long_text_is_bounded() {
    assert_eq!(index_terms(&"a ".repeat(200_000)).len(), TERMS_MAX);
    assert_eq!(index_terms(&"x".repeat(100_000)), ["x".repeat(TERM_MAX_CHARS)]);
    assert!(index_terms(&"a.b/".repeat(100_000)).len() <= TERMS_MAX);
    assert!(index_terms(&"aB1".repeat(100_000)).len() == 1);
}

proptest! {
    #[test]
    fn terms_keep_their_alphabet(text in "\\PC{0,200}|[a-zA-Z0-9_./:' -]{0,80}|(?s:.{0,60})") {
        for token in tokens(&text) {
            prop_assert!(!token.term.is_empty() && token.term.chars().count() <= TERM_MAX_CHARS);
            prop_assert!(
                token.term.chars().all(|c| !c.is_ascii() || c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{:?}", token.term
            );
            prop_assert!(text.get(token.span.clone()).is_some());
        }
    }

    #[test]
    fn every_word_of_a_text_is_found_by_itself(words in prop::collection::vec("[a-zA-Z0-9é日]{1,12}([_./-][a-zA-Z0-9]{1,8}){0,3}", 1..20)) {
        let have = index_terms(&words.join(" "));
        for word in &words {
            for token in query_tokens(word) {
                prop_assert!(have.contains(&token.term), "{} of {word} in {have:?}", token.term);
            }
        }
    }
}
