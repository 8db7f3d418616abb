//! Large files: fetched and sent piece by piece, so that a line that breaks costs one piece.
//!
//! **Invariant:** pieces of two files are never put together; what was sent in part is no file, and is dropped.

use super::fault::Fault;
use super::{Bucket, PIECE_BYTES};
use crate::remote::{Created, Moved};
use jay_types::{Code, Error, Result};
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, PutPayload};
use std::io::Read;
use std::sync::atomic::Ordering;

/// Most parts of an upload: S3 takes 10,000.
const PARTS_MAX: u64 = 9_000;

/// Some bytes of a file, with what is known of the whole.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) meta: ObjectMeta,
}

/// Parts of one size, as some providers demand, in whole MiB.
fn part_bytes_for(size: u64) -> u64 {
    PIECE_BYTES.max(size.div_ceil(PARTS_MAX).next_multiple_of(1 << 20))
}

/// Exactly so many bytes: a file that became shorter is not sent.
pub(super) fn read_part(source: &mut dyn Read, bytes: u64) -> Result<Vec<u8>> {
    let mut part = Vec::new();
    let read = source.take(bytes).read_to_end(&mut part);
    read.map_err(|error| Error::io("cannot read the file that is sent", &error))?;
    if part.len() as u64 != bytes {
        return Err(
            Error::new(Code::Io, "the file that is sent became shorter while it was read").hint("Run this again.")
        );
    }
    Ok(part)
}

impl Bucket {
    /// One piece of a file, with what is known of the whole.
    pub(super) fn piece(&self, key: &Key, start: u64, end: u64, seen: Option<&ObjectMeta>) -> Result<Piece, Fault> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(start..end)),
            // Pieces of different files do not belong together.
            if_match: seen.and_then(|meta| meta.e_tag.clone()),
            ..GetOptions::default()
        };
        self.ask(async {
            let result = self.stores.store.get_opts(key, options).await?;
            let meta = result.meta.clone();
            Ok(Piece { bytes: result.bytes().await?.to_vec(), meta })
        })
    }

    /// The first `max_bytes` of a file, piece by piece; false where it is not there.
    pub(super) fn fetch(
        &self,
        path: &str,
        max_bytes: u64,
        take: &mut dyn FnMut(&[u8], u64) -> std::io::Result<()>,
    ) -> Result<bool> {
        let key = self.key(path)?;
        let doing = format!("read {path}");
        if max_bytes == 0 {
            return Ok(self.size_of(&key, &doing)?.is_some());
        }
        let mut seen: Option<ObjectMeta> = None;
        let mut done = 0;
        loop {
            let whole = seen.as_ref().map_or(u64::MAX, |meta| meta.size).min(max_bytes);
            if done >= whole {
                return Ok(true);
            }
            let piece = match self.piece(&key, done, whole.min(done + PIECE_BYTES), seen.as_ref()) {
                Ok(piece) => piece,
                Err(fault) if seen.is_none() && fault.is_absent() => return Ok(false),
                // Of an empty file there is no first piece.
                Err(fault) if seen.is_none() && fault.is_behind_end() => return Ok(true),
                Err(fault) => return Err(self.told(&fault, &doing)),
            };
            done += piece.bytes.len() as u64;
            take(&piece.bytes, done).map_err(|error| Error::io(format!("cannot write what came of {path}"), &error))?;
            if piece.bytes.is_empty() {
                return Err(Error::new(Code::Io, format!("{path} ended before its size was read")));
            }
            seen = Some(piece.meta);
        }
    }

    /// Looks, then sends a file in parts, which become a file when all are there.
    pub(super) fn create_of_parts(
        &self,
        key: &Key,
        source: &mut dyn Read,
        size: u64,
        doing: &str,
        moved: &mut Moved<'_>,
    ) -> Result<Created> {
        if self.size_of(key, doing)?.is_some() {
            return Ok(Created::Exists);
        }
        let fail = |fault: Fault| self.told(&fault, doing);
        let id = self.ask(self.stores.store.create_multipart(key)).map_err(fail)?;
        let sent = self.send_each(key, &id, source, size, doing, moved).and_then(|parts| {
            // A part takes its time: whoever else came before is not written over, condition or not.
            if self.size_of(key, doing)?.is_some() {
                return Ok(Created::Exists);
            }
            match self.complete(key, &id, parts) {
                Ok(()) => Ok(Created::Written),
                // The answer to a completion may be lost, and the next one find a file or no upload any more.
                Err(fault) if fault.was_repeated() && self.size_of(key, doing)? == Some(size) => Ok(Created::Written),
                Err(fault) if fault.is_taken() => Ok(Created::Exists),
                Err(fault) => Err(self.told(&fault, doing)),
            }
        });
        if !matches!(sent, Ok(Created::Written)) {
            // What was sent costs room until it is dropped. That it could not be is no reason to fail otherwise.
            let _ = self.ask(self.stores.store.abort_multipart(key, &id));
        }
        sent
    }

    fn send_each(
        &self,
        key: &Key,
        id: &String,
        source: &mut dyn Read,
        size: u64,
        doing: &str,
        moved: &mut Moved<'_>,
    ) -> Result<Vec<PartId>> {
        let part_bytes = part_bytes_for(size);
        let mut parts = Vec::new();
        let mut done = 0;
        while done < size {
            let bytes = read_part(source, part_bytes.min(size - done))?;
            done += bytes.len() as u64;
            let part = self.stores.store.put_part(key, id, parts.len(), PutPayload::from(bytes));
            parts.push(self.ask(part).map_err(|fault| self.told(&fault, doing))?);
            moved(done);
        }
        Ok(parts)
    }

    /// Makes a file of its parts, under the condition that none is there where the server knows one.
    fn complete(&self, key: &Key, id: &String, parts: Vec<PartId>) -> Result<(), Fault> {
        if !self.is_unconditional.load(Ordering::Relaxed) {
            match self.ask(self.stores.completing.complete_multipart(key, id, parts.clone())) {
                Err(fault) if fault.is_condition_unknown() => self.note_unconditional(),
                other => return other.map(drop),
            }
        }
        self.ask(self.stores.store.complete_multipart(key, id, parts)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_size_has_parts_that_s3_takes() {
        for size in [PIECE_BYTES + 1, 1 << 30, 5 << 40] {
            let part = part_bytes_for(size);
            assert!((5 << 20..=5 << 30).contains(&part), "{size}: {part}");
            assert!(size.div_ceil(part) <= 10_000, "{size}: {part}");
        }
        assert_eq!(part_bytes_for(PIECE_BYTES + 1), PIECE_BYTES);
    }
}
