//! What the latest messages of a file have said already: for clients that write a message again whenever it grew.

use crate::key::content_hash;
use jay_types::session::Part;
use serde::{Deserialize, Serialize};

/// Messages that are remembered; of more, the oldest are let go, and told again in full where they come again.
const MESSAGES_MAX: usize = 16;
/// Parts of one message that are remembered.
const PARTS_MAX: usize = 200;

/// By message id, latest last, the marks of the parts that were told.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Told(Vec<(String, Vec<u64>)>);

impl Told {
    /// The parts of `parts` that the message `id` has not said yet.
    pub(crate) fn fresh(&mut self, id: &str, parts: Vec<Part>) -> Vec<Part> {
        let at = self.0.iter().position(|(known, _)| known == id);
        let mut marks = at.map(|at| self.0.remove(at).1).unwrap_or_default();
        let mut before = marks.clone();
        let mut fresh = Vec::new();
        for part in parts {
            let mark = mark(&part);
            // A message may say the same twice: each part that was told stands for one.
            if let Some(at) = before.iter().position(|known| *known == mark) {
                before.swap_remove(at);
                continue;
            }
            if marks.len() < PARTS_MAX {
                marks.push(mark);
            }
            fresh.push(part);
        }
        if self.0.len() >= MESSAGES_MAX {
            self.0.remove(0);
        }
        self.0.push((id.to_owned(), marks));
        fresh
    }
}

fn mark(part: &Part) -> u64 {
    let json = serde_json::to_vec(part).unwrap_or_default();
    let [a, b, c, d, e, f, g, h, ..] = content_hash(&[&json]).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::session::Provenance;

    fn texts(words: &[&str]) -> Vec<Part> {
        let text = |text: &&str| Part::Text { text: (*text).to_owned(), provenance: Provenance::Conversational };
        words.iter().map(text).collect()
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut told = Told::default();
        assert_eq!(told.fresh("m", texts(&["a", "a"])), texts(&["a", "a"]));
        assert_eq!(told.fresh("m", texts(&["a", "a", "b", "a"])), texts(&["b", "a"]));
        assert_eq!(told.fresh("n", texts(&["a"])), texts(&["a"]));
        assert_eq!(told.fresh("m", texts(&["b"])), []);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = Told::default();
        for n in 0..100 {
            told.fresh(&n.to_string(), texts(&["x"; 500]));
        }
        assert_eq!(told.0.len(), MESSAGES_MAX);
        assert!(told.0.iter().all(|(_, marks)| marks.len() == PARTS_MAX));
        assert_eq!(told.fresh("99", texts(&["x"])), []);
        assert_eq!(told.fresh("0", texts(&["x"])), texts(&["x"]));
    }
}
