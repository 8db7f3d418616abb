//! Keys that were wrapped for this machine, by others or by itself before it was put back from a backup.
//!
//! Nothing in a key ring tells who made it, and whoever knows for whom keys are wrapped can make as many as it likes. So those are taken in which
//! something of the place is sealed, as the clear headers tell, and the one that the roster names.
//!
//! **Invariant:** a key that nothing is sealed with is not kept; one that is lacking is looked for in every ring, also in those that were read
//! when it was not.

use super::run::Run;
use crate::format::clear::{CLEAR_MAX_BYTES, Clear, KeyId};
use crate::format::head::HEAD_NAME;
use crate::vault::keyring::{self, KEYRING_MAX_BYTES};
use crate::vault::request::REQUEST_NAME;
use jay_types::id::to_hex;
use jay_types::{Hash, Result};
use std::collections::BTreeSet;

/// Notes that something of this vault is sealed with a key that is not here.
pub(super) fn note_lacking(run: &mut Run<'_, '_>, file: &[u8]) {
    if let Ok((clear, ..)) = Clear::decode(file)
        && clear.vault == run.keys.vault
    {
        run.lacking.insert(clear.key);
    }
}

/// The same of this node's own head where it is not remembered: it was put back from a backup, and goes on from what it told.
pub(super) fn note_own_head(run: &mut Run<'_, '_>) -> Result<()> {
    let path = format!("{}{HEAD_NAME}", run.own_directory());
    if run.state.own.is_none() && run.listing.iter().any(|file| file.path == path) {
        let bytes = run.remote.read(&path, CLEAR_MAX_BYTES as u64)?.unwrap_or_default();
        run.report.bytes_read += bytes.len() as u64;
        note_lacking(run, &bytes);
    }
    Ok(())
}

/// Takes the keys that are lacking out of key rings; true where one came.
pub(super) fn take(run: &mut Run<'_, '_>) -> Result<bool> {
    let wanted = run.lacking.iter().copied().chain(run.roster.key);
    let wanted: BTreeSet<KeyId> = wanted.filter(|id| run.keys.key(*id).is_none()).collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let identities = run.keys.identities()?;
    let identities: Vec<&dyn age::Identity> = identities.iter().map(|identity| identity as _).collect();
    let mut is_new = false;
    for (path, stamp) in unread(run, &wanted) {
        let Some(bytes) = run.remote.read(&path, KEYRING_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        match keyring::unwrap(&bytes, &identities) {
            Ok(unwrapped) => {
                let unwrapped = unwrapped.filter(|found| found.vault == run.keys.vault);
                for key in unwrapped.into_iter().flat_map(|found| found.keys).filter(|key| wanted.contains(&key.id)) {
                    is_new |= run.keys.add_key(&key);
                }
            }
            Err(_) => run.report.note(format!("{path}: damaged, or not here whole yet")),
        }
        run.state.read.insert(path, stamp);
    }
    if is_new {
        // What was sealed with them can be read now.
        run.state.read.retain(|path, _| !path.ends_with(REQUEST_NAME));
        run.keys.save(run.peer.memory)?;
    }
    Ok(is_new)
}

/// Key rings that were not read as they are now for these keys.
fn unread(run: &mut Run<'_, '_>, wanted: &BTreeSet<KeyId>) -> Vec<(String, String)> {
    let is_ring =
        |path: &str| path.splitn(3, '/').nth(2).is_some_and(|rest| rest.starts_with("keys/") && rest.ends_with(".age"));
    let words: Vec<String> = wanted.iter().map(|key| format!("{} {}", key.epoch, to_hex(&key.id))).collect();
    let mark = Hash::of(words.join("\n").as_bytes()).to_string();
    if run.state.wanted_keys != mark {
        run.state.read.retain(|path, _| !is_ring(path));
        run.state.wanted_keys = mark;
    }
    let rings = run.listing.iter().filter(|file| is_ring(&file.path));
    rings
        .filter(|file| run.state.read.get(&file.path) != Some(&file.stamp))
        .map(|file| (file.path.clone(), file.stamp.clone()))
        .collect()
}
