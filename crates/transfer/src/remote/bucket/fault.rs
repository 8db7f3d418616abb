//! What went wrong at a cloud, in words that a person can act on.
//!
//! The library's own messages hold addresses, which may be signed, and what the server wrote, which may repeat what it was
//! sent. None of that is passed on: a message is made of the status, the server's code and what was done.
//!
//! **Invariant:** nothing of a credential, of an answer's text or of the library's message stands in an error.

use super::address::{Address, Cloud};
use jay_types::{Code, Error};
use std::fmt;
use std::io::ErrorKind;
use ureq::http::HeaderMap;

/// Most characters of a server's code and of a region.
const CODE_MAX: usize = 64;
/// Bytes at the beginning of an answer in which its code is looked for.
const CODE_WITHIN: usize = 4096;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    Timeout,
    NoName,
    NoConnection(ErrorKind),
    Certificate,
    /// It would have gone to another machine without TLS.
    Plain,
    TooLong,
    NotHttp,
    /// An answer to a listing that is no listing: the library would take it for an empty one.
    NoListing,
}

impl Silence {
    pub(super) fn of(error: &ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            E::Timeout(_) => Self::Timeout,
            E::HostNotFound => Self::NoName,
            E::ConnectionFailed => Self::NoConnection(ErrorKind::NotConnected),
            E::Tls(_) | E::Rustls(_) | E::TlsRequired => Self::Certificate,
            E::BodyExceedsLimit(_) => Self::TooLong,
            E::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
                Some(inner) => Self::of(inner),
                // The standard library has no kind for a name that cannot be looked up, only words.
                None if error.to_string().contains("lookup address") => Self::NoName,
                None if error.kind() == ErrorKind::TimedOut => Self::Timeout,
                None => Self::NoConnection(error.kind()),
            },
            _ => Self::NotHttp,
        }
    }

    /// True where the same request may be answered later.
    pub(super) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Certificate | Self::Plain | Self::TooLong | Self::NoListing)
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::NoName => f.write_str("its name is not known, or names cannot be looked up now"),
            Self::NoConnection(kind) => write!(f, "no connection ({kind})"),
            Self::Certificate => f.write_str("it has no certificate that can be trusted"),
            Self::Plain => f.write_str("it would have been asked without TLS"),
            Self::TooLong => f.write_str("its answer is too long"),
            Self::NotHttp => f.write_str("its answer is not HTTP as it should be"),
            Self::NoListing => f.write_str("its answer is no listing of a bucket"),
        }
    }
}

impl std::error::Error for Silence {}

/// What the requests of one operation heard: the last answer, and how many there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    requests: u32,
    status: Option<u16>,
    code: Option<String>,
    region: Option<String>,
    silence: Option<Silence>,
}

impl Heard {
    pub(super) fn silence(silence: Silence) -> Self {
        Self { requests: 1, silence: Some(silence), ..Self::default() }
    }

    pub(super) fn answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).and_then(plain_word);
        let code = if status < 300 { None } else { header("x-ms-error-code").or_else(|| code_in(body)) };
        Self { requests: 1, status: Some(status), code, region: header("x-amz-bucket-region"), silence: None }
    }

    /// The later one counts.
    pub(super) fn add(&mut self, later: Self) {
        let requests = self.requests + later.requests;
        *self = Self { requests, ..later };
    }

    pub(super) const fn status(&self) -> Option<u16> {
        self.status
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_ref().is_some_and(|code| codes.contains(&code.as_str()))
    }

    /// `503 SlowDown`
    fn said(&self) -> String {
        let status = self.status.unwrap_or_default();
        self.code.as_ref().map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
    }

    fn tries(&self) -> String {
        if self.requests > 1 { format!(", asked {} times", self.requests) } else { String::new() }
    }
}

/// A server's word where it is one: letters, digits and hyphens.
fn plain_word(text: &str) -> Option<String> {
    let is_plain =
        !text.is_empty() && text.len() <= CODE_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_plain.then(|| text.to_owned())
}

/// `<Code>…</Code>` of an answer in XML.
fn code_in(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..CODE_WITHIN).unwrap_or(body));
    let (_, rest) = text.split_once("<Code>")?;
    plain_word(rest.split_once("</Code>")?.0)
}

const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "InvalidBucketName"];
const WRONG_CREDENTIAL: [&str; 8] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "ExpiredToken",
    "TokenRefreshRequired",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
];
const WRONG_CLOCK: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];

/// A failed operation of the library, with what its requests heard.
#[derive(Debug)]
pub(super) struct Fault {
    error: object_store::Error,
    heard: Heard,
}

impl Fault {
    pub(super) const fn new(error: object_store::Error, heard: Heard) -> Self {
        Self { error, heard }
    }

    /// The file is not there; the bucket is, as far as was heard.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.error, object_store::Error::NotFound { .. }) && !self.heard.has_code(&NO_BUCKET)
    }

    /// Something is there, or was about to be.
    pub(super) const fn is_taken(&self) -> bool {
        use object_store::Error as E;
        matches!(self.error, E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. })
    }

    /// The request was sent more than once: an earlier one may have been done.
    pub(super) const fn was_repeated(&self) -> bool {
        self.heard.requests > 1
    }

    /// A piece was asked for behind the end of the file.
    pub(super) fn is_behind_end(&self) -> bool {
        self.heard.status() == Some(416)
    }

    /// The server does not know conditions.
    pub(super) fn is_condition_unknown(&self) -> bool {
        self.heard.status() == Some(501) || self.heard.has_code(&["NotImplemented"])
    }

    /// The failure as every door shows it. `doing`: `read nodes/a/x`.
    pub(super) fn told(&self, doing: &str, address: &Address) -> Error {
        let heard = &self.heard;
        let shown = &address.shown;
        if let Some(silence) = &heard.silence {
            return unanswered(silence, heard, doing, shown);
        }
        let cannot = format!("cannot {doing} in {shown}");
        match heard.status {
            None => Error::new(Code::Refused, format!("{cannot}: its credentials could not be used"))
                .hint(credentials_hint(address.cloud)),
            _ if heard.has_code(&NO_BUCKET) => {
                Error::new(Code::Unreachable, format!("{cannot}: there is no such bucket"))
                    .hint("Make it at its provider (jay makes none), or correct the address; `jay remote list` shows it.")
            }
            _ if heard.has_code(&WRONG_CLOCK) => {
                Error::new(Code::Refused, format!("{cannot}: this machine's clock is not right ({})", heard.said()))
                    .hint("Set the clock of this machine: signatures hold for minutes.")
            }
            _ if self.is_elsewhere() => {
                let told = format!("{cannot}: the bucket is in another region ({})", heard.said());
                let region = heard.region.as_deref().unwrap_or("NAME");
                Error::bad_input(told).hint(format!("Add the remote with region={region} in its address."))
            }
            Some(401) => refused(&cannot, "did not take the credentials", heard).hint(credentials_hint(address.cloud)),
            _ if heard.has_code(&WRONG_CREDENTIAL) => {
                refused(&cannot, "did not take the credentials", heard).hint(credentials_hint(address.cloud))
            }
            Some(403) => refused(&cannot, "does not let these credentials", heard).hint(format!(
                "They need the permissions that docs/remotes.md lists: to list, read, write and remove below the prefix. {}",
                credentials_hint(address.cloud)
            )),
            Some(status @ (408 | 429 | 500..=599)) if status != 501 => {
                Error::new(Code::Unreachable, format!("{cannot}: it answered {}{}", heard.said(), heard.tries()))
                    .hint("The provider is busy or out of order; run this again later.")
            }
            Some(404) => other(&cannot, "it is not there any more"),
            Some(412) => other(&cannot, "it was changed meanwhile"),
            Some(200..=299) => other(&cannot, "its answer is not what it should be"),
            _ => other(&cannot, &format!("it answered {}", heard.said())),
        }
    }

    fn is_elsewhere(&self) -> bool {
        matches!(self.heard.status, Some(301 | 302 | 307 | 308))
            || self.heard.has_code(&["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"])
    }
}

fn refused(cannot: &str, what: &str, heard: &Heard) -> Error {
    Error::new(Code::Refused, format!("{cannot}: it {what} ({})", heard.said()))
}

fn other(cannot: &str, why: &str) -> Error {
    Error::new(Code::Io, format!("{cannot}: {why}"))
        .hint("`jay remote check` tries the remote; docs/remotes.md says what a provider must support.")
}

fn unanswered(silence: &Silence, heard: &Heard, doing: &str, shown: &str) -> Error {
    let told = format!("cannot {doing} in {shown}: {silence}{}", heard.tries());
    match silence {
        Silence::Certificate => Error::new(Code::VerificationFailed, told)
            .hint("It needs one of a public authority; those of the machine are not read."),
        Silence::Plain => {
            Error::new(Code::Refused, told).hint("Write https://, or add allow_http=true to the address of the remote.")
        }
        Silence::TooLong | Silence::NotHttp | Silence::NoListing => Error::new(Code::Unreachable, told)
            .hint("Is that the server of a bucket? Look at endpoint in the address of the remote."),
        _ => Error::new(Code::Unreachable, told)
            .hint("Is this machine connected, and the address right? What is unsent stays here; run this again later."),
    }
}

/// Names the variables, never what they hold.
pub(super) fn credentials_hint(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => "Look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN where jay runs.",
        Cloud::Google => "Look at GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT_KEY where jay runs.",
        Cloud::Azure => {
            "Look at AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_TENANT_ID, AZURE_CLIENT_ID and \
             AZURE_CLIENT_SECRET where jay runs."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(heard: Heard) -> Fault {
        Fault::new(object_store::Error::Generic { store: "S3", source: "hunter2 in its text".into() }, heard)
    }

    fn heard(status: u16, body: &str) -> Heard {
        Heard::answer(status, &HeaderMap::new(), body.as_bytes())
    }

    fn told(heard: Heard) -> Error {
        fault(heard).told("read nodes/a/x", &Address::parse("s3://b1x/p").unwrap())
    }

    #[test]
    fn what_a_server_says_decides_the_kind_and_is_not_repeated() {
        let body = |code: &str| format!("<Error><Code>{code}</Code><Message>hunter2</Message></Error>");
        for (status, code, kind, says) in [
            (403, "AccessDenied", Code::Refused, "(403 AccessDenied)"),
            (403, "SignatureDoesNotMatch", Code::Refused, "did not take the credentials"),
            (400, "ExpiredToken", Code::Refused, "did not take the credentials"),
            (401, "", Code::Refused, "(401)"),
            (403, "RequestTimeTooSkewed", Code::Refused, "clock"),
            (404, "NoSuchBucket", Code::Unreachable, "there is no such bucket"),
            (404, "NoSuchKey", Code::Io, "not there any more"),
            (400, "AuthorizationHeaderMalformed", Code::BadInput, "another region"),
            (301, "PermanentRedirect", Code::BadInput, "another region"),
            (503, "SlowDown", Code::Unreachable, "503 SlowDown"),
            (429, "", Code::Unreachable, "429"),
            (501, "NotImplemented", Code::Io, "501"),
            (400, "hunter2!", Code::Io, "it answered 400"),
            (200, "", Code::Io, "not what it should be"),
        ] {
            let error = told(heard(status, &body(code)));
            assert_eq!(error.code, kind, "{status} {code}: {error:?}");
            assert!(error.message.starts_with("cannot read nodes/a/x in s3://b1x/p: "), "{}", error.message);
            assert!(error.message.contains(says), "{status} {code}: {}", error.message);
            assert!(error.hint.is_some());
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_region_that_a_server_names_is_passed_on() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-bucket-region", "eu-west-3".parse().unwrap());
        let error = told(Heard::answer(301, &headers, b""));
        assert_eq!(error.hint.as_deref(), Some("Add the remote with region=eu-west-3 in its address."));
    }

    #[test]
    fn silence_says_how_often_it_was_asked() {
        let mut all = Heard::default();
        all.add(heard(503, ""));
        all.add(Heard::silence(Silence::Timeout));
        let error = told(all);
        assert_eq!(error.code, Code::Unreachable);
        assert_eq!(error.message, "cannot read nodes/a/x in s3://b1x/p: no answer in time, asked 2 times");
    }

    #[test]
    fn a_missing_bucket_is_no_missing_file() {
        let absent = |heard| {
            let error = object_store::Error::NotFound { path: "x".to_owned(), source: "x".into() };
            Fault::new(error, heard).is_absent()
        };
        assert!(absent(heard(404, "<Code>NoSuchKey</Code>")));
        assert!(absent(heard(404, "")));
        assert!(!absent(heard(404, "<Code>NoSuchBucket</Code>")));
    }
}
