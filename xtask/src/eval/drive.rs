//! The product as its users have it: processes, doors, ids that the data came with.
//!
//! A question's time is from the line that asks to the line that answers, in a process that has the store open: what a
//! server or an agent's batch door waits for. The first question of a conversation pays for what is read for the first
//! time.
//!
//! **Invariant:** a store per conversation, and an answer that could not use all of it (messages without vectors, no
//! embedder) ends the run: it would be a figure of something else.

use super::{Conversation, Document, Hit, Mode, Unit};
use anyhow::{Context, Result, bail, ensure};
use jay_testkit::{Jay, Output, Stopwatch, TempHome};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

/// How the binary is driven.
pub(super) struct Drive {
    jay: PathBuf,
    mode: Mode,
    unit: Unit,
    text_only: bool,
}

/// What a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Best first.
    pub(super) hits: Vec<Hit>,
    /// How long the caller waited.
    pub(super) time: Duration,
}

impl Drive {
    pub(super) fn new(jay: &Path, mode: Mode, unit: Unit, text_only: bool) -> Self {
        Self { jay: jay.to_owned(), mode, unit, text_only }
    }

    /// Fills a store with a conversation and asks its questions, in their order.
    pub(super) fn conversation(&self, conversation: &Conversation, limit: usize) -> Result<Vec<Answer>> {
        let home = TempHome::new();
        let mut jay = Jay::of_program(&self.jay, &home).env("JAY_NAMESPACE", "eval");
        if self.text_only {
            jay = jay.env("JAY_EMBEDDER", "none");
        }
        self.fill(&jay, &home, conversation).with_context(|| format!("conversation {}", conversation.id))?;
        let mut door = Door::open(&jay)?;
        let ask = |question: &super::Question| {
            let (value, time) = door.ask(&self.request(&question.text, limit))?;
            self.demand_whole(&value)?;
            Ok(Answer { hits: self.hits(&value)?, time })
        };
        let answers: Result<Vec<Answer>> = conversation.questions.iter().map(ask).collect();
        let answers = answers.with_context(|| format!("asking conversation {}", conversation.id))?;
        door.close()?;
        Ok(answers)
    }

    fn fill(&self, jay: &Jay, home: &TempHome, conversation: &Conversation) -> Result<()> {
        match self.mode {
            Mode::Sessions => {
                let file = home.write("in.jsonl", lines(conversation.documents.iter().map(row)));
                let path = file.to_str().context("a temporary path is text")?;
                succeeded("session sync", jay.run(&["session", "sync", "generic", "--path", path]))?;
            }
            Mode::Memories => {
                // One after the other: memories that share a commit may share its millisecond, whose ids have no order,
                // and equal scores go by id. So the figures of two runs are the same.
                let mut door = Door::open(jay)?;
                // A message of blanks is a row of a session and no memory.
                for document in conversation.documents.iter().filter(|one| !one.text.trim().is_empty()) {
                    door.ask(&memory(document)).with_context(|| format!("message {}", document.message))?;
                }
                door.close()?;
            }
        }
        succeeded("jobs run", jay.run(&["jobs", "run", "--until-empty"]))?;
        Ok(())
    }

    fn request(&self, query: &str, limit: usize) -> Value {
        match (self.mode, self.unit) {
            (Mode::Sessions, Unit::Turn) => json!({"op": "session_search", "input": {"query": query, "limit": limit}}),
            (Mode::Sessions, Unit::Session) => {
                json!({"op": "session_search", "input": {"query": query, "limit": limit, "group": "session"}})
            }
            (Mode::Memories, _) => json!({"op": "recall", "input": {"query": query, "limit": limit}}),
        }
    }

    fn hits(&self, value: &Value) -> Result<Vec<Hit>> {
        let hits = value.get("hits").and_then(Value::as_array).context("an answer without `hits`")?;
        let read = |hit: &Value| {
            let from = if self.mode == Mode::Sessions { hit } else { hit.get("source")? };
            let name = |name: &str| from.get(name)?.as_str().map(str::to_owned);
            Some(Hit { session: name("session")?, message: name("message")? })
        };
        hits.iter().map(|hit| read(hit).context("a hit without session and message")).collect()
    }

    fn demand_whole(&self, value: &Value) -> Result<()> {
        let notes = value.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for note in notes {
            let is_expected = self.text_only && note == "text_only";
            ensure!(is_expected || (note != "text_only" && !note.contains("not embedded")), "answered with `{note}`");
        }
        Ok(())
    }
}

/// A row of the generic session file.
fn row(document: &Document) -> Value {
    let mut row = json!({
        "session": document.session, "message": document.message, "role": document.role, "text": document.text
    });
    let optional = [("at", &document.at), ("author", &document.author)];
    if let Some(fields) = row.as_object_mut() {
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))));
    }
    row
}

/// The same as a memory; it has no field for who spoke, so that stands in its text.
fn memory(document: &Document) -> Value {
    let text =
        document.author.as_ref().map_or_else(|| document.text.clone(), |name| format!("{name}: {}", document.text));
    let source = json!({"session": document.session, "message": document.message});
    let mut input = json!({"text": text, "source": source});
    if let (Some(fields), Some(at)) = (input.as_object_mut(), &document.at) {
        fields.insert("created_at".to_owned(), at.clone().into());
    }
    json!({"op": "remember", "input": input})
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

fn succeeded(what: &str, output: Output) -> Result<String> {
    ensure!(output.code == Some(0), "jay {what} ended with {:?}: {}", output.code, output.stderr.trim());
    Ok(output.stdout)
}

/// The value of a line that `jay call` answered.
fn value_of(line: &str) -> Result<Value> {
    let mut answer: Value = serde_json::from_str(line).context("jay call answered no JSON")?;
    if answer.get("ok") != Some(&Value::Bool(true)) {
        // Code and message only: an error's details may hold what was asked.
        let said = |name: &str| answer.pointer(&format!("/error/{name}")).and_then(Value::as_str).unwrap_or("?");
        bail!("refused: {} ({})", said("message"), said("code"));
    }
    answer.get_mut("value").map(Value::take).context("an answer without `value`")
}

/// A running `jay call`.
struct Door {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Door {
    fn open(jay: &Jay) -> Result<Self> {
        let mut command = jay.command(&["call"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().context("cannot start jay call")?;
        let questions = process.stdin.take().context("stdin was asked to be a pipe")?;
        let answers = BufReader::new(process.stdout.take().context("stdout was asked to be a pipe")?);
        Ok(Self { process, questions, answers })
    }

    fn ask(&mut self, request: &Value) -> Result<(Value, Duration)> {
        let line = format!("{request}\n");
        let watch = Stopwatch::start();
        self.questions.write_all(line.as_bytes()).context("jay call takes no more lines")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).context("jay call gives no more lines")?;
        let time = watch.elapsed();
        Ok((value_of(&answer)?, time))
    }

    fn close(self) -> Result<()> {
        let Self { mut process, questions, answers } = self;
        drop((questions, answers));
        let status = process.wait().context("jay call was started")?;
        ensure!(status.success(), "jay call ended with {status}");
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::eval::Question;
    use std::collections::BTreeSet;

    /// A stand-in that keeps what it is given and answers every line alike.
    fn stand_in(home: &TempHome, answer: &str) -> PathBuf {
        let kept = home.path().display().to_string();
        let script = format!(
            "#!/bin/sh\necho \"$1 $2 $JAY_EMBEDDER\" >> {kept}/calls\n[ \"$1\" = session ] && cat \"$5\" > {kept}/rows\n\
             [ \"$1\" = call ] || exit 0\nwhile read -r line; do echo \"$line\" >> {kept}/lines; echo '{answer}'; done\n"
        );
        let path = home.write("jay", script);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("it is ours");
        path
    }

    fn conversation() -> Conversation {
        let document = Document {
            session: "s".into(),
            message: "m".into(),
            at: Some("2026-05-01T10:00:00Z".into()),
            role: "user".into(),
            author: Some("Ann".into()),
            text: "hello".into(),
            ..Document::default()
        };
        let question = Question { text: "who?".into(), gold: BTreeSet::from(["m".into()]), ..Question::default() };
        let blank = Document { text: " ".into(), ..document.clone() };
        Conversation { id: "c".into(), documents: vec![document, blank], questions: vec![question.clone(), question] }
    }

    #[test]
    fn an_archive_is_synced_and_searched() {
        let home = TempHome::new();
        let answer = r#"{"ok":true,"value":{"hits":[{"session":"s","message":"m"}],"notes":[]}}"#;
        let jay = stand_in(&home, answer);
        let found = Drive::new(&jay, Mode::Sessions, Unit::Session, false).conversation(&conversation(), 7).unwrap();
        let hit = Hit { session: "s".into(), message: "m".into() };
        assert_eq!(found.iter().map(|answer| answer.hits.clone()).collect::<Vec<_>>(), [[hit.clone()], [hit]]);
        let kept = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
        let row = "{\"session\":\"s\",\"message\":\"m\",\"role\":\"user\",\"text\":\"hello\",\"at\":\"2026-05-01T10:00:00Z\",\"author\":\"Ann\"}\n";
        assert_eq!(kept("rows"), format!("{row}{}", row.replace("hello", " ")));
        let asked = "{\"op\":\"session_search\",\"input\":{\"query\":\"who?\",\"limit\":7,\"group\":\"session\"}}\n";
        assert_eq!(kept("lines"), asked.repeat(2));
        assert_eq!(kept("calls"), "session sync \njobs run \ncall  \n");
    }

    #[test]
    fn memories_are_remembered_and_recalled() {
        let home = TempHome::new();
        let answer = r#"{"ok":true,"value":{"hits":[{"source":{"session":"s","message":"m"}}],"notes":["text_only"]}}"#;
        let jay = stand_in(&home, answer);
        let found = Drive::new(&jay, Mode::Memories, Unit::Turn, true).conversation(&conversation(), 7).unwrap();
        assert_eq!(found.len(), 2);
        let lines = std::fs::read_to_string(home.path().join("lines")).unwrap();
        assert_eq!(
            lines.lines().next().unwrap(),
            "{\"op\":\"remember\",\"input\":{\"text\":\"Ann: hello\",\"source\":{\"session\":\"s\",\"message\":\"m\"},\"created_at\":\"2026-05-01T10:00:00Z\"}}"
        );
        assert_eq!(lines.matches("\"remember\"").count(), 1, "blanks are no memory: {lines}");
        assert!(std::fs::read_to_string(home.path().join("calls")).unwrap().contains("call  none"));
        // The same answer is a fault where vectors are expected.
        let error = Drive::new(&jay, Mode::Memories, Unit::Turn, false).conversation(&conversation(), 7).unwrap_err();
        assert!(format!("{error:#}").contains("text_only"), "{error:#}");
    }

    #[test]
    fn a_refusal_ends_the_run() {
        let home = TempHome::new();
        let jay = stand_in(&home, r#"{"ok":false,"error":{"code":"bad_input","message":"too long"}}"#);
        let error = Drive::new(&jay, Mode::Sessions, Unit::Turn, false).conversation(&conversation(), 7).unwrap_err();
        assert!(format!("{error:#}").contains("too long (bad_input)"), "{error:#}");
    }
}
