//! Namespaces that were not chosen here.
//!
//! A namespace that is left out has no path in the journal. Files tell it, and what they tell is remembered, so that its files are passed
//! over by their clear headers and wait for nothing. A small file of it is looked through for a rename; a large one is not read for that.
//! Where a namespace is shared from now on, because it was renamed here or elsewhere, what was passed over is looked at once more.
//!
//! **Invariant:** what is remembered of a namespace that is given decides nothing: the journal does.

use super::pull::open;
use super::run::Run;
use super::scope::{self, Shared};
use super::state::FileState;
use crate::format::clear::Range;
use crate::vault::roster::Accepted;
use jay_types::change::Header;
use jay_types::change::frame::FrameEntry;
use jay_types::{NamespaceId, Result};
use std::collections::BTreeSet;

/// What of some ranges is not for this store: journals and namespaces. The archive of a namespace may be left out, and its memories not.
pub(super) fn left_out(run: &Run<'_, '_>, ranges: &[Range]) -> Result<BTreeSet<(u8, NamespaceId)>> {
    let scope = run.scope()?;
    let is_left_out = |range: &&Range| scope.shares(range.stream) == Shared::No;
    Ok(ranges.iter().filter(is_left_out).map(place).collect())
}

const fn place(range: &Range) -> (u8, NamespaceId) {
    (range.stream.journal, range.stream.namespace)
}

/// Learns the paths that a file gives to namespaces; true where files that were passed over are to be looked at once more.
pub(super) fn learn_of(run: &mut Run<'_, '_>, bytes: &[u8]) -> Result<bool> {
    match open(run, bytes) {
        Ok((_, entries)) => learn(run, &entries),
        Err(_) => Ok(false),
    }
}

/// The same of entries. Who does not belong to the vault names nothing.
pub(super) fn learn(run: &mut Run<'_, '_>, entries: &[FrameEntry]) -> Result<bool> {
    let counts = |entry: &&FrameEntry| {
        Header::peek(&entry.header)
            .is_some_and(|(_, stream, _)| !matches!(run.roster.accepts(stream.node), Accepted::Unknown))
    };
    let of_members: Vec<FrameEntry> = entries.iter().filter(counts).cloned().collect();
    scope::learn(&mut run.state.elsewhere, &of_members);
    look_again(run)
}

/// Files that were passed over and are for this store now wait to be read; true where there are any.
pub(super) fn look_again(run: &mut Run<'_, '_>) -> Result<bool> {
    if run.state.left_out.is_empty() {
        return Ok(false);
    }
    let scope = run.scope()?;
    let is_shared = |range: &Range| scope.shares(range.stream) == Shared::Yes;
    let mut again = BTreeSet::new();
    let mut paths = Vec::new();
    for (path, record) in run.state.files.iter().filter(|(_, record)| record.state == FileState::Applied) {
        let is_concerned = |range: &&Range| run.state.left_out.contains(&place(range)) && is_shared(range);
        let places: Vec<_> = record.ranges.iter().filter(is_concerned).map(place).collect();
        if !places.is_empty() {
            paths.push(path.clone());
        }
        again.extend(places);
    }
    drop(scope);
    run.state.left_out.retain(|place| !again.contains(place));
    for path in &paths {
        if let Some(record) = run.state.files.get_mut(path) {
            record.state = FileState::Waiting;
        }
    }
    Ok(!paths.is_empty())
}

/// Forgets the paths of what is given: the journal has them.
pub(super) fn forget_given(run: &mut Run<'_, '_>) -> Result<()> {
    if run.state.elsewhere.is_empty() {
        return Ok(());
    }
    let given = run.scope()?.given(run.state.elsewhere.keys().copied());
    run.state.elsewhere.retain(|namespace, _| !given.contains(namespace));
    Ok(())
}
