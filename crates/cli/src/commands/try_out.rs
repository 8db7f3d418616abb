//! `jay try`: the main job on this machine's own data, in one command.
//!
//! It archives the agent sessions that are here and answers a question from them. Where there are none it says so
//! and does the same with a small sample, in a store of its own that it removes again.

use crate::app::App;
use crate::config::Paths;
use crate::render::{View, count, render};
use crate::surroundings::Real;
use jay_core::Surroundings as _;
use jay_types::id::to_hex;
use jay_types::{Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What the sample is asked where no question is given.
const SAMPLE_QUESTION: &str = "which port does staging postgres use";
/// What a person's own sessions are asked where none has a title.
const OWN_QUESTION: &str = "what did we decide and why";

pub(super) fn run(app: &App<'_>, question: Option<&str>) -> Result<u8> {
    app.output.talk("Looking for the sessions of your agents (Claude Code, Codex, Gemini CLI and others) …");
    let synced = call(app, "session_sync", json!({}))?;
    let status = call(app, "status", json!({}))?;
    let sessions = status.get("sessions").and_then(Value::as_u64).unwrap_or_default();
    if sessions > 0 {
        let inserted = synced.get("sessions_inserted").and_then(Value::as_u64).unwrap_or_default();
        app.output.talk(&format!(
            "{} archived in {}, {inserted} of them just now.",
            count(sessions, "session is", "sessions are"),
            app.paths.data.display()
        ));
        let own = own_question(app)?;
        ask(app, question.unwrap_or(&own))?;
        app.output.talk("\nAsk your own: `jay session search \"…\"`.");
        return Ok(0);
    }
    app.output.talk("There are none on this machine, so this uses a small sample, in a store that is removed again.");
    with_sample(app, question.unwrap_or(SAMPLE_QUESTION))?;
    app.output.talk("\nWith sessions of your own: `jay session sync`, then `jay session search \"…\"`.");
    Ok(0)
}

/// A question that a person's own sessions can answer: the title of the latest that has one.
fn own_question(app: &App<'_>) -> Result<String> {
    let listed = call(app, "session_list", json!({"limit": 50}))?;
    let sessions = listed.get("sessions").and_then(Value::as_array).into_iter().flatten();
    let title =
        sessions.filter_map(|session| session.get("title")?.as_str()).find(|title| title.split(' ').count() > 1);
    Ok(title.unwrap_or(OWN_QUESTION).to_owned())
}

fn with_sample(app: &App<'_>, question: &str) -> Result<()> {
    let folder = Folder::make(app)?;
    let file = folder.0.join("sample.jsonl");
    crate::output::write_whole(&file, jay_core::sessions::sample().as_bytes())?;
    let data = folder.0.join("store");
    let apart = App {
        machine: app.machine,
        paths: Paths { data, config: app.paths.config.clone() },
        settings: app.settings.clone(),
        output: app.output.clone(),
        yes: false,
    };
    call(&apart, "session_sync", json!({"clients": ["generic"], "path": file.to_string_lossy()}))?;
    ask(&apart, question)
}

fn ask(app: &App<'_>, question: &str) -> Result<()> {
    app.output.talk(&format!("\n$ jay session search {question:?}"));
    let value = call(app, "session_search", json!({"query": question, "limit": 3}))?;
    app.output.answer(&value, |style| {
        render("session_search", &value, &View { style, now: Real.now(), explain: false, dry_run: false, tools: false })
    })
}

fn call(app: &App<'_>, op: &str, input: Value) -> Result<Value> {
    let engine = app.engine()?;
    let answer = app.call(&engine, jay_ops::find(op)?, input)?;
    engine.after_writes();
    Ok(answer)
}

/// A folder beside the data directory, removed at the end whatever happens.
struct Folder(PathBuf);

impl Folder {
    fn make(app: &App<'_>) -> Result<Self> {
        let mut random = [0; 8];
        Real.fill_random(&mut random);
        let name = format!("scrubjay-try-{}", to_hex(&random));
        let path = app.paths.data.parent().unwrap_or(Path::new(".")).join(name);
        std::fs::create_dir_all(&path).map_err(|error| Error::io(format!("cannot make {}", path.display()), &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "a folder of a random name that this run has made")]
        let removed = std::fs::remove_dir_all(&self.0);
        if removed.is_err() {
            tracing::warn!(folder = %self.0.display(), "the folder of the sample could not be removed");
        }
    }
}
