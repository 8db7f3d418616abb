//! Who may ask at all: the token, and the names by which this server is called.
//!
//! Loopback is no boundary: every program of every user of the machine reaches it, and so does a web page, by
//! `fetch` to a port or by a name of its own that it lets resolve to 127.0.0.1. The token keeps out the first, the
//! checks of `Host` and `Origin` the others.

use jay_types::{Code, Error, Result};

/// What a request must show. Pure: it is given the headers' values.
#[derive(Clone, Debug)]
pub struct Guard {
    port: u16,
    /// Hash of the token, so that comparing takes the same time whatever was sent; none with `--no-token`.
    token: Option<blake3::Hash>,
}

/// What the guard looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// The authority of the request line, where it has one.
    pub authority: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Guard {
    /// A guard for a server on `port`; without `token` it lets in everybody of this machine (tests).
    #[must_use]
    pub fn new(port: u16, token: Option<&str>) -> Self {
        Self { port, token: token.map(|token| blake3::hash(token.as_bytes())) }
    }

    /// Whether the request comes to this server by its own name and from no foreign page.
    ///
    /// # Errors
    /// `refused` where `Host` is missing or another, or an `Origin` is another.
    pub fn check_names(&self, shown: &Shown<'_>) -> Result<()> {
        let ours = |authority: &str| {
            let (name, port) = match authority.rsplit_once(':') {
                Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
                _ => (authority, Some(80)),
            };
            port == Some(self.port) && NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        let mut named = shown.host.iter().chain(&shown.authority).peekable();
        if named.peek().is_none() || !named.all(|name| ours(name)) {
            return Err(Error::new(Code::Refused, "the request names another host than this server")
                .hint(format!("Call http://127.0.0.1:{} or http://localhost:{}.", self.port, self.port)));
        }
        match shown.origin {
            Some(origin) if !origin.strip_prefix("http://").is_some_and(ours) => {
                Err(Error::new(Code::Refused, "the request comes from a page of another origin")
                    .hint("Only pages that this server itself serves may call it."))
            }
            _ => Ok(()),
        }
    }

    /// Whether the request has the token.
    ///
    /// # Errors
    /// `unauthorized` where it has none or a wrong one.
    pub fn check_token(&self, shown: &Shown<'_>) -> Result<()> {
        let Some(expected) = self.token else { return Ok(()) };
        let token = shown.authorization.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let what = match token {
            // Comparing hashes of this type takes the same time wherever they differ.
            Some(token) if blake3::hash(token.as_bytes()) == expected => return Ok(()),
            Some(_) => "the token is not this server's",
            None => "the request has no token",
        };
        Err(Error::new(Code::Unauthorized, what).hint(
            "Send `Authorization: Bearer TOKEN`; the token stands in the file that `jay config path --token` names.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(host: &str, origin: Option<&str>) -> bool {
        let shown = Shown { host: (!host.is_empty()).then_some(host), origin, ..Shown::default() };
        Guard::new(7717, None).check_names(&shown).is_ok()
    }

    #[test]
    fn only_its_own_names_with_its_own_port() {
        for host in ["127.0.0.1:7717", "localhost:7717", "LOCALHOST:7717", "[::1]:7717"] {
            assert!(names(host, None), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "localhost:80",
            "evil.test:7717",
            "127.0.0.1.evil.test:7717",
            "[::1]",
            "::1:7717",
            "localhost:7717:7717",
        ] {
            assert!(!names(host, None), "{host}");
        }
        let both = |host, authority| {
            let shown = Shown { host: Some(host), authority: Some(authority), ..Shown::default() };
            Guard::new(7717, None).check_names(&shown).is_ok()
        };
        assert!(both("localhost:7717", "127.0.0.1:7717"));
        assert!(!both("localhost:7717", "evil.test:7717") && !both("evil.test:7717", "localhost:7717"));
        let http_port = Guard::new(80, None);
        assert!(http_port.check_names(&Shown { host: Some("localhost"), ..Shown::default() }).is_ok());
        assert!(http_port.check_names(&Shown { host: Some("[::1]"), ..Shown::default() }).is_ok());
    }

    #[test]
    fn only_pages_of_its_own() {
        assert!(names("localhost:7717", Some("http://localhost:7717")));
        for origin in [
            "null",
            "",
            "https://localhost:7717",
            "http://localhost:3000",
            "http://evil.test",
            "http://localhost:7717.evil.test",
        ] {
            assert!(!names("localhost:7717", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn the_token_is_demanded_whole() {
        let guard = Guard::new(7717, Some("s3cret"));
        let check = |authorization| guard.check_token(&Shown { authorization, ..Shown::default() }).is_ok();
        assert!(check(Some("Bearer s3cret")) && check(Some("bearer  s3cret")));
        for wrong in [
            None,
            Some(""),
            Some("s3cret"),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer s3cre"),
            Some("Basic s3cret"),
        ] {
            assert!(!check(wrong), "{wrong:?}");
        }
    }
}
