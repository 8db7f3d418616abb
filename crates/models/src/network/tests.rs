//! Against a real server on loopback, in both dialects, and with everything that a server can do wrong.

use super::*;
use crate::conformance;
use expect_test::expect;
use jay_testkit::embedding_server::{DIMENSION, texts};
use jay_testkit::http::{Response, unreachable_base};
use jay_testkit::{Clock, EmbeddingServer, Random};
use jay_types::{Code, Timestamp};
use std::sync::Mutex;

struct Steps(Clock, Mutex<Random>);

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.1.lock().unwrap().fill(bytes);
    }
}

fn steps() -> Arc<Steps> {
    Arc::new(Steps(Clock::new(), Mutex::new(Random::new(5))))
}

const QUICK: Patience =
    Patience { tries: 3, backoff_from: Duration::from_millis(1), pause_from: Duration::from_secs(30) };
const KEY: &str = "sk-a-key-that-nobody-sees";

fn settings(api: Api, base: &str) -> Settings {
    let text = format!("api = \"{}\"\nbase = \"{base}\"\nmodel = \"tiny\"\n", api.name());
    Settings::parse(&text).unwrap()
}

fn variable(name: &str) -> Option<String> {
    (name == "SET").then(|| format!("{KEY}\n"))
}

fn probe(settings: Settings, steps: &Arc<Steps>) -> Result<Endpoint, Error> {
    let surroundings = Arc::clone(steps) as Arc<dyn Surroundings>;
    Ok(Endpoint::probe(settings, &variable, surroundings)?.with_patience(QUICK))
}

fn endpoint(server: &EmbeddingServer) -> (Endpoint, Arc<Steps>) {
    let steps = steps();
    let endpoint = probe(settings(Api::Ollama, &server.base()), &steps).unwrap();
    let _ = server.take_requests();
    (endpoint, steps)
}

#[test]
fn conforms_in_both_dialects() {
    let server = EmbeddingServer::start();
    for (api, base) in [(Api::Ollama, server.base()), (Api::OpenAi, format!("{}/v1/", server.base()))] {
        let endpoint = probe(settings(api, &base), &steps()).unwrap();
        assert_eq!(endpoint.dimension(), DIMENSION);
        assert!(!endpoint.leaves_machine());
        conformance::check(&endpoint);
    }
}

#[test]
fn prefixes_key_and_batches_are_sent_as_they_should_be() {
    let server = EmbeddingServer::start();
    let settings = Settings {
        query_prefix: "query: ".to_owned(),
        document_prefix: "passage: ".to_owned(),
        api_key_env: Some("SET".to_owned()),
        ..settings(Api::OpenAi, &format!("{}/v1", server.base()))
    };
    let endpoint = probe(settings, &steps()).unwrap();
    let _ = server.take_requests();
    let many: Vec<String> = (0..70).map(|n| format!("worker {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let vectors = endpoint.embed(&many).unwrap();
    let long = "a ".repeat(50_000);
    endpoint.embed(&[&long, &long, "!?"]).unwrap();
    endpoint.embed_query("restart").unwrap();
    let requests = server.take_requests();
    assert_eq!(requests.iter().map(|request| texts(request).len()).collect::<Vec<_>>(), [32, 32, 6, 1, 1, 1]);
    assert_eq!(texts(&requests[0])[3], "passage: worker 3");
    assert_eq!(texts(&requests[5]), ["query: restart"]);
    for request in &requests {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/embeddings"));
    }
    for (text, vector) in many.iter().zip(&vectors) {
        assert_eq!(&endpoint.embed(&[text]).unwrap()[0], vector, "{text}");
    }
    assert!(!format!("{endpoint:?}{:?}", endpoint.client).contains(KEY));
}

#[test]
fn what_decides_vectors_is_in_the_id_and_nothing_else() {
    let base = Settings { dimension: Some(24), ..settings(Api::Ollama, "http://127.0.0.1:1/") };
    let others = [
        Settings { api: Api::OpenAi, ..base.clone() },
        Settings { base: "http://127.0.0.1:2".to_owned(), ..base.clone() },
        Settings { model: "small".to_owned(), ..base.clone() },
        Settings { dimension: Some(25), ..base.clone() },
        Settings { query_prefix: "a".to_owned(), ..base.clone() },
        Settings { document_prefix: "a".to_owned(), ..base.clone() },
        Settings { window_tokens: Some(64), ..base.clone() },
    ];
    let mut ids: Vec<String> = others.iter().chain([&base]).map(Settings::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), others.len() + 1);
    let reached = Settings {
        api_key_env: Some("SET".to_owned()),
        query_timeout_ms: Some(9),
        document_timeout_ms: Some(9),
        ..base.clone()
    };
    assert_eq!(reached.id(), base.id());
    assert_eq!(Settings::parse(&reached.to_toml().unwrap()).unwrap(), reached);
}

#[test]
fn what_a_server_does_wrong_is_told_without_key_or_text() {
    let server = EmbeddingServer::start();
    let steps = steps();
    let with_key = Settings { api_key_env: Some("SET".to_owned()), ..settings(Api::Ollama, &server.base()) };
    let json = |status: u16, text: &str| Response::new(status, text).header("content-type", "application/json");
    let echo = format!("{{\"error\":\"wrong key {KEY}\"}}");
    let cut = Response { cut_at: Some(9), ..json(200, r#"{"embeddings":[[1,2],[3,4]]}"#) };
    let answers = [
        json(404, r#"{"error":"model \"tiny\" not found, try pulling it first"}"#),
        json(401, &echo),
        json(500, &echo),
        json(500, r#"{"error":{"message":"out of memory"}}"#),
        json(400, r#"{"error":"input length exceeds the context length"}"#),
        Response::new(302, "").header("location", "http://127.0.0.1:9/"),
        Response::new(307, "").header("location", "http://127.0.0.1:9/"),
        Response::new(418, "teapot"),
        Response::new(200, "<html><body>Sign in</body></html>").header("content-type", "text/html"),
        json(200, r#"{"embeddings":[[1,2]]}"#),
        json(200, r#"{"embeddings":[[1,2],[NaN,4]]}"#),
        json(200, &" ".repeat(9 * 1024 * 1024)),
        cut,
    ];
    let mut said = String::new();
    for answer in answers {
        server.fault(answer);
        let error = probe(with_key.clone(), &steps).unwrap_err();
        assert!(error.hint.is_some() && !format!("{error:?}").contains(KEY), "{error:?}");
        said.push_str(&format!("{}: {}\n", error.code.name(), error.message.replace(&server.base(), "BASE")));
    }
    assert_eq!(server.take_requests().len(), 13, "a redirect is not followed, and trying is not repeated");
    expect![[r#"
        not_found: BASE has no such model, or no /api/embed (404: model "tiny" not found, try pulling it first)
        refused: BASE did not take the key (401)
        unreachable: BASE answered 500
        unreachable: BASE answered 500: out of memory
        bad_input: BASE did not take the text (400: input length exceeds the context length)
        refused: BASE sends elsewhere (302), and that is not followed
        refused: BASE sends elsewhere (307), and that is not followed
        verification_failed: BASE: it answered 418
        verification_failed: BASE: it answered with a page, not with JSON
        verification_failed: BASE: it gave 1 vectors for 2 texts
        verification_failed: BASE: its answer is not what ollama servers give
        verification_failed: BASE: its answer is longer than 8388608 bytes
        unreachable: BASE was not reached: unexpected end of file
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_key_is_never_sent_in_the_clear_nor_without_its_variable() {
    let name = |name: &str| Some(name.to_owned());
    let there = Settings { api_key_env: name("SET"), ..settings(Api::OpenAi, "http://models.example.com/v1") };
    assert_eq!(probe(there, &steps()).unwrap_err().code, Code::Refused);
    let server = EmbeddingServer::start();
    for variable in ["UNSET", KEY, ""] {
        let here = Settings { api_key_env: name(variable), ..settings(Api::Ollama, &server.base()) };
        let error = probe(here, &steps()).unwrap_err();
        assert_eq!(error.code, Code::BadInput);
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
    assert!(server.take_requests().is_empty());
}

#[test]
fn documents_are_tried_again_and_a_bad_text_is_not() {
    let server = EmbeddingServer::start();
    let (endpoint, _) = endpoint(&server);
    server.fault(Response::new(429, "").header("retry-after", "0"));
    server.fault(Response::new(503, ""));
    let vectors = endpoint.embed(&["restart the worker"]).unwrap();
    assert_eq!(vectors[0].len(), DIMENSION);
    assert_eq!(server.take_requests().len(), 3);
    server.fault(Response::new(400, r#"{"error":"restart the worker is too long"}"#));
    let error = endpoint.embed(&["restart the worker"]).unwrap_err();
    assert_eq!(error.code, Code::BadInput);
    assert!(!error.message.contains("restart"), "what a server says of a text may be the text: {error:?}");
    assert_eq!(server.take_requests().len(), 1);
    endpoint.embed(&["restart the worker"]).expect("nothing is wrong with the server");
}

#[test]
fn a_server_that_fails_is_left_alone_for_a_while() {
    let server = EmbeddingServer::start();
    let (endpoint, steps) = endpoint(&server);
    server.always(Some(Response::new(503, "")));
    assert_eq!(endpoint.embed_query("restart").unwrap_err().code, Code::Unreachable);
    let error = endpoint.embed_query("restart").unwrap_err();
    assert_eq!(error.message.replace(&server.base(), "BASE"), "BASE answered 503; it is asked again in 31 s");
    assert_eq!(server.take_requests().len(), 1, "a question is not asked again at once");
    // A failed question says nothing of documents; failed documents say something of questions.
    assert_eq!(endpoint.embed(&["restart"]).unwrap_err().code, Code::Unreachable);
    assert_eq!(server.take_requests().len(), QUICK.tries as usize);
    assert!(endpoint.embed(&["restart"]).unwrap_err().message.contains("asked again"));
    assert!(server.take_requests().is_empty());
    steps.0.advance(61 * jay_types::time::SECOND);
    server.always(None);
    endpoint.embed_query("restart").unwrap();
    steps.0.advance(-3600 * jay_types::time::SECOND);
    endpoint.embed(&["restart"]).expect("a clock that was set back ends the pause");
    // The pause doubles up to five minutes, and a server may ask for more time.
    server.always(Some(Response::new(429, "").header("retry-after", "120")));
    for _ in 0..2 {
        endpoint.embed(&["restart"]).unwrap_err();
        let error = endpoint.embed(&["restart"]).unwrap_err();
        assert!(error.message.ends_with("asked again in 121 s"), "{error:?}");
        steps.0.advance(121 * jay_types::time::SECOND);
    }
    assert_eq!(server.take_requests().len(), 4, "a wait of two minutes is no wait between tries");
}

#[test]
fn a_wrong_model_behind_the_address_is_found_out() {
    let server = EmbeddingServer::start();
    let (endpoint, _) = endpoint(&server);
    server.fault(Response::new(200, r#"{"embeddings":[[1,2,3]]}"#));
    let error = endpoint.embed(&["restart"]).unwrap_err();
    assert_eq!(error.code, Code::VerificationFailed);
    assert_eq!(error.message.replace(&server.base(), "BASE"), "BASE: it gave a vector of 3 dimensions, not of 24");
    assert_eq!(server.take_requests().len(), 1, "asking again does not help");
}

#[test]
fn nobody_waits_longer_than_was_said() {
    let server = EmbeddingServer::start();
    let steps = steps();
    let hasty = Settings { query_timeout_ms: Some(100), ..settings(Api::Ollama, &server.base()) };
    let endpoint = probe(hasty, &steps).unwrap();
    server.fault(Response::new(200, "").after(Duration::from_millis(400)));
    let error = endpoint.embed_query("restart").unwrap_err();
    assert_eq!(error.message.replace(&server.base(), "BASE"), "BASE did not answer within 100 ms");
    let nobody = settings(Api::Ollama, &unreachable_base());
    let error = probe(nobody.clone(), &steps).unwrap_err();
    assert_eq!(error.message.replace(&nobody.base, "BASE"), "BASE was not reached: connection refused");
}

#[test]
fn settings_that_are_none_are_refused() {
    let good = settings(Api::Ollama, "http://127.0.0.1:1").to_toml().unwrap();
    for bad in ["base = 1", "api = \"soap\"", &format!("{good}\nkey = \"{KEY}\""), &good.replace("tiny", " ")] {
        let error = Settings::parse(bad).unwrap_err();
        assert_eq!(error.code, Code::BadInput, "{bad}");
        assert!(!error.message.contains(KEY));
    }
    let long = Settings { query_prefix: "a".repeat(513), ..settings(Api::Ollama, "http://127.0.0.1:1") };
    assert_eq!(long.checked().unwrap_err().code, Code::BadInput);
    let surroundings = steps() as Arc<dyn Surroundings>;
    let unknown = settings(Api::Ollama, "http://127.0.0.1:1");
    assert_eq!(Endpoint::open(unknown, &variable, surroundings).unwrap_err().code, Code::BadInput);
}
