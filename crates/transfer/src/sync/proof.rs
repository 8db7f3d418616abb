//! What of a removed node's streams counts: the changes that lead to the ends which the roster names.
//!
//! A change tells the hash of the one before it and not of the one after it. So nothing of such a stream is taken in before its files
//! are here up to a named end; then the chain is followed back from there to what is held.
//!
//! **Invariant:** whatever a removed node signs now, and with which numbers, is on the way to no named end.

use super::pull;
use super::run::Run;
use super::state::FileState;
use crate::format::clear::Range;
use crate::format::segment::SEGMENT_MAX_BYTES;
use crate::vault::cut::Cut;
use crate::vault::members::Held;
use crate::vault::roster::Accepted;
use jay_types::change::Header;
use jay_types::change::header::StreamId;
use jay_types::{Hash, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was followed in this sync.
#[derive(Default)]
pub(super) struct Proof {
    /// Of each change of removed nodes that lies there the one before it.
    links: HashMap<Hash, Link>,
    /// The files that these are of.
    read: BTreeSet<String>,
    /// What leads to a named end and is not held.
    proven: BTreeMap<StreamId, BTreeSet<(u64, Hash)>>,
}

/// A change's place, and the hash of the one before it.
struct Link {
    stream: StreamId,
    seq: u64,
    before: Hash,
}

impl Proof {
    /// True where a change of a removed node counts.
    pub(super) fn allows(&self, stream: StreamId, seq: u64, hash: Hash) -> bool {
        self.proven.get(&stream).is_some_and(|proven| proven.contains(&(seq, hash)))
    }

    /// True where a change may count that has a number of the range: which one it is, the file itself tells.
    pub(super) fn allows_some(&self, range: &Range) -> bool {
        let numbers = (range.from, Hash::ZERO)..=(range.to, Hash([u8::MAX; 32]));
        self.proven.get(&range.stream).is_some_and(|proven| proven.range(numbers).next().is_some())
    }

    /// The changes from an end back to what `is_held`; none where one of them lies nowhere.
    fn way_to(&self, stream: StreamId, end: (u64, Hash), is_held: Held<'_>) -> Result<Option<Vec<(u64, Hash)>>> {
        let (mut way, (mut seq, mut hash)) = (Vec::new(), end);
        while seq > 0 && !is_held(stream, seq, hash)? {
            let Some(link) = self.links.get(&hash).filter(|link| link.stream == stream && link.seq == seq) else {
                return Ok(None);
            };
            way.push((seq, hash));
            (seq, hash) = (seq - 1, link.before);
        }
        Ok(Some(way))
    }
}

/// Follows the chains of removed nodes, where something of them waits; true where more counts than before.
pub(super) fn extend(run: &mut Run<'_, '_>) -> Result<bool> {
    let awaited = awaited(run)?;
    if awaited.is_empty() {
        return Ok(false);
    }
    read_links(run, &awaited)?;
    let mut proven: BTreeMap<StreamId, BTreeSet<(u64, Hash)>> = BTreeMap::new();
    for (stream, end) in awaited {
        let way = run.proof.way_to(stream, end, &|stream, seq, hash| run.has(stream, seq, hash))?;
        proven.entry(stream).or_default().extend(way.into_iter().flatten());
    }
    let is_more = proven.iter().any(|(stream, new)| {
        let before = run.proof.proven.get(stream);
        new.iter().any(|change| before.is_none_or(|before| !before.contains(change)))
    });
    run.proof.proven = proven;
    Ok(is_more)
}

/// The named ends that are not held, of the streams of which something waits.
fn awaited(run: &Run<'_, '_>) -> Result<Vec<(StreamId, (u64, Hash))>> {
    let waiting = run.state.files.values().filter(|record| record.state == FileState::Waiting);
    let streams: BTreeSet<StreamId> = waiting
        .flat_map(|record| &record.ranges)
        .map(|range| range.stream)
        .filter(|s| cut_of(run, s.node).is_some())
        .collect();
    let mut awaited = Vec::new();
    for stream in streams {
        for (seq, hash) in cut_of(run, stream.node).into_iter().flat_map(|cut| cut.ends(stream)) {
            if !run.has(stream, seq, hash)? {
                awaited.push((stream, (seq, hash)));
            }
        }
    }
    Ok(awaited)
}

fn cut_of<'r>(run: &'r Run<'_, '_>, node: NodeId) -> Option<&'r Cut> {
    match run.roster.accepts(node) {
        Accepted::UpTo(cut) => Some(cut),
        Accepted::Yes | Accepted::Unknown => None,
    }
}

/// Reads what waits of the streams, and notes how its changes follow one another. A file that cannot be read is told by the pull.
fn read_links(run: &mut Run<'_, '_>, awaited: &[(StreamId, (u64, Hash))]) -> Result<()> {
    let is_on_a_way =
        |range: &Range| awaited.iter().any(|(stream, (seq, _))| *stream == range.stream && range.from <= *seq);
    let paths: Vec<String> = run
        .listing
        .iter()
        .filter(|file| !run.proof.read.contains(&file.path))
        .filter(|file| run.state.files.get(&file.path).is_some_and(|record| record.ranges.iter().any(is_on_a_way)))
        .map(|file| file.path.clone())
        .collect();
    for path in paths {
        let Some(bytes) = run.remote.read(&path, SEGMENT_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        let Ok((_, entries)) = pull::open(run, &bytes) else { continue };
        for header in entries.iter().filter_map(|entry| Header::decode(&entry.header).ok()) {
            let link = Link { stream: header.stream(), seq: header.seq, before: header.prev_hash };
            if awaited.iter().any(|(stream, _)| *stream == link.stream) {
                run.proof.links.insert(header.hash(), link);
            }
        }
        run.proof.read.insert(path);
    }
    Ok(())
}

/// True where a range may lead to a named end that is not held.
pub(super) fn is_awaited(run: &Run<'_, '_>, cut: &Cut, range: &Range) -> Result<bool> {
    for (seq, hash) in cut.ends(range.stream).filter(|(seq, _)| *seq >= range.from) {
        if !run.has(range.stream, seq, hash)? {
            return Ok(true);
        }
    }
    Ok(false)
}
