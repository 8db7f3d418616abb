//! Comparing the archive with its sources: whether every row that was read still stands there, byte for byte.
//!
//! A sync goes by what it remembers of a source: sizes, times, hashes of its ends. This reads the sources from their
//! beginning and trusts none of that, so that a row that changed in the middle of a file, or was lost here, is noticed.
//!
//! **Invariant:** what is missing is told before it is mended, and a source is compared only as far as it was read: what
//! its client has written since is new, not missing.

use super::super::ingest::cut;
use super::super::report::{SourceReport, Verified, number, report};
use super::{Found, Run, Waiting, options};
use jay_sessions::{Block as ReadBlock, Cursor, SessionAdapter, Source, Verdict};
use jay_store::BlockPlace;
use jay_types::Result;
use jay_types::change::block::{Block, BlockSource};
use std::collections::{BTreeMap, HashSet};

/// Bytes of a row's hash that are compared: two rows of one hash would be taken for one.
const HASH_BYTES: usize = 16;
type RowHash = [u8; HASH_BYTES];

impl Run<'_> {
    /// Compares every source with the archive; takes in anew those of which rows are missing.
    pub(super) fn verify(
        &mut self,
        found: Found,
        dry_run: bool,
        progress: &mut dyn FnMut(u64, u64, &str),
    ) -> Result<()> {
        let places = self.call.engine.archive.read(|tx| tx.blocks_by_path())?;
        let all: u64 = found.iter().map(|(_, source)| source.stamp.size_bytes).sum();
        let (mut done, mut verified) = (0, Verified::default());
        let mut incomplete = 0;
        for (adapter, source) in found {
            progress(done, all, &format!("comparing {}", source.name()));
            done += source.stamp.size_bytes;
            let Some((revision, cursor)) = self.known(&source)? else { continue };
            let in_archive = places.get(&source.name()).map_or(&[][..], Vec::as_slice);
            let compared = self.compare(adapter, &source, &cursor, in_archive);
            match compared {
                Err(error) if !self.has_failed(&source) => self.failed(&source, &error),
                Err(_) => {}
                Ok(compared) => {
                    verified.sources += 1;
                    verified.rows += compared.rows;
                    if compared.missing > 0 && is_changing(adapter, &source, &cursor) {
                        verified.changing += 1;
                    } else if compared.missing > 0 {
                        verified.rows_missing += compared.missing;
                        incomplete += 1;
                        let waiting = Waiting { adapter, source, known: Some((revision, cursor)), is_anew: true };
                        self.mend(&waiting, compared.missing, dry_run);
                    }
                }
            }
        }
        self.flush()?;
        if all > 0 {
            progress(all, all, "");
        }
        self.notes.extend(said(&verified, incomplete, dry_run));
        self.verified = Some(verified);
        Ok(())
    }

    fn has_failed(&self, source: &Source) -> bool {
        let told = report(source, "failed");
        self.reports.iter().any(|report| report.error.is_some() && is_same(report, &told))
    }

    /// Tells of a source of which rows are missing, and reads it in again. It is told of once, also where the same run has
    /// read what was new in it.
    fn mend(&mut self, waiting: &Waiting, missing: u64, dry_run: bool) {
        let of_run = self.reports.len();
        if let Err(error) = if dry_run { self.plan(waiting) } else { self.take(waiting) } {
            self.failed(&waiting.source, &error);
        }
        let again = self.reports.drain(of_run..).next();
        let mut told = again.unwrap_or_else(|| report(&waiting.source, "incomplete"));
        told.rows_missing = missing;
        if told.error.is_none() {
            told.state = "incomplete".to_owned();
        }
        match self.reports.iter_mut().find(|report| is_same(report, &told)) {
            Some(report) => {
                told.messages += report.messages;
                told.bytes += report.bytes;
                *report = told;
            }
            None => {
                self.fresh = self.fresh.saturating_sub(1);
                self.reports.push(told);
            }
        }
    }

    fn compare(
        &self,
        adapter: &dyn SessionAdapter,
        source: &Source,
        cursor: &Cursor,
        places: &[BlockPlace],
    ) -> Result<Compared> {
        let archived = self.archived(source, places)?;
        let mut compared = Compared::default();
        let block_source = BlockSource {
            client: source.client.clone(),
            path: source.name(),
            revision: 0,
            host: String::new(),
            user: String::new(),
            session: None,
        };
        let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
        let reader = adapter.read(source, None, options())?;
        let mut before = None;
        for read in reader {
            let Some(read) = as_far_as(read?, cursor) else { break };
            for block in cut(read, &block_source, &mut before, &source.session) {
                if self.is_left_out(&block.session)? {
                    continue;
                }
                let rows = rows.entry(block.session.id.clone()).or_default();
                rows.take(&block, &mut |row| compared.note(&archived, row));
            }
        }
        for rows in rows.values_mut() {
            rows.end(&mut |row| compared.note(&archived, row));
        }
        Ok(compared)
    }

    /// The rows that the archive holds of a source, of all its revisions.
    fn archived(&self, source: &Source, places: &[BlockPlace]) -> Result<HashSet<RowHash>> {
        let mut found = HashSet::new();
        let mut keep = |row: RowHash| {
            found.insert(row);
        };
        let one_run =
            |a: &BlockPlace, b: &BlockPlace| (a.session, &a.host, a.revision) == (b.session, &b.host, b.revision);
        for run in places.chunk_by(one_run) {
            let mut rows = Rows::default();
            for place in run {
                let block = self.call.engine.archive.read(|tx| tx.block(place.pos))?;
                if let Some(block) = block.filter(|block| block.source.client == source.client) {
                    rows.take(&block, &mut keep);
                }
            }
            rows.end(&mut keep);
        }
        Ok(found)
    }
}

/// Whether both tell of the same source.
fn is_same(one: &SourceReport, other: &SourceReport) -> bool {
    (&one.client, &one.path, &one.session) == (&other.client, &other.path, &other.session)
}

/// What a source came to beside the archive.
#[derive(Debug, Default)]
struct Compared {
    rows: u64,
    missing: u64,
}

impl Compared {
    fn note(&mut self, archived: &HashSet<RowHash>, row: RowHash) {
        self.rows += 1;
        self.missing += u64::from(!archived.contains(&row));
    }
}

/// The lines of one session's rows: of a long line, or one whose ending came later, there are several rows.
#[derive(Debug, Default)]
struct Rows {
    line: blake3::Hasher,
    /// Whether something stands in the line already that is no white space.
    says_something: bool,
}

impl Rows {
    /// Gives every line that ends in the block's rows.
    fn take(&mut self, block: &Block, found: &mut dyn FnMut(RowHash)) {
        for bytes in block.rows.iter().filter_map(jay_types::change::block::Row::bytes) {
            let mut pieces = bytes.split(|byte| *byte == b'\n');
            self.add(pieces.next().unwrap_or_default());
            for piece in pieces {
                self.end(found);
                self.add(piece);
            }
        }
    }

    fn add(&mut self, piece: &[u8]) {
        self.line.update(piece);
        self.says_something |= !piece.trim_ascii().is_empty();
    }

    /// Gives the line that stands open, if it says something.
    fn end(&mut self, found: &mut dyn FnMut(RowHash)) {
        if std::mem::take(&mut self.says_something) {
            let mut hash = [0; HASH_BYTES];
            hash.copy_from_slice(self.line.finalize().as_bytes().split_at(HASH_BYTES).0);
            found(hash);
        }
        self.line.reset();
    }
}

/// A block without what its client has written since the source was read; none where all of it is that. Of documents the
/// offset tells nothing.
fn as_far_as(mut read: ReadBlock, cursor: &Cursor) -> Option<ReadBlock> {
    if cursor.taken.is_some() {
        return Some(read);
    }
    let mut left = usize::try_from(cursor.offset_bytes.checked_sub(read.start)?).unwrap_or(usize::MAX);
    if left == 0 {
        return None;
    }
    for row in &mut read.rows {
        row.0.truncate(left);
        left -= row.0.len();
    }
    Some(read)
}

/// Whether the client has changed what had been read of a source, so that a sync would find it.
fn is_changing(adapter: &dyn SessionAdapter, source: &Source, cursor: &Cursor) -> bool {
    let verdict = adapter.read(source, Some(cursor), options()).map(|reader| reader.verdict());
    !matches!(verdict, Ok(Verdict::Fresh | Verdict::Grown { .. }))
}

fn said(verified: &Verified, incomplete: u64, dry_run: bool) -> Vec<String> {
    let mut told = Vec::new();
    if verified.rows_missing > 0 {
        let rows = number(verified.rows_missing, "row was", "rows were");
        let sources = number(incomplete, "source", "sources");
        let then = if dry_run { "`jay session sync --verify` reads them in" } else { "they were read in anew" };
        told.push(format!("{rows} missing of {sources}: {then}"));
    }
    if verified.changing > 0 {
        let sources = number(verified.changing, "source was", "sources were");
        told.push(format!("{sources} changed by a client since it was read; the next sync takes that in"));
    }
    told
}
