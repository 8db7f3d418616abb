//! Whether a file is still what its name says and carries what its header says: files whose changes are here are not read again, and
//! others depend on them.
//!
//! **Invariant:** a file that was damaged counts for nothing: not as carrying its changes, and not as this node's work.

use super::pull::{is_for_us, open};
use super::run::Run;
use super::state::FileState;
use super::{choosing, parts};
use crate::format::FileFault;
use crate::format::clear::Clear;
use crate::format::seal;
use crate::format::segment::SEGMENT_MAX_BYTES;
use crate::remote::RemoteFile;
use jay_types::change::frame::FrameEntry;
use jay_types::{Hash, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// True where the hash of a file's bytes is in its name; a carrier may have added words to that.
pub(super) fn is_named(path: &str, clear: &Clear, hash: &Hash) -> bool {
    let name = clear.name(hash);
    let stem = name.strip_suffix(".jay").unwrap_or(&name);
    path.rsplit('/').next().is_some_and(|found| found.starts_with(stem))
}

/// Looks into this node's own segments that changed since they were written. One that is damaged goes, and what it carried is
/// written anew.
pub(super) fn check_own(run: &mut Run<'_, '_>) -> Result<()> {
    let own = run.own_directory();
    let changed: Vec<RemoteFile> = run
        .listing
        .iter()
        .filter(|file| file.path.starts_with(&own))
        .filter(|file| {
            let record = run.state.files.get(&file.path).filter(|record| !record.ranges.is_empty());
            record.is_some_and(|record| record.stamp != file.stamp)
        })
        .cloned()
        .collect();
    for file in changed {
        let Some(bytes) = run.remote.read(&file.path, SEGMENT_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        if Clear::decode(&bytes).is_ok_and(|(clear, ..)| is_named(&file.path, &clear, &seal::hash_of(&bytes))) {
            if let Some(record) = run.state.files.get_mut(&file.path) {
                (record.stamp, record.bytes) = (file.stamp, file.bytes);
            }
            continue;
        }
        run.report.note(format!("{}: {}; what it carried is written anew", file.path, FileFault::Damaged));
        run.remote.delete(&file.path)?;
        run.state.files.remove(&file.path);
        run.state.retired.remove(&file.path);
        run.listing.retain(|listed| listed.path != file.path);
    }
    Ok(())
}

/// What is found of a segment whose changes are here.
pub(super) enum Found {
    /// It carries what its header says.
    Intact,
    /// It counts for nobody and was not read for that.
    Unopened,
    Damaged,
    /// It is not here whole any longer.
    Gone,
}

/// Looks whether a segment carries what its header says, though its changes are here. One that would count as carrying them is opened
/// once: a carrier can write any header, and name a file by its hash. Of a beginning others know what lay there before.
pub(super) fn find(
    run: &mut Run<'_, '_>,
    file: &RemoteFile,
    (clear, bytes): (&Clear, Option<&Vec<u8>>),
    is_beginning: bool,
) -> Result<Found> {
    if let Some(bytes) = bytes {
        return found(run, file, clear, bytes);
    }
    let record = run.state.files.get(&file.path);
    let has_changed = record.is_some_and(|record| record.state == FileState::Applied && record.stamp != file.stamp);
    if is_beginning && !has_changed {
        return Ok(Found::Intact);
    }
    let scope = run.scope()?;
    let is_for_us = clear.ranges.iter().any(|range| is_for_us(&scope, range));
    drop(scope);
    let is_of_member = clear.node == run.node || run.roster.is_member(clear.node);
    let counts = is_for_us && is_of_member && Clear::is_name(&file.path);
    if !has_changed && !counts {
        return Ok(Found::Unopened);
    }
    let Some(bytes) = run.remote.read(&file.path, SEGMENT_MAX_BYTES)? else { return Ok(Found::Gone) };
    run.report.bytes_read += bytes.len() as u64;
    found(run, file, clear, &bytes)
}

fn found(run: &Run<'_, '_>, file: &RemoteFile, clear: &Clear, bytes: &[u8]) -> Result<Found> {
    if !is_named(&file.path, clear, &seal::hash_of(bytes)) {
        return Ok(Found::Damaged);
    }
    Ok(match open(run, bytes) {
        Ok((opened, entries)) if opened == *clear && is_signed(run, &entries)? => Found::Intact,
        Ok((opened, _)) if opened == *clear => Found::Damaged,
        Ok(_) | Err(FileFault::Incomplete) => Found::Gone,
        Err(_) => Found::Damaged,
    })
}

/// True where their authors signed the changes, as far as their keys are known: whoever has a key of the vault can seal anything. Of a header
/// of a later version its own version will tell.
pub(super) fn is_signed(run: &Run<'_, '_>, entries: &[FrameEntry]) -> Result<bool> {
    let mut keys = BTreeMap::new();
    for part in parts::cut(entries).iter().filter(|part| part.last.1.is_some()) {
        let node = part.stream.node;
        let key = match keys.entry(node) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(choosing::key_of(run, node, entries)?),
        };
        if key.as_ref().is_some_and(|key| !part.is_signed(key)) {
            return Ok(false);
        }
    }
    Ok(true)
}
