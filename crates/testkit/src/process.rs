//! The binary as a person meets it: arguments in; exit code, stdout and stderr out.
//!
//! **Invariant:** a process gets only the environment that stands here, so that no test depends on the settings,
//! the agents or the language of the machine it runs on.

use crate::home::TempHome;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a process left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed as data.
    pub stdout: String,
    /// What it said about it.
    pub stderr: String,
}

impl Output {
    /// The stdout of a process that must have succeeded.
    ///
    /// # Panics
    /// Where the exit code is not 0, with everything that was printed.
    #[track_caller]
    #[must_use]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// How a process is started: program, home, directory, environment, input.
#[derive(Clone, Debug)]
pub struct Jay {
    program: PathBuf,
    home: PathBuf,
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
    input: Vec<u8>,
}

impl Jay {
    /// `jay` in `home`, started in the home's working directory, with an empty stdin.
    #[must_use]
    pub fn new(home: &TempHome) -> Self {
        Self::of_program(&binary(), home)
    }

    /// The same for another program.
    #[must_use]
    pub fn of_program(program: &Path, home: &TempHome) -> Self {
        Self::at(program, home.path(), home.work_dir())
    }

    /// The same in a home and a working directory that outlive a test: stores that several benchmarks share.
    #[must_use]
    pub fn at(program: &Path, home: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            program: program.to_owned(),
            home: home.into(),
            directory: directory.into(),
            environment: Vec::new(),
            input: Vec::new(),
        }
    }

    /// Starts it in `directory`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Adds an environment variable; a later one of the same name wins.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What stands on its stdin.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The command, for tests that talk to a running process.
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .env("JAY_HOME", &self.home)
            .env("HOME", &self.home)
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(path_of_this_process())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// Where the program cannot be started.
    #[track_caller]
    #[must_use]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        let mut stdin = child.stdin.take().expect("stdin was asked to be a pipe");
        let output = std::thread::scope(|scope| {
            // A process that does not read its input to the end closes the pipe: that is its right.
            scope.spawn(move || stdin.write_all(&self.input));
            child.wait_with_output().expect("a child that was started can be waited for")
        });
        Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs `jay` with `arguments` in `home`.
#[track_caller]
#[must_use]
pub fn jay<A: AsRef<OsStr>>(home: &TempHome, arguments: &[A]) -> Output {
    Jay::new(home).run(arguments)
}

/// Where the binary `jay` stands: `JAY_BIN`, else what cargo says, else beside the running test.
///
/// # Panics
/// Where it is not built.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "cargo and scripts/test say by environment where the binary is")]
pub fn binary() -> PathBuf {
    for variable in ["JAY_BIN", "CARGO_BIN_EXE_jay"] {
        if let Some(path) = std::env::var_os(variable) {
            return path.into();
        }
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let name = format!("jay{}", std::env::consts::EXE_SUFFIX);
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(&name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("`jay` is not built beside {}: run `cargo build -p jay-cli`", test.display()))
}

/// `PATH`, for the `git` that is called, and what a coverage run needs.
#[expect(clippy::disallowed_methods, reason = "the one piece of the machine that a process under test needs")]
fn path_of_this_process() -> Vec<(&'static str, OsString)> {
    ["PATH", "LLVM_PROFILE_FILE"]
        .into_iter()
        .filter_map(|name| std::env::var_os(name).map(|value| (name, value)))
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(home: &TempHome) -> Jay {
        Jay::of_program(Path::new("/bin/sh"), home)
    }

    #[test]
    fn everything_that_a_process_leaves_is_seen() {
        let home = TempHome::new();
        let output = shell(&home).input("word").run(&["-c", "cat; echo talk >&2; exit 3"]);
        assert_eq!(output, Output { code: Some(3), stdout: "word".into(), stderr: "talk\n".into() });
        assert_eq!(shell(&home).run(&["-c", "kill -9 $$"]).code, None);
    }

    #[test]
    fn the_environment_is_only_what_stands_here() {
        let home = TempHome::new();
        let seen = shell(&home).env("JAY_ACTOR", "ann").run(&["-c", "env"]).success();
        let mut names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
        names.retain(|name| !["PATH", "PWD", "SHLVL", "_", "OLDPWD", "LLVM_PROFILE_FILE"].contains(name));
        names.sort_unstable();
        assert_eq!(names, ["GIT_CONFIG_NOSYSTEM", "HOME", "JAY_ACTOR", "JAY_HOME", "LANG", "TZ"]);
        assert!(seen.contains(&format!("JAY_HOME={}", home.path().display())));
        let directory = shell(&home).run(&["-c", "pwd -P"]).success();
        assert_eq!(Path::new(directory.trim()), home.work_dir().canonicalize().unwrap());
    }

    #[test]
    fn a_process_that_ignores_its_input_does_not_hang_the_test() {
        let home = TempHome::new();
        let output = shell(&home).input(vec![b'x'; 1 << 20]).run(&["-c", "exit 0"]);
        assert_eq!(output.code, Some(0));
    }
}
