//! Files of a model from an address: read in pieces, up to a bound, with their SHA-256.
//!
//! Whoever has the address gives the bytes; they are checked like those of any directory when the model is tried. Nothing is
//! sent but the request.
//!
//! **Invariant:** a file is whole or an error; no more than its bound is ever taken; from https nothing leads to http; no
//! message shows where a redirect went, since such addresses carry keys.

use super::address::Address;
use super::client::why;
use jay_types::{Code, Error};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::time::Duration;
use ureq::http::Uri;
use ureq::{Agent, ResponseExt as _};

/// Redirects of one file: model hubs need one or two.
const REDIRECTS_MAX: u32 = 5;
/// Bytes of one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct FetchPatience {
    /// For a connection with its TLS.
    pub connect: Duration,
    /// For an answer, and from one piece of it to the next: a slow link that moves is waited for.
    pub piece: Duration,
    /// For a whole file, so that one who drips bytes is not waited for for ever.
    pub file: Duration,
}

impl Default for FetchPatience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            piece: Duration::from_secs(60),
            file: Duration::from_secs(6 * 60 * 60),
        }
    }
}

/// A file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedFile {
    /// Its length.
    pub bytes: u64,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What an address answers for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it was given to the caller.
    File(FetchedFile),
    /// It is not there, as this status says: 404, 410, or 403, with which stores of files answer for what they lack.
    Absent(u16),
}

/// Takes a piece of a file.
pub type TakePiece<'a> = dyn FnMut(&[u8]) -> Result<(), Error> + 'a;
/// Is told how many bytes are here of how many; not called where the length is not known.
pub type Advance<'a> = dyn FnMut(u64, u64) + 'a;

/// An address below which files stand.
#[derive(Debug)]
pub struct FileSource {
    agent: Agent,
    address: Address,
    patience: FetchPatience,
}

impl FileSource {
    /// Of an address; nothing is sent.
    #[must_use]
    pub fn new(address: Address, patience: FetchPatience) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(REDIRECTS_MAX)
            .save_redirect_history(true)
            .http_status_as_error(false)
            .https_only(address.is_tls())
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.piece))
            .timeout_global(Some(patience.file))
            .user_agent(concat!("scrubjay/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), address, patience }
    }

    /// Reads the file `path`, whose bytes are given to `take` as they come.
    ///
    /// # Errors
    /// `unreachable` where the server does not answer or stops in the middle, `refused` where it wants a key or leads from https
    /// to http, `bad_input` for more than `max_bytes`, `verification_failed` for a page or what is no HTTP; and what `take` says.
    pub fn fetch(
        &self,
        path: &str,
        max_bytes: u64,
        take: &mut TakePiece<'_>,
        advance: &mut Advance<'_>,
    ) -> Result<Answer, Error> {
        let url = self.address.below(path);
        let mut response = self.agent.get(&url).call().map_err(|error| self.failed(&url, &error))?;
        let history = response.get_redirect_history().unwrap_or_default();
        if leaves_tls(history) {
            return Err(downgraded(&url));
        }
        match response.status().as_u16() {
            200 => {}
            status @ (403 | 404 | 410) => return Ok(Answer::Absent(status)),
            status => return Err(answered(&url, status)),
        }
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.trim_start().to_ascii_lowercase().starts_with("text/html") {
            return Err(Error::new(Code::VerificationFailed, format!("{url} is a page, not a file"))
                .hint("Name the address below which the files themselves stand."));
        }
        let all = response.body().content_length();
        let too_large =
            || Error::bad_input(format!("{url} is larger than {max_bytes} bytes")).hint("Take a smaller model.");
        if all.is_some_and(|all| all > max_bytes) {
            return Err(too_large());
        }
        let mut reader = response.body_mut().as_reader();
        let (mut hasher, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0_u8; PIECE_BYTES]);
        loop {
            let read = reader.read(&mut piece).map_err(|error| self.failed(&url, &ureq::Error::from(error)))?;
            let part = piece.get(..read).unwrap_or_default();
            if part.is_empty() {
                return Ok(Answer::File(FetchedFile { bytes, sha256: hex(&hasher.finalize()) }));
            }
            bytes += read as u64;
            if bytes > max_bytes {
                return Err(too_large());
            }
            hasher.update(part);
            take(part)?;
            if let Some(all) = all {
                advance(bytes, all);
            }
        }
    }

    fn failed(&self, url: &str, error: &ureq::Error) -> Error {
        use ureq::{Error as E, Timeout};
        let again = |why: &str| {
            Error::new(Code::Unreachable, format!("{url} was not read: {why}")).hint("Run the same command again.")
        };
        match error {
            E::Timeout(Timeout::PerRead) => {
                again(&format!("nothing came for {} seconds", self.patience.piece.as_secs_f32()))
            }
            E::Timeout(Timeout::Global) => {
                again(&format!("it took longer than {} hours", self.patience.file.as_secs() / 3600))
            }
            E::Timeout(_) => again("no connection in time"),
            E::HostNotFound => again("the name of the server is not known"),
            E::ConnectionFailed => again("no connection"),
            E::Io(error) => again(&why(error)),
            E::RequireHttpsOnly(_) => downgraded(url),
            E::TooManyRedirects => {
                Error::new(Code::Refused, format!("{url} leads elsewhere more than {REDIRECTS_MAX} times"))
                    .hint("Name the address that the files have in the end.")
            }
            E::Tls(_) | E::Rustls(_) | E::TlsRequired => Error::new(
                Code::VerificationFailed,
                format!("{url}: the server has no certificate that can be trusted"),
            )
            .hint("It needs one of a public authority; or download the files, and install the directory."),
            _ => Error::new(Code::VerificationFailed, format!("{url}: the answer is not HTTP as it should be"))
                .hint("Is it the address of a web server? Files in a directory are installed by its path."),
        }
    }
}

/// True where a redirect led from https to http. From an https address none is followed; from an http one it is found here.
fn leaves_tls(history: &[Uri]) -> bool {
    let schemes: Vec<Option<&str>> = history.iter().map(Uri::scheme_str).collect();
    schemes.windows(2).any(|pair| matches!(pair, [Some("https"), Some("http")]))
}

fn downgraded(url: &str) -> Error {
    Error::new(Code::Refused, format!("{url} leads from https to http, and that is not followed"))
        .hint("Download the files in a way that you trust, and install the directory.")
}

fn answered(url: &str, status: u16) -> Error {
    match status {
        401 | 407 => Error::new(Code::Refused, format!("{url} wants a key ({status})")).hint(
            "No key is ever sent for files: download them yourself and install the directory. Some hubs answer so for a name \
             that they do not have.",
        ),
        408 | 425 | 429 | 500..=599 => {
            Error::new(Code::Unreachable, format!("{url} answered {status}")).hint("Run the same command again later.")
        }
        _ => Error::new(Code::VerificationFailed, format!("{url} answered {status}"))
            .hint("Name the address below which the files themselves stand."),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
