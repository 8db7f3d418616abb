//! The text index as the store keeps it: which documents are in it, and which of them are in no segment yet.
//!
//! A write puts its documents beside its rows, in the same transaction (`documents`, `fresh`), so that they are found
//! at once. When enough have come together, whoever wrote (after its acknowledgement) moves them into a segment: the
//! files first, then one transaction that takes the rows off and names the new manifest. A purged document is noted in
//! `dropped` until its segment was written anew.
//!
//! All of it is a projection of the changes that write text. Segments that are missing or damaged are as good as none:
//! a reader makes the terms of all documents again for itself, the next writer puts them into new segments.
//!
//! `ask.rs` has the questions, `tend.rs` what comes after writes.
//!
//! **Invariant:** files change under the index lock only. They are never needed to write, and never trusted over rows.

mod ask;
mod tend;

pub(crate) use ask::Sources;
pub use ask::TextQuery;

use crate::project::document::{self, PLACE_BITS, TextDocument};
use crate::text::{Fault, Fresh, Index};
use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::change::block::Block;
use jay_types::change::{Body, Journal};
use jay_types::{Code, Error, Timestamp};
use rusqlite::params;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Fresh documents from which they are moved into a segment: a reader looks at each of them.
const FRESH_MAX: i64 = 128;
/// Documents written by this process before it counts the fresh ones again.
const LOOK_EVERY: usize = 64;
/// Documents that are moved at a time; bounds memory after a rebuild.
const PAGE: i64 = 50_000;
/// Name of the number of the manifest in `meta`; none while there are no segments.
const MANIFEST: &str = "text_index";

/// The files of a store's text index, and the state of it that this process has open.
#[derive(Debug)]
pub(crate) struct TextFiles {
    directory: PathBuf,
    open: Mutex<Option<(i64, Arc<Index>)>>,
    /// Documents written since the fresh ones were counted.
    written: AtomicUsize,
    /// True where a segment failed: the next writer makes them again.
    is_suspect: AtomicBool,
}

impl TextFiles {
    pub(crate) fn new(data: &Path, journal: Journal) -> Self {
        let name = match journal {
            Journal::Memory => "memory",
            Journal::Archive => "archive",
        };
        // The first write of a process looks: those before it may have left many.
        let written = AtomicUsize::new(LOOK_EVERY);
        Self {
            directory: data.join("index").join(name),
            open: Mutex::new(None),
            written,
            is_suspect: AtomicBool::new(false),
        }
    }

    /// The index of a manifest; an open one is shared.
    fn index(&self, number: Option<i64>) -> Result<Arc<Index>, Fault> {
        let Some(number) = number else { return Ok(Arc::default()) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = open.as_ref().filter(|(known, _)| *known == number) {
            if !index.is_whole() {
                *open = None;
                return Err(Fault::Damaged("a segment was cut"));
            }
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(Index::open(&self.directory, number)?);
        *open = Some((number, Arc::clone(&index)));
        Ok(index)
    }

    fn suspect(&self) {
        self.is_suspect.store(true, Ordering::Relaxed);
        self.written.store(LOOK_EVERY, Ordering::Relaxed);
    }

    /// True where nothing is known to be wrong with the index of a manifest.
    fn is_whole(&self, number: Option<i64>) -> bool {
        !self.is_suspect.load(Ordering::Relaxed) && self.index(number).is_ok()
    }

    /// Lets go of the open files.
    fn close(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Bytes of all files, also of those that wait to be removed.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(what, error) => Error::io(what, &error).into(),
            fault => Error::new(Code::Damaged, fault.to_string())
                .hint("`jay doctor --fix` makes the text index again from the journal.")
                .into(),
        }
    }
}

impl Tx<'_> {
    pub(crate) fn is_indexed(&self, doc: i64) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM documents WHERE doc = ?1", [doc], |_| Ok(()))?.is_some())
    }

    /// Puts a document into the index.
    pub(crate) fn index(&self, doc: i64, namespace: i64, text: &TextDocument) -> Result<()> {
        self.execute("INSERT INTO documents(doc, namespace) VALUES(?1, ?2)", [doc, namespace])?;
        self.insert_fresh(doc, namespace, text)?;
        self.text.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn insert_fresh(&self, doc: i64, namespace: i64, text: &TextDocument) -> Result<()> {
        *self.sources.borrow_mut() = None;
        self.execute(
            "INSERT INTO fresh(doc, namespace, terms) VALUES(?1, ?2, ?3)",
            params![doc, namespace, self.terms(text)],
        )?;
        Ok(())
    }

    /// Takes a document out of the index. Its terms stay in the files until they are scrubbed: a writer of segments may
    /// have read it a moment ago, so that it is noted also where it is in none.
    pub(crate) fn unindex(&self, doc: i64) -> Result<()> {
        *self.sources.borrow_mut() = None;
        self.execute("DELETE FROM documents WHERE doc = ?1", [doc])?;
        self.execute("DELETE FROM fresh WHERE doc = ?1", [doc])?;
        self.execute("INSERT OR IGNORE INTO dropped(doc) VALUES(?1)", [doc])?;
        Ok(())
    }

    /// Empties the index, as a rebuild does first.
    pub(crate) fn drop_index(&self) -> Result<()> {
        *self.sources.borrow_mut() = None;
        for table in ["documents", "fresh", "dropped"] {
            self.execute(&format!("DELETE FROM {table}"), [])?;
        }
        self.execute("DELETE FROM meta WHERE name = ?1", [MANIFEST])?;
        Ok(())
    }

    fn all_as_fresh(&self) -> Result<Vec<Fresh>> {
        let mut fresh = Vec::new();
        self.each_document("SELECT doc, namespace FROM documents ORDER BY doc", |doc, namespace, text| {
            fresh.push(Fresh { doc, namespace: namespace as u32, terms: self.terms(text) });
            Ok(())
        })?;
        Ok(fresh)
    }

    /// Calls `visit` with the text of every document that the query names, from the journal.
    fn each_document(&self, sql: &str, mut visit: impl FnMut(i64, i64, &TextDocument) -> Result<()>) -> Result<()> {
        let rows: Vec<(i64, i64)> = self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut block: Option<(i64, Block)> = None;
        for (doc, namespace) in rows {
            let text = match self.journal {
                Journal::Memory => self.memory_document(doc)?,
                Journal::Archive => {
                    let pos = doc >> PLACE_BITS;
                    if block.as_ref().is_none_or(|(of, _)| *of != pos) {
                        let json = self.body_json(pos)?;
                        block = json.and_then(|json| Block::from_json(&json).ok()).map(|block| (pos, block));
                    }
                    let place = (doc & ((1 << PLACE_BITS) - 1)) as usize;
                    block.as_ref().and_then(|(_, block)| document::of_message(block, place))
                }
            };
            if let Some(text) = text {
                visit(doc, namespace, &text)?;
            }
        }
        Ok(())
    }

    fn memory_document(&self, pos: i64) -> Result<Option<TextDocument>> {
        let Some(json) = self.body_json(pos)? else { return Ok(None) };
        let at = self.number("SELECT at FROM changes WHERE pos = ?1", [pos])?;
        Ok(Body::from_json(&json).ok().and_then(|body| document::of_memory(&body, Timestamp(at))))
    }

    /// What is wrong with the files of the text index, every byte read; empty where nothing is.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn text_index_faults(&self) -> Result<Vec<String>> {
        let index = match self.text.index(self.meta_number(MANIFEST)?) {
            Ok(index) => index,
            Err(fault) => return Ok(vec![fault.to_string()]),
        };
        let mut faults: Vec<String> = index.verify().err().iter().map(ToString::to_string).collect();
        let dropped = self.dropped()?.into_iter().filter(|doc| index.holds(*doc)).count() as u64;
        let fresh = self.number("SELECT count(*) FROM fresh", [])? as u64;
        let documents = self.number("SELECT count(*) FROM documents", [])? as u64;
        if index.documents() + fresh != documents + dropped {
            faults.push(format!("the text index holds {} documents, not {documents}", index.documents() + fresh));
        }
        Ok(faults)
    }

    fn dropped(&self) -> Result<BTreeSet<i64>> {
        Ok(self.all("SELECT doc FROM dropped", [], |row| row.get(0))?.into_iter().collect())
    }

    /// Forgets all segments: every document is fresh again.
    fn forget_segments(&self) -> Result<()> {
        self.execute("DELETE FROM meta WHERE name = ?1", [MANIFEST])?;
        self.execute("DELETE FROM dropped", [])?;
        let missing = "SELECT doc, namespace FROM documents WHERE doc NOT IN (SELECT doc FROM fresh) ORDER BY doc";
        self.each_document(missing, |doc, namespace, text| self.insert_fresh(doc, namespace, text))
    }
}
