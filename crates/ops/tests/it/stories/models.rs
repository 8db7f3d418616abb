//! Installed models: made here with random weights, so that nothing is downloaded and nothing is skipped.

use super::*;
use jay_testkit::TinyBert;

/// A person at the batch door: a model is read from a directory, which no web page may name.
pub(super) fn hand() -> Caller {
    someone("ann", ActorKind::Person, Door::Call, "work/acme/api")
}

fn install(world: &World, name: &str, model: TinyBert, settings: &str) -> Value {
    let directory = world.home.work_dir().join(name);
    model.write(&directory, settings);
    world.by(&hand(), "model_install", json!({"path": directory, "window_tokens": 64}))
}

pub(super) fn notes(world: &World, query: &str) -> Vec<String> {
    let answer = world.ok("recall", json!({"query": query}));
    assert!(!answer["hits"].as_array().unwrap().is_empty(), "{query} finds nothing: {answer}");
    answer["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap().to_owned()).collect()
}

/// The legs that gave the best hit its score.
pub(super) fn legs(world: &World, query: &str) -> Vec<String> {
    let answer = world.ok("recall", json!({"query": query, "explain": true}));
    strings(&answer["hits"][0]["why"], "leg")
}

pub(super) fn embed_all(world: &World) -> u64 {
    let run = world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!((&run["failed"], &run["pending"]), (&json!(0), &json!(0)), "{run}");
    run["done"].as_u64().unwrap()
}

#[test]
fn a_model_is_installed_used_changed_and_removed_and_recall_works_all_the_time() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for text in ["restart the worker", "the port is 5433", "tulips need water"] {
        world.keep(json!({"text": text}));
    }
    let cls = install(&world, "cls", TinyBert::default(), "pooling = \"cls\"\nquery_prefix = \"query: \"");
    assert_eq!((&cls["outcome"], &cls["model"]["dimension"]), (&json!("installed"), &json!(32)), "{cls}");
    let again =
        world.by(&hand(), "model_install", json!({"path": world.home.work_dir().join("cls"), "window_tokens": 64}));
    assert_eq!((&again["outcome"], &again["model"]["id"]), (&json!("already_installed"), &cls["model"]["id"]));
    let large = install(&world, "large", TinyBert { hidden: 48, is_int8: true, seed: 2, labels: 0 }, "");
    assert_ne!(large["model"]["id"], cls["model"]["id"]);
    assert_eq!(notes(&world, "restart the worker"), [""; 0], "installed is not used");

    let used = world.by(&hand(), "model_use", json!({"model": "cls"}));
    assert_eq!((&used["model"]["id"], &used["not_embedded"]), (&cls["model"]["id"], &json!(3)), "{used}");
    let world = world.again(EmbedderChoice::BuiltIn);
    assert_eq!(notes(&world, "restart the worker"), ["3 memories are not embedded yet by cls"]);
    assert!(!legs(&world, "restart the worker").contains(&"model".to_owned()));
    world.keep(json!({"text": "a fourth one, found by the table at once"}));
    assert_eq!(notes(&world, "fourth"), ["4 memories are not embedded yet by cls"]);
    let status = world.ok("status", json!({}));
    assert_eq!(
        (&status["not_embedded"], &status["model"]),
        (&json!(0), &json!(format!("cls ({})", cls["model"]["id"].as_str().unwrap())))
    );
    assert_eq!(embed_all(&world), 4);
    assert_eq!(notes(&world, "restart the worker"), [""; 0]);
    assert!(legs(&world, "restart the worker").contains(&"model".to_owned()));
    world.keep(json!({"text": "a fifth one"}));
    assert_eq!(notes(&world, "fifth"), ["1 memory is not embedded yet by cls"]);
    assert_eq!(world.ok("status", json!({}))["not_embedded_by_model"], 1);

    // Another model, of another length: the vectors of both stay apart, and the table finds what the new one lacks.
    world.by(&hand(), "model_use", json!({"model": large["model"]["id"]}));
    let world = world.again(EmbedderChoice::BuiltIn);
    assert_eq!(notes(&world, "restart the worker"), ["5 memories are not embedded yet by large"]);
    assert_eq!(embed_all(&world), 5);
    assert_eq!(notes(&world, "restart the worker"), [""; 0]);
    assert!(world.ok("doctor", json!({}))["healthy"].as_bool().unwrap());
    assert_eq!(world.err_by(&hand(), "model_remove", json!({"model": "large"})).code, Code::Conflict);
    let removed = world.by(&hand(), "model_remove", json!({"model": "cls"}));
    assert_eq!((&removed["outcome"], &removed["vectors_dropped"]), (&json!("removed"), &json!(4)), "{removed}");
    assert_eq!(strings(&world.ok("model_list", json!({}))["models"], "name"), ["large"]);

    // And back to the table alone.
    world.by(&hand(), "model_use", json!({"model": "none"}));
    let world = world.again(EmbedderChoice::BuiltIn);
    assert_eq!(notes(&world, "restart the worker"), [""; 0]);
    assert!(!legs(&world, "restart the worker").contains(&"model".to_owned()));
    world.by(&hand(), "model_remove", json!({"model": "large"}));
    assert_eq!(world.ok("model_list", json!({}))["models"], json!([]));
}

#[test]
fn archived_messages_are_read_by_the_model_too() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    install(&world, "tiny", TinyBert::default(), "");
    world.by(&hand(), "model_use", json!({"model": "tiny"}));
    let world = world.again(EmbedderChoice::BuiltIn);
    let rows = ["restart the worker", "it is up again"].iter().zip(1..).map(|(text, n)| {
        format!("{{\"session\":\"s\",\"message\":\"m{n}\",\"at\":\"2026-05-01T10:00:0{n}Z\",\"role\":\"user\",\"text\":\"{text}\"}}\n")
    });
    let path = world.home.write("s.jsonl", rows.collect::<String>());
    world.by(&hand(), "session_sync", json!({"clients": ["generic"], "path": path}));
    let ask = || world.ok("session_search", json!({"query": "restart the worker", "explain": true}));
    assert_eq!(ask()["notes"], json!(["2 messages are not embedded yet by tiny"]));
    assert_eq!(embed_all(&world), 2);
    let found = ask();
    assert_eq!(found["notes"], json!([]));
    assert!(strings(&found["hits"][0]["why"], "leg").contains(&"model".to_owned()), "{found}");
}

#[test]
fn a_model_that_is_gone_or_changed_is_told_and_the_table_goes_on() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    world.keep(json!({"text": "restart the worker"}));
    let tiny = install(&world, "tiny", TinyBert::default(), "");
    world.by(&hand(), "model_use", json!({"model": "tiny"}));
    let directory = world.home.path().join("scrubjay/models").join(tiny["model"]["id"].as_str().unwrap());
    jay_testkit::write(directory.join("jay-model.toml"), "window_tokens = 32\n");
    let world = world.again(EmbedderChoice::BuiltIn);
    let said = notes(&world, "restart the worker");
    assert_eq!(said, ["the model tiny is not used: the files of the model tiny were changed since it was installed"]);
    let error = world.err("jobs_run", json!({"until_empty": true}));
    assert_eq!(error.code, Code::VerificationFailed);
    let jobs = world.ok("jobs_list", json!({}))["jobs"].clone();
    assert_eq!((&jobs[0]["kind"], &jobs[0]["attempts"]), (&json!("embed_model"), &json!(0)), "its jobs wait unharmed");
    std::fs::remove_file(directory.join("installed.json")).unwrap();
    let world = world.again(EmbedderChoice::BuiltIn);
    let said = notes(&world, "restart the worker");
    assert_eq!(
        said,
        [format!(
            "the chosen model is not used: no model `{}`; `jay model list` shows what is installed",
            tiny["model"]["id"].as_str().unwrap()
        )]
    );
    assert_eq!(embed_all(&world), 1, "what nobody can do any more is taken off");
}

#[test]
fn what_cannot_be_a_model_is_refused_and_leaves_nothing() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let good = world.home.work_dir().join("good");
    TinyBert::default().write(&good, "");
    let bad = world.home.work_dir().join("bad");
    TinyBert::default().write(&bad, "pooling = \"max\"");
    let refused = |input: Value| world.err_by(&hand(), "model_install", input).code;
    for input in [
        json!({"path": "https://example.com?model"}),
        json!({"path": "good"}),
        json!({"path": world.home.work_dir().join("nowhere")}),
        json!({"path": world.home.work_dir()}),
        json!({"path": bad}),
        json!({"path": good, "window_tokens": 65}),
        json!({"path": good, "window_tokens": 64, "graph_output": "pooled"}),
        json!({"path": good, "window_tokens": 64, "pooling": "none"}),
        json!({"path": good, "window_tokens": 64, "file": "../bad/model.onnx"}),
        json!({"path": good, "window_tokens": 64, "name": "a/b"}),
        json!({"path": good, "window_tokens": 64, "name": "none"}),
    ] {
        assert_eq!(refused(input.clone()), Code::BadInput, "{input}");
    }
    assert_eq!(world.err_by(&hand(), "model_use", json!({"model": "good"})).code, Code::NotFound);
    let robot = someone("robot", ActorKind::Agent, Door::Call, "work/acme/api");
    let input = json!({"path": good, "window_tokens": 64});
    assert_eq!(world.err_by(&robot, "model_install", input).code, Code::Refused);
    assert_eq!(world.err_by(&agent(), "model_use", json!({"model": "none"})).code, Code::Refused, "no MCP tool");
    assert!(!world.home.path().join("scrubjay/models").exists());
}

#[test]
fn what_an_interrupted_install_left_goes_and_a_damaged_one_can_be_removed() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let models = world.home.path().join("scrubjay/models");
    let left = || {
        let entries = std::fs::read_dir(&models).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".unfinished"))
            .count()
    };
    let leave = || {
        jay_testkit::write(models.join("onnx-0123.unfinished/model.onnx"), "half");
        jay_testkit::write(models.join("in-use.unfinished"), "onnx-0123");
    };
    leave();
    assert_eq!(left(), 2);
    let refused = world.err_by(&hand(), "model_install", json!({"path": world.home.work_dir()}));
    assert_eq!((refused.code, left()), (Code::BadInput, 0), "what was left goes also where nothing is installed");
    let id = install(&world, "tiny", TinyBert::default(), "")["model"]["id"].as_str().unwrap().to_owned();
    leave();
    assert_eq!(install(&world, "tiny", TinyBert::default(), "")["outcome"], "already_installed");
    world.by(&hand(), "model_use", json!({"model": "tiny"}));
    assert_eq!(left(), 0);

    jay_testkit::write(models.join(&id).join("installed.json"), "bad");
    let input = json!({"path": world.home.work_dir().join("tiny"), "window_tokens": 64});
    assert_eq!(world.err_by(&hand(), "model_install", input.clone()).code, Code::Damaged);
    assert_eq!(world.err_by(&hand(), "model_remove", json!({"model": id})).code, Code::Conflict, "it is in use");
    world.by(&hand(), "model_use", json!({"model": "none"}));
    assert_eq!(world.err_by(&hand(), "model_remove", json!({"model": "../models"})).code, Code::NotFound);
    assert_eq!(world.by(&hand(), "model_remove", json!({"model": id}))["outcome"], "removed");
    assert_eq!(world.by(&hand(), "model_install", input)["outcome"], "installed");
}

#[test]
fn installs_of_one_model_at_once_leave_one() {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    let directory = world.home.work_dir().join("tiny");
    TinyBert::default().write(&directory, "");
    let input = json!({"path": directory, "window_tokens": 64});
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope
                    .spawn(|| world.by(&hand(), "model_install", input.clone())["outcome"].as_str().unwrap().to_owned())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "installed").count(), 1, "{outcomes:?}");
    assert_eq!(world.ok("model_list", json!({}))["models"].as_array().unwrap().len(), 1);
}
