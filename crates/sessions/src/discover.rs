//! Finding sources in a file tree.

use crate::cursor::FileStamp;
use crate::json::Fields;
use jay_types::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a small file beside a source, or of a source's beginning, that are looked into.
const PEEK_BYTES: u64 = 64 << 10;
/// Bytes of the longest file beside sources that is read whole.
const DOCUMENT_BYTES: u64 = 8 << 20;

/// One file of a client that holds a session (or, of the generic client and of exports, several), or one session in a
/// database that holds many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The client's name.
    pub client: String,
    /// The file or, where a session is a directory of small files, that.
    pub path: PathBuf,
    /// What in the file is meant, where it holds several sources.
    pub within: Option<String>,
    /// The client's own id of the session; of a Claude Code subagent `<parent>/agent-<hash>`.
    pub session: String,
    /// The sessions of an export in their order, where a session's rows do not tell.
    pub sessions: Vec<String>,
    /// The session that this one belongs to, where the file's place tells.
    pub parent: Option<String>,
    /// How it belongs to its parent.
    pub relation: Option<String>,
    /// The parent's tool call that started it.
    pub parent_call: Option<String>,
    /// The agent inside the client.
    pub agent: Option<String>,
    /// The project directory, where something beside the file tells.
    pub project: Option<String>,
    /// A title that stands beside the file.
    pub title: Option<String>,
    /// The file as the file system tells; of a session in a database what that tells.
    pub stamp: FileStamp,
}

impl Source {
    /// The name by which it is known again: the path, and what is meant in it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.within {
            None => self.path.display().to_string(),
            Some(within) => format!("{}#{within}", self.path.display()),
        }
    }
}

/// Something on the way that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub path: PathBuf,
    /// What; lower case, no full stop.
    pub message: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The sources, by path.
    pub sources: Vec<Source>,
    /// What could not be looked into.
    pub problems: Vec<Problem>,
    /// Sessions in a form that is not read, with the reason: no failure, for they stay as they are from sync to sync.
    pub unsupported: Vec<Problem>,
    /// Links to nothing.
    pub dangling_links: u64,
    /// Links that lead out of the directory in which they were found; they are not followed.
    pub foreign_links: u64,
}

impl Discovery {
    /// Notes something that could not be read.
    pub fn problem(&mut self, path: &Path, message: impl Into<String>) {
        self.problems.push(Problem { path: path.to_path_buf(), message: message.into() });
    }

    /// Notes a session in a form that is not read.
    pub fn unsupported(&mut self, path: &Path, reason: impl Into<String>) {
        self.unsupported.push(Problem { path: path.to_path_buf(), message: reason.into() });
    }
}

/// The path that a person gave, once it is known to be there.
///
/// # Errors
/// `not_found` where there is no such path, `bad_input` where it is a device or a pipe, `io` where it cannot be looked at.
pub(crate) fn existing(path: &Path) -> Result<std::fs::Metadata> {
    let metadata = std::fs::metadata(path).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found(format!("there is no session file or directory {}", path.display()))
                .hint("Give an existing file or directory to `jay session sync --path`.")
        }
        _ => Error::io(format!("cannot look at {}", path.display()), &cause),
    })?;
    if metadata.is_file() || metadata.is_dir() {
        return Ok(metadata);
    }
    Err(Error::bad_input(format!("{} is neither a file nor a directory", path.display()))
        .hint("Give a file or directory of sessions to `jay session sync --path`."))
}

/// What `tree` finds under each of the roots; a source that is under two of them once.
pub(crate) fn under(roots: Vec<PathBuf>, mut tree: impl FnMut(&Path, &mut Discovery)) -> Discovery {
    let mut discovery = Discovery::default();
    for root in roots {
        tree(&root, &mut discovery);
    }
    distinct(&mut discovery);
    discovery
}

/// Walks the tree under `root` and gives every file to `visit`, by path. Hidden entries below the root are skipped, but
/// those that `also` names; links are followed where they stay under the root, and each file is given once however many
/// links lead to it. A link that leaves the root is counted and not followed: whoever may write into the tree must not
/// choose what else of this user's is archived. A root that is not there is empty.
pub(crate) fn walk(
    root: &Path,
    also: &[&str],
    discovery: &mut Discovery,
    mut visit: impl FnMut(&Path, &mut Discovery),
) {
    if !root.exists() {
        return;
    }
    let hidden = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() > 0 && name.starts_with('.') && !also.contains(&&*name)
    };
    let whole_root = root.canonicalize().ok();
    let foreign = std::cell::Cell::new(0);
    let stays = |entry: &walkdir::DirEntry| {
        if entry.depth() == 0 || !entry.path_is_symlink() {
            return true;
        }
        let target = entry.path().canonicalize().ok();
        let stays = target.zip(whole_root.as_ref()).is_some_and(|(target, root)| target.starts_with(root));
        if !stays && may_be_source(entry.path()) {
            foreign.set(foreign.get() + 1);
        }
        stays
    };
    let mut seen = BTreeSet::new();
    let entries = walkdir::WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| !hidden(entry) && stays(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                if seen.insert(entry.path().canonicalize().unwrap_or_else(|_| entry.path().to_path_buf())) {
                    visit(entry.path(), discovery);
                }
            }
            Ok(_) => {}
            // A link that leads back up: everything behind it is found without it.
            Err(error) if error.loop_ancestor().is_some() => {}
            // A link to nothing: there is nothing to read.
            Err(error) if error.path().is_some_and(|path| path.is_symlink() && !path.exists()) => {
                discovery.dangling_links += u64::from(error.path().is_some_and(may_be_source));
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_path_buf();
                let what = format!("cannot look into {}", path.display());
                let told = error.io_error().map(|cause| Error::io(&what, cause).message);
                discovery.problem(&path, told.unwrap_or(what));
            }
        }
    }
    discovery.foreign_links += foreign.get();
}

/// True for a name that a session file or a directory of them could have: of others nobody wants to hear.
fn may_be_source(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_none_or(|ending| ending == "jsonl" || ending == "ndjson")
}

/// Keeps the first of several paths to one file: one root may be a link to another.
pub(crate) fn distinct(discovery: &mut Discovery) {
    let mut seen = BTreeSet::new();
    discovery.sources.retain(|source| {
        let path = source.path.canonicalize().unwrap_or_else(|_| source.path.clone());
        seen.insert((path, source.within.clone()))
    });
}

/// True where a path leads to something below `root`, whatever links are in it; one that does not is counted.
pub(crate) fn stays(root: &Path, path: &Path, discovery: &mut Discovery) -> bool {
    let (target, root) = (path.canonicalize().ok(), root.canonicalize().ok());
    let stays = target.zip(root).is_some_and(|(target, root)| target.starts_with(root));
    discovery.foreign_links += u64::from(!stays);
    stays
}

/// The files of this name in a directory, in the directories in it and in those in them: databases lie near, and what
/// lies deeper can be a whole program with its libraries. A link that leaves the directory is counted and not followed. None
/// where the directory is not there.
pub(crate) fn near(root: &Path, name: &str, discovery: &mut Discovery) -> Vec<PathBuf> {
    if let Err(cause) = std::fs::read_dir(root)
        && cause.kind() != std::io::ErrorKind::NotFound
    {
        discovery.problem(root, Error::io(format!("cannot look into {}", root.display()), &cause).message);
    }
    let mut found = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    for inner in crate::files::directories(root) {
        directories.push(inner.clone());
        directories.extend(crate::files::directories(&inner));
    }
    for directory in directories {
        let path = directory.join(name);
        if path.is_file() && stays(root, &path, discovery) {
            found.push(path);
        }
    }
    found
}

/// The files of a directory itself, by name. A link that leaves the directory is counted and not followed, as in
/// [`walk`]. None where it is not there.
pub(crate) fn files(root: &Path, discovery: &mut Discovery) -> Vec<PathBuf> {
    if !root.exists() {
        return Vec::new();
    }
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(cause) => {
            discovery.problem(root, Error::io(format!("cannot look into {}", root.display()), &cause).message);
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.retain(|path| !path.is_symlink() || stays(root, path, discovery));
    files.sort();
    files
}

/// The stamp of a file, or a problem.
pub(crate) fn stamp(path: &Path, discovery: &mut Discovery) -> Option<FileStamp> {
    match std::fs::metadata(path) {
        Ok(metadata) => Some(FileStamp::of(&metadata)),
        Err(cause) => {
            discovery.problem(path, Error::io(format!("cannot look at {}", path.display()), &cause).message);
            None
        }
    }
}

/// The first 64 KiB of a file as text, of a compressed one unpacked; none where it cannot be read.
pub(crate) fn peek(path: &Path) -> Option<String> {
    beginning(path, PEEK_BYTES)
}

/// A file beside sources that says something of all of them, as text; none where it cannot be read or is longer than
/// 8 MiB.
pub(crate) fn document(path: &Path) -> Option<String> {
    beginning(path, DOCUMENT_BYTES + 1).filter(|text| text.len() as u64 <= DOCUMENT_BYTES)
}

fn beginning(path: &Path, bytes_max: u64) -> Option<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    if crate::input::is_compressed(path) {
        // The end may not be written yet: what stands before it was read.
        let _ = zstd::Decoder::new(file).ok()?.take(bytes_max).read_to_end(&mut bytes);
    } else {
        file.take(bytes_max).read_to_end(&mut bytes).ok()?;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The path that a `file:` address names; of a Windows drive without the slash before it.
pub(crate) fn file_uri(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.as_bytes();
    while let Some((byte, after)) = left.split_first() {
        let digits = after.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                left = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                left = after;
            }
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    let is_drive = path.as_bytes().get(2) == Some(&b':');
    Some(if is_drive { path.trim_start_matches('/').to_owned() } else { path })
}

/// What `find` finds in the first of a file's first rows that has it.
pub(crate) fn first_object<T>(path: &Path, find: impl Fn(&Fields<'_>) -> Option<T>) -> Option<T> {
    peek(path)?.lines().find_map(|line| find(&Fields::parse(line)?))
}

/// The fields of a small file of JSON.
pub(crate) fn sidecar<T>(path: &Path, read: impl FnOnce(&Fields<'_>) -> T) -> Option<T> {
    Fields::parse(&peek(path)?).map(|fields| read(&fields))
}

/// True for a file called `<anything>.jsonl`.
pub(crate) fn is_jsonl(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}

/// The directory called `name` above a file.
pub(crate) fn above<'a>(path: &'a Path, name: &str) -> Option<&'a Path> {
    path.ancestors().skip(1).find(|ancestor| ancestor.file_name().is_some_and(|found| found == name))
}

/// The name of what is `levels` above a file: at 1 the directory that holds it.
pub(crate) fn directory_name(path: &Path, levels: usize) -> Option<String> {
    Some(path.ancestors().nth(levels)?.file_name()?.to_string_lossy().into_owned())
}

/// The file's name without its last ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// True for 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_by_its_address() {
        for (uri, expected) in [
            ("file:///home/mira/my%20code", Some("/home/mira/my code")),
            ("file:///c%3A/Users/mira", Some("c:/Users/mira")),
            ("vscode-remote://ssh-remote%2Bbox/srv", None),
        ] {
            assert_eq!(file_uri(uri).as_deref(), expected);
        }
    }
}
