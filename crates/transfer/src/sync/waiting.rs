//! What is remembered of a file that was looked at, and why its changes are not here where they are not.
//!
//! **Invariant:** a file that waits or is not read has a reason that a person can act on.

use super::report::FileReport;
use super::run::Run;
use super::scope::Shared;
use super::state::{FileRecord, FileState};
use super::{choosing, proof};
use crate::format::clear::{Clear, Range};
use crate::remote::RemoteFile;
use crate::vault::roster::Accepted;
use jay_types::{NodeId, Result};
use std::collections::BTreeSet;

/// True where it cannot be told of one of the ranges whether it is for this store.
fn is_unknown_place(run: &Run<'_, '_>, ranges: &[Range]) -> Result<bool> {
    let scope = run.scope()?;
    Ok(ranges.iter().any(|range| scope.shares(range.stream) == Shared::Unknown))
}

/// Notes why something of a file is not here.
pub(super) fn wait(run: &mut Run<'_, '_>, file: &RemoteFile, clear: &Clear) -> Result<()> {
    let (mut unknown, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for range in &clear.ranges {
        match run.roster.accepts(range.stream.node) {
            Accepted::Yes => {}
            Accepted::Unknown => {
                unknown.insert(range.stream.node);
            }
            Accepted::UpTo(cut) => {
                if !proof::is_awaited(run, cut, range)? {
                    removed.insert(range.stream.node);
                }
            }
        }
    }
    let list = |nodes: &BTreeSet<NodeId>| nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
    let why = if !removed.is_empty() {
        format!("{} was removed from the vault, and this does not count", list(&removed))
    } else if !unknown.is_empty() {
        format!("{} is no member of the vault yet", list(&unknown))
    } else if is_unknown_place(run, &clear.ranges)? {
        "the path of its namespace is not known yet".to_owned()
    } else {
        "what comes before it is not here yet".to_owned()
    };
    note(run, file, clear.ranges.clone(), FileState::Waiting, Some(why))
}

/// Remembers a file of which everything is here that is for this store; one with a path that does not count yet is looked at again.
pub(super) fn note_taken(
    run: &mut Run<'_, '_>,
    file: &RemoteFile,
    ranges: Vec<Range>,
    early: Option<String>,
) -> Result<()> {
    let state = if early.is_some() { FileState::Waiting } else { FileState::Applied };
    note(run, file, ranges, state, early)
}

/// Remembers what became of a file as it is now.
pub(super) fn note(
    run: &mut Run<'_, '_>,
    file: &RemoteFile,
    ranges: Vec<Range>,
    state: FileState,
    why: Option<String>,
) -> Result<()> {
    if state == FileState::Applied {
        let left_out = choosing::left_out(run, &ranges)?;
        run.state.left_out.extend(left_out);
    }
    let record = FileRecord {
        stamp: file.stamp.clone(),
        bytes: file.bytes,
        state,
        why,
        ranges,
        missing_since: None,
        is_checkpoint: false,
        is_intact: false,
        is_looked_through: false,
        is_full: run.state.files.get(&file.path).is_some_and(|before| before.is_full),
    };
    run.state.files.insert(file.path.clone(), record);
    Ok(())
}

/// Reports what is not applied, with why.
pub(super) fn tell_files(run: &mut Run<'_, '_>) {
    let there = run.state.files.iter().filter(|(_, record)| record.missing_since.is_none());
    run.report.files = there.filter_map(|(path, record)| FileReport::of(path, record)).collect();
}

/// Remembers of a file that it was opened, and carries what its header says.
pub(super) fn note_intact(run: &mut Run<'_, '_>, file: &RemoteFile) {
    if let Some(record) = run.state.files.get_mut(&file.path) {
        record.is_intact = true;
    }
}
