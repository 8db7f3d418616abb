//! A carrier between the folders of several machines, as bad as carriers are.
//!
//! Each machine sees a folder of its own. What is written or removed in one travels to the others when the carrier gets to it:
//! late, in any order, twice, a part of it first, under another name, an older version of it once more. In the end everything
//! is delivered.
//!
//! **Invariant:** the same seed makes the same mischief; no machine writes a file under another node's name, and of another's files
//! it removes only segments and checkpoints (that is checked at each write).

use crate::support::quick_directory;
use crate::world::{Home, folder};
use jay_testkit::Random;
use jay_transfer::format::clear::{Clear, FileKind};
use jay_transfer::remote::folder::Folder;
use jay_transfer::remote::{Created, Moved, Remote, RemoteFile};
use jay_types::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tempfile::TempDir;

pub(crate) type Bytes = Arc<Vec<u8>>;

/// What one machine's folder holds: each file with a number that changes when the file does.
#[derive(Default)]
struct View {
    files: BTreeMap<String, (Bytes, u64)>,
    /// The same on a disk, where the machine looks at it through a real folder.
    disk: Option<(TempDir, Folder)>,
}

struct Inner {
    random: Random,
    views: Vec<View>,
    /// Every version that a file had where it was written; none where it was removed.
    versions: BTreeMap<String, Vec<Option<Bytes>>>,
    /// What has still to be looked after: this path in this view.
    under_way: BTreeSet<(usize, String)>,
    stamps: u64,
}

/// The carrier.
pub(crate) struct Carrier(Mutex<Inner>);

impl Carrier {
    /// Folders for `views` machines; on a disk where `on_disk`.
    pub(crate) fn new(seed: u64, views: usize, on_disk: bool) -> Self {
        let view = |n| View { files: BTreeMap::new(), disk: on_disk.then(|| disk(seed * 100 + n)) };
        let views = (0..views as u64).map(view).collect();
        let (versions, under_way) = (BTreeMap::new(), BTreeSet::new());
        Self(Mutex::new(Inner { random: Random::new(seed ^ 0xca), views, versions, under_way, stamps: 0 }))
    }

    /// The same folders with the same files in them, for another run from here on.
    pub(crate) fn again(&self) -> Self {
        let inner = self.inner();
        let files = |view: &View| View { files: view.files.clone(), disk: None };
        Self(Mutex::new(Inner {
            random: inner.random.clone(),
            views: inner.views.iter().map(files).collect(),
            versions: inner.versions.clone(),
            under_way: inner.under_way.clone(),
            stamps: inner.stamps,
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The folder of one machine, for the machine that writes in it.
    pub(crate) fn seat<'a>(&'a self, view: usize, home: &'a Home) -> Seat<'a> {
        Seat { carrier: self, view, home }
    }

    /// A machine more, whose folder is a copy of another one.
    pub(crate) fn copy_view(&self, of: usize) -> usize {
        let mut inner = self.inner();
        let new = inner.views.len();
        let on_disk = inner.views[of].disk.is_some();
        inner.views.push(View { files: BTreeMap::new(), disk: on_disk.then(|| disk(7_000_000 + new as u64)) });
        for (path, (bytes, _)) in inner.views[of].files.clone() {
            inner.put(new, &path, bytes);
        }
        let also: Vec<String> =
            inner.under_way.iter().filter(|(view, _)| *view == of).map(|(_, path)| path.clone()).collect();
        inner.under_way.extend(also.into_iter().map(|path| (new, path)));
        new
    }

    /// Puts a file into the folders as if a machine without a seat had written it.
    pub(crate) fn place(&self, path: &str, bytes: Vec<u8>) {
        self.inner().written(None, path, Some(Arc::new(bytes)));
    }

    /// How many folders there are.
    pub(crate) fn views(&self) -> usize {
        self.inner().views.len()
    }

    /// Brings files back into every folder as they once were, under their names and as copies: for each path the last version that is
    /// wanted, of `at_most` files. Answers how many.
    pub(crate) fn bring_back(&self, at_most: usize, wanted: &dyn Fn(&[u8]) -> bool) -> usize {
        let mut inner = self.inner();
        let of_path = |(path, versions): (&String, &Vec<Option<Bytes>>)| {
            let wanted = versions.iter().rev().flatten().find(|bytes| wanted(bytes));
            wanted.map(|bytes| (path.clone(), Arc::clone(bytes)))
        };
        let back: Vec<(String, Bytes)> = inner.versions.iter().filter_map(of_path).take(at_most).collect();
        for (path, bytes) in &back {
            for view in 0..inner.views.len() {
                inner.put(view, path, Arc::clone(bytes));
                inner.put(view, &copy_name(path), Arc::clone(bytes));
            }
        }
        back.len()
    }

    /// What lies in a folder.
    pub(crate) fn files(&self, view: usize) -> BTreeMap<String, Bytes> {
        let inner = self.inner();
        inner.views[view].files.iter().map(|(path, (bytes, _))| (path.clone(), Arc::clone(bytes))).collect()
    }

    /// Somebody who carries the files puts one there, or takes one away.
    pub(crate) fn tamper(&self, view: usize, path: &str, bytes: Option<Vec<u8>>) {
        let mut inner = self.inner();
        match bytes {
            Some(bytes) => inner.put(view, path, Arc::new(bytes)),
            None => inner.take_away(view, path),
        }
    }

    /// The carrier does so many things, good ones and bad ones.
    pub(crate) fn carry(&self, steps: u64) {
        let mut inner = self.inner();
        for _ in 0..steps {
            if inner.random.chance(75) {
                inner.move_something();
            } else {
                inner.make_mischief();
            }
        }
    }

    /// Everything that is under way arrives; what was renamed for good stays so.
    pub(crate) fn deliver_all(&self) {
        let mut inner = self.inner();
        for (view, path) in std::mem::take(&mut inner.under_way) {
            inner.deliver(view, &path);
        }
    }
}

fn disk(seed: u64) -> (TempDir, Folder) {
    let directory = quick_directory("jay-carried-");
    let folder = folder(directory.path(), seed);
    (directory, folder)
}

impl Inner {
    fn put(&mut self, view: usize, path: &str, bytes: Bytes) {
        self.stamps += 1;
        if let Some((root, _)) = &self.views[view].disk {
            // As a file of its own: its number tells that it is another one.
            let place = root.path().join(path);
            let _ = std::fs::remove_file(&place);
            jay_testkit::write(place, bytes.as_slice());
        }
        self.views[view].files.insert(path.to_owned(), (bytes, self.stamps));
    }

    fn take_away(&mut self, view: usize, path: &str) {
        if let Some((root, _)) = &self.views[view].disk {
            let _ = std::fs::remove_file(root.path().join(path));
        }
        self.views[view].files.remove(path);
    }

    /// Something was written or removed in a view, and travels from there.
    fn written(&mut self, by: Option<usize>, path: &str, content: Option<Bytes>) {
        self.versions.entry(path.to_owned()).or_default().push(content);
        for view in 0..self.views.len() {
            self.under_way.insert((view, path.to_owned()));
        }
        if let Some(by) = by {
            self.under_way.remove(&(by, path.to_owned()));
            // What was arriving there is no longer wanted.
            self.take_away(by, &temporary_name(path));
        }
    }

    fn latest(&self, path: &str) -> Option<Bytes> {
        self.versions.get(path)?.last()?.clone()
    }

    fn deliver(&mut self, view: usize, path: &str) {
        match self.latest(path) {
            Some(bytes) => self.put(view, path, bytes),
            None => self.take_away(view, path),
        }
        self.take_away(view, &temporary_name(path));
        self.under_way.remove(&(view, path.to_owned()));
    }

    fn move_something(&mut self) {
        let at = self.random.index(self.under_way.len());
        let Some((view, path)) = self.under_way.iter().nth(at).cloned() else { return };
        let Some(bytes) = self.latest(&path) else { return self.deliver(view, &path) };
        match self.random.below(10) {
            0 => {
                let cut = self.random.index(bytes.len());
                self.put(view, &path, Arc::new(bytes[..cut].to_vec()));
            }
            1 => {
                let mut holes = bytes.to_vec();
                let cut = self.random.index(bytes.len());
                holes[cut..].fill(0);
                self.put(view, &path, Arc::new(holes));
            }
            2 => self.rename(view, &path, bytes),
            3 => {
                let cut = self.random.index(bytes.len());
                self.put(view, &temporary_name(&path), Arc::new(bytes[..cut].to_vec()));
            }
            _ => self.deliver(view, &path),
        }
    }

    /// It arrives under another name; that it has its own one day is sure only for files that are known by it.
    fn rename(&mut self, view: usize, path: &str, bytes: Bytes) {
        self.take_away(view, path);
        self.take_away(view, &temporary_name(path));
        self.put(view, &copy_name(path), bytes);
        let is_known_by_name = path.ends_with("/head") || path.contains("/invites/") || path.ends_with("/request.jay");
        if !is_known_by_name && self.random.chance(50) {
            self.under_way.remove(&(view, path.to_owned()));
        }
    }

    fn make_mischief(&mut self) {
        let view = self.random.index(self.views.len());
        let paths: Vec<String> = self.versions.keys().cloned().collect();
        let Some(path) = self.random.pick(&paths).cloned() else { return };
        let here = self.views[view].files.get(&path).map(|(bytes, _)| Arc::clone(bytes));
        match (self.random.below(4), here) {
            // It is gone for a while.
            (0, Some(_)) => self.take_away(view, &path),
            // The same bytes arrive once more, as another file of that name.
            (1, Some(bytes)) => return self.put(view, &path, bytes),
            // A copy stays beside it.
            (2, Some(bytes)) => return self.put(view, &copy_name(&path), bytes),
            // An older version comes back, or what was removed.
            _ => {
                let versions = &self.versions[&path];
                let at = self.random.index(versions.len());
                let Some(Some(bytes)) = versions.get(at).cloned() else { return };
                self.put(view, &path, bytes);
            }
        }
        self.under_way.insert((view, path));
    }
}

/// Under which a carrier writes a file; it takes it away when the file is whole.
fn temporary_name(path: &str) -> String {
    let (directory, name) = path.rsplit_once('/').unwrap();
    format!("{directory}/.syncthing.{name}.tmp")
}

fn copy_name(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((stem, suffix)) if !suffix.contains('/') => format!("{stem} (conflicted copy).{suffix}"),
        _ => format!("{path} (conflicted copy)"),
    }
}

/// One machine's folder.
pub(crate) struct Seat<'a> {
    carrier: &'a Carrier,
    view: usize,
    home: &'a Home,
}

impl Seat<'_> {
    fn demand_own(&self, path: &str) {
        let own = format!("nodes/{}/", self.home.id());
        assert!(path.starts_with(&own), "{path} is written by the node of {own}");
    }
}

impl Remote for Seat<'_> {
    fn address(&self) -> &str {
        "the carrier's folder"
    }

    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        let inner = self.carrier.inner();
        let view = &inner.views[self.view];
        if let Some((_, folder)) = &view.disk {
            return folder.list(prefix);
        }
        let shown = view.files.iter().filter(|(path, _)| path.starts_with(prefix) && !path.contains("/."));
        let file = |(path, (bytes, stamp)): (&String, &(Bytes, u64))| RemoteFile {
            path: path.clone(),
            bytes: bytes.len() as u64,
            stamp: stamp.to_string(),
        };
        Ok(shown.map(file).collect())
    }

    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let inner = self.carrier.inner();
        let view = &inner.views[self.view];
        if let Some((_, folder)) = &view.disk {
            return folder.read(path, max_bytes);
        }
        Ok(view.files.get(path).map(|(bytes, _)| bytes[..bytes.len().min(max_bytes as usize)].to_vec()))
    }

    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        let Some(bytes) = self.read(path, u64::MAX)? else { return Ok(false) };
        into.write_all(&bytes).unwrap();
        moved(bytes.len() as u64);
        Ok(true)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.demand_own(path);
        if self.carrier.inner().views[self.view].files.contains_key(path) {
            return Ok(Created::Exists);
        }
        self.replace(path, bytes).map(|()| Created::Written)
    }

    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        let bytes = std::fs::read(from).unwrap();
        moved(bytes.len() as u64);
        self.create(path, &bytes)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.demand_own(path);
        let mut inner = self.carrier.inner();
        let bytes = Arc::new(bytes.to_vec());
        inner.put(self.view, path, Arc::clone(&bytes));
        if let Some((_, folder)) = &inner.views[self.view].disk {
            folder.replace(path, &bytes)?;
        }
        inner.written(Some(self.view), path, Some(bytes));
        Ok(())
    }

    fn delete(&self, path: &str) -> Result<()> {
        // A purge takes away the segments and checkpoints of others that hold what was purged, and nothing else of theirs (J11).
        let holds_texts = Clear::decode(&self.read(path, u64::MAX)?.unwrap_or_default())
            .is_ok_and(|(clear, ..)| matches!(clear.kind, FileKind::Segment | FileKind::Checkpoint));
        if !holds_texts {
            self.demand_own(path);
        }
        let mut inner = self.carrier.inner();
        if inner.views[self.view].files.contains_key(path) {
            inner.take_away(self.view, path);
            inner.written(Some(self.view), path, None);
        }
        Ok(())
    }
}
