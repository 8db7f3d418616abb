//! The calls and commits that touched the file.

use super::place::Place;
use super::target::Target;
use crate::sessions::git::CLIENT;
use jay_sessions::touched::{How, Touch, touches};
use jay_store::{MessageBody, MessageRow, SessionRow, Tx};
use jay_types::session::Part;
use jay_types::{Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Messages that are compared for each name of a file, the latest first.
const COMPARED_MAX: usize = 2000;
/// Bits of a document's number below those of its block: messages of one block are read together.
const PLACE_BITS: u32 = 20;
/// Messages behind a call among which its answer is looked for.
const ANSWER_WITHIN: i64 = 12;

/// A call that wrote the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    pub doc: i64,
    /// Local number of the session.
    pub session: i64,
    pub message: String,
    pub at: Option<Timestamp>,
    pub model: Option<String>,
    pub tool: String,
    /// As the call names it.
    pub path: String,
    pub is_whole: bool,
    pub is_removal: bool,
    /// It put in a line that is asked about.
    pub puts_line: bool,
    /// Which of them.
    pub lines: Vec<String>,
}

impl Write {
    /// In words.
    pub(super) fn why(&self) -> String {
        let lines = self.lines.join(", ");
        match (self.puts_line, self.is_whole, self.is_removal) {
            (true, true, _) => format!("wrote the whole file with {lines} in it"),
            (true, false, _) => format!("wrote {lines}"),
            (false, _, true) => "removed this file".to_owned(),
            (false, true, _) => "wrote this file".to_owned(),
            (false, false, _) => "edited this file".to_owned(),
        }
    }
}

/// A commit that touched it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Committed {
    pub doc: i64,
    pub session: i64,
    pub commit: String,
    pub author: Option<String>,
    pub at: Option<Timestamp>,
    pub status: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub of_agents: Vec<Write>,
    pub of_git: Vec<Committed>,
    pub sessions: HashMap<i64, SessionRow>,
    /// Calls that were compared.
    pub compared: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Messages that were not looked at.
    pub beyond: u64,
    /// Other files of the name.
    pub elsewhere: BTreeSet<String>,
}

/// Gathers what touched the file, under any of its names.
pub(super) fn gather(tx: &Tx<'_>, target: &Target, place: &Place) -> Result<Writes> {
    let mut writes = Writes::default();
    let mut blocks: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for name in &target.names {
        let touching = tx.touching(name, COMPARED_MAX)?;
        writes.beyond += touching.all - touching.docs.len() as u64;
        for doc in touching.docs {
            blocks.entry(doc >> PLACE_BITS).or_default().insert(doc);
        }
    }
    for docs in blocks.into_values() {
        // A call's answer says whether it failed; it mostly stands a few messages behind.
        let near: BTreeSet<i64> = docs.iter().flat_map(|doc| *doc..=doc + ANSWER_WITHIN).collect();
        let near: Vec<i64> = near.into_iter().collect();
        // Who has the file reads the secret in a line there; what is shown is masked. Elsewhere nothing can be felt for.
        let bodies = tx.message_bodies(&near, target.is_read)?;
        let failed: BTreeSet<&str> = bodies.values().flat_map(|body| &body.parts).filter_map(failure).collect();
        for doc in docs {
            if let (Some(body), Some(row)) = (bodies.get(&doc), tx.message(doc)?) {
                writes.take(tx, target, place, (&row, body), &failed)?;
            }
        }
    }
    Ok(writes)
}

/// The id of a call that failed.
fn failure(part: &Part) -> Option<&str> {
    match part {
        Part::ToolResult { id, is_error: true, .. } => Some(id),
        _ => None,
    }
}

impl Writes {
    fn take(
        &mut self,
        tx: &Tx<'_>,
        target: &Target,
        place: &Place,
        (row, body): (&MessageRow, &MessageBody),
        failed: &BTreeSet<&str>,
    ) -> Result<()> {
        let session = match self.sessions.get(&row.entity) {
            Some(session) => session.clone(),
            None => {
                let Some(session) = tx.session(row.entity)? else { return Ok(()) };
                self.sessions.insert(row.entity, session.clone());
                session
            }
        };
        for part in &body.parts {
            let Part::ToolCall { id, name, input } = part else { continue };
            for touch in touches(name, input) {
                if session.client == CLIENT && touch.how == How::Committed {
                    if place.is_committed(&touch.path) && place.is_history(tx, &session)? {
                        self.of_git.push(committed(row, &body.id, input, &touch));
                        break;
                    }
                    continue;
                }
                if !is_named(target, &touch.path) {
                    continue;
                }
                self.compared += 1;
                if !place.is_same(tx, &session, &touch.path)? {
                    self.elsewhere.insert(touch.path);
                } else if failed.contains(id.as_str()) {
                    self.failed += 1;
                } else {
                    self.of_agents.push(write(target, row, body, name, touch));
                }
            }
        }
        Ok(())
    }
}

/// Whether a path ends with a name that the file has or had: a patch of one call names others too.
fn is_named(target: &Target, path: &str) -> bool {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    target.names.iter().any(|name| last(name) == last(path))
}

fn write(target: &Target, row: &MessageRow, body: &MessageBody, tool: &str, touch: Touch) -> Write {
    let asked = target.lines.iter().filter(|line| !line.is_trivial());
    let lines: Vec<String> = asked.filter(|line| touch.puts_line(&line.text)).map(super::target::Line::name).collect();
    Write {
        doc: row.doc,
        session: row.entity,
        message: body.id.clone(),
        at: row.at,
        model: body.model.clone(),
        tool: tool.to_owned(),
        is_whole: touch.how == How::Written,
        is_removal: touch.how == How::Removed,
        path: touch.path,
        puts_line: !lines.is_empty(),
        lines,
    }
}

fn committed(row: &MessageRow, commit: &str, input: &serde_json::Value, touch: &Touch) -> Committed {
    let mut files = input.get("files").and_then(serde_json::Value::as_array).into_iter().flatten();
    let file = files.find(|file| file.get("path").and_then(serde_json::Value::as_str) == Some(&touch.path));
    let status = file.and_then(|file| file.get("status")).and_then(serde_json::Value::as_str);
    Committed {
        doc: row.doc,
        session: row.entity,
        commit: commit.to_owned(),
        author: row.author.clone(),
        at: row.at,
        status: status.map(str::to_owned),
    }
}
