//! Sealing: content under an epoch's key, with the clear header as associated data.
//!
//! XChaCha20-Poly1305 in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and
//! its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) as the `aead` crate has it: chunks of 64 KiB, each with a tag of 16 bytes,
//! numbered by a big-endian counter, the last one marked. A file that was cut off at a chunk's end does not open. Each file has
//! a key of its own: BLAKE3-derive("scrubjay file v1", epoch key ‖ nonce), so that no two files share a keystream whatever
//! their nonces.
//!
//! **Invariant:** nothing of what is opened is given out before its chunk's tag held; nothing of a whole file before all did.

use super::FileFault;
use super::clear::{Clear, KeyId, NONCE_BYTES};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::aead::{KeyInit as _, Payload};
use jay_types::Hash;
use std::io::{self, Read, Write};

/// Bytes from which [`open_front`] opens the front of a file without ranges.
pub const FRONT_BYTES: u64 = (super::clear::FIXED_BYTES + CHUNK_BYTES + TAG_BYTES) as u64;
/// Bytes of content in a chunk.
pub const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;

/// A key of a vault, or of an invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey {
    /// Which one.
    pub id: KeyId,
    secret: [u8; 32],
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileKey({:?})", self.id)
    }
}

impl FileKey {
    /// The key of an epoch.
    #[must_use]
    pub fn new(epoch: u32, secret: [u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("scrubjay key id v1");
        hasher.update(&secret);
        let mut id = [0; 8];
        hasher.finalize_xof().fill(&mut id);
        Self { id: KeyId { epoch, id }, secret }
    }

    /// Its 32 secret bytes.
    #[must_use]
    pub const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn cipher(&self, nonce: &[u8; NONCE_BYTES]) -> XChaCha20Poly1305 {
        let mut hasher = blake3::Hasher::new_derive_key("scrubjay file v1");
        hasher.update(&self.secret);
        hasher.update(nonce);
        XChaCha20Poly1305::new(hasher.finalize().as_bytes().into())
    }
}

/// Bytes that content of this size takes once it is sealed.
#[must_use]
pub const fn sealed_bytes(content: u64) -> u64 {
    let chunks = if content == 0 { 1 } else { content.div_ceil(CHUNK_BYTES as u64) };
    content + chunks * TAG_BYTES as u64
}

/// A whole file: clear header and sealed content. `clear.key` must be the key's id.
#[must_use]
pub fn seal(clear: &Clear, key: &FileKey, content: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let sealed = seal_from(clear, key, content.len() as u64, &mut &*content, &mut file);
    sealed.unwrap_or_else(|error| unreachable!("memory is read and written without faults: {error}"));
    file
}

/// As [`seal`], for content of `content_bytes` that need not fit into memory.
///
/// # Errors
/// What reading and writing say; `InvalidData` where there is less to read.
pub fn seal_from(
    clear: &Clear,
    key: &FileKey,
    content_bytes: u64,
    from: &mut dyn Read,
    into: &mut dyn Write,
) -> io::Result<()> {
    let header = clear.encode(sealed_bytes(content_bytes));
    into.write_all(&header)?;
    let mut encryptor = EncryptorBE32::from_aead(key.cipher(&clear.nonce), (&clear.nonce).into());
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = content_bytes;
    loop {
        let size = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let msg = chunk.get_mut(..size).unwrap_or_default();
        from.read_exact(msg)?;
        left -= size as u64;
        let payload = Payload { msg, aad: &header };
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "the content is too long to be sealed");
        if left == 0 {
            return into.write_all(&encryptor.encrypt_last(payload).map_err(too_long)?);
        }
        into.write_all(&encryptor.encrypt_next(payload).map_err(too_long)?)?;
    }
}

/// The content of a whole file in memory.
///
/// # Errors
/// [`FileFault`].
pub fn open(file: &[u8], key_of: &dyn Fn(KeyId) -> Option<FileKey>) -> Result<(Clear, Vec<u8>), FileFault> {
    let (clear, size, whole) = Clear::decode(file)?;
    if (file.len() as u64) < whole {
        return Err(FileFault::Incomplete);
    }
    if file.len() as u64 > whole {
        return Err(FileFault::Damaged);
    }
    let key = key_of(clear.key).ok_or(FileFault::NoKey)?;
    let (header, sealed) = file.split_at(size);
    let mut content = Vec::with_capacity(sealed.len());
    open_chunks(&clear, header, &key, &mut &*sealed, &mut content).map_err(|_| FileFault::Damaged)?;
    Ok((clear, content))
}

/// The content of a file of any size, chunk by chunk. What was written to `into` counts only once this has returned.
///
/// # Errors
/// [`FileFault`] as [`io::ErrorKind::InvalidData`]; what reading and writing say.
pub fn open_from(
    from: &mut dyn Read,
    key_of: &dyn Fn(KeyId) -> Option<FileKey>,
    into: &mut dyn Write,
) -> io::Result<Clear> {
    let faulty = |fault: FileFault| io::Error::new(io::ErrorKind::InvalidData, fault);
    let mut start = [0; 12];
    from.read_exact(&mut start)?;
    let size = u32::from_be_bytes([start[8], start[9], start[10], start[11]]) as usize;
    if size > super::clear::CLEAR_MAX_BYTES || size < start.len() {
        return Err(faulty(FileFault::NotOurs));
    }
    let mut header = vec![0; size];
    let (front, rest) = header.split_at_mut(start.len());
    front.copy_from_slice(&start);
    from.read_exact(rest)?;
    let (clear, ..) = Clear::decode(&header).map_err(faulty)?;
    let key = key_of(clear.key).ok_or_else(|| faulty(FileFault::NoKey))?;
    open_chunks(&clear, &header, &key, from, into)?;
    Ok(clear)
}

/// The clear header of a file without ranges, of which `front` are the first [`FRONT_BYTES`] or all, and the size of the whole: both hold
/// under the key as the first chunk does.
///
/// # Errors
/// [`FileFault`].
pub fn open_front(front: &[u8], key_of: &dyn Fn(KeyId) -> Option<FileKey>) -> Result<(Clear, u64), FileFault> {
    let (clear, size, whole) = Clear::decode(front)?;
    let key = key_of(clear.key).ok_or(FileFault::NoKey)?;
    let (aad, sealed) = front.split_at(size);
    let chunk = sealed.get(..CHUNK_BYTES + TAG_BYTES).unwrap_or(sealed);
    let mut decryptor = DecryptorBE32::from_aead(key.cipher(&clear.nonce), (&clear.nonce).into());
    let payload = Payload { msg: chunk, aad };
    let is_last = (size + chunk.len()) as u64 == whole;
    let opened = if is_last { decryptor.decrypt_last(payload) } else { decryptor.decrypt_next(payload) };
    opened.map_err(|_| FileFault::Damaged)?;
    Ok((clear, whole))
}

fn open_chunks(
    clear: &Clear,
    header: &[u8],
    key: &FileKey,
    from: &mut dyn Read,
    into: &mut dyn Write,
) -> io::Result<()> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, FileFault::Damaged);
    let mut decryptor = DecryptorBE32::from_aead(key.cipher(&clear.nonce), (&clear.nonce).into());
    let mut chunk = read_chunk(from)?;
    loop {
        let next = if chunk.len() == CHUNK_BYTES + TAG_BYTES { read_chunk(from)? } else { Vec::new() };
        let payload = Payload { msg: chunk.as_slice(), aad: header };
        if next.is_empty() {
            return into.write_all(&decryptor.decrypt_last(payload).map_err(|_| damaged())?);
        }
        into.write_all(&decryptor.decrypt_next(payload).map_err(|_| damaged())?)?;
        chunk = next;
    }
}

fn read_chunk(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    from.take((CHUNK_BYTES + TAG_BYTES) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// The hash that stands in a file's name.
#[must_use]
pub fn hash_of(file: &[u8]) -> Hash {
    Hash::of(file)
}

#[cfg(test)]
mod tests {
    use super::super::clear::tests::sample;
    use super::*;

    fn key() -> FileKey {
        FileKey::new(2, [5; 32])
    }

    fn clear(ranges: u64) -> Clear {
        Clear { key: key().id, ..sample(ranges) }
    }

    fn find(id: KeyId) -> Option<FileKey> {
        Some(key()).filter(|key| key.id == id)
    }

    #[test]
    fn content_of_any_size_comes_back() {
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_000] {
            let content: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let file = seal(&clear(1), &key(), &content);
            assert_eq!(file.len() as u64, clear(1).size_bytes() as u64 + sealed_bytes(size as u64), "{size}");
            assert_eq!(open(&file, &find), Ok((clear(1), content.clone())));
            let mut streamed = Vec::new();
            assert_eq!(open_from(&mut &*file, &find, &mut streamed).unwrap(), clear(1));
            assert_eq!(streamed, content);
        }
    }

    #[test]
    fn every_changed_byte_is_found_and_every_cut_is_incomplete() {
        let file = seal(&clear(2), &key(), b"what was said");
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &find).is_err(), "byte {at}");
            assert_eq!(open(&file[..at], &find), Err(FileFault::Incomplete), "cut at {at}");
        }
        assert_eq!(open(&[file.as_slice(), b"x"].concat(), &find), Err(FileFault::Damaged));
        assert_eq!(open(&file, &|_| None), Err(FileFault::NoKey));
        let other = FileKey { id: key().id, ..FileKey::new(2, [6; 32]) };
        assert_eq!(open(&file, &|_| Some(other.clone())), Err(FileFault::Damaged));
    }

    #[test]
    fn the_front_of_a_file_tells_its_size_under_the_key() {
        for size in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000] {
            let file = seal(&clear(0), &key(), &vec![7; size]);
            let front = &file[..file.len().min(FRONT_BYTES as usize)];
            assert_eq!(open_front(front, &find), Ok((clear(0), file.len() as u64)), "{size}");
            for at in 0..clear(0).size_bytes() {
                let mut changed = front.to_vec();
                changed[at] ^= 1;
                assert!(open_front(&changed, &find).is_err(), "byte {at}");
            }
            assert!(open_front(&front[..front.len() - 1], &find).is_err());
            assert_eq!(open_front(front, &|_| None), Err(FileFault::NoKey));
        }
    }

    #[test]
    fn chunks_cannot_be_left_out_or_exchanged() {
        let content = vec![1; 3 * CHUNK_BYTES];
        let file = seal(&clear(0), &key(), &content);
        let header = clear(0).size_bytes();
        let sealed_chunk = CHUNK_BYTES + TAG_BYTES;
        let mut exchanged = file.clone();
        let (first, second) = exchanged[header..].split_at_mut(sealed_chunk);
        first.swap_with_slice(&mut second[..sealed_chunk]);
        assert_eq!(open(&exchanged, &find), Err(FileFault::Damaged));
        // A reader of a stream has only the seal to tell that the end is missing.
        let cut = &file[..file.len() - sealed_chunk];
        assert!(open_from(&mut &*cut, &find, &mut Vec::new()).is_err());
    }
}
