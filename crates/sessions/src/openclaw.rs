//! OpenClaw, up to July 2026: `agents/<agent>/sessions/<session>.jsonl` in its state directory, in Pi's rows
//! ([`crate::pi`]), with `sessions.json` beside, which says by which key a session is reached.
//!
//! A file that was put aside (`.reset.`, `.bak.`) is a session as before; one that was deleted is left alone.

use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::lines::{JsonLines, parser};
use crate::pi::{self, Entries};
use std::path::{Path, PathBuf};

/// The adapter.
pub const OPENCLAW: JsonLines =
    JsonLines { name: "openclaw", version: 1, roots, hidden: &[], is_session, describe, parser: parser::<Entries> };

/// What a session was started by, as the third part of its key says, and what it is called here.
const AGENTS: [(&str, &str); 5] =
    [("cron", "cron"), ("hook", "hook"), ("heartbeat", "heartbeat"), ("subagent", "subagent"), ("model-run-", "probe")];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let states = match environment.directory("OPENCLAW_STATE_DIR") {
        Some(chosen) => vec![chosen],
        None => vec![environment.in_home(&[".openclaw"]), environment.in_home(&[".clawdbot"])],
    };
    states.iter().map(|state| environment.join(state, &["agents"])).collect()
}

fn is_session(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let in_sessions = discover::directory_name(path, 1).is_some_and(|name| name == "sessions");
    let put_aside = [".jsonl.reset.", ".jsonl.bak."].iter().any(|mark| name.contains(mark)) && !name.ends_with(".zst");
    let other = name.ends_with(".trajectory.jsonl") || name.contains(".checkpoint.");
    in_sessions && !other && (discover::is_jsonl(path) || put_aside)
}

fn describe(source: &mut Source) {
    if let Some((session, _)) = source.session.split_once(".jsonl.") {
        source.session = session.to_owned();
    }
    pi::header(source);
    let Some(index) = discover::document(&source.path.with_file_name("sessions.json")) else { return };
    let Some(index) = Fields::parse(&index) else { return };
    let session_of = |entry: &Fields<'_>| entry.word("sessionId");
    let found = index.iter().find_map(|(key, entry)| {
        let entry = json::object(entry)?;
        (session_of(&entry)? == source.session).then(|| (key.to_owned(), entry))
    });
    let Some((key, entry)) = found else { return };
    let rest = key.splitn(3, ':').nth(2).unwrap_or_default();
    source.agent = AGENTS.iter().find(|(begins, _)| rest.starts_with(begins)).map(|(_, agent)| (*agent).to_owned());
    source.title = entry.word("label").or_else(|| entry.word("displayName"));
    let spawner = entry.word("spawnedBy").or_else(|| entry.word("parentSessionKey"));
    source.parent = spawner.and_then(|key| index.object(&key)).and_then(|entry| session_of(&entry));
    source.relation = source.parent.as_ref().map(|_| "subagent".to_owned());
}
