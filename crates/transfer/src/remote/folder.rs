//! A remote that is a folder of this machine: one that Syncthing or Dropbox carries, a disk, a share, a git working tree.
//!
//! **Invariant:** a file appears under its path only when all of its bytes are synced: it is written beside, under a name
//! that begins with a dot, and linked or renamed. What begins with a dot is never listed, so that nobody reads what is
//! being written, be it by us or by the carrier (`.syncthing.…`, `.~lock`, `.git`). Below the folder no link is followed, of a file
//! or of a directory on the way to it: a carrier must make us neither read nor write what lies elsewhere. The folder itself may be one.

use super::{Created, Listing, Moved, Remote, RemoteFile, check_path};
use jay_types::id::to_hex;
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Code, Error, Result};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A folder.
pub struct Folder {
    root: PathBuf,
    address: String,
    surroundings: Arc<dyn Surroundings>,
}

impl Folder {
    /// The folder at `root`; nothing is looked at or made. Names of files that are being written are made of
    /// `surroundings`' randomness.
    #[must_use]
    pub fn new(root: PathBuf, surroundings: Arc<dyn Surroundings>) -> Self {
        Self { address: root.display().to_string(), root, surroundings }
    }

    fn fault(&self, doing: &str, path: &Path, error: &io::Error) -> Error {
        let told = format!("cannot {doing} {}", path.display());
        let hint =
            format!("Look at that folder, its permissions and free space; `jay remote check` tries {}.", self.address);
        Error::io(told, error).hint(hint)
    }

    fn place(&self, path: &str) -> Result<PathBuf> {
        check_path(path)?;
        Ok(path.split('/').fold(self.root.clone(), |place, name| place.join(name)))
    }

    fn demand_root(&self) -> Result<()> {
        if self.root.is_dir() {
            return Ok(());
        }
        if fs::symlink_metadata(&self.root).is_ok_and(|found| !found.is_symlink()) {
            return Err(Error::bad_input(format!("{} is a file and no folder", self.address))
                .hint("Give a folder: `jay remote add home /path/to/folder`."));
        }
        Err(Error::new(Code::Unreachable, format!("the folder {} is not there", self.address))
            .hint("Mount or make it, and run this again; `jay remote list` shows where each remote is."))
    }

    /// The first directory on the way to a file that is a link.
    fn link_on_the_way(&self, path: &str) -> Option<PathBuf> {
        let mut place = self.root.clone();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next().filter(|_| names.peek().is_some()) {
            place.push(name);
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
                return Some(place);
            }
        }
        None
    }

    fn demand_no_link(&self, path: &str) -> Result<()> {
        let Some(link) = self.link_on_the_way(path) else { return Ok(()) };
        let told = format!("{} is a link, and nothing is read or written through it", link.display());
        Err(Error::new(Code::Refused, told).hint(format!(
            "Whoever can write to that folder could lead this machine elsewhere by it. Look where it leads, remove the link (`rm {}`), \
             and sync again.",
            link.display()
        )))
    }

    fn walk(&self, directory: &Path, path: &str, found: &mut Listing) -> Result<()> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            // A carrier may take a directory away while it is listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.fault("list", directory, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| self.fault("list", directory, &error))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if name.starts_with('.') || check_path(&path).is_err() {
                continue;
            }
            // Links are not followed: a carrier must not make us read what lies elsewhere.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if is_absent(&error) => continue,
                Err(error) => {
                    found.unread.push((path, self.fault("look at", &entry.path(), &error)));
                    continue;
                }
            };
            if metadata.is_dir() {
                // Whoever made it may have closed it to us: the others are there all the same.
                if let Err(error) = self.walk(&entry.path(), &path, found) {
                    found.unread.push((format!("{path}/"), error));
                }
            } else if metadata.is_file() {
                found.files.push(RemoteFile { path, bytes: metadata.len(), stamp: stamp_of(&metadata) });
            }
        }
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Option<File>> {
        let place = self.place(path)?;
        self.demand_root()?;
        // Read through no link, as it is listed.
        if self.link_on_the_way(path).is_some() {
            return Ok(None);
        }
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.fault("look at", &place, &error)),
        }
        match File::open(&place) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.fault("read", &place, &error)),
        }
    }

    /// Writes beside and syncs; `publish` gives it its name.
    fn put<T>(
        &self,
        path: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
        publish: impl FnOnce(&Path, &Path) -> io::Result<T>,
    ) -> Result<T> {
        let place = self.place(path)?;
        self.demand_root()?;
        self.demand_no_link(path)?;
        let directory = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(directory).map_err(|error| self.fault("make", directory, &error))?;
        let beside = directory.join(format!(".jay-{}.tmp", to_hex(&random::<8>(self.surroundings.as_ref()))));
        let written = File::create_new(&beside).and_then(|mut file| {
            fill(&mut file)?;
            file.sync_all()?;
            let made = publish(&beside, &place)?;
            sync_directory(directory)?;
            Ok(made)
        });
        // After a link, and after a failure, the other name goes; after a rename there is none.
        let _ = fs::remove_file(&beside);
        written.map_err(|error| self.fault("write", &place, &error))
    }
}

impl Remote for Folder {
    fn address(&self) -> &str {
        &self.address
    }

    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        let Listing { files, unread } = self.list_readable(prefix)?;
        unread.into_iter().next().map_or(Ok(files), |(_, error)| Err(error))
    }

    fn list_readable(&self, prefix: &str) -> Result<Listing> {
        self.demand_root()?;
        let (directory, _) = prefix.rsplit_once('/').unwrap_or(("", prefix));
        let place = if directory.is_empty() { self.root.clone() } else { self.place(directory)? };
        let mut found = Listing::default();
        // An empty answer would look like a place in which nothing was ever written.
        self.demand_no_link(prefix)?;
        self.walk(&place, directory, &mut found)?;
        found.files.retain(|file| file.path.starts_with(prefix));
        found.unread.retain(|(path, _)| path.starts_with(prefix) || prefix.starts_with(path.as_str()));
        found.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(max_bytes)
            .read_to_end(&mut bytes)
            .map_err(|error| self.fault("read", &self.root.join(path), &error))?;
        Ok(Some(bytes))
    }

    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        let Some(mut file) = self.open(path)? else { return Ok(false) };
        copy(&mut file, into, moved).map_err(|error| self.fault("copy", &self.root.join(path), &error))?;
        Ok(true)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.put(path, |file| file.write_all(bytes), publish_new)
    }

    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        let mut source =
            File::open(from).map_err(|error| Error::io(format!("cannot read {}", from.display()), &error))?;
        self.put(path, |file| copy(&mut source, file, moved), publish_new)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.put(path, |file| file.write_all(bytes), rename)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let place = self.place(path)?;
        self.demand_root()?;
        self.demand_no_link(path)?;
        match fs::remove_file(&place) {
            Ok(()) => place.parent().map_or(Ok(()), sync_directory).map_err(|error| self.fault("sync", &place, &error)),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.fault("remove", &place, &error)),
        }
    }

    fn sweep(&self, prefix: &str) -> Result<()> {
        let mut directories = vec![self.place(prefix.trim_end_matches('/'))?];
        if self.link_on_the_way(&format!("{}/", prefix.trim_end_matches('/'))).is_some() {
            return Ok(());
        }
        while let Some(directory) = directories.pop() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    directories.push(entry.path());
                } else if entry.file_name().to_str().is_some_and(is_left_over) {
                    // One sync runs at a time in a store, so that nobody is writing it now.
                    fs::remove_file(entry.path()).map_err(|error| self.fault("remove", &entry.path(), &error))?;
                }
            }
        }
        Ok(())
    }
}

/// True for the name of a file that was being written when its writer was killed.
fn is_left_over(name: &str) -> bool {
    name.starts_with(".jay-") && name.ends_with(".tmp")
}

/// Not there, or below what is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A link fails where a file is there, which a rename would replace; not every file system has links.
fn publish_new(beside: &Path, place: &Path) -> io::Result<Created> {
    match fs::hard_link(beside, place) {
        Ok(()) => Ok(Created::Written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::Exists),
        Err(_) if place.exists() => Ok(Created::Exists),
        // FAT and some shares have no links. Only we write below our own name, and one sync runs at a time.
        Err(_) => rename(beside, place).map(|()| Created::Written),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the atomic write: the file is synced before and the directory after"
)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network shares cannot sync a directory; the bytes of the file are synced all the same.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

fn copy(from: &mut File, into: &mut dyn Write, moved: &mut Moved<'_>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut done = 0;
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        into.write_all(chunk.get(..read).unwrap_or_default())?;
        done += read as u64;
        moved(done);
    }
}

/// Size, time of writing and number of the file.
fn stamp_of(metadata: &Metadata) -> String {
    let written = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let number = file_number(metadata);
    format!("{}-{}-{number}", metadata.len(), written.map_or(0, |since| since.as_nanos()))
}

#[cfg(unix)]
fn file_number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_: &Metadata) -> u64 {
    0
}
