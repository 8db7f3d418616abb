//! Which files of a folder are documents: by their names, and as git sees them.
//!
//! **Invariant:** no link is followed, nothing hidden or ignored is looked into, and what looks like a document and cannot be read
//! is told by name.

use super::cut::Form;
use super::name::path_from;
use super::report::Left;
use ignore::WalkBuilder;
use jay_types::{Error, Result};
use std::path::{Path, PathBuf};

/// Documents that one call may name.
pub(super) const FILES_MAX: usize = 20_000;
/// What ends the names of Markdown files.
const MARKDOWN: [&str; 5] = ["md", "markdown", "mdown", "mkd", "mdx"];
/// What ends the names of plain ones.
const PLAIN: [&str; 6] = ["txt", "text", "rst", "adoc", "asciidoc", "org"];

/// A file that is a document by its name.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) file: PathBuf,
    /// The path by which it is known.
    pub(super) path: String,
    pub(super) form: Form,
    pub(super) bytes: u64,
}

/// What a walk came by.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    /// What could not be looked into: whether anything is gone from there is not known.
    unread: Vec<PathBuf>,
}

impl Walked {
    /// True where a file that was not found may be there.
    pub(super) fn may_hold(&self, file: &Path) -> bool {
        self.unread.iter().any(|unread| file.starts_with(unread))
    }
}

/// How a file is read by its name; none where it is no document.
pub(super) fn form_of(file: &Path) -> Option<Form> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    if MARKDOWN.contains(&extension.as_str()) {
        Some(Form::Markdown)
    } else if PLAIN.contains(&extension.as_str()) {
        Some(Form::Plain)
    } else {
        None
    }
}

/// The documents at or below `target`, in the order of their paths.
///
/// # Errors
/// `bad_input` where they are too many, or `target` is a file that is no document.
pub(super) fn walk(target: &Path, base: &Path, skipped: &mut Left) -> Result<Walked> {
    let is_folder = target.is_dir();
    if !is_folder && form_of(target).is_none() {
        let known: Vec<&str> = MARKDOWN.into_iter().chain(PLAIN).collect();
        return Err(Error::bad_input(format!("`path`: {} is no document by its name", target.display()))
            .hint(format!("Documents end in one of {}.", known.join(", "))));
    }
    let mut walked = Walked::default();
    // The caller's own excludes would be read out of the environment, which is not ours to read.
    let walker = WalkBuilder::new(target).git_global(false).sort_by_file_path(Path::cmp).build();
    for entry in walker {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let place = place_of(&error, target);
                skipped.push(&place.to_string_lossy(), None, "cannot be read, and with it what is below it");
                tracing::debug!(%error, "a part of a folder could not be read");
                walked.unread.push(place);
                continue;
            }
        };
        let Some(form) = form_of(entry.path()) else { continue };
        let name = || entry.path().strip_prefix(base).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let kind = entry.file_type();
        if kind.is_none_or(|kind| kind.is_dir()) {
            continue;
        }
        if kind.is_some_and(|kind| kind.is_symlink()) {
            skipped.push(&name(), None, "a link, which is not followed");
            continue;
        }
        let Some(path) = path_from(base, entry.path()) else {
            skipped.push(&name(), None, "its name is not UTF-8");
            continue;
        };
        if walked.found.len() == FILES_MAX {
            return Err(Error::bad_input(format!("`path`: more than {FILES_MAX} documents"))
                .hint("Add the folders that matter, one by one; a .gitignore or .ignore file leaves others out."));
        }
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        walked.found.push(Found { file: entry.into_path(), path, form, bytes });
    }
    Ok(walked)
}

/// The place that a failure of the walk is about; all of it where that is not told.
fn place_of(error: &ignore::Error, target: &Path) -> PathBuf {
    match error {
        ignore::Error::WithPath { path, .. } => path.clone(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err, target),
        _ => target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_place_that_cannot_be_read_may_be_there() {
        let walked = Walked { found: vec![], unread: vec![PathBuf::from("/a/closed")] };
        assert!(walked.may_hold(Path::new("/a/closed/b.md")) && !walked.may_hold(Path::new("/a/closed.md")));
        let inner = ignore::Error::Io(std::io::Error::other("closed"));
        let told = ignore::Error::WithPath { path: "/a/closed".into(), err: Box::new(inner) };
        let told = ignore::Error::WithDepth { depth: 1, err: Box::new(told) };
        assert_eq!(place_of(&told, Path::new("/a")), Path::new("/a/closed"));
        assert_eq!(place_of(&ignore::Error::InvalidDefinition, Path::new("/a")), Path::new("/a"));
    }
}
