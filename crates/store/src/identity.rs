//! Which node this data directory is (J3).
//!
//! The secret stands in `node.key` and nowhere else. Beside it `node.json` remembers on which machine and in which file
//! that key was made: a copied or restored directory has another, and goes on as a new node, because two stores that
//! write as one node would fork its streams.
//!
//! Another process of the same directory may make a new node at any time (a received branch of our own stream says that
//! the directory was rolled back). So every act looks at the file again, under the write lock: a process that lives long
//! goes on as the new node with its next act. An act of the *other* journal that is being written at that very moment
//! ends as the old node; that is a fork at worst, which is kept and reported.
//!
//! **Invariant:** a process never signs with a key whose file it did not just find where it was made.

use crate::lock;
use crate::succession::{self, Succession};
use jay_types::change::NodeKey;
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Error, NodeId};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What the binary knows of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The operating system's id of this installation.
    pub id: String,
}

/// What `node.json` remembers of `node.key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Birthmark {
    node: NodeId,
    machine: String,
    file: u64,
    born: Option<u128>,
}

/// What tells at a glance that `node.key` is still the file that was read: it is only ever replaced as a whole, by a file
/// that was made beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    file: u64,
    written: Option<SystemTime>,
    bytes: u64,
}

/// A key with the look of the file in which it stood.
struct Held {
    key: NodeKey,
    look: Option<Look>,
}

/// The node of a data directory; the key is read at the first write of a process and when its file changed.
pub(crate) struct Identity {
    directory: PathBuf,
    machine: Machine,
    surroundings: Arc<dyn Surroundings>,
    held: Mutex<Option<Held>>,
}

impl Identity {
    pub(crate) fn new(directory: PathBuf, machine: Machine, surroundings: Arc<dyn Surroundings>) -> Self {
        Self { directory, machine, surroundings, held: Mutex::new(None) }
    }

    /// The key to sign with; made where there is none or where the directory is a copy. Asked for by each act, under
    /// the write lock.
    pub(crate) fn key(&self) -> Result<NodeKey, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let look = self.look();
        if let Some(held) = held.as_ref().filter(|held| look.is_some() && held.look == look) {
            return Ok(held.key.clone());
        }
        let _alone = self.lock()?;
        let found = match self.stored()? {
            Some(stored) => stored,
            None => self.make()?,
        };
        if let Some(before) = held.as_ref().filter(|before| before.key.node_id() != found.node_id()) {
            tracing::info!(before = %before.key.node_id(), node = %found.node_id(), "another process made a new node");
        }
        // No other process replaces the file while the lock is held.
        *held = Some(Held { key: found.clone(), look: self.look() });
        Ok(found)
    }

    fn look(&self) -> Option<Look> {
        let metadata = fs::metadata(self.key_path()).ok()?;
        Some(Look { file: file_number(&metadata), written: metadata.modified().ok(), bytes: metadata.len() })
    }

    /// The node as files tell it, for reads; none before the first write.
    pub(crate) fn known_node(&self) -> Option<NodeId> {
        self.remembered().map(|birthmark| birthmark.node)
    }

    /// Goes on as a new node from the next write: another store has a branch of our streams that we do not know.
    pub(crate) fn renew(&self) -> Result<NodeId, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.lock()?;
        let made = self.make()?;
        let node = made.node_id();
        *held = Some(Held { key: made, look: self.look() });
        Ok(node)
    }

    /// The journals of a directory have writers of their own; they share the node, which is made once.
    fn lock(&self) -> Result<lock::WriteLock, Error> {
        let state = self.directory.join("state");
        fs::create_dir_all(&state).map_err(|error| Error::io(format!("cannot make {}", state.display()), &error))?;
        lock::acquire(&state.join("node.lock"))
    }

    fn key_path(&self) -> PathBuf {
        self.directory.join("node.key")
    }

    fn birthmark_path(&self) -> PathBuf {
        self.directory.join("node.json")
    }

    fn remembered(&self) -> Option<Birthmark> {
        let text = fs::read(self.birthmark_path()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn stored(&self) -> Result<Option<NodeKey>, Error> {
        let path = self.key_path();
        let mut secret = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut secret)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot read node.key", &error)),
        }
        let Ok(secret) = <[u8; 32]>::try_from(secret) else { return Ok(None) };
        let key = NodeKey::from_secret(&secret);
        let here = self.birthmark(key.node_id())?;
        if self.remembered().as_ref() == Some(&here) {
            return Ok(Some(key));
        }
        tracing::warn!(node = %key.node_id(), "this data directory is a copy: it goes on as a new node");
        Ok(None)
    }

    fn birthmark(&self, node: NodeId) -> Result<Birthmark, Error> {
        let metadata = fs::metadata(self.key_path()).map_err(|error| Error::io("cannot look at node.key", &error))?;
        let born = metadata
            .created()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map(|since| since.as_nanos());
        Ok(Birthmark { node, machine: self.machine.id.clone(), file: file_number(&metadata), born })
    }

    /// The key that stands in the file, whosever it is.
    fn found(&self) -> Option<NodeKey> {
        let secret = fs::read(self.key_path()).ok()?;
        Some(NodeKey::from_secret(&<[u8; 32]>::try_from(secret).ok()?))
    }

    fn make(&self) -> Result<NodeKey, Error> {
        let key = NodeKey::from_secret(&random(self.surroundings.as_ref()));
        let suffix = jay_types::id::to_hex(&random::<8>(self.surroundings.as_ref()));
        if let Some(before) = self.found() {
            // Before the old key is gone: it speaks for the new one, so that a vault knows the store again.
            let mut past = succession::read(&self.directory)?;
            past.push(Succession::sign(&before, &key));
            write_secret(&self.directory.join(succession::FILE), &suffix, &succession::to_json(&past)?)?;
        }
        write_secret(&self.key_path(), &suffix, &key.secret())?;
        let birthmark = self.birthmark(key.node_id())?;
        let json = serde_json::to_vec(&birthmark).map_err(|error| Error::internal(error.to_string()))?;
        write_secret(&self.birthmark_path(), &suffix, &json)?;
        Ok(key)
    }
}

#[cfg(unix)]
fn file_number(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_: &fs::Metadata) -> u64 {
    0
}

/// Writes a file that only its owner may read: beside it, synced, renamed over it.
pub(crate) fn write_secret(path: &Path, suffix: &str, bytes: &[u8]) -> Result<(), Error> {
    let told = |error: std::io::Error| Error::io(format!("cannot write {}", path.display()), &error);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{suffix}.tmp"));
    let beside = PathBuf::from(beside);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        replace(&beside, path)?;
        sync_directory(path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(told)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the atomic write: the caller syncs the file before and the directory after"
)]
pub(crate) fn replace(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)
}

#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(not(unix))]
pub(crate) fn sync_directory(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Steps(Mutex<u8>);

    impl Surroundings for Steps {
        fn now(&self) -> jay_types::Timestamp {
            jay_types::Timestamp(0)
        }
        fn fill_random(&self, bytes: &mut [u8]) {
            let mut step = self.0.lock().expect("whole");
            *step += 1;
            bytes.fill(*step);
        }
    }

    fn identity(directory: &Path, machine: &str, seed: u8) -> Identity {
        let machine = Machine { id: machine.to_owned() };
        Identity::new(directory.to_owned(), machine, Arc::new(Steps(Mutex::new(seed))))
    }

    #[test]
    fn a_key_stays_and_a_copy_becomes_a_new_node() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = identity(dir.path(), "m", 0).key().expect("made").node_id();
        let again = identity(dir.path(), "m", 100);
        assert_eq!(again.known_node(), Some(first));
        assert_eq!(again.key().expect("read").node_id(), first);
        let copy = tempfile::tempdir().expect("a directory");
        for name in ["node.key", "node.json"] {
            let bytes = fs::read(dir.path().join(name)).expect("read");
            write_secret(&copy.path().join(name), "copy", &bytes).expect("copied");
        }
        assert_ne!(identity(copy.path(), "m", 50).key().expect("made").node_id(), first);
        assert_ne!(identity(dir.path(), "other machine", 60).key().expect("made").node_id(), first);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        identity(dir.path(), "m", 0).key().expect("made");
        let mode = fs::metadata(dir.path().join("node.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
