//! Names and keys by which the same message is known again in another file.

use jay_types::Hash;
use jay_types::session::{Part, Role};

/// BLAKE3 over `fields`, each after its length as u64 little-endian, so that no two lists of fields run together.
#[must_use]
pub fn content_hash(fields: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The hash of what a message says, whoever keeps it and however: for clients that write a message anew.
#[must_use]
pub(crate) fn said_hash(role: Option<Role>, parts: &[Part]) -> Hash {
    content_hash(&[&serde_json::to_vec(&(role, parts)).unwrap_or_default()])
}

/// The key of one message of one session: equal where session, the client's id and the content are equal. A resumed
/// or forked file repeats rows under another session: across sessions compare id and content hash alone.
#[must_use]
pub fn message_key(session: &str, id: &str, content: &Hash) -> Hash {
    content_hash(&[session.as_bytes(), id.as_bytes(), &content.0])
}

/// The id of a message whose client gives it none: session and line, the file's first line being 1.
#[must_use]
pub fn line_id(session: &str, line: u64) -> String {
    format!("{session}:{line:06}")
}
