//! What turns used: a table, each row with a bar.

use super::View;
use super::text::{count, table};
use crate::output::one_line;
use jay_core::usage::{UsageCounted, UsageSums};
use jay_types::text::shorten;

/// Characters of a name at most, and of the longest bar.
const NAME_MAX: usize = 28;
const BAR_MAX: usize = 30;
/// A bar that is shorter says nothing.
const BAR_MIN: usize = 5;

pub(super) fn counted(answer: &UsageCounted, view: &View) -> String {
    if answer.rows.is_empty() {
        return "No turns.\n".to_owned();
    }
    let head = ["", "turns", "input", "output", "cache read", "cache write", "cost"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    for row in &answer.rows {
        let name = row.name.as_deref().map_or_else(|| "not told".to_owned(), |name| shorten(&one_line(name), NAME_MAX));
        rows.push(cells(name, &row.sums));
    }
    rows.push(cells("all".to_owned(), &answer.totals));
    let text = table(&rows, usize::MAX);
    let lines: Vec<&str> = text.lines().collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let room = view.style.width.saturating_sub(longest + 2).min(BAR_MAX);
    let most = answer.rows.iter().map(|row| tokens(&row.sums)).max().unwrap_or(0);
    let mut out = String::new();
    for (place, line) in lines.iter().enumerate() {
        let of_row = place.checked_sub(1).and_then(|place| answer.rows.get(place));
        let bar = of_row.map_or(0, |row| length(tokens(&row.sums), most, room));
        match place {
            0 if room >= BAR_MIN && most > 0 => {
                out.push_str(&view.style.bold(&format!("{line:<longest$}  all tokens")));
            }
            0 => out.push_str(&view.style.bold(line)),
            _ if bar > 0 => out.push_str(&format!("{line:<longest$}  {}", "#".repeat(bar))),
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    let untold = [(answer.totals.turns_without_tokens, "tokens are"), (answer.totals.turns_without_cost, "cost is")];
    for (turns, what) in untold {
        if turns > 0 {
            out.push_str(&view.style.dim(&format!("note: for {} no {what} told", count(turns, "turn", "turns"))));
            out.push('\n');
        }
    }
    if answer.has_more {
        out.push_str(&view.style.dim("note: there are more rows: `--limit` shows them"));
        out.push('\n');
    }
    out
}

fn cells(name: String, sums: &UsageSums) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), short);
    let cost = sums.cost_usd.map_or_else(|| "-".to_owned(), |cost| format!("${cost:.2}"));
    let [input, output] = [sums.input_tokens, sums.output_tokens].map(number);
    let [read, write] = [sums.cache_read_tokens, sums.cache_write_tokens].map(number);
    vec![name, sums.turns.to_string(), input, output, read, write, cost]
}

/// What a bar is as long as: all tokens, wherever they came from.
fn tokens(sums: &UsageSums) -> u64 {
    [sums.input_tokens, sums.output_tokens, sums.cache_read_tokens, sums.cache_write_tokens].into_iter().flatten().sum()
}

fn length(tokens: u64, most: u64, room: usize) -> usize {
    if room < BAR_MIN || most == 0 || tokens == 0 {
        return 0;
    }
    let length = u128::from(tokens) * room as u128 / u128::from(most);
    usize::try_from(length).unwrap_or(room).max(1)
}

/// A count in at most five characters or so: `950`, `1.2k`, `34k`, `5.6M`.
fn short(number: u64) -> String {
    let units = [(1_000_000_000_u64, "G"), (1_000_000, "M"), (1_000, "k")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| number >= *unit) else { return number.to_string() };
    let (whole, tenth) = (number / unit, number % unit / (unit / 10));
    if whole < 10 { format!("{whole}.{tenth}{name}") } else { format!("{whole}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_no_use_has_none() {
        assert_eq!((length(100, 100, 30), length(50, 100, 30), length(1, 100, 30), length(0, 100, 30)), (30, 15, 1, 0));
        assert_eq!(length(100, 100, 4), 0, "no room, no bar");
    }

    #[test]
    fn counts_are_short() {
        assert_eq!([950, 1_250, 34_900, 5_600_000].map(short), ["950", "1.2k", "34k", "5.6M"]);
    }
}
