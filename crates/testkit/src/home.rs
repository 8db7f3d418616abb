//! A home for one test: everything `jay` keeps stands in a directory that goes with the value.

use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory to be handed to `jay` as `JAY_HOME`, with a working directory in it that is no repository.
#[derive(Debug)]
pub struct TempHome {
    directory: TempDir,
}

impl TempHome {
    /// Makes an empty home.
    ///
    /// # Panics
    /// Where the machine's temporary directory cannot be written: no test can run then.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("jay-test-").tempdir().expect("a temporary directory");
        let home = Self { directory };
        for path in [home.path(), home.work_dir()] {
            std::fs::create_dir_all(path).expect("a directory inside the temporary directory");
        }
        home
    }

    /// What `JAY_HOME` is set to.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Where processes of this home are started: an empty directory outside any repository.
    #[must_use]
    pub fn work_dir(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// The bearer token that a server of this home demands.
    ///
    /// # Errors
    /// Where no process of this home has made one.
    pub fn token(&self) -> io::Result<String> {
        std::fs::read_to_string(self.path().join("state/token")).map(|token| token.trim().to_owned())
    }

    /// Lays out a file for the test in the working directory, with the directories that lead to it.
    ///
    /// # Panics
    /// Where it cannot be written.
    #[track_caller]
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work_dir().join(relative);
        write(&path, content);
        path
    }

    /// Every file of the home with its bytes, sorted by path, for tests that look for what must not be there.
    ///
    /// # Errors
    /// Where a file goes away or cannot be read meanwhile.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        files_below(self.path())?.into_iter().map(|path| Ok((path.clone(), std::fs::read(path)?))).collect()
    }
}

/// Lays out a file for a test, with the directories that lead to it. Not for anything that must survive a crash.
///
/// # Panics
/// Where it cannot be written.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the input of a test lives in a temporary directory and as long as it")]
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("cannot make {}: {error}", parent.display()));
    }
    std::fs::write(path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

impl Default for TempHome {
    fn default() -> Self {
        Self::new()
    }
}

/// Every file below a directory, sorted by path. Links are not followed.
///
/// # Errors
/// Where a directory cannot be read.
pub fn files_below(directory: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![directory.as_ref().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_empty_and_goes_with_its_value() {
        let home = TempHome::new();
        assert_eq!(home.files().unwrap(), []);
        assert!(home.token().is_err());
        write(home.path().join("state/token"), "abc\n");
        assert_eq!(home.token().unwrap(), "abc");
        assert_eq!(home.files().unwrap(), [(home.path().join("state/token"), b"abc\n".to_vec())]);
        assert_eq!(std::fs::read(home.write("a/b.txt", "text")).unwrap(), b"text");
        let path = home.path();
        drop(home);
        assert!(!path.exists());
    }
}
