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
pub(super) fn walk(target: &Path, base: &Path, skipped: &mut Left) -> Result<Vec<Found>> {
    let is_folder = target.is_dir();
    if !is_folder && form_of(target).is_none() {
        let known: Vec<&str> = MARKDOWN.into_iter().chain(PLAIN).collect();
        return Err(Error::bad_input(format!("`path`: {} is no document by its name", target.display()))
            .hint(format!("Documents end in one of {}.", known.join(", "))));
    }
    let mut found = Vec::new();
    // The caller's own excludes would be read out of the environment, which is not ours to read.
    let walker = WalkBuilder::new(target).git_global(false).sort_by_file_path(Path::cmp).build();
    for entry in walker {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                skipped.push(&place_of(&error, target), None, error.to_string());
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
        if found.len() == FILES_MAX {
            return Err(Error::bad_input(format!("`path`: more than {FILES_MAX} documents"))
                .hint("Add the folders that matter, one by one; a .gitignore or .ignore file leaves others out."));
        }
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        found.push(Found { file: entry.into_path(), path, form, bytes });
    }
    Ok(found)
}

/// The file that a failure of the walk is about.
fn place_of(error: &ignore::Error, target: &Path) -> String {
    match error {
        ignore::Error::WithPath { path, .. } => path.display().to_string(),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err, target),
        _ => target.display().to_string(),
    }
}
