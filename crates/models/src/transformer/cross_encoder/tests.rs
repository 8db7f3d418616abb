//! Against a second forward pass that is written here, in f64 and without the runtime; and files that are not what they should be.

use super::super::tokenizer::longest_first;
use super::super::{Loaded, Transformer};
use super::*;
use expect_test::expect;
use jay_testkit::tiny_bert::{self, POSITIONS};
use jay_testkit::{TinyBert, TinyJudge};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

fn files(model: Vec<u8>, settings: &str) -> Files {
    Files {
        model,
        tokenizer: tiny_bert::tokenizer().into_bytes(),
        settings: Settings::parse(&format!("window_tokens = {POSITIONS}\n{settings}")).unwrap(),
    }
}

fn tiny(is_int8: bool) -> TinyBert {
    TinyBert { labels: 1, is_int8, ..TinyBert::default() }
}

fn judge(model: &CrossEncoder, question: &str, documents: &[&str]) -> Vec<f32> {
    model.judge(question, documents, &|| false).unwrap().unwrap()
}

/// `[CLS] question [SEP] document [SEP]` by hand, for texts of the vocabulary's words and of letters.
fn pair(question: &str, document: &str) -> (Vec<usize>, Vec<usize>) {
    let vocabulary = tiny_bert::vocabulary();
    let id = |token: String| vocabulary.iter().position(|other| *other == token).unwrap();
    let words = |text: &str| -> Vec<usize> {
        text.split(' ')
            .flat_map(|word| {
                if vocabulary.contains(&word.to_owned()) {
                    return vec![id(word.to_owned())];
                }
                word.chars()
                    .enumerate()
                    .map(|(n, c)| id(if n == 0 { c.to_string() } else { format!("##{c}") }))
                    .collect()
            })
            .collect()
    };
    let (first, second) = (words(question), words(document));
    let mut ids = vec![2];
    ids.extend(&first);
    ids.push(3);
    ids.extend(&second);
    ids.push(3);
    let types = (0..ids.len()).map(|place| usize::from(place > first.len() + 1)).collect();
    (ids, types)
}

/// The logit as the paper has it: embeddings, one layer of attention, layer norms, the first token's vector times the head.
fn reference(weights: &BTreeMap<String, Vec<f32>>, hidden: usize, ids: &[usize], types: &[usize]) -> f64 {
    let row = |name: &str, at: usize| {
        weights[name][at * hidden..][..hidden].iter().map(|v| f64::from(*v)).collect::<Vec<_>>()
    };
    let norm = |x: Vec<f64>| {
        let mean = x.iter().sum::<f64>() / hidden as f64;
        let spread = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / hidden as f64;
        x.iter().map(|v| (v - mean) / (spread + 1e-5).sqrt()).collect::<Vec<_>>()
    };
    let dense = |x: &[f64], name: &str| {
        (0..hidden)
            .map(|to| (0..hidden).map(|from| x[from] * f64::from(weights[name][from * hidden + to])).sum())
            .collect::<Vec<f64>>()
    };
    let embedded: Vec<Vec<f64>> = ids
        .iter()
        .zip(types)
        .enumerate()
        .map(|(place, (id, kind))| {
            let (word, kind, position) = (row("words", *id), row("kinds", *kind), row("positions", place));
            norm((0..hidden).map(|n| word[n] + kind[n] + position[n]).collect())
        })
        .collect();
    let query = dense(&embedded[0], "query");
    let scores: Vec<f64> =
        embedded.iter().map(|x| query.iter().zip(dense(x, "key")).map(|(a, b)| a * b).sum::<f64>().exp()).collect();
    let all: f64 = scores.iter().sum();
    let mut first = embedded[0].clone();
    for (x, score) in embedded.iter().zip(&scores) {
        first.iter_mut().zip(dense(x, "value")).for_each(|(sum, value)| *sum += score / all * value);
    }
    norm(first).iter().zip(&weights["head"]).map(|(x, weight)| x * f64::from(*weight)).sum()
}

#[test]
fn logits_are_those_of_a_second_forward_pass() {
    let model = CrossEncoder::load(files(tiny(false).onnx(), "")).unwrap();
    model.try_out().unwrap();
    let weights = tiny(false).weights();
    let mut seen = Vec::new();
    for question in ["restart the worker", "port 5433 ?", "a"] {
        let documents = ["the worker", "restart", "abc de 9 : query", "worker the restart ."];
        for (document, logit) in documents.iter().zip(judge(&model, question, &documents)) {
            let (ids, types) = pair(question, document);
            let expected = reference(&weights, 32, &ids, &types);
            assert!((f64::from(logit) - expected).abs() < 1e-4, "{question} / {document}: {logit}, {expected}");
            seen.push(logit);
        }
    }
    seen.sort_by(f32::total_cmp);
    assert!(seen[seen.len() - 1] - seen[0] > 0.5, "they tell pairs apart: {seen:?}");
    assert_ne!(judge(&model, "restart", &["worker"]), judge(&model, "worker", &["restart"]), "the order counts");
}

#[test]
fn a_pair_is_judged_alone_and_int8_is_close() {
    let documents = ["the worker", "restart the worker", "a quick brown fox", "port 5433", ""];
    let exact = judge(&CrossEncoder::load(files(tiny(false).onnx(), "")).unwrap(), "restart", &documents);
    let model = CrossEncoder::load(files(tiny(true).onnx(), "")).unwrap();
    model.try_out().unwrap();
    let together = judge(&model, "restart", &documents);
    for (at, document) in documents.iter().enumerate() {
        assert_eq!(judge(&model, "restart", &[document]), [together[at]], "{document}");
        assert!((together[at] - exact[at]).abs() < 0.2, "{document}: {} {}", together[at], exact[at]);
        assert_ne!(together[at], exact[at]);
    }
    assert_eq!(judge(&model, "restart", &[]), [0.0; 0]);
}

#[test]
fn weights_by_hand_give_what_they_say() {
    let model = TinyJudge { words: vec![("worker", 2.0), ("restart", 0.5)], bias: -1.0 };
    let model = CrossEncoder::load(files(model.onnx(), "")).unwrap();
    model.try_out().unwrap();
    let documents = ["worker", "worker worker", "the port", "restart the worker"];
    assert_eq!(judge(&model, "restart the worker", &documents), [1.0, 3.0, -1.0, 1.5]);
    assert_eq!(judge(&model, "the port", &documents), [-1.0; 4]);
}

#[test]
fn what_is_too_long_is_cut_from_the_longer_end() {
    for ((first, second, room), expected) in [
        ((3, 4, 7), (3, 4)),
        ((3, 9, 7), (3, 4)),
        ((9, 3, 7), (4, 3)),
        ((9, 9, 7), (4, 3)),
        ((9, 9, 8), (4, 4)),
        ((0, 9, 5), (0, 5)),
        ((2, 2, 0), (0, 0)),
    ] {
        assert_eq!(longest_first(first, second, room), expected, "{first} {second} {room}");
    }
    let words = TinyJudge { words: vec![("worker", 1.0)], bias: 0.0 };
    let model = CrossEncoder::load(files(words.onnx(), "")).unwrap();
    let count = |question: usize, document: usize| {
        judge(&model, &"worker ".repeat(question), &[&"worker ".repeat(document)])[0]
    };
    // 64 tokens, three of them special; a question has half of them at most.
    assert_eq!(count(3, 500), 3.0 * 58.0);
    assert_eq!(count(500, 3), 32.0 * 3.0);
    assert_eq!(count(500, 500), 31.0 * 30.0);
    let settings = Settings { window_tokens: Some(1000), ..Settings::default() };
    let wide = CrossEncoder::load(Files { settings, ..files(words.onnx(), "") }).unwrap();
    assert_eq!(judge(&wide, &"worker ".repeat(500), &["worker"]), [QUESTION_TOKENS_MAX as f32]);
    assert_eq!(judge(&wide, "worker", &[&"worker ".repeat(5000)]), [996.0]);
}

#[test]
fn who_is_late_gets_nothing() {
    let model = CrossEncoder::load(files(tiny(false).onnx(), "")).unwrap();
    let asked = AtomicUsize::new(0);
    let is_late = || asked.fetch_add(1, Ordering::Relaxed) >= 3;
    assert_eq!(model.judge("restart", &["the worker"; 5], &is_late).unwrap(), None);
    assert!(model.judge("restart", &["the worker"; 3], &|| false).unwrap().is_some());
}

#[test]
fn what_is_no_cross_encoder_is_refused() {
    let mut said = String::new();
    let mut tell = |what: &str, files: Files| {
        let error = match CrossEncoder::load(files) {
            Ok(model) => model.try_out().unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.code, jay_types::Code::BadInput);
        said.push_str(&format!("{what}: {} / {}\n", error.message, error.hint.unwrap()));
    };
    let good = tiny(false).onnx();
    let other_tokenizer = |from: &str, to: &str| Files {
        tokenizer: tiny_bert::tokenizer().replace(from, to).into_bytes(),
        ..files(tiny(false).onnx(), "")
    };
    tell("an encoder", files(TinyBert::default().onnx(), ""));
    tell("two labels", files(TinyBert { labels: 2, ..TinyBert::default() }.onnx(), ""));
    tell("pooling", files(good.clone(), "pooling = \"cls\""));
    tell("prefix", files(good.clone(), "query_prefix = \"query: \""));
    let settings = Settings { window_tokens: Some(POSITIONS + 1), ..Settings::default() };
    tell("window", Files { settings, ..files(good, "") });
    tell("token without a row", other_tokenizer("\"restart\":77", "\"restart\":977"));
    let pairs = r#""post_processor":{"pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}}],"#;
    tell("other pairs", other_tokenizer("\"post_processor\":{", pairs));
    tell("unigram", other_tokenizer("\"WordPiece\"", "\"Unigram\""));
    expect![[r#"
        an encoder: model.onnx: it has no output `logits` and judges no pairs / A cross-encoder is needed, exported for sequence classification.
        two labels: model.onnx: its output `logits` has the shape [1, 2] for one pair; one value is needed / A cross-encoder for ranking has one label; one with several sorts into classes.
        pooling: a cross-encoder has no pooling and no prefixes / Leave them out of jay-model.toml and of the flags: they are for models that make vectors.
        prefix: a cross-encoder has no pooling and no prefixes / Leave them out of jay-model.toml and of the flags: they are for models that make vectors.
        window: the model does not take 65 tokens: model.onnx: cannot be run: operator "" failed: incompatible input shapes: Cannot broadcast inputs. Inputs were (tensor(f32) [1, 65, 32], tensor(f32) [64, 32]) / Set a smaller window_tokens.
        token without a row: tokenizer.json has a token 977 that the model does not take / The two files must belong together. model.onnx: cannot be run: operator "" failed: input or attribute has invalid value: Index 977 is out of range. Must be in [-84, 84). Inputs were (tensor(f32) [84, 32], tensor(i32) [1, 21])
        other pairs: tokenizer.json: its template for pairs is not that of BERT / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        unigram: tokenizer.json: the model is Unigram / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
    "#]].assert_eq(&said);
    let error = Transformer::load(files(tiny(false).onnx(), "")).unwrap_err();
    assert_eq!(error.message, "model.onnx: its output `logits` judges pairs and is no vector");
}

#[test]
fn files_tell_themselves_which_they_are() {
    let loaded = |model: TinyBert| Loaded::tried(files(model.onnx(), "")).unwrap();
    let Loaded::CrossEncoder(cross) = loaded(tiny(false)) else { panic!("an encoder") };
    let Loaded::Encoder(encoder) = loaded(TinyBert::default()) else { panic!("a cross-encoder") };
    assert!(cross.id().starts_with("cross-") && crate::Embedder::id(&encoder).starts_with("onnx-"));
    assert_eq!(cross.id(), CrossEncoder::load(files(tiny(false).onnx(), "")).unwrap().id());
    assert_ne!(cross.id(), CrossEncoder::load(files(tiny(true).onnx(), "")).unwrap().id());
    // The usual template, as files of BERT have it, is known.
    let pairs = r#""post_processor":{"pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
        {"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],"#;
    let tokenizer = tiny_bert::tokenizer().replace("\"post_processor\":{", pairs).into_bytes();
    CrossEncoder::load(Files { tokenizer, ..files(tiny(false).onnx(), "") }).unwrap().try_out().unwrap();
}
