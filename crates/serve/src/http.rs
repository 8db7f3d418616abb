//! The HTTP door: `POST /v1/<operation>`, `/mcp`, `/openapi.json`, `/metrics`, `/healthz`.

use crate::guard::{Guard, Shown};
use crate::mcp::Mcp;
use crate::mcp_http::speak;
use crate::service::Service;
use crate::sessions::Sessions;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use jay_core::{ActorKind, Caller, Door};
use jay_ops::agents::Profile;
use jay_types::bounds::BODY_MAX_BYTES;
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::tower::StreamableHttpService;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone)]
struct Shared {
    service: Arc<Service>,
    guard: Arc<Guard>,
    /// Whose token it is: the OS user that runs the server.
    principal: Arc<str>,
}

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
    let sessions = Arc::new(Sessions::new());
    let mcp = StreamableHttpService::new(
        move || Ok(Mcp::new(Arc::clone(&for_mcp), profile, NamespacePath::global(), None)),
        sessions.manager(),
        config,
    );
    let mcp = Router::new().route_service("/mcp", mcp).layer(from_fn_with_state(sessions, speak));
    let routes = Router::new()
        .route("/v1/{operation}", post(operation))
        .route("/openapi.json", get(openapi))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .merge(mcp)
        .fallback(any(not_here))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(shared.clone(), admit))
        .with_state(shared);
    (routes, Box::new(move || sessions_end.cancel()))
}

async fn admit(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let admitted = shown(&request).and_then(|shown| admitted(&shared.guard, &request, &shown));
    match admitted {
        Ok(()) => next.run(request).await,
        Err(error) => failure(&error),
    }
}

/// What the request shows of itself. A header that stands there twice is read differently by whoever stands between.
fn shown(request: &Request) -> Result<Shown<'_>> {
    let only =
        |name: HeaderName| {
            let mut values = request.headers().get_all(&name).iter();
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(Error::new(Code::Refused, format!("the request has the header `{name}` twice"))
                    .hint("Send it once.")),
                // A header that is not text is a foreign one.
                (value, None) => Ok(value.map(|value| value.to_str().unwrap_or(""))),
            }
        };
    Ok(Shown {
        host: only(header::HOST)?,
        authority: request.uri().authority().map(|authority| authority.as_str()),
        origin: only(header::ORIGIN)?,
        authorization: only(header::AUTHORIZATION)?,
    })
}

fn admitted(guard: &Guard, request: &Request, shown: &Shown<'_>) -> Result<()> {
    guard.check_names(shown)?;
    if request.uri().path() == "/healthz" { Ok(()) } else { guard.check_token(shown) }
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
    let bytes = whole_body(headers, body).await?;
    let input: Value = match bytes.is_empty() {
        true => json!({}),
        false => jay_ops::json::parse(&bytes).map_err(|fault| {
            let error = Error::bad_input(format!("the body {fault}"));
            refuse(error.hint("Send one JSON object with the operation's fields."))
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

/// The bytes of a body, as many as one may have.
pub(crate) async fn whole_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Box<Response>> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_MAX_BYTES) {
        return Err(too_large());
    }
    to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| too_large())
}

fn too_large() -> Box<Response> {
    let error = Error::bad_input(format!("the body is larger than {BODY_MAX_BYTES} bytes"))
        .hint("Send fewer memories at once; remember_batch takes 1,000.");
    Box::new(json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": error})))
}

/// Where the caller stands: the query's `namespace`, else `global`. Never where the server was started. Another
/// parameter is a mistake of the caller, who would else write elsewhere than where it believes.
pub(crate) fn namespace_of(uri: &Uri) -> Result<NamespacePath> {
    let mut given = None;
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let hint = "Write `?namespace=work/acme` once; everything else is a field of the JSON body.";
        match decoded(name).as_str() {
            "namespace" if given.is_some() => {
                return Err(Error::bad_input("the parameter `namespace` is given twice").hint(hint));
            }
            "namespace" => given = Some(decoded(value)),
            other => {
                let name = jay_types::text::shorten(other, 40);
                return Err(
                    Error::bad_input(format!("`{name}` is not a parameter here; known is namespace")).hint(hint)
                );
            }
        }
    }
    given.map_or_else(|| Ok(NamespacePath::global()), |path| NamespacePath::parse(&path).map_err(of_namespace))
}

/// In the words in which the field of that name is refused.
fn of_namespace(error: Error) -> Error {
    Error { message: format!("`namespace`: {}", error.message), ..error }
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
    let error = Error::bad_input("the method does not fit this path")
        .hint("Operations are called with POST; `GET /openapi.json` lists them.");
    refused_with(StatusCode::METHOD_NOT_ALLOWED, &error)
}

pub(crate) fn failure(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refused_with(status, error)
}

/// A failure with a status that HTTP has a word of its own for.
pub(crate) fn refused_with(status: StatusCode, error: &Error) -> Response {
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
        assert_eq!(path("/mcp?namespace=b%C3%BCro%2Fapi&").as_deref(), Ok("büro/api"));
        for wrong in [
            "/mcp?namespace=",
            "/mcp?namespace",
            "/mcp?namespace=a%2F%2Fb",
            "/mcp?namespace=%FF",
            "/mcp?namespace=100%",
            "/mcp?namespac=a",
            "/mcp?namespace=a&namespace=a",
            "/mcp?namespace=a&x=1",
        ] {
            assert_eq!(path(wrong), Err(jay_types::Code::BadInput), "{wrong}");
        }
    }
}
