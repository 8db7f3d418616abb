//! One request to a cloud over ureq, as `object_store` wants it carried, and what was heard on the way.
//!
//! The library has a client of its own. It brings a second stack of HTTP and TLS with other certificates; this one is the
//! stack that models on a server use. Redirects are not followed, for a request is signed for one host, and proxies of the
//! environment are not used.
//!
//! A request that failed on its way is always said to be one that may be sent again: everything a bucket is asked here may
//! be asked twice, for what creates is conditional ([`super::Bucket`]).
//!
//! **Invariant:** a request ends within its time; an answer is read up to a bound; plain HTTP goes to this machine, to where
//! somebody allowed it, and to the address at which clouds hand credentials to their own machines.

use super::address::is_here;
use super::fault::{Heard, Silence};
use super::{ANSWER_MAX, Patience};
use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request, Response, Uri, request};
use url::{Host, Url};

/// Bytes of an answer in which its first element stands.
const BEGINNING: usize = 1024;

tokio::task_local! {
    /// What the requests of the operation that runs have heard; the library keeps most of it to itself.
    static HEARD: RefCell<Heard>;
}

/// Runs an operation of the library and gives what its requests heard beside its outcome.
pub(super) async fn listen<T>(operation: impl Future<Output = T>) -> (T, Heard) {
    HEARD
        .scope(RefCell::default(), async {
            let outcome = operation.await;
            (outcome, HEARD.with(RefCell::take))
        })
        .await
}

/// Carries requests.
#[derive(Clone)]
pub(super) struct Transport {
    agent: Agent,
    allow_http: bool,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(super) fn new(patience: &Patience, allow_http: bool) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("scrubjay/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_send_body(Some(patience.transfer))
            .timeout_recv_response(Some(patience.answer))
            .timeout_recv_body(Some(patience.transfer))
            .build();
        Self { agent: config.into(), allow_http }
    }

    fn is_allowed(&self, uri: &Uri) -> bool {
        let Ok(url) = Url::parse(&uri.to_string()) else { return false };
        url.scheme() == "https" || self.allow_http || is_here(&url) || is_metadata(&url)
    }
}

/// The addresses at which the machines of a cloud ask for their own credentials. They are of no network beyond the machine.
fn is_metadata(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => address.segments().starts_with(&[0xfd00, 0xec2]),
        Some(Host::Domain(name)) => name == "metadata.google.internal" || name == "metadata",
        None => false,
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        if !self.is_allowed(&parts.uri) {
            return Err(not_sent(Silence::Plain));
        }
        let bytes = body.collect().await?.to_bytes();
        let (agent, is_listing) = (self.agent.clone(), is_listing(&parts.uri));
        let answer = tokio::task::spawn_blocking(move || send(&agent, parts, &bytes)).await;
        match answer {
            Ok(Ok((answer, body))) if is_listing && answer.status.is_success() && !has_listing(&body) => {
                Err(not_sent(Silence::NoListing))
            }
            Ok(Ok((answer, body))) => {
                let heard = Heard::answer(answer.status.as_u16(), &answer.headers, &body);
                let _ = HEARD.try_with(|all| all.borrow_mut().add(heard));
                let mut response = Response::new(body.into());
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                Ok(response)
            }
            Ok(Err(silence)) => Err(not_sent(silence)),
            Err(_) => Err(not_sent(Silence::NotHttp)),
        }
    }
}

/// By the query, which is the same at S3 and Google.
fn is_listing(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "list-type=2" || pair == "comp=list")
}

/// The element in which S3 and Google list, or that of Azure. A page of another server, such as one that asks to log in,
/// must not pass for an empty bucket.
fn has_listing(body: &[u8]) -> bool {
    ["<ListBucketResult", "<EnumerationResults"]
        .iter()
        .any(|element| body.windows(element.len()).take(BEGINNING).any(|part| part == element.as_bytes()))
}

/// A request without an answer: heard by the operation, and told to the library.
fn not_sent(silence: Silence) -> HttpError {
    let kind = if silence.may_pass() { HttpErrorKind::Request } else { HttpErrorKind::Unknown };
    let error = HttpError::new(kind, silence.clone());
    let _ = HEARD.try_with(|all| all.borrow_mut().add(Heard::silence(silence)));
    error
}

struct Head {
    status: ureq::http::StatusCode,
    headers: HeaderMap,
}

fn send(agent: &Agent, parts: request::Parts, body: &[u8]) -> Result<(Head, Vec<u8>), Silence> {
    let has_body = !body.is_empty() || parts.method == Method::PUT || parts.method == Method::POST;
    let answer =
        if has_body { agent.run(Request::from_parts(parts, body)) } else { agent.run(Request::from_parts(parts, ())) };
    let (head, mut body) = answer.map_err(|error| Silence::of(&error))?.into_parts();
    let bytes = body.with_config().limit(ANSWER_MAX).read_to_vec().map_err(|error| Silence::of(&error))?;
    Ok((Head { status: head.status, headers: head.headers }, bytes))
}

/// Gives the library this transport for all that it sends.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) Transport);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
