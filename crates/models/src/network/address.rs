//! Where a server stands: read once, so that no later step asks whether an address leaves this machine.
//!
//! **Invariant:** an address has no user, no password, no query; what is not plainly this machine counts as another.

use jay_types::Error;
use jay_types::text::shorten;
use std::net::IpAddr;
use ureq::http::Uri;

/// Bytes of an address.
const ADDRESS_MAX: usize = 2048;

/// A server's address, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    base: String,
    is_tls: bool,
    is_loopback: bool,
}

fn refused(what: impl std::fmt::Display) -> Error {
    Error::bad_input(format!("the address {what}"))
        .hint("Write it like http://127.0.0.1:11434 or https://models.example.com/v1.")
}

impl Address {
    /// Reads `http://…` or `https://…`.
    ///
    /// # Errors
    /// `bad_input` where it is neither, or says more than host, port and path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim().trim_end_matches('/');
        if text.len() > ADDRESS_MAX {
            return Err(refused(format!("is longer than {ADDRESS_MAX} bytes")));
        }
        // Said before it is parsed: a password must not stand in what the parser says of it.
        if text.contains('@') {
            return Err(refused("has a user or a password in it")
                .hint("Name the variable that holds the key with --api-key-env."));
        }
        if text.contains(['?', '#']) {
            return Err(refused("has a query or a fragment in it"));
        }
        let uri: Uri = text.parse().map_err(|_| refused(format!("`{}` cannot be read", shorten(text, 80))))?;
        let is_tls = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(refused("is neither http:// nor https://")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refused("names no host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str() != host) && uri.port_u16().is_none() {
            return Err(refused("has a port that is no number"));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        // A name is this machine's only where the standard says so (RFC 6761).
        let is_loopback = match bare.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => bare.eq_ignore_ascii_case("localhost"),
        };
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default().to_lowercase();
        let path = uri.path().trim_end_matches('/');
        let scheme = if is_tls { "https" } else { "http" };
        Ok(Self { base: format!("{scheme}://{authority}{path}"), is_tls, is_loopback })
    }

    /// Scheme, host, port and path.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `{base}/{path}`
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// True where what is sent there stays on this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// True where it is sent encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_this_machine() {
        let read = |text| Address::parse(text).unwrap();
        for here in ["http://127.0.0.1:11434", "http://127.9.9.9", "HTTP://LocalHost:1/", "https://[::1]:8080/v1/"] {
            assert!(read(here).is_loopback(), "{here}");
        }
        for there in [
            "http://192.168.1.5",
            "http://0.0.0.0:11434",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://[::ffff:127.0.0.1]",
            "https://models.example.com/v1",
            "http://127.1",
        ] {
            assert!(!read(there).is_loopback(), "{there}");
        }
        assert_eq!(read(" HTTPS://Models.Example.com:8443/V1/ ").base(), "https://models.example.com:8443/V1");
        assert_eq!(read("http://localhost:1//").below("api/embed"), "http://localhost:1/api/embed");
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for bad in [
            "",
            "model",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://",
            "http:///path",
            "https://ann:hunter2@example.com",
            "https://example.com?key=hunter2",
            "https://example.com#a",
            "https://exa mple.com",
            "https://example.com:port",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert_eq!(error.code, jay_types::Code::BadInput, "{bad}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
