//! OpenClaw: up to July 2026 `agents/<agent>/sessions/<session>.jsonl` in its state directory, in Pi's rows ([`crate::pi`]), with
//! `sessions.json` beside, which says by which key a session is reached; from then on `agents/<agent>/agent/openclaw-agent.sqlite`,
//! which holds the same rows and keys.
//!
//! What was put aside (`.reset.`, `.bak.`, compressed or not, or in the database) is a session as before; what was deleted
//! is left alone.

mod archive;
mod database;
mod index;

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::lines::{JsonLines, parser};
use crate::pi::{self, Entries};
use index::Index;
use jay_types::Result;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The adapter.
pub const OPENCLAW: OpenClaw = OpenClaw;

/// Knowledge of OpenClaw.
#[derive(Clone, Copy, Debug)]
pub struct OpenClaw;

const NAME: &str = "openclaw";

/// Its files.
const FILES: JsonLines =
    JsonLines { name: NAME, version: 1, roots, hidden: &[], is_session, describe, parser: parser::<Entries> };

impl SessionAdapter for OpenClaw {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        roots(environment)
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = FILES.discover(environment);
        index::describe(&mut discovery.sources);
        for root in roots(environment) {
            databases(&root, &mut discovery);
        }
        discover::distinct(&mut discovery);
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        if crate::database::is_database(path) {
            let mut discovery = Discovery::default();
            database::discover(path, &mut discovery);
            discover::distinct(&mut discovery);
            return Ok(discovery);
        }
        let mut discovery = FILES.discover_path(path)?;
        index::describe(&mut discovery.sources);
        databases(path, &mut discovery);
        discover::distinct(&mut discovery);
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        source.within.as_deref().map(|within| database::documents(&source.path, within)).transpose()
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        FILES.parser(source, state)
    }
}

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let states = match environment.directory("OPENCLAW_STATE_DIR") {
        Some(chosen) => vec![chosen],
        None => vec![environment.in_home(&[".openclaw"]), environment.in_home(&[".clawdbot"])],
    };
    states.iter().map(|state| environment.join(state, &["agents"])).collect()
}

/// The databases of all agents, below their directory or the one that holds it.
fn databases(root: &Path, discovery: &mut Discovery) {
    if !root.is_dir() {
        return;
    }
    let mut found = discover::near(root, database::FILE, discovery);
    let agents = root.join("agents");
    if agents.is_dir() {
        found.extend(discover::near(&agents, database::FILE, discovery));
    }
    for path in found {
        database::discover(&path, discovery);
    }
}

fn is_session(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let in_sessions = discover::directory_name(path, 1).is_some_and(|name| name == "sessions");
    let put_aside = [".jsonl.reset.", ".jsonl.bak."].iter().any(|mark| name.contains(mark));
    let other = name.ends_with(".trajectory.jsonl") || name.contains(".checkpoint.");
    in_sessions && !other && (discover::is_jsonl(path) || put_aside)
}

fn describe(source: &mut Source) {
    if let Some((session, _)) = source.session.split_once(".jsonl.") {
        source.session = session.to_owned();
    }
    pi::header(source);
}

/// What the index beside the files, or in the database, tells of a session.
fn told(source: &mut Source, key: Option<&str>, index: &Index) {
    let key = key.or_else(|| index.key_of(&source.session));
    let Some(key) = key else { return };
    source.agent = index::agent(key);
    let Some(entry) = index.entry(key) else { return };
    source.title = source.title.take().or_else(|| entry.title.clone());
    if source.parent.is_none() {
        let parent = entry.spawner.as_deref().and_then(|key| index.session_of(key));
        source.parent = parent.filter(|parent| *parent != source.session).map(str::to_owned);
        source.relation = source.parent.as_ref().map(|_| "subagent".to_owned());
    }
}
