//! Who sees what when it changes its place: a rename or move that changes with which remotes something is shared is asked about.
//!
//! **Invariant:** nothing becomes visible to others, or stops being brought to them, by a path alone.

use super::all;
use jay_core::{ActorKind, Call};
use jay_types::namespace::Names;
use jay_types::{Code, Error, Result};
use serde_json::json;

/// The field that says that it is meant.
pub const FIELD: &str = "change_sharing";

/// True where who calls says that it is meant, and may: an agent asks its person.
pub(crate) fn is_meant(call: &Call<'_>, said: bool) -> bool {
    said && call.caller.kind != ActorKind::Agent
}

/// A place by its path, as it is told, and by every name by which it is judged: a path may be an alias of what is not shared.
pub(crate) type Place<'a> = (&'a str, &'a Names);

/// Refuses where what stands in `from` would be shared with others in `to`, or no longer.
///
/// # Errors
/// `refused` with the remotes that would see it, or would no longer; what reading the remotes says.
pub(crate) fn demand(call: &Call<'_>, from: Place<'_>, to: Place<'_>) -> Result<()> {
    change(call, from, to)?.map_or(Ok(()), Err)
}

/// The refusal with which [`demand`] answers, for who only looks; none where nobody would see more or less.
///
/// # Errors
/// What reading the remotes says.
pub(crate) fn change(call: &Call<'_>, (from, before): Place<'_>, (to, after): Place<'_>) -> Result<Option<Error>> {
    let remotes = all(call)?;
    let changing = |gains: bool| -> Vec<String> {
        let is_so = |before: bool, after: bool| if gains { !before && after } else { before && !after };
        let those = remotes.iter().filter(|remote| is_so(remote.gives(before), remote.gives(after)));
        those.map(|remote| remote.name.clone()).collect()
    };
    let (gained, lost) = (changing(true), changing(false));
    if gained.is_empty() && lost.is_empty() {
        return Ok(None);
    }
    let mut words = Vec::new();
    if !gained.is_empty() {
        words.push(format!("is shared with {}", gained.join(", ")));
    }
    if !lost.is_empty() {
        words.push(format!("is no longer shared with {}, where what was shared stays", lost.join(", ")));
    }
    let then = if from == to { "then".to_owned() } else { format!("once it stands in {to}") };
    let option = FIELD.replace('_', "-");
    let hint = if call.caller.kind == ActorKind::Agent {
        format!("A person says that it is meant, with `--{option}` at the command line: ask yours.")
    } else {
        format!("Where that is meant, say so with `--{option}`.")
    };
    let refused = Error::new(Code::Refused, format!("what stands in {from} {} {then}", words.join(" and ")))
        .hint(hint)
        .details(json!({"confirm": FIELD, "shared_with": gained, "no_longer_shared_with": lost}));
    Ok(Some(refused))
}
