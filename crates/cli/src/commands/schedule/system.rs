//! Programs of the system, asked one at a time.

use jay_types::text::shorten;
use jay_types::{Error, Result};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a program answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) is_success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program; none where there is no such program.
///
/// # Errors
/// `io` where it cannot be run or talked to.
pub(super) fn ask(program: &str, arguments: &[&str], input: Option<&str>) -> Result<Option<Answer>> {
    let failed = |error: &std::io::Error| Error::io(format!("cannot run {program}"), error);
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut command = Command::new(program);
    command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).map_err(|error| failed(&error))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    Ok(Some(Answer {
        is_success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }))
}

/// Runs a program that must succeed.
///
/// # Errors
/// `io` where it is not there or fails, with what it said.
pub(super) fn demand(program: &str, arguments: &[&str], input: Option<&str>) -> Result<Answer> {
    let words = format!("{program} {}", arguments.join(" "));
    match ask(program, arguments, input)? {
        Some(answer) if answer.is_success => Ok(answer),
        Some(answer) => {
            Err(Error::new(jay_types::Code::Io, format!("`{words}` failed: {}", last_line(&answer.stderr)))
                .hint("`jay schedule start --with …` chooses another mechanism; `jay help schedule start` names them."))
        }
        None => Err(Error::new(jay_types::Code::Io, format!("there is no program `{program}` here"))
            .hint("`jay schedule start --with …` chooses another mechanism; `jay help schedule start` names them.")),
    }
}

/// The last line that says something.
pub(super) fn last_line(text: &str) -> String {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    shorten(line, 200)
}
