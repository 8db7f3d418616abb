//! Where the blocks and headings of a Markdown text begin, as its parser says: a hash in fenced code, in a comment or in a list
//! is no heading.

use super::blocks::{Block, Lines};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Lines in which front matter ends, or there is none.
const FRONT_MATTER_MAX_LINES: usize = 200;

/// The title that the front matter gives, and every block of the outermost level.
pub(super) fn blocks(lines: &Lines<'_>) -> (Option<String>, Vec<Block>) {
    let front = front_matter(lines);
    let mut blocks: Vec<Block> = Vec::new();
    if front > 0 {
        blocks.push(Block { start: 0, heading: None });
    }
    let offset = lines.start(front);
    let mut depth = 0_usize;
    let mut heading: Option<(u8, String)> = None;
    let mut begin = |byte: usize| {
        let start = lines.at(offset + byte);
        let is_new = blocks.last().is_none_or(|last| last.start < start);
        is_new.then(|| blocks.push(Block { start, heading: None }));
        // What begins in the line of another block belongs to that one, also where it is a heading.
        is_new.then_some(blocks.len() - 1)
    };
    let mut titled: Vec<(usize, u8, String)> = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_HEADING_ATTRIBUTES;
    let rest = lines.whole().get(offset..).unwrap_or_default();
    for (event, range) in Parser::new_ext(rest, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    let place = begin(range.start);
                    if let (Tag::Heading { level, .. }, Some(place)) = (tag, place) {
                        heading = Some((level as u8, String::new()));
                        titled.push((place, level as u8, String::new()));
                    }
                }
                depth += 1;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if let (TagEnd::Heading(_), Some((_, words)), Some(last)) =
                    (end, heading.take_if(|_| depth == 0), titled.last_mut())
                {
                    last.2 = words.split_whitespace().collect::<Vec<_>>().join(" ");
                }
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some((_, text)) = &mut heading {
                    text.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, text)) = &mut heading {
                    text.push(' ');
                }
            }
            _ if depth == 0 => {
                begin(range.start);
            }
            _ => {}
        }
    }
    for (place, level, words) in titled {
        if let Some(block) = blocks.get_mut(place) {
            block.heading = Some((level, words));
        }
    }
    // What the parser says nothing of (definitions of links) belongs to the block before it; before the first there is none.
    if blocks.first().is_none_or(|first| first.start > 0) && lines.count() > 0 {
        blocks.insert(0, Block { start: 0, heading: None });
    }
    (title(lines, front), blocks)
}

/// Lines of the front matter: YAML between `---`, or TOML between `+++`. Elsewhere these lines are rules.
fn front_matter(lines: &Lines<'_>) -> usize {
    let mark = match lines.line(0).trim_end() {
        mark @ ("---" | "+++") if lines.count() > 1 => mark,
        _ => return 0,
    };
    let closes = |line: &usize| {
        let line = lines.line(*line).trim_end();
        line == mark || (mark == "---" && line == "...")
    };
    // A rule is followed by a blank line, front matter by a field.
    if lines.is_blank(1) {
        return 0;
    }
    (1..lines.count().min(FRONT_MATTER_MAX_LINES)).find(closes).map_or(0, |line| line + 1)
}

/// `title: …` or `title = "…"`.
fn title(lines: &Lines<'_>, front: usize) -> Option<String> {
    let said = (1..front).find_map(|line| {
        let rest = lines.line(line).strip_prefix("title")?.trim_start();
        rest.strip_prefix(':').or_else(|| rest.strip_prefix('='))
    })?;
    let said = said.trim();
    let bare = ['"', '\''].iter().find_map(|quote| said.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(said);
    (!jay_types::bounds::Title::shows_nothing(bare)).then(|| bare.to_owned())
}
