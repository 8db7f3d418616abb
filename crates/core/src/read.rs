//! Reading: get, list, history.

use crate::call::Call;
use crate::cursor;
use crate::filter;
use jay_store::{ENTITY_HIDDEN_ALL, MemoryRow, Moment, Tx};
use jay_types::bounds::Word;
use jay_types::change::Body;
use jay_types::change::registry::TEXT;
use jay_types::memory::Memory;
use jay_types::request::{Filter, LinksOf};
use jay_types::{Code, Dot, EntityId, Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Memories that one `get` may name.
pub const GET_MAX: usize = 100;

/// The answer to list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Newest first
    pub memories: Vec<Memory>,
    /// Where the next page begins; absent at the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What there is to say: where nothing was here yet at the moment asked for
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The answer to get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Got {
    /// The memories, in the order asked for
    pub memories: Vec<Memory>,
    /// Their links, in the same order
    pub links: Vec<LinksOf>,
    /// What there is to say: a memory was moved, is superseded
    pub notes: Vec<String>,
}

/// Moves that are followed one after another; more can only be a circle.
const MOVES_MAX: usize = 64;

/// The memory that a caller names, followed to where it goes on; hidden ones are refused by name.
pub(crate) fn find(tx: &Tx<'_>, id: &str, moment: Moment, forgotten_too: bool) -> Result<MemoryRow> {
    let named = find_as_named(tx, id, moment, forgotten_too)?;
    follow(tx, named, moment, forgotten_too)
}

fn follow(tx: &Tx<'_>, named: MemoryRow, moment: Moment, forgotten_too: bool) -> Result<MemoryRow> {
    let mut row = named;
    for _ in 0..MOVES_MAX {
        let Some(moved) = row.memory.moved_to.filter(|_| row.memory.retired) else { break };
        row = find_as_named(tx, &moved.to_string(), moment, forgotten_too)?;
    }
    Ok(row)
}

fn find_as_named(tx: &Tx<'_>, id: &str, moment: Moment, forgotten_too: bool) -> Result<MemoryRow> {
    let num = tx.find_memory(id, None)?;
    let row = tx.memory(num, moment)?;
    let shown = jay_types::text::shorten(id, 40);
    let Some(row) = row else {
        let when = if moment == Moment::Latest { "is purged" } else { "was not here at that time" };
        return Err(
            Error::not_found(format!("the memory `{shown}` {when}")).hint("`jay history ID` shows what is left of it.")
        );
    };
    if row.memory.forgotten && !forgotten_too {
        let error = Error::new(Code::Forgotten, format!("the memory `{shown}` was forgotten"));
        return Err(error.hint(format!("A person can bring it back with `jay unforget {}`.", row.memory.id)));
    }
    Ok(row)
}

/// Reads memories by id.
///
/// # Errors
/// `not_found`, `ambiguous`, `forgotten`; `bad_input` for no or too many ids.
pub fn get(call: &Call<'_>, ids: &[Word], as_of: Option<&Word>, include_forgotten: bool) -> Result<Got> {
    call.engine.demand_memory()?;
    if include_forgotten {
        call.demand_person("showing what was forgotten")?;
    }
    if ids.is_empty() || ids.len() > GET_MAX {
        return Err(Error::bad_input(format!("`ids`: must name 1 to {GET_MAX} memories, not {}", ids.len())));
    }
    call.engine.memory.read(|tx| {
        let moment = filter::moment(tx, "as_of", as_of, call.now)?;
        let mut got = Got { memories: vec![], links: vec![], notes: vec![] };
        for id in ids {
            let named = find_as_named(tx, id.as_str(), moment, include_forgotten)?;
            let named_id = tx.identity_of(tx.find_memory(id.as_str(), None)?)?.0;
            let row = follow(tx, named, moment, include_forgotten)?;
            if !filter::may_show(call, tx, row.num, moment)? {
                return Err(Error::new(Code::Forgotten, format!("the memory `{named_id}` was forgotten since"))
                    .hint("A person can see it from the command line."));
            }
            if row.aliases.contains(&named_id) {
                got.notes.push(format!("{named_id} says the same and reads as {}, which is earlier", row.memory.id));
            } else if row.memory.id != named_id {
                got.notes.push(format!("{named_id} was moved and goes on as {}", row.memory.id));
            }
            if let Some(by) = row.memory.superseded_by {
                got.notes.push(format!("{} is superseded by {by}", row.memory.id));
            }
            let mut to_here = tx.links_to(row.memory.id)?;
            for alias in &row.aliases {
                to_here.extend(tx.links_to(*alias)?);
            }
            got.links.push(LinksOf { from_here: row.memory.links.clone(), to_here });
            got.memories.push(row.memory);
        }
        Ok(got)
    })
}

/// Lists memories, newest first.
///
/// # Errors
/// `bad_input` for a time or cursor that is none, `refused` for forgotten ones where the caller may not see them.
pub fn list(call: &Call<'_>, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Listed> {
    call.engine.demand_memory()?;
    let about = (filter, &call.caller.namespace);
    let place = cursor.map(|cursor| cursor::open("list", &about, cursor)).transpose()?;
    call.engine.memory.read(|tx| {
        let filter = filter::resolve(call, tx, filter)?;
        let page = tx.list(&filter, limit, place.as_deref())?;
        let mut memories = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            if filter::may_show(call, tx, row.num, filter.moment)? {
                memories.push(row.memory);
            }
        }
        let next = page.next.map(|place| cursor::seal("list", &about, &place)).transpose()?;
        let notes = filter::note_of(tx, filter.moment)?.into_iter().collect();
        Ok(Listed { memories, next, notes })
    })
}

/// One change of a memory, as history shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// Its arrival number in this store: `--as-of pos:N` is the state after it
    pub pos: u64,
    /// Names the change; `revert --to` takes it
    pub dot: Dot,
    /// The wall clock of its author
    pub at: Timestamp,
    /// Who did it
    pub actor: String,
    /// create, update, forget, unforget, purge
    pub operation: String,
    /// The memory that it was said of, where that is another one that says the same and reads as this one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<EntityId>,
    /// The fields that it wrote
    pub fields: Vec<String>,
    /// The wording that it wrote, where it wrote one and it is still here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The wording against the one before it, line by line, where asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What it wrote, field by field
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub values: Value,
}

/// The changes of a memory, oldest first.
///
/// # Errors
/// `not_found`, `ambiguous`; `forgotten` where the caller may not see it.
pub fn history(call: &Call<'_>, id: &Word, diff: bool) -> Result<Vec<HistoryEntry>> {
    call.engine.demand_memory()?;
    call.engine.memory.read(|tx| {
        let num = tx.find_memory(id.as_str(), None)?;
        let row = tx.memory(num, Moment::Latest)?;
        let first = row.as_ref().map_or(tx.identity_of(num)?.0, |row| row.memory.id);
        let hidden = row.is_some_and(|row| row.memory.forgotten && row.is_hidden(ENTITY_HIDDEN_ALL));
        if hidden && !call.caller.is_person_at_hand() {
            return Err(Error::new(Code::Forgotten, format!("the memory `{}` was forgotten", id.as_str()))
                .hint("A person can see its history from the command line."));
        }
        let mut before = String::new();
        let entry = |change: jay_store::ChangeView| {
            let text = change.body.as_ref().and_then(wording);
            let diff = text.as_ref().filter(|_| diff).map(|text| line_diff(&before, text));
            if let Some(text) = &text {
                before.clone_from(text);
            }
            HistoryEntry {
                pos: change.pos,
                dot: change.dot,
                at: change.at,
                actor: change.actor,
                operation: change.operation,
                alias: (change.entity != first).then_some(change.entity),
                fields: change.body.as_ref().map(|body| body.registers.keys().cloned().collect()).unwrap_or_default(),
                values: change.body.as_ref().map(values).unwrap_or_default(),
                text,
                diff,
            }
        };
        Ok(tx.history(num)?.into_iter().map(entry).collect())
    })
}

fn wording(body: &Body) -> Option<String> {
    Some(body.registers.get(TEXT.name)?.get("text")?.as_str()?.to_owned())
}

/// What a change wrote, without the wording (which has a field of its own) and without marks.
fn values(body: &Body) -> Value {
    let shown = body
        .registers
        .iter()
        .filter(|(name, _)| name.as_str() != TEXT.name && name.as_str() != "forgotten")
        .map(|(name, value)| (name.clone(), value.clone()));
    let map: serde_json::Map<String, Value> = shown.collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// Lines taken away and added, `-` and `+`, in order; lines that both have stand with a space.
fn line_diff(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let prefix = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - prefix;
    let suffix = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut out = String::new();
    let mut put = |mark: char, lines: &[&str]| {
        for line in lines {
            out.push(mark);
            out.push_str(line);
            out.push('\n');
        }
    };
    put(' ', old.get(..prefix).unwrap_or_default());
    put('-', old.get(prefix..old.len() - suffix).unwrap_or_default());
    put('+', new.get(prefix..new.len() - suffix).unwrap_or_default());
    put(' ', old.get(old.len() - suffix..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_keeps_what_both_have() {
        assert_eq!(line_diff("a\nb\nc", "a\nx\nc"), " a\n-b\n+x\n c\n");
        assert_eq!(line_diff("", "a"), "+a\n");
        assert_eq!(line_diff("a\na", "a"), " a\n-a\n");
    }
}
