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

/// The names of a namespace, as it is judged where something of it would leave this machine.
///
/// Two machines that rename it without having heard of each other both name it: what was written while it had the one name is not
/// for those who may see the other. So every path counts, and every alias, since what is written to an alias is written here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Its path first, then those that others gave it at the same time.
    pub paths: Vec<String>,
    /// Its other names.
    pub aliases: Vec<String>,
    /// It was merged into a namespace that is private.
    pub goes_on_in_private: bool,
}

impl Names {
    /// The names of a namespace that is made at a path.
    #[must_use]
    pub fn at(path: &NamespacePath) -> Self {
        Self { paths: vec![path.to_string()], ..Self::default() }
    }

    /// True where it never leaves the machine: one of its names is private, or no name is known.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.paths.is_empty()
            || self.goes_on_in_private
            || self.paths.iter().chain(&self.aliases).any(|name| is_private_name(name))
    }

    /// After a rename. The old path goes on to mean it; out of `private` no private name is kept, since one would keep it private.
    #[must_use]
    pub fn renamed(&self, to: &NamespacePath) -> Self {
        let old = self.paths.first().cloned().unwrap_or_default();
        let is_opened = is_private_name(&old) && !to.is_private();
        let mut aliases = self.aliases.clone();
        aliases.retain(|alias| alias != to.as_str() && !(is_opened && is_private_name(alias)));
        if !is_opened && old != to.as_str() {
            aliases.push(old);
        }
        Self { paths: vec![to.to_string()], aliases, goes_on_in_private: self.goes_on_in_private }
    }

    /// With another alias.
    #[must_use]
    pub fn with_alias(mut self, alias: &NamespacePath) -> Self {
        self.aliases.push(alias.to_string());
        self
    }

    /// Without one.
    #[must_use]
    pub fn without_alias(mut self, alias: &NamespacePath) -> Self {
        self.aliases.retain(|name| name != alias.as_str());
        self
    }

    /// After another one was merged into it under the path `from`, which goes on to mean this one; not where that would make it private.
    #[must_use]
    pub fn merged_with(self, from: &NamespacePath) -> Self {
        if from.is_private() && !self.is_private() { self } else { self.with_alias(from) }
    }
}

/// True for a name by which a namespace is private; what is no path is not known to be open.
fn is_private_name(name: &str) -> bool {
    NamespacePath::parse(name).map_or(true, |path| path.is_private())
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

    fn names(paths: &[&str], aliases: &[&str]) -> Names {
        let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Names { paths: words(paths), aliases: words(aliases), goes_on_in_private: false }
    }

    #[test]
    fn one_private_name_keeps_a_namespace_private() {
        let path = |text| NamespacePath::parse(text).expect("a path");
        assert!(!names(&["work"], &["old"]).is_private());
        assert!(names(&["work"], &["Private/old"]).is_private());
        assert!(names(&["work", "private/x"], &[]).is_private());
        assert!(names(&[], &[]).is_private());
        assert!(Names { goes_on_in_private: true, ..names(&["work"], &[]) }.is_private());
        let hidden = names(&["work"], &["old"]).renamed(&path("private/w"));
        assert_eq!(hidden, names(&["private/w"], &["old", "work"]));
        assert_eq!(hidden.renamed(&path("work")), names(&["work"], &["old"]));
        assert_eq!(names(&["work", "private/x"], &[]).renamed(&path("home")), names(&["home"], &["work"]));
        assert!(names(&["work"], &["private/x"]).renamed(&path("home")).is_private(), "it was so by an alias alone");
        assert_eq!(names(&["work"], &[]).merged_with(&path("private/x")), names(&["work"], &[]));
        assert_eq!(names(&["work"], &[]).merged_with(&path("home")), names(&["work"], &["home"]));
        assert!(names(&["work"], &[]).with_alias(&path("private/x")).is_private());
        assert!(!names(&["work"], &["private/x"]).without_alias(&path("private/x")).is_private());
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
