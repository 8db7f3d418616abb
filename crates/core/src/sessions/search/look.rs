//! Messages looked through one after the other: for tool calls and what they answered, which no index holds, and for regular
//! expressions.
//!
//! An index of what tools put out would be as large as the archive itself. So the blocks are read, those that can hold the
//! wanted messages first, until there are enough hits.
//!
//! **Invariant:** what was not looked at is told: never is "nothing found" said of less than all.

use super::pattern::Pattern;
use super::{FoundIn, Group, Sort, Within};
use crate::secrets::masked_name;
use jay_store::{MessageBody, MessageRow, PassingBlock, SessionClause, Tx};
use jay_types::session::{Part, Provenance};
use jay_types::{Result, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// Characters of the window into a hit.
const WINDOW_CHARS: usize = 480;
/// Bytes of blocks that one call reads at most: some seconds.
pub(super) const LOOK_MAX_BYTES: usize = 1 << 30;

/// The place of a message in the order that is asked for.
pub(super) type Key = (i64, i64);

/// What is looked for.
#[derive(Debug)]
pub(super) struct Look<'a> {
    pub(super) clause: &'a SessionClause,
    pub(super) pattern: &'a Pattern,
    pub(super) within: Within,
    pub(super) sort: Sort,
    pub(super) group: Group,
    pub(super) limit: usize,
    /// The last message of the page before.
    pub(super) after: Option<Key>,
    pub(super) max_bytes: usize,
}

/// A message that fits.
#[derive(Debug)]
pub(super) struct Match {
    pub(super) message: MessageRow,
    /// The client's own id of it.
    pub(super) id: String,
    pub(super) found_in: FoundIn,
    pub(super) tool: Option<String>,
    pub(super) window: String,
}

/// What looking came to.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// In order; one more than wanted where there are more.
    pub(super) found: Vec<(Key, Match)>,
    /// Messages that fit, among those that were looked at.
    pub(super) matched: u64,
    /// Messages that were looked at.
    pub(super) messages: u64,
    /// Messages that are meant.
    pub(super) meant: u64,
    /// Where looking ended for its bound: the time of what comes next, where that is known.
    pub(super) stopped: Option<Option<Timestamp>>,
}

/// Looks through the messages.
///
/// # Errors
/// What the store says.
pub(super) fn look(tx: &Tx<'_>, look: &Look<'_>) -> Result<Looked> {
    let mut blocks = tx.passing_blocks(look.clause)?;
    blocks.sort_unstable_by_key(|block| (look.nearest(block), block.pos));
    let mut looked = Looked { meant: blocks.iter().map(|block| block.messages).sum(), ..Looked::default() };
    let (mut page, mut bytes) = (Page::default(), 0);
    for block in blocks {
        if page.found.keys().nth(look.limit).is_some_and(|key| key.0 < look.nearest(&block)) {
            break;
        }
        if look.is_before(&block) {
            continue;
        }
        if bytes >= look.max_bytes {
            looked.stopped = Some(if look.sort == Sort::Oldest { block.earliest } else { block.latest });
            break;
        }
        let read = tx.look_at(block.pos, look.clause)?;
        bytes += read.bytes;
        looked.messages += read.messages.len() as u64;
        for (message, body) in read.messages {
            let Some(found) = look.in_message(&message, &body) else { continue };
            looked.matched += 1;
            page.put(look, found);
        }
    }
    looked.found = page.found.into_iter().take(look.limit + 1).collect();
    Ok(looked)
}

impl Look<'_> {
    fn key(&self, at: Option<Timestamp>, doc: i64) -> Key {
        // Those that tell no time come last, whichever the order.
        match (self.sort, at) {
            (Sort::Oldest, at) => (at.map_or(i64::MAX, |at| at.0), doc),
            (_, at) => (at.map_or(i64::MAX, |at| at.0.saturating_neg()), doc.saturating_neg()),
        }
    }

    /// The first place that a message of a block can have.
    fn nearest(&self, block: &PassingBlock) -> i64 {
        let at = if self.sort == Sort::Oldest { block.earliest } else { block.latest };
        self.key(at, 0).0
    }

    /// True where the page before has shown all that a block can have.
    fn is_before(&self, block: &PassingBlock) -> bool {
        let at = if self.sort == Sort::Oldest { block.latest } else { block.earliest };
        let last = self.key(at, 0).0;
        // Of a session that was shown all is looked at, so that it is not shown again.
        self.group == Group::None && block.untimed == 0 && self.after.is_some_and(|after| last < after.0)
    }

    fn in_message(&self, message: &MessageRow, body: &MessageBody) -> Option<Match> {
        body.parts.iter().find_map(|part| {
            // Masked before it is looked at: a hit must not tell what a secret is.
            let (found_in, tool, text) = self.text_of(part)?;
            let found = self.pattern.find(&text)?;
            let window = around(&text, found);
            Some(Match { message: message.clone(), id: body.id.clone(), found_in, tool, window })
        })
    }

    /// The text of a part, where it is looked in.
    fn text_of(&self, part: &Part) -> Option<(FoundIn, Option<String>, String)> {
        let (is_said, is_tool) = (self.within != Within::Tools, self.within != Within::Text);
        match part {
            Part::Text { text, provenance: Provenance::Conversational } if is_said => {
                Some((FoundIn::Text, None, text.clone()))
            }
            Part::Text { text, .. } if self.within == Within::All => Some((FoundIn::Text, None, text.clone())),
            Part::Reasoning { text } if self.within == Within::All => Some((FoundIn::Reasoning, None, text.clone())),
            Part::ToolCall { name, input, .. } if is_tool => {
                let text = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
                let name = masked_name(name.clone());
                Some((FoundIn::ToolCall, Some(name.clone()), format!("{name} {text}")))
            }
            Part::ToolResult { name, output, .. } if is_tool => {
                Some((FoundIn::ToolResult, name.clone().map(masked_name), output.clone()))
            }
            _ => None,
        }
    }
}

/// The first matches in the order asked for.
#[derive(Debug, Default)]
struct Page {
    found: BTreeMap<Key, Match>,
    /// The place of each session's match, where one of each is wanted.
    of_session: HashMap<i64, Key>,
    /// Sessions that an earlier page has shown.
    shown: HashSet<i64>,
}

impl Page {
    fn put(&mut self, look: &Look<'_>, found: Match) {
        let (key, session) = (look.key(found.message.at, found.message.doc), found.message.entity);
        let is_grouped = look.group == Group::Session;
        if look.after.is_some_and(|after| key <= after) {
            if is_grouped && self.shown.insert(session) {
                self.of_session.remove(&session).and_then(|key| self.found.remove(&key));
            }
            return;
        }
        if is_grouped {
            if self.shown.contains(&session) || self.of_session.get(&session).is_some_and(|before| *before < key) {
                return;
            }
            self.of_session.insert(session, key).and_then(|before| self.found.remove(&before));
        }
        self.found.insert(key, found);
        // Of a session that an earlier page has shown this is known only when the message that it showed is met: until then it
        // must push nobody out.
        let may_be_shown = is_grouped && look.after.is_some();
        if self.found.len() > look.limit + 1 && !may_be_shown {
            self.found.pop_last();
        }
    }
}

/// The part of a text around what was found, cut between characters.
fn around(text: &str, found: Range<usize>) -> String {
    let before: Vec<usize> = text
        .get(..found.start)
        .unwrap_or_default()
        .char_indices()
        .rev()
        .map(|(at, _)| at)
        .take(WINDOW_CHARS / 4)
        .collect();
    let start = before.last().copied().unwrap_or(found.start);
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.char_indices().nth(WINDOW_CHARS).map_or(text.len(), |(at, _)| start + at);
    let window = text.get(start..end).unwrap_or_default();
    let (head, tail) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
    format!("{head}{window}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_was_found() {
        let text = format!("{}needle{}", "é".repeat(1000), "ü".repeat(1000));
        let found = text.find("needle").unwrap();
        let window = around(&text, found..found + 6);
        assert!(window.starts_with("…é") && window.ends_with("ü…") && window.contains("needle"), "{window}");
        assert_eq!(window.chars().count(), WINDOW_CHARS + 2);
        assert_eq!(around("needle", 0..6), "needle");
    }
}
