//! Lines, columns and ages.

use crate::output::{Style, one_line, printable};
use jay_types::Timestamp;
use jay_types::text::shorten;

/// `text` in lines of at most `width` columns, each after `indent` spaces; its own line breaks are kept.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut out = String::new();
    for paragraph in printable(text).lines() {
        // Its own indentation is kept: it may be code.
        let said = paragraph.trim_start_matches(' ');
        let mut length = (paragraph.len() - said.len()).min(room / 2);
        let hanging = length + item_mark(said);
        let mut line = " ".repeat(length);
        let mut is_first = true;
        for word in said.split(' ') {
            let word_length = word.chars().count();
            if !is_first && length + 1 + word_length > room {
                push_line(&mut out, &line, indent);
                line = " ".repeat(hanging);
                length = hanging;
                is_first = true;
            }
            if !is_first {
                line.push(' ');
                length += 1;
            }
            is_first = false;
            line.push_str(word);
            length += word_length;
        }
        push_line(&mut out, &line, indent);
    }
    out
}

/// Characters of the mark with which an item of a list begins: what follows stands below what it says. 0 for no item.
fn item_mark(said: &str) -> usize {
    let mark = said.split_once(' ').map_or("", |(mark, _)| mark);
    let number = mark.strip_suffix('.').unwrap_or_default();
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    if matches!(mark, "-" | "*" | "•") || is_number { mark.chars().count() + 1 } else { 0 }
}

fn push_line(out: &mut String, line: &str, indent: usize) {
    let line = format!("{}{line}", " ".repeat(indent));
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Rows in columns; the last one takes what is left of `width`.
pub(super) fn table(rows: &[Vec<String>], width: usize) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(&shorten(cell, width))).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(length).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (i, (cell, column)) in row.iter().zip(&widths).enumerate() {
            if i + 1 == columns {
                line.push_str(&shorten(cell, width.saturating_sub(line.chars().count()).max(20)));
            } else {
                line.push_str(cell);
                line.push_str(&" ".repeat(column - cell.chars().count() + 2));
            }
        }
        push_line(&mut out, &line, 0);
    }
    out
}

/// How long ago, in one unit: `3d ago`; a date where it is long ago or to come.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.0 - at.0) / 1_000_000;
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        86_400..2_592_000 => format!("{}d ago", seconds / 86_400),
        _ => at.date(),
    }
}

/// The notes of an answer, one line each.
pub(super) fn notes(notes: &[String], style: Style) -> String {
    notes.iter().map(|note| format!("{}\n", style.dim(&format!("note: {}", one_line(note))))).collect()
}

/// Words joined by a middle dot, without the empty ones.
pub(super) fn dotted(words: &[&str]) -> String {
    words.iter().filter(|word| !word.is_empty()).map(|word| one_line(word)).collect::<Vec<_>>().join(" · ")
}

pub(crate) use jay_types::text::counted as count;

/// Bytes in words.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Every leg of a hit with what it adds, its rank among the candidates and the score it is made from.
pub(super) fn why_words(why: &serde_json::Value) -> String {
    let number = |leg: &serde_json::Value, name: &str| leg.get(name).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let words = |leg: &serde_json::Value| {
        let name = leg.get("leg").and_then(serde_json::Value::as_str).unwrap_or_default();
        let (share, rank, raw) = (number(leg, "share"), number(leg, "rank"), number(leg, "raw"));
        format!("{name} {share:+.3} (rank {rank}, score {raw:.3})")
    };
    let legs: Vec<String> = why.as_array().into_iter().flatten().map(words).collect();
    format!("why: {}", legs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_stand_below_what_they_go_on_with() {
        let text = "one two three four five\n- one two three four five\n  2. one two three four\n    let x = 1;\nend";
        let expected = "  one two three four\n  five\n  - one two three four\n    five\n    2. one two three\n       four\n      let x = 1;\n  end\n";
        assert_eq!(wrap(text, 22, 2), expected);
    }
}
