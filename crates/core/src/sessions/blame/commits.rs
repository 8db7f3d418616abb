//! Commits of the file, and the sessions out of which they came.
//!
//! A session's tools mostly put out the hash of a commit that is made in it. Where they do not, a commit of the file is laid to the
//! session that wrote the file last before it, and after the commit of the file before that.

use super::BlamedCommit;
use super::gather::{Committed, Write, Writes};
use super::target::Target;
use crate::sessions::git::CLIENT;
use jay_sessions::git::LineCommit;
use jay_store::{SessionClause, Tx};
use jay_types::session::Part;
use jay_types::{Result, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Digits of a hash as it is shown.
const SHORT: usize = 12;
/// Digits of the shortest hash that git puts out of itself.
const SHORTEST: usize = 7;
/// Microseconds that a commit's time may lie behind that of the message that tells of it.
const TOLD_WITHIN: i64 = 60_000_000;
/// Microseconds by which clocks, and times of whole seconds, differ.
const SLACK: i64 = 2_000_000;
/// Sessions that were at work when a commit was made, whose outputs are looked through.
const AT_WORK_MAX: usize = 20;
/// Commits that are joined to sessions.
const JOINED_MAX: usize = 10;

/// A commit with the document of the archive that tells it.
#[derive(Debug)]
pub(super) struct FoundCommit {
    pub view: BlamedCommit,
}

/// Commits, and what they say of writes and sessions.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub commits: Vec<FoundCommit>,
    /// Commits that touched the file, those beyond the limit too.
    pub all: usize,
    /// Writes after which a line's own commit came.
    pub of_lines: HashSet<i64>,
    /// Reasons that a commit gives for a session.
    pub of_sessions: HashMap<i64, Vec<String>>,
}

/// Finds the commits of the file: those of the lines first, then the latest first.
pub(super) fn find(tx: &Tx<'_>, target: &Target, writes: &Writes, limit: usize) -> Result<Found> {
    let mut found = Found::default();
    let archived: BTreeMap<&str, &Committed> =
        writes.of_git.iter().map(|commit| (commit.commit.as_str(), commit)).collect();
    let mut order: Vec<&Committed> = archived.values().copied().collect();
    order.sort_by_key(|commit| std::cmp::Reverse((commit.at, commit.doc)));
    let mut of_lines: Vec<(&LineCommit, Vec<String>)> = Vec::new();
    for line in &target.lines {
        let Some(commit) = &line.commit else { continue };
        match of_lines.iter_mut().find(|(known, _)| known.commit == commit.commit) {
            Some((_, lines)) => lines.push(line.name()),
            None => of_lines.push((commit, vec![line.name()])),
        }
    }
    found.all = order.len();
    let mut views: Vec<(BlamedCommit, bool)> = Vec::new();
    for (commit, lines) in &of_lines {
        let mut view = view_of_line(commit);
        view.why.push(format!("git blame names it for {}", lines.join(", ")));
        if let Some(known) = archived.get(commit.commit.as_str()) {
            view.archived_in = writes.sessions.get(&known.session).map(|session| session.session.clone());
        }
        views.push((view, true));
    }
    let others = order.iter().filter(|commit| !of_lines.iter().any(|(of, _)| of.commit == commit.commit));
    for commit in others.take(limit.saturating_sub(views.len())) {
        views.push((view_of_archive(tx, writes, commit)?, false));
    }
    for (place, (mut view, is_of_line)) in views.into_iter().enumerate() {
        if place < JOINED_MAX {
            join(tx, writes, &order, &mut view, is_of_line, &mut found)?;
        }
        found.commits.push(FoundCommit { view });
    }
    Ok(found)
}

fn view_of_line(commit: &LineCommit) -> BlamedCommit {
    BlamedCommit {
        commit: commit.commit.clone(),
        at: commit.at,
        author: Some(commit.author.clone()).filter(|author| !author.is_empty()),
        subject: commit.subject.clone(),
        ..BlamedCommit::default()
    }
}

fn view_of_archive(tx: &Tx<'_>, writes: &Writes, commit: &Committed) -> Result<BlamedCommit> {
    let said = tx.message_texts(&[commit.doc])?.remove(&commit.doc).unwrap_or_default();
    let what = match commit.status.as_deref().and_then(|status| status.chars().next()) {
        Some('A') => "added this file",
        Some('D') => "removed this file",
        Some('R') => "moved this file",
        Some('C') => "copied this file",
        _ => "changed this file",
    };
    Ok(BlamedCommit {
        commit: commit.commit.clone(),
        at: commit.at,
        author: commit.author.clone(),
        subject: said.text.lines().next().unwrap_or_default().to_owned(),
        why: vec![what.to_owned()],
        archived_in: writes.sessions.get(&commit.session).map(|session| session.session.clone()),
        session: None,
    })
}

/// Lays a commit to a session, where one is known.
fn join(
    tx: &Tx<'_>,
    writes: &Writes,
    order: &[&Committed],
    view: &mut BlamedCommit,
    is_of_line: bool,
    found: &mut Found,
) -> Result<()> {
    let Some(at) = view.at else { return Ok(()) };
    let short = view.commit.get(..SHORT).unwrap_or(&view.commit).to_owned();
    let before = order.iter().filter(|other| other.commit != view.commit).filter_map(|other| other.at);
    let before = before.filter(|other| *other < at).max();
    let last = last_write(&writes.of_agents, before, at);
    if let Some((num, session)) = told_in(tx, &view.commit, at)? {
        view.session = Some(session);
        found.of_sessions.entry(num).or_default().push(format!("its tools put out the hash of commit {short}"));
        let own = writes
            .of_agents
            .iter()
            .filter(|write| write.session == num && write.at <= Some(at))
            .max_by_key(|write| write.at);
        if let Some(own) = own.filter(|_| is_of_line) {
            found.of_lines.insert(own.doc);
        }
        return Ok(());
    }
    if let Some(write) = last {
        view.session = writes.sessions.get(&write.session).map(|session| session.session.clone());
        found
            .of_sessions
            .entry(write.session)
            .or_default()
            .push(format!("was the last to write it before commit {short}"));
        if is_of_line {
            found.of_lines.insert(write.doc);
        }
    }
    Ok(())
}

/// The last write between two commits.
fn last_write(writes: &[Write], before: Option<Timestamp>, at: Timestamp) -> Option<&Write> {
    let is_between = |write: &&Write| {
        write.at.is_some_and(|written| written.0 <= at.0 + SLACK && before.is_none_or(|before| written > before))
    };
    writes.iter().filter(is_between).max_by_key(|write| (write.at, write.doc))
}

/// The session in which a tool put out the hash of a commit at the time when that was made.
fn told_in(tx: &Tx<'_>, commit: &str, at: Timestamp) -> Result<Option<(i64, String)>> {
    let short = commit.get(..SHORTEST).unwrap_or(commit);
    let clause = SessionClause {
        since: Some(Timestamp(at.0 - SLACK)),
        until: Some(Timestamp(at.0 + TOLD_WITHIN)),
        ..SessionClause::default()
    };
    for session in tx.sessions(&clause, AT_WORK_MAX, None)? {
        if session.client == CLIENT {
            continue;
        }
        let clause = SessionClause { session: Some(session.num), ..clause.clone() };
        for block in tx.passing_blocks(&clause)? {
            let parts = tx.look_at(block.pos, &clause)?.messages.into_iter().flat_map(|(_, body)| body.parts);
            let mut outputs = parts.filter_map(|part| match part {
                Part::ToolResult { output, .. } => Some(output),
                _ => None,
            });
            if outputs.any(|output| says(&output, short)) {
                return Ok(Some((session.num, session.session)));
            }
        }
    }
    Ok(None)
}

/// Whether a text has a word that begins with these digits.
fn says(text: &str, digits: &str) -> bool {
    text.match_indices(digits).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_known_by_its_beginning() {
        assert!(says("[main abc1234] Lamp", "abc1234") && says("abc1234def", "abc1234"));
        assert!(!says("0abc1234", "abc1234") && !says("", "abc1234"));
    }

    #[test]
    fn a_commit_is_laid_to_the_last_write_since_the_one_before() {
        let write = |doc, at| Write {
            doc,
            session: 1,
            message: String::new(),
            at: Some(Timestamp(at)),
            model: None,
            tool: String::new(),
            path: String::new(),
            is_whole: false,
            is_removal: false,
            puts_line: false,
            lines: vec![],
        };
        let writes = [write(1, 10_000_000), write(2, 20_000_000), write(3, 40_000_000)];
        let last = |before, at| last_write(&writes, before, Timestamp(at)).map(|write| write.doc);
        assert_eq!(last(None, 30_000_000), Some(2));
        assert_eq!(last(Some(Timestamp(25_000_000)), 30_000_000), None);
        assert_eq!(last(None, 39_000_000), Some(3));
        assert_eq!(last(None, 5_000_000), None);
    }
}
