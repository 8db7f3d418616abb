//! The names by which a namespace is judged where something of it would leave this machine.
//!
//! The rows of names hold what is found by them: a retired namespace has none, and of two paths that were given at the same time they have
//! the one that is shown. Here every name counts.
//!
//! **Invariant:** nothing that a namespace was named by whoever wrote to it is left out.

use crate::Result;
use crate::tx::Tx;
use jay_types::NamespaceId;
use jay_types::change::Journal;
use jay_types::change::alias::disputed;
use jay_types::change::fold::EntityState;
use jay_types::change::registry::{ALIASES, PATH, POLICY, RETIRED, Register};
use jay_types::namespace::Names;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Merges that are followed one after another; more can only be a circle.
const MERGES_MAX: usize = 64;

impl Tx<'_> {
    /// The names of each namespace, deleted ones too; without those of which no path is known here.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn all_names(&self) -> Result<BTreeMap<NamespaceId, Names>> {
        let rows: Vec<(i64, NamespaceId, String, bool)> = self.all(
            "SELECT s.namespace, ns.id, s.path, s.retired FROM namespace_state s JOIN namespaces ns ON ns.num = s.namespace
             WHERE s.path IS NOT NULL",
            [],
            |row| Ok((row.get(0)?, NamespaceId(row.get(1)?), row.get(2)?, row.get(3)?)),
        )?;
        let mut aliases: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let named: Vec<(i64, String)> =
            self.all("SELECT namespace, name FROM namespace_names WHERE kind = 'alias'", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        for (namespace, name) in named {
            aliases.entry(namespace).or_default().push(name);
        }
        let disputed = self.disputed_paths()?;
        let mut all = BTreeMap::new();
        for (num, id, path, is_retired) in rows {
            let names = if is_retired || disputed.contains(&num) {
                self.names_of(num)?
            } else {
                Names {
                    paths: vec![path],
                    aliases: aliases.remove(&num).unwrap_or_default(),
                    goes_on_in_private: false,
                }
            };
            all.insert(id, names);
        }
        Ok(all)
    }

    /// The names of one namespace.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn names_of(&self, num: i64) -> Result<Names> {
        let mut names = names_in(&self.namespace_entity(num)?);
        let end = self.goes_on_as(num)?;
        names.goes_on_in_private = end != num && names_in(&self.namespace_entity(end)?).is_private();
        Ok(names)
    }

    /// The namespace into which this one was merged, to the end; itself where it was not.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn goes_on_as(&self, num: i64) -> Result<i64> {
        let mut at = num;
        for _ in 0..MERGES_MAX {
            let state = self.namespace_entity(at)?;
            let moved = state.value(RETIRED).filter(|_| state.is_retired()).and_then(|retired| retired.get("moved_to"));
            let Some(id) = moved.and_then(|id| serde_json::from_value::<NamespaceId>(id.clone()).ok()) else { break };
            let Some(next) = self.namespace_num(id)? else { break };
            at = next;
        }
        Ok(at)
    }

    /// The namespaces that several machines named, or gave rules for secrets, at the same time: the path, the register and what it was
    /// given, what counts first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespaces_in_conflict(&self) -> Result<Vec<(String, Register, Vec<Value>)>> {
        let mut found = Vec::new();
        let namespaces = if self.journal == Journal::Memory { self.namespaces()? } else { Vec::new() };
        for namespace in namespaces {
            let state = self.namespace_entity(namespace.num)?;
            for (name, heads) in disputed(&state) {
                let register = [PATH, POLICY].into_iter().find(|register| register.name == name);
                let values = heads.iter().map(|write| write.value.clone()).collect();
                found.extend(register.map(|register| (namespace.path.clone(), register, values)));
            }
        }
        Ok(found)
    }

    /// Namespaces to which several paths were given at the same time.
    fn disputed_paths(&self) -> Result<BTreeSet<i64>> {
        let found: Vec<i64> = self.all(
            "SELECT DISTINCT e.namespace FROM versions v INDEXED BY versions_in_conflict JOIN entities e ON e.num = v.entity
             WHERE v.register = ?1 AND v.head > 0",
            [PATH.number],
            |row| row.get(0),
        )?;
        Ok(found.into_iter().collect())
    }
}

fn names_in(state: &EntityState) -> Names {
    let heads = state.values.get(PATH.name).into_iter().flat_map(|heads| &heads.0);
    Names {
        paths: heads.filter_map(|write| write.value.as_str().map(str::to_owned)).collect(),
        aliases: state.elements(ALIASES).map(str::to_owned).collect(),
        goes_on_in_private: false,
    }
}
