//! Rows that SQL asked for, and the views that it may ask.

use super::View;
use super::text::{count, notes, table, wrap};
use crate::output::one_line;
use jay_core::sql::{SqlAnswered, ViewShown};
use jay_types::text::shorten;
use serde_json::Value;

/// Characters that a column keeps, however many columns there are.
const COLUMN_MIN: usize = 6;
/// Between two columns.
const GAP: usize = 2;

pub(super) fn answered(answer: &SqlAnswered, view: &View) -> String {
    if !answer.views.is_empty() {
        return answer.views.iter().map(|shown| view_lines(shown, view)).collect::<Vec<_>>().join("\n");
    }
    let told = notes(&answer.notes, view.style);
    if let Some(document) = &answer.document {
        return document.clone();
    }
    if answer.rows.is_empty() {
        return format!("No rows.\n{told}");
    }
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text),
        other => other.to_string(),
    };
    let names = answer.columns.iter().map(|name| one_line(name)).collect();
    let rows = answer.rows.iter().map(|row| row.iter().map(cell).collect());
    let mut rows: Vec<Vec<String>> = [names].into_iter().chain(rows).collect();
    if view.style.is_terminal {
        let most = column_max(&rows, view.style.width);
        rows.iter_mut().flatten().for_each(|cell| *cell = shorten(cell, most));
    }
    let text = table(&rows, usize::MAX);
    let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
    let rows = view.style.dim(&count(answer.rows.len() as u64, "row", "rows"));
    format!("{}\n{body}{rows}\n{told}", view.style.bold(head))
}

/// The characters that a column may have, so that all stand beside each other: what short ones do not need the long ones get.
fn column_max(rows: &[Vec<String>], width: usize) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let length = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let lengths: Vec<usize> = (0..columns).filter_map(length).collect();
    let room = width.saturating_sub(GAP * columns.saturating_sub(1));
    let fits = |most: usize| lengths.iter().map(|length| (*length).min(most)).sum::<usize>() <= room;
    (COLUMN_MIN..=width.max(COLUMN_MIN)).rev().find(|most| fits(*most)).unwrap_or(COLUMN_MIN)
}

fn view_lines(shown: &ViewShown, view: &View) -> String {
    let about = view.style.dim(&shown.about);
    let mut text = format!("{}  {about}\n", view.style.bold(&shown.name));
    let longest = shown.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    for column in &shown.columns {
        let line = format!("{:<longest$}  {:<7}  {}", column.name, column.kind, column.about);
        text.push_str(&wrap(&line, view.style.width, 2));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_columns_share_what_short_ones_leave() {
        let row = |cells: [usize; 3]| cells.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>();
        assert_eq!(column_max(&[row([4, 100, 100])], 60), 26);
        assert_eq!(column_max(&[row([4, 10, 100])], 60), 42);
        assert_eq!(column_max(&[row([4, 5, 6])], 60), 60, "nothing is cut");
        assert_eq!(column_max(&[row([100, 100, 100])], 10), COLUMN_MIN);
    }
}
