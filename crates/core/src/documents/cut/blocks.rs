//! Lines, and the blocks that they make: what is not cut where it need not be.

use jay_types::bounds::MemoryText;

/// What begins at a line and ends where the next one begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its first line, counted from 0.
    pub(super) start: usize,
    /// Its level and words, where it is a heading.
    pub(super) heading: Option<(u8, String)>,
}

/// A text by its lines, without their ends.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let ends = memchr_lines(text);
        let starts = std::iter::once(0).chain(ends).filter(|start| *start < text.len()).collect();
        Self { text, starts }
    }

    pub(super) fn whole(&self) -> &'t str {
        self.text
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Where a line begins; the end of the text behind the last one.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// The line that a byte is in.
    pub(super) fn at(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    pub(super) fn line(&self, line: usize) -> &'t str {
        let whole = self.text.get(self.start(line)..self.start(line + 1)).unwrap_or_default();
        let whole = whole.strip_suffix('\n').unwrap_or(whole);
        whole.strip_suffix('\r').unwrap_or(whole)
    }

    /// True where a line shows nothing.
    pub(super) fn is_blank(&self, line: usize) -> bool {
        MemoryText::shows_nothing(self.line(line))
    }

    /// Bytes of lines with their ends.
    pub(super) fn bytes(&self, start: usize, end: usize) -> usize {
        self.start(end).saturating_sub(self.start(start))
    }

    pub(super) fn text(&self, start: usize, end: usize) -> String {
        (start..end).map(|line| self.line(line)).collect::<Vec<_>>().join("\n")
    }
}

fn memchr_lines(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)
}

/// Lines that stand together between blank ones.
pub(super) fn paragraphs(lines: &Lines<'_>) -> Vec<Block> {
    let begins = |line: &usize| !lines.is_blank(*line) && (*line == 0 || lines.is_blank(*line - 1));
    (0..lines.count()).filter(begins).map(|start| Block { start, heading: None }).collect()
}

/// A long line in parts of at most `max` bytes, cut behind white space where there is some.
pub(super) fn cut_line(line: &str, max: usize) -> impl Iterator<Item = String> + '_ {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        if end > max {
            end = (1..=max).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
            let head = rest.get(..end).unwrap_or_default();
            end = head.rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(end);
        }
        let (head, tail) = rest.split_at(end);
        rest = tail;
        Some(head.to_owned())
    })
    .filter(|part| !MemoryText::shows_nothing(part))
}
