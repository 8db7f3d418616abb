//! Who sees what when it changes its place: a rename or move that changes with which remotes something is shared is asked about.
//!
//! **Invariant:** nothing becomes visible to others, or stops being brought to them, by a path alone.

use super::all;
use jay_core::Call;
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use serde_json::json;

/// The field that says that it is meant.
pub const FIELD: &str = "change_sharing";

/// Refuses where what stands in `from` would be shared with others in `to`, unless it `is_meant`.
///
/// # Errors
/// `refused` with the remotes that would see it, or would no longer; what reading the remotes says.
pub(crate) fn demand(call: &Call<'_>, from: &str, to: &NamespacePath, is_meant: bool) -> Result<()> {
    if is_meant {
        return Ok(());
    }
    let remotes = all(call)?;
    let changing = |gains: bool| -> Vec<String> {
        let is_so = |before: bool, after: bool| if gains { !before && after } else { before && !after };
        let those = remotes.iter().filter(|remote| is_so(remote.shares(from), remote.shares(to.as_str())));
        those.map(|remote| remote.name.clone()).collect()
    };
    let (gained, lost) = (changing(true), changing(false));
    if gained.is_empty() && lost.is_empty() {
        return Ok(());
    }
    let mut words = Vec::new();
    if !gained.is_empty() {
        words.push(format!("is shared with {}", gained.join(", ")));
    }
    if !lost.is_empty() {
        words.push(format!("is no longer shared with {}, where what was shared stays", lost.join(", ")));
    }
    Err(Error::new(Code::Refused, format!("what stands in {from} {} once it stands in {to}", words.join(" and ")))
        .hint(format!("Where that is meant, say so with `--{}`.", FIELD.replace('_', "-")))
        .details(json!({"confirm": FIELD, "shared_with": gained, "no_longer_shared_with": lost})))
}
