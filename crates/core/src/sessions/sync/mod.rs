//! Taking sessions in: find the sources, read what is new, journal it in blocks.
//!
//! **Invariant:** a source's cursor is stored in the transaction that stores what was read up to it; a source that fails
//! is reported and stops no other.

mod answer;
mod forms;
mod found;
mod place;
mod reread;
mod some;
pub(crate) mod turn;
mod verify;

use super::ingest::split;
use super::report::{Reread, SourceReport, Synced, Verified, report, state_name};
use crate::call::Call;
use crate::engine::DirectoryName;
use crate::filter;
use crate::secrets::masked_name;
use jay_sessions::{Block as ReadBlock, Cursor, OpenRow, ReadOptions, SessionAdapter, Source, Verdict};
use jay_store::{Draft, Foreseen};
use jay_types::bounds::Word;
use jay_types::change::block::BlockSource;
use jay_types::{EntityId, Error, NamespaceId, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub(crate) use some::{Problems, sync_some};

/// Source bytes of a block.
const BLOCK_BYTES: usize = 256 * 1024;
/// Source bytes of one row beyond which it is kept in pieces: an act must hold the row and what was read from it.
pub(super) const ROW_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Source bytes that are read before they are journalled together.
const FLUSH_BYTES: u64 = 4 * 1024 * 1024;
/// Sources whose acts share one commit at most.
const FLUSH_SOURCES: usize = 64;

/// What to sync.
#[derive(Clone, Debug, Default)]
pub struct SyncRequest {
    /// Only these clients; all where empty.
    pub clients: Vec<String>,
    /// A file or directory of the one client named, instead of where it keeps its sessions.
    pub path: Option<PathBuf>,
    /// Only sources that changed at or after this time: a date, RFC 3339 or an age.
    pub since: Option<Word>,
    /// Say what would be read, and read nothing in.
    pub dry_run: bool,
    /// Compare every source with the archive too, and take in anew what lacks rows there.
    pub verify: bool,
    /// Fail where another sync of this store runs, instead of waiting for it.
    pub no_wait: bool,
}

/// Reads new rows of every source into the archive, when no other sync does. `progress` is called with bytes done, bytes in all,
/// current file; with no bytes in all when it waits, and for whom, or reads archived rows once more.
///
/// # Errors
/// `bad_input` for a client that is not known, or a path without exactly one client; `busy` where another sync runs and is not waited for; `io`. Failures of
/// single sources stand in the answer.
pub fn sync(call: &Call<'_>, request: &SyncRequest, progress: &mut dyn FnMut(u64, u64, &str)) -> Result<Synced> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    let since = filter::time("since", request.since.as_ref(), call.now)?;
    let lock = if request.dry_run { None } else { Some(turn::take(call, !request.no_wait, progress)?) };
    let started = call.engine.surroundings.now();
    let mut run = Run::new(call);
    if lock.as_ref().is_some_and(|lock| !lock.is_locked()) {
        run.notes.push("this file system has no locks: another sync could run at the same time".to_owned());
    }
    let ended = run.all(request, since, progress);
    let mut answer = run.answer(started, request.dry_run);
    if let Err(error) = &ended {
        (answer.outcome, answer.error) = ("error".to_owned(), Some(error.message.clone()));
    }
    if lock.is_some() {
        turn::note(call, &mut answer);
    }
    ended?;
    match &call.idempotency {
        // The archive's acts are many; sent again after a crash between them and this, a sync reads what is left.
        Some(_) if !request.dry_run => call.act(|_| Ok(answer)),
        _ => Ok(answer),
    }
}

/// A source in which there may be something new.
struct Waiting {
    adapter: &'static dyn SessionAdapter,
    source: Source,
    /// The revision and place up to which it was read before.
    known: Option<(u32, Cursor)>,
    /// Read from its beginning, as a new revision, whatever was read before.
    is_anew: bool,
}

impl Waiting {
    /// From where it is read on.
    fn before(&self) -> Option<&Cursor> {
        self.known.as_ref().filter(|_| !self.is_anew).map(|(_, cursor)| cursor)
    }

    /// Bytes that are probably to be read.
    fn bytes(&self) -> u64 {
        let size = self.source.stamp.size_bytes;
        let before = self.before().map_or(0, |cursor| cursor.offset_bytes);
        size.checked_sub(before).unwrap_or(size)
    }
}

/// An act that is read and scanned, waiting to be written.
struct Pending {
    client: String,
    path: String,
    revision: u32,
    cursor: String,
    drafts: Vec<BlockDraft>,
}

/// A block with the number of its messages, and what they put into the indexes.
struct BlockDraft {
    draft: Draft,
    messages: u64,
    foreseen: Foreseen,
}

struct Run<'a> {
    call: &'a Call<'a>,
    pending: Vec<Pending>,
    pending_bytes: u64,
    reports: Vec<SourceReport>,
    fresh: u64,
    earlier: u64,
    notes: Vec<String>,
    /// Sessions seen in this run, with the namespace in which they are.
    placed: BTreeMap<(String, String), NamespaceId>,
    inserted: BTreeSet<(String, String)>,
    directories: BTreeMap<String, DirectoryName>,
    messages: u64,
    /// Sessions that were purged, with how many of their messages were left out.
    left_out: BTreeMap<EntityId, u64>,
    verified: Option<Verified>,
    reread: Option<Reread>,
    has_path: bool,
}

pub(crate) type Found = Vec<(&'static dyn SessionAdapter, Source)>;

impl<'a> Run<'a> {
    fn new(call: &'a Call<'a>) -> Self {
        Self {
            call,
            pending: vec![],
            pending_bytes: 0,
            reports: vec![],
            fresh: 0,
            earlier: 0,
            notes: vec![],
            placed: BTreeMap::new(),
            inserted: BTreeSet::new(),
            directories: BTreeMap::new(),
            messages: 0,
            left_out: BTreeMap::new(),
            verified: None,
            reread: None,
            has_path: false,
        }
    }

    fn all(
        &mut self,
        request: &SyncRequest,
        since: Option<Timestamp>,
        progress: &mut dyn FnMut(u64, u64, &str),
    ) -> Result<()> {
        let found = self.discover(request)?;
        let found = self.in_one_form(found)?;
        let found = self.since(found, since);
        let beside = found.clone();
        let waiting = self.without_unchanged(found);
        // What was read before is no work: of a file that has grown only the rest is.
        let all: u64 = waiting.iter().map(Waiting::bytes).sum();
        let mut done = 0;
        for waiting in waiting {
            progress(done, all, &waiting.source.name());
            done += waiting.bytes();
            let result = if request.dry_run { self.plan(&waiting) } else { self.take(&waiting) };
            if let Err(error) = result {
                self.failed(&waiting.source, &error);
            }
        }
        self.flush()?;
        if all > 0 {
            progress(all, all, "");
        }
        self.reread(&request.clients, &beside, request.dry_run, progress)?;
        if request.verify {
            self.verify(beside, request.dry_run, progress)?;
        }
        Ok(())
    }

    /// Leaves out what has not changed since it was read.
    fn without_unchanged(&mut self, found: Found) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (adapter, source) in found {
            match self.known(&source) {
                Ok(Some((_, cursor))) if cursor.is_unchanged(&source.stamp) => self.fresh += 1,
                Ok(known) => waiting.push(Waiting { adapter, source, known, is_anew: false }),
                Err(error) => self.failed(&source, &error),
            }
        }
        waiting
    }

    fn failed(&mut self, source: &Source, error: &Error) {
        tracing::warn!(path = %source.path.display(), %error, "a session file could not be read");
        let mut report = report(source, "failed");
        report.error = Some(masked_name(error.message.clone()));
        self.reports.push(report);
    }

    /// A source that failed behind `messages` that were taken in.
    fn stopped(&mut self, source: &Source, error: &Error, messages: u64) {
        self.failed(source, error);
        self.messages += messages;
        if let Some(report) = self.reports.last_mut() {
            report.messages = messages;
        }
    }

    fn known(&self, source: &Source) -> Result<Option<(u32, Cursor)>> {
        let name = source.name();
        let row = self.call.engine.archive.read(|tx| tx.source(&source.client, &name))?;
        Ok(row.and_then(|row| Some((row.revision, serde_json::from_str(&row.cursor).ok()?))))
    }

    fn plan(&mut self, waiting: &Waiting) -> Result<()> {
        let Waiting { adapter, source, .. } = waiting;
        let reader = adapter.read(source, waiting.before(), options())?;
        let from = match reader.verdict() {
            Verdict::Fresh => {
                self.fresh += 1;
                return Ok(());
            }
            Verdict::Grown { from } => from,
            Verdict::New | Verdict::Rewritten | Verdict::Changed { .. } => 0,
        };
        let mut report = report(source, state_name(reader.verdict()));
        report.bytes = source.stamp.size_bytes.saturating_sub(from);
        self.reports.push(report);
        Ok(())
    }

    fn take(&mut self, waiting: &Waiting) -> Result<()> {
        let Waiting { adapter, source, known, is_anew } = waiting;
        let mut reader = adapter.read(source, waiting.before(), options())?;
        let verdict = reader.verdict();
        let before = known.as_ref().map_or(0, |(revision, _)| *revision);
        let revision = before + u32::from(*is_anew || matches!(verdict, Verdict::Rewritten | Verdict::Changed { .. }));
        let block_source = BlockSource {
            client: source.client.clone(),
            path: source.name(),
            revision,
            host: self.call.engine.options.host.clone(),
            user: self.call.engine.options.user.clone(),
            session: None,
        };
        // The rest of a row that was not complete belongs to the session of its beginning.
        let goes_on = !matches!(verdict, Verdict::New | Verdict::Rewritten);
        let mut before_it = waiting.before().filter(|_| goes_on).and_then(|cursor| cursor.session.clone());
        let mut messages = 0;
        // Blank lines are no session: they wait, unread, for a row that says something.
        let mut blank: Option<(ReadBlock, Cursor)> = None;
        let mut is_first = true;
        while let Some(read) = reader.next() {
            let read = match read {
                Ok(read) => read,
                Err(error) => {
                    self.stopped(source, &error, messages);
                    return Ok(());
                }
            };
            if std::mem::take(&mut is_first) && is_blank(&read) {
                blank = Some((read, reader.cursor()));
                continue;
            }
            for (read, cursor) in blank.take().into_iter().chain([(read, reader.cursor())]) {
                messages += self.take_block(read, cursor, &block_source, &mut before_it, &source.session)?;
            }
        }
        if blank.is_some() {
            self.fresh += 1;
            return Ok(());
        }
        self.queue(&block_source, &noted(reader.cursor(), before_it.as_ref()), vec![])?;
        let read = reader.report();
        if verdict == Verdict::Fresh {
            self.fresh += 1;
            return Ok(());
        }
        self.messages += messages;
        let mut report = report(source, state_name(verdict));
        report.messages = messages;
        report.bytes = read.bytes;
        report.pending_bytes = read.pending_bytes;
        report.unknown.clone_from(&read.unknown);
        self.reports.push(report);
        Ok(())
    }

    /// Queues one block that was read, cut by session; tells the number of its messages.
    fn take_block(
        &mut self,
        read: ReadBlock,
        cursor: Cursor,
        source: &BlockSource,
        before: &mut Option<String>,
        file: &str,
    ) -> Result<u64> {
        self.pending_bytes += read.end - read.start;
        let mut drafts = Vec::new();
        for block in split(read, source, before, file) {
            drafts.extend(self.draft(&block)?);
        }
        let messages = drafts.iter().map(|block| block.messages).sum();
        self.queue(source, &noted(cursor, before.as_ref()), drafts)?;
        Ok(messages)
    }

    fn queue(&mut self, source: &BlockSource, cursor: &Cursor, drafts: Vec<BlockDraft>) -> Result<()> {
        let cursor = serde_json::to_string(cursor).map_err(|error| Error::internal(error.to_string()))?;
        self.pending.push(Pending {
            client: source.client.clone(),
            path: source.path.clone(),
            revision: source.revision,
            cursor,
            drafts,
        });
        if self.pending_bytes >= FLUSH_BYTES || self.pending.len() >= FLUSH_SOURCES {
            self.flush()?;
        }
        Ok(())
    }

    /// Journals what was read: an act for each block, sharing commits.
    fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        if pending.is_empty() {
            return Ok(());
        }
        let archive = &self.call.engine.archive;
        let actor = self.call.caller.actor();
        let mut late: Vec<(EntityId, u64)> = Vec::new();
        let written = archive.group(|| -> Result<()> {
            for act in pending {
                archive.write(&actor, |w| -> Result<()> {
                    for BlockDraft { draft, messages, foreseen } in act.drafts {
                        // Another process may have purged it since it was read.
                        if w.is_session_purged(draft.entity)? {
                            late.push((draft.entity, messages));
                        } else {
                            w.draft(draft);
                            w.foresee(foreseen);
                        }
                    }
                    Ok(w.note_source(&act.client, &act.path, act.revision, &act.cursor)?)
                })?;
            }
            Ok(())
        })?;
        for (session, messages) in late {
            self.messages = self.messages.saturating_sub(messages);
            *self.left_out.entry(session).or_default() += messages;
        }
        self.call.engine.after_writes();
        written
    }
}

/// A cursor that tells to which session the rest of an open row belongs.
fn noted(cursor: Cursor, session: Option<&String>) -> Cursor {
    let session = session.filter(|_| cursor.open != OpenRow::Closed).cloned();
    Cursor { session, ..cursor }
}

/// True where every row is white space.
fn is_blank(read: &ReadBlock) -> bool {
    read.rows.iter().all(|row| row.0.trim_ascii().is_empty())
}

/// How much is read at once.
pub(super) fn options() -> ReadOptions {
    ReadOptions { max_block_bytes: BLOCK_BYTES, max_row_bytes: ROW_MAX_BYTES, final_pass: false }
}
