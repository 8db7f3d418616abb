//! Which messages tell that a file was touched.
//!
//! A path is asked for by its end, since clones and worktrees of a repository stand in different places. So marks of its last
//! name and of its last two names are kept; what is found by them is compared with the path that the block holds.
//!
//! **Invariant:** no path stands here: what a purge must remove is in the block alone.

use crate::Result;
use crate::tx::Tx;
use jay_types::Hash;
use jay_types::session::Message;
use rusqlite::params;

/// The marks of a path: of its last name, and of its last two.
pub(crate) fn marks(path: &str) -> (i64, i64) {
    let mut names = path.rsplit('/').filter(|name| !name.is_empty());
    let (last, before) = (names.next().unwrap_or_default(), names.next());
    (marked(last), before.map_or(0, |before| marked(&format!("{before}/{last}"))))
}

fn marked(text: &str) -> i64 {
    let [a, b, c, d, ..] = Hash::of(text.as_bytes()).0;
    i64::from(i32::from_be_bytes([a, b, c, d]))
}

pub(super) fn write(tx: &Tx<'_>, doc: i64, message: &Message) -> Result<()> {
    for path in (tx.analysis.touched)(message) {
        let (name, tail) = marks(&path);
        tx.execute("INSERT OR IGNORE INTO touched(name, tail, doc) VALUES(?1, ?2, ?3)", params![name, tail, doc])?;
    }
    Ok(())
}

/// Removes what one message tells.
pub(super) fn remove(tx: &Tx<'_>, doc: i64, message: &Message) -> Result<()> {
    for path in (tx.analysis.touched)(message) {
        let (name, tail) = marks(&path);
        tx.execute("DELETE FROM touched WHERE name = ?1 AND tail = ?2 AND doc = ?3", params![name, tail, doc])?;
    }
    Ok(())
}

/// Removes what a session's messages tell.
pub(super) fn drop_all(tx: &Tx<'_>, entity: i64) -> Result<()> {
    tx.execute("DELETE FROM touched WHERE doc >> 20 IN (SELECT pos FROM blocks WHERE entity = ?1)", [entity])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_marked_by_its_end() {
        assert_eq!(marks("/home/a/src/lib.rs"), marks("src/lib.rs"));
        assert_eq!(marks("lib.rs").0, marks("src/lib.rs").0);
        assert_eq!((marks("lib.rs").1, marks("/lib.rs").1), (0, 0));
        assert_ne!(marks("core/lib.rs").1, marks("src/lib.rs").1);
    }
}
