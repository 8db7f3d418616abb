//! Whether a path that a call names is the file that is asked about.
//!
//! A repository is cloned and its worktrees come and go, so that a path alone says little: the same file has several, and
//! `src/lib.rs` is the name of many files. What holds a file of a repository together is its path from the top, and the
//! repository: by the directory, else by the namespace, which clones and worktrees share.

use super::target::{Target, is_absolute};
use crate::call::Call;
use crate::sessions::list::{SessionFilter, namespace_ids};
use jay_store::{SessionRow, Tx};
use jay_types::{Code, NamespaceId, Result};
use std::path::Path;

/// Where the file is.
#[derive(Debug, Default)]
pub(super) struct Place {
    absolute: Option<String>,
    /// The top of its repository, with slashes.
    top: Option<String>,
    /// The names that it has and had from there.
    names: Vec<String>,
    /// The namespaces of its repository.
    namespaces: Vec<NamespaceId>,
    /// Own ids of the sessions that hold its repository's commits, where git tells.
    history: Option<String>,
    /// Whether directories of this machine are asked what they are.
    is_read: bool,
}

impl Place {
    pub(super) fn of(call: &Call<'_>, target: &Target) -> Result<Self> {
        let named = match (&target.repository, call.engine.options.namespace_of.as_ref()) {
            (Some(repository), Some(ask)) => (ask.0)(&repository.top)?.path,
            _ => call.caller.namespace.clone(),
        };
        let filter = SessionFilter { namespace: Some(named), ..SessionFilter::default() };
        // A namespace that nobody has written to has no sessions either.
        let namespaces = match namespace_ids(call, &filter) {
            Err(error) if error.code == Code::NotFound => vec![],
            found => found?.unwrap_or_default(),
        };
        let history = target.repository.as_ref().and_then(|repository| {
            let tip = repository.commit("HEAD")?;
            repository.beginning(&tip).ok().flatten()
        });
        Ok(Self {
            absolute: target.absolute.clone(),
            top: target.repository.as_ref().map(|repository| repository.top.to_string_lossy().replace('\\', "/")),
            names: target.names.clone(),
            namespaces,
            history,
            is_read: target.is_read,
        })
    }

    /// Whether commits of a history are those of the file's repository.
    pub(super) fn is_history(&self, tx: &Tx<'_>, session: &SessionRow) -> Result<bool> {
        Ok(self.history.as_ref() == Some(&session.session) || self.shares_namespace(tx, session)?)
    }

    fn shares_namespace(&self, tx: &Tx<'_>, session: &SessionRow) -> Result<bool> {
        Ok(self.namespaces.contains(&tx.namespace_id_of(session.namespace)?))
    }

    /// Whether a path of a commit is the file's.
    pub(super) fn is_committed(&self, path: &str) -> bool {
        self.names.iter().any(|name| name == path)
    }

    /// Whether a path that a session's call names is the file's.
    pub(super) fn is_same(&self, tx: &Tx<'_>, session: &SessionRow, path: &str) -> Result<bool> {
        let project = session.project.as_deref().map(|project| project.replace('\\', "/"));
        let project = project.as_deref().map(|project| project.trim_end_matches('/'));
        let full = whole(project, path);
        if self.absolute.as_ref() == Some(&full) {
            return Ok(true);
        }
        let tops: Vec<&str> = self.names.iter().filter_map(|name| top_of(&full, name)).collect();
        if tops.is_empty() {
            return Ok(false);
        }
        if tops.iter().any(|top| Some(*top) == self.top.as_deref()) {
            return Ok(true);
        }
        Ok(self.shares_namespace(tx, session)? && tops.into_iter().any(|top| self.may_be_top(top, project)))
    }

    /// Whether a directory may be the top of a clone in which a session worked. Of `crates/core/src/lib.rs` the end is
    /// `src/lib.rs`, which is another file of the same repository.
    fn may_be_top(&self, top: &str, project: Option<&str>) -> bool {
        let Some(project) = project else { return true };
        if top.is_empty() || is_in(project, top) {
            return true;
        }
        // The session wrote outside of its directory, into another worktree for one.
        !is_in(top, project) && (!self.is_read || Path::new(top).join(".git").exists() || !Path::new(top).exists())
    }
}

/// A path from the root, as far as that is known.
fn whole(project: Option<&str>, path: &str) -> String {
    match project {
        Some(project) if !is_absolute(path) => format!("{project}/{path}"),
        _ => path.to_owned(),
    }
}

/// What stands before a file's name in a path that ends with it; of the name alone nothing.
fn top_of<'a>(full: &'a str, name: &str) -> Option<&'a str> {
    if full == name {
        return Some("");
    }
    full.strip_suffix(name)?.strip_suffix('/')
}

fn is_in(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_top_is_where_the_session_worked_or_above_it() {
        let place = Place::default();
        let may = |top: &str, project: &str| place.may_be_top(top, Some(project));
        assert!(may("/w/repo", "/w/repo") && may("/w/repo", "/w/repo/crates/core") && may("/other", "/w/repo"));
        assert!(!may("/w/repo/crates/core", "/w/repo"));
        assert!(may("/w/repo-2", "/w/repo"), "a name that begins alike is another directory");
        assert!(place.may_be_top("/x", None));
    }

    #[test]
    fn paths_are_compared_name_by_name() {
        assert_eq!(top_of("/w/repo/src/lib.rs", "src/lib.rs"), Some("/w/repo"));
        assert_eq!(top_of("/w/repo/xsrc/lib.rs", "src/lib.rs"), None);
        assert_eq!(top_of("src/lib.rs", "src/lib.rs"), Some(""));
        assert_eq!(whole(Some("/w"), "a"), "/w/a");
        assert_eq!(whole(Some("/w"), "C:/a"), "C:/a");
        assert_eq!(whole(None, "a"), "a");
    }
}
