//! The only place that writes to stdout and stderr.
//!
//! stdout carries data and nothing else; talk, errors and progress go to stderr. A reader that goes away (`jay list |
//! head`) is success.

use jay_types::text::commands_the_terminal;
use jay_types::{Error, Result};
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// How answers are shown.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// As JSON, for programs.
    pub json: bool,
    /// Into this file rather than to stdout.
    pub file: Option<PathBuf>,
    /// How text for people looks.
    pub style: Style,
    /// How talk on stderr looks.
    pub talk_style: Style,
}

/// How text for people looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// With colour.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
    /// Whether somebody looks at it, so that what is too wide is cut.
    pub is_terminal: bool,
}

impl Style {
    /// `text` dimmed, for what matters less.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// `text` in bold, for what to look at.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// `text` in red, for failures.
    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Output {
    /// Writes the answer: `value` itself for programs, `text` for people.
    ///
    /// # Errors
    /// `io` where it cannot be written; a reader that went away is no error.
    pub(crate) fn answer(&self, value: &Value, text: impl FnOnce(Style) -> String) -> Result<()> {
        let text = if self.json { format!("{value}\n") } else { text(self.style) };
        self.data(&text)
    }

    /// Whether an answer can be written where it is wanted; asked before anything is done.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub(crate) fn check(&self) -> Result<()> {
        self.file.as_deref().map_or(Ok(()), can_write)
    }

    /// Writes data as it is.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub(crate) fn data(&self, text: &str) -> Result<()> {
        match &self.file {
            Some(path) => write_whole(path, text.as_bytes()),
            None => to_stdout(text.as_bytes()),
        }
    }

    /// Writes data that comes in pieces, until there is none; a file is whole or not there.
    ///
    /// # Errors
    /// What `next` answers, and as [`Output::answer`].
    pub(crate) fn pieces(&self, mut next: impl FnMut() -> Result<Option<String>>) -> Result<()> {
        let Some(path) = &self.file else {
            while let Some(piece) = next()? {
                // Nobody reads the rest, so nobody waits for it to be made.
                if !is_read(piece.as_bytes())? {
                    break;
                }
            }
            return Ok(());
        };
        let failed = |error: &std::io::Error| Error::io(format!("cannot write {}", path.display()), error);
        write_file(path, failed, |file| {
            while let Some(piece) = next()? {
                file.write_all(piece.as_bytes()).map_err(|error| failed(&error))?;
            }
            Ok(())
        })
    }

    /// Says something to the person at the terminal.
    pub(crate) fn talk(&self, text: &str) {
        to_stderr(&format!("{text}\n"));
    }

    /// Reports a failure: on stderr for people, on stdout as JSON for programs.
    pub(crate) fn failure(&self, error: &Error) {
        if self.json {
            // A program reads the failure where it expects the answer. Nobody is left to tell if that fails too.
            let _ = to_stdout(format!("{}\n", json!({"error": error})).as_bytes());
            return;
        }
        let mut text = format!("{} {}\n", self.talk_style.red("error:"), one_line(&error.message));
        if let Some(candidates) = error.details.get("candidates").and_then(Value::as_array) {
            for candidate in candidates.iter().filter_map(Value::as_str) {
                text.push_str(&format!("  {}\n", one_line(candidate)));
            }
        }
        if let Some(hint) = &error.hint {
            text.push_str(&format!("{} {}\n", self.talk_style.bold("hint:"), printable(hint)));
        }
        to_stderr(&text);
    }
}

/// `text` without the characters that would command the terminal or show the others in another order.
pub(crate) fn printable(text: &str) -> String {
    let commands = |c: char| commands_the_terminal(c) && c != '\n' && c != '\t';
    text.chars().map(|c| if commands(c) { '\u{fffd}' } else { c }).collect()
}

/// [`printable`] text that stays on its line: a name, a path, a message.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

/// Writes to stdout and flushes.
///
/// # Errors
/// `io` where it cannot be written; a reader that went away is no error.
pub(crate) fn to_stdout(bytes: &[u8]) -> Result<()> {
    is_read(bytes).map(|_| ())
}

/// [`to_stdout`], telling whether the reader is still there.
fn is_read(bytes: &[u8]) -> Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::io("cannot write to stdout", &error)),
    }
}

/// Writes to stderr; there is nobody to tell where that fails.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Where the file is made before it takes its place.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

/// A device or a pipe, which is written to and not replaced.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

fn open_to_write(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create(!is_special(path)).truncate(!is_special(path)).open(path)
}

/// Whether [`write_whole`] will find its place; leaves nothing.
fn can_write(path: &Path) -> Result<()> {
    let failed = |error: &std::io::Error| {
        Error::io(format!("cannot write {}", path.display()), error).hint("Nothing was done; name another file.")
    };
    if path.is_dir() {
        return Err(failed(&ErrorKind::IsADirectory.into()));
    }
    if is_special(path) {
        // Opening a pipe would wait for its reader, and whoever reads it would see it end.
        return Ok(());
    }
    let unfinished = unfinished(path);
    let made = open_to_write(&unfinished);
    let _ = std::fs::remove_file(&unfinished);
    made.map(|_| ()).map_err(|error| failed(&error))
}

/// Writes a whole file or none: beside it under another name, synced, then in its place.
///
/// # Errors
/// `io` where that fails.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: &std::io::Error| Error::io(format!("cannot write {}", path.display()), error);
    write_file(path, failed, |file| file.write_all(bytes).map_err(|error| failed(&error)))
}

#[expect(clippy::disallowed_methods, reason = "this is the atomic write of the command line")]
fn write_file(
    path: &Path,
    failed: impl Fn(&std::io::Error) -> Error,
    write: impl FnOnce(&mut std::fs::File) -> Result<()>,
) -> Result<()> {
    if is_special(path) {
        return write(&mut open_to_write(path).map_err(|error| failed(&error))?);
    }
    let unfinished = unfinished(path);
    let written = || {
        let mut file = open_to_write(&unfinished).map_err(|error| failed(&error))?;
        write(&mut file)?;
        file.sync_all().and_then(|()| std::fs::rename(&unfinished, path)).map_err(|error| failed(&error))
    };
    written().inspect_err(|_| {
        let _ = std::fs::remove_file(&unfinished);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\u{2066}\n\tc"), "a\u{fffd}[31m\u{fffd}b\u{fffd}\n\tc");
        assert_eq!(printable("Größe 日本語 👩‍💻 עברית"), "Größe 日本語 👩‍💻 עברית");
        assert_eq!(one_line("a\nb\tc"), "a b c");
    }
}
