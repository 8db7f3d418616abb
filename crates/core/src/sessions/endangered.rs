//! Sessions that their client removes soon and that are not archived.
//!
//! Some clients delete what is a month old. Whoever syncs too seldom loses sessions for good, and nobody tells them: so
//! status and doctor do, while there is still time.
//!
//! **Invariant:** nothing is opened but what discovery looks into, and nothing is written.

use crate::call::Call;
use jay_sessions::{Cursor, SessionAdapter, Source, adapters};
use jay_types::Result;
use jay_types::time::DAY;
use std::collections::HashMap;

/// The last part of a session's time in which it is spoken of: a fifth, so six days of thirty.
const LAST_PART: i64 = 5;

/// A client's sessions that are in danger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endangered {
    /// The client.
    pub(crate) client: &'static str,
    /// How many of its sources.
    pub(crate) sources: u64,
    /// Whole days that are left to the oldest; none where its time is up.
    pub(crate) days_left: Option<u64>,
    /// The age at which the client removes them.
    pub(crate) cleanup_days: u32,
}

impl Endangered {
    /// What is to be said of it.
    pub(crate) fn message(&self) -> String {
        let Self { client, sources, days_left, cleanup_days } = self;
        let sessions = super::report::number(*sources, "session", "sessions");
        let when = match days_left {
            Some(0) => "within a day".to_owned(),
            Some(1) => "within 2 days".to_owned(),
            Some(days) => format!("within {} days", days + 1),
            None => "at any time".to_owned(),
        };
        let is = if *sources == 1 { "is" } else { "are" };
        format!(
            "{sessions} of {client} {is} not archived and can be gone {when}, since it removes what is {cleanup_days} days old"
        )
    }

    /// What helps.
    pub(crate) fn hint(&self) -> String {
        format!("`jay session sync {}` archives what is there.", self.client)
    }
}

/// The clients whose oldest unsynced session nears the age at which they remove it.
///
/// # Errors
/// What the store says.
pub(crate) fn endangered(call: &Call<'_>) -> Result<Vec<Endangered>> {
    let environment = call.engine.environment();
    let removing: Vec<(&'static dyn SessionAdapter, u32)> =
        adapters().iter().filter_map(|adapter| Some((*adapter, adapter.cleanup_days(&environment)?))).collect();
    if removing.is_empty() {
        return Ok(Vec::new());
    }
    let cursors = call.engine.archive.read(|tx| tx.source_cursors())?;
    let known: HashMap<(&str, &str), &str> =
        cursors.iter().map(|row| ((row.client.as_str(), row.path.as_str()), row.cursor.as_str())).collect();
    let is_archived = |source: &Source| {
        let path = source.name();
        let cursor = known.get(&(source.client.as_str(), path.as_str()));
        let cursor = cursor.and_then(|cursor| serde_json::from_str::<Cursor>(cursor).ok());
        cursor.is_some_and(|cursor| cursor.is_unchanged(&source.stamp))
    };
    let mut found = Vec::new();
    for (adapter, cleanup_days) in removing {
        let life = i64::from(cleanup_days) * DAY;
        let left = |source: &Source| Some(source.stamp.modified?.0 + life - call.now.0);
        let sources = adapter.discover(&environment).sources;
        let near = |source: &Source| left(source).filter(|left| *left <= life / LAST_PART);
        let lefts: Vec<i64> = sources.iter().filter(|source| !is_archived(source)).filter_map(near).collect();
        if let Some(least) = lefts.iter().min() {
            found.push(Endangered {
                client: adapter.name(),
                sources: lefts.len() as u64,
                days_left: u64::try_from(*least / DAY).ok().filter(|_| *least >= 0),
                cleanup_days,
            });
        }
    }
    Ok(found)
}
