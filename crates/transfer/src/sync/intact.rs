//! Whether a file is still what its name says: files whose changes are here are not read again, and others depend on them.
//!
//! **Invariant:** a file that was damaged counts for nothing: not as carrying its changes, and not as this node's work.

use super::run::Run;
use super::state::FileState;
use crate::format::FileFault;
use crate::format::clear::Clear;
use crate::format::seal;
use crate::format::segment::SEGMENT_MAX_BYTES;
use crate::remote::RemoteFile;
use jay_types::Result;

/// True where the bytes of a segment have the hash that is in its name; a carrier may have added words to that.
fn is_named(path: &str, clear: &Clear, bytes: &[u8]) -> bool {
    let name = clear.name(&seal::hash_of(bytes));
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
        if Clear::decode(&bytes).is_ok_and(|(clear, ..)| is_named(&file.path, &clear, &bytes)) {
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

/// True where a segment is damaged whose changes are here. A large one is read for that only when it changed after it was applied.
pub(super) fn is_damaged(
    run: &mut Run<'_, '_>,
    file: &RemoteFile,
    clear: &Clear,
    bytes: Option<&Vec<u8>>,
) -> Result<bool> {
    if let Some(bytes) = bytes {
        return Ok(!is_named(&file.path, clear, bytes));
    }
    let record = run.state.files.get(&file.path);
    if record.is_none_or(|record| record.state != FileState::Applied || record.stamp == file.stamp) {
        return Ok(false);
    }
    let Some(bytes) = run.remote.read(&file.path, SEGMENT_MAX_BYTES)? else { return Ok(false) };
    run.report.bytes_read += bytes.len() as u64;
    Ok(!is_named(&file.path, clear, &bytes))
}
