//! The table and its tokenizer against what the scripts computed, and at their bounds.

use super::*;
use crate::{conformance, cosine};
use std::path::Path;

/// The rows of a fixture that `scripts/distil/fixture.py` wrote.
fn fixture(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/static").join(name);
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn conforms() {
    conformance::check(&StaticEmbedder::new());
}

#[test]
fn token_ids_equal_those_of_the_tokenizers_library() {
    let rows = fixture("tokens.jsonl");
    assert!(rows.len() >= 300, "{}", rows.len());
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let wanted: Vec<TokenId> = serde_json::from_value(row["ids"].clone()).unwrap();
        assert_eq!(StaticEmbedder.token_ids(text), wanted, "{text:?}");
    }
}

#[test]
fn vectors_equal_those_of_the_script() {
    for row in fixture("vectors.jsonl") {
        let text = row["text"].as_str().unwrap();
        let wanted: Vec<f32> = serde_json::from_value(row["vector"].clone()).unwrap();
        let found = StaticEmbedder.embed(&[text]).unwrap().remove(0);
        assert!(cosine(&found, &wanted) > 0.9999, "{text:?}: {}", cosine(&found, &wanted));
    }
}

/// Stored vectors of this id must stay comparable: another table or vocabulary needs another id.
#[test]
fn the_files_are_those_of_the_id() {
    let (hash, payload) = table::hash_and_payload();
    assert_eq!(blake3::hash(payload).as_bytes(), &hash);
    let (short, payload) = vocabulary::hash_and_payload();
    assert_eq!(blake3::hash(payload).as_bytes()[..24], short);
    let hex = |bytes: &[u8]| bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let content = format!("{} {}", hex(&hash), hex(&short));
    expect_test::expect!["41f1cb99d09de201 a01290ba6a585300"].assert_eq(&content);
    assert_eq!(StaticEmbedder::ID, "static-minilm-256-v1");
}

#[test]
fn every_token_is_found_by_its_bytes() {
    assert_eq!(vocabulary::count(), table::rows());
    let mut found = 0;
    for id in 0..u16::try_from(vocabulary::count()).unwrap() {
        let text = std::str::from_utf8(vocabulary::string(id).unwrap()).unwrap();
        let ways = [false, true].map(|inner| vocabulary::longest(text, inner));
        if !text.is_empty() {
            assert!(ways.contains(&Some((id, text.len()))), "{id} {text:?} {ways:?}");
            found += 1;
        }
    }
    assert!(found > 30_000);
    assert!(StaticEmbedder.row(u16::MAX).is_none());
}

#[test]
fn ascii_has_the_kinds_that_the_short_cut_takes() {
    use vocabulary::{Kind, kind};
    for c in (0..128_u8).map(char::from) {
        let wanted = match c {
            '\t' | '\n' | '\r' | ' ' => Kind::Space,
            _ if c.is_ascii_control() => Kind::Dropped,
            _ if c.is_ascii_punctuation() => Kind::Punctuation,
            _ => Kind::Plain,
        };
        assert_eq!(kind(c), wanted, "{c:?}");
    }
    assert_eq!(
        [kind('\u{301}'), kind('界'), kind('。'), kind('é')],
        [Kind::Dropped, Kind::Single, Kind::Punctuation, Kind::Plain]
    );
}

#[test]
fn what_stands_for_no_text_has_no_weight() {
    let unknown = StaticEmbedder.row(vocabulary::UNKNOWN).unwrap();
    assert_eq!((unknown.weight(), unknown.to_probe().cosine(&unknown)), (0.0, 0.0));
    assert_eq!(StaticEmbedder.embed(&["🚀 🚀"]).unwrap()[0], vec![0.0; DIMENSION]);
    let weight = |word: &str| {
        StaticEmbedder.token_ids(word).iter().map(|id| StaticEmbedder.row(*id).unwrap().weight()).sum::<f32>()
    };
    assert!(weight("the") < 0.2 * weight("certificate"), "{} {}", weight("the"), weight("certificate"));
}

#[test]
fn rows_compare_tokens_by_meaning() {
    let row = |word: &str| {
        let ids = StaticEmbedder.token_ids(word);
        assert_eq!(ids.len(), 1, "{word}");
        StaticEmbedder.row(ids[0]).unwrap()
    };
    let (car, vehicle, soup) = (row("car"), row("vehicle"), row("soup"));
    assert!((car.to_probe().cosine(&car) - 1.0).abs() < 1e-5);
    assert!(car.to_probe().cosine(&vehicle) > car.to_probe().cosine(&soup) + 0.2);
    assert_eq!(car.codes().len(), DIMENSION);
    let square: f32 = car.codes().map(|code| (f32::from(code) * car.scale()).powi(2)).sum();
    assert!((square.sqrt() - car.weight()).abs() < 1e-3 * car.weight());
}

#[test]
fn meaning_is_found_without_a_common_word() {
    let texts =
        ["The TLS certificate ran out on Sunday.", "Lunch is served at noon.", "We paint the bedroom walls green."];
    let vectors = StaticEmbedder.embed(&texts).unwrap();
    let question = StaticEmbedder.embed(&["when did HTTPS encryption expire"]).unwrap().remove(0);
    let scores: Vec<f32> = vectors.iter().map(|vector| cosine(&question, vector)).collect();
    assert!(scores[0] > scores[1] && scores[0] > scores[2], "{scores:?}");
}

/// Bounds: long input is linear in its length and keeps no more than a word.
#[test]
fn very_long_texts_are_bounded() {
    let words = "restart the wörker 東京 ".repeat(25_000);
    let one_word = "x".repeat(1_000_000);
    let marks = "\u{301}".repeat(500_000);
    let vectors = StaticEmbedder.embed(&[&words, &one_word, &marks, "restart the wörker 東京"]).unwrap();
    assert!(cosine(&vectors[0], &vectors[3]) > 0.999);
    assert_eq!(vectors[1], vec![0.0; DIMENSION]);
    assert_eq!(StaticEmbedder.token_ids(&one_word), [vocabulary::UNKNOWN]);
}
