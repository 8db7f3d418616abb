//! The turns beside a candidate: they count for it, and can be answers themselves.
//!
//! A turn is told from its session by the two before and the two after it, so that a session of any length costs the
//! same; windows that touch become one stretch.

use super::legs::Found;
use jay_rank::plan::{Query, folded};
use jay_store::{Turn, Window};
use std::collections::{BTreeMap, BTreeSet};

/// Turns at either side whose scores count for a hit.
pub(crate) const NEIGHBOURS: usize = 2;
/// The best of each leg that are looked at with the turns around them.
pub(crate) const AROUND_MAX: usize = 60;
/// A step between turns that are not known to stand beside each other: wider than any distance that counts.
const GAP: i64 = 2 * NEIGHBOURS as i64 + 1;

/// Gives every turn of the windows its session and its place there, as a candidate.
pub(crate) fn place(windows: Vec<Window>, found: &mut Found) {
    let mut sessions: BTreeMap<String, Vec<Vec<Turn>>> = BTreeMap::new();
    for window in windows {
        sessions.entry(window.session).or_default().push(window.turns);
    }
    for (number, windows) in (0_u64..).zip(sessions.into_values()) {
        for (turn, place) in places(&windows) {
            let candidate = found.add(turn.id, turn.doc);
            (candidate.turn, candidate.asks) = (Some((number, place)), turn.asks);
        }
    }
}

/// Numbers the turns of one session so that the numbers of two neighbours differ by one and others by more than counts.
fn places(windows: &[Vec<Turn>]) -> Vec<(Turn, i64)> {
    let turns: BTreeSet<Turn> = windows.iter().flatten().copied().collect();
    let beside: BTreeSet<(Turn, Turn)> = windows.iter().flat_map(|window| pairs(window)).collect();
    let order: Vec<Turn> = turns.into_iter().collect();
    let steps = pairs(&order).map(|pair| if beside.contains(&pair) { 1 } else { GAP });
    let mut place = 0;
    let places = std::iter::once(0).chain(steps).map(|step| {
        place += step;
        place
    });
    order.iter().copied().zip(places).collect()
}

fn pairs(turns: &[Turn]) -> impl Iterator<Item = (Turn, Turn)> {
    turns.iter().copied().zip(turns.iter().copied().skip(1))
}

/// True where a word of the speaker's name stands in the query.
pub(crate) fn is_named(plan: &Query, author: &str) -> bool {
    folded(author).split_whitespace().any(|word| plan.names.iter().any(|name| name == word))
}

/// The speaker that a text names at its beginning, as transcripts do: `Caroline: we met on Monday`.
pub(crate) fn speaker(text: &str) -> Option<&str> {
    const WORDS_MAX: usize = 3;
    const BYTES_MAX: usize = 48;
    let (name, said) = text.split_once(": ")?;
    let is_name = name.len() <= BYTES_MAX
        && !said.trim().is_empty()
        && name.split(' ').count() <= WORDS_MAX
        && name.split(' ').all(|word| word.starts_with(char::is_uppercase) && word.chars().all(is_name_char));
    is_name.then_some(name)
}

fn is_name_char(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(ids: std::ops::Range<i64>) -> Vec<Turn> {
        ids.map(|id| Turn { order: id * 10, tie: 0, id, doc: id, asks: false }).collect()
    }

    fn numbered(windows: &[Vec<Turn>]) -> Vec<(i64, i64)> {
        places(windows).into_iter().map(|(turn, place)| (turn.id, place)).collect()
    }

    #[test]
    fn windows_that_touch_are_one_stretch_and_others_are_far_apart() {
        assert_eq!(
            numbered(&[turns(3..6), turns(5..8), turns(20..22)]),
            [(3, 0), (4, 1), (5, 2), (6, 3), (7, 4), (20, 9), (21, 10)]
        );
    }

    #[test]
    fn neighbours_that_only_look_so_are_not() {
        // 5 and 6 were never seen beside each other: a turn between them may be hidden.
        assert_eq!(numbered(&[turns(4..6), turns(6..8)]), [(4, 0), (5, 1), (6, 6), (7, 7)]);
    }

    #[test]
    fn a_speaker_is_a_short_name_before_a_colon() {
        assert_eq!(speaker("Caroline: we met on Monday"), Some("Caroline"));
        assert_eq!(speaker("Dr. Ana-Lucía O'Neill: yes"), Some("Dr. Ana-Lucía O'Neill"));
        for text in ["note: buy milk", "The Port Of The Server: 5433", "see(me): x", "Caroline:", "Port 5433: open"] {
            assert_eq!(speaker(text), None, "{text}");
        }
    }
}
