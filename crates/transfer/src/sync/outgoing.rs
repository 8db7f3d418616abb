//! Writing files below this node's own name.
//!
//! **Invariant:** a path that is written begins with this node's directory.

use super::run::Run;
use crate::format::clear::{Clear, FileKind, NONCE_BYTES, Range};
use crate::format::seal::{self, FileKey};
use crate::remote::Created;
use jay_types::surroundings::random;
use jay_types::{Code, Error, Result};

impl Run<'_, '_> {
    /// The key in which this machine seals: the one that the roster names.
    ///
    /// # Errors
    /// `busy` where that key has not come yet: sealing with an earlier one would let those read who were removed, and with one that
    /// merely lies in a key ring whoever put it there.
    pub(super) fn sealing_key(&self) -> Result<FileKey> {
        let Some(id) = self.roster.key else {
            // Who has just joined knows the vault's entity only after its first pull.
            return self.keys.newest_given().ok_or_else(|| {
                Error::new(Code::Busy, "nothing of this vault's members has come yet").hint(format!(
                    "Run `jay sync {}` again when the files of the other machines are here.",
                    self.config.name
                ))
            });
        };
        self.keys.key(id).ok_or_else(|| {
            Error::new(Code::Busy, format!("the key of epoch {} of this vault has not come yet", id.epoch)).hint(format!(
                "Let the machine that began it sync with `{name}`, then run `jay sync {name}` again; a member can begin \
                 another epoch with `jay vault rotate {name}`.",
                name = self.config.name
            ))
        })
    }

    /// A sealed file, with its name.
    pub(super) fn sealed(
        &self,
        kind: FileKind,
        key: &FileKey,
        ranges: Vec<Range>,
        content: &[u8],
    ) -> (String, Vec<u8>) {
        let nonce: [u8; NONCE_BYTES] = random(self.peer.surroundings);
        let clear = Clear { kind, vault: self.keys.vault, key: key.id, node: self.node, ranges, nonce };
        let file = seal::seal(&clear, key, content);
        (clear.name(&seal::hash_of(&file)), file)
    }

    /// Writes a file that never changes.
    pub(super) fn write_new(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        // Nobody else writes under a name that holds a hash of these very bytes.
        if self.remote.create(path, bytes)? == Created::Written {
            self.report.bytes_written += bytes.len() as u64;
            self.report.files_written += 1;
        }
        Ok(())
    }

    /// Replaces a file that changes.
    pub(super) fn replace(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.remote.replace(path, bytes)?;
        self.report.bytes_written += bytes.len() as u64;
        self.report.files_written += 1;
        Ok(())
    }
}
