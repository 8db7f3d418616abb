//! A checkpoint of the remote as a file of this machine.
//!
//! Whoever carries the files can put anything in its place, of any size. So its front is read first: the seal of its first piece holds
//! for the clear header too, in which the size of the whole stands, and who has no key can give neither another size. Who has one
//! could still write without an end: there are no more bytes than the changes that members tell of could need.
//!
//! Its name has the hash of its bytes, and the head that its maker signed has the name: nobody else's, such as one of a removed member that
//! still has a key, comes in by it.
//!
//! **Invariant:** what this machine's disk says is never taken for a fault of the file: who is told that a checkpoint is damaged removes it.

use super::intact::is_named;
use super::push::held;
use super::run::Run;
use super::temporary::Temporary;
use crate::format::FileFault;
use crate::format::clear::{Clear, FileKind, KeyId};
use crate::format::seal::{self, FileKey};
use jay_types::{Code, Error, Hash, Result};
use std::io::{self, ErrorKind, Read, Seek as _, Write};

/// Bytes of a checkpoint that are allowed in any case, and for each change: a text has at most 64 KiB, most have less than one.
const FREE_BYTES: u64 = 1 << 30;
const CHANGE_MAX_BYTES: u64 = 256 << 10;

/// Opens a checkpoint of the remote into a file of this machine; none where it is not there.
///
/// # Errors
/// `verification_failed` where it is not what it says, `busy` where its key is not here, `io` where this machine cannot write it.
pub(super) fn fetch(run: &mut Run<'_, '_>, path: &str, plain: &Temporary) -> Result<Option<Clear>> {
    let Some(front) = run.remote.read(path, seal::FRONT_BYTES)? else { return Ok(None) };
    run.report.bytes_read += front.len() as u64;
    let (clear, bytes) = seal::open_front(&front, &|id| run.keys.key(id)).map_err(|fault| told(&fault))?;
    let max_bytes = max_bytes(run)?;
    let is_in_its_place = path.starts_with(&format!("nodes/{}/", clear.node));
    if clear.kind != FileKind::Checkpoint || clear.vault != run.keys.vault || !is_in_its_place {
        return Err(damaged("it is another file than its place says"));
    }
    if bytes > max_bytes {
        return Err(damaged(TOO_LARGE));
    }
    let sealed = Temporary::new(run.peer.memory, run.peer.surroundings, "sealed");
    let mut file = sealed.create()?;
    let mut into = Watched::new(&mut file, bytes);
    let progress = &mut run.progress;
    let mut read = 0;
    let downloaded = run.remote.download(path, &mut into, &mut |moved| {
        read = moved;
        progress(moved, bytes, "reading a checkpoint");
    });
    run.report.bytes_read += read;
    let hash = into.hash();
    if !into.settle(&sealed, downloaded)? {
        return Ok(None);
    }
    if !is_named(path, &clear, &hash) {
        return Err(told(&FileFault::Damaged));
    }
    file.rewind().map_err(|error| sealed.fault(&error))?;
    let mut from = Watched::new(&mut file, bytes);
    let mut unpacked = plain.create()?;
    let mut into = Watched::new(&mut unpacked, max_bytes);
    let opened = unpack(&mut from, &|id| run.keys.key(id), &mut into).map_err(|error| told_by(&error));
    // What it could not read fails as well where it could not write what it had read.
    from.check(&sealed)?;
    into.settle(plain, opened)?;
    unpacked.sync_all().map_err(|error| plain.fault(&error))?;
    Ok(Some(clear))
}

/// The most that an honest checkpoint could have, by what members tell and by what is here.
fn max_bytes(run: &Run<'_, '_>) -> Result<u64> {
    let told = run.state.heads.iter().filter(|(node, _)| run.roster.is_member(**node));
    let told = told.map(|(_, seen)| seen.head.changes.max(seen.head.checkpoint_changes)).max().unwrap_or(0);
    let here: u64 = run.peer.memory.read::<_, Error>(|tx| Ok(tx.branches()?))?.iter().map(held).sum();
    Ok(FREE_BYTES.saturating_add(told.max(here).saturating_mul(CHANGE_MAX_BYTES)))
}

/// Opens the seal of a file and unpacks what is in it.
fn unpack(from: &mut dyn Read, key_of: &dyn Fn(KeyId) -> Option<FileKey>, into: &mut dyn Write) -> io::Result<()> {
    let mut decoder = zstd::stream::write::Decoder::new(into)?;
    seal::open_from(from, key_of, &mut decoder)?;
    decoder.flush()
}

const TOO_LARGE: &str = "it is larger than it says, or than all that members tell of could be";

fn damaged(why: impl Into<String>) -> Error {
    Error::new(Code::VerificationFailed, why)
}

fn told(fault: &FileFault) -> Error {
    let code = if *fault == FileFault::NoKey { Code::Busy } else { Code::VerificationFailed };
    Error::new(code, fault.to_string())
}

fn told_by(error: &io::Error) -> Error {
    match error.get_ref().and_then(|fault| fault.downcast_ref::<FileFault>()) {
        Some(fault) => told(fault),
        None => damaged(error.to_string()),
    }
}

/// A file of this machine through which so many bytes go, at most. It remembers what was written and what this machine itself said.
pub(super) struct Watched<'f, F> {
    inner: &'f mut F,
    left: u64,
    is_over: bool,
    fault: Option<io::Error>,
    written: blake3::Hasher,
}

impl<'f, F> Watched<'f, F> {
    pub(super) fn new(inner: &'f mut F, max_bytes: u64) -> Self {
        Self { inner, left: max_bytes, is_over: false, fault: None, written: blake3::Hasher::new() }
    }

    /// Of all that was written.
    pub(super) fn hash(&self) -> Hash {
        Hash(*self.written.finalize().as_bytes())
    }

    /// Fails where this machine could not read or write.
    fn check(&mut self, file: &Temporary) -> Result<()> {
        self.fault.take().map_or(Ok(()), |fault| Err(file.fault(&fault)))
    }

    /// What became of it: what this machine said goes before what was made of it.
    fn settle<T>(mut self, file: &Temporary, result: Result<T>) -> Result<T> {
        self.check(file)?;
        if self.is_over { Err(damaged(TOO_LARGE)) } else { result }
    }

    fn noted(&mut self, done: io::Result<usize>) -> io::Result<usize> {
        match done {
            Ok(bytes) => {
                self.left = self.left.saturating_sub(bytes as u64);
                Ok(bytes)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.fault = Some(error);
                Err(kind.into())
            }
        }
    }
}

impl<F: Write> Write for Watched<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            self.is_over = true;
            return Err(ErrorKind::FileTooLarge.into());
        }
        let done = self.inner.write(bytes);
        let done = self.noted(done)?;
        self.written.update(bytes.get(..done).unwrap_or_default());
        Ok(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.inner.flush().map(|()| 0);
        self.noted(done).map(drop)
    }
}

impl<F: Read> Read for Watched<'_, F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let done = self.inner.read(bytes);
        self.noted(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::clear::tests::sample;

    const MAX_BYTES: u64 = 1 << 20;

    fn key(id: KeyId) -> Option<FileKey> {
        Some(FileKey::new(2, [5; 32])).filter(|key| key.id == id)
    }

    fn sealed(content: &[u8]) -> Vec<u8> {
        let key = FileKey::new(2, [5; 32]);
        let packed = zstd::bulk::compress(content, 3).unwrap();
        seal::seal(&Clear { kind: FileKind::Checkpoint, key: key.id, ..sample(0) }, &key, &packed)
    }

    /// A disk that has room for so many bytes.
    struct Disk(Vec<u8>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn unpacked(file: &[u8], room: usize) -> (Result<()>, Vec<u8>) {
        let mut disk = Disk(Vec::new(), room);
        let mut into = Watched::new(&mut disk, MAX_BYTES);
        let opened = unpack(&mut &*file, &key, &mut into).map_err(|error| told_by(&error));
        (into.settle(&Temporary("place".into()), opened), disk.0)
    }

    #[test]
    fn what_a_full_disk_says_is_no_fault_of_the_file() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let file = sealed(&content);
        assert_eq!(unpacked(&file, usize::MAX), (Ok(()), content));
        let error = unpacked(&file, 200_000).0.unwrap_err();
        assert_eq!(error.code, Code::Io);
        assert!(error.message.contains("place"), "{}", error.message);
        let mut changed = file;
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert_eq!(unpacked(&changed, usize::MAX).0.unwrap_err().code, Code::VerificationFailed);
    }

    #[test]
    fn what_unpacks_without_an_end_is_unpacked_up_to_its_bound() {
        let file = sealed(&vec![0; 64 << 20]);
        assert!(file.len() < 100_000);
        let (opened, written) = unpacked(&file, usize::MAX);
        assert_eq!(opened.unwrap_err().code, Code::VerificationFailed);
        assert!(written.len() as u64 <= MAX_BYTES);
    }
}
