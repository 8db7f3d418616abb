//! From what a person wrote to a remote: a bare path is a folder, `s3://`, `gs://`, `az://` and `abfss://` are buckets.
//!
//! **Invariant:** what is kept and shown of an address holds no credential.

use super::Remote;
#[cfg(feature = "buckets")]
use super::bucket::{self, Bucket, BucketSettings};
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

/// An address in the form in which it is kept: a path is absolute, that of a bucket is read and written out again.
///
/// # Errors
/// `bad_input` where it is none, or holds a credential.
pub fn normalise(url: &str) -> Result<String> {
    let url = url.trim();
    if url.is_empty() || url.chars().any(char::is_control) {
        return Err(unknown(url));
    }
    if url == "~" || url.starts_with("~/") {
        return Err(Error::bad_input(format!(
            "`url`: `~` in `{}` was not expanded",
            jay_types::text::shorten(url, 80)
        ))
        .hint("A shell expands it where it is not quoted; else write the whole path."));
    }
    match url.split_once("://") {
        Some(("file", path)) => absolute(Path::new(path)),
        #[cfg(feature = "buckets")]
        Some(_) if bucket::is_bucket(url) => bucket::normalise(url),
        Some(_) => Err(unknown(url)),
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
/// `bad_input` where there is no such kind of remote, or no credentials for it.
pub fn open(url: &str, opening: &Opening<'_>) -> Result<Box<dyn Remote>> {
    match url.split_once("://") {
        None => Ok(Box::new(Folder::new(PathBuf::from(url), Arc::clone(&opening.surroundings)))),
        #[cfg(feature = "buckets")]
        Some(_) if bucket::is_bucket(url) => Ok(Box::new(Bucket::new(url, &BucketSettings::of(opening.variables))?)),
        Some(_) => Err(unknown(url)),
    }
}

fn unknown(url: &str) -> Error {
    // Behind a scheme may stand a password.
    let shown = url.split_once("://").map_or_else(|| url.to_owned(), |(scheme, _)| format!("{scheme}://…"));
    let hint = if cfg!(feature = "buckets") {
        "Give the path of a folder or the address of a bucket: `jay remote add home /path/to/folder`, or \
         `s3://bucket/prefix` and others in docs/remotes.md."
    } else {
        "Give the path of a folder: `jay remote add home /path/to/folder`; this build knows no buckets."
    };
    Error::bad_input(format!("`url`: `{}` is no address of a remote", jay_types::text::shorten(&shown, 80))).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_address_holds_no_password() {
        for bad in
            ["https://me:hunter2@example.com/dav", "ftp://hunter2", "s3://me:hunter2@b1x", "s3://b1x?sig=hunter2", ""]
        {
            let error = normalise(bad).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            assert!(error.hint.is_some());
        }
        for bad in ["~", "~/Sync", "/mnt/a\nb", "a\u{1}b"] {
            assert!(normalise(bad).unwrap_err().hint.is_some(), "{bad:?}");
        }
        #[cfg(unix)]
        assert_eq!(normalise("file:///mnt/x").unwrap(), "/mnt/x");
        #[cfg(feature = "buckets")]
        assert_eq!(normalise(" s3://b1x/p/ ").unwrap(), "s3://b1x/p");
    }
}
