//! What a sync answers: what became of each source, and what there is to say.
//!
//! **Invariant:** no path or id is told with a secret in it.

use crate::secrets::masked_name;
use jay_sessions::{Problem, Source, Verdict};
use jay_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceReport {
    /// The client
    pub client: String,
    /// The file
    pub path: String,
    /// The client's own id of the session
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// new, grown, changed (rows in its middle), rewritten, incomplete (the archive lacked rows that had been read), fresh,
    /// failed
    pub state: String,
    /// Messages that were read in
    pub messages: u64,
    /// Bytes that were read, or would be
    pub bytes: u64,
    /// Bytes of an unfinished last line, left for the next sync
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pending_bytes: u64,
    /// Rows that had been read and that the archive lacked, where that was verified
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_missing: u64,
    /// Rows and parts that the adapter does not know, by type; they are kept verbatim
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, u64>,
    /// Why it could not be read
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a comparison of the archive with its sources found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// Sources of which all rows that had been read were compared
    pub sources: u64,
    /// Rows that were compared, byte for byte
    pub rows: u64,
    /// Of them those that the archive lacked
    pub rows_missing: u64,
    /// Sources that their client changed meanwhile: what is missing of them may be new
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changing: u64,
}

/// What was read once more from the archive, because its adapter has learned to read it better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reread {
    /// Sources of which rows were read once more, or would be
    pub sources: u64,
    /// Messages that this gave; absent where nothing was read yet
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

/// The answer to session sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Synced {
    /// ok, partial (some sources failed), error (all failed), planned (dry run)
    pub outcome: String,
    /// When it ended
    pub finished_at: Timestamp,
    /// How long it took
    pub duration_ms: u64,
    /// Sessions that were not in the archive before
    pub sessions_inserted: u64,
    /// Messages that were read in
    pub messages_inserted: u64,
    /// Messages that were left out because their session was purged
    #[serde(default, skip_serializing_if = "is_zero")]
    pub messages_left_out: u64,
    /// Every source that is not fresh
    pub sources: Vec<SourceReport>,
    /// Sources in which nothing was new
    pub fresh: u64,
    /// Sources that last changed before `since` and were left alone
    #[serde(default, skip_serializing_if = "is_zero")]
    pub earlier: u64,
    /// What was read once more from the archive, where an adapter has learned to read it better
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reread: Option<Reread>,
    /// What the comparison of the archive with its sources found, where it was asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// The first failure
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What there is to say: where nothing was found
    pub notes: Vec<String>,
}

/// One line for all links that were left alone: they are no failure, and stay as they are from sync to sync.
pub(super) fn said_of_links(dangling: u64, foreign: u64) -> Option<String> {
    let mut told = Vec::new();
    if dangling > 0 {
        told.push(format!("{} to nothing", number(dangling, "link leads", "links lead")));
    }
    if foreign > 0 {
        told.push(format!("{} out of the directory searched", number(foreign, "link leads", "links lead")));
    }
    let help = if foreign > 0 { "; `jay session sync CLIENT --path DIR` reads what is elsewhere" } else { "" };
    (!told.is_empty()).then(|| format!("left alone: {}{help}", told.join(", ")))
}

/// One line for each reason for which sessions are left alone, with the first of them.
pub(super) fn said_of_unsupported(client: &str, left: &[Problem]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in left {
        reasons.entry(problem.message.as_str()).or_default().push(problem);
    }
    let line = |(reason, left): (&str, Vec<&Problem>)| {
        let first = left.first().map(|problem| masked_name(problem.path.display().to_string()));
        let count = number(left.len() as u64, "session", "sessions");
        format!("not read: {count} of {client}, for {reason}: {}", first.unwrap_or_default())
    };
    reasons.into_iter().map(line).collect()
}

/// `1 message`, `2 messages`.
pub(super) fn number(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The report of a source before anything is read of it.
pub(super) fn report(source: &Source, state: &str) -> SourceReport {
    SourceReport {
        client: source.client.clone(),
        path: masked_name(source.path.display().to_string()),
        session: Some(masked_name(source.session.clone())),
        state: state.to_owned(),
        messages: 0,
        bytes: 0,
        pending_bytes: 0,
        rows_missing: 0,
        unknown: BTreeMap::new(),
        error: None,
    }
}

/// The state in the answer's words.
pub(super) const fn state_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::New => "new",
        Verdict::Fresh => "fresh",
        Verdict::Grown { .. } => "grown",
        Verdict::Changed { .. } => "changed",
        Verdict::Rewritten => "rewritten",
    }
}
