//! What stands before rmcp's HTTP service: refusals in the words and the form of every other route, and the count of
//! sessions.

use crate::http::{failure, namespace_of, refused_with, whole_body};
use crate::sessions::Sessions;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use jay_types::text::shorten;
use jay_types::{Code, Error};
use std::sync::Arc;

/// The header that names a session.
const SESSION: &str = "mcp-session-id";
/// Bytes of a refusal of rmcp's that are read.
const REFUSAL_MAX_BYTES: usize = 4096;

/// One request to `/mcp`.
pub(crate) async fn speak(State(sessions): State<Arc<Sessions>>, request: Request, next: Next) -> Response {
    if let Err(error) = namespace_of(request.uri()) {
        return failure(&error);
    }
    if let Some(id) = session_of(request.headers()) {
        sessions.touch(&id);
    }
    let is_json = announces_json(request.headers());
    let request = match readable(request).await {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        return in_our_words(response, is_json).await;
    }
    if let Some(id) = session_of(response.headers()) {
        sessions.begun(&id).await;
    }
    response
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION)?.to_str().ok().map(str::to_owned)
}

fn announces_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The request, where its body is JSON.
async fn readable(request: Request) -> Result<Request, Box<Response>> {
    if request.method() != Method::POST {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = whole_body(&parts.headers, body).await?;
    jay_ops::json::parse(&bytes).map_err(|fault| {
        let error = Error::bad_input(format!("the body {fault}"));
        Box::new(failure(&error.hint("Send one message of JSON-RPC 2.0, as an MCP client does.")))
    })?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A refusal of rmcp's as one of ours; what is JSON already is an answer of the protocol.
async fn in_our_words(response: Response, request_is_json: bool) -> Response {
    let status = response.status();
    let is_protocol = announces_json(response.headers());
    let bytes = if is_protocol { return response } else { to_bytes(response.into_body(), REFUSAL_MAX_BYTES).await };
    let (status, error) = match status {
        StatusCode::NOT_FOUND => (
            status,
            Error::not_found("the MCP session is not open any more")
                .hint("Begin again with `initialize`, without the header Mcp-Session-Id."),
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            status,
            Error::bad_input("the method does not fit this path").hint("MCP is spoken with POST, GET and DELETE."),
        ),
        StatusCode::NOT_ACCEPTABLE => (
            status,
            Error::bad_input("the request does not accept what MCP answers")
                .hint("Send `Accept: application/json, text/event-stream`."),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE if !request_is_json => (
            status,
            Error::bad_input("the body is not announced as JSON").hint("Send `Content-Type: application/json`."),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => (
            StatusCode::BAD_REQUEST,
            Error::bad_input("the body is not a message of JSON-RPC 2.0")
                .hint("Send one message at a time, as an MCP client does."),
        ),
        _ => {
            // Fixed words about headers: no message is quoted in them.
            let words = bytes.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()).unwrap_or_default();
            let words = shorten(words.trim_start_matches("Bad Request: "), 120);
            let code = if status.is_server_error() { Code::Internal } else { Code::BadInput };
            (status, Error::new(code, format!("MCP: {words}")).hint("Begin with `initialize`, as an MCP client does."))
        }
    };
    refused_with(status, &error)
}
