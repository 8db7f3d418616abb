//! Who wrote a file, and what came out of a repository.

use super::View;
use super::text::{age, count, dotted, notes, wrap};
use crate::output::one_line;
use jay_core::sessions::{Blamed, BlamedCommit, BlamedLine, BlamedSession, GitIngested};
use jay_ops::agents::id_suffix;
use jay_types::text::shorten;

/// Digits of a hash as git shows it.
const SHORT: usize = 12;

fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

pub(super) fn blamed(answer: &Blamed, view: &View) -> String {
    let mut text = format!("{}\n", view.style.bold(&one_line(&answer.file)));
    if !answer.earlier_names.is_empty() {
        text.push_str(&wrap(&one_line(&format!("before: {}", answer.earlier_names.join(", "))), view.style.width, 2));
    }
    for line in &answer.lines {
        text.push_str(&format!("  {}\n", line_text(line, view)));
    }
    for session in &answer.sessions {
        text.push_str(&session_text(session, view));
    }
    if answer.sessions.is_empty() {
        text.push_str(&wrap(&nothing(answer), view.style.width, 0));
    }
    for commit in &answer.commits {
        text.push_str(&commit_text(commit, view));
    }
    text + &notes(&answer.notes, view.style)
}

fn line_text(line: &BlamedLine, view: &View) -> String {
    let number = line.line.map_or_else(|| "text".to_owned(), |number| number.to_string());
    let commit = line.commit.as_deref().map(|commit| format!(" {}", short(commit))).unwrap_or_default();
    let head = format!("{number}{commit}");
    let room = view.style.width.saturating_sub(head.chars().count() + 5).max(20);
    format!("{}  {}", view.style.dim(&one_line(&head)), one_line(&shorten(line.text.trim_end(), room)))
}

fn session_text(session: &BlamedSession, view: &View) -> String {
    let at = session.at.map(|at| age(at, view.now)).unwrap_or_default();
    let about = [
        session.client.as_str(),
        session.agent.as_deref().unwrap_or_default(),
        session.model.as_deref().unwrap_or_default(),
        at.as_str(),
        session.title.as_deref().unwrap_or_default(),
    ];
    let id = one_line(id_suffix(&session.session));
    let room = view.style.width.saturating_sub(id.chars().count() + 1);
    let about = view.style.dim(&shorten(&one_line(&dotted(&about)), room));
    let mut text = format!("\n{} {about}\n", view.style.bold(&id));
    let calls = if session.writes > 1 {
        format!(" ({} wrote it here)", count(session.writes, "call", "calls"))
    } else {
        String::new()
    };
    text.push_str(&wrap(&one_line(&format!("{}{calls}", session.why.join("; "))), view.style.width, 2));
    let place = dotted(&[&session.tool, &session.path, &format!("message {}", session.message)]);
    text.push_str(&dim_lines(&wrap(&one_line(&place), view.style.width, 2), view));
    if let Some(request) = &session.request {
        text.push_str(&wrap(&shorten(&one_line(&format!("asked: {request}")), 300), view.style.width, 2));
    }
    text
}

fn commit_text(commit: &BlamedCommit, view: &View) -> String {
    let at = commit.at.map(|at| age(at, view.now)).unwrap_or_default();
    let hash = one_line(short(&commit.commit));
    let about = dotted(&["commit", commit.author.as_deref().unwrap_or_default(), &at]);
    let mut text = format!("\n{} {}\n", view.style.bold(&hash), view.style.dim(&one_line(&about)));
    text.push_str(&wrap(&one_line(&commit.subject), view.style.width, 2));
    let mut why = commit.why.clone();
    match &commit.session {
        Some(session) => why.push(format!("made out of session {}", id_suffix(session))),
        None if commit.archived_in.is_none() => why.push("not archived".to_owned()),
        None => {}
    }
    text.push_str(&dim_lines(&wrap(&one_line(&why.join("; ")), view.style.width, 2), view));
    text
}

fn dim_lines(text: &str, view: &View) -> String {
    text.lines().map(|line| format!("{}\n", view.style.dim(line))).collect()
}

fn nothing(answer: &Blamed) -> String {
    let looked = &answer.looked;
    let git = if looked.git { "git was asked" } else { "git was not asked" };
    format!(
        "\nNo archived session is known to have written it: {} and {} are archived, {} compared, {git}.",
        count(looked.sessions, "session", "sessions"),
        count(looked.commits, "commit", "commits"),
        count(looked.calls, "call was", "calls were"),
    )
}

pub(super) fn ingested(answer: &GitIngested, view: &View) -> String {
    let would = if view.dry_run { "would be added" } else { "added" };
    let mut text = format!(
        "{}: {} {would}, {} here already, in {:.1} s\n",
        one_line(&answer.path),
        count(answer.inserted, "commit", "commits"),
        answer.matched,
        std::time::Duration::from_millis(answer.duration_ms).as_secs_f64(),
    );
    if let Some(session) = &answer.session {
        text.push_str(&view.style.dim(&format!("session {}", one_line(session))));
        text.push('\n');
    }
    text + &notes(&answer.notes, view.style)
}
