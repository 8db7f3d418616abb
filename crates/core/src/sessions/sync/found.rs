//! Which sources a run is about.
//!
//! **Invariant:** what is left out is counted, and what could not be looked into is told of as a source that failed.

use super::super::report::{SourceReport, number, said_of_links, said_of_unsupported};
use super::{Found, Run, SyncRequest};
use crate::secrets::masked_name;
use jay_sessions::{SessionAdapter, Source, adapter, adapters};
use jay_types::{Error, Result, Timestamp};
use std::collections::BTreeMap;

/// Places that are named where nothing was found; of more it is said how many.
const PLACES_SHOWN_MAX: usize = 8;

impl Run<'_> {
    /// Every source that is asked for.
    pub(super) fn discover(&mut self, request: &SyncRequest) -> Result<Found> {
        let wanted: Vec<&'static dyn SessionAdapter> = match request.clients.as_slice() {
            [] => adapters().to_vec(),
            names => names.iter().map(|name| adapter(name)).collect::<Result<_>>()?,
        };
        let mut found = Vec::new();
        if let Some(path) = &request.path {
            let [adapter] = wanted.as_slice() else {
                return Err(Error::bad_input("`path` needs exactly one client")
                    .hint("For example: `jay session sync generic --path FILE`."));
            };
            self.has_path = true;
            // A source is known by its path: one file must not have two.
            let whole = std::path::absolute(path).map_err(|error| Error::bad_input(format!("`path`: {error}")))?;
            let discovery = adapter.discover_path(&whole)?;
            self.notes.extend(said_of_links(discovery.dangling_links, discovery.foreign_links));
            self.notes.extend(said_of_unsupported(adapter.name(), &discovery.unsupported));
            self.note_problems(*adapter, discovery.problems);
            found.extend(discovery.sources.into_iter().map(|source| (*adapter, source)));
            return Ok(found);
        }
        let environment = self.call.engine.environment();
        let mut looked_in = Vec::new();
        let (mut dangling, mut foreign) = (0, 0);
        for adapter in wanted {
            looked_in.extend(adapter.roots(&environment));
            let discovery = adapter.discover(&environment);
            dangling += discovery.dangling_links;
            foreign += discovery.foreign_links;
            self.notes.extend(said_of_unsupported(adapter.name(), &discovery.unsupported));
            self.note_problems(adapter, discovery.problems);
            found.extend(discovery.sources.into_iter().map(|source| (adapter, source)));
        }
        self.notes.extend(said_of_links(dangling, foreign));
        if found.is_empty() {
            let places: Vec<String> = looked_in.iter().map(|path| path.display().to_string()).collect();
            self.notes.push(match places.len() {
                0..=PLACES_SHOWN_MAX => format!("no sessions were found in {}", places.join(", ")),
                all => format!(
                    "no sessions were found in the {all} places where clients keep them; `jay session sync CLIENT` names those of one"
                ),
            });
        }
        Ok(found)
    }

    /// Leaves out what was last changed before `since`. A source that does not tell when it was changed stays.
    pub(super) fn since(&mut self, found: Found, since: Option<Timestamp>) -> Found {
        let Some(since) = since else { return found };
        let all = found.len();
        let is_late = |source: &Source| source.stamp.modified.is_none_or(|at| at >= since);
        let late: Found = found.into_iter().filter(|(_, source)| is_late(source)).collect();
        self.earlier = (all - late.len()) as u64;
        if self.earlier > 0 {
            let sources = number(self.earlier, "source that was", "sources that were");
            self.notes.push(format!("left alone: {sources} last changed before {since}"));
        }
        late
    }

    pub(super) fn note_problems(&mut self, adapter: &dyn SessionAdapter, problems: Vec<jay_sessions::Problem>) {
        for problem in problems {
            self.reports.push(SourceReport {
                client: adapter.name().to_owned(),
                path: masked_name(problem.path.display().to_string()),
                session: None,
                state: "failed".to_owned(),
                messages: 0,
                bytes: 0,
                pending_bytes: 0,
                rows_missing: 0,
                unknown: BTreeMap::new(),
                error: Some(masked_name(problem.message)),
            });
        }
    }
}
