//! Archived sessions.

use super::View;
use super::store::places;
use super::text::{age, count, dotted, notes, size, table, why_words, wrap};
use crate::output::{one_line, printable};
use jay_core::purge::{Erased, ErasedSession, Retained};
use jay_core::sessions::{
    AppendAnswer, FoundIn, ResumedAs, SessionHit, SessionHits, SessionResumed, SessionShown, SessionView,
    SessionsListed, Synced, Verified, folded,
};
use jay_ops::agents::id_suffix;
use jay_types::session::{Part, Role};
use jay_types::text::shorten;
use serde::Deserialize as _;

/// Characters of a rule that are shown.
const RULE_WIDTH: usize = 60;

const fn role(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::System) => "system",
        Some(Role::User) => "user",
        Some(Role::Assistant) => "assistant",
        Some(Role::Tool) => "tool",
        None => "",
    }
}

fn lines_of(sessions: &[ErasedSession]) -> String {
    let line = |session: &ErasedSession| {
        let messages = count(session.messages, "message", "messages");
        one_line(&format!("session {} {}: {messages}", session.client, session.session)) + "\n"
    };
    sessions.iter().map(line).collect()
}

/// What the rules came to, and what is gone by them.
pub(super) fn retained(answer: &Retained, view: &View) -> String {
    let rule = |rule: &jay_core::purge::RuleApplied| {
        let older = if rule.older > 0 { format!(", {} older", rule.older) } else { String::new() };
        vec![one_line(&rule.rule), format!("{}{older}", count(rule.sessions, "session", "sessions"))]
    };
    let mut text = table(&answer.rules.iter().map(rule).collect::<Vec<_>>(), RULE_WIDTH);
    text.push_str(&lines_of(&answer.sessions));
    text.push_str(&places(&answer.places));
    if answer.places.is_empty() {
        text.push_str(if answer.sessions.is_empty() { "Nothing is older than it is kept.\n" } else { "" });
    } else {
        text.push_str(if answer.done {
            "Erased everywhere.\n"
        } else {
            "Not erased everywhere: see what is not done.\n"
        });
    }
    text + &notes(&answer.notes, view.style)
}

pub(super) fn erased(answer: &Erased, view: &View) -> String {
    let mut text = lines_of(&answer.sessions);
    text.push_str(&places(&answer.places));
    if !answer.places.is_empty() {
        text.push_str(if answer.done {
            "Erased everywhere.\n"
        } else {
            "Not erased everywhere: see what is not done.\n"
        });
    }
    text + &notes(&answer.notes, view.style)
}

pub(super) fn resumed(answer: &SessionResumed, view: &View) -> String {
    let held = &answer.held;
    let mut counts = vec![count(held.messages, "message", "messages")];
    let more =
        [(held.calls, "call", "calls"), (held.results, "answer", "answers"), (held.subagents, "subagent", "subagents")];
    counts.extend(
        more.into_iter().filter(|(number, ..)| *number > 0).map(|(number, one, many)| count(number, one, many)),
    );
    let would = if view.dry_run { "would be " } else { "" };
    let how = match answer.written_as {
        ResumedAs::Native => "its own rows again",
        ResumedAs::Rebuilt => "written anew",
    };
    let about = format!("{} {}: {}", answer.session.client, answer.session.session, counts.join(", "));
    let mut text = format!("{}\n", one_line(&about));
    text.push_str(&format!("{} session {}, {would}{how}:\n", one_line(&answer.to), one_line(&answer.id)));
    for file in &answer.files {
        text.push_str(&format!("  {}\n", one_line(&file.path)));
    }
    if !answer.left_out.is_empty() {
        let left: Vec<String> = answer.left_out.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
        text.push_str(&one_line(&format!("left out, for {} cannot hold it: {}", answer.to, left.join(", "))));
        text.push('\n');
    }
    text.push_str(&format!("open it with:\n  {}\n", view.style.bold(&one_line(&answer.command))));
    text + &notes(&answer.notes, view.style)
}

pub(super) fn appended(answer: &AppendAnswer, view: &View) -> String {
    let mut text = String::new();
    for (place, result) in answer.results.iter().enumerate() {
        let Some(error) = &result.error else { continue };
        let which = result.message.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        let failed = one_line(&format!("message {}{which}: {}", place + 1, error.message));
        text.push_str(&format!("{}\n", view.style.red(&failed)));
    }
    let session = one_line(&format!("session {} {}", answer.client, answer.session));
    let mut counts = vec![format!("{} added", count(answer.inserted, "message", "messages"))];
    if answer.matched > 0 {
        counts.push(format!("{} here already", answer.matched));
    }
    if answer.errors > 0 {
        counts.push(format!("{} refused", answer.errors));
    }
    text + &format!("{session}: {}\n", counts.join(", "))
}

pub(super) fn synced(answer: &Synced, view: &View) -> String {
    if answer.sources.is_empty() && answer.fresh + answer.earlier == 0 && answer.error.is_none() {
        let none = "No sessions of agents were found on this machine (Claude Code, Codex, Gemini CLI and others).\n\
                    `jay session sync generic --path FILE` reads any other; `jay try` shows what it does on a sample.\n";
        return none.to_owned() + &notes(&answer.notes, view.style);
    }
    let mut text = String::new();
    let is_planned = answer.outcome == "planned";
    for source in answer.sources.iter().filter(|source| is_planned || source.messages > 0 || source.error.is_some()) {
        let what = source.error.clone().unwrap_or_else(|| match is_planned {
            true => size(source.bytes),
            false => count(source.messages, "message", "messages"),
        });
        let about = format!("{} {}", one_line(&source.client), one_line(&source.state));
        // A failure mostly names the file itself.
        let line = match what.contains(&source.path) {
            true => format!("{about}: {}\n", one_line(&what)),
            false => format!("{about} {}: {}\n", one_line(&source.path), one_line(&what)),
        };
        text.push_str(&line);
        for (row, n) in &source.unknown {
            text.push_str(&view.style.dim(&format!(
                "  {} of an unknown kind kept as found: {}\n",
                count(*n, "row", "rows"),
                one_line(row)
            )));
        }
    }
    text.push_str(&if is_planned { planned(answer) } else { added(answer) });
    if let Some(Verified { sources, rows, rows_missing, .. }) = &answer.verified {
        let compared = format!("{} of {}", count(*rows, "row", "rows"), count(*sources, "source", "sources"));
        text.push_str(&match rows_missing {
            0 => format!("verified: {compared}, all in the archive\n"),
            missing => format!("verified: {compared}, {}\n", view.style.red(&format!("{missing} missing"))),
        });
    }
    if answer.sources.iter().any(|source| source.error.is_some()) {
        text.push_str(&format!("{}\n", view.style.red("not all was read")));
    } else if let Some(error) = &answer.error {
        text.push_str(&format!("{} {}\n", view.style.red("not all was read:"), one_line(error)));
    }
    text + &notes(&answer.notes, view.style)
}

fn added(answer: &Synced) -> String {
    format!(
        "{}: {} and {} added from {} in {:.1} s\n",
        one_line(&answer.outcome),
        count(answer.sessions_inserted, "session", "sessions"),
        count(answer.messages_inserted, "message", "messages"),
        count(answer.sources.len() as u64 + answer.fresh + answer.earlier, "source", "sources"),
        std::time::Duration::from_millis(answer.duration_ms).as_secs_f64(),
    )
}

/// What a sync would read; how many messages that is nobody knows before.
fn planned(answer: &Synced) -> String {
    let waiting = answer.sources.iter().filter(|source| source.error.is_none());
    let bytes = waiting.clone().map(|source| source.bytes).sum();
    format!(
        "planned: {} to read, {}; {} without news\n",
        count(waiting.count() as u64, "source", "sources"),
        size(bytes),
        answer.fresh + answer.earlier
    )
}

pub(super) fn listed(answer: &SessionsListed, view: &View) -> String {
    if answer.sessions.is_empty() {
        return "No sessions are archived. `jay session sync` archives those of your agents.\n".to_owned();
    }
    let row = |session: &SessionView| {
        vec![
            id_suffix(&session.session).to_owned(),
            session.client.clone(),
            session.ended_at.or(session.started_at).map(|at| age(at, view.now)).unwrap_or_default(),
            session.messages.to_string(),
            dotted(&[session.title.as_deref().unwrap_or_default(), session.project.as_deref().unwrap_or_default()]),
        ]
    };
    let mut text = table(&answer.sessions.iter().map(row).collect::<Vec<_>>(), view.style.width);
    if let Some(next) = &answer.next {
        text.push_str(&view.style.dim(&format!("more: --cursor {}", printable(next))));
        text.push('\n');
    }
    text
}

pub(super) fn session_shown(answer: &SessionShown, view: &View) -> String {
    if let Some(document) = &answer.document {
        return document.clone();
    }
    let session = &answer.session;
    let about = dotted(&[
        &session.client,
        session.project.as_deref().unwrap_or_default(),
        session.title.as_deref().unwrap_or_default(),
    ]);
    let mut text = format!("{} {}\n", view.style.bold(&one_line(&session.session)), view.style.dim(&about));
    for message in &answer.messages {
        let at = message.at.map(|at| at.rfc3339()).unwrap_or_default();
        let about = dotted(&[role(message.role), message.author.as_deref().unwrap_or_default(), &at, &message.message]);
        text.push_str(&format!("\n{}\n", view.style.dim(&about)));
        for part in message.parts.iter().filter_map(|part| Part::deserialize(part).ok()) {
            text.push_str(&part_text(&part, view));
        }
    }
    if let Some(next) = &answer.next {
        text.push_str(&format!("\n{}\n", view.style.dim(&format!("more: --cursor {}", printable(next)))));
    }
    text + &notes(&answer.notes, view.style)
}

/// What was said whole; the rest as a line, under which `--tools` shows it in full.
fn part_text(part: &Part, view: &View) -> String {
    let indented = |text: &str| wrap(text, view.style.width, 2);
    let line = |part: &Part| {
        let line = shorten(&folded(part).unwrap_or_default(), view.style.width.saturating_sub(2).max(20));
        format!("  {}\n", view.style.dim(&one_line(&line)))
    };
    match part {
        Part::Text { text, .. } => indented(text),
        Part::Reasoning { text } if text.is_empty() => String::new(),
        Part::Reasoning { text } => indented(&format!("(thinking) {text}")),
        Part::ToolCall { input, .. } if view.tools => {
            let input = input.as_str().map_or_else(|| format!("{input:#}"), str::to_owned);
            line(part) + &kept(&input)
        }
        Part::ToolResult { output, .. } if view.tools => line(part) + &kept(output),
        Part::File { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => line(part),
    }
}

/// Text whose lines are kept as they are, for what has columns.
fn kept(text: &str) -> String {
    printable(text).lines().map(|line| format!("    {line}\n")).collect()
}

pub(super) fn found(answer: &SessionHits, view: &View) -> String {
    let mut text = String::new();
    if answer.hits.is_empty() {
        text.push_str(&format!(
            "Nothing fits among {}.\n",
            count(answer.looked_at.unwrap_or(answer.searchable), "message", "messages")
        ));
    }
    // A session stands where its best hit does, with all its hits.
    let mut sessions: Vec<(&SessionHit, Vec<&SessionHit>)> = Vec::new();
    for hit in &answer.hits {
        match sessions.iter_mut().find(|(first, _)| (&first.client, &first.session) == (&hit.client, &hit.session)) {
            Some((_, hits)) => hits.push(hit),
            None => sessions.push((hit, vec![hit])),
        }
    }
    for (first, hits) in sessions {
        let words =
            [&first.client, first.title.as_deref().unwrap_or_default(), first.project.as_deref().unwrap_or_default()];
        let about = view.style.dim(&shorten(&dotted(&words), view.style.width.saturating_sub(10)));
        text.push_str(&format!("{} {about}\n", view.style.bold(&one_line(id_suffix(&first.session)))));
        for hit in hits {
            text.push_str(&hit_lines(hit, view));
        }
    }
    if answer.has_more {
        let fitting = count(answer.matched, "message", "messages");
        let on = match &answer.next {
            Some(next) => format!(": --cursor {next} goes on"),
            None if answer.hits.is_empty() => String::new(),
            None => ": --limit shows more".to_owned(),
        };
        let fit = if answer.looked_at.is_some() { "fit so far" } else { "with a word of the query" };
        text.push_str(&view.style.dim(&format!("{} shown, {fitting} {fit}{on}\n", answer.hits.len())));
    }
    text + &notes(&answer.notes, view.style)
}

fn hit_lines(hit: &SessionHit, view: &View) -> String {
    let at = hit.at.map(|at| age(at, view.now)).unwrap_or_default();
    let score = if view.explain { format!("score {:.3}", hit.score) } else { String::new() };
    let part = match hit.found_in {
        Some(FoundIn::ToolCall) => format!("call of {}", hit.tool.as_deref().unwrap_or("a tool")),
        Some(FoundIn::ToolResult) => format!("output of {}", hit.tool.as_deref().unwrap_or("a tool")),
        Some(FoundIn::Reasoning) => "reasoning".to_owned(),
        Some(FoundIn::Text) | None => String::new(),
    };
    let words = [&at, role(hit.role), hit.author.as_deref().unwrap_or_default(), &part, &score];
    let mut text = format!("  {}\n", view.style.dim(&one_line(&dotted(&words))));
    text.push_str(&wrap(&shorten(&hit.text, 600), view.style.width, 4));
    if let Some(why) = &hit.why {
        text.push_str(&wrap(&why_words(why), view.style.width, 4));
    }
    text
}
