//! Where the next page of a list begins, sealed to that list.
//!
//! A place alone would be taken by any other list, which then answers with an empty page or with another one, and
//! nobody is told. So the cursor carries a hash of what was asked and of the place.

use jay_types::id::to_hex;
use jay_types::text::keyed_hasher;
use jay_types::{Error, Result};
use serde::Serialize;

/// Bytes of the hash: enough that no mistake passes. It is no secret.
const SEAL_BYTES: usize = 6;

/// The cursor of `place` in the list `what` asked for by `about`.
pub(crate) fn seal(what: &str, about: &impl Serialize, place: &str) -> Result<String> {
    let about = serde_json::to_string(about).map_err(|error| Error::internal(error.to_string()))?;
    let mut hasher = keyed_hasher(b"scrubjay: the place in a list v1");
    for part in [what, &about, place] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    Ok(format!("{place}-{}", to_hex(hash.as_bytes().get(..SEAL_BYTES).unwrap_or_default())))
}

/// The place that `cursor` names in the list `what` asked for by `about`.
///
/// # Errors
/// `bad_input` where another list gave it, or none.
pub(crate) fn open(what: &str, about: &impl Serialize, cursor: &str) -> Result<String> {
    if let Some((place, _)) = cursor.rsplit_once('-')
        && seal(what, about, place)? == cursor
    {
        return Ok(place.to_owned());
    }
    Err(not_given())
}

/// The refusal of a cursor.
pub(crate) fn not_given() -> Error {
    Error::bad_input("the cursor is not one that this list gave")
        .hint("Ask with what the page before was asked with, or start again without a cursor.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list() {
        let cursor = seal("list", &("a", 1), "5-1").unwrap();
        assert_eq!(open("list", &("a", 1), &cursor).as_deref(), Ok("5-1"));
        let tampered = cursor.replacen('5', "6", 1);
        for refused in [
            open("sessions", &("a", 1), &cursor),
            open("list", &("b", 1), &cursor),
            open("list", &("a", 1), &tampered),
            open("list", &("a", 1), "5-1"),
            open("list", &("a", 1), ""),
        ] {
            assert!(refused.is_err());
        }
    }
}
