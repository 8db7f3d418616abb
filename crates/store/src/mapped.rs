//! Files that are mapped into memory: the one place of this workspace with unsafe code.
//!
//! Mapping a file is unsafe because the bytes behind the slice change where somebody writes to the file. Files that are
//! mapped here are derived, stand in the store's own directory (0700), get their name only when they are complete
//! (temporary file, sync, rename), and are never written, cut or extended after that: they are replaced by others and
//! unlinked, and an unlinked file stays mapped. What a reader decodes is checked all the same, so that damaged bytes
//! are an error.
//!
//! **Invariant:** only files that no program of ours writes again are mapped.

#![expect(unsafe_code, reason = "mapping a file is unsafe by nature; the head says why it holds here")]

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::path::Path;

/// The bytes of a file that does not change.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// None for an empty file, which cannot be mapped.
    map: Option<Mmap>,
}

impl Mapped {
    /// Maps a whole file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: the file is complete and nobody writes to it again, see the head of this module.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self { map: Some(map) })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
