//! Session files in the shape of Claude Code's, without being anybody's: what ingest is measured with.
//!
//! Rows, fields and their sizes are those of a coding session: short requests, thinking with a signature, calls of
//! tools, and results that make up most of the bytes and stand twice in a row (`toolUseResult`).
//!
//! **Invariant:** the bytes of a seed and size never change.

use crate::random::Random;
use crate::salad::Salad;
use serde_json::{Value, json};
use std::path::Path;

/// Bytes at which a session's file ends.
const SESSION_BYTES: usize = 1 << 20;
/// Lines of what a tool puts out, mostly and now and then, where most of the bytes are tool output.
const LONG_OUTPUTS: (usize, usize) = (40, 300);
/// The same where two fifths of the bytes are.
const SHORT_OUTPUTS: (usize, usize) = (16, 84);
/// Rows of a session of an archive.
const SESSION_ROWS: usize = 100;
/// Where the first session begins: 2026-03-02T09:00:00Z, in seconds.
const START_SECONDS: i64 = 1_772_442_000;

/// Writes session files of at least `bytes` together below `directory` and returns how many bytes they have. The
/// directory is then what Claude Code's `projects` is.
///
/// # Panics
/// Where a file cannot be written.
#[track_caller]
pub fn write(directory: &Path, seed: u64, bytes: usize) -> usize {
    let mut random = Random::new(seed);
    let mut written = 0;
    while written < bytes {
        let id = uuid(&mut random);
        let until = SESSION_BYTES.min(bytes - written);
        let session = Session::new(id.clone(), &mut random, LONG_OUTPUTS).text(|session| session.text.len() >= until);
        written += session.len();
        crate::home::write(directory.join("-home-mira-code-lantern").join(format!("{id}.jsonl")), session);
    }
    written
}

/// Writes an archive's sources: so many sessions of 100 messages each, some 40 % of their bytes put out by tools. Returns
/// how many bytes they have.
///
/// # Panics
/// Where a file cannot be written.
#[track_caller]
pub fn write_sessions(directory: &Path, seed: u64, sessions: usize) -> usize {
    let mut random = Random::new(seed);
    let mut written = 0;
    for number in 0..sessions {
        let id = uuid(&mut random);
        let mut session =
            Session::new(id.clone(), &mut random, SHORT_OUTPUTS).text(|session| session.rows >= SESSION_ROWS);
        let end = session.match_indices('\n').nth(SESSION_ROWS - 1).map_or(session.len(), |(at, _)| at + 1);
        session.truncate(end);
        written += session.len();
        let project = format!("-home-mira-code-project-{:02}", number % 40);
        crate::home::write(directory.join(project).join(format!("{id}.jsonl")), session);
    }
    written
}

fn uuid(random: &mut Random) -> String {
    let n = random.next_u64();
    let tail = random.next_u64();
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        n >> 32,
        n >> 16 & 0xffff,
        n & 0xfff,
        tail >> 52,
        tail & 0xffff_ffff_ffff
    )
}

struct Session {
    id: String,
    random: Random,
    salad: Salad,
    parent: Option<String>,
    seconds: i64,
    turn: u64,
    text: String,
    rows: usize,
    /// Lines of what a tool puts out, mostly and now and then.
    output_lines: (usize, usize),
}

impl Session {
    fn new(id: String, random: &mut Random, output_lines: (usize, usize)) -> Self {
        let salad = Salad::new(random.next_u64());
        let seconds = START_SECONDS + i64::try_from(random.below(10_000_000)).unwrap_or_default();
        Self {
            id,
            random: random.fork(),
            salad,
            parent: None,
            seconds,
            turn: 0,
            text: String::new(),
            rows: 0,
            output_lines,
        }
    }

    /// Turns until it is enough.
    fn text(mut self, is_enough: impl Fn(&Self) -> bool) -> String {
        while !is_enough(&self) {
            self.turn();
        }
        self.text
    }

    /// A request, some calls of tools with their results, an answer.
    fn turn(&mut self) {
        self.turn += 1;
        let words = 8 + self.random.index(60);
        let request = self.salad.text(words);
        self.row("user", &json!({"role": "user", "content": request}), None);
        let calls = 1 + self.random.index(6);
        for _ in 0..calls {
            self.call();
        }
        let words = 40 + self.random.index(200);
        let answer = self.salad.text(words);
        self.answer(&json!([{"type": "text", "text": answer}]), "end_turn");
    }

    /// Thinking, a call and its result.
    fn call(&mut self) {
        let words = 20 + self.random.index(100);
        let (thinking, signature) = (self.salad.text(words), self.random.letters(300));
        self.answer(&json!([{"type": "thinking", "thinking": thinking, "signature": signature}]), "");
        let call = format!("toolu_{}", self.random.letters(22));
        let path = format!("/home/mira/code/lantern/src/{}.rs", self.random.letters(9));
        let (name, input) = match self.random.index(3) {
            0 => ("Read", json!({"file_path": path})),
            1 => ("Bash", json!({"command": format!("cargo test {}", self.salad.word()), "description": "Run tests"})),
            _ => (
                "Edit",
                json!({"file_path": path, "old_string": self.salad.text(12), "new_string": self.salad.text(14)}),
            ),
        };
        self.answer(&json!([{"type": "tool_use", "id": call, "name": name, "input": input}]), "tool_use");
        let (mostly, now_and_then) = self.output_lines;
        let lines_max = if self.random.chance(20) { now_and_then } else { mostly };
        let lines = 3 + self.random.index(lines_max);
        let result: Vec<String> = (0..lines).map(|at| format!("{at:>6}\t    {}", self.salad.text(9))).collect();
        let result = result.join("\n");
        let structured = json!({"type": "text", "file": {"filePath": path, "content": result, "numLines": lines}});
        let content = json!([{"tool_use_id": call, "type": "tool_result", "content": result}]);
        self.row("user", &json!({"role": "user", "content": content}), Some(structured));
    }

    fn answer(&mut self, content: &Value, stop_reason: &str) {
        let message = json!({
            "id": format!("msg_{}{:04}", self.id.get(..8).unwrap_or_default(), self.turn), "type": "message", "role": "assistant", "model": "claude-opus-4-5",
            "content": content, "stop_reason": stop_reason, "stop_sequence": null,
            "usage": {"input_tokens": 8, "cache_creation_input_tokens": 412, "cache_read_input_tokens": 15_820,
                "output_tokens": 231, "service_tier": "standard"},
        });
        self.row("assistant", &message, None);
    }

    fn row(&mut self, kind: &str, message: &Value, structured: Option<Value>) {
        self.seconds += 1 + i64::try_from(self.random.below(20)).unwrap_or_default();
        let at = jay_types::Timestamp(self.seconds * jay_types::time::SECOND).rfc3339();
        let id = uuid(&mut self.random);
        let mut row = json!({
            "parentUuid": self.parent, "isSidechain": false, "userType": "external", "cwd": "/home/mira/code/lantern",
            "sessionId": self.id, "version": "2.0.44", "gitBranch": "retry-loop", "type": kind, "message": message,
            "uuid": id, "timestamp": at,
        });
        if let (Some(row), Some(structured)) = (row.as_object_mut(), structured) {
            row.insert("toolUseResult".to_owned(), structured);
        }
        self.text.push_str(&row.to_string());
        self.text.push('\n');
        self.rows += 1;
        self.parent = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::TempHome;

    fn files(seed: u64, bytes: usize) -> (usize, Vec<(std::path::PathBuf, Vec<u8>)>) {
        let home = TempHome::new();
        let written = write(&home.path(), seed, bytes);
        let strip = |(path, text): (std::path::PathBuf, Vec<u8>)| {
            (path.strip_prefix(home.path()).expect("it lies below").to_owned(), text)
        };
        (written, home.files().expect("readable").into_iter().map(strip).collect())
    }

    #[test]
    fn the_bytes_of_a_seed_are_fixed_and_as_many_as_asked_for() {
        let (written, first) = files(5, 3 << 20);
        assert_eq!(first.iter().map(|(_, text)| text.len()).sum::<usize>(), written);
        assert!((3 << 20..4 << 20).contains(&written) && first.len() >= 3, "{written} in {}", first.len());
        assert_eq!(files(5, 3 << 20).1, first);
        assert_ne!(files(6, 3 << 20).1, first);
    }

    #[test]
    fn an_archive_has_its_rows_and_its_share_of_output() {
        let home = TempHome::new();
        let written = write_sessions(&home.path(), 7, 60);
        let (mut output, mut rows) = (0, 0);
        for (_, text) in home.files().expect("readable") {
            for line in String::from_utf8(text).expect("UTF-8").lines() {
                let row: Value = serde_json::from_str(line).expect("JSON");
                rows += 1;
                if row.get("toolUseResult").is_some() {
                    let of_message = row["message"]["content"][0]["content"].to_string().len();
                    output += of_message + row["toolUseResult"]["file"]["content"].to_string().len();
                }
            }
        }
        assert_eq!(rows, 60 * SESSION_ROWS);
        let percent = output * 100 / written;
        assert!((36..45).contains(&percent), "{percent} % of {written} bytes");
    }

    #[test]
    fn every_row_is_an_object_that_names_its_session() {
        for (path, text) in files(5, 200_000).1 {
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            for line in String::from_utf8(text).expect("UTF-8").lines() {
                let row: Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(row["sessionId"], stem);
                assert!(row["message"]["content"].is_string() || row["message"]["content"].is_array());
            }
        }
    }
}
