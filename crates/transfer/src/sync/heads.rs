//! Reading heads: how far other nodes are, and that a carrier brought back an older telling.
//!
//! **Invariant:** of each node the head with the greatest generation counts, whatever lies there now.

use super::run::Run;
use super::state::SeenHead;
use super::{clocks, key_rings};
use crate::format::FileFault;
use crate::format::clear::FileKind;
use crate::format::head::{HEAD_MAX_BYTES, HEAD_NAME, Head};
use crate::format::seal;
use crate::remote::RemoteFile;
use jay_types::{NodeId, Result};

/// Reads this node's own head where nothing is remembered of it, so that the next one goes on from it: to others one that begins anew
/// would look like an old one that a carrier gave back.
pub(super) fn recall_own(run: &mut Run<'_, '_>) -> Result<()> {
    let path = format!("{}{HEAD_NAME}", run.own_directory());
    if run.state.own.is_some() || !run.listing.iter().any(|file| file.path == path) {
        return Ok(());
    }
    let (node, public_key) = run.peer.memory.public_key()?;
    let Some(bytes) = run.remote.read(&path, HEAD_MAX_BYTES)? else { return Ok(()) };
    run.report.bytes_read += bytes.len() as u64;
    run.state.own = opened(run, &bytes, node, &public_key).ok();
    Ok(())
}

/// Looks into this node's own head where it changed since it was written. One that does not open is written anew: others would take it
/// for one that is sealed with a key which they were not given.
pub(super) fn check_own(run: &mut Run<'_, '_>) -> Result<()> {
    let path = format!("{}{HEAD_NAME}", run.own_directory());
    let Some(file) = run.listing.iter().find(|file| file.path == path).cloned() else { return Ok(()) };
    let (bytes, stamp) = &run.state.own_file;
    let is_first_seen = stamp.is_empty() && *bytes == file.bytes;
    if *stamp == file.stamp || run.state.own.as_ref().is_none_or(|own| own.node != run.node) {
        return Ok(());
    }
    if !is_first_seen {
        let (node, public_key) = run.peer.memory.public_key()?;
        let Some(bytes) = run.remote.read(&path, HEAD_MAX_BYTES)? else { return Ok(()) };
        run.report.bytes_read += bytes.len() as u64;
        if let Err(fault) = opened(run, &bytes, node, &public_key) {
            run.report.note(format!("{path}: {fault}; it is written anew"));
            run.listing.retain(|listed| listed.path != path);
            return Ok(());
        }
    }
    run.state.own_file = (file.bytes, file.stamp);
    Ok(())
}

fn opened(run: &Run<'_, '_>, bytes: &[u8], node: NodeId, public_key: &[u8; 32]) -> Result<Head, FileFault> {
    let (clear, content) = seal::open(bytes, &|id| run.keys.key(id))?;
    if clear.kind != FileKind::Head || clear.node != node || clear.vault != run.keys.vault {
        return Err(FileFault::Damaged);
    }
    Head::decode(&content, node, public_key)
}

/// Reads what other nodes tell of themselves.
pub(super) fn read(run: &mut Run<'_, '_>) -> Result<()> {
    let own = run.own_directory();
    let heads: Vec<(NodeId, RemoteFile)> = run
        .listing
        .iter()
        .filter(|file| !file.path.starts_with(&own))
        .filter_map(|file| {
            let (node, name) = file.path.strip_prefix("nodes/")?.split_once('/')?;
            (name == HEAD_NAME).then_some(())?;
            Some((NodeId::parse(node).ok()?, file.clone()))
        })
        .filter(|(node, file)| {
            run.state.heads.get(node).is_none_or(|seen| seen.is_outdated || seen.stamp != file.stamp)
        })
        .collect();
    for (node, file) in heads {
        let Some(public_key) = run.roster.nodes.get(&node).and_then(|member| member.public_key) else { continue };
        let Some(bytes) = run.remote.read(&file.path, HEAD_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        match opened(run, &bytes, node, &public_key) {
            Ok(head) => note_head(run, node, &file, head),
            Err(fault) => {
                if fault == FileFault::NoKey {
                    key_rings::note_lacking(run, &bytes);
                }
                run.lacks_key |= fault == FileFault::NoKey && run.roster.is_member(node);
                if let Some(seen) = run.state.heads.get_mut(&node) {
                    seen.is_outdated = true;
                }
                run.report.note(format!("{}: {fault}", file.path));
            }
        }
    }
    Ok(())
}

/// The latest head counts, whatever a carrier brings back.
fn note_head(run: &mut Run<'_, '_>, node: NodeId, file: &RemoteFile, head: Head) {
    match run.state.heads.get_mut(&node) {
        Some(seen) if head.generation < seen.head.generation => {
            let note = format!(
                "rolled_back: the remote shows an older head of {node} (generation {}, seen was {}); it is not applied backwards",
                head.generation, seen.head.generation
            );
            seen.stamp.clone_from(&file.stamp);
            (seen.rolled_back_to, seen.is_outdated) = (Some(head.generation), false);
            run.report.note(note);
        }
        before => {
            let known = before.filter(|seen| seen.head == head).map(|seen| seen.seen_at);
            let now = run.now();
            if known.is_none() {
                clocks::note(&mut run.state, run.node, &head, now);
            }
            let seen_at = known.flatten().or(Some(now));
            let stamp = file.stamp.clone();
            let seen = SeenHead { stamp, head, seen_at, is_outdated: false, rolled_back_to: None };
            run.state.heads.insert(node, seen);
        }
    }
}
