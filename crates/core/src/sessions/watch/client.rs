//! One client that is watched: where its sources are, and which of them are not as they were.
//!
//! A changed file that is known is looked at by itself. Anything else (a new file, a small file of a tree) has the whole
//! client looked through, as often as that is cheap.
//!
//! **Invariant:** what becomes a source is decided by the adapter's own search of its places, or of a path that it gave;
//! a file beside sessions never becomes one because it changed.

use super::gather::{EVERY, Rests, Round, left};
use jay_sessions::{Discovery, Environment, FileStamp, Problem, SessionAdapter, Source};
use jay_types::surroundings::Surroundings;
use jay_types::{Code, Result, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What SQLite writes beside a database: a change of it is one of the database.
const BESIDE_DATABASE: [&str; 2] = ["-wal", "-journal"];
/// What it keeps there for its readers: they touch it, this program too, and nothing is written in it alone.
const OF_READERS: &str = "-shm";

/// A place that a client keeps sources in.
#[derive(Clone, Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// As the platform may call it when it tells of changes.
    real: Option<PathBuf>,
    /// Its changes are told.
    pub(super) is_watched: bool,
}

impl Root {
    fn new(path: PathBuf) -> Self {
        let real = path.canonicalize().ok().filter(|real| *real != path);
        Self { path, real, is_watched: false }
    }

    /// A changed path in the words in which sources are named; none where it is not below here.
    fn named(&self, path: &Path) -> Option<PathBuf> {
        if path.starts_with(&self.path) || database_of(path).is_some_and(|database| database == self.path) {
            return Some(path.to_path_buf());
        }
        let real = self.real.as_ref()?;
        match path.strip_prefix(real) {
            Ok(rest) if rest.as_os_str().is_empty() => Some(self.path.clone()),
            Ok(rest) => Some(self.path.join(rest)),
            Err(_) => (database_of(path)? == *real).then(|| self.path.clone()),
        }
    }
}

/// A place to be told of the changes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place itself.
    pub path: PathBuf,
    /// The directory in which changes happen: the place, or of a file the one that it stands in, since a file may be
    /// replaced by another.
    pub directory: PathBuf,
    /// Changes in directories below count too.
    pub is_recursive: bool,
}

pub(super) struct Client {
    pub(super) adapter: &'static dyn SessionAdapter,
    pub(super) roots: Vec<Root>,
    /// What a person named instead of where the client keeps its sources.
    path: Option<PathBuf>,
    known: BTreeMap<PathBuf, Vec<Source>>,
    /// Sources that could not be read, by name, and when that was tried.
    failed: BTreeMap<String, Timestamp>,
    /// What could not be looked into when all was looked through: it is told once.
    problems: Vec<Problem>,
    pub(super) round: Round,
    /// Sources that were looked at just now, and what waits until they are due again.
    pub(super) rests: Rests,
    /// The platform does not tell of changes in one of its places.
    pub(super) is_polled: bool,
}

impl Client {
    pub(super) fn new(adapter: &'static dyn SessionAdapter, environment: &Environment, path: Option<PathBuf>) -> Self {
        let roots = path.clone().map_or_else(|| adapter.roots(environment), |path| vec![path]);
        let roots = roots.into_iter().map(Root::new).collect();
        Self {
            adapter,
            roots,
            path,
            known: BTreeMap::new(),
            failed: BTreeMap::new(),
            problems: Vec::new(),
            round: Round::default(),
            rests: Rests::default(),
            is_polled: false,
        }
    }

    /// Places that are there and of which no changes are told yet.
    pub(super) fn unwatched(&self) -> Vec<Place> {
        let waiting = self.roots.iter().filter(|root| !root.is_watched);
        waiting.filter_map(|root| place(&root.path)).collect()
    }

    /// From here on changes of this place are told; of what changed before nobody has.
    pub(super) fn watched(&mut self, path: &Path) {
        for root in self.roots.iter_mut().filter(|root| root.path == path) {
            *root = Root { is_watched: true, ..Root::new(root.path.clone()) };
            self.round.want();
        }
    }

    /// Forgets that changes of a place are told once the place itself is gone: what takes its place is another.
    pub(super) fn look_whether_gone(&mut self, named: &Path) {
        for root in self.roots.iter_mut().filter(|root| root.path == named && !root.path.is_file()) {
            root.is_watched &= root.path.exists();
        }
    }

    /// A changed path in the words in which this client's sources are named; none where it is not this client's.
    pub(super) fn named(&self, path: &Path) -> Option<PathBuf> {
        let is_of_readers = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(OF_READERS));
        if is_of_readers { None } else { self.roots.iter().find_map(|root| root.named(path)) }
    }

    /// Looks at what a changed path stands for; gives the sources that are not as they were. One that was looked at just
    /// now is left for later, by what that cost.
    pub(super) fn look_at(&mut self, path: &Path, clock: &dyn Surroundings) -> Vec<Source> {
        let Some(of) = self.source_of(path) else {
            self.round.want();
            return Vec::new();
        };
        let began = clock.now();
        if self.rests.is_resting(&of, began) {
            return Vec::new();
        }
        let changed = self.look_at_source(&of);
        self.rests.looked(of, began, clock.now());
        changed
    }

    fn look_at_source(&mut self, of: &Path) -> Vec<Source> {
        match self.adapter.discover_path(of) {
            Ok(found) if found.problems.is_empty() => self.changed_of(of, found.sources),
            // It is gone, or it cannot be read: the search of the whole client tells which.
            Ok(_) | Err(_) => {
                self.round.want();
                Vec::new()
            }
        }
    }

    /// Looks through all places; gives the sources that are not as they were or could not be read some time ago, and
    /// what could not be looked into this time but could before.
    ///
    /// # Errors
    /// Where the path that a person named can no longer be looked at.
    pub(super) fn look_through(&mut self, environment: &Environment, now: Timestamp) -> Result<Discovery> {
        let mut found = match &self.path {
            None => self.adapter.discover(environment),
            Some(path) => match self.adapter.discover_path(path) {
                // A file that is replaced is gone for a moment.
                Err(error) if error.code == Code::NotFound => Discovery::default(),
                answer => answer?,
            },
        };
        let before: BTreeMap<String, FileStamp> = std::mem::take(&mut self.known)
            .into_values()
            .flatten()
            .map(|source| (source.name(), source.stamp))
            .collect();
        for source in &found.sources {
            self.known.entry(source.path.clone()).or_default().push(source.clone());
        }
        found.sources.retain(|source| {
            let name = source.name();
            let is_due = |tried: &Timestamp| left(*tried, EVERY, now).is_zero();
            before.get(&name) != Some(&source.stamp) || self.failed.get(&name).is_some_and(is_due)
        });
        let problems = found.problems.clone();
        found.problems.retain(|problem| !self.problems.contains(problem));
        self.problems = problems;
        Ok(found)
    }

    /// A source was taken in, or could not be read: then it is tried again at its next change, or some time later.
    pub(super) fn tried(&mut self, source: &Source, is_failed: bool, cost: Duration, now: Timestamp) {
        self.rests.taken(&source.path, cost, now);
        if is_failed {
            self.failed.insert(source.name(), now);
        } else {
            self.failed.remove(&source.name());
        }
    }

    /// The path of the known source that a changed path belongs to.
    fn source_of(&self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = path.ancestors().find(|path| self.known.contains_key(*path)) {
            return Some(known.to_path_buf());
        }
        database_of(path).filter(|database| self.known.contains_key(database))
    }

    /// Those of the sources found at `path` that are not as they were.
    fn changed_of(&mut self, path: &Path, found: Vec<Source>) -> Vec<Source> {
        let known = self.known.entry(path.to_path_buf()).or_default();
        let mut changed = Vec::new();
        for source in found {
            match known.iter_mut().find(|known| known.within == source.within) {
                Some(known) if known.stamp == source.stamp => {}
                Some(known) => {
                    // What stands beside the file was seen when all were looked through.
                    known.stamp = source.stamp;
                    changed.push(known.clone());
                }
                None => {
                    known.push(source.clone());
                    changed.push(source);
                }
            }
        }
        changed
    }
}

/// The database beside which a path stands.
fn database_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let database = BESIDE_DATABASE.iter().find_map(|ending| name.strip_suffix(ending))?;
    Some(path.with_file_name(database))
}

fn place(path: &Path) -> Option<Place> {
    let path = path.to_path_buf();
    let about = std::fs::metadata(&path).ok()?;
    if about.is_dir() {
        return Some(Place { directory: path.clone(), path, is_recursive: true });
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty())?.to_path_buf();
    Some(Place { path, directory, is_recursive: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_writes_beside_a_database_is_the_database() {
        for (path, database) in [
            ("/a/opencode.db-wal", Some("/a/opencode.db")),
            ("/a/opencode.db-journal", Some("/a/opencode.db")),
            ("/a/opencode.db", None),
            ("/a/talk.jsonl", None),
        ] {
            assert_eq!(database_of(Path::new(path)), database.map(PathBuf::from), "{path}");
        }
    }

    #[test]
    fn changes_are_named_as_sources_are() {
        let root = Root { path: "/var/a".into(), real: Some("/private/var/a".into()), is_watched: true };
        for (told, named) in [
            ("/var/a/b.jsonl", Some("/var/a/b.jsonl")),
            ("/private/var/a/b.jsonl", Some("/var/a/b.jsonl")),
            ("/private/var/a", Some("/var/a")),
            ("/var/ab", None),
            ("/private/var/b", None),
        ] {
            assert_eq!(root.named(Path::new(told)), named.map(PathBuf::from), "{told}");
        }
        let file = Root { path: "/a/state.db".into(), real: None, is_watched: true };
        assert!(file.named(Path::new("/a/state.db-wal")).is_some());
        assert!(file.named(Path::new("/a/other.db-wal")).is_none());
    }
}
