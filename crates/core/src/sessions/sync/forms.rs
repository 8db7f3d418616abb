//! Which form of a session is read, where its client keeps it in several whose messages have ids of their own.
//!
//! **Invariant:** a session is archived in one form: in that in which it is archived already, whatever appears beside it later. What is
//! left alone since its archived form is gone is told of.

use super::super::report::number;
use super::{Found, Run};
use jay_sessions::{SessionAdapter, Source};
use jay_types::Result;
use std::collections::{BTreeMap, BTreeSet};

/// The client and its own id of a session.
type Key = (String, String);

fn key(source: &Source) -> Key {
    (source.client.clone(), source.session.clone())
}

impl Run<'_> {
    /// Leaves out the sources whose session is, or is to be, read from another form.
    pub(super) fn in_one_form(&mut self, found: Found) -> Result<Found> {
        let mut here: BTreeMap<Key, BTreeSet<u8>> = BTreeMap::new();
        for (adapter, source) in &found {
            // A file in which nothing stands yet takes nothing's place.
            if let Some(form) = adapter.form(&source.name()).filter(|_| source.stamp.size_bytes > 0) {
                here.entry(key(source)).or_default().insert(form);
            }
        }
        let mut meant: BTreeMap<Key, BTreeSet<u8>> = BTreeMap::new();
        let mut gone = BTreeSet::new();
        for (adapter, source) in &found {
            let Some(forms) = here.get(&key(source)) else { continue };
            if meant.contains_key(&key(source)) {
                continue;
            }
            let archived = self.archived_forms(*adapter, source)?;
            if !archived.is_empty() && archived.is_disjoint(forms) {
                gone.insert(key(source));
            }
            let first = || forms.first().copied().into_iter().collect();
            meant.insert(key(source), if archived.is_empty() { first() } else { archived });
        }
        if !gone.is_empty() {
            let sessions = number(gone.len() as u64, "session", "sessions");
            self.notes
                .push(format!("left alone: {sessions} in another form than the one that is archived and is gone"));
        }
        let is_meant = |(adapter, source): &(&'static dyn SessionAdapter, Source)| {
            let (form, forms) = (adapter.form(&source.name()), meant.get(&key(source)));
            form.zip(forms).is_none_or(|(form, forms)| forms.contains(&form))
        };
        Ok(found.into_iter().filter(is_meant).collect())
    }

    /// The forms in which a session was taken in on this machine.
    fn archived_forms(&self, adapter: &dyn SessionAdapter, source: &Source) -> Result<BTreeSet<u8>> {
        let host = &self.call.engine.options.host;
        let paths = self.call.engine.archive.read(|tx| tx.source_paths(&source.client, &source.session, host))?;
        Ok(paths.iter().filter_map(|path| adapter.form(path)).collect())
    }
}
