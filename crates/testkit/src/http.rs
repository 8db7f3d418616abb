//! A real HTTP server on loopback, as small as tests of a client need: one request a connection, answered by a function.
//!
//! **Invariant:** it ends with its value, threads joined; nothing but loopback can reach it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most that a client is waited for.
const CLIENT_WAIT: Duration = Duration::from_secs(10);

/// What a client sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as long as `content-length` says.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What the client gets.
#[derive(Clone, Debug)]
pub struct Response {
    /// 200 …
    pub status: u16,
    /// Beside content-length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Waits before it answers.
    pub after: Duration,
    /// Sends only so many bytes of the body and closes.
    pub cut_at: Option<usize>,
    /// Says how long the body is.
    pub has_length: bool,
    /// Sends the body in so many parts.
    pub parts: usize,
    /// Waits so long between two parts.
    pub between: Duration,
}

impl Response {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![],
            body: body.into(),
            after: Duration::ZERO,
            cut_at: None,
            has_length: true,
            parts: 1,
            between: Duration::ZERO,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Late.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { after: wait, ..self }
    }

    /// In parts, with a wait between them.
    #[must_use]
    pub fn slowly(self, parts: usize, between: Duration) -> Self {
        Self { parts, between, ..self }
    }
}

type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// The server.
pub struct HttpServer {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpServer({})", self.address)
    }
}

impl HttpServer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// Where the machine has no port or no thread.
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let ends = Arc::new(AtomicBool::new(false));
        let (answer, told): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&ends));
        let accepting = std::thread::Builder::new().name("test-http".to_owned()).spawn(move || {
            let connections = Mutex::new(Vec::new());
            for stream in listener.incoming() {
                if told.load(Ordering::Acquire) {
                    break;
                }
                let (Ok(stream), answer) = (stream, Arc::clone(&answer)) else { continue };
                let work = move || {
                    // A client that went away is what some tests are about.
                    let _ = serve(stream, &*answer);
                };
                let thread = std::thread::Builder::new().name("test-http-connection".to_owned()).spawn(work);
                connections.lock().unwrap_or_else(PoisonError::into_inner).extend(thread.ok());
            }
            for thread in connections.into_inner().unwrap_or_else(PoisonError::into_inner) {
                let _ = thread.join();
            }
        });
        Self { address, ends, accepting: accepting.ok() }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

/// An address of loopback on which nothing listens.
///
/// # Panics
/// Where the machine has no port.
#[must_use]
pub fn unreachable_base() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn serve(stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_WAIT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: vec![] };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    let response = answer(&request);
    std::thread::sleep(response.after);
    let mut head = format!("HTTP/1.1 {} test\r\nconnection: close\r\n", response.status);
    if response.has_length {
        head.push_str(&format!("content-length: {}\r\n", response.body.len()));
    }
    response.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    let sent = response.cut_at.unwrap_or(response.body.len()).min(response.body.len());
    let body = response.body.get(..sent).unwrap_or_default();
    for (place, part) in body.chunks(sent.div_ceil(response.parts.max(1)).max(1)).enumerate() {
        if place > 0 {
            std::thread::sleep(response.between);
        }
        stream.write_all(part)?;
        stream.flush()?;
    }
    Ok(())
}
