//! Kill -9 in the middle of a stream of writes.
//!
//! What a process has written into the pipe before it died was promised, also where nobody had read it yet: every
//! complete line counts, the torn last one does not.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Until when the process lives.
#[derive(Clone, Copy, Debug)]
pub struct KillAfter {
    /// So many answers have been read.
    pub answers: usize,
    /// And so much time has passed since, which lets the kill fall anywhere inside the next write.
    pub pause: Duration,
}

/// What a killed process had answered.
#[derive(Debug)]
pub struct Killed {
    /// Every complete line, without its end.
    pub answers: Vec<String>,
    /// Whether the kill came before the process had ended by itself; where false the test has shown nothing.
    pub was_running: bool,
}

/// Starts `command`, feeds it `lines` as quickly as it takes them, kills it and returns what it had answered.
///
/// # Panics
/// Where the program cannot be started.
#[track_caller]
pub fn feed_and_kill<L>(mut command: Command, lines: L, after: KillAfter) -> Killed
where
    L: IntoIterator<Item = String> + Send,
{
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display()));
    let mut stdin = child.stdin.take().expect("stdin was asked to be a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout was asked to be a pipe"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for line in lines {
                if writeln!(stdin, "{line}").is_err() {
                    // The process is gone, which is what this is about.
                    return;
                }
            }
            // Without an end of input the process goes on waiting until it is killed.
            drop(stdin);
        });
        let mut answers = Vec::new();
        while answers.len() < after.answers {
            match complete_line(&mut stdout) {
                Some(line) => answers.push(line),
                None => break,
            }
        }
        std::thread::sleep(after.pause);
        let was_running = child.try_wait().expect("a child that was started can be asked").is_none();
        child.kill().expect("a child that is not reaped can be killed");
        child.wait().expect("a killed child can be waited for");
        while let Some(line) = complete_line(&mut stdout) {
            answers.push(line);
        }
        Killed { answers, was_running }
    })
}

/// The next line that has its end; none at the end of the stream.
fn complete_line(stream: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).expect("a pipe can be read");
    bytes.pop_if(|last| *last == b'\n')?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn answers_in_the_pipe_count_and_the_torn_one_does_not() {
        let after = KillAfter { answers: 1, pause: Duration::from_millis(300) };
        let killed = feed_and_kill(shell("echo one; echo two; printf torn; exec sleep 60"), [], after);
        assert_eq!((killed.answers, killed.was_running), (vec!["one".to_owned(), "two".to_owned()], true));
    }

    #[test]
    fn lines_are_answered_until_the_kill() {
        let after = KillAfter { answers: 5, pause: Duration::ZERO };
        let lines = (0..1_000_000).map(|at| format!("line {at}"));
        let killed = feed_and_kill(shell("while read -r line; do echo \"$line\"; done"), lines, after);
        assert!(killed.was_running && killed.answers.len() >= 5);
        for (at, answer) in killed.answers.iter().enumerate() {
            assert_eq!(*answer, format!("line {at}"));
        }
    }

    #[test]
    fn an_early_end_is_told() {
        let after = KillAfter { answers: 9, pause: Duration::from_millis(300) };
        let killed = feed_and_kill(shell("echo one"), [], after);
        assert_eq!((killed.answers, killed.was_running), (vec!["one".to_owned()], false));
    }
}
