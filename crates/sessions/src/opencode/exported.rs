//! A session as opencode exports and imports it: `{"info": session, "messages": [{"info": message, "parts": […]}]}`.
//!
//! **Invariant:** what the file holds of session, messages and parts stands in documents as it is.

use super::NAME;
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::files;
use jay_types::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::path::Path;

#[derive(Deserialize)]
struct Exported<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
    #[serde(borrow)]
    messages: Vec<Said<'a>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
    #[serde(borrow)]
    parts: Vec<&'a RawValue>,
}

/// The id of a session, where its export says it.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The session of an exported file; none where it is none.
pub(super) fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let bytes = files::read(path).ok()?;
    let exported: Exported<'_> = serde_json::from_slice(&bytes).ok()?;
    let named: Named = serde_json::from_str(exported.info.get()).ok()?;
    let stamp = discover::stamp(path, discovery)?;
    Some(Source { client: NAME.to_owned(), path: path.to_path_buf(), session: named.id, stamp, ..Source::default() })
}

/// Whether a file is an export, by its place: sessions of the tree lie in `storage/session/<project>`.
pub(super) fn is_exported(path: &Path) -> bool {
    let is_above = |levels, name| discover::directory_name(path, levels).is_some_and(|found| found == name);
    path.extension().is_some_and(|ending| ending == "json") && !(is_above(2, "session") && is_above(3, "storage"))
}

/// Every export of a directory that a person named.
pub(super) fn sources(root: &Path, discovery: &mut Discovery) {
    let mut found = Vec::new();
    discover::walk(root, &["storage"], discovery, |path, discovery| {
        if is_exported(path) {
            found.extend(source(path, discovery));
        }
    });
    discovery.sources.extend(found);
}

/// The documents of an export: the session, then message by message.
pub(super) fn documents(path: &Path) -> Result<Box<dyn Documents>> {
    let bytes = files::read(path)?;
    let exported: Exported<'_> = serde_json::from_slice(&bytes)
        .map_err(|error| Error::bad_input(format!("{} is no export of opencode: {error}", path.display())))?;
    let session = format!("{{\"table\":\"session\",\"row\":{}}}", exported.info.get());
    let mut waiting = VecDeque::from([session]);
    for said in &exported.messages {
        let parts: Vec<&str> = said.parts.iter().map(|part| part.get()).collect();
        let (info, parts) = (said.info.get(), parts.join(","));
        waiting.push_back(format!("{{\"table\":\"message\",\"row\":{info},\"part\":[{parts}]}}"));
    }
    Ok(Box::new(Waiting { documents: waiting, count: 0 }))
}

struct Waiting {
    documents: VecDeque<String>,
    count: u64,
}

impl Documents for Waiting {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        let Some(document) = self.documents.pop_front() else { return Ok(None) };
        self.count += 1;
        let key = self.count.to_le_bytes().to_vec();
        Ok(Some(Document { key, bytes: document.into_bytes(), is_fragment: false }))
    }
}
