//! Links between memories, and marks of use.

use super::write_update;
use crate::call::Call;
use crate::read::find;
use crate::registers::{link_element, put_set};
use crate::remember::check::redacted_reason;
use crate::remember::clean_text;
use crate::secrets::Policy;
use jay_store::Moment;
use jay_types::bounds::Word;
use jay_types::change::Body;
use jay_types::change::registry::{FEEDBACK, LINKS};
use jay_types::memory::Link;
use jay_types::request::{LinkEnds, Written};
use jay_types::{EntityId, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Characters of an id that name it, at least.
const ID_PART_MIN_CHARS: usize = 6;

/// Links two memories.
///
/// # Errors
/// `bad_input` for a link to itself, `not_found`, `ambiguous`, `forgotten`.
pub fn link(call: &Call<'_>, ends: &LinkEnds) -> Result<Written> {
    edit_link(call, ends, true)
}

/// Takes a link away.
///
/// # Errors
/// `not_found`, `ambiguous`, `forgotten`.
pub fn unlink(call: &Call<'_>, ends: &LinkEnds) -> Result<Written> {
    edit_link(call, ends, false)
}

fn edit_link(call: &Call<'_>, ends: &LinkEnds, add: bool) -> Result<Written> {
    let mut rules = BTreeSet::new();
    let relation = clean_text(ends.relation.as_str(), Policy::Redact, &mut rules)?;
    let notes: Vec<String> = redacted_reason(&rules).into_iter().collect();
    call.act(|w| {
        let from = find(w, ends.from.as_str(), Moment::Latest, false)?;
        let linked = if add { None } else { linked_as(&from.memory.links, ends.to.as_str(), &relation) };
        let to = match linked {
            Some(id) => id,
            None => find(w, ends.to.as_str(), Moment::Latest, !add)?.memory.id,
        };
        if from.memory.id == to {
            return Err(Error::bad_input("a memory cannot be linked to itself"));
        }
        let element = [link_element(to, &relation)];
        let mut body = Body::default();
        let (added, removed): (&[String], &[String]) = if add { (&element, &[]) } else { (&[], &element) };
        put_set(&mut body, &from.state, LINKS, added, removed);
        Ok(write_update(w, &from, body, notes))
    })
}

/// The one link that a caller means. It can be taken away although what it leads to is purged, moved or not here.
fn linked_as(links: &[Link], to: &str, relation: &str) -> Option<EntityId> {
    let squeezed = |text: &str| text.trim().replace('-', "").to_ascii_lowercase();
    let wanted = squeezed(to);
    let fits = |link: &&Link| {
        let id = squeezed(&link.to.to_string());
        link.relation == relation
            && wanted.len() >= ID_PART_MIN_CHARS
            && (id.starts_with(&wanted) || id.ends_with(&wanted))
    };
    let mut fitting = links.iter().filter(fits);
    fitting.next().filter(|_| fitting.next().is_none()).map(|link| link.to)
}

/// What a caller says of a memory that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It helped.
    Useful,
    /// It did not belong there.
    Noise,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Useful => "useful",
            Self::Noise => "noise",
        }
    }
}

/// Marks a memory as useful or as noise; one mark per actor, the last counts. It breaks ties in recall, no more.
///
/// # Errors
/// `not_found`, `ambiguous`, `forgotten`.
pub fn feedback(call: &Call<'_>, id: &Word, verdict: Verdict) -> Result<Written> {
    call.act(|w| {
        let row = find(w, id.as_str(), Moment::Latest, false)?;
        let actor = call.caller.actor();
        // The actor's name, not its id: it may act in this namespace for the first time.
        let mark = |verdict: Verdict| format!("{} {}:{}", verdict.word(), actor.kind, actor.name);
        let other = if verdict == Verdict::Useful { Verdict::Noise } else { Verdict::Useful };
        let mut body = Body::default();
        put_set(&mut body, &row.state, FEEDBACK, &[mark(verdict)], &[mark(other)]);
        Ok(write_update(w, &row, body, vec![]))
    })
}
