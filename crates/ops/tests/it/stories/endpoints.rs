//! Models on a server: a real one on loopback, in both dialects, that fails when the story says so.

use super::models::{embed_all, hand, legs, notes};
use super::*;
use jay_testkit::EmbeddingServer;
use jay_testkit::http::Response;

const QUERY: &str = "restart the worker";

fn world() -> World {
    let world = World::embedding(EmbedderChoice::BuiltIn);
    for text in ["restart the worker", "the port is 5433", "tulips need water"] {
        world.keep(json!({"text": text}));
    }
    world
}

fn install(world: &World, base: &str, api: &str, name: &str) -> Value {
    let input = json!({"path": base, "api": api, "model": "tiny:latest", "name": name, "api_key_env": "JAY_TEST_KEY"});
    world.by(&hand(), "model_install", input)
}

fn using(world: World, name: &str) -> World {
    world.by(&hand(), "model_use", json!({"model": name}));
    world.again(EmbedderChoice::BuiltIn)
}

/// An address that means this machine and is not known to: what is sent there counts as sent to another one.
fn elsewhere(server: &EmbeddingServer) -> String {
    server.base().replace("127.0.0.1", "0.0.0.0")
}

#[test]
fn a_server_is_a_second_lane_as_an_installed_model_is() {
    let (server, world) = (EmbeddingServer::start(), world());
    let installed = install(&world, &server.base(), "ollama", "first");
    assert_eq!(
        (&installed["outcome"], &installed["model"]["kind"], &installed["model"]["dimension"]),
        (&json!("installed"), &json!("server"), &json!(24)),
        "{installed}"
    );
    assert_eq!((&installed["model"]["bytes"], &installed["notes"]), (&Value::Null, &Value::Null), "{installed}");
    assert_eq!(install(&world, &server.base(), "ollama", "first")["outcome"], "already_installed");
    install(&world, &format!("{}/v1", server.base()), "openai", "second");
    let _ = server.take_requests();
    assert_eq!(notes(&world, QUERY), [""; 0]);
    assert!(server.take_requests().is_empty(), "noted is not used");

    let world = using(world, "first");
    assert_eq!(notes(&world, QUERY), ["3 memories are not embedded yet by first"]);
    assert_eq!(server.take_texts(), [QUERY], "what is written is not sent before its job runs");
    assert_eq!(embed_all(&world), 3);
    assert_eq!(server.take_requests().len(), 1, "in one batch");
    assert_eq!(notes(&world, QUERY), [""; 0]);
    assert!(legs(&world, QUERY).contains(&"model".to_owned()));

    // Another way to the same model makes vectors of its own.
    let world = using(world, "second");
    assert_eq!(notes(&world, QUERY), ["3 memories are not embedded yet by second"]);
    assert_eq!(embed_all(&world), 3);
    let removed = world.by(&hand(), "model_remove", json!({"model": "first"}));
    assert_eq!((&removed["outcome"], &removed["vectors_dropped"]), (&json!("removed"), &json!(3)));
    assert!(legs(&world, QUERY).contains(&"model".to_owned()));
    assert_eq!(strings(&world.ok("model_list", json!({}))["models"], "name"), ["second"]);
    assert!(files_with(&world.home, KEY).is_empty(), "a key is stored nowhere");

    // Another patience and another key are no other model.
    let input = json!({"path": format!("{}/v1/", server.base()), "api": "openai", "model": "tiny:latest",
        "query_timeout_ms": 300});
    let updated = world.by(&hand(), "model_install", input);
    assert_eq!((&updated["outcome"], &updated["model"]["in_use"]), (&json!("updated"), &json!(true)), "{updated}");
    let world = world.again(EmbedderChoice::BuiltIn);
    server.fault(Response::new(200, "").after(std::time::Duration::from_millis(900)));
    let base = format!("{}/v1", server.base());
    assert_eq!(notes(&world, QUERY), [format!("the model second is not used: {base} did not answer within 300 ms")]);
}

#[test]
fn a_server_that_is_down_is_told_and_its_jobs_wait_unharmed() {
    let (server, world) = (EmbeddingServer::start(), world());
    install(&world, &server.base(), "ollama", "tiny");
    let world = using(world, "tiny");
    // More time than one waits for.
    server.always(Some(Response::new(503, "").header("retry-after", "20")));
    let error = world.err("jobs_run", json!({"until_empty": true}));
    assert_eq!(error.code, Code::Unreachable);
    let _ = server.take_requests();
    let said = notes(&world, QUERY);
    assert!(said[0].starts_with("the model tiny is not used: http://127.0.0.1:"), "{said:?}");
    assert!(said[0].contains("answered 503; it is asked again in "), "{said:?}");
    assert_eq!(world.err("jobs_run", json!({})).code, Code::Unreachable);
    assert!(server.take_requests().is_empty(), "it is left alone for a while");
    let jobs = world.ok("jobs_list", json!({}))["jobs"].clone();
    let waiting: Vec<&Value> = jobs.as_array().unwrap().iter().map(|job| &job["attempts"]).collect();
    assert_eq!(waiting, [0, 0, 0], "{jobs}");
    assert_eq!(jobs[0]["state"], "pending");
    world.steps.clock.advance(60 * jay_types::time::SECOND);
    server.always(None);
    assert_eq!(embed_all(&world), 3);
    assert_eq!(notes(&world, QUERY), [""; 0]);

    // A text that the server does not take is counted as failed, the others are done.
    world.keep(json!({"text": "a good one"}));
    world.keep(json!({"text": "a bad one"}));
    for status in [400, 200, 413] {
        let good = json!({"embeddings": [jay_testkit::embedding_server::vector("a good one")]});
        server.fault(Response::new(status, if status == 200 { good.to_string() } else { String::new() }));
    }
    let run = world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!((&run["done"], &run["failed"], &run["pending"]), (&json!(1), &json!(1), &json!(1)), "{run}");
    let failed = world.ok("jobs_list", json!({}))["jobs"][0].clone();
    assert_eq!(failed["attempts"], 1);
    assert!(failed["error"].as_str().unwrap().ends_with("did not take the text (413)"), "{failed}");
}

#[test]
fn another_model_behind_the_same_address_mixes_with_nothing() {
    let (server, world) = (EmbeddingServer::start(), world());
    install(&world, &server.base(), "ollama", "tiny");
    let world = using(world, "tiny");
    server.always(Some(Response::new(200, r#"{"embeddings":[[1,2,3],[1,2,3],[1,2,3]]}"#)));
    assert_eq!(world.err("jobs_run", json!({"until_empty": true})).code, Code::VerificationFailed);
    assert_eq!(world.ok("status", json!({}))["not_embedded_by_model"], 3);
    server.always(None);
    // Its file says something else than its record.
    let id = world.ok("model_list", json!({}))["models"][0]["id"].as_str().unwrap().to_owned();
    let path = world.home.path().join("scrubjay/models").join(id).join("endpoint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    jay_testkit::write(&path, text.replace("dimension = 24", "dimension = 3"));
    let world = world.again(EmbedderChoice::BuiltIn);
    let said = notes(&world, QUERY);
    assert_eq!(said, ["the model tiny is not used: the files of the model tiny were changed since it was installed"]);
    assert_eq!(world.err("jobs_run", json!({})).code, Code::VerificationFailed);
}

#[test]
fn what_is_private_never_leaves_the_machine() {
    let (server, world) = (EmbeddingServer::start(), World::embedding(EmbedderChoice::BuiltIn));
    world.keep(json!({"text": "restart the worker"}));
    for text in ["my doctor is called Miller", "my doctor is in town"] {
        world.keep(json!({"text": text, "namespace": "private/health"}));
    }
    let elsewhere = elsewhere(&server);
    let with_key = json!({"path": elsewhere, "api": "ollama", "model": "tiny", "api_key_env": "JAY_TEST_KEY"});
    assert_eq!(world.err_by(&hand(), "model_install", with_key).code, Code::Refused, "a key in the clear");
    let installed = world.by(&hand(), "model_install", json!({"path": elsewhere, "api": "ollama", "model": "tiny"}));
    assert_eq!(
        installed["notes"],
        json!([
            "it is on another machine: what is in namespaces below private/ is never sent to it",
            "texts and questions go there unencrypted"
        ])
    );
    let world = using(world, "tiny");
    let _ = server.take_requests();
    assert_eq!(embed_all(&world), 1);
    assert_eq!(server.take_texts(), ["restart the worker"]);
    let status = world.ok("status", json!({}));
    assert_eq!(
        (&status["not_embedded_by_model"], &status["not_sent_to_model"], &status["jobs_pending"]),
        (&json!(0), &json!(2), &json!(0)),
        "{status}"
    );
    assert_eq!(world.ok("jobs_list", json!({}))["jobs"][0]["state"], "held");

    // Asked within, by standing there or by naming it, it is not sent; the table answers.
    let inside = someone("ann", ActorKind::Person, Door::Web, "private/health");
    let said = "tiny is on another machine: what is asked in a private namespace is not sent to it";
    let found = world.by(&inside, "recall", json!({"query": "which doctor"}));
    assert_eq!((found["hits"].as_array().unwrap().len(), &found["notes"]), (2, &json!([said])), "{found}");
    let named = world.ok("recall", json!({"query": "which doctor", "namespace": "private/health"}));
    assert_eq!(named["notes"], json!([said]));
    assert!(server.take_texts().is_empty());
    // Asked outside it is, and the answer says what it knows only by the table.
    let all = world.ok("recall", json!({"query": "which doctor", "all": true}));
    assert_eq!(all["notes"], json!(["2 private memories are not sent to tiny, which is on another machine"]));
    assert_eq!(world.ok("recall", json!({"query": QUERY}))["notes"], json!([]));
    assert_eq!(server.take_texts(), ["which doctor", QUERY]);

    // Questions that eval makes of private words stay here too.
    let long = "the surgery of doctor Miller in Linden street opens on Thursday at nine";
    let doctor = world.keep(json!({"text": long, "namespace": "private/health"}));
    let asked = world.ok("eval", json!({}))["memories"]["asked"].as_u64();
    assert!(asked >= Some(1), "{asked:?}");
    world.ok("purge", json!({"ids": [doctor]}));
    let sent = server.take_texts().join("\n").to_lowercase();
    assert!(["miller", "town", "surgery", "linden", "thursday"].iter().all(|word| !sent.contains(word)), "{sent}");

    // What was renamed into private is so by every name that it had.
    world.keep(json!({"text": "the cellar is damp", "namespace": "home/plain"}));
    world.ok("namespace_rename", json!({"from": "home/plain", "to": "private/plain"}));
    world.keep(json!({"text": "the cellar has a key", "namespace": "home/plain"}));
    assert_eq!(embed_all(&world), 0);
    let plain = someone("ann", ActorKind::Person, Door::Web, "home/plain");
    world.by(&plain, "recall", json!({"query": "where is the cellar"}));
    assert!(server.take_texts().is_empty());
    for id in strings(&world.ok("list", json!({"namespace": "private/plain"}))["memories"], "id") {
        world.ok("purge", json!({"ids": [id]}));
    }

    // A second name makes a namespace private, and a new path opens it.
    world.keep(json!({"text": "the fence is green", "namespace": "home"}));
    world.ok("namespace_alias", json!({"path": "home", "alias": "private/home"}));
    world.keep(json!({"text": "the roof is red", "namespace": "home"}));
    assert_eq!(embed_all(&world), 0);
    world.ok("namespace_rename", json!({"from": "private/health", "to": "health"}));
    assert_eq!(embed_all(&world), 2);
    let sent = server.take_texts();
    assert!(sent.iter().all(|text| text.contains("doctor")) && sent.len() == 2, "{sent:?}");
    assert_eq!(world.ok("status", json!({}))["not_sent_to_model"], 2);

    // A model on this machine may read all of it.
    world.by(
        &hand(),
        "model_install",
        json!({"path": server.base(), "api": "ollama", "model": "tiny", "name": "here"}),
    );
    let world = using(world, "here");
    assert_eq!(embed_all(&world), 5);
    assert_eq!(notes(&world, QUERY), [""; 0]);
    assert!(world.ok("doctor", json!({}))["healthy"].as_bool().unwrap());
}

#[test]
fn secrets_are_not_sent_whoever_let_them_in() {
    let server = EmbeddingServer::start();
    let world = World::embedding(EmbedderChoice::BuiltIn);
    world.keep(json!({"text": "x", "namespace": "ops"}));
    world.by(&hand(), "namespace_set", json!({"path": "ops", "secrets": "allow"}));
    // Made up, and in two pieces: no scanner of this repository shall find it.
    let key = ["AKIA", "QYLPMN5HFIQR7XYA"].concat();
    let kept = world.keep(json!({"text": format!("deploys with {key} since May"), "namespace": "ops"}));
    assert!(world.ok("get", json!({"ids": [kept]}))["memories"][0]["text"].as_str().unwrap().contains(&key));
    world.by(&hand(), "model_install", json!({"path": elsewhere(&server), "api": "ollama", "model": "tiny"}));
    let world = using(world, "tiny");
    let _ = server.take_requests();
    assert_eq!(embed_all(&world), 2);
    world.ok("recall", json!({"query": format!("who uses {key}"), "namespace": "ops"}));
    let blot = "*".repeat(key.len());
    let sent = server.take_texts();
    assert_eq!(sent, ["x".to_owned(), format!("deploys with {blot} since May"), format!("who uses {blot}")]);
}

#[test]
fn private_sessions_never_leave_the_machine() {
    let server = EmbeddingServer::start();
    let world = World::embedding(EmbedderChoice::BuiltIn);
    world.by(&hand(), "model_install", json!({"path": elsewhere(&server), "api": "ollama", "model": "tiny"}));
    let world = using(world, "tiny");
    let rows = |session: &str, text: &str| {
        format!(
            "{{\"session\":\"{session}\",\"message\":\"m\",\"at\":\"2026-05-01T10:00:01Z\",\"role\":\"user\",\"text\":\"{text}\"}}\n"
        )
    };
    let open = world.home.write("open.jsonl", rows("s", "restart the worker"));
    world.by(&hand(), "session_sync", json!({"clients": ["generic"], "path": open}));
    let inside = someone("ann", ActorKind::Person, Door::Call, "private/diary");
    let closed = world.home.write("closed.jsonl", rows("t", "my dear diary"));
    world.by(&inside, "session_sync", json!({"clients": ["generic"], "path": closed}));
    let _ = server.take_requests();
    embed_all(&world);
    let sent = server.take_texts();
    assert!(sent.len() == 1 && sent[0].contains("worker"), "{sent:?}");
    let found = world.ok("session_search", json!({"query": "dear diary"}));
    assert_eq!(found["notes"], json!(["1 private message is not sent to tiny, which is on another machine"]));
    let found = world.by(&inside, "session_search", json!({"query": "dear diary"}));
    let said = "tiny is on another machine: what is asked in a private namespace is not sent to it";
    assert_eq!(found["notes"], json!([said]));
    assert_eq!(server.take_texts(), ["dear diary"]);
}

#[test]
fn what_is_no_server_is_refused_and_leaves_nothing() {
    let (server, world) = (EmbeddingServer::start(), World::embedding(EmbedderChoice::BuiltIn));
    let base = server.base();
    let refused = |input: Value| world.err_by(&hand(), "model_install", input).code;
    for input in [
        json!({"path": base, "model": "tiny"}),
        json!({"path": base, "api": "ollama"}),
        json!({"path": "/tmp", "api": "ollama", "model": "tiny"}),
        json!({"path": "ftp://127.0.0.1", "api": "ollama", "model": "tiny"}),
        json!({"path": "http://ann:secret@127.0.0.1", "api": "ollama", "model": "tiny"}),
        json!({"path": base, "api": "ollama", "model": "tiny", "pooling": "cls"}),
        json!({"path": base, "api": "ollama", "model": "tiny", "file": "model.onnx"}),
        json!({"path": base, "api": "ollama", "model": "tiny", "name": "a/b"}),
        json!({"path": base, "api": "ollama", "model": "tiny", "api_key_env": "NOT_SET"}),
        json!({"path": base, "api": "ollama", "model": "tiny", "api_key_env": KEY}),
        json!({"path": "/tmp", "model": "tiny"}),
    ] {
        assert_eq!(refused(input.clone()), Code::BadInput, "{input}");
    }
    assert!(server.take_requests().is_empty());
    let wrong_path = json!({"path": format!("{base}/v2"), "api": "openai", "model": "tiny"});
    assert_eq!(refused(wrong_path), Code::NotFound);
    server.fault(Response::new(200, "<html>"));
    assert_eq!(refused(json!({"path": base, "api": "ollama", "model": "tiny"})), Code::VerificationFailed);
    let robot = someone("robot", ActorKind::Agent, Door::Call, "work/acme/api");
    let input = json!({"path": base, "api": "ollama", "model": "tiny"});
    assert_eq!(world.err_by(&robot, "model_install", input).code, Code::Refused);
    assert!(!world.home.path().join("scrubjay/models").exists());
}

#[test]
fn a_process_that_runs_on_sends_nothing_to_a_server_that_was_turned_off_or_removed() {
    let (server, world) = (EmbeddingServer::start(), world());
    let id = install(&world, &server.base(), "ollama", "first")["model"]["id"].as_str().unwrap().to_owned();
    let running = using(world, "first");
    assert_eq!(embed_all(&running), 3);
    let _ = server.take_requests();
    running.by(&hand(), "model_use", json!({"model": "none"}));
    running.keep(json!({"text": "kept after it was turned off"}));
    let said = "the model first is not used: it was removed or turned off while this process runs";
    assert_eq!(notes(&running, QUERY)[0], said);
    assert_eq!(running.err("jobs_run", json!({})).code, Code::Conflict);
    // As another process does.
    std::fs::remove_file(running.home.path().join("scrubjay/models").join(id).join("installed.json")).unwrap();
    running.keep(json!({"text": "kept after it was removed"}));
    assert_eq!(notes(&running, QUERY)[0], said);
    assert!(server.take_requests().is_empty());
    // Started anew it is well, and nothing of the removed one is left.
    let world = running.again(EmbedderChoice::BuiltIn);
    embed_all(&world);
    assert_eq!(notes(&world, QUERY), [""; 0]);
    assert!(server.take_requests().is_empty());
    assert!(world.ok("doctor", json!({}))["healthy"].as_bool().unwrap());
}
