//! Commits of git repositories, as messages of one session per repository.
//!
//! A row is one commit: the commit object byte for byte as git keeps it, and the files that it touched. The rows are made by
//! [`Repository`], which asks the git that is installed; what they mean is read here, so that archived rows and rows in a file
//! are read alike.
//!
//! **Invariant:** a message's id is the commit's hash and a session's the hash of the commit with which the repository began, so
//! that every clone gives the same. Addresses of e-mail stand in the row and in no message.

mod object;
mod program;
mod repository;

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::key::content_hash;
use crate::sink::Sink;
use jay_types::session::{Message, Part, Provenance, Role};
use jay_types::{Error, Result};
use object::CommitObject;
pub use repository::{FILES_MAX, HistoryRange, LineCommit, OBJECT_MAX_BYTES, ReadCommits, Repository};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const NAME: &str = "git";
/// The name of the call that holds the files which a commit touched. No client's tool has a space in its name.
pub const COMMIT: &str = "git commit";

/// The adapter of commits.
#[derive(Clone, Copy, Debug)]
pub struct Git;

/// One commit as it is archived.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CommitRow {
    /// The hash of the commit with which the repository began.
    pub(crate) repository: String,
    /// The commit's own hash.
    pub(crate) commit: String,
    /// The commit object as git keeps it.
    pub(crate) object: Bytes,
    /// What was done to which file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<TouchedFile>,
    /// Files beyond [`FILES_MAX`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) files_left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file of a commit: git's letter (A, M, D, R100 …, one for each parent of a merge), its path, and where it stood before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TouchedFile(
    pub(crate) String,
    pub(crate) Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")] pub(crate) Option<Bytes>,
);

/// Bytes that are mostly text: a string, or `{"hex": …}` where they are not UTF-8.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Bytes {
    Text(String),
    Hex { hex: String },
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Bytes {
    fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Hex { hex: jay_types::id::to_hex(error.as_bytes()) },
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex { hex } => hex
                .as_bytes()
                .chunks(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect(),
        }
    }

    /// As text; what is not UTF-8 is replaced, the bytes stand in the row.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Hex { .. } => String::from_utf8_lossy(&self.bytes()).into_owned(),
        }
    }
}

impl SessionAdapter for Git {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    /// None: repositories lie where a person says.
    fn roots(&self, _: &Environment) -> Vec<PathBuf> {
        Vec::new()
    }

    fn discover(&self, _: &Environment) -> Discovery {
        Discovery::default()
    }

    /// Rows that were exported. A repository is no file of rows: it is taken in by another way, which asks git.
    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
            return Ok(discovery);
        }
        if path.join(".git").exists() || (path.join("HEAD").exists() && path.join("objects").exists()) {
            return Err(Error::bad_input(format!("{} is a repository, not a file of commits", path.display()))
                .hint("`jay git ingest DIRECTORY` takes in its commits."));
        }
        discover::walk(path, &[], &mut discovery, |file, discovery| {
            if discover::is_jsonl(file) {
                let source = source(file, discovery);
                discovery.sources.extend(source);
            }
        });
        Ok(discovery)
    }

    fn parser(&self, source: &Source, _: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(Parser { file: source.session.clone() })
    }
}

fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(path, discovery)?;
    let (client, session) = (NAME.to_owned(), discover::stem(path));
    Some(Source { client, path: path.to_path_buf(), session, stamp, ..Source::default() })
}

struct Parser {
    /// The source's name, for rows that tell no repository.
    file: String,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let hash = content_hash(&[row]);
        let read: Option<CommitRow> = serde_json::from_slice(row).ok();
        let read = read.filter(|row| is_hash(&row.commit) && !row.repository.trim().is_empty());
        let parsed = read.as_ref().and_then(|row| CommitObject::parse(&row.object.bytes()));
        match (read, parsed) {
            (Some(row), Some(object)) => {
                let meta = sink.session(&row.repository);
                if let Some(at) = object.author.at {
                    meta.saw(at);
                }
                let session = row.repository.clone();
                sink.message(&session, hash, message(row, object));
            }
            (row, _) => {
                sink.unknown(if row.is_some() { "(no commit object)" } else { "(no commit)" });
                let session = row.map_or_else(|| self.file.clone(), |row| row.repository);
                sink.carrier(&session, None, None, hash);
            }
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// 40 or 64 digits of hex.
pub(crate) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The author says the message; what was done to files is a call, so that it is shown, searched and counted as calls are.
fn message(row: CommitRow, object: CommitObject) -> Message {
    let mut parts = Vec::new();
    let text = object.message.trim();
    if !text.is_empty() {
        parts.push(Part::Text { text: text.to_owned(), provenance: Provenance::Conversational });
    }
    if !row.files.is_empty() || row.files_left_out > 0 {
        let files: Vec<Value> = row.files.iter().map(file).collect();
        let input = match row.files_left_out {
            0 => json!({ "files": files }),
            left_out => json!({ "files": files, "left_out": left_out }),
        };
        parts.push(Part::ToolCall { id: row.commit.clone(), name: COMMIT.to_owned(), input });
    }
    let author = Some(object.author.name).filter(|name| !name.is_empty());
    Message { id: row.commit, role: Some(Role::User), author, at: object.author.at, model: None, parts, row: 0 }
}

fn file(TouchedFile(status, path, from): &TouchedFile) -> Value {
    match from {
        Some(from) => json!({"status": status, "path": path.text(), "from": from.text()}),
        None => json!({"status": status, "path": path.text()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_all;

    fn row(object: Bytes, files: Vec<TouchedFile>) -> Vec<u8> {
        let (repository, commit) = ("1".repeat(40), "2".repeat(40));
        serde_json::to_vec(&CommitRow { repository, commit, object, files, files_left_out: 3 }).unwrap()
    }

    #[test]
    fn a_commit_is_a_message_of_its_author_without_an_address() {
        let object = b"tree 0\nauthor Mira <mira@example.org> 1770000000 +0100\ncommitter Ines <i@example.org> 1770000500 +0100\n\nLamp: turn\n\nAll round.\n";
        let files = vec![
            TouchedFile("M".to_owned(), Bytes::new(b"src/lamp.rs".to_vec()), None),
            TouchedFile("R090".to_owned(), Bytes::new(b"b\xff.rs".to_vec()), Some(Bytes::new(b"a.rs".to_vec()))),
        ];
        let row = row(Bytes::new(object.to_vec()), files);
        let read = read_all(&Git, &row);
        let message = &read.messages[0].message;
        assert_eq!((message.author.as_deref(), message.role), (Some("Mira"), Some(Role::User)));
        assert_eq!(message.at.unwrap().rfc3339(), "2026-02-02T02:40:00Z");
        let wanted = json!([
            {"type": "text", "text": "Lamp: turn\n\nAll round."},
            {"type": "tool_call", "id": "2".repeat(40), "name": "git commit", "input": {"left_out": 3, "files": [
                {"status": "M", "path": "src/lamp.rs"},
                {"status": "R090", "path": "b\u{fffd}.rs", "from": "a.rs"},
            ]}},
        ]);
        assert_eq!(serde_json::to_value(&message.parts).unwrap(), wanted);
        let json = serde_json::to_string(&message).unwrap();
        assert!(!json.contains("example.org"));
    }

    #[test]
    fn what_is_no_commit_is_kept_and_counted() {
        let noise = [b"{}".to_vec(), b"nothing".to_vec(), row(Bytes::new(b"tree 0\n".to_vec()), vec![])];
        let read = read_all(&Git, &noise.join(&b'\n'));
        assert_eq!(read.report.carriers, 3);
        assert_eq!(
            read.report.unknown.into_iter().collect::<Vec<_>>(),
            [("(no commit object)".to_owned(), 1), ("(no commit)".to_owned(), 2),]
        );
    }
}
