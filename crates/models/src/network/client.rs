//! One request to a server, and what became of it in words that a person can act on.
//!
//! Redirects are not followed: what is sent was meant for this server. Proxies of the environment are not used, so that what
//! goes to this machine stays on it.
//!
//! **Invariant:** the key stands in one header and nowhere else; an answer is read up to a bound; a request ends within its
//! time.

use super::address::Address;
use super::dialect;
use jay_types::{Code, Error};
use std::time::Duration;
use ureq::Agent;

/// Bytes of an answer: 32 vectors of 4,096 numbers, each written out in 24 characters, and as much again.
const ANSWER_MAX: u64 = 8 * 1024 * 1024;

/// A key, which no message shows.
#[derive(Clone)]
pub(super) struct Key(String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The value of the variable `name`.
    pub(super) fn of(name: &str, value: Option<String>) -> Result<Self, Error> {
        let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| {
            Error::bad_input(format!("the environment variable {name} is not set"))
                .hint("Set it to the server's key where jay runs; it is read at each start and stored nowhere.")
        })?;
        if value.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(Error::bad_input(format!("what the environment variable {name} holds cannot be a key"))
                .hint("A key has letters, digits and signs, without blanks or line breaks."));
        }
        Ok(Self(value))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again can help, after some time where the server named one.
    Later(String, Option<Duration>),
    /// The server does not take these texts.
    Texts(String),
    /// Something has to be changed first.
    Wrong(Error),
}

impl Failure {
    /// The failure as every door shows it.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Later(said, _) => Error::new(Code::Unreachable, said)
                .hint("Is the server running? The built-in table answers until it is; `jay jobs run` tries again."),
            Self::Texts(said) => Error::bad_input(said)
                .hint("A smaller --window-tokens at `jay model install` gives the server shorter texts."),
            Self::Wrong(error) => error,
        }
    }
}

/// Speaks with one server.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    address: Address,
    key: Option<Key>,
}

impl Client {
    pub(super) fn new(address: Address, key: Option<Key>) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .https_only(address.is_tls())
            .user_agent(concat!("scrubjay/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), address, key }
    }

    /// Posts JSON and gives the body of a good answer. `is_told`: what the server complains of is told too, which may only be
    /// where nothing of a user's stood in the request.
    pub(super) fn post(&self, path: &str, body: &[u8], within: Duration, is_told: bool) -> Result<Vec<u8>, Failure> {
        let mut request = self.agent.post(self.address.below(path)).content_type("application/json");
        if let Some(Key(key)) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.config().timeout_global(Some(within)).build();
        let mut response = request.send(body).map_err(|error| self.unanswered(&error, within))?;
        let status = response.status().as_u16();
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let answer = response.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
        match status {
            200..=299 => answer.map_err(|error| self.unanswered(&error, within)),
            _ => {
                // A server may repeat what it was sent.
                let key = self.key.as_ref().map(|Key(key)| key.as_str());
                let complaint = answer.ok().filter(|_| is_told).and_then(|answer| dialect::complaint(&answer, key));
                Err(self.refusal(status, path, after.map(Duration::from_secs), complaint))
            }
        }
    }

    /// An answer that is not what it should be.
    pub(super) fn wrong(&self, said: &str) -> Failure {
        Failure::Wrong(
            Error::new(Code::VerificationFailed, format!("{}: {said}", self.address.base()))
                .hint("Is it still the same model? `jay model install` with its address tries it anew."),
        )
    }

    fn refusal(&self, status: u16, path: &str, after: Option<Duration>, complaint: Option<String>) -> Failure {
        let base = self.address.base();
        let said = complaint.map(|said| format!(": {said}")).unwrap_or_default();
        match status {
            300..=399 => Failure::Wrong(
                Error::new(Code::Refused, format!("{base} sends elsewhere ({status}), and that is not followed"))
                    .hint("Name the address that it sends to, if you trust it."),
            ),
            401 | 403 => {
                let what = if self.key.is_some() { "did not take the key" } else { "wants a key" };
                Failure::Wrong(
                    Error::new(Code::Refused, format!("{base} {what} ({status})"))
                        .hint("Name the environment variable that holds it: `jay model install … --api-key-env NAME`."),
                )
            }
            404 | 405 => Failure::Wrong(
                Error::not_found(format!("{base} has no such model, or no /{path} ({status}{said})"))
                    .hint("Look at --model and at the address; OpenAI-compatible servers often want /v1 at its end."),
            ),
            400 | 413 | 422 => Failure::Texts(format!("{base} did not take the text ({status}{said})")),
            408 | 425 | 429 | 500..=599 => Failure::Later(format!("{base} answered {status}{said}"), after),
            _ => self.wrong(&format!("it answered {status}{said}")),
        }
    }

    fn unanswered(&self, error: &ureq::Error, within: Duration) -> Failure {
        use ureq::Error as E;
        let base = self.address.base();
        let not_reached = |why: &str| Failure::Later(format!("{base} was not reached: {why}"), None);
        match error {
            E::Timeout(_) => Failure::Later(format!("{base} did not answer within {} ms", within.as_millis()), None),
            E::HostNotFound => not_reached("its name is not known"),
            E::ConnectionFailed => not_reached("no connection"),
            E::Io(error) => not_reached(&why(error)),
            E::Tls(_) | E::Rustls(_) | E::TlsRequired => Failure::Wrong(
                Error::new(Code::VerificationFailed, format!("{base} has no certificate that can be trusted"))
                    .hint("It needs one of a public authority; those of the machine are not read."),
            ),
            E::BodyExceedsLimit(_) => self.wrong(&format!("its answer is longer than {ANSWER_MAX} bytes")),
            _ => self.wrong("its answer is not HTTP as it should be"),
        }
    }
}

/// Why a connection was not to be had. The standard library has no kind for a name that cannot be looked up, only words.
pub(super) fn why(error: &std::io::Error) -> String {
    if error.to_string().contains("lookup address") {
        return "its name is not known, or names cannot be looked up now".to_owned();
    }
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_known_is_told_as_one() {
        use std::net::ToSocketAddrs as _;
        // No resolver asks the network for a name that cannot be one.
        let error = ("no such name", 80).to_socket_addrs().unwrap_err();
        assert_eq!(why(&error), "its name is not known, or names cannot be looked up now", "{error}");
        assert_eq!(why(&std::io::ErrorKind::ConnectionReset.into()), "connection reset");
    }
}
