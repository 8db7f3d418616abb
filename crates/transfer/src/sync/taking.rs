//! Changes of files, gathered for one transaction and journalled.
//!
//! Anybody with a key can make up a part in a member's name. The journal refuses it, and stops the stream for the rest of what it was
//! given with it.
//!
//! **Invariant:** what is refused of one file keeps nothing of another one out.

use super::pull::is_here;
use super::run::Run;
use super::scope::Shared;
use super::state::FileState;
use super::waiting::{note, note_intact, note_taken, wait};
use super::{choosing, clients, parts};
use crate::format::clear::Clear;
use crate::remote::RemoteFile;
use crate::vault::roster::Accepted;
use jay_store::{ReceiveReport, Refusal};
use jay_types::Result;
use jay_types::change::Header;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use std::collections::BTreeMap;

/// Changes that are journalled in one transaction, about: a commit costs as much as some hundred changes.
const BATCH_BYTES: usize = 4 << 20;

/// What is gathered for the next transaction.
#[derive(Default)]
pub(super) struct Round {
    entries: Vec<FrameEntry>,
    /// The last seq of each stream among them: what follows it may be gathered too.
    pub(super) reached: BTreeMap<StreamId, u64>,
    bytes: usize,
    /// Files whose changes are among the entries.
    files: Vec<Gathered>,
    pub(super) is_progress: bool,
    /// This machine began with a checkpoint just now: what lies there is not read for what is in that.
    pub(super) is_beginning: bool,
}

impl Round {
    pub(super) fn new(is_beginning: bool) -> Self {
        Self { is_beginning, ..Self::default() }
    }
}

/// A file whose changes were gathered.
struct Gathered {
    file: RemoteFile,
    clear: Clear,
    /// Which entries are its own.
    entries: std::ops::Range<usize>,
    /// Why it waits where every change is here that is for this store.
    early: Option<String>,
}

/// Adds the parts that may be journalled.
pub(super) fn gather(
    run: &mut Run<'_, '_>,
    round: &mut Round,
    file: &RemoteFile,
    clear: Clear,
    entries: &[FrameEntry],
) -> Result<()> {
    let learned = choosing::learn(run, entries)?;
    round.is_progress |= learned.is_again;
    let (mut is_roster, mut accepted) = (false, Vec::new());
    {
        let scope = run.scope()?;
        for part in parts::cut(entries) {
            let is_for_us = match scope.shares(part.stream) {
                Shared::Yes => true,
                // The journal refuses it and says why: that a path is not known would tell nobody what helps.
                Shared::Unknown => choosing::is_clock_bad(run, &part),
                Shared::No => false,
            };
            if is_for_us && counts(run, &part)? {
                is_roster |= part.stream.namespace == run.keys.vault;
                let from = accepted.len();
                accepted.extend_from_slice(part.entries);
                clients::strip(&run.config.clients, accepted.get_mut(from..).unwrap_or_default());
            }
        }
    }
    for entry in &accepted {
        if let Some((_, stream, seq)) = Header::peek(&entry.header) {
            let reached = round.reached.entry(stream).or_default();
            *reached = seq.max(*reached);
        }
    }
    round.bytes += accepted.iter().map(FrameEntry::size_bytes).sum::<usize>();
    let from = round.entries.len();
    round.entries.extend(accepted);
    let entries = from..round.entries.len();
    round.files.push(Gathered { file: file.clone(), clear, entries, early: learned.early });
    // What the roster says decides about the files after it.
    if is_roster || round.bytes >= BATCH_BYTES {
        flush(run, round)?;
    }
    Ok(())
}

/// True where a part is a member's, or of who was removed and leads to a named end, or is here and may bring a body.
pub(super) fn counts(run: &Run<'_, '_>, part: &parts::Part<'_>) -> Result<bool> {
    match (run.roster.accepts(part.stream.node), part.last) {
        (Accepted::Yes, _) => Ok(true),
        (Accepted::UpTo(_), (seq, Some(hash))) => {
            Ok(run.proof.allows(part.stream, seq, hash) || run.has(part.stream, seq, hash)?)
        }
        (Accepted::UpTo(_), (_, None)) | (Accepted::Unknown, _) => Ok(false),
    }
}

/// Journals what was gathered, and notes of each file what became of it.
pub(super) fn flush(run: &mut Run<'_, '_>, round: &mut Round) -> Result<()> {
    let entries = std::mem::take(&mut round.entries);
    let files = std::mem::take(&mut round.files);
    round.reached.clear();
    round.bytes = 0;
    let received = receive(run, &entries)?;
    let is_one_refused = received.iter().any(|received| !received.refused.is_empty());
    for mut received in received {
        // Told by each file's own trial.
        received.refused.clear();
        round.is_progress |= received.journalled + received.bodies > 0;
        count(run, &received);
    }
    if !entries.is_empty() {
        run.read_roster()?;
    }
    for Gathered { file, clear, entries: of_file, early } in files {
        let mut refused = None;
        if is_one_refused && !is_here(run, &clear.ranges)? {
            refused = try_alone(run, round, entries.get(of_file).unwrap_or_default())?;
        }
        if is_here(run, &clear.ranges)? {
            note_taken(run, &file, clear.ranges, early)?;
            note_intact(run, &file);
            continue;
        }
        let Some(refusal) = refused else {
            wait(run, &file, &clear)?;
            note_intact(run, &file);
            continue;
        };
        let why = format!("refused: {} at {} of {}", refusal.reason, refusal.seq, refusal.node);
        // Time or a newer program cures these.
        let is_cured = matches!(refusal.reason, "bad_clock" | "unknown_version");
        let state = if is_cured { FileState::Waiting } else { FileState::Quarantined };
        note(run, &file, clear.ranges, state, Some(why))?;
    }
    Ok(())
}

/// Journals the entries of one file, and answers what was refused.
fn try_alone(run: &mut Run<'_, '_>, round: &mut Round, entries: &[FrameEntry]) -> Result<Option<Refusal>> {
    let mut refused = None;
    for mut received in receive(run, entries)? {
        round.is_progress |= received.journalled + received.bodies > 0;
        // These were counted with the others.
        received.by_node.values_mut().for_each(|(_, have)| *have = 0);
        count(run, &received);
        refused = refused.or_else(|| received.refused.into_iter().next());
    }
    run.read_roster()?;
    Ok(refused)
}

/// Journals entries, those of each journal in one transaction.
fn receive(run: &Run<'_, '_>, entries: &[FrameEntry]) -> Result<Vec<ReceiveReport>> {
    let mut reports = Vec::new();
    for journal in [0, 1] {
        let of_journal =
            |entry: &&FrameEntry| Header::peek(&entry.header).is_some_and(|(_, stream, _)| stream.journal == journal);
        let part: Vec<FrameEntry> = entries.iter().filter(of_journal).cloned().collect();
        if !part.is_empty() {
            reports.push(run.store(journal).receive(&part)?);
        }
    }
    Ok(reports)
}

fn count(run: &mut Run<'_, '_>, received: &ReceiveReport) {
    run.report.pulled += received.journalled;
    if received.renewed_node {
        let note =
            "this data directory was copied or rolled back: it goes on as a new node, and nothing of either is lost";
        run.report.note(note.to_owned());
    }
    for (node, (journalled, have)) in &received.by_node {
        let report = run.report.node(*node);
        report.applied += journalled;
        report.have += have;
    }
    for id in &received.say_what_was_purged {
        run.report
            .note(format!("the memory {id} says the same as one that was purged: `jay purge {id}` destroys it too"));
    }
    for refusal in &received.refused {
        run.report.node(refusal.node).refused += 1;
    }
}
