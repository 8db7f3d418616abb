//! Tiny models with random weights, made here: conformance, settings, and files that are not what they should be.

use super::*;
use crate::{StaticEmbedder, conformance, cosine};
use expect_test::expect;
use jay_testkit::TinyBert;
use jay_testkit::tiny_bert::{self, POSITIONS};

fn files(model: TinyBert, settings: &str) -> Files {
    Files {
        model: model.onnx(),
        tokenizer: tiny_bert::tokenizer().into_bytes(),
        settings: Settings::parse(&format!("window_tokens = {POSITIONS}\n{settings}")).unwrap(),
    }
}

fn load(settings: &str) -> Transformer {
    Transformer::load(files(TinyBert::default(), settings)).unwrap()
}

#[test]
fn conforms_in_f32_and_int8_by_mean_and_by_cls() {
    for is_int8 in [false, true] {
        for settings in ["", "pooling = \"cls\"", "query_prefix = \"query: \"\ndocument_prefix = \"passage: \""] {
            let model = Transformer::load(files(TinyBert { is_int8, ..TinyBert::default() }, settings)).unwrap();
            model.try_out().unwrap();
            conformance::check(&model);
        }
    }
}

#[test]
fn int8_is_close_to_f32() {
    let texts = ["restart the worker", "a quick brown fox", "port 5433"];
    let exact = load("").embed(&texts).unwrap();
    let model = Transformer::load(files(TinyBert { is_int8: true, ..TinyBert::default() }, "")).unwrap();
    for (a, b) in exact.iter().zip(model.embed(&texts).unwrap()) {
        let near = cosine(a, &b);
        assert!(near > 0.99 && near < 1.0, "{near}");
    }
}

#[test]
fn poolings_and_prefixes_change_vectors_and_ids() {
    let plain = load("");
    let cls = load("pooling = \"cls\"");
    let mean = load("pooling = \"mean\"");
    let prefixed = load("query_prefix = \"query: \"\ndocument_prefix = \"passage: \"");
    let text = "restart the worker";
    let document = |model: &Transformer| model.embed(&[text]).unwrap().remove(0);
    assert_eq!(document(&plain), document(&mean));
    assert!(cosine(&document(&plain), &document(&cls)) < 0.999);
    assert_eq!(document(&plain), plain.embed_query(text).unwrap(), "without prefixes a question is a document");
    assert_eq!(prefixed.embed_query(text).unwrap(), plain.embed(&["query: restart the worker"]).unwrap()[0]);
    assert_eq!(document(&prefixed), plain.embed(&["passage: restart the worker"]).unwrap()[0]);
    assert_eq!(prefixed.embed_query("").unwrap(), vec![0.0; 32], "a prefix alone says nothing");
    let other = Transformer::load(files(TinyBert { seed: 2, ..TinyBert::default() }, "")).unwrap();
    let mut ids = [&plain, &cls, &mean, &prefixed, &other].map(|model| model.id().to_owned()).to_vec();
    assert_eq!(plain.id(), load("").id());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn what_lies_beyond_the_window_is_not_read() {
    let model = load("");
    let head = "a ".repeat(POSITIONS - 2);
    let all = model.embed(&[&head, &format!("{head} worker"), &format!("worker {head}")]).unwrap();
    assert_eq!(all[0], all[1]);
    assert_ne!(all[0], all[2]);
    assert!(model.chunk_tokens() < POSITIONS);
}

#[test]
fn a_batch_of_many_comes_back_in_order() {
    let model = load("");
    let texts: Vec<String> = (0..50).map(|i| format!("worker {i} {}", "the ".repeat(i % 7))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = model.embed(&texts).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(&model.embed(&[text]).unwrap()[0], vector);
    }
}

#[test]
fn what_is_malformed_is_named() {
    let good = || files(TinyBert::default(), "");
    let onnx = good().model;
    let json =
        |from: &str, to: &str| Files { tokenizer: tiny_bert::tokenizer().replace(from, to).into_bytes(), ..good() };
    let set = |settings: &str| Files { settings: Settings::parse(settings).unwrap(), ..good() };
    let cases = [
        ("empty model", Files { model: vec![], ..good() }),
        ("no model", Files { model: b"<html>not found</html>".to_vec(), ..good() }),
        ("half a model", Files { model: onnx[..onnx.len() / 2].to_vec(), ..good() }),
        ("no tokenizer", Files { tokenizer: b"{}".to_vec(), ..good() }),
        ("tokenizer is no JSON", Files { tokenizer: b"\xff".to_vec(), ..good() }),
        ("unigram", json("WordPiece", "Unigram")),
        ("no normaliser", json("BertNormalizer", "Precompiled")),
        ("no CLS", json("\"id\":\"[CLS]\"", "\"id\":\"<s>\"")),
        ("token without a row", json("\"restart\":", "\"restart\":9")),
        ("no such output", set("output = \"pooled\"")),
        ("pooled already, it says", set("pooling = \"none\"\nwindow_tokens = 64")),
        ("window too wide", set("window_tokens = 65")),
    ];
    let mut said = String::new();
    for (name, files) in cases {
        match Transformer::load(files).and_then(|model| model.try_out()) {
            Ok(()) => said.push_str(&format!("{name}: fine\n")),
            Err(error) => said.push_str(&format!("{name}: {} / {}\n", error.message, error.hint.unwrap_or_default())),
        }
    }
    expect![[r#"
        empty model: model.onnx: cannot be read: unknown model file type / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        no model: model.onnx: cannot be read: it is not an ONNX file, or not a whole one / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        half a model: model.onnx: cannot be read: parse error: error in message  field 0: io error: failed to fill whole buffer / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        no tokenizer: tokenizer.json: it has no `model` / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        tokenizer is no JSON: tokenizer.json: expected value at line 1 column 1 / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        unigram: tokenizer.json: the model is Unigram / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        no normaliser: tokenizer.json: the normaliser is Precompiled / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        no CLS: tokenizer.json: <s> is not in the vocabulary / A BERT-type tokenizer is needed: a WordPiece model with the BertNormalizer.
        token without a row: tokenizer.json has a token 977 that the model does not take / The two files must belong together. model.onnx: cannot be run: operator "" failed: input or attribute has invalid value: Index 977 is out of range. Must be in [-84, 84). Inputs were (tensor(f32) [84, 32], tensor(i32) [1, 12])
        no such output: model.onnx: it has no output `pooled`; it has last_hidden_state / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        pooled already, it says: model.onnx: an output of shape [1, 11, 32] for 11 tokens does not fit the pooling (none) / A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.
        window too wide: the model does not take 65 tokens: model.onnx: cannot be run: operator "" failed: incompatible input shapes: Cannot broadcast inputs. Inputs were (tensor(f32) [1, 65, 32], tensor(f32) [64, 32]) / Set a smaller window_tokens.
    "#]].assert_eq(&said);
    for settings in ["pooling = \"max\"", "window_tokens = 3", "window_tokens = 9000", "prefix = 1", "normalise"] {
        assert_eq!(Settings::parse(settings).unwrap_err().code, jay_types::Code::BadInput, "{settings}");
    }
}

#[test]
fn no_cut_or_changed_byte_of_a_model_ends_the_process() {
    let whole = TinyBert { hidden: 8, ..TinyBert::default() }.onnx();
    let mut random = jay_testkit::Random::new(3);
    for _ in 0..60 {
        let mut model = whole.clone();
        for _ in 0..3 {
            let at = random.index(model.len());
            model[at] = random.below(256) as u8;
        }
        model.truncate(model.len() - random.index(2) * random.index(whole.len()));
        let _ = Transformer::load(Files { model, ..files(TinyBert::default(), "") }).and_then(|model| model.try_out());
    }
}

/// The vocabulary that is compiled in as a `tokenizer.json`: the texts of the table's tests, whose ids came from the
/// tokenizers library, must be read alike.
#[test]
fn texts_are_read_as_by_the_tokenizers_library() {
    use crate::static_table::vocabulary;
    let tokens = (0..vocabulary::count()).map(|id| (vocabulary::token(id as u16), id));
    let tokens = tokens.filter(|(token, _)| !token.trim_start_matches("##").is_empty() || token == "##");
    let mut file: serde_json::Value = serde_json::from_str(&tiny_bert::tokenizer()).unwrap();
    file["model"]["vocab"] =
        tokens.map(|(token, id)| (token, serde_json::Value::from(id))).collect::<serde_json::Map<_, _>>().into();
    let special = [("[UNK]", 100), ("[CLS]", 101), ("[SEP]", 102)];
    file["added_tokens"] =
        special.iter().map(|(content, id)| serde_json::json!({"content": content, "id": id})).collect();
    let tokenizer = Tokenizer::parse(file.to_string().as_bytes()).unwrap();
    let mut read = 0;
    for line in include_str!("../../fixtures/static/tokens.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().unwrap();
        let (ids, _) = tokenizer.encode(text, 10_000);
        let plain: Vec<u32> = StaticEmbedder::new().token_ids(text).into_iter().map(u32::from).collect();
        assert_eq!(ids[1..ids.len() - 1], plain, "{text:?}");
        assert_eq!((ids[0], ids[ids.len() - 1]), (101, 102));
        read += 1;
    }
    assert!(read > 300);
}

#[test]
fn cased_models_keep_case_and_accents() {
    let json =
        tiny_bert::tokenizer().replace("\"lowercase\":true", "\"lowercase\":false").replace("\"[PAD]\":0", "\"É\":0");
    let tokenizer = Tokenizer::parse(json.as_bytes()).unwrap();
    assert_eq!(tokenizer.encode("É", 16).0, [2, 0, 3]);
    assert_eq!(tokenizer.encode("é A a\u{301} a", 16).0, [2, 1, 1, 1, 4, 3]);
}

/// The tiny model with `count` nodes in a row behind its output, which change nothing.
fn chained(count: usize) -> Files {
    use rten_onnx::onnx::{ModelProto, NodeProto};
    let plain = files(TinyBert::default(), "");
    let mut model = ModelProto::parse_buf(&plain.model).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let mut last = graph.output[0].name.clone();
    for number in 0..count {
        let next = format!("chain_{number}");
        let output = vec![next.clone()];
        let op_type = Some("Identity".to_owned());
        graph.node.push(NodeProto { op_type, input: vec![last.unwrap()], output, ..NodeProto::default() });
        last = Some(next);
    }
    graph.output[0].name = last;
    Files { model: model.write_buf().unwrap(), ..plain }
}

#[test]
fn a_long_graph_runs_and_a_longer_one_is_refused() {
    let text = "restart the worker";
    let plain = load("").embed_query(text).unwrap();
    // On a stack as small as threads have.
    for count in [900, bounds::NODES_MAX - 200] {
        let files = chained(count);
        let work = move || Transformer::load(files).unwrap().embed_query(text).unwrap();
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap();
        assert_eq!(thread.join().unwrap(), plain, "{count}");
    }
    let error = Transformer::load(chained(bounds::NODES_MAX)).unwrap_err();
    assert!(error.message.contains("20000 are taken"), "{error:?}");
}
