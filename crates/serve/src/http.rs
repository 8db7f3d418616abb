//! The HTTP door: `POST /v1/<operation>`, `/mcp`, `/openapi.json`, `/metrics`, `/healthz`.

use crate::guard::{Guard, Shown};
use crate::mcp::Mcp;
use crate::service::Service;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use jay_core::{ActorKind, Caller, Door};
use jay_ops::agents::Profile;
use jay_types::bounds::BODY_MAX_BYTES;
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpService;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
struct Shared {
    service: Arc<Service>,
    guard: Arc<Guard>,
    /// Whose token it is: the OS user that runs the server.
    principal: Arc<str>,
}

/// How long an MCP session over HTTP may stand idle; a client that comes back later has to begin again.
const MCP_IDLE: Duration = Duration::from_secs(8 * 60 * 60);

/// Ends the MCP sessions, whose streams would else stay open for as long as their clients like.
pub type Close = Box<dyn FnOnce() + Send>;

/// Every route, behind the guard. `principal` is the name under which calls without a name of their own are recorded.
pub fn router(service: &Arc<Service>, guard: Guard, principal: &str, profile: Profile) -> (Router, Close) {
    let shared = Shared { service: Arc::clone(service), guard: Arc::new(guard), principal: principal.into() };
    let for_mcp = Arc::clone(service);
    // The guard before it is stricter about hosts: it knows the port.
    let config =
        StreamableHttpServerConfig::default().disable_allowed_hosts().with_max_request_body_bytes(BODY_MAX_BYTES);
    let sessions_end = config.cancellation_token.clone();
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(MCP_IDLE);
    let mcp = StreamableHttpService::new(
        move || Ok(Mcp::new(Arc::clone(&for_mcp), profile, NamespacePath::global(), None)),
        Arc::new(sessions),
        config,
    );
    let routes = Router::new()
        .route("/v1/{operation}", post(operation))
        .route("/openapi.json", get(openapi))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route_service("/mcp", mcp)
        .fallback(any(not_here))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(shared.clone(), admit))
        .with_state(shared);
    (routes, Box::new(move || sessions_end.cancel()))
}

async fn admit(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let shown = Shown {
        host: request.uri().authority().map(|authority| authority.as_str()).or_else(|| text(header::HOST)),
        // A header that is not text is a foreign one.
        origin: headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("")),
        authorization: text(header::AUTHORIZATION),
    };
    let is_open = request.uri().path() == "/healthz";
    let admitted = shared.guard.check_names(&shown).and_then(|()| match is_open {
        true => Ok(()),
        false => shared.guard.check_token(&shown),
    });
    match admitted {
        Ok(()) => next.run(request).await,
        Err(error) => failure(&error),
    }
}

async fn operation(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match answer(&shared, &name, &uri, &headers, body).await {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(response) => *response,
    }
}

async fn answer(
    shared: &Shared,
    name: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, Box<Response>> {
    let refuse = |error: Error| Box::new(failure(&error));
    let spec = jay_ops::find(name).map_err(refuse)?;
    let too_large = || {
        let error = Error::bad_input(format!("the body is larger than {BODY_MAX_BYTES} bytes"))
            .hint("Send fewer memories at once; remember_batch takes 1,000.");
        Box::new(json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": error})))
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_MAX_BYTES) {
        return Err(too_large());
    }
    let bytes = to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| too_large())?;
    let input: Value = match bytes.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(&bytes).map_err(|error| {
            refuse(
                Error::bad_input(format!("the body is not JSON: {error}"))
                    .hint("Send one JSON object with the operation's fields."),
            )
        })?,
    };
    let caller = Caller {
        kind: ActorKind::Service,
        name: shared.principal.to_string(),
        door: Door::Http,
        namespace: namespace_of(uri).map_err(refuse)?,
    };
    shared.service.call(spec, caller, input).await.map_err(refuse)
}

/// Where the caller stands: the query's `namespace`, else `global`. Never where the server was started.
pub(crate) fn namespace_of(uri: &Uri) -> Result<NamespacePath> {
    let given = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("namespace=")));
    given.map_or_else(|| Ok(NamespacePath::global()), |path| NamespacePath::parse(&decoded(path)))
}

/// `text` with its percent signs decoded; what is not UTF-8 then becomes a sign that no path has.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn openapi(State(shared): State<Shared>) -> Response {
    json_response(StatusCode::OK, &jay_ops::surface::openapi(shared.service.version()))
}

async fn metrics(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], shared.service.metrics_page()).into_response()
}

async fn healthz(State(shared): State<Shared>) -> Response {
    json_response(StatusCode::OK, &json!({"ok": true, "version": shared.service.version()}))
}

async fn not_here(uri: Uri) -> Response {
    failure(
        &Error::not_found(format!("there is nothing at {}", jay_types::text::shorten(uri.path(), 80)))
            .hint("`GET /openapi.json` lists what is here."),
    )
}

async fn wrong_method() -> Response {
    failure(
        &Error::bad_input("the method does not fit this path")
            .hint("Operations are called with POST; `GET /openapi.json` lists them."),
    )
}

fn failure(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, &json!({"error": error}));
    if let Some(seconds) = error.retry {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn json_response(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_comes_with_the_call() {
        let path = |uri: &str| {
            namespace_of(&uri.parse().unwrap()).map(|path| path.as_str().to_owned()).map_err(|error| error.code)
        };
        assert_eq!(path("/mcp").as_deref(), Ok("global"));
        assert_eq!(path("/mcp?namespace=work/acme").as_deref(), Ok("work/acme"));
        assert_eq!(path("/mcp?x=1&namespace=b%C3%BCro%2Fapi").as_deref(), Ok("büro/api"));
        for wrong in ["/mcp?namespace=", "/mcp?namespace=a%2F%2Fb", "/mcp?namespace=%FF", "/mcp?namespace=100%"] {
            assert_eq!(path(wrong), Err(jay_types::Code::BadInput), "{wrong}");
        }
    }
}
