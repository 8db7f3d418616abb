//! Every route demands the token and its own names; failures are JSON with the code's status.

use crate::service;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use jay_ops::agents::Profile;
use jay_serve::{Guard, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const HOST: &str = "127.0.0.1:7717";

struct Reply {
    status: StatusCode,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

async fn send(request: Request<Body>) -> Reply {
    let (service, _folder) = service();
    let (routes, _close) = router(&service, Guard::new(7717, Some("s3cret")), "ann", Profile::Default);
    let response = routes.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Reply { status, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

const KNOWN: [(&str, &str); 2] = [("host", HOST), ("authorization", "Bearer s3cret")];

const MCP: [(&str, &str); 2] =
    [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

fn initialize() -> String {
    let params = json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tester", "version": "1"},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string()
}

#[tokio::test]
async fn no_route_but_healthz_answers_without_the_token() {
    for (method, path) in [
        ("POST", "/v1/recall"),
        ("POST", "/v1/nothing"),
        ("GET", "/v1/recall"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("GET", "/"),
        ("GET", "/elsewhere"),
    ] {
        let reply = send(request(method, path, &[("host", HOST)], "{}")).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(reply.json()["error"]["code"], "unauthorized", "{method} {path}");
    }
    let healthy = send(request("GET", "/healthz", &[("host", HOST)], "")).await;
    assert_eq!((healthy.status, healthy.json()), (StatusCode::OK, json!({"ok": true, "version": "0.0.0"})));
}

#[tokio::test]
async fn foreign_names_and_pages_are_refused_everywhere() {
    for path in ["/v1/recall", "/healthz", "/mcp", "/openapi.json", "/metrics"] {
        for foreign in [("host", "evil.test:7717"), ("host", "127.0.0.1:80")] {
            let reply = send(request("POST", path, &[foreign, KNOWN[1]], "{}")).await;
            assert_eq!(
                (reply.status, reply.json()["error"]["code"].clone()),
                (StatusCode::FORBIDDEN, json!("refused")),
                "{path}"
            );
        }
        let page = [KNOWN[0], KNOWN[1], ("origin", "http://evil.test")];
        assert_eq!(send(request("POST", path, &page, "{}")).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(send(request("POST", "/v1/recall", &[KNOWN[1]], "{}")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn failures_are_json_with_the_status_of_their_code() {
    let post = |path: &'static str, body: &'static str| send(request("POST", path, &KNOWN, body));
    let refused = post("/v1/recall", r#"{"query": "a", "limt": 3}"#).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let error = refused.json()["error"].clone();
    assert_eq!(error["code"], "bad_input");
    assert!(error["message"].as_str().unwrap().starts_with("`limt`: is not a field here; known are query, "));
    assert_eq!(error["hint"], "`jay help recall` lists every field and its bounds.");
    assert_eq!(error["retry"], Value::Null);
    assert_eq!(error["details"], json!({"operation": "recall", "field": "limt"}));

    let twice = post("/v1/remember", r#"{"text": "a", "text": "b"}"#).await;
    assert_eq!(
        (twice.status, &twice.json()["error"]["message"]),
        (StatusCode::BAD_REQUEST, &json!("the body has the key `text` twice"))
    );
    let path = post("/v1/recall?namespace=a%20b", r#"{"query": "a"}"#).await.json()["error"].clone();
    let field = post("/v1/recall", r#"{"query": "a", "namespace": "a b"}"#).await.json()["error"].clone();
    assert_eq!((&path["message"], &path["hint"]), (&field["message"], &field["hint"]));
    assert_eq!(post("/v1/recall", "{").await.json()["error"]["code"], "bad_input");
    assert_eq!(post("/v1/recall", "").await.json()["error"]["message"], "`query`: is required");
    assert_eq!(post("/v1/memorise", "{}").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post("/v1/purge", r#"{"ids": ["abcdef"]}"#).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post("/v1/recall?namespace=a//b", r#"{"query": "a"}"#).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post("/elsewhere", "{}").await.status, StatusCode::NOT_FOUND);
    let get = send(request("GET", "/v1/recall", &KNOWN, "")).await;
    assert_eq!((get.status, &get.json()["error"]["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("bad_input")));
}

#[tokio::test]
async fn a_mistaken_parameter_is_refused_by_every_route_that_takes_one() {
    let mcp = [KNOWN[0], KNOWN[1], MCP[0], MCP[1]];
    for (path, headers) in [("/v1/remember", KNOWN.as_slice()), ("/mcp", &mcp)] {
        for query in ["namespac=work/acme", "namespace=a&namespace=b", "namespace=a&x=1", "a"] {
            let reply = send(request("POST", &format!("{path}?{query}"), headers, initialize())).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}?{query}");
            let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("parameter"), "{path}?{query}: {message}");
        }
    }
}

#[tokio::test]
async fn a_header_that_guards_stands_there_once() {
    for twice in [("host", HOST), ("host", "evil.test"), ("authorization", "Bearer s3cret")] {
        let headers = [KNOWN[0], KNOWN[1], twice];
        assert_eq!(
            send(request("GET", "/openapi.json", &headers, "")).await.status,
            StatusCode::FORBIDDEN,
            "{twice:?}"
        );
    }
    let origin = ("origin", "http://127.0.0.1:7717");
    let once = send(request("GET", "/openapi.json", &[KNOWN[0], KNOWN[1], origin], "")).await;
    assert_eq!(once.status, StatusCode::OK);
    for second in [origin, ("origin", "http://evil.test")] {
        let reply = send(request("GET", "/healthz", &[KNOWN[0], KNOWN[1], origin, second], "")).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (StatusCode::FORBIDDEN, &json!("refused")));
    }
    let other = request("GET", "http://evil.test:7717/healthz", &[KNOWN[0]], "");
    assert_eq!(send(other).await.status, StatusCode::FORBIDDEN, "the request line names another host");
}

#[tokio::test]
async fn mcp_refuses_in_the_form_of_every_other_route() {
    let accept = MCP[1];
    let lost = ("mcp-session-id", "lost");
    let deep = "[".repeat(300);
    for (method, headers, body, status) in [
        ("POST", vec![MCP[0], accept], "{s3cret", 400),
        ("POST", vec![MCP[0], accept], "", 400),
        ("POST", vec![MCP[0], accept], &deep, 400),
        ("POST", vec![MCP[0], accept], "{\"s3cret\": 1}", 400),
        ("POST", vec![MCP[0], accept], "[]", 400),
        ("POST", vec![MCP[0], accept], "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", 400),
        ("POST", vec![MCP[0]], "{}", 406),
        ("POST", vec![accept], "{}", 415),
        ("POST", vec![MCP[0], accept, lost], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 404),
        ("GET", vec![accept], "", 400),
        ("GET", vec![accept, lost], "", 404),
        ("PUT", vec![accept], "", 405),
    ] {
        let headers: Vec<_> = KNOWN.into_iter().chain(headers).collect();
        let shown = format!("{method} {headers:?} {}", &body[..body.len().min(40)]);
        let reply = send(request(method, "/mcp", &headers, body.to_owned())).await;
        assert_eq!(reply.status.as_u16(), status, "{shown}: {}", reply.text);
        let error = &reply.json()["error"];
        assert!(error["message"].is_string() && error["hint"].is_string(), "{shown}: {error}");
        assert!(!reply.text.contains("s3cret") && !reply.text.contains("deserialize"), "{shown}: {}", reply.text);
    }
}

#[tokio::test]
async fn mcp_sessions_are_bounded_and_the_one_unused_for_longest_makes_way() {
    let (service, _folder) = service();
    let (routes, close) = router(&service, Guard::new(7717, None), "ann", Profile::Default);
    let begin = || async {
        let headers = [KNOWN[0], MCP[0], MCP[1]];
        let response = routes.clone().oneshot(request("POST", "/mcp", &headers, initialize())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        to_bytes(response.into_body(), usize::MAX).await.unwrap();
        id
    };
    let status = |id: String| {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
        let headers = [KNOWN[0], MCP[0], MCP[1], ("mcp-session-id", id.as_str())];
        let call = routes.clone().oneshot(request("POST", "/mcp", &headers, note));
        async { call.await.unwrap().status() }
    };
    let (first, second) = (begin().await, begin().await);
    for _ in 2..128 {
        begin().await;
    }
    assert_eq!(status(first.clone()).await, StatusCode::ACCEPTED);
    let last = begin().await;
    assert_eq!(status(second).await, StatusCode::NOT_FOUND, "128 are open and this one was unused for longest");
    assert_eq!(status(first).await, StatusCode::ACCEPTED);
    assert_eq!(status(last).await, StatusCode::ACCEPTED);
    close();
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_with_words() {
    let body = vec![b' '; jay_types::bounds::BODY_MAX_BYTES + 1];
    let reply = send(request("POST", "/v1/remember", &KNOWN, body)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.json()["error"]["code"], "bad_input");
}

#[tokio::test]
async fn calls_are_counted_by_operation_and_outcome() {
    let (service, _folder) = service();
    let (routes, _close) = router(&service, Guard::new(7717, None), "ann", Profile::Default);
    let call = |path: &str, method: &str| routes.clone().oneshot(request(method, path, &[("host", HOST)], "{}"));
    call("/v1/recall", "POST").await.unwrap();
    call("/v1/remember", "POST").await.unwrap();
    let page = to_bytes(call("/metrics", "GET").await.unwrap().into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("jay_calls_total{op=\"recall\",outcome=\"bad_input\"} 1\n"), "{page}");
    assert!(page.contains("jay_calls_total{op=\"remember\",outcome=\"bad_input\"} 1\n"), "{page}");
    assert!(page.contains("\njay_commits_total 0\n") && page.contains("\njay_acts_total 0\n"), "{page}");
}

#[tokio::test]
async fn the_document_describes_every_operation_offered() {
    let reply = send(request("GET", "/openapi.json", &KNOWN, "")).await;
    assert_eq!(reply.json()["openapi"], "3.1.0");
    assert!(reply.json()["paths"]["/v1/session_search"]["post"].is_object());
}

#[tokio::test]
async fn mcp_is_spoken_over_http_too() {
    let headers = [KNOWN[0], KNOWN[1], MCP[0], MCP[1]];
    let (service, _folder) = service();
    let (routes, close) = router(&service, Guard::new(7717, Some("s3cret")), "ann", Profile::Default);
    let response = routes.oneshot(request("POST", "/mcp", &headers, initialize())).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("mcp-session-id"));
    let text = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
    assert!(text.contains("\"name\":\"scrubjay\""), "{text}");
    close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_that_waits_is_answered() {
    let (service, _folder) = service();
    let (routes, _close) = router(&service, Guard::new(7717, None), "ann", Profile::Default);
    let calls: Vec<_> = (0..500)
        .map(|i| {
            let body =
                json!({"text": format!("memory {i}"), "kind": if i % 7 == 0 { "wisdom" } else { "note" }}).to_string();
            tokio::spawn(routes.clone().oneshot(request("POST", "/v1/remember", &[("host", HOST)], body)))
        })
        .collect();
    for (i, call) in calls.into_iter().enumerate() {
        let status = call.await.unwrap().unwrap().status();
        assert_eq!(status == StatusCode::BAD_REQUEST, i % 7 == 0, "{i}: {status}");
    }
}

/// Holds the write lock of the store in `folder`, as another process does, while `work` runs.
fn while_another_writes(folder: &std::path::Path, work: impl FnOnce()) {
    let other = crate::engine(folder);
    let caller = jay_core::Caller {
        kind: jay_core::ActorKind::Agent,
        name: "other".to_owned(),
        door: jay_core::Door::Call,
        namespace: jay_types::namespace::NamespacePath::global(),
    };
    let context = jay_ops::Context { engine: &other, caller: &caller, surroundings: &crate::Still };
    let remember = jay_ops::find("remember").unwrap();
    other
        .group(|| {
            jay_ops::call(remember, &context, json!({"text": "the other process holds the lock"})).unwrap();
            work();
        })
        .unwrap();
}

#[test]
fn writers_that_wait_leave_threads_for_reads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(jay_serve::BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .unwrap();
    let (service, folder) = service();
    let (routes, _close) = router(&service, Guard::new(7717, None), "ann", Profile::Default);
    let post =
        |path: &str, body: Value| routes.clone().oneshot(request("POST", path, &[("host", HOST)], body.to_string()));
    let first = runtime.block_on(post("/v1/remember", json!({"text": "it is here before"}))).unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let mut writes = Vec::new();
    while_another_writes(folder.path(), || {
        writes.extend((0..100).map(|i| runtime.spawn(post("/v1/remember", json!({"text": format!("memory {i}")})))));
        let read = async {
            // Behind the writes, so that these have their threads.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            tokio::time::timeout(std::time::Duration::from_secs(15), post("/v1/recall", json!({"query": "before"})))
                .await
        };
        let answer = runtime.block_on(read).expect("reads are answered while writers wait").unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    });
    for write in writes {
        assert_eq!(runtime.block_on(write).unwrap().unwrap().status(), StatusCode::OK);
    }
}
