//! Aider: `.aider.chat.history.md` in each project's directory, a Markdown file that holds all its sessions.
//!
//! A line that begins with `####` is the person's, one that begins with `>` is Aider's own, all others are the model's,
//! and in a fence every line is. Consecutive lines of one speaker are one message, which is told on the line that ends
//! it; its own lines are carriers. What stands at the end of a file waits for the line that comes next.
//!
//! **Invariant:** a row speaks of one session only: a heading still belongs to the session that it ends.

use crate::adapter::RowParser;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::key::{content_hash, line_id};
use crate::lines::JsonLines;
use crate::said::{injected, said};
use crate::sink::Sink;
use jay_types::Timestamp;
use jay_types::session::{Message, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// The adapter.
pub const AIDER: JsonLines = JsonLines {
    name: "aider",
    version: 1,
    roots,
    hidden: &[HISTORY],
    is_session: |path| path.file_name().is_some_and(|name| name == HISTORY),
    describe,
    parser: |source, state| {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { source: source.clone(), state })
    },
};

const HISTORY: &str = ".aider.chat.history.md";
const HEADING: &str = "# aider chat started at ";
/// Bytes of a message that are remembered until its end; a longer one is told in pieces.
const MESSAGE_MAX_BYTES: usize = 32 << 10;

/// The file that the person chose, else the one of the home directory: those of projects are read where they are named.
fn roots(environment: &Environment) -> Vec<PathBuf> {
    let chosen = environment.directory("AIDER_CHAT_HISTORY_FILE");
    vec![chosen.unwrap_or_else(|| environment.in_home(&[HISTORY]))]
}

fn describe(source: &mut Source) {
    source.session = discover::directory_name(&source.path, 1).unwrap_or_else(|| source.session.clone());
    source.project = source.path.parent().map(|path| path.display().to_string());
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    Person,
    Model,
    Aider,
}

/// A message whose end has not come.
#[derive(Debug, Serialize, Deserialize)]
struct Open {
    speaker: Speaker,
    first_line: u64,
    last_line: u64,
    text: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// When the session started, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    /// Backticks of the fence that is open; 0 where none is.
    fence: usize,
}

struct Parser {
    source: Source,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        if std::str::from_utf8(row).is_err() {
            sink.unknown("(not UTF-8)");
        }
        let line = String::from_utf8_lossy(row);
        let before = sink.collected.messages.len();
        if let Some(started) = line.strip_prefix(HEADING) {
            self.flush(sink);
            let is_told = sink.collected.messages.len() > before;
            self.state = State { started: Some(started.trim().replacen(' ', "T", 1)), ..State::default() };
            if is_told {
                return;
            }
        } else {
            let (speaker, text) = self.classify(&line);
            self.take(speaker, text, sink);
        }
        self.tell(sink);
        if sink.collected.messages.len() == before {
            let session = self.session();
            sink.carrier(&session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    /// The directory's name and the session's start: there is no id.
    fn session(&self) -> String {
        match &self.state.started {
            Some(started) => format!("{}:{started}", self.source.session),
            None => self.source.session.clone(),
        }
    }

    /// What is known of the session; on every row, because the first one may stand in another session's block.
    fn tell(&self, sink: &mut Sink<'_>) {
        let meta = sink.session(&self.session());
        meta.project.clone_from(&self.source.project);
        meta.client_version = self.state.version.clone().or_else(|| meta.client_version.take());
        // The time is local and its zone is not told: it is off by at most some hours.
        let started = self.state.started.as_ref().and_then(|text| Timestamp::parse(&format!("{text}Z")).ok());
        if let Some(started) = started {
            meta.saw(started);
        }
    }

    /// Who speaks in a line, and the words.
    fn classify<'a>(&mut self, line: &'a str) -> (Speaker, &'a str) {
        let ticks = line.len() - line.trim_start_matches('`').len();
        // An answer that broke off in a fence is ended by the count of its tokens.
        if self.state.fence > 0 && !line.starts_with("> Tokens: ") {
            if ticks >= self.state.fence && line.trim_end().len() == ticks {
                self.state.fence = 0;
            }
            return (Speaker::Model, line);
        }
        self.state.fence = if ticks >= 3 { ticks } else { 0 };
        let after = |mark: &str| line.strip_prefix(mark).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        if let Some(words) = after("####") {
            return (Speaker::Person, words.trim());
        }
        if let Some(words) = after(">") {
            self.note(words.trim());
            return (Speaker::Aider, words.trim());
        }
        (Speaker::Model, line)
    }

    /// The version and the model, which Aider names when it starts.
    fn note(&mut self, words: &str) {
        if let Some(version) = words.strip_prefix("Aider v") {
            self.state.version = Some(version.to_owned());
        }
        let model = words.strip_prefix("Main model: ").or_else(|| words.strip_prefix("Model: "));
        if let Some(name) = model.and_then(|model| model.split_whitespace().next()) {
            self.state.model = Some(name.to_owned());
        }
    }

    fn take(&mut self, speaker: Speaker, words: &str, sink: &mut Sink<'_>) {
        let line = sink.line();
        let goes_on = |open: &&mut Open| open.speaker == speaker && open.text.len() + words.len() < MESSAGE_MAX_BYTES;
        if let Some(open) = self.state.open.as_mut().filter(goes_on) {
            // Blank lines are not given to a parser: they are the lines that are missing.
            let breaks = line.saturating_sub(open.last_line).min(MESSAGE_MAX_BYTES as u64);
            open.text.extend(std::iter::repeat_n('\n', usize::try_from(breaks).unwrap_or(1)));
            open.text.push_str(words);
            open.last_line = line;
            return;
        }
        self.flush(sink);
        self.state.open = Some(Open { speaker, first_line: line, last_line: line, text: words.to_owned() });
    }

    /// Tells the message that has come to its end.
    fn flush(&mut self, sink: &mut Sink<'_>) {
        let Some(Open { speaker, first_line, text, .. }) = self.state.open.take() else { return };
        let session = self.session();
        self.tell(sink);
        let hash = content_hash(&[format!("{speaker:?}").as_bytes(), text.as_bytes()]);
        let (role, part) = match speaker {
            Speaker::Person => (Role::User, said(text)),
            Speaker::Model => (Role::Assistant, said(text)),
            Speaker::Aider => (Role::System, injected(text)),
        };
        let model = self.state.model.clone().filter(|_| role == Role::Assistant);
        let id = line_id(&session, first_line);
        let message = Message { id, role: Some(role), author: None, at: None, model, parts: vec![part], row: 0 };
        sink.message(&session, hash, message);
    }
}
