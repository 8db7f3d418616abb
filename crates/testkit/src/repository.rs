//! A git repository for one test, made by the git that is installed.

use crate::home::write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository in a directory of the test.
#[derive(Debug)]
pub struct Repository(PathBuf);

impl Repository {
    /// Makes an empty one.
    ///
    /// # Panics
    /// Where git is not installed or the directory cannot be made.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).expect("a directory");
        let repository = Self(directory.canonicalize().expect("a directory"));
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// The top of its working tree.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.clone()
    }

    /// Writes a file and commits all that changed; gives the commit's hash.
    ///
    /// # Panics
    /// Where git fails.
    #[track_caller]
    pub fn commit(&self, file: &str, content: impl AsRef<[u8]>, message: &str, at: &str) -> String {
        write(self.0.join(file), content);
        self.git(&["add", "--all"]);
        self.git_at(at, &["commit", "--quiet", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git; gives what it puts out.
    ///
    /// # Panics
    /// Where git fails.
    #[track_caller]
    pub fn git(&self, words: &[&str]) -> String {
        self.git_at("2026-03-01T10:00:00Z", words)
    }

    /// Runs git as if it were that time.
    ///
    /// # Panics
    /// Where git fails.
    #[track_caller]
    pub fn git_at(&self, at: &str, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.0).args(words).stdin(Stdio::null());
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Mira"),
            ("GIT_AUTHOR_EMAIL", "mira@example.org"),
            ("GIT_COMMITTER_NAME", "Mira"),
            ("GIT_COMMITTER_EMAIL", "mira@example.org"),
            ("GIT_AUTHOR_DATE", at),
            ("GIT_COMMITTER_DATE", at),
        ] {
            command.env(name, value);
        }
        let output = command.output().expect("git is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {words:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
