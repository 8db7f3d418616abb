//! Namespaces: paths resolve to sets of ids (J8).

use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::project::namespace::GONE;
use crate::tx::Tx;
use jay_types::change::registry::{ALIASES, PATH, RETIRED};
use jay_types::namespace::{GLOBAL, NamespacePath};
use jay_types::{NamespaceId, Timestamp};
use rusqlite::params;

/// Which namespaces a question sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every one.
    All,
    /// These, by local number.
    Of(Vec<i64>),
}

impl Scope {
    /// The numbers of the namespaces; none for every one.
    pub(crate) fn numbers(&self) -> Option<&[i64]> {
        match self {
            Self::All => None,
            Self::Of(namespaces) => Some(namespaces),
        }
    }

    /// True where it sees the namespace.
    #[must_use]
    pub fn sees(&self, namespace: i64) -> bool {
        match self {
            Self::All => true,
            Self::Of(namespaces) => namespaces.contains(&namespace),
        }
    }
}

/// A namespace as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceRow {
    /// Local number.
    pub num: i64,
    /// Its id.
    pub id: NamespaceId,
    /// Its path.
    pub path: String,
    /// Other paths.
    pub aliases: Vec<String>,
    /// Git remotes.
    pub remotes: Vec<String>,
    /// `redact`, `refuse` or `allow`.
    pub secrets: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Memories in it that are not hidden.
    pub memories: u64,
    /// True where it never leaves the machine.
    pub is_private: bool,
}

impl Tx<'_> {
    /// The namespaces that claim a path, as their own, as an alias or as a git remote; the one that this store bound first comes first, and
    /// what is left of one that was deleted or merged last.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespaces_at(&self, path: &str) -> Result<Vec<i64>> {
        let mut found: Vec<i64> = self.all(
            "SELECT n.namespace FROM namespace_names n JOIN namespace_state s ON s.namespace = n.namespace WHERE n.name = ?1
             GROUP BY n.namespace ORDER BY s.retired, min(n.pos), n.namespace",
            [path],
            |row| row.get(0),
        )?;
        found.dedup();
        Ok(found)
    }

    /// The path of the namespace that is bound to a git remote.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn path_of_remote(&self, remote: &str) -> Result<Option<String>> {
        self.one(
            "SELECT s.path FROM namespace_names n JOIN namespace_state s ON s.namespace = n.namespace
             WHERE n.name = ?1 AND n.kind = 'remote' ORDER BY s.retired, n.pos LIMIT 1",
            [remote],
            |row| row.get(0),
        )
    }

    /// What recall in `path` sees: its own namespaces, its ancestors' and `global`'s.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn scope_of(&self, path: &NamespacePath) -> Result<Scope> {
        let mut namespaces = Vec::new();
        // An alias stands for its namespace: what that one's ancestors hold is seen too.
        let mut paths: Vec<String> = vec![path.as_str().to_owned()];
        for num in self.namespaces_at(path.as_str())? {
            paths.push(self.path_of(num)?);
        }
        for path in paths {
            let Ok(path) = NamespacePath::parse(&path) else { continue };
            for ancestor in path.lineage().chain([GLOBAL]) {
                for num in self.namespaces_at(ancestor)? {
                    if !namespaces.contains(&num) {
                        namespaces.push(num);
                    }
                }
            }
        }
        Ok(Scope::Of(namespaces))
    }

    /// The path of a namespace; its id where none is known yet.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn path_of(&self, namespace: i64) -> Result<String> {
        let path = self
            .one("SELECT path FROM namespace_state WHERE namespace = ?1", [namespace], |row| {
                row.get::<_, Option<String>>(0)
            })?
            .flatten();
        match path {
            Some(path) => Ok(path),
            None => Ok(self.namespace_id(namespace)?.to_string()),
        }
    }

    /// The path that a namespace had when everything up to `upto` was here; its id where none was known yet (J13).
    pub(crate) fn path_at(&self, namespace: i64, upto: i64) -> Result<String> {
        if upto == EVERYTHING {
            return self.path_of(namespace);
        }
        let state = self.namespace_entity_at(namespace, upto)?;
        match state.value(PATH).and_then(|path| path.as_str()) {
            Some(path) => Ok(path.to_owned()),
            None => Ok(self.namespace_id(namespace)?.to_string()),
        }
    }

    /// Every namespace that is not deleted, or in which something is shown all the same, by path.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespaces(&self) -> Result<Vec<NamespaceRow>> {
        let nums: Vec<i64> = self.all(
            "SELECT namespace FROM namespace_state WHERE retired <> ?1 AND path IS NOT NULL ORDER BY path, namespace",
            [GONE],
            |row| row.get(0),
        )?;
        nums.into_iter().map(|num| self.namespace(num)).collect()
    }

    /// Namespaces that were merged or deleted, also where something is left in them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn retired_namespaces(&self) -> Result<Vec<i64>> {
        self.all("SELECT namespace FROM namespace_state WHERE retired <> 0 ORDER BY namespace", [], |row| row.get(0))
    }

    /// Deleted namespaces that had one of these names, as their path or an alias. What was merged is not among them: it goes
    /// on as another one.
    pub(crate) fn deleted_at(&self, names: &[String]) -> Result<Vec<i64>> {
        let mut deleted = Vec::new();
        for namespace in self.retired_namespaces()? {
            let state = self.namespace_entity(namespace)?;
            let is_merged = state.value(RETIRED).is_some_and(|retired| retired.get("moved_to").is_some());
            let path = state.value(PATH).and_then(|path| path.as_str());
            let had = path.into_iter().chain(state.elements(ALIASES)).any(|had| names.iter().any(|name| name == had));
            if had && !is_merged {
                deleted.push(namespace);
            }
        }
        Ok(deleted)
    }

    /// The paths under which a namespace is found.
    pub(crate) fn paths_of(&self, namespace: i64) -> Result<Vec<String>> {
        self.all(
            "SELECT name FROM namespace_names WHERE namespace = ?1 AND kind IN ('path', 'alias')",
            [namespace],
            |row| row.get(0),
        )
    }

    /// A namespace by number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace(&self, num: i64) -> Result<NamespaceRow> {
        let names = |kind: &str| {
            self.all(
                "SELECT name FROM namespace_names WHERE namespace = ?1 AND kind = ?2 ORDER BY name",
                params![num, kind],
                |row| row.get::<_, String>(0),
            )
        };
        let (secrets, created_at) = self
            .one("SELECT secrets, created_at FROM namespace_state WHERE namespace = ?1", [num], |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get(1)?))
            })?
            .unwrap_or_default();
        Ok(NamespaceRow {
            num,
            id: self.namespace_id(num)?,
            path: self.path_of(num)?,
            aliases: names("alias")?,
            remotes: names("remote")?,
            secrets: secrets.unwrap_or_else(|| "redact".to_owned()),
            created_at: Timestamp(created_at),
            memories: self.number("SELECT count(*) FROM memories WHERE namespace = ?1 AND hidden = 0", [num])? as u64,
            is_private: self.names_of(num)?.is_private(),
        })
    }

    /// The secrets policy of a namespace: `redact` where none is set.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn secrets_policy(&self, namespace: i64) -> Result<String> {
        let policy = self
            .one("SELECT secrets FROM namespace_state WHERE namespace = ?1", [namespace], |row| {
                row.get::<_, Option<String>>(0)
            })?
            .flatten();
        Ok(policy.unwrap_or_else(|| "redact".to_owned()))
    }

    /// The id of a namespace by number.
    ///
    /// # Errors
    /// `damaged` where there is none.
    pub fn namespace_id_of(&self, num: i64) -> Result<NamespaceId> {
        self.namespace_id(num)
    }

    /// The number of a namespace; none where this store never saw it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace_num(&self, id: NamespaceId) -> Result<Option<i64>> {
        self.namespace_number(id)
    }
}
