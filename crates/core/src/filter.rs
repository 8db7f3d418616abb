//! From what callers ask for to what the store is asked.

use crate::call::Call;
use jay_store::{ENTITY_HIDDEN_ALL, ListFilter, Moment, Tx};
use jay_types::bounds::Word;
use jay_types::request::Filter;
use jay_types::{Error, Result, Timestamp};

/// How far ahead of ours a caller's clock may be, microseconds (J4).
const CLOCKS_DIFFER: i64 = 5 * 60 * 1_000_000;

/// A moment, in words: a time, an age, or `pos:120`; `field` is where they stand.
pub(crate) fn moment(tx: &Tx<'_>, field: &str, word: Option<&Word>, now: Timestamp) -> Result<Moment> {
    let Some(text) = word.map(|word| word.as_str().trim()) else { return Ok(Moment::Latest) };
    if let Some(pos) = text.strip_prefix("pos:") {
        let pos = pos.parse().map_err(|_| {
            Error::bad_input(format!("`{field}`: `{}` is not a position", jay_types::text::shorten(text, 40)))
                .hint("Positions are written as pos:120; `jay history ID` shows them.")
        })?;
        let latest = tx.latest_pos()?;
        if pos > latest {
            return Err(Error::bad_input(format!(
                "`{field}`: pos:{pos} is not here; this store has come to pos:{latest}"
            ))
            .hint("`jay history ID` shows the positions of a memory's changes."));
        }
        return Ok(Moment::Position(pos));
    }
    let at = Timestamp::parse_relative(text, now).map_err(|error| in_field(field, error))?;
    if at.0 > now.0.saturating_add(CLOCKS_DIFFER) {
        return Err(Error::bad_input(format!("`{field}`: {at} is still to come")).hint(format!(
            "Name a moment up to now, {}; without one `jay recall` and `jay list` show what is known now.",
            now.date()
        )));
    }
    Ok(tx.moment_at(at)?)
}

/// What there is to say of an answer about `moment`: before the first change there is nothing to find, whatever is asked.
pub(crate) fn note_of(tx: &Tx<'_>, moment: Moment) -> Result<Option<String>> {
    let Moment::Position(0) = moment else { return Ok(None) };
    let first = tx.arrived_at(1)?;
    Ok(first.map(|at| format!("nothing was here at that moment: the first change came at {at}")))
}

/// A time that a caller wrote in `field`: a date, RFC 3339 or an age.
pub(crate) fn time(field: &str, word: Option<&Word>, now: Timestamp) -> Result<Option<Timestamp>> {
    let read = |word: &Word| Timestamp::parse_relative(word.as_str(), now).map_err(|error| in_field(field, error));
    word.map(read).transpose()
}

/// In the words in which the catalogue refuses a field.
fn in_field(field: &str, error: Error) -> Error {
    Error { message: format!("`{field}`: {}", error.message), ..error }
}

/// True where the caller may be shown what a memory said at an earlier moment: what was forgotten since is for people.
pub(crate) fn may_show(call: &Call<'_>, tx: &Tx<'_>, num: i64, moment: Moment) -> Result<bool> {
    if moment == Moment::Latest || call.caller.is_person_at_hand() {
        return Ok(true);
    }
    Ok(tx.memory(num, Moment::Latest)?.is_none_or(|row| !row.memory.forgotten))
}

/// The filter in the store's terms.
///
/// # Errors
/// `refused` where forgotten ones are asked for by anybody but a person at hand; `bad_input` for a wrong time.
pub(crate) fn resolve(call: &Call<'_>, tx: &Tx<'_>, filter: &Filter) -> Result<ListFilter> {
    if filter.include_forgotten {
        call.demand_person("showing what was forgotten")?;
    }
    let scope = if filter.all {
        jay_store::Scope::All
    } else {
        tx.scope_of(filter.namespace.as_ref().unwrap_or(&call.caller.namespace))?
    };
    let mut hidden = ENTITY_HIDDEN_ALL;
    if filter.include_superseded {
        hidden = hidden.with_superseded();
    }
    if filter.include_forgotten {
        hidden = hidden.with_forgotten();
    }
    // What was over by now was not over then.
    let asked_at = match &filter.as_of {
        Some(word) if !word.as_str().trim().starts_with("pos:") => {
            time("as_of", Some(word), call.now)?.unwrap_or(call.now)
        }
        Some(_) => match moment(tx, "as_of", filter.as_of.as_ref(), call.now)? {
            Moment::Position(pos) => tx.arrived_at(pos)?.unwrap_or(call.now),
            Moment::Latest => call.now,
        },
        None => call.now,
    };
    Ok(ListFilter {
        scope,
        kinds: filter.kinds.clone(),
        tags: filter.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        since: time("since", filter.since.as_ref(), call.now)?,
        until: time("until", filter.until.as_ref(), call.now)?,
        hidden,
        expired_by: (!filter.include_expired).then_some(asked_at),
        moment: moment(tx, "as_of", filter.as_of.as_ref(), call.now)?,
    })
}
