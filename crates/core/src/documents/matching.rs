//! Which piece of a file is which piece that is here already: pure.
//!
//! Equal text first, so that sections can change their order, and pieces of a long section their number, without being written anew;
//! what is left over takes the places that are free under the same headings.
//!
//! **Invariant:** no piece that is here is given to two of the file, and no key to two pieces.

use super::file::Wanted;
use super::name;
use jay_types::memory::Place;
use std::collections::{BTreeMap, BTreeSet};

/// A piece that is here, retired ones too, forgotten ones not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) num: i64,
    pub(super) key: String,
    pub(super) title: Option<String>,
    pub(super) text: String,
    pub(super) place: Place,
    /// Another machine said where it stands: its folders say nothing here.
    pub(super) is_foreign: bool,
    pub(super) is_retired: bool,
    pub(super) version: u64,
    /// Others that claim the same key and do not hold it.
    pub(super) superseded: Vec<i64>,
}

impl Known {
    /// True where it stands at `place`: in the same lines of the same file, whatever folder another machine has it in.
    pub(super) fn stands_at(&self, place: &Place) -> bool {
        let lines = |place: &Place| (place.line, place.line_end);
        self.place == *place || (self.is_foreign && self.place.path == place.path && lines(&self.place) == lines(place))
    }
}

/// A piece of the file with the one that it is, if it is here, and its key.
#[derive(Debug, PartialEq)]
pub(super) struct Matched {
    pub(super) wanted: Wanted,
    pub(super) known: Option<Known>,
    pub(super) key: String,
}

/// Pieces of a file that are being matched.
#[derive(Debug)]
pub(super) struct Matching {
    wanted: Vec<(Wanted, Option<usize>)>,
    known: Vec<Known>,
    free: BTreeSet<usize>,
}

impl Matching {
    /// Matches what has the same text under the same headings; those that are shown before retired ones.
    pub(super) fn by_text(wanted: Vec<Wanted>, known: Vec<Known>) -> Self {
        let mut same: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.sort_by_key(|index| known.get(*index).map(|known| (known.is_retired, name::parts(&known.key).1)));
        for (index, known) in order.into_iter().filter_map(|index| Some((index, known.get(index)?))) {
            same.entry((name::parts(&known.key).0, &known.text)).or_default().push(index);
        }
        for indexes in same.values_mut() {
            indexes.reverse();
        }
        let mut free: BTreeSet<usize> = (0..known.len()).collect();
        let found: Vec<Option<usize>> = wanted
            .iter()
            .map(|wanted| same.get_mut(&(wanted.group.as_str(), wanted.text.as_str())).and_then(Vec::pop))
            .collect();
        let wanted: Vec<_> = wanted.into_iter().zip(found).collect();
        for index in wanted.iter().filter_map(|(_, found)| *found) {
            free.remove(&index);
        }
        Self { wanted, known, free }
    }

    /// What no piece with its text was found for.
    pub(super) fn unmatched(&self) -> impl Iterator<Item = &Wanted> {
        self.wanted.iter().filter(|(_, found)| found.is_none()).map(|(wanted, _)| wanted)
    }

    /// Leaves out unmatched pieces; tells how many.
    pub(super) fn leave_out(&mut self, mut is_out: impl FnMut(&Wanted) -> bool) -> u64 {
        let before = self.wanted.len();
        self.wanted.retain(|(wanted, found)| found.is_some() || !is_out(wanted));
        (before - self.wanted.len()) as u64
    }

    /// Gives free places under the same headings to what is left, new keys to the rest; returns what is to be here and what is
    /// left of what was.
    pub(super) fn finish(mut self) -> (Vec<Matched>, Vec<Known>) {
        let mut slots: BTreeMap<&str, BTreeMap<u64, usize>> = BTreeMap::new();
        for (index, known) in self.known.iter().enumerate() {
            let (group, number) = name::parts(&known.key);
            slots.entry(group).or_default().insert(number, index);
        }
        let mut given: BTreeMap<String, u64> = BTreeMap::new();
        let mut matched = Vec::with_capacity(self.wanted.len());
        for (wanted, found) in self.wanted {
            let group = slots.get(wanted.group.as_str());
            let free = |retired: bool| {
                let all = group.into_iter().flat_map(BTreeMap::values).copied();
                all.into_iter().find(|index| {
                    self.free.contains(index) && self.known.get(*index).is_some_and(|known| known.is_retired == retired)
                })
            };
            let found = found.or_else(|| free(false)).or_else(|| free(true));
            let known = found.and_then(|index| {
                self.free.remove(&index);
                self.known.get(index).cloned()
            });
            let key = match &known {
                Some(known) => known.key.clone(),
                None => {
                    let taken = |number: &u64| group.is_some_and(|group| group.contains_key(number));
                    let last = given.entry(wanted.group.clone()).or_default();
                    let number = (*last + 1..).find(|number| !taken(number)).unwrap_or(u64::MAX);
                    *last = number;
                    name::key(&wanted.group, number)
                }
            };
            matched.push(Matched { wanted, known, key });
        }
        let gone = self.free.iter().filter_map(|index| self.known.get(*index)).cloned().collect();
        (matched, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u64) -> Place {
        Place { root: "/r".into(), base: None, path: "a.md".into(), line, line_end: line }
    }

    fn wanted(group: &str, text: &str) -> Wanted {
        Wanted { group: group.into(), title: "T".into(), text: text.into(), place: place(1) }
    }

    fn known(num: i64, key: &str, text: &str, is_retired: bool) -> Known {
        let (title, key, text) = (Some("T".to_owned()), key.to_owned(), text.to_owned());
        Known { num, key, title, text, place: place(1), is_foreign: false, is_retired, version: 1, superseded: vec![] }
    }

    fn check(wanted: Vec<Wanted>, known: Vec<Known>, expected: &[(&str, Option<i64>)], gone: &[i64]) {
        let (matched, left) = Matching::by_text(wanted, known).finish();
        let pairs: Vec<(&str, Option<i64>)> =
            matched.iter().map(|m| (m.key.as_str(), m.known.as_ref().map(|known| known.num))).collect();
        assert_eq!(pairs, expected);
        assert_eq!(left.iter().map(|known| known.num).collect::<Vec<_>>(), gone);
    }

    #[test]
    fn the_same_text_is_the_same_piece_whatever_its_number() {
        let here = || vec![known(1, "a", "one", false), known(2, "a~2", "two", false), known(3, "b", "three", false)];
        check(
            vec![wanted("b", "three"), wanted("a", "two"), wanted("a", "one")],
            here(),
            &[("b", Some(3)), ("a~2", Some(2)), ("a", Some(1))],
            &[],
        );
        check(
            vec![wanted("a", "zero"), wanted("a", "one"), wanted("a", "two")],
            here(),
            &[("a~3", None), ("a", Some(1)), ("a~2", Some(2))],
            &[3],
        );
        check(vec![wanted("a", "changed"), wanted("a", "two")], here(), &[("a", Some(1)), ("a~2", Some(2))], &[3]);
    }

    #[test]
    fn a_retired_piece_comes_back_and_a_shown_one_goes_first() {
        let here = || vec![known(1, "a", "one", true), known(2, "a~2", "one", false), known(3, "a~3", "old", true)];
        check(vec![wanted("a", "one")], here(), &[("a~2", Some(2))], &[1, 3]);
        check(vec![wanted("a", "one"), wanted("a", "one")], here(), &[("a~2", Some(2)), ("a", Some(1))], &[3]);
        check(vec![wanted("a", "new")], here(), &[("a~2", Some(2))], &[1, 3]);
        check(vec![wanted("c", "new"), wanted("c", "newer")], here(), &[("c", None), ("c~2", None)], &[1, 2, 3]);
    }
}
