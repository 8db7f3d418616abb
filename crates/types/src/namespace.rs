//! Namespace paths: `work/acme/api`.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A checked namespace path: 1–12 segments of letters, digits, `.`, `_`, `-`, joined by `/`; at most 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NamespacePath(String);

/// Bytes of the longest path.
pub const PATH_MAX_BYTES: usize = 200;
/// Segments of the deepest path.
pub const PATH_MAX_SEGMENTS: usize = 12;
/// The namespace that every recall sees.
pub const GLOBAL: &str = "global";
/// What stands below this never leaves the machine.
pub const PRIVATE: &str = "private";

impl NamespacePath {
    /// What helps whoever wrote a path that is none.
    pub const HINT: &str = "Write one like work/acme/api: letters, digits, `.`, `_`, `-` between slashes; `jay namespace list` shows those here.";

    /// Checks `text`.
    ///
    /// # Errors
    /// `bad_input` where it is empty, too long, too deep, or a segment is empty, `.`, `..` or has other characters.
    pub fn parse(text: &str) -> Result<Self> {
        let segments: Vec<&str> = text.split('/').collect();
        let segment_ok = |segment: &&str| {
            !segment.is_empty()
                && **segment != *"."
                && **segment != *".."
                && segment.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
        };
        if text.len() > PATH_MAX_BYTES || segments.len() > PATH_MAX_SEGMENTS || !segments.iter().all(segment_ok) {
            return Err(Error::bad_input(format!("`{}` is not a namespace path", crate::text::shorten(text, 60)))
                .hint(Self::HINT));
        }
        Ok(Self(text.to_owned()))
    }

    /// A valid path made from any text: other characters become `-`, what is too long is cut.
    #[must_use]
    pub fn from_words(text: &str) -> Self {
        let clean = |segment: &str| -> String {
            let mapped: String = segment
                .chars()
                .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
                .collect();
            mapped.trim_matches(|c| c == '.' || c == '-').to_owned()
        };
        let mut path = String::new();
        for segment in text.split(['/', '\\']).map(clean).filter(|s| !s.is_empty()).take(PATH_MAX_SEGMENTS) {
            if path.len() + segment.len() + 1 > PATH_MAX_BYTES {
                break;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&segment);
        }
        if path.is_empty() { Self(GLOBAL.to_owned()) } else { Self(path) }
    }

    /// The namespace that every recall sees.
    #[must_use]
    pub fn global() -> Self {
        Self(GLOBAL.to_owned())
    }

    /// The path's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for `private` and what stands below it, in whatever case it is written: who writes `Private/x` means it, and
    /// what was kept in by mistake can still be let out, not the other way round.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.0.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(PRIVATE))
    }

    /// Itself and its ancestors, nearest first: `a/b/c`, `a/b`, `a`.
    pub fn lineage(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.0.as_str()), |path| path.rfind('/').and_then(|at| path.get(..at)))
    }
}

impl std::fmt::Display for NamespacePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NamespacePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.message))
    }
}

impl schemars::JsonSchema for NamespacePath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NamespacePath".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "maxLength": PATH_MAX_BYTES})
    }
    fn inline_schema() -> bool {
        true
    }
}

/// The normalised form of a git remote: `host/owner/name` without scheme, user, port or `.git`; none for a local path.
///
/// `git@github.com:Acme/API.git`, `https://user:secret@github.com/Acme/API` and `ssh://git@github.com:22/Acme/API/`
/// are all `github.com/Acme/API`.
#[must_use]
pub fn normalise_git_remote(url: &str) -> Option<String> {
    let url = url.trim();
    let (host_and_user, path) = if let Some((_, rest)) = url.split_once("://") {
        if url.starts_with("file:") {
            return None;
        }
        rest.split_once('/')?
    } else {
        let (host, path) = url.split_once(':')?;
        // `C:\repo` and `./a:b` are paths, not hosts.
        if host.len() < 2 || host.contains(['/', '\\']) {
            return None;
        }
        (host, path)
    };
    let host = host_and_user.rsplit_once('@').map_or(host_and_user, |(_, host)| host);
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() || path.is_empty() {
        return None;
    }
    Some(format!("{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_paths() {
        for good in ["global", "work/acme/api", "private/x", "github.com/a/b-c_d", "日本/語"] {
            assert!(NamespacePath::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a//b", "/a", "a/", "a/../b", "a b", "a/\u{0}", &"x/".repeat(20), &"y".repeat(201)] {
            assert!(NamespacePath::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(NamespacePath::from_words("C:\\Users\\Ann B\\code").as_str(), "C/Users/Ann-B/code");
        assert_eq!(NamespacePath::from_words("///").as_str(), "global");
    }

    #[test]
    fn lineage_goes_up() {
        let path = NamespacePath::parse("a/b/c").expect("a path");
        assert_eq!(path.lineage().collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
        assert!(NamespacePath::parse("private/x").expect("a path").is_private());
        assert!(NamespacePath::parse("Private/x").expect("a path").is_private());
        for open in ["privateer", "work/private/x", "private-x"] {
            assert!(!NamespacePath::parse(open).expect("a path").is_private(), "{open}");
        }
    }

    #[test]
    fn remotes_of_one_repository_are_one() {
        for url in [
            "git@github.com:Acme/API.git",
            "https://user:secret@github.com/Acme/API",
            "ssh://git@GitHub.com:22/Acme/API/",
            "https://github.com/Acme/API.git/",
        ] {
            assert_eq!(normalise_git_remote(url).as_deref(), Some("github.com/Acme/API"), "{url}");
        }
        for url in ["/srv/git/api.git", "../api", "C:\\repo", "file:///srv/api", "https://github.com", ""] {
            assert_eq!(normalise_git_remote(url), None, "{url}");
        }
    }
}
