//! The binary as a process: exit codes, stdout, stderr, and the doors that it opens.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value)]

mod blaming;
mod commands;
mod crash;
mod damage;
mod documents;
mod doors;
mod exporting;
mod placing;
mod scheduling;
mod serving;
mod sharing;
mod syncing;
mod watching;

use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

/// A home of its own for one test.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// `jay WORDS` in an environment that holds nothing but this home.
    pub(crate) fn jay(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jay"));
        command.args(words).env_clear().current_dir(self.0.path());
        command.env("HOME", self.0.path()).env("JAY_HOME", self.path("jay")).env("USER", "ann");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Done {
        Done::of(self.jay(words).output().unwrap())
    }

    /// Runs with `input` on stdin.
    pub(crate) fn run_with(&self, words: &[&str], input: &str) -> Done {
        let mut child = self.jay(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Done::of(child.wait_with_output().unwrap())
    }
}

/// What a process left.
#[derive(Debug)]
pub(crate) struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A process that is stopped when the test ends, whatever its end.
pub(crate) struct Running(pub Child);

impl Running {
    /// SIGTERM, as a service manager sends it.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGKILL, while others still talk to it.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.0.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Its exit code, waited for at most ten seconds.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        for _ in 0..1000 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
