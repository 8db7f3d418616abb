//! Exports of a person's conversations, as claude.ai and ChatGPT give them: one JSON file of all, inside a zip archive or
//! beside other files. They lie where a person put them, so they are read by their path alone.
//!
//! **Invariant:** an export is one source that holds many sessions. It is written once; should it change it is read again
//! whole.

use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::splitter::{self, Shape, Splitter};
use crate::unzip;
use jay_types::Result;
use std::path::Path;

/// The file of an export that holds the conversations.
const FILE: &str = "conversations.json";

/// The exports at a path that a person gave: the file, or those of a directory.
pub(crate) fn discover_path(client: &str, path: &Path) -> Result<Discovery> {
    let mut discovery = Discovery::default();
    if discover::existing(path)?.is_file() {
        if unzip::is_zip(path) {
            archive(client, path, &mut discovery);
        } else {
            plain(client, path, &mut discovery);
        }
        return Ok(discovery);
    }
    discover::walk(path, &[], &mut discovery, |file, discovery| {
        if is_conversations(&file.file_name().unwrap_or_default().to_string_lossy()) {
            plain(client, file, discovery);
        } else if file.extension().is_some_and(|ending| ending == "zip") {
            archive(client, file, discovery);
        }
    });
    Ok(discovery)
}

/// True for the file, and for the parts in which a large export is given: `conversations-000.json`.
fn is_conversations(name: &str) -> bool {
    name == FILE || (name.starts_with("conversations-") && name.ends_with(".json"))
}

/// A file of conversations.
fn plain(client: &str, path: &Path, discovery: &mut Discovery) {
    let text = discover::peek(path).unwrap_or_default();
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('[') {
        let message = format!("{} is no list of conversations", path.display());
        return discovery.problem(path, message);
    }
    let source = source(client, path, discovery);
    discovery.sources.extend(source);
}

/// The conversations of a zip archive.
fn archive(client: &str, path: &Path, discovery: &mut Discovery) {
    let entries = match unzip::list(path) {
        Ok(entries) => entries,
        Err(error) => return discovery.problem(path, error.message),
    };
    for entry in entries {
        if is_conversations(entry.rsplit('/').next().unwrap_or_default())
            && let Some(source) = source(client, path, discovery)
        {
            discovery.sources.push(Source { within: Some(entry), ..source });
        }
    }
}

fn source(client: &str, path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(path, discovery)?;
    let session = discover::stem(path);
    Some(Source { client: client.to_owned(), path: path.to_path_buf(), session, stamp, ..Source::default() })
}

/// The pieces of an export.
pub(crate) fn documents(source: &Source, key: &'static str) -> Result<Box<dyn Documents>> {
    let shape = Shape { is_many: true, key: Some(key) };
    match &source.within {
        None => splitter::open(&source.path, shape),
        Some(name) => Ok(Box::new(Splitter::new(unzip::open(&source.path, name)?, shape, source.name()))),
    }
}
