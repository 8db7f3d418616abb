//! Documents: what became of a folder, what is here of it.

use super::View;
use super::text::{age, count, notes, size, table};
use crate::output::one_line;
use jay_core::documents::{ChunkCounts, DocsAdded, DocsListed, DocsRemoved, FileCounts, LeftOut};
use jay_types::memory::Place;

/// Files that are named where they were left out; `--json` has more.
const NAMED_MAX: usize = 10;

pub(super) fn added(answer: &DocsAdded, view: &View) -> String {
    let FileCounts { added, changed, removed, unchanged } = answer.files;
    let files = [("added", added), ("changed", changed), ("removed", removed), ("unchanged", unchanged)];
    let ChunkCounts { added, changed, moved, removed, unchanged } = answer.chunks;
    let chunks =
        [("added", added), ("changed", changed), ("moved", moved), ("removed", removed), ("unchanged", unchanged)];
    let place = format!("{} in {}", one_line(&answer.root), one_line(&answer.namespace));
    let written = files.iter().chain(&chunks).any(|(what, number)| *what != "unchanged" && *number > 0);
    let done = match (written, answer.files.added > 0, view.dry_run) {
        (false, ..) => "nothing to write:",
        (true, true, false) => "added",
        (true, true, true) => "would add",
        (true, false, false) => "brought up to date:",
        (true, false, true) => "would bring up to date:",
    };
    let mut text = format!("{done} {}\n", view.style.bold(&place));
    text.push_str(&format!("  files:  {}\n  chunks: {}\n", numbers(&files), numbers(&chunks)));
    if answer.forgotten > 0 {
        let forgotten = count(answer.forgotten, "chunk stays forgotten", "chunks stay forgotten");
        text.push_str(&format!("  {forgotten}: `jay unforget ID` brings one back\n"));
    }
    text.push_str(&left_out("not read", &answer.skipped, view));
    text.push_str(&left_out("refused", &answer.refused, view));
    text + &notes(&answer.notes, view.style)
}

/// What is not zero, `none` where everything is.
fn numbers(all: &[(&str, u64)]) -> String {
    let said: Vec<String> =
        all.iter().filter(|(_, number)| *number > 0).map(|(what, number)| format!("{number} {what}")).collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}

fn left_out(what: &str, all: &[LeftOut], view: &View) -> String {
    let row = |left: &LeftOut| {
        let place = left.line.map_or_else(|| left.path.clone(), |line| format!("{}:{line}", left.path));
        vec![format!("{what}: {}", one_line(&place)), left.reason.clone()]
    };
    let rows: Vec<Vec<String>> = all.iter().take(NAMED_MAX).map(row).collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!("  {what}: {more} more, which --json names\n") } else { String::new() };
    let named = table(&rows, view.style.width.saturating_sub(2));
    named.lines().map(|line| format!("  {line}\n")).collect::<String>() + &more
}

pub(super) fn listed(answer: &DocsListed, view: &View) -> String {
    if answer.roots.is_empty() {
        return "No documents. `jay docs add PATH` reads those of a folder.\n".to_owned();
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    if answer.files.is_empty() {
        rows.push(["files", "chunks", "size", "changed", "namespace", "folder"].map(str::to_owned).to_vec());
        rows.extend(answer.roots.iter().map(|root| {
            vec![
                root.files.to_string(),
                root.chunks.to_string(),
                size(root.bytes),
                age(root.changed_at, view.now),
                root.namespace.clone(),
                root.root.clone(),
            ]
        }));
    } else {
        rows.push(["chunks", "size", "changed", "document"].map(str::to_owned).to_vec());
        rows.extend(answer.files.iter().map(|file| {
            vec![file.chunks.to_string(), size(file.bytes), age(file.changed_at, view.now), file.path.clone()]
        }));
    }
    let text = table(&rows, view.style.width);
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{}\n{rest}{}", view.style.dim(head), notes(&answer.notes, view.style))
}

pub(super) fn removed(answer: &DocsRemoved, view: &View) -> String {
    let done = if view.dry_run { "would take out" } else { "taken out" };
    let (files, chunks) = (count(answer.files, "document", "documents"), count(answer.chunks, "chunk", "chunks"));
    let place = format!("{} in {}", one_line(&answer.path), one_line(&answer.namespace));
    format!("{done}: {files} with {chunks} of {}\n", view.style.bold(&place))
}

/// The text of a piece for people: without the heading at its beginning, which its title says, and with the lines of a paragraph as
/// one, which is then wrapped as wide as the terminal is. Code, tables and lists keep their lines.
pub(super) fn body(text: &str, title: Option<&str>) -> String {
    let mut out = String::new();
    let mut fence: Option<&str> = None;
    let mut joins = false;
    for line in without_heading(text, title).lines() {
        let said = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| said.starts_with(mark));
        let is_prose = fence.is_none()
            && mark.is_none()
            && said.starts_with(|c: char| c.is_alphanumeric() || "`*_([\"“".contains(c));
        let is_item =
            said.starts_with("* ") || said.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match (joins && is_prose && !is_item, out.is_empty()) {
            (true, _) => out.push_str(&format!(" {said}")),
            (false, true) => out.push_str(line),
            (false, false) => out.push_str(&format!("\n{line}")),
        }
        // Two blanks at the end, or a backslash, break a line; a row of a table and a heading end with it.
        let breaks = line.ends_with("  ") || line.ends_with('\\');
        joins =
            fence.is_none() && mark.is_none() && !breaks && !said.is_empty() && !said.starts_with(['|', '#', '<', '=']);
        fence = match (fence, mark) {
            (None, mark) => mark,
            (Some(open), Some(mark)) if open == mark => None,
            (open, _) => open,
        };
    }
    out
}

fn without_heading<'a>(text: &'a str, title: Option<&str>) -> &'a str {
    let mut rest = text;
    while let Some((line, below)) = rest.split_once('\n') {
        let words = line.trim_start_matches('#').trim();
        let is_said = line.starts_with('#') && title.is_some_and(|title| title.split(" › ").any(|part| part == words));
        let is_blank = rest.len() < text.len() && line.trim().is_empty();
        if !(is_said || is_blank) {
            break;
        }
        rest = below;
    }
    rest
}

/// The whole path of a piece's file, with its lines.
pub(super) fn whole_place(place: &Place) -> String {
    let base = place.base().trim_end_matches(['/', '\\']);
    format!("{base}/{}:{}-{}", place.path, place.line, place.line_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_one_line_and_what_is_none_keeps_its_lines() {
        let text = "# Guide\n\n## Filling\n\nUse the\n`blue` oil.\nSlowly.  \nStop.\n\n- one\n  goes on\n- two\n1. three\n\n| a |\n| b |\nafter\n\n```\nlet x\nlet y\n```\nend";
        assert_eq!(
            body(text, Some("Guide › Filling")),
            "Use the `blue` oil. Slowly.  \nStop.\n\n- one goes on\n- two\n1. three\n\n| a |\n| b |\nafter\n\n```\nlet x\nlet y\n```\nend"
        );
        assert_eq!(body("## Other\ntext", Some("Guide")), "## Other\ntext");
        assert_eq!(body("# Guide", Some("Guide")), "# Guide");
    }
}
