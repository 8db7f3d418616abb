//! A server of one bucket in memory that can be told to fail: as much of S3 as the remote asks.
//!
//! It stands for a provider out of order. Whether the remote speaks S3 rightly is asked of a real server (`servers.rs`).

use super::{ID, SECRET, settings};
use jay_testkit::http::{HttpServer, Request, Response};
use jay_transfer::remote::bucket::{Bucket, BucketSettings};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

/// What becomes of a request.
pub(crate) enum Fate {
    /// It is done and answered.
    Served,
    /// It is answered so, and not done.
    Instead(Response),
    /// It is done, and the connection breaks in the answer.
    AnswerLost,
}

/// What there is, and what was asked.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) ignores_conditions: bool,
}

/// A request, shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) is_conditional: bool,
}

impl State {
    /// How many requests began so.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.asked.iter().filter(|asked| asked.what.starts_with(what)).count()
    }
}

type Fates = dyn Fn(&Request, &mut State) -> Fate + Send + Sync;

/// The server.
pub(crate) struct Cloud {
    server: HttpServer,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Cloud {
    /// `fate` decides about each request; in the state it is the last that was asked.
    pub(crate) fn start(fate: impl Fn(&Request, &mut State) -> Fate + Send + Sync + 'static) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, fate): (_, Arc<Fates>) = (Arc::clone(&state), Arc::new(fate));
        let server = HttpServer::start(move |request| {
            let mut state = shared.lock().unwrap();
            let is_conditional = is_conditional(request);
            state.asked.push(Asked { what: format!("{} {}", request.method, request.path), is_conditional });
            match fate(request, &mut state) {
                Fate::Served => serve(request, &mut state),
                Fate::Instead(response) => response,
                Fate::AnswerLost => {
                    serve(request, &mut state);
                    cut(200, 100, 0)
                }
            }
        });
        Self { server, state }
    }

    pub(crate) fn healthy() -> Self {
        Self::start(|_, _| Fate::Served)
    }

    pub(crate) fn address(&self) -> String {
        format!("s3://box/team?endpoint={}&region=eu-central-1", self.server.base())
    }

    pub(crate) fn bucket(&self) -> Bucket {
        self.bucket_with(&settings(ID, SECRET))
    }

    pub(crate) fn bucket_with(&self, settings: &BucketSettings) -> Bucket {
        Bucket::new(&self.address(), settings).unwrap()
    }

    /// The same bucket as one of Google, whose protocol is alike.
    pub(crate) fn google(&self) -> Bucket {
        let key = r#"{"private_key": "", "private_key_id": "", "client_email": "", "disable_oauth": true}"#;
        let mut settings = settings("", "");
        settings.variables.insert("GOOGLE_SERVICE_ACCOUNT_KEY".to_owned(), key.to_owned());
        Bucket::new(&format!("gs://box/team?endpoint={}", self.server.base()), &settings).unwrap()
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(format!("team/{path}"), bytes.to_vec());
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().files.get(&format!("team/{path}")).cloned()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.state.lock().unwrap().count(what)
    }
}

/// An error as S3 writes it, which repeats what a message must not.
pub(crate) fn refusal(status: u16, code: &str) -> Response {
    let echo = format!("<Message>{ID} {SECRET}</Message>");
    Response::new(status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code>{echo}</Error>"))
}

/// An answer that says how long it is and breaks off.
pub(crate) fn cut(status: u16, length: usize, at: usize) -> Response {
    Response { cut_at: Some(at), ..Response::new(status, vec![b'x'; length]) }
}

/// That nothing may be there is said in one way to S3 and in another to Google.
fn is_conditional(request: &Request) -> bool {
    request.header("if-none-match") == Some("*") || request.header("x-goog-if-generation-match") == Some("0")
}

fn etag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let code = u8::from_str_radix(&piece[..2], 16).unwrap();
        format!("{text}{}{}", char::from(code), &piece[2..])
    })
}

fn serve(request: &Request, state: &mut State) -> Response {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let key = decoded(path.strip_prefix("/box").unwrap_or_default().trim_start_matches('/'));
    let query: BTreeMap<String, String> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (k.into(), decoded(v)))
        .collect();
    match request.method.as_str() {
        "GET" if query.contains_key("list-type") => list(state, query.get("prefix").map_or("", String::as_str)),
        "GET" | "HEAD" => read(request, state.files.get(&key)),
        "DELETE" if query.contains_key("uploadId") => {
            state.uploads.remove(&query["uploadId"]);
            Response::new(204, "")
        }
        "DELETE" => {
            state.files.remove(&key);
            Response::new(204, "")
        }
        "PUT" if query.contains_key("uploadId") => {
            let part = query["partNumber"].parse().unwrap();
            match state.uploads.get_mut(&query["uploadId"]) {
                Some(parts) => parts.insert(part, request.body.clone()),
                None => return refusal(404, "NoSuchUpload"),
            };
            Response::new(200, "").header("etag", etag(&request.body))
        }
        "POST" if query.contains_key("uploads") => {
            let id = format!("u{}", state.asked.len());
            let body =
                format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
            state.uploads.insert(id, BTreeMap::new());
            Response::new(200, body)
        }
        "PUT" | "POST" => write(request, state, key, query.get("uploadId")),
        _ => refusal(405, "MethodNotAllowed"),
    }
}

fn write(request: &Request, state: &mut State, key: String, upload: Option<&String>) -> Response {
    if is_conditional(request) && !state.ignores_conditions && state.files.contains_key(&key) {
        return refusal(412, "PreconditionFailed");
    }
    let bytes = match upload.map(|id| state.uploads.remove(id)) {
        Some(Some(parts)) => parts.into_values().flatten().collect(),
        Some(None) => return refusal(404, "NoSuchUpload"),
        None => request.body.clone(),
    };
    let etag = etag(&bytes);
    state.files.insert(key, bytes);
    let body = format!("<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>");
    Response::new(200, if upload.is_some() { body } else { String::new() }).header("etag", etag)
}

fn read(request: &Request, file: Option<&Vec<u8>>) -> Response {
    let Some(bytes) = file else { return refusal(404, "NoSuchKey") };
    let tagged = |response: Response| {
        response.header("etag", etag(bytes)).header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")
    };
    if request.method == "HEAD" {
        return tagged(Response { cut_at: Some(0), ..Response::new(200, bytes.clone()) });
    }
    if request.header("if-match").is_some_and(|wanted| wanted != etag(bytes)) {
        return refusal(412, "PreconditionFailed");
    }
    let Some(range) = request.header("range") else { return tagged(Response::new(200, bytes.clone())) };
    let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
    if start >= bytes.len() {
        return refusal(416, "InvalidRange");
    }
    let end = end.min(bytes.len() - 1);
    let told = format!("bytes {start}-{end}/{}", bytes.len());
    tagged(Response::new(206, &bytes[start..=end]).header("content-range", told))
}

fn list(state: &State, prefix: &str) -> Response {
    let of = |(key, bytes): (&String, &Vec<u8>)| {
        let (size, etag) = (bytes.len(), etag(bytes));
        let at = "2026-01-01T00:00:00.000Z";
        format!(
            "<Contents><Key>{key}</Key><LastModified>{at}</LastModified><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
        )
    };
    let files: String = state.files.iter().filter(|(key, _)| key.starts_with(prefix)).map(of).collect();
    Response::new(200, format!("<ListBucketResult><IsTruncated>false</IsTruncated>{files}</ListBucketResult>"))
}
