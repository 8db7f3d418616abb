//! What becomes of a place: a share that is not mounted, a directory of somebody else that is closed, what killed processes left.

use crate::world::{Home, config, folder, settle, vault};
use jay_testkit::files_below;
use jay_transfer::remote::folder::Folder;
use jay_transfer::remote::{Created, Listing, Moved, Remote, RemoteFile};
use jay_transfer::sync::purging::{Riddance, riddance};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::{Direction, dry_run};
use jay_types::time::{DAY, MINUTE};
use jay_types::{Code, Error, Result};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// A folder of which some directories and files are closed. To root no mode closes anything.
struct Closed {
    folder: Folder,
    /// Beginnings of paths: a directory ends with `/`.
    closed: Vec<String>,
}

impl Closed {
    fn refused(path: &str) -> Error {
        Error::new(Code::Io, format!("cannot read {path}: permission denied"))
    }

    fn open(&self, path: &str) -> Result<&Folder> {
        let is_closed = self.closed.iter().any(|closed| path.starts_with(closed.as_str()));
        if is_closed { Err(Self::refused(path)) } else { Ok(&self.folder) }
    }
}

impl Remote for Closed {
    fn address(&self) -> &str {
        self.folder.address()
    }
    fn list(&self, _: &str) -> Result<Vec<RemoteFile>> {
        Err(Self::refused("nodes/"))
    }
    fn list_readable(&self, prefix: &str) -> Result<Listing> {
        let mut files = self.folder.list(prefix)?;
        let directories: Vec<&String> = self.closed.iter().filter(|path| path.ends_with('/')).collect();
        files.retain(|file| !directories.iter().any(|closed| file.path.starts_with(closed.as_str())));
        Ok(Listing { files, unread: directories.iter().map(|path| ((*path).clone(), Self::refused(path))).collect() })
    }
    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.open(path)?.read(path, max_bytes)
    }
    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        self.open(path)?.download(path, into, moved)
    }
    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.open(path)?.create(path, bytes)
    }
    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        self.open(path)?.upload(path, from, moved)
    }
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.open(path)?.replace(path, bytes)
    }
    fn delete(&self, path: &str) -> Result<()> {
        self.open(path)?.delete(path)
    }
}

#[test]
fn an_empty_folder_in_the_place_of_the_shared_one_is_refused() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the basin is deep");
    settle(&homes, &at);
    homes[0].remember("global", "the lamp is red");
    let before = RemoteState::load(&homes[0].memory, "home").unwrap();
    let mount_point = tempfile::tempdir().unwrap();
    let empty = folder(mount_point.path(), 8);
    let refused = homes[0].try_sync(&empty, &config()).unwrap_err();
    assert_eq!(refused.code, Code::Unreachable, "{refused:?}");
    assert!(refused.message.contains("is empty, and") && refused.message.contains("at the last sync"), "{refused:?}");
    assert!(refused.hint.unwrap().contains("jay remote remove home"));
    assert!(dry_run(&homes[0].peer(), &empty, &config(), Direction::Both, &mut |_, _, _| ()).is_err());
    assert_eq!(files_below(mount_point.path()).unwrap().len(), 0);
    assert_eq!(RemoteState::load(&homes[0].memory, "home").unwrap(), before);
    // Mounted, it goes on; and what is another remote by now may be empty.
    assert_eq!(homes[0].sync(&at).pushed, 1);
    homes[0].lose_record();
    assert!(homes[0].sync(&empty).pushed > 1);
}

#[test]
fn what_is_closed_of_others_stops_nobody() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let secret = homes[1].remember("global", "swordfish");
    settle(&homes, &at);
    let directory = |home: &Home| format!("nodes/{}/", home.id());
    let head = format!("{}head", directory(&homes[2]));
    let closed = Closed { folder: folder(shared.path(), 8), closed: vec![directory(&homes[1]), head.clone()] };
    homes[0].remember("global", "the lamp is red");
    homes[1].remember("global", "the desk is old");
    homes[2].remember("global", "the cup is full");
    for home in &homes[1..] {
        home.sync(&at);
    }
    let synced = homes[0].sync(&closed);
    assert!(synced.pushed > 0 && synced.pulled > 0, "{synced:#?}");
    assert_eq!(homes[0].texts(), ["swordfish", "the cup is full", "the lamp is red"]);
    for path in [&directory(&homes[1]), &head] {
        let said = format!("{path} was left out: cannot read {path}: permission denied");
        assert!(synced.notes.contains(&said), "{synced:#?}");
    }
    // What is not seen is not gone, however long it is not.
    homes[0].steps.clock.advance(3 * DAY);
    assert_eq!(homes[0].sync(&closed).pushed, 0);
    // Nor is it rid of anything.
    homes[0].write(secret.0, secret.1, jay_types::change::Op::Purge, jay_types::change::Body::default());
    homes[0].sync(&closed);
    let rid = || riddance(&homes[0].memory, &homes[0].archive, &config(), &[secret.1]).unwrap();
    assert_ne!(rid(), Riddance::Gone);
    settle(&homes, &at);
    assert_eq!(rid(), Riddance::Gone);
    assert_eq!(homes[0].texts(), ["the cup is full", "the desk is old", "the lamp is red"]);
    // What this machine writes itself it must read.
    let own = Closed { folder: folder(shared.path(), 8), closed: vec![directory(&homes[0])] };
    assert_eq!(homes[0].try_sync(&own, &config()).unwrap_err().code, Code::Io);
}

#[cfg(unix)]
#[test]
fn a_folder_lists_what_is_beside_a_closed_directory() {
    use std::os::unix::fs::PermissionsExt;
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    for path in ["nodes/a/x", "nodes/b/x", "nodes/c/x"] {
        at.create(path, b"x").unwrap();
    }
    let mode = |bits| std::fs::set_permissions(shared.path().join("nodes/b"), PermissionsExt::from_mode(bits)).unwrap();
    mode(0o000);
    let is_closed = std::fs::read_dir(shared.path().join("nodes/b")).is_err();
    let (all, readable) = (at.list("nodes/"), at.list_readable("nodes/").unwrap());
    mode(0o700);
    let paths: Vec<&str> = readable.files.iter().map(|file| file.path.as_str()).collect();
    if is_closed {
        assert_eq!(all.unwrap_err().code, Code::Io);
        assert_eq!((paths, readable.unread[0].0.as_str()), (vec!["nodes/a/x", "nodes/c/x"], "nodes/b/"));
    } else {
        // To root nothing is closed.
        assert_eq!((paths.len(), readable.unread.len()), (3, 0));
    }
}

#[test]
fn what_a_killed_process_was_writing_goes_when_it_is_old() {
    let (shared, homes) = vault(0);
    let now = homes[0].steps.clock.now();
    let left = |name: &str, age: i64| {
        let path = homes[0].memory.state_file(name);
        jay_testkit::write(&path, b"keys");
        let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0 - age).unwrap());
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        path
    };
    let old = left("vault.json.00112233445566ff.tmp", 120 * MINUTE);
    let others =
        [left("vault.json.00112233445566fe.tmp", MINUTE), left("some.tmp", 120 * MINUTE), left("note", 120 * MINUTE)];
    homes[0].sync(&folder(shared.path(), 7));
    assert!(!old.exists());
    assert!(others.iter().all(|path| path.exists()), "somebody may be writing it, or it is another's");
}
