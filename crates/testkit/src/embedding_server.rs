//! A server of embeddings in both dialects, with vectors that are a function of a text's words, and with faults on demand.

use crate::http::{HttpServer, Request, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Length of its vectors.
pub const DIMENSION: usize = 24;

#[derive(Default)]
struct Shared {
    requests: Vec<Request>,
    faults: VecDeque<Response>,
    /// Answers every request while it is there.
    standing: Option<Response>,
}

/// The server.
#[derive(Debug)]
pub struct EmbeddingServer {
    server: HttpServer,
    shared: Arc<Mutex<Shared>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests", self.requests.len())
    }
}

fn of(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for EmbeddingServer {
    fn default() -> Self {
        Self::start()
    }
}

impl EmbeddingServer {
    /// Starts on a free port of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let inner = Arc::clone(&shared);
        let server = HttpServer::start(move |request| {
            let fault = {
                let mut shared = of(&inner);
                shared.requests.push(request.clone());
                shared.faults.pop_front().or_else(|| shared.standing.clone())
            };
            fault.unwrap_or_else(|| answer(request))
        });
        Self { server, shared }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn base(&self) -> String {
        self.server.base()
    }

    /// Answers the next request in this way.
    pub fn fault(&self, response: Response) {
        of(&self.shared).faults.push_back(response);
    }

    /// Answers every request in this way, until it is told otherwise.
    pub fn always(&self, response: Option<Response>) {
        of(&self.shared).standing = response;
    }

    /// The requests so far; they are forgotten here.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut of(&self.shared).requests)
    }

    /// The texts of the requests so far; they are forgotten here.
    #[must_use]
    pub fn take_texts(&self) -> Vec<String> {
        self.take_requests().iter().flat_map(texts).collect()
    }
}

/// The texts that a request asks for.
#[must_use]
pub fn texts(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let input = body.get("input").and_then(Value::as_array).cloned().unwrap_or_default();
    input.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn answer(request: &Request) -> Response {
    let vectors: Vec<Vec<f32>> = texts(request).iter().map(|text| vector(text)).collect();
    let body = match request.path.as_str() {
        "/api/embed" => json!({"model": "any", "embeddings": vectors, "total_duration": 1}),
        "/v1/embeddings" | "/embeddings" => {
            // Last first: only `index` says which is whose.
            let data: Vec<Value> = vectors
                .iter()
                .enumerate()
                .rev()
                .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
                .collect();
            json!({"object": "list", "data": data, "model": "any", "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        }
        _ => return Response::new(404, r#"{"error":"not found"}"#).header("content-type", "application/json"),
    };
    Response::new(200, body.to_string()).header("content-type", "application/json")
}

/// Texts with the same words are near each other.
#[must_use]
pub fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.05_f32; DIMENSION];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = word
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        if let Some(value) = vector.get_mut((hash >> 32) as usize % DIMENSION) {
            *value += 1.0;
        }
    }
    vector
}
