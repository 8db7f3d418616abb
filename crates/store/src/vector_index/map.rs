//! Mapping an index file into memory.
//!
//! **Why unsafe:** bytes of a mapped file change where somebody writes them, which the compiler takes for impossible, and
//! reading behind the end of a file that was cut kills the process. Both are kept out by what stands around this file:
//! writers hold the store's write lock, write only behind the committed count and never shorten a file (it is replaced
//! by another one); readers use nothing behind the count that they read before they mapped. A purge that erases a
//! replaced file changes bytes under a reader: numbers that are compared with a checksum, no reference, length or text.
//! Whoever else can write the file owns the data directory, and the database in it.
//!
//! **Invariant:** a map is read-only and is never longer than its file was when it was made.
#![allow(unsafe_code)]

use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io;

/// The first bytes of a file, in memory.
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps the first `length` bytes of a file that is at least so long.
    pub(crate) fn of(file: &File, length: usize) -> io::Result<Self> {
        if file.metadata()?.len() < length as u64 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        // SAFETY: the file is as long, and nobody who keeps to the rules above changes what is used of it.
        unsafe { MmapOptions::new().len(length).map(file).map(Self) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
