//! When an event was that a question's time hangs on: the texts that tell of it are asked.
//!
//! "before the release" is a time only where the caller's own memories (or messages) say when the release was. They are
//! looked for in the namespaces in which the question is asked, whatever kinds, tags or times its answers are limited to:
//! these say what is asked for, and not what is known.
//!
//! **Invariant:** nothing is looked up for a question that names no event; what a caller is not shown tells nothing.

use crate::call::Call;
use crate::filter;
use crate::secrets::masked_name;
use jay_rank::plan::event::{Agreed, Relation, agree};
use jay_rank::plan::{Event, Told, Window, told};
use jay_store::{ListFilter, PassingMessages, SessionClause, TextQuery, Tx};
use jay_types::memory::{Kind, Memory};
use jay_types::{Result, Timestamp};

/// Texts that are looked at: some will hang on the event themselves. Where more hold the words, they are about many things.
const TEXTS_MAX: usize = 16;
/// Kinds that tell of what happened, besides events. What is done again and again, or is still to be done, has no day.
const TELLING: [Kind; 5] = [Kind::Note, Kind::Fact, Kind::Decision, Kind::Message, Kind::Summary];

/// A text that tells of the event.
struct Telling {
    told: Told,
    is_event: bool,
    /// What names it to the caller.
    id: String,
}

/// The time that the event of a question gives it; none where nobody tells of it, or where those who do do not agree.
/// Says in the notes what was understood, and with `explain` why nothing was.
pub(crate) fn of_memories(
    call: &Call<'_>,
    tx: &Tx<'_>,
    event: Option<&Event>,
    filter: &ListFilter,
    explain: bool,
    notes: &mut Vec<String>,
) -> Result<Option<Window>> {
    let Some(event) = event else { return Ok(None) };
    // What was kept as an event is looked for by itself: other texts must not crowd it out.
    for kinds in [&[Kind::Event][..], &TELLING] {
        let filter = ListFilter { kinds: kinds.to_vec(), ..everything_seen(filter) };
        let hits = tx.search_memories(&TextQuery::all(&event.terms), &filter, TEXTS_MAX + 1)?;
        let mut tellings = Vec::new();
        for hit in &hits {
            let Some(row) = tx.memory(hit.entity, filter.moment)? else { continue };
            if filter::may_show(call, tx, hit.entity, filter.moment)? {
                tellings.extend(telling(event, &row.memory));
            }
        }
        if !tellings.is_empty() {
            return Ok(understand(event, &tellings, hits.len() > TEXTS_MAX, explain, notes));
        }
    }
    Ok(None)
}

/// What a caller sees by this filter, whatever it is limited to; never what was forgotten or is outdated.
fn everything_seen(filter: &ListFilter) -> ListFilter {
    ListFilter { moment: filter.moment, expired_by: filter.expired_by, ..ListFilter::shown(filter.scope.clone()) }
}

fn telling(event: &Event, memory: &Memory) -> Option<Telling> {
    let is_event = memory.kind == Kind::Event;
    if !event.may_be_told_by(&memory.text, is_event) {
        return None;
    }
    let valid = memory.valid_from.map(|from| Told { from, to: memory.valid_to.unwrap_or(from).max(from) });
    let written = told(&memory.text, memory.created_at);
    // The time that an event was given is surer than a date in its text; of other kinds it is how long they hold.
    let at = if is_event { valid.or(written) } else { written.or(valid) };
    Some(Telling { told: at.unwrap_or(Told::at(memory.created_at)), is_event, id: memory.id.to_string() })
}

/// The same for what was said in sessions.
pub(crate) fn of_messages(
    tx: &Tx<'_>,
    event: Option<&Event>,
    clause: &SessionClause,
    explain: bool,
    notes: &mut Vec<String>,
) -> Result<Option<Window>> {
    let Some(event) = event else { return Ok(None) };
    let namespaces = clause.namespaces.clone();
    let clause = SessionClause { namespaces, projects: clause.projects.clone(), ..SessionClause::default() };
    let (hits, _) =
        tx.search_messages(&TextQuery::all(&event.terms), &mut PassingMessages::new(&clause), TEXTS_MAX + 1)?;
    let texts = tx.message_texts(&hits.iter().map(|hit| hit.doc).collect::<Vec<_>>())?;
    let mut tellings = Vec::new();
    for hit in &hits {
        let (Some(message), Some(said)) = (tx.message(hit.doc)?, texts.get(&hit.doc)) else { continue };
        let Some(at) = message.at.filter(|_| event.may_be_told_by(&said.text, false)) else { continue };
        let told = told(&said.text, at).unwrap_or(Told::at(at));
        tellings.push(Telling { told, is_event: false, id: format!("message {}", masked_name(said.id.clone())) });
    }
    Ok(understand(event, &tellings, hits.len() > TEXTS_MAX, explain, notes))
}

fn understand(
    event: &Event,
    tellings: &[Telling],
    are_more: bool,
    explain: bool,
    notes: &mut Vec<String>,
) -> Option<Window> {
    let told: Vec<(Told, bool)> = tellings.iter().map(|telling| (telling.told, telling.is_event)).collect();
    let phrase = &event.phrase;
    match agree(&told) {
        Agreed::On(told, place) if !are_more => {
            let id = tellings.get(place).map_or("", |telling| &telling.id);
            notes.push(format!("\"{phrase}\" read as {} {} ({id})", event.relation.word(), days(event, told)));
            Some(event.window(told))
        }
        Agreed::On(..) | Agreed::Apart => {
            if explain {
                notes.push(format!("\"{phrase}\" is read as words: what tells of it names more than one time"));
            }
            None
        }
        Agreed::Untold => None,
    }
}

/// The day or days of an event that its relation looks at.
fn days(event: &Event, told: Told) -> String {
    let first = told.from.date();
    let last = Timestamp(told.to.0.saturating_sub(1).max(told.from.0)).date();
    match event.relation {
        Relation::Before | Relation::Since => first,
        Relation::Until | Relation::After => last,
        Relation::During if first == last => first,
        Relation::During => format!("{first} to {last}"),
    }
}
