//! Index files that are mapped into memory: the one place of this crate with unsafe code.
//!
//! **Why unsafe:** bytes of a mapped file change where somebody writes them, which the compiler takes for impossible, and
//! reading behind the end of a file that was cut kills the process. Both are kept out by what stands around this file.
//! A segment of the text index gets its name only when it is complete and is never written again: it is replaced and
//! unlinked, and an unlinked file stays mapped. A vector index is extended under the store's write lock behind its
//! committed count, which readers take before they map, and is never shortened. A purge that erases a replaced file
//! changes bytes under a reader: numbers that are compared with a checksum, no reference, length or text. Whoever else can
//! write the files owns the data directory, and the database in it. What a reader decodes is checked all the same, and
//! before each question it is looked whether a segment was cut ([`Mapped::is_whole`]).
//!
//! **Invariant:** a map is read-only and is never longer than its file was when it was made.
#![allow(unsafe_code)]

use memmap2::{Mmap, MmapMut, MmapOptions};
use std::fs::File;
use std::io;
use std::path::Path;

/// The bytes of a file as far as they do not change.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// None for an empty file, which cannot be mapped.
    map: Option<Mmap>,
    /// None for bytes that were never in a file.
    file: Option<File>,
}

impl Mapped {
    /// Maps a whole file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Self::first(&file, length)
    }

    /// Maps the first `length` bytes of a file that is at least so long.
    pub(crate) fn first(file: &File, length: usize) -> io::Result<Self> {
        if file.metadata()?.len() < length as u64 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        if length == 0 {
            return Ok(Self { map: None, file: Some(file.try_clone()?) });
        }
        // SAFETY: the file is as long, and nobody who keeps to the rules above changes what is used of it.
        let map = unsafe { MmapOptions::new().len(length).map(file) }?;
        Ok(Self { map: Some(map), file: Some(file.try_clone()?) })
    }

    /// Bytes of no file, for who makes them up (`probe`).
    pub(crate) fn of(bytes: &[u8]) -> io::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self { map: None, file: None });
        }
        let mut map = MmapMut::map_anon(bytes.len())?;
        map.copy_from_slice(bytes);
        Ok(Self { map: Some(map.make_read_only()?), file: None })
    }

    /// False where somebody has cut the file: what is mapped behind its end must not be read.
    pub(crate) fn is_whole(&self) -> bool {
        let holds = |file: &File| file.metadata().is_ok_and(|metadata| metadata.len() >= self.bytes_len());
        self.file.as_ref().is_none_or(holds)
    }

    fn bytes_len(&self) -> u64 {
        self.map.as_ref().map_or(0, |map| map.len() as u64)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
