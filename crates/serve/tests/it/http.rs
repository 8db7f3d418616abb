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

    assert_eq!(post("/v1/recall", "{").await.json()["error"]["code"], "bad_input");
    assert_eq!(post("/v1/recall", "").await.json()["error"]["message"], "`query`: is required");
    assert_eq!(post("/v1/memorise", "{}").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post("/v1/purge", r#"{"ids": ["abcdef"]}"#).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post("/v1/recall?namespace=a//b", r#"{"query": "a"}"#).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post("/elsewhere", "{}").await.status, StatusCode::NOT_FOUND);
    let get = send(request("GET", "/v1/recall", &KNOWN, "")).await;
    assert_eq!(get.json()["error"]["code"], "bad_input");
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
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tester", "version": "1"},
    }});
    let headers =
        [KNOWN[0], KNOWN[1], ("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
    let (service, _folder) = service();
    let (routes, close) = router(&service, Guard::new(7717, Some("s3cret")), "ann", Profile::Default);
    let response = routes.oneshot(request("POST", "/mcp", &headers, ask.to_string())).await.unwrap();
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
