//! The tree of small files that opencode kept before its database: `storage/session/<project>/<session>.json`,
//! `storage/message/<session>/<message>.json`, `storage/part/<message>/<part>.json`.
//!
//! **Invariant:** a file that is a JSON object stands in its document as it is; one that is not is a document of its
//! own.

use super::NAME;
use crate::discover::{self, Discovery, Problem, Source};
use crate::documents::{Document, Documents};
use crate::files;
use crate::json;
use jay_types::Result;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Every session of the tree under `root`.
pub(super) fn sources(root: &Path, discovery: &mut Discovery) -> Vec<Source> {
    let mut found = Vec::new();
    discover::walk(&root.join("storage").join("session"), &[], discovery, |path, discovery| {
        if path.extension().is_some_and(|ending| ending == "json") {
            found.extend(source(path, &mut discovery.problems));
        }
    });
    found
}

/// The session of a file; none, and a problem, for a file that is none.
pub(super) fn source(path: &Path, problems: &mut Vec<Problem>) -> Option<Source> {
    let session = discover::stem(path);
    let messages = storage(path)?.join("message").join(&session);
    let mut stamp = files::Tally::default();
    let mut count = |path: &Path| match stamp.count(path) {
        Ok(()) => {}
        Err(message) => problems.push(Problem { path: path.to_path_buf(), message }),
    };
    count(path);
    for message in files::list(&messages, "json") {
        count(&message);
        for part in files::list(&parts(path, &message)?, "json") {
            count(&part);
        }
    }
    let plain = Source { client: NAME.to_owned(), path: path.to_path_buf(), session, ..Source::default() };
    Some(Source { stamp: stamp.stamp(), ..plain })
}

/// The directory that holds sessions, messages and parts.
fn storage(session: &Path) -> Option<PathBuf> {
    Some(session.parent()?.parent()?.parent()?.to_path_buf())
}

fn parts(session: &Path, message: &Path) -> Option<PathBuf> {
    Some(storage(session)?.join("part").join(discover::stem(message)))
}

/// The documents of a session: itself, then message by message.
pub(super) fn documents(path: &Path, session: &str) -> Result<Box<dyn Documents>> {
    let messages = storage(path).map(|storage| files::list(&storage.join("message").join(session), "json"));
    let mut waiting: VecDeque<PathBuf> = messages.unwrap_or_default().into();
    waiting.push_front(path.to_path_buf());
    Ok(Box::new(Tree { session: path.to_path_buf(), waiting, apart: VecDeque::new() }))
}

struct Tree {
    session: PathBuf,
    waiting: VecDeque<PathBuf>,
    /// Files that are no JSON objects.
    apart: VecDeque<Document>,
}

impl Documents for Tree {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        if let Some(document) = self.apart.pop_front() {
            return Ok(Some(document));
        }
        let Some(path) = self.waiting.pop_front() else { return Ok(None) };
        let table = if path == self.session { "session" } else { "message" };
        let bytes = files::read(&path)?;
        if !json::is_object(&bytes) {
            return Ok(Some(alone(&path, bytes)));
        }
        let mut line = format!("{{\"table\":\"{table}\",\"row\":").into_bytes();
        line.extend_from_slice(bytes.trim_ascii());
        if let Some(parts) = parts(&self.session, &path).filter(|_| table == "message") {
            let mut separator: &[u8] = b"";
            line.extend_from_slice(b",\"part\":[");
            for part in files::list(&parts, "json") {
                let bytes = files::read(&part)?;
                if json::is_object(&bytes) {
                    line.extend_from_slice(separator);
                    line.extend_from_slice(bytes.trim_ascii());
                    separator = b",";
                } else {
                    self.apart.push_back(alone(&part, bytes));
                }
            }
            line.push(b']');
        }
        line.push(b'}');
        Ok(Some(Document { key: key(&path), bytes: line, is_fragment: false }))
    }
}

fn alone(path: &Path, bytes: Vec<u8>) -> Document {
    Document { key: key(path), bytes, is_fragment: false }
}

fn key(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}
