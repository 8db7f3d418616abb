//! What is asked about: a file, and lines of it.

use super::BlameRequest;
use crate::call::Call;
use jay_sessions::git::{LineCommit, Repository};
use jay_types::text::shorten;
use jay_types::{Error, Result};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of the largest file of which lines are read.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Lines in one question.
const LINES_MAX: usize = 200;
/// Letters and digits that a line must have to be told from others.
const CLEAR_CHARS: usize = 4;

/// A line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub number: Option<usize>,
    pub text: String,
    /// The commit with which it came.
    pub commit: Option<LineCommit>,
}

impl Line {
    /// `}` stands everywhere.
    pub(super) fn is_trivial(&self) -> bool {
        self.text.chars().filter(|c| c.is_alphanumeric()).count() < CLEAR_CHARS
    }

    pub(super) fn name(&self) -> String {
        self.number.map_or_else(|| "the text".to_owned(), |number| format!("line {number}"))
    }
}

/// What is asked about.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// As it is shown: from the top of its repository where it is in one.
    pub file: String,
    /// Its whole path, where that is known, with slashes.
    pub absolute: Option<String>,
    /// What it is called in its repository, and was before; the first is its name now.
    pub names: Vec<String>,
    pub lines: Vec<Line>,
    /// The repository in which it is.
    pub repository: Option<Repository>,
    /// Whether files of this machine are read.
    pub is_read: bool,
    pub notes: Vec<String>,
}

impl Target {
    /// Reads what is asked, and from the machine what it names where that is allowed.
    pub(super) fn read(call: &Call<'_>, request: &BlameRequest, at_the_machine: bool) -> Result<Self> {
        let (file, span) = parse(request.file.as_str(), |path| at_the_machine && Path::new(path).exists())?;
        let texts = request.text.as_ref().map(|text| text.as_str().lines().take(LINES_MAX));
        let given = texts.into_iter().flatten().filter(|line| !line.trim().is_empty());
        let lines: Vec<Line> = given.map(|text| Line { text: text.to_owned(), ..Line::default() }).collect();
        if !at_the_machine {
            if span.is_some() {
                return Err(Error::bad_input("`file`: a line is read from the file at the command line only")
                    .hint("Give the words of the line in `text`."));
            }
            let name = slashed(Path::new(file));
            let absolute = is_absolute(&name).then(|| name.clone());
            return Ok(Self { file: name.clone(), absolute, names: vec![name], lines, ..Self::default() });
        }
        let mut target = Self::on_this_machine(call, file)?;
        target.lines = lines;
        if let Some(span) = span {
            target.read_lines(Path::new(file), span)?;
        }
        Ok(target)
    }

    fn on_this_machine(call: &Call<'_>, file: &str) -> Result<Self> {
        let bad = |error: std::io::Error| Error::bad_input(format!("`file`: {error}")).hint("Name a file.");
        let whole = resolved(&std::path::absolute(file).map_err(bad)?);
        if whole.is_dir() {
            return Err(Error::bad_input(format!("`file`: {} is a directory", shorten(file, 200)))
                .hint("Name a file in it; `jay session list --project DIRECTORY` shows the sessions of a directory."));
        }
        let there = whole.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned).unwrap_or_default();
        let (repository, mut notes) = match Repository::open(&there, &call.engine.options.variables) {
            Ok(repository) if !repository.is_bare => (Some(repository), vec![]),
            Ok(_) => (None, vec![]),
            Err(error) if error.code == jay_types::Code::NotFound => (None, vec![]),
            Err(error) => (None, vec![error.message]),
        };
        let name = repository.as_ref().and_then(|repository| repository.relative(&whole));
        let repository = repository.filter(|_| name.is_some());
        let absolute = slashed(&whole);
        let names = match (&repository, &name) {
            (Some(repository), Some(name)) => repository.names(name),
            _ => vec![absolute.clone()],
        };
        let file = name.unwrap_or_else(|| absolute.clone());
        if !whole.exists() {
            notes.push("the file is not there now".to_owned());
        }
        Ok(Self { file, absolute: Some(absolute), names, lines: vec![], repository, is_read: true, notes })
    }

    /// The lines of the working tree's file, with the commits with which HEAD's lines came.
    fn read_lines(&mut self, file: &Path, (first, last): (usize, usize)) -> Result<()> {
        let text = read_text(file)?;
        let lines: Vec<&str> = text.lines().collect();
        if last > lines.len() {
            let has = if lines.len() == 1 { "1 line".to_owned() } else { format!("{} lines", lines.len()) };
            return Err(Error::bad_input(format!("`file`: line {last} is beyond the end: the file has {has}"))
                .hint("Name a line that it has, or the file alone."));
        }
        let name = self.names.first().cloned().unwrap_or_default();
        let head = self.repository.as_ref().and_then(|repository| repository.file_in_head(&name));
        let head = head.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let head: Option<Vec<&str>> = head.as_ref().map(|text| text.lines().collect());
        let places: Vec<Option<usize>> =
            (first - 1..last).map(|at| head.as_ref().and_then(|head| same_line(&lines, head, at))).collect();
        let commits = self.blamed(&name, &places);
        for (number, place) in (first..=last).zip(places) {
            let commit = place.and_then(|place| commits.iter().find(|commit| commit.line == place + 1)).cloned();
            let text = lines.get(number - 1).map(|line| (*line).to_owned()).unwrap_or_default();
            self.lines.push(Line { number: Some(number), text, commit });
        }
        if head.is_some() && self.lines.iter().any(|line| line.number.is_some() && line.commit.is_none()) {
            self.notes.push("lines without a commit are not committed".to_owned());
        }
        Ok(())
    }

    fn blamed(&mut self, name: &str, places: &[Option<usize>]) -> Vec<LineCommit> {
        let known = || places.iter().flatten().map(|place| place + 1);
        let (Some(first), Some(last), Some(repository)) = (known().min(), known().max(), &self.repository) else {
            return vec![];
        };
        match repository.blame(name, first, last) {
            Ok(commits) => commits,
            Err(error) => {
                self.notes.push(format!("git blame said nothing: {}", error.message));
                vec![]
            }
        }
    }
}

/// `FILE`, `FILE:LINE` or `FILE:LINE-LINE`. A file that is there under the whole name is meant by it.
fn parse(word: &str, is_there: impl Fn(&str) -> bool) -> Result<(&str, Option<(usize, usize)>)> {
    let Some((file, lines)) =
        word.rsplit_once(':').filter(|(file, rest)| !file.is_empty() && !is_there(word) && !rest.contains(['/', '\\']))
    else {
        return Ok((word, None));
    };
    let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let bad = |reason: String| Error::bad_input(format!("`file`: {reason}")).hint("Write FILE, FILE:12 or FILE:12-20.");
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Err(bad(format!("lines {first}-{last} run backwards"))),
        (Some(first), Some(last)) if last - first >= LINES_MAX => {
            Err(bad(format!("at most {LINES_MAX} lines at once, not {}", last - first + 1)))
        }
        (Some(first), Some(last)) => Ok((file, Some((first, last)))),
        _ => Err(bad(format!("`{}` is no line: lines count from 1", shorten(lines, 40)))),
    }
}

/// A path whose directories are followed through links as far as they are there: git tells the top of a tree so.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().skip(1).find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match there {
        Some((folder, real)) => path.strip_prefix(folder).map_or_else(|_| path.to_owned(), |rest| real.join(rest)),
        None => path.to_owned(),
    }
}

fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}

pub(super) fn is_absolute(path: &str) -> bool {
    let mut chars = path.chars();
    path.starts_with('/') || (chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':'))
}

fn read_text(file: &Path) -> Result<String> {
    let name = shorten(&file.display().to_string(), 200);
    let failed = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("{name} is not there, so that it has no lines"))
            .hint("Name the file alone, or give the words of the line in `--text`."),
        _ => Error::io(format!("cannot read {name}"), error),
    };
    let kind = std::fs::metadata(file).map_err(|error| failed(&error))?;
    if !kind.is_file() && !kind.is_dir() {
        // A pipe would be waited for until somebody writes.
        return Err(Error::bad_input(format!("`file`: {name} is no regular file")).hint("Name a file."));
    }
    let opened = std::fs::File::open(file).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    opened.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let refused = |why: &str| Error::bad_input(format!("`file`: {name} {why}")).hint("Name the file without a line.");
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(refused(&format!("is larger than {FILE_MAX_BYTES} bytes")));
    }
    if bytes.contains(&0) {
        return Err(refused("is binary: it has no lines"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where HEAD has line `at` of the working tree: by what is equal before and behind what was changed, else where it stands once.
fn same_line(lines: &[&str], head: &[&str], at: usize) -> Option<usize> {
    let before = lines.iter().zip(head).take_while(|(one, other)| one == other).count();
    if at < before {
        return Some(at);
    }
    let behind = lines.iter().rev().zip(head.iter().rev()).take_while(|(one, other)| one == other).count();
    if lines.len() - at <= behind {
        return Some(at + head.len() - lines.len());
    }
    let wanted = lines.get(at)?;
    let mut same = head.iter().enumerate().filter(|(_, line)| *line == wanted);
    let only = same.next()?.0;
    same.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_lines_are_read_from_one_word() {
        let none = |_: &str| false;
        assert_eq!(parse("src/a.rs", none).unwrap(), ("src/a.rs", None));
        assert_eq!(parse("src/a.rs:7", none).unwrap(), ("src/a.rs", Some((7, 7))));
        assert_eq!(parse("src/a.rs:7-9", none).unwrap(), ("src/a.rs", Some((7, 9))));
        assert_eq!(parse("a:7", |path| path == "a:7").unwrap(), ("a:7", None));
        assert_eq!(parse("C:/x/a.rs", none).unwrap(), ("C:/x/a.rs", None));
        for bad in ["a.rs:abc", "a.rs:0", "a.rs:9-7", "a.rs:1-900", "a.rs:-3", "a.rs:"] {
            let error = parse(bad, none).unwrap_err();
            assert!(error.hint.is_some() && error.message.starts_with("`file`: "), "{bad}: {error:?}");
        }
    }

    #[test]
    fn a_line_is_found_in_head_past_what_was_changed() {
        let head = ["a", "b", "c", "}", "d"];
        let lines = ["a", "new", "b", "more", "}", "d"];
        let found: Vec<_> = (0..lines.len()).map(|at| same_line(&lines, &head, at)).collect();
        assert_eq!(found, [Some(0), None, Some(1), None, Some(3), Some(4)]);
        assert_eq!(same_line(&["x"], &[], 0), None);
    }

    #[test]
    fn lines_that_say_little_are_not_looked_for() {
        let line = |text: &str| Line { text: text.to_owned(), ..Line::default() };
        assert!(line("    }").is_trivial() && line("").is_trivial());
        assert!(!line("let x = 1;").is_trivial());
    }
}
