//! What a writer made: files, not yet written, and what is to be told of them.

use super::{Lineage, SessionWriter};
use jay_types::session::SessionMeta;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// A file that is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftFile {
    /// Where; below the client's directory while a writer is at work.
    pub path: PathBuf,
    /// What it is to hold.
    pub bytes: Vec<u8>,
    /// True for what sessions share: it is left as it is where it is there already.
    pub is_shared: bool,
}

/// What a writer made of a lineage. The first file is that of the session itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The files.
    pub files: Vec<DraftFile>,
    /// The id under which the client knows the session.
    pub session: String,
    /// The ids of its sessions, in their order: what they were, and what they are called now.
    pub ids: Vec<(String, String)>,
    /// True where the rows are the client's own, as it wrote them.
    pub is_native: bool,
    /// The project directory in which the client goes on.
    pub project: String,
    /// The command that opens it.
    pub command: String,
    /// What the client cannot hold: kind → count.
    pub left_out: BTreeMap<String, u64>,
    /// What a person must know.
    pub notes: Vec<String>,
}

impl Draft {
    /// Counts something that the client cannot hold.
    pub(super) fn leave_out(&mut self, kind: &str) {
        *self.left_out.entry(kind.to_owned()).or_default() += 1;
    }

    /// Adds a session's file, and what the client keeps beside it.
    pub(super) fn put(&mut self, writer: &dyn SessionWriter, meta: &SessionMeta, path: PathBuf, bytes: Vec<u8>) {
        let beside = writer.beside(meta, &path);
        self.files.push(DraftFile { path, bytes, is_shared: false });
        for file in beside {
            if !self.files.iter().any(|known| known.path == file.path) {
                self.files.push(file);
            }
        }
    }

    /// Puts a row behind those of the session itself.
    pub(super) fn renew(&mut self, row: &serde_json::Value) {
        let Some(file) = self.files.first_mut() else { return };
        if !file.bytes.ends_with(b"\n") {
            file.bytes.push(b'\n');
        }
        file.bytes.extend_from_slice(row.to_string().as_bytes());
        file.bytes.push(b'\n');
        self.notes
            .push("a row behind the client's own says that it goes on now, or the client would remove it".to_owned());
    }

    /// Takes over the rows of every session as they are; false where one of them cannot be placed again.
    pub(super) fn replay(&mut self, writer: &dyn SessionWriter, lineage: &Lineage) -> bool {
        for whole in lineage.all() {
            if whole.originals.is_empty() {
                return false;
            }
            for original in &whole.originals {
                let steps: Vec<&str> = original.path.split(['/', '\\']).collect();
                let Some(path) = writer.place_again(whole, &steps).filter(|path| is_plain(path)) else { return false };
                // Behind a document the archive puts the line ending that the file does not have.
                let piece = |row: &Vec<u8>| row.strip_suffix(b"\n").unwrap_or(row).to_vec();
                let bytes = match writer.is_documents() {
                    true => original.rows.iter().map(piece).collect::<Vec<_>>().concat(),
                    false => original.rows.concat(),
                };
                match self.files.iter_mut().find(|file| file.path == path) {
                    // Two machines may hold the same file: the one that holds more goes on. Sessions of one file share it.
                    Some(file) if file.bytes.starts_with(&bytes) => {}
                    Some(file) if bytes.starts_with(&file.bytes) => file.bytes = bytes,
                    Some(_) => return false,
                    None => self.put(writer, &whole.meta, path, bytes),
                }
            }
            self.ids.push((whole.meta.id.clone(), whole.meta.id.clone()));
        }
        self.session.clone_from(&lineage.root.meta.id);
        self.is_native = true;
        true
    }
}

/// A path that leads down and nowhere else.
fn is_plain(path: &Path) -> bool {
    let mut steps = path.components().peekable();
    steps.peek().is_some() && steps.all(|step| matches!(step, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_is_not_plain() {
        for (path, plain) in [("a/b.jsonl", true), ("", false), ("../a", false), ("/a", false), ("a/../../b", false)] {
            assert_eq!(is_plain(Path::new(path)), plain, "{path}");
        }
    }
}
