//! Namespaces that were not chosen here.
//!
//! A namespace that is left out has no path in the journal. Files tell it, and what they tell is remembered, so that its files are passed
//! over by their clear headers and wait for nothing. A small file of it is looked through for a rename; a large one is not read for that.
//! Where a namespace is shared from now on, because it was renamed here or elsewhere, what was passed over is looked at once more.
//!
//! **Invariant:** what is remembered of a namespace that is given decides nothing: the journal does. Of another one only that is
//! remembered which somebody signed whose changes count; a file with what may count later waits for that.

use super::parts::{self, Part};
use super::proof;
use super::pull::open;
use super::run::Run;
use super::scope::{self, Shared, is_of_namespace};
use super::state::FileState;
use super::taking::counts;
use crate::format::clear::Range;
use crate::vault::roster::Accepted;
use jay_store::{BAD_CLOCK, is_bad_clock};
use jay_types::change::frame::FrameEntry;
use jay_types::change::registry::PUBLIC_KEY;
use jay_types::change::{Header, PublicKey};
use jay_types::id::from_hex;
use jay_types::{Error, Hash, NamespaceId, NodeId, Result};
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

/// What came of looking for paths.
#[derive(Default)]
pub(super) struct Learned {
    /// Files that were passed over are to be looked at once more.
    pub(super) is_again: bool,
    /// Something gives a path and does not count yet, and why.
    pub(super) early: Option<String>,
}

/// Learns the paths that a file gives to namespaces.
pub(super) fn learn_of(run: &mut Run<'_, '_>, bytes: &[u8]) -> Result<Learned> {
    match open(run, bytes) {
        Ok((_, entries)) => learn(run, &entries),
        Err(_) => Ok(Learned::default()),
    }
}

/// The same of entries. No journal judges what is passed over: so whose word it is, is found out here.
pub(super) fn learn(run: &mut Run<'_, '_>, entries: &[FrameEntry]) -> Result<Learned> {
    let is_naming = |entry: &FrameEntry| Header::decode(&entry.header).is_ok_and(|header| is_of_namespace(&header));
    let mut naming = parts::cut(entries);
    naming.retain(|part| part.entries.iter().any(is_naming));
    let given = run.scope()?.given(naming.iter().map(|part| part.stream.namespace));
    let (mut believed, mut early) = (Vec::new(), None);
    for part in naming.iter().filter(|part| !given.contains(&part.stream.namespace)) {
        match word_of(run, part, entries)? {
            Word::Counts => believed.extend_from_slice(part.entries),
            Word::Early(why) => early = Some(why),
            Word::Nobodys => {}
        }
    }
    scope::learn(&mut run.state.elsewhere, &believed);
    Ok(Learned { is_again: look_again(run)?, early })
}

/// What a part's word is worth.
enum Word {
    Counts,
    /// It may count later: why not now.
    Early(String),
    /// Its author did not say it, or does not count.
    Nobodys,
}

fn word_of(run: &Run<'_, '_>, part: &Part<'_>, entries: &[FrameEntry]) -> Result<Word> {
    let (node, (seq, hash)) = (part.stream.node, part.last);
    match run.roster.accepts(node) {
        Accepted::Unknown => return Ok(Word::Early(format!("{node} is no member of the vault yet"))),
        Accepted::UpTo(cut) if !counts(run, part)? => {
            let range = Range { stream: part.stream, from: seq, to: seq, hash: hash.unwrap_or(Hash::ZERO) };
            let is_awaited = proof::is_awaited(run, cut, &range)?;
            return Ok(if is_awaited {
                Word::Early("what comes before it is not here yet".to_owned())
            } else {
                Word::Nobodys
            });
        }
        Accepted::Yes | Accepted::UpTo(_) => {}
    }
    let Some(key) = key_of(run, node, entries)? else {
        return Ok(Word::Early("what comes before it is not here yet".to_owned()));
    };
    if !part.is_signed(&key) {
        return Ok(Word::Nobodys);
    }
    if is_clock_bad(run, part) {
        return Ok(Word::Early(format!("refused: {BAD_CLOCK} at {seq} of {node}")));
    }
    Ok(Word::Counts)
}

/// True where the journal would refuse a part for its clock.
pub(super) fn is_clock_bad(run: &Run<'_, '_>, part: &Part<'_>) -> bool {
    let clocks = part.entries.iter().filter_map(|entry| Header::decode(&entry.header).ok()).map(|header| header.hlc);
    clocks.max().is_some_and(|clock| is_bad_clock(clock, run.now().0))
}

/// A node's public key: the roster's, the journal's, or the one that its own stream begins with, which makes its id.
pub(super) fn key_of(run: &Run<'_, '_>, node: NodeId, entries: &[FrameEntry]) -> Result<Option<PublicKey>> {
    let of_roster = run.roster.nodes.get(&node).and_then(|member| member.public_key);
    let known = match of_roster {
        Some(key) => Some(key),
        None => run.peer.memory.read::<_, Error>(|tx| Ok(tx.key_of(node)?))?,
    };
    let told = || {
        entries.iter().find_map(|entry| {
            let header = Header::decode(&entry.header).ok().filter(|header| header.node == node && header.seq == 1)?;
            let body = entry.stored_body(&header)?.read().ok()?;
            from_hex::<32>(body.registers.get(PUBLIC_KEY.name)?.as_str()?)
        })
    };
    Ok(known.or_else(told).and_then(|key| PublicKey::read(&key)).filter(|key| key.node_id() == node))
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
