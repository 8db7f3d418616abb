//! A repository: where it is, how it began, its commits as rows, and what git knows of a file.

use super::program::Program;
use super::{Bytes, CommitRow, TouchedFile, is_hash};
use jay_types::namespace::normalise_git_remote;
use jay_types::{Error, Result, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};

/// Files of one commit that are kept; of more it is said how many were left out.
pub const FILES_MAX: usize = 2000;
/// Bytes of the largest commit object that is taken in.
pub const OBJECT_MAX_BYTES: u64 = 256 * 1024;
/// Bytes of all paths of one commit that are kept.
const PATHS_MAX_BYTES: usize = 256 * 1024;
/// Bytes of one path.
const PATH_MAX_BYTES: usize = 16 * 1024;
/// Bytes of a list of commits: six million of them.
const LIST_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of what git says of one file.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Earlier names of a file that are followed.
const NAMES_MAX: usize = 20;

/// A repository on this machine.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Program,
    /// The top of its working tree, or the directory of a bare one.
    pub top: PathBuf,
    /// Its remote `origin`, else its first one, normalised.
    pub remote: Option<String>,
    /// Its older history is not here.
    pub is_shallow: bool,
    /// It has no working tree.
    pub is_bare: bool,
}

/// The commit with which a line came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineCommit {
    /// The line in HEAD's file; the first is 1.
    pub line: usize,
    /// The commit.
    pub commit: String,
    /// Its author's name.
    pub author: String,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The first line of its message.
    pub subject: String,
}

/// Which commits are meant.
#[derive(Clone, Debug, Default)]
pub struct HistoryRange {
    /// This branch, tag or commit; HEAD where not given.
    pub of: Option<String>,
    /// All branches and tags.
    pub all: bool,
    /// Only those that were committed at or after this time.
    pub since: Option<Timestamp>,
}

/// Commits as rows.
#[derive(Debug, Default)]
pub struct ReadCommits {
    /// Each with its hash, in the order in which they were asked for; a newline ends each row.
    pub rows: Vec<(String, Vec<u8>)>,
    /// Commits with more than [`FILES_MAX`] files.
    pub with_files_left_out: u64,
    /// Commits whose object is larger than [`OBJECT_MAX_BYTES`], or cannot be read: they have no row.
    pub left_out: u64,
}

impl Repository {
    /// The repository in which `directory` is.
    ///
    /// # Errors
    /// `not_found` where there is none or no git, `refused` where git does not trust its owner, `io`.
    pub fn open(directory: &Path, variables: &BTreeMap<String, String>) -> Result<Self> {
        let git = Program::new(directory, variables);
        let told = git.output(
            &["rev-parse", "--path-format=absolute", "--is-bare-repository", "--is-shallow-repository", "--git-dir"],
            64 * 1024,
        )?;
        let told = String::from_utf8_lossy(&told).into_owned();
        let mut lines = told.lines();
        let mut flag = || lines.next() == Some("true");
        let (is_bare, is_shallow) = (flag(), flag());
        let git_dir = lines.next().map(PathBuf::from).unwrap_or_default();
        // Inside `.git` itself there is no working tree either.
        let top = git.line(&["rev-parse", "--path-format=absolute", "--show-toplevel"]);
        let is_bare = is_bare || top.is_none();
        let top = top.map_or(git_dir, PathBuf::from);
        let remote = remote(&git);
        Ok(Self { git: Program::new(&top, variables), top, remote, is_shallow, is_bare })
    }

    /// The commit that a name means; none where there is none.
    #[must_use]
    pub fn commit(&self, name: &str) -> Option<String> {
        let wanted = format!("{name}^{{commit}}");
        self.git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).filter(|hash| is_hash(hash))
    }

    /// The commit with which the line of first parents of `tip` began: the same in every whole clone, whatever was merged in.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn beginning(&self, tip: &str) -> Result<Option<String>> {
        let words = ["rev-list", "--first-parent", "--max-parents=0", "--max-count=1", "--end-of-options", tip, "--"];
        let bytes = self.git.output(&words, 64 * 1024)?;
        Ok(String::from_utf8_lossy(&bytes).lines().next().map(str::to_owned).filter(|hash| is_hash(hash)))
    }

    /// The hashes of commits, the earliest first.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn commits(&self, range: &HistoryRange) -> Result<Vec<String>> {
        let since = range.since.map(|since| format!("--max-age={}", since.0.div_euclid(1_000_000)));
        let mut words = vec!["rev-list", "--reverse", "--topo-order"];
        words.extend(since.as_deref());
        if range.all {
            words.extend(["--branches", "--remotes", "--tags"]);
        }
        words.push("--end-of-options");
        if !range.all || range.of.is_some() {
            words.push(range.of.as_deref().unwrap_or("HEAD"));
        }
        words.push("--");
        let bytes = self.git.output(&words, LIST_MAX_BYTES)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter(|line| is_hash(line)).map(str::to_owned).collect())
    }

    /// Commits as rows of the repository that began with `beginning`. Bounded by the caller: all are held at once.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn read(&self, beginning: &str, hashes: &[String]) -> Result<ReadCommits> {
        let list = || (hashes.join("\n") + "\n").into_bytes();
        let objects = self.git.stream(&["cat-file", "--batch"], list(), objects)?;
        let words = [
            "diff-tree",
            "--stdin",
            "-z",
            "-r",
            "-c",
            "--root",
            "--name-status",
            "--find-renames=50%",
            "-l1000",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=none",
        ];
        let mut touched = self.git.stream(&words, list(), touched)?;
        let mut read = ReadCommits::default();
        let mut objects: HashMap<String, Vec<u8>> = objects.into_iter().collect();
        for hash in hashes {
            let Some(object) = objects.remove(hash) else {
                read.left_out += 1;
                continue;
            };
            let Touched { files, left_out } = touched.remove(hash).unwrap_or_default();
            read.with_files_left_out += u64::from(left_out > 0);
            let row = CommitRow {
                repository: beginning.to_owned(),
                commit: hash.clone(),
                object: Bytes::new(object),
                files,
                files_left_out: left_out,
            };
            let mut bytes = serde_json::to_vec(&row).map_err(|error| Error::internal(error.to_string()))?;
            bytes.push(b'\n');
            read.rows.push((hash.clone(), bytes));
        }
        Ok(read)
    }

    /// The names that a file of HEAD's history had, the latest first; only `path` where git knows no other.
    #[must_use]
    pub fn names(&self, path: &str) -> Vec<String> {
        let words = [
            "log",
            "--follow",
            "-z",
            "--format=",
            "--name-status",
            "--diff-filter=R",
            "--find-renames=50%",
            "--no-ext-diff",
            "--no-textconv",
            "--no-show-signature",
            "--end-of-options",
            "HEAD",
            "--",
            path,
        ];
        let mut names = vec![path.to_owned()];
        let told = self.git.output(&words, FILE_MAX_BYTES).unwrap_or_default();
        let mut words = told.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word.trim_ascii_start()));
        while let Some(word) = words.next() {
            if is_moved(&word)
                && let (Some(from), Some(_)) = (words.next(), words.next())
                && !names.contains(&from.as_ref().to_owned())
                && names.len() < NAMES_MAX
            {
                names.push(from.into_owned());
            }
        }
        names
    }

    /// What a file says in HEAD; none where it is not in it, or is too large.
    #[must_use]
    pub fn file_in_head(&self, path: &str) -> Option<Vec<u8>> {
        let wanted = format!("HEAD:{path}");
        self.git.output(&["cat-file", "blob", &wanted], FILE_MAX_BYTES).ok()
    }

    /// The commits with which some lines of HEAD's file came, in the order of the lines.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn blame(&self, path: &str, first: usize, last: usize) -> Result<Vec<LineCommit>> {
        let lines = format!("-L{first},{last}");
        // Of HEAD and not of the working tree: that would be put through the filters that the repository names.
        let words = ["blame", "--line-porcelain", "--no-textconv", &lines, "HEAD", "--", path];
        let told = self.git.output(&words, FILE_MAX_BYTES)?;
        let mut commits: Vec<LineCommit> = Vec::new();
        for line in told.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"\t")) {
            let line = String::from_utf8_lossy(line);
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match (word, commits.last_mut()) {
                (hash, _) if is_hash(hash) => {
                    let place = rest.split(' ').nth(1).and_then(|place| place.parse().ok()).unwrap_or_default();
                    commits.push(LineCommit { line: place, commit: hash.to_owned(), ..LineCommit::default() });
                }
                ("author", Some(commit)) => rest.clone_into(&mut commit.author),
                ("author-time", Some(commit)) => {
                    commit.at = rest.parse::<i64>().ok().and_then(|at| at.checked_mul(1_000_000)).map(Timestamp);
                }
                ("summary", Some(commit)) => rest.clone_into(&mut commit.subject),
                _ => {}
            }
        }
        Ok(commits)
    }

    /// The path of a file from the top, with slashes; none where it is outside.
    #[must_use]
    pub fn relative(&self, file: &Path) -> Option<String> {
        let parts: Vec<_> = file.strip_prefix(&self.top).ok()?.components().collect();
        let words: Vec<String> = parts.iter().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        (!words.is_empty() && !words.iter().any(|word| word == "..")).then(|| words.join("/"))
    }
}

fn remote(git: &Program) -> Option<String> {
    let told = git.output(&["config", "--get-regexp", r"^remote\..*\.url$"], 64 * 1024).unwrap_or_default();
    let told = String::from_utf8_lossy(&told).into_owned();
    let mut named: Vec<(&str, &str)> = told.lines().filter_map(|line| line.split_once(' ')).collect();
    named.sort_by_key(|(key, _)| *key != "remote.origin.url");
    named.iter().find_map(|(_, url)| normalise_git_remote(url))
}

/// `<hash> commit <size>`, the object, a newline; `<hash> missing` where it is not here.
fn objects(reader: &mut dyn BufRead) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    while let Some(head) = word(reader, b'\n', 256)? {
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let (Some(hash), Some(kind), Some(size)) = (words.next(), words.next(), words.next()) else { continue };
        let size: u64 = size.parse().map_err(io::Error::other)?;
        let mut object = Vec::new();
        if kind == "commit" && size <= OBJECT_MAX_BYTES {
            reader.take(size).read_to_end(&mut object)?;
            found.push((hash.to_owned(), object));
        } else {
            io::copy(&mut reader.take(size), &mut io::sink())?;
        }
        word(reader, b'\n', 1)?;
    }
    Ok(found)
}

#[derive(Default)]
struct Touched {
    files: Vec<TouchedFile>,
    left_out: u64,
}

/// `<hash>`, then for each file its letter and path, of a moved one the path before and the path now; each ended by NUL.
fn touched(reader: &mut dyn BufRead) -> io::Result<HashMap<String, Touched>> {
    let mut all: HashMap<String, Touched> = HashMap::new();
    let mut current = Touched::default();
    let (mut hash, mut bytes) = (String::new(), 0);
    while let Some(status) = word(reader, 0, 256)? {
        let status = String::from_utf8_lossy(&status).into_owned();
        if is_hash(&status) {
            all.insert(std::mem::replace(&mut hash, status), std::mem::take(&mut current));
            bytes = 0;
            continue;
        }
        let before = if is_moved(&status) { word(reader, 0, PATH_MAX_BYTES)? } else { None };
        let Some(path) = word(reader, 0, PATH_MAX_BYTES)? else { break };
        bytes += path.len() + before.as_ref().map_or(0, Vec::len);
        if current.files.len() >= FILES_MAX || bytes > PATHS_MAX_BYTES {
            current.left_out += 1;
        } else {
            current.files.push(TouchedFile(status, Bytes::new(path), before.map(Bytes::new)));
        }
    }
    all.insert(hash, current);
    Ok(all)
}

/// R100, C075: the letters of a merge have no number behind them, and one path.
fn is_moved(status: &str) -> bool {
    let number = status.strip_prefix(['R', 'C']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// What stands before the next `end`, of which no more than `max_bytes` are kept; none at the end.
fn word(reader: &mut dyn BufRead, end: u8, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut kept = Vec::new();
    let mut is_any = false;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(is_any.then_some(kept));
        }
        is_any = true;
        let stop = bytes.iter().position(|byte| *byte == end);
        let part = bytes.get(..stop.unwrap_or(bytes.len())).unwrap_or_default();
        kept.extend(part.iter().take(max_bytes.saturating_sub(kept.len())));
        let used = stop.map_or(bytes.len(), |at| at + 1);
        reader.consume(used);
        if stop.is_some() {
            return Ok(Some(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_puts_out_is_taken_apart() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let told = format!("{one}\0M\0a b\nc\0R100\0old\0new\0{two}\0MM\0merged\0");
        let all = touched(&mut told.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&all[&one].files).unwrap(), r#"[["M","a b\nc"],["R100","new","old"]]"#);
        assert_eq!(serde_json::to_string(&all[&two].files).unwrap(), r#"[["MM","merged"]]"#);
        let told = format!("{one} commit 3\na\nb\n{two} missing\n{two} tree 2\nxx\n");
        assert_eq!(objects(&mut told.as_bytes()).unwrap(), [(one, b"a\nb".to_vec())]);
    }

    #[test]
    fn files_beyond_the_bound_are_counted() {
        let hash = "1".repeat(40);
        let mut told = hash.clone() + "\0";
        for n in 0..FILES_MAX + 7 {
            told.push_str(&format!("A\0file-{n}\0"));
        }
        let all = touched(&mut told.as_bytes()).unwrap();
        assert_eq!((all[&hash].files.len(), all[&hash].left_out), (FILES_MAX, 7));
        let long = format!("{hash}\0A\0{}\0D\0x\0", "p".repeat(PATH_MAX_BYTES * 2));
        let all = touched(&mut long.as_bytes()).unwrap();
        assert_eq!(all[&hash].files.len(), 2);
    }
}
