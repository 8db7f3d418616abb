//! What a run has come to.

use super::super::report::{Synced, number};
use super::Run;
use jay_types::Timestamp;

impl Run<'_> {
    /// The answer of a run that began at `started`.
    pub(super) fn answer(mut self, started: Timestamp, dry_run: bool) -> Synced {
        let left_out: u64 = self.left_out.values().sum();
        if !self.left_out.is_empty() {
            let sessions = number(self.left_out.len() as u64, "purged session", "purged sessions");
            let messages = number(left_out, "message", "messages");
            self.notes.push(format!("{messages} of {sessions} left out: what was purged stays purged"));
        }
        let finished_at = self.call.engine.surroundings.now();
        let failed = self.reports.iter().filter(|report| report.error.is_some()).count();
        let outcome = match failed {
            _ if dry_run => "planned",
            0 => "ok",
            n if n == self.reports.len() && self.fresh == 0 => "error",
            _ => "partial",
        };
        Synced {
            outcome: outcome.to_owned(),
            finished_at,
            duration_ms: u64::try_from((finished_at.0 - started.0) / 1000).unwrap_or(0),
            sessions_inserted: self.inserted.len() as u64,
            messages_inserted: self.messages,
            messages_left_out: left_out,
            verified: self.verified,
            reread: self.reread,
            error: self.reports.iter().find_map(|report| report.error.clone()),
            sources: self.reports,
            fresh: self.fresh,
            earlier: self.earlier,
            notes: self.notes,
        }
    }
}
