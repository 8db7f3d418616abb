//! The frame: changes on their way between stores.
//!
//! ```text
//! "JAYFRAME"  version u8 = 1  count u32
//! count times:
//!   header length u16, header
//!   flags u8: 1 body follows, 2 signature follows
//!   [salt 16, body length u32, body]   [signature 64]
//! BLAKE3 of all that stands before, 32
//! ```
//! Numbers are big-endian. Headers carry their length so that a relay passes on what it cannot read. A frame is cut
//! between acts; the checksum finds damage, the signatures inside say who wrote.

use super::body::StoredBody;
use super::header::Header;
use super::sign::Signature;
use crate::bounds::FRAME_MAX_BYTES;
use crate::id::Hash;

const MAGIC: &[u8; 8] = b"JAYFRAME";
const VERSION: u8 = 1;
const FLAG_BODY: u8 = 1;
const FLAG_SIGNATURE: u8 = 2;

/// One change in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameEntry {
    /// The header's bytes, of whatever version.
    pub header: Vec<u8>,
    /// Salt and stored bytes of the body, where it travels.
    pub body: Option<([u8; 16], Vec<u8>)>,
    /// The signature, on the last header of each (act, stream).
    pub signature: Option<Signature>,
}

impl FrameEntry {
    /// The body, read with the encoding that the header names.
    #[must_use]
    pub fn stored_body(&self, header: &Header) -> Option<StoredBody> {
        self.body.as_ref().map(|(salt, bytes)| StoredBody {
            encoding: header.encoding,
            salt: *salt,
            bytes: bytes.clone(),
        })
    }

    /// Bytes that it takes in a frame.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        3 + self.header.len()
            + self.body.as_ref().map_or(0, |(_, bytes)| 20 + bytes.len())
            + self.signature.as_ref().map_or(0, |_| 64)
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// More bytes than [`FRAME_MAX_BYTES`].
    #[error("frame of {0} bytes is over the bound of {FRAME_MAX_BYTES}")]
    TooLarge(usize),
    /// Another file, or a version that this program does not know.
    #[error("not a frame of version {VERSION}")]
    NotAFrame,
    /// Cut off, or changed on the way.
    #[error("frame is damaged")]
    Damaged,
}

/// Writes a frame.
///
/// # Errors
/// [`FrameFault::TooLarge`]; the caller cuts between acts.
pub fn encode(entries: &[FrameEntry]) -> Result<Vec<u8>, FrameFault> {
    let size = MAGIC.len() + 5 + 32 + entries.iter().map(FrameEntry::size_bytes).sum::<usize>();
    if size > FRAME_MAX_BYTES {
        return Err(FrameFault::TooLarge(size));
    }
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    for entry in entries {
        out.extend_from_slice(&(entry.header.len() as u16).to_be_bytes());
        out.extend_from_slice(&entry.header);
        let body = if entry.body.is_some() { FLAG_BODY } else { 0 };
        out.push(body | if entry.signature.is_some() { FLAG_SIGNATURE } else { 0 });
        if let Some((salt, bytes)) = &entry.body {
            out.extend_from_slice(salt);
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        if let Some(signature) = &entry.signature {
            out.extend_from_slice(signature);
        }
    }
    out.extend_from_slice(&Hash::of(&out).0);
    Ok(out)
}

/// Reads a frame.
///
/// # Errors
/// [`FrameFault`].
pub fn decode(bytes: &[u8]) -> Result<Vec<FrameEntry>, FrameFault> {
    if bytes.len() > FRAME_MAX_BYTES {
        return Err(FrameFault::TooLarge(bytes.len()));
    }
    let (content, checksum) = bytes.split_last_chunk::<32>().ok_or(FrameFault::NotAFrame)?;
    let mut rest = content.strip_prefix(MAGIC).ok_or(FrameFault::NotAFrame)?;
    if array::<1>(&mut rest)? != [VERSION] {
        return Err(FrameFault::NotAFrame);
    }
    if Hash::of(content).0 != *checksum {
        return Err(FrameFault::Damaged);
    }
    let count = u32::from_be_bytes(array(&mut rest)?);
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(&mut rest)?);
    }
    if rest.is_empty() { Ok(entries) } else { Err(FrameFault::Damaged) }
}

fn entry(rest: &mut &[u8]) -> Result<FrameEntry, FrameFault> {
    let header_length = u16::from_be_bytes(array(rest)?);
    let header = slice(rest, usize::from(header_length))?.to_vec();
    let [flags] = array::<1>(rest)?;
    if flags & !(FLAG_BODY | FLAG_SIGNATURE) != 0 {
        return Err(FrameFault::Damaged);
    }
    let body = if flags & FLAG_BODY != 0 {
        let salt = array(rest)?;
        let length = u32::from_be_bytes(array(rest)?);
        Some((salt, slice(rest, length as usize)?.to_vec()))
    } else {
        None
    };
    let signature = if flags & FLAG_SIGNATURE != 0 { Some(array(rest)?) } else { None };
    Ok(FrameEntry { header, body, signature })
}

fn slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], FrameFault> {
    let (head, tail) = rest.split_at_checked(length).ok_or(FrameFault::Damaged)?;
    *rest = tail;
    Ok(head)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FrameFault> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(FrameFault::Damaged)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Vec<FrameEntry>> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        let body = proptest::option::of((any::<[u8; 16]>(), bytes()));
        let signature = proptest::option::of(any::<[u8; 32]>().prop_map(|half| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&half);
            signature
        }));
        proptest::collection::vec(
            (bytes(), body, signature).prop_map(|(header, body, signature)| FrameEntry { header, body, signature }),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn round_trips(entries in entries()) {
            let bytes = encode(&entries).expect("small");
            prop_assert_eq!(decode(&bytes), Ok(entries));
        }

        #[test]
        fn every_flipped_or_missing_byte_is_found(entries in entries(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let bytes = encode(&entries).expect("small");
            let at = at.index(bytes.len());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            prop_assert!(decode(&flipped).is_err());
            prop_assert!(decode(&bytes[..at]).is_err());
        }

        #[test]
        fn noise_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
