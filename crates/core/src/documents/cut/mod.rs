//! From a document's text to its pieces: one for each section, smaller ones where a section is long.
//!
//! A piece is whole lines of the file, as they stand there: `line` to `line_end`, without blank lines at its ends and with `\n`
//! for every line break. What it is about stands in its headings, so that it can be understood alone.
//!
//! **Invariant:** every line that says something is in exactly one piece, in order; only of a line that is longer than
//! [`LINE_MAX_BYTES`] there are several pieces, which say what it says.

mod blocks;
mod markdown;
#[cfg(test)]
mod tests;

use blocks::{Block, Lines};
use jay_types::bounds::MemoryText;

/// Bytes that a piece has at most, where its section can be cut at a paragraph.
pub const PIECE_MAX_BYTES: usize = 2_400;
/// Bytes of a single block (a list, a table, fenced code) up to which it stays whole.
pub const BLOCK_MAX_BYTES: usize = 6_000;
/// Bytes of a line beyond which it is cut.
pub const LINE_MAX_BYTES: usize = 8_000;

/// How a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Headings, fenced code, front matter.
    Markdown,
    /// Paragraphs.
    Plain,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The headings that it stands under, outermost first; without those that show nothing.
    pub headings: Vec<String>,
    /// Its lines.
    pub text: String,
    /// Its first line, counted from 1.
    pub line: u64,
    /// Its last line.
    pub line_end: u64,
}

/// A document in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// What its front matter says that it is called.
    pub title: Option<String>,
    /// In the order of the file.
    pub pieces: Vec<Piece>,
}

/// Cuts a document.
#[must_use]
pub fn cut(text: &str, form: Form) -> Cut {
    let lines = Lines::of(text.strip_prefix('\u{feff}').unwrap_or(text));
    let (title, blocks) = match form {
        Form::Markdown => markdown::blocks(&lines),
        Form::Plain => (None, blocks::paragraphs(&lines)),
    };
    let mut pieces = Vec::new();
    for section in sections(&lines, &blocks) {
        for range in packed(&lines, &section) {
            pieces.extend(pieces_of(&lines, range, &section.headings));
        }
    }
    Cut { title, pieces }
}

/// Blocks under one heading.
#[derive(Default)]
struct Section {
    headings: Vec<String>,
    /// Each with the line after its last one.
    blocks: Vec<Span>,
}

/// Lines from `start` to before `end`.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    is_heading: bool,
}

/// Blocks by the heading that they stand under. A heading under which nothing stands but deeper ones goes along with the first of
/// these: alone it says nothing.
fn sections(lines: &Lines<'_>, blocks: &[Block]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut now = Section::default();
    let mut open: Vec<(u8, String)> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let end = blocks.get(index + 1).map_or(lines.count(), |next| next.start);
        if let Some((level, text)) = &block.heading {
            let parent = open.last().map_or(0, |(level, _)| *level);
            let is_bare = !now.blocks.is_empty() && now.blocks.iter().all(|span| span.is_heading);
            if !(is_bare && *level > parent) {
                sections.push(std::mem::take(&mut now));
            }
            while open.last().is_some_and(|(above, _)| above >= level) {
                open.pop();
            }
            open.push((*level, text.clone()));
            now.headings =
                open.iter().map(|(_, text)| text.clone()).filter(|text| !MemoryText::shows_nothing(text)).collect();
        }
        now.blocks.push(Span { start: block.start, end, is_heading: block.heading.is_some() });
    }
    sections.push(now);
    sections.retain(|section| !section.blocks.is_empty());
    sections
}

/// The lines of each piece of a section: as many blocks as fit, and never a heading without what it is the heading of.
fn packed(lines: &Lines<'_>, section: &Section) -> Vec<Span> {
    let bytes = |span: &Span| lines.bytes(span.start, span.end);
    let all: usize = section.blocks.iter().map(bytes).sum();
    let units: Vec<Span> = if all <= PIECE_MAX_BYTES {
        section.blocks.clone()
    } else {
        section.blocks.iter().flat_map(|span| cut_block(lines, *span)).collect()
    };
    let mut packed: Vec<Span> = Vec::new();
    for unit in units {
        match packed.last_mut() {
            Some(last) if last.is_heading || lines.bytes(last.start, unit.end) <= PIECE_MAX_BYTES => {
                last.end = unit.end;
                last.is_heading &= unit.is_heading;
            }
            _ => packed.push(unit),
        }
    }
    packed
}

/// A block that is too large, cut at its blank lines where that is possible, else at any of its lines.
fn cut_block(lines: &Lines<'_>, block: Span) -> Vec<Span> {
    if lines.bytes(block.start, block.end) <= BLOCK_MAX_BYTES {
        return vec![block];
    }
    let mut out = Vec::new();
    let mut start = block.start;
    let mut blank = None;
    let mut bytes = 0;
    for line in block.start..block.end {
        let own = lines.bytes(line, line + 1);
        if line > start && bytes + own > PIECE_MAX_BYTES {
            let end = blank.filter(|blank| *blank > start).unwrap_or(line);
            out.push(Span { start, end, is_heading: false });
            start = end;
            bytes = lines.bytes(start, line);
            blank = None;
        }
        if lines.is_blank(line) {
            blank = Some(line + 1);
        }
        bytes += own;
    }
    if start < block.end {
        out.push(Span { start, end: block.end, is_heading: false });
    }
    out
}

/// The piece of some lines; several where a line is too long for one, none where they say nothing.
fn pieces_of(lines: &Lines<'_>, span: Span, headings: &[String]) -> Vec<Piece> {
    let piece = |text: String, first: usize, end: usize| Piece {
        headings: headings.to_vec(),
        text,
        line: first as u64 + 1,
        line_end: end as u64,
    };
    let mut out = Vec::new();
    let mut start = span.start;
    let flush = |start: usize, end: usize, out: &mut Vec<Piece>| {
        let says = |line: &usize| !lines.is_blank(*line);
        let (Some(first), Some(last)) = ((start..end).find(says), (start..end).rev().find(says)) else { return };
        out.push(piece(lines.text(first, last + 1), first, last + 1));
    };
    for line in span.start..span.end {
        if lines.bytes(line, line + 1) > LINE_MAX_BYTES {
            flush(start, line, &mut out);
            out.extend(blocks::cut_line(lines.line(line), PIECE_MAX_BYTES).map(|text| piece(text, line, line + 1)));
            start = line + 1;
        }
    }
    flush(start, span.end, &mut out);
    out
}
