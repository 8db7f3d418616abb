//! One file: its text, or why it has none, and the pieces that it is to have here.

use super::cut::{Form, cut};
use super::name;
use super::secret;
use super::walk::Found;
use crate::remember::clean_text;
use crate::secrets::Policy;
use jay_types::Error;
use jay_types::bounds::MemoryText;
use jay_types::memory::Place;
use std::collections::BTreeSet;
use std::io::Read as _;

/// Bytes that a document may have.
pub(super) const FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Pieces that a document may have.
pub(super) const FILE_MAX_PIECES: usize = 10_000;

/// Why a file gives no pieces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is there and is no document: what was read of it before is gone.
    NoDocument(String),
    /// It could not be read: what was read of it before may still be so.
    Unread(String),
}

/// A piece as it is to be here.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// What its key begins with.
    pub(super) group: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) place: Place,
}

/// A piece that the namespace's policy refuses.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) line: u64,
    pub(super) reason: Error,
}

/// Where files of a call are, as it stands in every place of a piece.
#[derive(Clone, Debug)]
pub(super) struct Under {
    pub(super) root: String,
    pub(super) base: Option<String>,
}

/// The text of a file.
pub(super) fn text_of(found: &Found) -> Result<String, Fault> {
    let unread = |error: std::io::Error| Fault::Unread(format!("cannot be read: {error}"));
    // A pipe would be waited for until somebody writes.
    if !std::fs::metadata(&found.file).map_err(unread)?.is_file() {
        return Err(Fault::NoDocument("no regular file".to_owned()));
    }
    let file = std::fs::File::open(&found.file).map_err(unread)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    let no = |reason: &str| Fault::NoDocument(reason.to_owned());
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(Fault::NoDocument(format!("larger than {} MiB", FILE_MAX_BYTES / (1024 * 1024))));
    }
    let text = String::from_utf8(bytes).map_err(|_| no("not UTF-8 text"))?;
    if text.contains('\0') {
        return Err(no("not text: it holds NUL characters"));
    }
    if MemoryText::shows_nothing(&text) {
        return Err(no("empty"));
    }
    Ok(text)
}

/// The pieces of a text, without secrets as the policy says.
pub(super) fn wanted(
    text: &str,
    (path, form): (&str, Form),
    under: &Under,
    policy: Policy,
    rules: &mut BTreeSet<&'static str>,
) -> Result<(Vec<Wanted>, Vec<Refused>), Fault> {
    let (text, refusals) = secret::cleaned(text.to_owned(), policy, rules);
    let document = cut(&text, form);
    if document.pieces.len() > FILE_MAX_PIECES {
        return Err(Fault::NoDocument(format!("more than {FILE_MAX_PIECES} sections")));
    }
    let (mut wanted, mut refused) = (Vec::new(), Vec::new());
    for piece in document.pieces {
        let place = Place {
            root: under.root.clone(),
            base: under.base.clone(),
            path: path.to_owned(),
            line: piece.line,
            line_end: piece.line_end,
        };
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.is_in(piece.line, piece.line_end)) {
            let reason = crate::secrets::refusal(std::slice::from_ref(&refusal.finding));
            refused.push(Refused { line: piece.line, reason });
            continue;
        }
        let title = name::title(path, document.title.as_deref(), &piece.headings);
        let mut clean = |text: &str| clean_text(text, policy, rules);
        let cleaned =
            clean(&piece.text).and_then(|text| Ok((text, clean(&title)?, clean(&name::group(path, &piece))?)));
        match cleaned {
            Ok((text, title, group)) => wanted.push(Wanted { group, title, text, place }),
            Err(reason) => refused.push(Refused { line: piece.line, reason }),
        }
    }
    Ok((wanted, refused))
}
