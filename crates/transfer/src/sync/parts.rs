//! Parts: the changes of one (act, stream), which stand or fall together.

use jay_types::Hash;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::change::{Header, PublicKey};

/// A part of a segment.
pub(super) struct Part<'e> {
    /// Its stream.
    pub(super) stream: StreamId,
    /// The number and hash of the last change; no hash where its header is of a later version.
    pub(super) last: (u64, Option<Hash>),
    /// Its changes.
    pub(super) entries: &'e [FrameEntry],
}

impl Part<'_> {
    /// True where its author, whose key this is, has signed all of it, and its bodies are what was signed.
    pub(super) fn is_signed(&self, key: &PublicKey) -> bool {
        let mut before: Option<Hash> = None;
        for entry in self.entries {
            let Ok(header) = Header::decode(&entry.header) else { return false };
            let follows = before.is_none_or(|before| before == header.prev_hash);
            if !follows || entry.stored_body(&header).is_some_and(|body| body.hash() != header.body_hash) {
                return false;
            }
            before = Some(header.hash());
        }
        let signature = self.entries.last().and_then(|entry| entry.signature);
        before.zip(signature).is_some_and(|(hash, signature)| key.has_signed(self.stream.node, &hash, &signature))
    }
}

/// Cuts entries into parts. What has a header of a later version is a part by itself: the journal says what is to be done.
pub(super) fn cut(entries: &[FrameEntry]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let Some((_, stream, seq)) = Header::peek(&first.header) else {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let act = |entry: &FrameEntry| Header::decode(&entry.header).ok().map(|header| (header.stream(), header.act));
        let of = act(first);
        let size = match of {
            None => 1,
            Some(_) => rest.iter().take_while(|entry| act(entry) == of).count().max(1),
        };
        let (entries, tail) = rest.split_at(size.min(rest.len()));
        let last = entries.last().and_then(|entry| Header::decode(&entry.header).ok());
        let last = last.map_or((seq, None), |header| (header.seq, Some(header.hash())));
        parts.push(Part { stream, last, entries });
        rest = tail;
    }
    parts
}
