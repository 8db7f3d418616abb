//! A session as Markdown.
//!
//! What an agent says is Markdown mostly and stays so, but it may hold anything: fences that never close, tags, images
//! that a viewer would fetch. Text whose fences are regular keeps its form, with tags and images outside of code made
//! words; any other text goes whole into a fence that is longer than all in it.

use super::{MessageView, Place, SessionView, about, beside, folded, one_line, parts, plain, speaker, title, whole};
use jay_types::session::Part;

pub(super) fn write(session: &SessionView, messages: &[MessageView], place: Place, unfolded: bool) -> String {
    let mut out = String::new();
    if place.first {
        out.push_str(&format!("# {}\n\n", words(&title(session))));
        for (name, value) in about(session) {
            out.push_str(&format!("- **{name}:** {}\n", code(&value)));
        }
    }
    for message in messages {
        let parts = parts(message);
        if parts.is_empty() {
            continue;
        }
        let beside: Vec<String> = beside(message).iter().map(|text| words(text)).collect();
        let heading = std::iter::once(speaker(message.role).to_owned()).chain(beside).collect::<Vec<_>>();
        out.push_str(&format!("\n## {}\n", heading.join(" · ")));
        for part in parts {
            out.push('\n');
            write_part(&mut out, &part, unfolded);
        }
    }
    out
}

fn write_part(out: &mut String, part: &Part, unfolded: bool) {
    match part {
        Part::Text { text, .. } => out.push_str(&said(&plain(text))),
        Part::Reasoning { text } => {
            // A quotation holds a fence of any length: each of its lines is marked.
            for line in said(&plain(text)).lines() {
                out.push_str(format!("> {line}").trim_end());
                out.push('\n');
            }
        }
        _ => {
            let line = folded(part).unwrap_or_default();
            out.push_str(&format!("{}\n", code(&line)));
            if let Some(text) = whole(part).filter(|_| unfolded) {
                out.push('\n');
                out.push_str(&fenced(&plain(&text)));
            }
        }
    }
}

/// What was said, ending in a line break.
fn said(text: &str) -> String {
    match regular(text) {
        true => with_words_for_tags(text),
        false => fenced(text),
    }
}

/// A line that opens or closes a fence: its character, its length, and whether anything follows.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    (length >= 3).then(|| (mark, length, line.get(length..).unwrap_or_default()))
}

/// What a line does in a text of fences.
#[derive(PartialEq)]
enum Line {
    /// It is prose.
    Prose,
    /// It opens or closes a fence, or is inside of one.
    Code,
    /// A viewer could take it for a fence and another not.
    Unsure,
}

/// Reads lines, one after another, as CommonMark does where it leaves no doubt.
#[derive(Default)]
struct Fences {
    open: Option<(char, usize)>,
}

impl Fences {
    fn read(&mut self, line: &str) -> Line {
        if let Some((mark, length)) = self.open {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let closes = fence(line.trim_start_matches(' '))
                .is_some_and(|(c, n, rest)| c == mark && n >= length && rest.trim().is_empty());
            if closes && indent < 4 {
                self.open = None;
            }
            return Line::Code;
        }
        match fence(line) {
            Some((mark, length, rest)) if !rest.contains('`') => {
                self.open = Some((mark, length));
                Line::Code
            }
            // In a list or a quotation a fence ends with what holds it.
            _ if line.contains("```") || line.contains("~~~") => Line::Unsure,
            _ => Line::Prose,
        }
    }
}

/// True where no fence is in doubt and each is closed.
fn regular(text: &str) -> bool {
    let mut fences = Fences::default();
    // Other line ends than `\n` are line ends to some viewers.
    !text.contains('\r') && text.lines().all(|line| fences.read(line) != Line::Unsure) && fences.open.is_none()
}

/// Regular text with tags and images made words wherever they are not code for certain.
fn with_words_for_tags(text: &str) -> String {
    let mut fences = Fences::default();
    // A code span may reach over lines: one line with an odd mark takes certainty from those that follow in its block.
    let mut sure = true;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match fences.read(line) {
            Line::Prose => {
                sure = line.trim().is_empty() || (sure && spans(line).is_some());
                match spans(line).filter(|_| sure) {
                    Some(spans) => out.extend(spans.iter().map(|(is_code, text)| match is_code {
                        true => (*text).to_owned(),
                        false => words(text),
                    })),
                    None => out.push_str(&words(line)),
                }
            }
            _ => {
                sure = true;
                out.push_str(line);
            }
        }
        out.push('\n');
    }
    out
}

/// The line cut into code spans and what stands between them; none where a mark has no partner, may be escaped, or
/// stands in what may be a table, whose cells cut spans.
fn spans(line: &str) -> Option<Vec<(bool, &str)>> {
    if !line.contains('`') {
        return Some(vec![(false, line)]);
    }
    if line.contains("\\`") || line.contains('|') {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let (before, from) = rest.split_at(start);
        let length = from.chars().take_while(|c| *c == '`').count();
        let end = end_of_span(from, length)?;
        let (span, after) = from.split_at(end);
        out.extend([(false, before), (true, span)]);
        rest = after;
    }
    out.push((false, rest));
    Some(out)
}

/// Where the code span ends that `text` begins with, opened by `length` marks.
fn end_of_span(text: &str, length: usize) -> Option<usize> {
    let mut at = length;
    loop {
        at += text.get(at..)?.find('`')?;
        let run = text.get(at..)?.chars().take_while(|c| *c == '`').count();
        at += run;
        if run == length {
            return Some(at);
        }
    }
}

/// Text in which nothing is a tag or an image. Entities rather than backslashes: one before them takes nothing away.
fn words(text: &str) -> String {
    text.replace('<', "&lt;").replace("![", "&#33;[")
}

/// The text in a fence that is longer than all in it.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{text}{end}{fence}\n")
}

/// One line as a code span.
fn code(line: &str) -> String {
    let line = one_line(line);
    let mark = "`".repeat(longest_run(&line) + 1);
    // A span of blanks only keeps them; one that begins or ends with a mark needs room.
    let room = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{mark}{room}{line}{room}{mark}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn regular_markdown_keeps_its_form() {
        let text = "Use `Vec<u8>` here:\n\n```rust\nlet a: Vec<u8> = b\"<b>\";\n```\n\n- **done**\n";
        assert_eq!(said(text), text);
    }

    #[test]
    fn tags_and_images_outside_of_code_are_words() {
        for (text, shown) in [
            ("<script>x</script>", "&lt;script>x&lt;/script>\n"),
            ("\\<script>", "\\&lt;script>\n"),
            ("![](http://a.example/x.png)", "&#33;[](http://a.example/x.png)\n"),
            ("\\`<b>`", "\\`&lt;b>`\n"),
            ("| ` | <b> ` |", "| ` | &lt;b> ` |\n"),
            ("a ` b\nc ` <b> ` d", "a ` b\nc ` &lt;b> ` d\n"),
            ("a ` b\n\n`<b>`", "a ` b\n\n`<b>`\n"),
        ] {
            assert_eq!(said(text), shown, "{text}");
        }
    }

    #[test]
    fn fences_in_doubt_put_the_whole_in_a_longer_one() {
        for text in [
            "```sh\nnever closed\n<b>",
            "  ```\n<b>\n```\n<b>\n",
            "- a\n  ```\n<script>\n  ```",
            "> ```\n<b>\n```",
            "``` a`b\n<b>\n```",
            "````\n```\n",
        ] {
            let shown = said(text);
            let fence: String = shown.chars().take_while(|c| *c == '`').collect();
            assert!(!text.contains(&fence) && shown.ends_with(&format!("\n{fence}\n")), "{shown}");
            assert!(shown.contains(text), "{shown}");
        }
    }
}
