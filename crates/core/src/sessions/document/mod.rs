//! Sessions as documents: Markdown, one HTML file, JSON lines. What `session show` and `session export` write is
//! written here, so that a transcript reads alike at every door.
//!
//! A document is written in pieces: the first has the head, the last the foot, and put together they are the whole.
//! So a session of any size is exported with the memory of a page.
//!
//! **Invariant:** what was said is text. No message can end the element or the fence that holds it, start a tag, fetch
//! something from the network, or command a terminal.

mod html;
mod lines;
mod markdown;

pub(super) use lines::is_written as is_line;

use super::list::SessionView;
use super::show::MessageView;
use jay_types::session::{Part, Role};
use jay_types::text::{commands_the_terminal, shorten};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a session is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    /// Text that reads well as it is and in any viewer of Markdown
    #[default]
    Markdown,
    /// One HTML file that needs nothing from the network
    Html,
    /// A message per line, as `jay session sync generic` reads it
    Jsonl,
}

/// Where in its document a piece stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// It begins the document.
    pub first: bool,
    /// It ends the document.
    pub last: bool,
}

/// Writes `messages` as a piece of the document of `session`; `unfolded` shows calls of tools and their outputs in full.
/// Messages without anything to show are left out.
pub(super) fn write(
    format: DocumentFormat,
    session: &SessionView,
    messages: &[MessageView],
    place: Place,
    unfolded: bool,
) -> String {
    match format {
        DocumentFormat::Markdown => markdown::write(session, messages, place, unfolded),
        DocumentFormat::Html => html::write(session, messages, place, unfolded),
        DocumentFormat::Jsonl => lines::write(session, messages),
    }
}

/// The parts of a message that there is something to show of.
pub(super) fn parts(message: &MessageView) -> Vec<Part> {
    let parts = message.parts.iter().filter_map(|part| Part::deserialize(part).ok());
    parts.filter(|part| !matches!(part, Part::Reasoning { text } if text.is_empty())).collect()
}

/// The line that stands for a part which is folded; none for what was said, which is always shown whole.
#[must_use]
pub fn folded(part: &Part) -> Option<String> {
    const CHARS_MAX: usize = 100;
    // A tool's output can be large: no more of it is looked at than can be shown.
    let line = |text: &str| one_line(&shorten(&text.chars().take(4 * CHARS_MAX).collect::<String>(), CHARS_MAX));
    match part {
        Part::Text { .. } | Part::Reasoning { .. } => None,
        Part::File { name, uri, .. } => {
            let name = name.as_deref().or(uri.as_deref()).unwrap_or("without a name");
            Some(format!("file {}", line(name)))
        }
        Part::ToolCall { name, input, .. } => Some(format!("calls {} {}", line(name), line(&telling(input)))),
        Part::ToolResult { output, is_error, .. } => {
            let first = output.trim_start().lines().next().unwrap_or_default();
            let lines = output.lines().count();
            let more = if lines > 1 { format!(" ({lines} lines)") } else { String::new() };
            Some(format!("{} {}{more}", if *is_error { "failed" } else { "result" }, line(first)))
        }
    }
}

/// What tells most of a call: the one argument that says what is done, or all.
fn telling(input: &serde_json::Value) -> String {
    let known = ["command", "cmd", "file_path", "path", "pattern", "query", "url", "description"];
    let found = known.iter().find_map(|key| input.get(key)?.as_str());
    found.map_or_else(|| input.to_string(), str::to_owned)
}

/// The text of a call or an output in full; none for other parts.
fn whole(part: &Part) -> Option<String> {
    match part {
        Part::ToolCall { input, .. } => Some(match input.as_str() {
            Some(text) => text.to_owned(),
            None => serde_json::to_string_pretty(input).unwrap_or_default(),
        }),
        Part::ToolResult { output, .. } => Some(output.clone()),
        _ => None,
    }
}

/// Who speaks, as a heading says it.
const fn speaker(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::System) => "System",
        Some(Role::User) => "User",
        Some(Role::Assistant) => "Assistant",
        Some(Role::Tool) => "Tool",
        None => "Client",
    }
}

/// What stands beside the speaker: name, model, time.
fn beside(message: &MessageView) -> Vec<String> {
    let at = message.at.map(|at| at.rfc3339());
    [message.author.clone(), message.model.clone(), at].into_iter().flatten().map(|text| one_line(&text)).collect()
}

/// What is known of a session, in words and in the order in which it is told.
fn about(session: &SessionView) -> Vec<(&'static str, String)> {
    let time = |at: Option<jay_types::Timestamp>| at.map(|at| at.rfc3339());
    [
        ("Client", Some(session.client.clone())),
        ("Session", Some(session.session.clone())),
        ("Project", session.project.clone()),
        ("Namespace", session.namespace.clone()),
        ("Agent", session.agent.clone()),
        ("Started by", session.parent.clone()),
        ("Began", time(session.started_at)),
        ("Ended", time(session.ended_at)),
        ("Messages", Some(session.messages.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, one_line(&value?))))
    .collect()
}

/// The title of the document.
fn title(session: &SessionView) -> String {
    let title = session.title.as_deref().filter(|title| !title.trim().is_empty());
    one_line(title.unwrap_or(&session.session))
}

/// `text` without what would command a terminal or show characters in another order; lines end in a line feed.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let commands = |c: char| (commands_the_terminal(c) && c != '\n' && c != '\t') || c == '\0';
    text.chars().map(|c| if commands(c) { '\u{fffd}' } else { c }).collect()
}

/// [`plain`] text that stays on its line.
fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}
