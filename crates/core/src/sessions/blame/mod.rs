//! Which sessions wrote a file or a line of it, and which commits.
//!
//! Marks of paths lead to the calls that may have written the file ([`gather`]), which are compared with it as the calls
//! themselves name it ([`place`]). What stands in the file and what git knows is read only at the machine's own doors
//! ([`target`]). Commits are joined to sessions by what the sessions' tools put out, else by time ([`commits`]).
//!
//! **Invariant:** nothing is written. A hit says why it is one; where there is none, the answer says what was looked at.

mod commits;
mod gather;
mod place;
mod target;

use super::git::CLIENT;
use crate::call::{Call, Door};
use crate::secrets::{Outcome, Policy, apply, masked_name};
use commits::Found;
use gather::{Write, Writes};
use jay_types::bounds::Bounded;
use jay_types::{Result, Timestamp};
use place::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use target::Target;

/// Characters of what was asked, and of a line.
const SHOWN_CHARS: usize = 400;

/// Commits that are told as reasons for a session.
const REASONS_MAX: usize = 3;

/// What is asked.
#[derive(Clone, Debug)]
pub struct BlameRequest {
    /// `FILE`, `FILE:LINE` or `FILE:LINE-LINE`.
    pub file: Bounded<4096>,
    /// Words of lines, where the file itself is not to be read for them.
    pub text: Option<Bounded<4096>>,
    /// The most sessions, and the most commits.
    pub limit: usize,
}

/// A line that is asked about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlamedLine {
    /// Its number in the file; absent where its words were given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What it says
    pub text: String,
    /// The commit with which it came, by git blame; absent where git does not know it, or it is not committed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A session that wrote the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlamedSession {
    /// The client
    pub client: String,
    /// The client's own id
    pub session: String,
    /// Its title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The agent within the client
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The project directory
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The message whose call tells the most
    pub message: String,
    /// When that was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The model that called
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tool that was called
    pub tool: String,
    /// The file as the call names it
    pub path: String,
    /// Why it is here
    pub why: Vec<String>,
    /// Calls of this session that wrote the file
    pub writes: u64,
    /// What was asked last before that call
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// A commit that touched the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlamedCommit {
    /// Its hash
    pub commit: String,
    /// When it was written
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Its author's name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The first line of its message
    pub subject: String,
    /// Why it is here
    pub why: Vec<String>,
    /// The session of the archive in which it can be read; absent where it is not archived
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_in: Option<String>,
    /// The session of an agent out of which it came, as far as that is known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Looked {
    /// Archived sessions of agents
    pub sessions: u64,
    /// Calls that wrote a file of that name, which were compared
    pub calls: u64,
    /// Archived commits, of all repositories
    pub commits: u64,
    /// Whether git was asked about the file
    pub git: bool,
}

/// The answer to blame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blamed {
    /// The file, from the top of its repository where it is in one
    pub file: String,
    /// Names that it had before, by git
    pub earlier_names: Vec<String>,
    /// The lines that are asked about
    pub lines: Vec<BlamedLine>,
    /// Sessions that wrote it, the one that tells the most first
    pub sessions: Vec<BlamedSession>,
    /// Commits that touched it: those of the lines first, then the latest first
    pub commits: Vec<BlamedCommit>,
    /// What was looked at
    pub looked: Looked,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Finds the sessions and commits that wrote a file or lines of it.
///
/// # Errors
/// `bad_input` for a line that is none, a directory, a binary file or a line at a door where files are not read; `io`.
pub fn blame(call: &Call<'_>, request: &BlameRequest) -> Result<Blamed> {
    let at_the_machine = matches!(call.caller.door, Door::Cli | Door::Call);
    let target = Target::read(call, request, at_the_machine)?;
    let place = Place::of(call, &target)?;
    let mut answer = Blamed {
        file: masked_name(target.file.clone()),
        earlier_names: target.names.iter().skip(1).cloned().map(masked_name).collect(),
        notes: target.notes.clone(),
        ..Blamed::default()
    };
    let (writes, found) = call.engine.archive.read(|tx| -> Result<_> {
        let counts = tx.archive_counts(CLIENT)?;
        answer.looked.sessions = counts.sessions;
        answer.looked.commits = counts.messages_apart;
        let writes = gather::gather(tx, &target, &place)?;
        let found = commits::find(tx, &target, &writes, request.limit)?;
        Ok((writes, found))
    })?;
    answer.looked.calls = writes.compared;
    answer.looked.git = target.repository.is_some();
    answer.sessions = sessions(call, &writes, &found, request.limit)?;
    answer.lines = lines(&target);
    let found_all = found.all;
    answer.commits = found.commits.into_iter().map(|found| found.view).map(shown_commit).collect();
    if found_all > answer.commits.len() {
        answer.notes.push(format!("{found_all} archived commits touched it; --limit shows more"));
    }
    note(&mut answer, &writes, &target, request.limit);
    Ok(answer)
}

fn lines(target: &Target) -> Vec<BlamedLine> {
    let line = |line: &target::Line| BlamedLine {
        line: line.number,
        text: shown(&line.text),
        commit: line.commit.as_ref().map(|commit| commit.commit.clone()),
    };
    target.lines.iter().map(line).collect()
}

/// What speaks for a write, the most first: an edit put the line in, all of the file with the line was written, the line's
/// commit follows it.
fn weight(write: &Write, is_before_commit: bool) -> u8 {
    let of_line = match (write.puts_line, write.is_whole) {
        (false, _) => 0,
        (true, true) => 3,
        (true, false) => 4,
    };
    of_line + if is_before_commit { 2 } else { 0 }
}

/// Of equal weight the latest is first; of those that wrote all of the file the earliest, with which the line can have come.
fn order(write: &Write) -> i64 {
    let at = write.at.map_or(i64::MIN, |at| at.0);
    if write.puts_line && write.is_whole { at.saturating_neg() } else { at }
}

fn sessions(call: &Call<'_>, writes: &Writes, found: &Found, limit: usize) -> Result<Vec<BlamedSession>> {
    let mut best: HashMap<i64, (u8, i64, usize, u64)> = HashMap::new();
    for (place, write) in writes.of_agents.iter().enumerate() {
        let (weight, order) = (weight(write, found.of_lines.contains(&write.doc)), order(write));
        let entry = best.entry(write.session).or_insert((weight, order, place, 0));
        entry.3 += 1;
        if (weight, order) > (entry.0, entry.1) {
            (entry.0, entry.1, entry.2) = (weight, order, place);
        }
    }
    let mut ranked: Vec<_> = best.into_values().collect();
    ranked.sort_by_key(|(weight, order, place, _)| (std::cmp::Reverse((*weight, *order)), *place));
    ranked.truncate(limit);
    let shown = ranked.into_iter().filter_map(|(_, _, place, count)| Some((writes.of_agents.get(place)?, count)));
    shown.map(|(write, count)| session(call, writes, write, count, found)).collect()
}

fn session(call: &Call<'_>, writes: &Writes, write: &Write, count: u64, found: &Found) -> Result<BlamedSession> {
    let row = writes.sessions.get(&write.session);
    let request = call.engine.archive.read(|tx| -> Result<Option<String>> {
        let Some(doc) = tx.asked_before(write.doc)? else { return Ok(None) };
        Ok(tx.message_texts(&[doc])?.remove(&doc).map(|said| said.text))
    })?;
    let name = |name: Option<&String>| name.cloned().map(masked_name);
    let mut why = vec![write.why()];
    let of_commits = found.of_sessions.get(&write.session).map(Vec::as_slice).unwrap_or_default();
    why.extend(of_commits.iter().take(REASONS_MAX).cloned());
    if of_commits.len() > REASONS_MAX {
        why.push(format!("and {} commits more", of_commits.len() - REASONS_MAX));
    }
    Ok(BlamedSession {
        client: row.map(|row| row.client.clone()).unwrap_or_default(),
        session: row.map(|row| masked_name(row.session.clone())).unwrap_or_default(),
        title: name(row.and_then(|row| row.title.as_ref())),
        agent: name(row.and_then(|row| row.agent.as_ref())),
        project: name(row.and_then(|row| row.project.as_ref())),
        message: masked_name(write.message.clone()),
        at: write.at,
        model: write.model.clone().map(masked_name),
        tool: masked_name(write.tool.clone()),
        path: masked_name(write.path.clone()),
        why,
        writes: count,
        request: request.map(|text| jay_types::text::shorten(text.trim(), SHOWN_CHARS)),
    })
}

fn shown_commit(commit: BlamedCommit) -> BlamedCommit {
    BlamedCommit { author: commit.author.map(masked_name), subject: shown(&commit.subject), ..commit }
}

/// A text that may hold a secret, as it may be shown.
fn shown(text: &str) -> String {
    let masked = match apply(Policy::Redact, text) {
        Outcome::Redacted { text, .. } => text,
        _ => text.to_owned(),
    };
    jay_types::text::shorten(&masked, SHOWN_CHARS)
}

fn note(answer: &mut Blamed, writes: &Writes, target: &Target, limit: usize) {
    let notes = &mut answer.notes;
    if writes.failed > 0 {
        notes.push(format!("{} that would have written it failed, and are left out", calls(writes.failed)));
    }
    if writes.beyond > 0 {
        notes.push(format!("{} that touched files of this name were not looked at", messages(writes.beyond)));
    }
    if !writes.elsewhere.is_empty() {
        let mut places: Vec<String> = writes.elsewhere.iter().take(3).cloned().map(masked_name).collect();
        if writes.elsewhere.len() > places.len() {
            places.push("…".to_owned());
        }
        let many = if writes.elsewhere.len() == 1 { "file" } else { "files" };
        notes.push(format!("writes of {} other {many} of this name: {}", writes.elsewhere.len(), places.join(", ")));
    }
    let sessions: std::collections::BTreeSet<i64> = writes.of_agents.iter().map(|write| write.session).collect();
    if sessions.len() > limit {
        notes.push(format!("{} sessions wrote it; --limit shows more", sessions.len()));
    }
    if answer.looked.sessions == 0 {
        notes.push("no session is archived: `jay session sync` archives those of your agents".to_owned());
    }
    match &target.repository {
        Some(_) if answer.commits.iter().all(|commit| commit.archived_in.is_none()) => {
            notes.push("no archived commit touched it: `jay git ingest` archives those of a repository".to_owned());
        }
        None if target.is_read => notes.push("the file is in no git repository, or git cannot read it".to_owned()),
        _ => {}
    }
    let unclear: Vec<String> = target.lines.iter().filter(|line| line.is_trivial()).map(target::Line::name).collect();
    if !unclear.is_empty() {
        notes.push(format!("{} says too little to be looked for in what was written", unclear.join(", ")));
    }
}

fn calls(number: u64) -> String {
    if number == 1 { "1 call".to_owned() } else { format!("{number} calls") }
}

fn messages(number: u64) -> String {
    if number == 1 { "1 message".to_owned() } else { format!("{number} messages") }
}
