//! The remotes of a store: names, addresses and what is shared there. Local settings, like the remotes of a git repository.
//!
//! **Invariant:** no secret stands in it: credentials come from the environment, keys from the vault's own file.

use jay_store::Store;
use jay_types::namespace::{Names, NamespacePath};
use jay_types::{Code, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

const FILE: &str = "remotes.json";
/// What `jay sync` takes for another word than the name of a remote.
const OTHER_WORDS: [&str; 2] = ["help", "status"];
/// Characters of the longest name.
const NAME_MAX: usize = 40;

/// A remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteConfig {
    /// What it is called here.
    pub name: String,
    /// A path or an address.
    pub url: String,
    /// Namespaces that are shared, with those below them; all where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Archived sessions are shared too.
    #[serde(default)]
    pub archive: bool,
    /// Of archived sessions those of these clients; of every client where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// When it was added.
    pub added_at: Timestamp,
}

impl RemoteConfig {
    /// True where what stands in a namespace of this path is shared here.
    #[must_use]
    pub fn shares(&self, path: &str) -> bool {
        let is_below =
            |above: &str| path == above || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
        let is_private = NamespacePath::parse(path).map_or(true, |path| path.is_private());
        !is_private && (self.namespaces.is_empty() || self.namespaces.iter().any(|shared| is_below(shared)))
    }

    /// True where what is written to a namespace of these names goes there: none of them is private, and each path that it was given is
    /// shared. What was written while it had one name is not for those who see another.
    #[must_use]
    pub fn gives(&self, names: &Names) -> bool {
        !names.is_private() && names.paths.iter().all(|path| self.shares(path))
    }

    /// Checks what a person wrote.
    ///
    /// # Errors
    /// `bad_input` with what is wrong.
    pub fn check(&self) -> Result<()> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty()
            || self.name.len() > NAME_MAX
            || self.name.starts_with(['.', '-'])
            || !self.name.chars().all(is_name)
        {
            return Err(Error::bad_input(format!(
                "`{}` is no name of a remote",
                jay_types::text::shorten(&self.name, 50)
            ))
            .hint("Use up to 40 letters, digits, `-`, `_` and `.`, a letter or digit first: `jay remote add home /path/to/folder`."));
        }
        if OTHER_WORDS.contains(&self.name.as_str()) {
            return Err(Error::bad_input(format!("`jay sync {}` means something else", self.name))
                .hint("Give another name: `jay remote add home /path/to/folder`."));
        }
        for path in &self.namespaces {
            let path = NamespacePath::parse(path)?;
            let everything = Self { namespaces: Vec::new(), ..self.clone() };
            if !everything.shares(path.as_str()) {
                return Err(Error::bad_input(format!("`{path}` never leaves this machine"))
                    .hint("What stands below `private` is shared with nobody; `jay move` puts a memory elsewhere."));
            }
        }
        if !self.archive && !self.clients.is_empty() {
            return Err(Error::bad_input("`client`: archived sessions are not shared with this remote")
                .hint("Add `--archive` to share those of the clients that are named."));
        }
        Ok(())
    }
}

/// The remotes of a store, by name.
///
/// # Errors
/// `damaged` or `io` where the file cannot be read.
pub fn load(store: &Store) -> Result<Vec<RemoteConfig>> {
    let Some(bytes) = store.state(FILE)? else { return Ok(Vec::new()) };
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(Code::Damaged, format!("{} cannot be read: {error}", store.state_file(FILE).display()))
            .hint("Remove it and add the remotes again with `jay remote add`.")
    })
}

/// Replaces the list.
///
/// # Errors
/// `io`.
pub fn save(store: &Store, remotes: &[RemoteConfig]) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(remotes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(store.put_state(FILE, &bytes)?)
}

/// The remote of that name.
///
/// # Errors
/// `not_found` with the names that there are.
pub fn find<'a>(remotes: &'a [RemoteConfig], name: &str) -> Result<&'a RemoteConfig> {
    remotes.iter().find(|remote| remote.name == name).ok_or_else(|| {
        let names: Vec<&str> = remotes.iter().map(|remote| remote.name.as_str()).collect();
        let hint = match names.as_slice() {
            [] => "There is none yet: `jay remote add home /path/to/folder` adds one.".to_owned(),
            names => format!("There are: {}.", names.join(", ")),
        };
        Error::not_found(format!("there is no remote `{}`", jay_types::text::shorten(name, 50))).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(namespaces: &[&str]) -> RemoteConfig {
        RemoteConfig {
            name: "home".to_owned(),
            url: "/shared".to_owned(),
            namespaces: namespaces.iter().map(|path| (*path).to_owned()).collect(),
            archive: false,
            clients: Vec::new(),
            added_at: Timestamp(0),
        }
    }

    #[test]
    fn what_is_private_is_never_shared() {
        assert!(remote(&[]).shares("work/acme"));
        assert!(remote(&[]).shares("privateer"));
        assert!(!remote(&[]).shares("private"));
        assert!(!remote(&[]).shares("private/diary"));
        assert!(!remote(&[]).shares("Private/diary"));
        let names =
            |paths: &[&str]| Names { paths: paths.iter().map(|one| (*one).to_owned()).collect(), ..Names::default() };
        assert!(remote(&["work"]).gives(&names(&["work/a", "work/b"])));
        assert!(!remote(&["work"]).gives(&names(&["work/a", "home/a"])), "one of two that were given at the same time");
        let some = remote(&["work/acme", "global"]);
        assert!(some.shares("work/acme") && some.shares("work/acme/api") && some.shares("global"));
        assert!(!some.shares("work") && !some.shares("work/acmes"));
    }

    #[test]
    fn what_cannot_be_a_remote_is_refused() {
        assert!(remote(&["work"]).check().is_ok());
        assert!(remote(&["private/x"]).check().is_err());
        assert!(remote(&["a//b"]).check().is_err());
        for name in ["", ".x", "-x", "a b", "a/b", &"a".repeat(41)] {
            assert!(RemoteConfig { name: name.to_owned(), ..remote(&[]) }.check().is_err(), "{name}");
        }
    }
}
