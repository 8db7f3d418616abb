//! Removing documents: every piece of a folder or file is retired. The files need not be there any more.

use super::list::{Target, named_or_around, none_below};
use super::write::retire_piece;
use crate::call::Call;
use jay_store::{PlacedRow, Scope};
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Pieces of one act.
const ACT_PIECES: usize = 1000;

/// The answer to docs remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocsRemoved {
    /// The namespace that had them
    pub namespace: String,
    /// The folder or file
    pub path: String,
    /// Documents that were taken out, or would be
    pub files: u64,
    /// Pieces of them
    pub chunks: u64,
}

/// Retires the pieces of every document at or below `path`. Adding it again brings them back.
///
/// # Errors
/// `not_found` where no document is at or below it.
pub fn remove(call: &Call<'_>, path: &Path, namespace: Option<&NamespacePath>, dry_run: bool) -> Result<DocsRemoved> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    call.engine.demand_memory()?;
    let namespace = &named_or_around(call, path, namespace)?;
    let target = Target::of(call, path, namespace)?;
    let rows = call.engine.memory.read(|tx| -> Result<Vec<PlacedRow>> {
        match tx.namespaces_at(namespace.as_str())?.first() {
            Some(number) => Ok(tx.placed(&Scope::Of(vec![*number]))?),
            None => Ok(vec![]),
        }
    })?;
    let meant: Vec<&PlacedRow> = rows.iter().filter(|row| !row.is_retired() && target.holds(row)).collect();
    let shown: Vec<&&PlacedRow> = meant.iter().filter(|row| row.is_shown()).collect();
    if shown.is_empty() {
        return Err(none_below(&target));
    }
    let files: BTreeSet<&str> = shown.iter().map(|row| row.place.path.as_str()).collect();
    let answer = DocsRemoved {
        namespace: namespace.to_string(),
        path: target.shown(),
        files: files.len() as u64,
        chunks: shown.len() as u64,
    };
    if dry_run {
        return Ok(answer);
    }
    // What was superseded goes too: with its slot free it would be shown again.
    let numbers: Vec<i64> = meant.iter().filter(|row| !row.is_forgotten()).map(|row| row.num).collect();
    let mut pieces = numbers.chunks(ACT_PIECES).peekable();
    let mut answered = None;
    while let Some(some) = pieces.next() {
        let is_last = pieces.peek().is_none();
        let retire = |w: &mut jay_store::WriteTx<'_>| some.iter().try_for_each(|num| retire_piece(w, *num, None));
        if is_last {
            // The key of a call is answered with its last act.
            answered = Some(call.act(|w| {
                retire(w)?;
                Ok(answer.clone())
            })?);
        } else {
            call.engine.memory.write(&call.caller.actor(), retire)?;
        }
    }
    Ok(answered.unwrap_or(answer))
}
