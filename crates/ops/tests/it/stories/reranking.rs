//! A cross-encoder, opt in: with weights by hand, so that what it must say is known.

use super::models::{hand, legs};
use super::*;
use jay_testkit::{TinyBert, TinyJudge};

const QUERY: &str = "restart worker";

/// One that knows a single word and likes it.
fn likes(word: &'static str) -> TinyJudge {
    TinyJudge { words: vec![(word, 8.0)], bias: -4.0 }
}

fn world() -> World {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for text in ["restart", "restart it now", "a worker", "tulips need water", "the worker of tulips"] {
        world.keep(json!({"text": text}));
    }
    world
}

fn install(world: &World, name: &str, judge: &TinyJudge) -> Value {
    let directory = world.home.work_dir().join(name);
    judge.write(&directory);
    world.by(&hand(), "model_install", json!({"path": directory, "window_tokens": 64}))
}

fn using(world: World, name: &str) -> World {
    world.by(&hand(), "model_use", json!({"model": name}));
    world.again(EmbedderChoice::BuiltIn)
}

/// What is answered, but for what the time of the call changes.
fn answers(world: &World) -> Vec<String> {
    let inputs = [
        json!({"query": QUERY, "explain": true}),
        json!({"query": QUERY, "limit": 1, "explain": true}),
        json!({"query": "tulips", "explain": true}),
        json!({"query": "\"the worker\"", "explain": true}),
        json!({"query": QUERY, "min_confidence": 0.0, "explain": true}),
    ];
    inputs.map(|input| world.ok("recall", input).to_string()).to_vec()
}

fn scores(answer: &Value) -> Vec<f64> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["score"].as_f64().unwrap()).collect()
}

#[test]
fn it_judges_where_it_was_chosen_and_nowhere_else() {
    let world = world();
    let still = world.steps.clock.now();
    let at = |world: &World| {
        world.steps.clock.advance(still.0 - world.steps.clock.now().0);
        answers(world)
    };
    let before = at(&world);
    let kept = install(&world, "judge", &likes("worker"));
    assert_eq!(
        (&kept["model"]["kind"], &kept["model"]["dimension"], &kept["model"]["in_use"]),
        (&json!("cross_encoder"), &Value::Null, &json!(false)),
        "{kept}"
    );
    let world = world.again(EmbedderChoice::BuiltIn);
    assert_eq!(at(&world), before, "installed is not used");

    let used = world.by(&hand(), "model_use", json!({"model": "judge", "kind": "cross_encoder"}));
    assert_eq!((&used["model"]["in_use"], &used["not_embedded"]), (&json!(true), &json!(0)), "{used}");
    let world = world.again(EmbedderChoice::BuiltIn);
    let plain: Value = serde_json::from_str(&before[0]).unwrap();
    let judged = world.ok("recall", json!({"query": QUERY, "explain": true}));
    assert!(texts(&plain["hits"])[0].starts_with("restart"), "{plain}");
    assert!(texts(&judged["hits"])[0].contains("worker"), "{judged}");
    assert!(legs(&world, QUERY).contains(&"reranker".to_owned()));
    assert_eq!(judged["confidence"], plain["confidence"], "confidence is what the searches found");
    let (old, new) = (scores(&plain), scores(&judged));
    assert!(new.is_sorted_by(|a, b| a >= b) && new[0] <= old[0] && new.last() >= old.last(), "{old:?} {new:?}");
    for hit in judged["hits"].as_array().unwrap() {
        let sum: f64 = hit["why"].as_array().unwrap().iter().map(|share| share["share"].as_f64().unwrap()).sum();
        assert!((sum - hit["score"].as_f64().unwrap()).abs() < 1e-3, "the shares sum to the score: {hit}");
    }
    let status = world.ok("status", json!({}));
    assert!(status["reranker"].as_str().unwrap().starts_with("judge (cross-"), "{status}");

    // Asked of an earlier moment it judges too: it is local and reads what stood there.
    let as_of = world.ok("recall", json!({"query": QUERY, "as_of": still.rfc3339(), "explain": true}));
    assert!(strings(&as_of["hits"][0]["why"], "leg").contains(&"reranker".to_owned()), "{as_of}");

    let off = world.by(&hand(), "model_use", json!({"model": "none", "kind": "cross_encoder"}));
    assert_eq!(off["turned_off"], json!(["cross_encoder"]));
    assert_eq!(at(&world.again(EmbedderChoice::BuiltIn)), before, "to the bit");
}

#[test]
fn what_stands_behind_the_judged_never_overtakes_them() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for n in 0..30 {
        world.keep(json!({"text": format!("restart number {n} of the long row {}", "and so on ".repeat(n))}));
    }
    let ask = |world: &World| world.ok("recall", json!({"query": "restart number", "limit": 30, "explain": true}));
    let plain = texts(&ask(&world)["hits"]);
    install(&world, "judge", &TinyJudge { words: vec![("restart", -9.0)], bias: 0.0 });
    let answer = ask(&using(world, "judge"));
    let judged: Vec<bool> = answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| strings(&hit["why"], "leg").contains(&"reranker".to_owned()))
        .collect();
    let first = judged.iter().filter(|is| **is).count();
    assert!(first > 5 && first <= 20 && first < judged.len() && judged[..first].iter().all(|is| *is), "{judged:?}");
    assert!(scores(&answer).is_sorted_by(|a, b| a >= b));
    assert_eq!(texts(&answer["hits"])[first..], plain[first..], "the order of the rest stays");
}

#[test]
fn messages_are_judged_as_memories_are() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let rows = ["restart", "it is up again", "a worker"].iter().zip(1..).map(|(text, n)| {
        format!("{{\"session\":\"s{n}\",\"message\":\"m{n}\",\"at\":\"2026-05-01T10:00:0{n}Z\",\"role\":\"user\",\"text\":\"{text}\"}}\n")
    });
    let path = world.home.write("s.jsonl", rows.collect::<String>());
    world.by(&hand(), "session_sync", json!({"clients": ["generic"], "path": path}));
    for group in ["none", "session"] {
        let ask = |world: &World| {
            world.ok("session_search", json!({"query": "restart worker", "explain": true, "group": group}))
        };
        assert!(!ask(&world).to_string().contains("reranker"));
    }
    let first =
        |world: &World| texts(&world.ok("session_search", json!({"query": "restart worker"}))["hits"])[0].clone();
    let before = first(&world);
    let liked = if before == "restart" { "worker" } else { "restart" };
    install(&world, "judge", &likes(liked));
    let world = using(world, "judge");
    assert_ne!(first(&world), before);
    let found = world.ok("session_search", json!({"query": "restart worker", "explain": true, "group": "session"}));
    assert!(strings(&found["hits"][0]["why"], "leg").contains(&"reranker".to_owned()), "{found}");
}

#[test]
fn one_that_cannot_judge_is_told_and_the_answer_is_as_without() {
    let world = world();
    let hits = |world: &World| world.ok("recall", json!({"query": QUERY}))["hits"].clone();
    let still = world.steps.clock.now();
    let at = |world: &World| world.steps.clock.advance(still.0 - world.steps.clock.now().0);
    at(&world);
    let before = hits(&world);
    let id = install(&world, "judge", &likes("worker"))["model"]["id"].as_str().unwrap().to_owned();
    let world = using(world, "judge");
    let directory = world.home.path().join("scrubjay/models").join(&id);
    jay_testkit::write(directory.join("jay-model.toml"), "window_tokens = 32\n");
    let world = world.again(EmbedderChoice::BuiltIn);
    at(&world);
    assert_eq!(hits(&world), before);
    let said = world.ok("recall", json!({"query": QUERY}))["notes"].clone();
    assert_eq!(
        said,
        json!(["the reranker judge is not used: the files of the model judge were changed since it was installed"])
    );
    std::fs::remove_file(directory.join("installed.json")).unwrap();
    let world = world.again(EmbedderChoice::BuiltIn);
    let gone = format!("the chosen reranker is not used: no model `{id}`; `jay model list` shows what is installed");
    assert_eq!(world.ok("recall", json!({"query": QUERY}))["notes"], json!([gone]));
    assert_eq!(world.ok("model_list", json!({}))["notes"], json!([gone]));
}

#[test]
fn one_that_takes_too_long_is_left_out() {
    let world = world();
    let plain = texts(&world.ok("recall", json!({"query": QUERY}))["hits"]);
    install(&world, "judge", &likes("worker"));
    let world = using(world, "judge");
    assert_ne!(texts(&world.ok("recall", json!({"query": QUERY}))["hits"]), plain);
    world.steps.passes.store(3 * jay_types::time::SECOND, std::sync::atomic::Ordering::Relaxed);
    let late = world.ok("recall", json!({"query": QUERY, "explain": true}));
    assert_eq!(texts(&late["hits"]), plain);
    assert_eq!(late["notes"], json!(["the reranker judge took longer than 2 s and is left out"]));
    assert!(!late.to_string().contains("\"leg\":\"reranker\""), "{late}");
}

#[test]
fn each_kind_has_its_place_and_none_is_taken_for_the_other() {
    let world = world();
    install(&world, "judge", &likes("worker"));
    let directory = world.home.work_dir().join("tiny");
    TinyBert::default().write(&directory, "window_tokens = 64");
    world.by(&hand(), "model_install", json!({"path": directory}));
    let world = using(using(world, "judge"), "tiny");
    let list = world.ok("model_list", json!({}));
    let rows: Vec<_> = list["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["name"].clone(), m["kind"].clone(), m["in_use"].clone()))
        .collect();
    let row = |name: &str, kind: &str| (json!(name), json!(kind), json!(true));
    assert_eq!(rows, [row("judge", "cross_encoder"), row("tiny", "encoder")]);
    for (model, kind) in [("judge", "encoder"), ("tiny", "cross_encoder")] {
        assert_eq!(world.err_by(&hand(), "model_use", json!({"model": model, "kind": kind})).code, Code::BadInput);
    }
    let error = world.err_by(&hand(), "model_remove", json!({"model": "judge"}));
    assert_eq!(
        (error.code, error.hint.as_deref()),
        (Code::Conflict, Some("First `jay model use none --kind cross_encoder`, or another one."))
    );
    let off = world.by(&hand(), "model_use", json!({"model": "none"}));
    assert_eq!(off["turned_off"], json!(["encoder", "cross_encoder"]), "none is none at all");
    let world = world.again(EmbedderChoice::BuiltIn);
    let removed = world.by(&hand(), "model_remove", json!({"model": "judge"}));
    assert_eq!((&removed["outcome"], &removed["vectors_dropped"]), (&json!("removed"), &Value::Null));
}

#[test]
fn what_is_no_cross_encoder_is_not_kept_as_one() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let directory = |name: &str, model: Vec<u8>| {
        let directory = world.home.work_dir().join(name);
        likes("worker").write(&directory);
        jay_testkit::write(directory.join("model.onnx"), model);
        directory
    };
    let two = directory("two", TinyBert { labels: 2, ..TinyBert::default() }.onnx());
    let vectors = directory("vectors", TinyBert::default().onnx());
    let good = directory("good", likes("worker").onnx());
    let tokenizer = directory("tokenizer", likes("worker").onnx());
    jay_testkit::write(
        tokenizer.join("tokenizer.json"),
        jay_testkit::tiny_bert::tokenizer().replace("WordPiece", "Unigram"),
    );
    let missing = directory("missing", likes("worker").onnx());
    std::fs::remove_file(missing.join("tokenizer.json")).unwrap();
    let broken = directory("broken", likes("worker").onnx());
    jay_testkit::write(broken.join("config.json"), "{");
    let mut said = String::new();
    for (path, more) in [
        (&two, json!({})),
        (&vectors, json!({})),
        (&good, json!({"pooling": "cls"})),
        (&good, json!({"query_prefix": "query: "})),
        (&tokenizer, json!({})),
        (&missing, json!({})),
    ] {
        let mut input = json!({"path": path, "window_tokens": 64});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = world.err_by(&hand(), "model_install", input);
        assert_eq!(error.code, Code::BadInput);
        said.push_str(&format!("{}\n", error.message.replace(&world.home.work_dir().display().to_string(), "DIR")));
    }
    expect_test::expect![[r#"
        model.onnx: its output `logits` has the shape [1, 2] for one pair; one value is needed
        config.json says BertForSequenceClassification, and model.onnx has no output `logits`
        a cross-encoder has no pooling and no prefixes
        a cross-encoder has no pooling and no prefixes
        tokenizer.json: the model is Unigram
        DIR/missing/tokenizer.json is not there
    "#]]
    .assert_eq(&said);
    assert!(!world.home.path().join("scrubjay/models").exists());
    // What config.json says matters only where it would be against the graph.
    assert_eq!(
        world.by(&hand(), "model_install", json!({"path": broken, "window_tokens": 64}))["outcome"],
        "installed"
    );
    let named = json!({"path": vectors, "window_tokens": 64, "graph_output": "last_hidden_state"});
    assert_eq!(world.by(&hand(), "model_install", named)["model"]["kind"], "encoder");
}
