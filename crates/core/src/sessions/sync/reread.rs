//! Reading archived rows once more, where the adapter of their client has learned to read them better (J17).
//!
//! The rows of a source are gone through in their order, from the archive: the client may have removed the file long ago. What is
//! read stands in a change of its own beside the block, whose rows stay as they are.
//!
//! **Invariant:** each block that was read by an earlier adapter gets one reading; a run that is broken off leaves those that it
//! made, and the next one makes the others.

use super::super::ingest::{mark_secrets, without_secrets};
use super::super::report::{Reread, number};
use super::{BlockDraft, FLUSH_BYTES, Found, ROW_MAX_BYTES, Run};
use jay_sessions::{Again, Cursor, SessionAdapter, Source, Taken, adapters};
use jay_store::{Draft, KeptBlock};
use jay_types::Result;
use jay_types::change::block::{Block, Row};
use jay_types::session::{Message, SessionMeta};
use std::collections::VecDeque;

impl Run<'_> {
    /// Reads once more what earlier adapters read, of the clients that are asked for. `found` tells what stands beside sources
    /// that are still there.
    pub(super) fn reread(
        &mut self,
        clients: &[String],
        found: &Found,
        dry_run: bool,
        progress: &mut dyn FnMut(u64, u64, &str),
    ) -> Result<()> {
        let host = self.call.engine.options.host.clone();
        let shown = self.call.engine.archive.read(|tx| tx.adapters_shown(&host))?;
        let mut reread = Reread::default();
        for adapter in adapters() {
            let is_asked_for = clients.is_empty() || clients.iter().any(|client| client == adapter.name());
            let is_old = |(client, version): &(String, u32)| client == adapter.name() && *version < adapter.version();
            if !is_asked_for || !shown.iter().any(is_old) {
                continue;
            }
            let kept = self.call.engine.archive.read(|tx| tx.kept_blocks(&host, adapter.name()))?;
            let old: Vec<&[KeptBlock]> = kept
                .chunk_by(|a, b| a.path == b.path)
                .filter(|source| source.iter().any(|block| block.adapter < adapter.version()))
                .collect();
            reread.sources += old.len() as u64;
            if !dry_run && !old.is_empty() {
                let client = adapter.name();
                progress(0, 0, &format!("reading archived sessions of {client} once more: its adapter knows more now"));
                let messages = old.into_iter().map(|source| self.tried(*adapter, found, source)).sum::<u64>();
                reread.messages = Some(reread.messages.unwrap_or(0) + messages);
            }
        }
        self.notes.extend(said(&reread));
        self.reread = (reread.sources > 0).then_some(reread);
        Ok(())
    }

    /// Reads a source; one that fails is told of and stops no other.
    fn tried(&mut self, adapter: &dyn SessionAdapter, found: &Found, source: &[KeptBlock]) -> u64 {
        let Some(path) = source.first().map(|block| block.path.as_str()) else { return 0 };
        self.reread_source(adapter, found, source).unwrap_or_else(|error| {
            tracing::warn!(path, %error, "archived rows could not be read once more");
            let path = crate::secrets::masked_name(path.to_owned());
            self.notes.push(format!("{path}: its archived rows could not be read once more: {}", error.message));
            0
        })
    }

    /// Reads all revisions of a source; tells how many messages came of it.
    fn reread_source(&self, adapter: &dyn SessionAdapter, found: &Found, kept: &[KeptBlock]) -> Result<u64> {
        let mut messages = 0;
        let mut again = None;
        // Of documents a revision holds those that changed, the first among them or not: it goes on where the one before ended.
        let is_of_changes = self.is_read_by_changes(adapter, kept)?;
        for revision in kept.chunk_by(|a, b| a.revision == b.revision) {
            let begins = !is_of_changes && revision.first().is_some_and(|block| block.first_row == 0);
            let goes_on = again.take().filter(|_| !begins);
            let mut pass = Pass {
                run: self,
                version: adapter.version(),
                again: match goes_on {
                    Some(again) => again,
                    None => Again::new(adapter, self.source_of(adapter, found, revision)?, ROW_MAX_BYTES),
                },
                waiting: revision.to_vec().into(),
                open: Vec::new(),
                line: None,
                drafts: Vec::new(),
                drafts_bytes: 0,
                messages: 0,
            };
            pass.all()?;
            messages += pass.messages;
            again = Some(pass.again);
        }
        Ok(messages)
    }

    /// Whether of a source's documents those are read that changed, by what is noted of how far it was read.
    fn is_read_by_changes(&self, adapter: &dyn SessionAdapter, kept: &[KeptBlock]) -> Result<bool> {
        let Some(first) = kept.first() else { return Ok(false) };
        let row = self.call.engine.archive.read(|tx| tx.source(adapter.name(), &first.path))?;
        let cursor: Option<Cursor> = row.and_then(|row| serde_json::from_str(&row.cursor).ok());
        Ok(matches!(cursor.and_then(|cursor| cursor.taken), Some(Taken::Each(_))))
    }

    /// The source of rows, with what stands beside it: as it was found now, else as its session tells.
    fn source_of(&self, adapter: &dyn SessionAdapter, found: &Found, kept: &[KeptBlock]) -> Result<Source> {
        let Some(first) = kept.first() else { return Ok(Source::default()) };
        let here = |source: &&Source| source.client == adapter.name() && source.name() == first.path;
        if let Some(source) = found.iter().map(|(_, source)| source).find(here) {
            return Ok(source.clone());
        }
        let Some(block) = self.call.engine.archive.read(|tx| tx.block(first.pos))? else {
            return Ok(Source::default());
        };
        let meta = block.session;
        let mut sessions: Vec<String> = Vec::new();
        for block in kept {
            if !sessions.contains(&block.session_id) {
                sessions.push(block.session_id.clone());
            }
        }
        let told = Source {
            client: adapter.name().to_owned(),
            path: first.path.clone().into(),
            project: meta.project.clone(),
            ..Source::default()
        };
        // A subagent is told by its file's place; what else a session comes from stands in its rows.
        Ok(match meta.is_subagent() {
            false => Source { session: block.source.session.unwrap_or(meta.id), sessions, ..told },
            true => Source {
                session: block.source.session.unwrap_or(meta.id),
                sessions,
                parent: meta.parent,
                relation: meta.relation,
                parent_call: meta.parent_call,
                agent: meta.agent,
                title: meta.title,
                ..told
            },
        })
    }
}

/// A block whose rows are being gone through.
struct Open {
    kept: KeptBlock,
    block: Block,
    next: usize,
    messages: Vec<Message>,
    meta: SessionMeta,
}

impl Open {
    fn row(&self) -> Option<&Row> {
        self.block.rows.get(self.next)
    }
}

/// A row, or a line of which the end has not come yet: in which block and which of its rows it begins, and its number.
struct Line {
    pos: i64,
    row: u32,
    number: u64,
    bytes: Vec<u8>,
}

/// Goes through the rows of one revision of a source. Its sessions have blocks of their own, whose rows stand between each other.
struct Pass<'a, 'r> {
    run: &'a Run<'r>,
    version: u32,
    again: Again,
    /// Blocks that are not opened yet, by their first row.
    waiting: VecDeque<KeptBlock>,
    open: Vec<Open>,
    line: Option<Line>,
    drafts: Vec<BlockDraft>,
    drafts_bytes: usize,
    messages: u64,
}

impl Pass<'_, '_> {
    fn all(&mut self) -> Result<()> {
        while let Some(row) = self.next_row()? {
            let is_ended = row.bytes.ends_with(b"\n");
            match &mut self.line {
                None => self.line = Some(row),
                Some(line) => {
                    // What is too long to be parsed is not held either; one byte more tells that it is.
                    let room = (ROW_MAX_BYTES + 1).saturating_sub(line.bytes.len());
                    line.bytes.extend_from_slice(row.bytes.get(..room).unwrap_or(&row.bytes));
                }
            }
            if is_ended {
                self.end_line();
            }
            self.close_read()?;
        }
        self.end_line();
        self.close_read()?;
        self.journal()
    }

    /// The next row of the source.
    fn next_row(&mut self) -> Result<Option<Line>> {
        loop {
            let next = self.open.iter().filter_map(|open| Some((open.row()?.n, open.kept.pos))).min();
            let opens =
                self.waiting.front().is_some_and(|block| next.is_none_or(|next| (block.first_row, block.pos) < next));
            if !opens {
                let Some((number, pos)) = next else { return Ok(None) };
                let Some(open) = self.open.iter_mut().find(|open| open.kept.pos == pos) else { return Ok(None) };
                let row = u32::try_from(open.next).unwrap_or(u32::MAX);
                let bytes = open.row().and_then(Row::bytes).unwrap_or_default();
                open.next += 1;
                return Ok(Some(Line { pos, row, number, bytes }));
            }
            let Some(kept) = self.waiting.pop_front() else { return Ok(None) };
            // A block without a body is one of which this store holds only that it is.
            if let Some(block) = self.run.call.engine.archive.read(|tx| tx.block(kept.pos))? {
                let meta = SessionMeta {
                    client: block.session.client.clone(),
                    id: block.session.id.clone(),
                    ..SessionMeta::default()
                };
                self.open.push(Open { kept, block, next: 0, messages: vec![], meta });
            }
        }
    }

    /// Reads the line that stands open, for the block in which it begins.
    fn end_line(&mut self) {
        let Some(line) = self.line.take() else { return };
        let said = self.again.row(line.number, &line.bytes);
        let Some(open) = self.open.iter_mut().find(|open| open.kept.pos == line.pos) else { return };
        open.messages.extend(said.messages.into_iter().map(|message| Message { row: line.row, ..message }));
        for meta in said.sessions {
            if meta.id == open.meta.id {
                open.meta.merge(&meta);
            }
        }
    }

    /// Makes readings of the blocks that are gone through.
    fn close_read(&mut self) -> Result<()> {
        let held = self.line.as_ref().map(|line| line.pos);
        let (done, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open: &Open| open.row().is_none() && Some(open.kept.pos) != held);
        self.open = open;
        for open in done {
            if open.kept.adapter < self.version {
                self.draft(open);
            }
        }
        if self.drafts_bytes as u64 >= FLUSH_BYTES { self.journal() } else { Ok(()) }
    }

    fn draft(&mut self, open: Open) {
        let Open { kept, block, messages, mut meta, .. } = open;
        meta.title = meta.title.map(without_secrets);
        let reading = Block {
            source: block.source,
            session: meta,
            adapter: self.version,
            reads: Some(kept.dot),
            secrets: mark_secrets(&messages),
            messages,
            rows: block.rows.iter().map(|row| Row::elsewhere(row.n)).collect(),
        };
        let json = reading.to_json();
        self.drafts_bytes += json.len();
        self.drafts.push(BlockDraft {
            messages: reading.messages.iter().filter(|message| message.role.is_some()).count() as u64,
            foreseen: self.run.call.engine.archive.foresee_block(&reading),
            draft: Draft::reparse(kept.namespace, kept.session, json),
        });
    }

    /// Journals what was read, in one act.
    fn journal(&mut self) -> Result<()> {
        let drafts = std::mem::take(&mut self.drafts);
        self.drafts_bytes = 0;
        if drafts.is_empty() {
            return Ok(());
        }
        let mut messages = 0;
        let call = self.run.call;
        call.engine.archive.write(&call.caller.actor(), |w| -> Result<()> {
            messages = 0;
            for one in drafts {
                // Another process may have purged it since it was read.
                if !w.is_session_purged(one.draft.entity)? {
                    messages += one.messages;
                    w.draft(one.draft);
                    w.foresee(one.foreseen);
                }
            }
            Ok(())
        })?;
        self.messages += messages;
        call.engine.after_writes();
        Ok(())
    }
}

fn said(reread: &Reread) -> Option<String> {
    let sources = number(reread.sources, "source", "sources");
    match (reread.sources, reread.messages) {
        (0, _) => None,
        (_, None) => Some(format!(
            "{sources} would be read once more from the archive: the adapter has learned to read them better"
        )),
        (_, Some(messages)) => Some(format!(
            "{sources} read once more from the archive, since the adapter has learned to read them better: {}",
            number(messages, "message", "messages")
        )),
    }
}
