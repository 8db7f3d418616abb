//! From what a person wrote to a remote: a bare path is a folder.

use super::Remote;
use super::folder::Folder;
use jay_types::surroundings::Surroundings;
use jay_types::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What opening a remote needs.
pub struct Opening<'a> {
    /// Time and randomness.
    pub surroundings: Arc<dyn Surroundings>,
    /// The environment, in which credentials of buckets stand.
    pub variables: &'a BTreeMap<String, String>,
}

/// An address in the form in which it is kept: a path is absolute, an address of a cloud is as it was written.
///
/// # Errors
/// `bad_input` where it is none.
pub fn normalise(url: &str) -> Result<String> {
    let url = url.trim();
    if url.is_empty() {
        return Err(unknown(url));
    }
    match url.split_once("://") {
        Some(("file", path)) => absolute(Path::new(path)),
        Some(_) => Ok(url.to_owned()),
        None => absolute(Path::new(url)),
    }
}

fn absolute(path: &Path) -> Result<String> {
    let whole = std::path::absolute(path).map_err(|error| Error::bad_input(format!("`url`: {error}")))?;
    whole.into_os_string().into_string().map_err(|_| Error::bad_input("`url`: a path that is not UTF-8 cannot be kept"))
}

/// Opens a remote; nothing is looked at or made there.
///
/// # Errors
/// `bad_input` where there is no such kind of remote.
pub fn open(url: &str, opening: &Opening<'_>) -> Result<Box<dyn Remote>> {
    match url.split_once("://") {
        None => Ok(Box::new(Folder::new(PathBuf::from(url), Arc::clone(&opening.surroundings)))),
        Some(_) => Err(unknown(url)),
    }
}

fn unknown(url: &str) -> Error {
    Error::bad_input(format!("`url`: `{}` is no address of a remote", jay_types::text::shorten(url, 80)))
        .hint("Give the path of a folder: `jay remote add home /path/to/folder`.")
}
