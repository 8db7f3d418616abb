//! Running the git that is installed, in repositories that nobody vouches for.
//!
//! A repository's own configuration can name programs (a file system monitor, hooks, external diffs, text conversion,
//! filters, a pager). Only commands are run here that read objects and need none of them, and those that could are switched off.
//!
//! **Invariant:** nothing is asked of the network, no program that a repository names is run, nothing is written into it, and
//! what git puts out is read within bounds. A word that begins with a hyphen is never taken for an option.

use jay_types::text::shorten;
use jay_types::{Code, Error, Result};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

/// What of the caller's environment git gets: where programs and a person's own settings are.
const VARIABLES: [&str; 14] = [
    "APPDATA",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROGRAMDATA",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
];
/// What git is told beside: no questions, no locks, no network, no replaced objects, English words.
const SET: [(&str, &str); 7] = [
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];
/// Settings that overrule those of the repository.
const SETTINGS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "diff.external=",
    "log.showSignature=false",
    "protocol.allow=never",
    "gc.auto=0",
];
/// Bytes of git's complaints that are read.
const COMPLAINT_MAX_BYTES: u64 = 16 * 1024;

/// git in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// git, to be run in `directory` with what it needs of `variables`.
    pub(crate) fn new(directory: &Path, variables: &BTreeMap<String, String>) -> Self {
        let is_kept = |name: &str| VARIABLES.iter().any(|kept| kept.eq_ignore_ascii_case(name));
        let variables = variables.iter().filter(|(name, _)| is_kept(name));
        Self {
            directory: directory.to_owned(),
            variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).envs(SET);
        command.arg("-C").arg(&self.directory).args(["--no-pager", "--literal-pathspecs"]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(words);
        command
    }

    /// What git puts out, of at most `max_bytes`.
    ///
    /// # Errors
    /// `not_found` where git or a repository is not there, `refused`, `io`.
    pub(crate) fn output(&self, words: &[&str], max_bytes: u64) -> Result<Vec<u8>> {
        self.stream(words, Vec::new(), |reader| {
            let mut bytes = Vec::new();
            reader.take(max_bytes + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > max_bytes {
                return Err(io::Error::other(format!("git put out more than {max_bytes} bytes")));
            }
            Ok(bytes)
        })
    }

    /// The same as one line of text; none where git says no.
    pub(crate) fn line(&self, words: &[&str]) -> Option<String> {
        let bytes = self.output(words, 64 * 1024).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Hands `input` to git and what it puts out to `read`, while it runs.
    ///
    /// # Errors
    /// As [`Program::output`], and what `read` says.
    pub(crate) fn stream<T>(
        &self,
        words: &[&str],
        input: Vec<u8>,
        read: impl FnOnce(&mut dyn BufRead) -> io::Result<T>,
    ) -> Result<T> {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| not_run(&error))?;
        let mut running = Running(child);
        let (stdin, stdout, stderr) = (running.0.stdin.take(), running.0.stdout.take(), running.0.stderr.take());
        let mut stdout = stdout.map(BufReader::new).ok_or_else(|| Error::internal("git has no output"))?;
        // Whoever only wrote, or only read, would wait for git while git waits for it.
        let (value, said) = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
            let listening = scope.spawn(move || complaints(stderr));
            let value = read(&mut stdout);
            drop(stdout);
            if value.is_err() {
                let _ = running.0.kill();
            }
            (value, listening.join().unwrap_or_default())
        });
        let ended = running.0.wait().map_err(|error| Error::io("cannot wait for git", &error))?;
        let value = value.map_err(|error| Error::io("cannot read what git puts out", &error))?;
        if ended.success() { Ok(value) } else { Err(self.complaint(&said)) }
    }

    /// git's own words as an error.
    fn complaint(&self, said: &str) -> Error {
        let here = self.directory.display();
        if said.contains("not a git repository") || said.contains("cannot change to") {
            return Error::not_found(format!("{here} is in no git repository"))
                .hint("Name a directory in one: `jay git ingest DIRECTORY`.");
        }
        if said.contains("dubious ownership") {
            return Error::new(Code::Refused, format!("git does not read {here}: it belongs to another user"))
                .hint("Where you trust it, `git config --global --add safe.directory DIRECTORY` says so to git.");
        }
        let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_end_matches('.');
        Error::new(Code::Io, format!("git failed in {here}: {}", shorten(line, 300)))
            .hint("Run `git fsck` there, or `git log`, to see whether git can read the repository.")
    }
}

/// The beginning of what git complains of; the rest is read and let go, so that git does not wait.
fn complaints(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut said = Vec::new();
    let _ = stderr.by_ref().take(COMPLAINT_MAX_BYTES).read_to_end(&mut said);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&said).into_owned()
}

/// A process that ends with whoever waits for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn not_run(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::not_found("git is not installed, or in no directory of PATH")
            .hint("Install git: jay reads repositories with it.");
    }
    Error::io("cannot run git", error)
}
