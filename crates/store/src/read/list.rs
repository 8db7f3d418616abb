//! Lists with filters and stable paging: newest first, the id breaks ties, a cursor names the last row.

use crate::Result;
use crate::project::memory::kind_number;
use crate::read::as_of::Moment;
use crate::read::memory::{ENTITY_HIDDEN_ALL, HiddenMask, MemoryRow};
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use jay_types::memory::Kind;
use jay_types::{Error, Timestamp};
use rusqlite::types::Value as Sql;

/// Which memories are meant, in the store's terms.
#[derive(Clone, Debug, PartialEq)]
pub struct ListFilter {
    /// In which namespaces.
    pub scope: Scope,
    /// Of which kinds; empty for all.
    pub kinds: Vec<Kind>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Created before.
    pub until: Option<Timestamp>,
    /// Which hidden ones stay out.
    pub hidden: HiddenMask,
    /// Expired ones stay out where their time is over by then.
    pub expired_by: Option<Timestamp>,
    /// As it was.
    pub moment: Moment,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPage {
    /// The memories.
    pub rows: Vec<MemoryRow>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

impl ListFilter {
    /// Everything that is shown now in a scope, expired or not.
    #[must_use]
    pub fn shown(scope: Scope) -> Self {
        Self {
            scope,
            kinds: vec![],
            tags: vec![],
            since: None,
            until: None,
            hidden: ENTITY_HIDDEN_ALL,
            expired_by: None,
            moment: Moment::Latest,
        }
    }

    /// True where a memory of this moment is meant (namespace and hidden bits included).
    #[must_use]
    pub fn takes(&self, row: &MemoryRow, namespace: i64) -> bool {
        let memory = &row.memory;
        self.scope.sees(namespace)
            && !row.is_hidden(self.hidden)
            && (self.kinds.is_empty() || self.kinds.contains(&memory.kind))
            && self.tags.iter().all(|tag| memory.tags.contains(tag))
            && self.since.is_none_or(|since| memory.created_at >= since)
            && self.until.is_none_or(|until| memory.created_at < until)
            && !self.expired_by.is_some_and(|now| row.is_expired(now))
    }

    /// True where more than the namespace is asked for.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        !self.kinds.is_empty() || !self.tags.is_empty() || self.since.is_some() || self.until.is_some()
    }

    /// The WHERE clause over `memories m`, with its parameters.
    pub(crate) fn clause(&self) -> (String, Vec<Sql>) {
        let mut sql = format!("m.hidden & {} = 0 AND m.text_pos IS NOT NULL", self.hidden.0);
        let mut params: Vec<Sql> = Vec::new();
        let marks = |n: usize| vec!["?"; n].join(", ");
        if let Scope::Of(namespaces) = &self.scope {
            sql.push_str(&format!(" AND m.namespace IN ({})", marks(namespaces.len())));
            params.extend(namespaces.iter().map(|num| Sql::from(*num)));
        }
        if !self.kinds.is_empty() {
            sql.push_str(&format!(" AND m.kind IN ({})", marks(self.kinds.len())));
            params.extend(self.kinds.iter().map(|kind| Sql::from(kind_number(*kind))));
        }
        for tag in &self.tags {
            sql.push_str(" AND EXISTS(SELECT 1 FROM tags t WHERE t.entity = m.entity AND t.tag = ?)");
            params.push(Sql::from(tag.clone()));
        }
        for (test, time) in [("m.created_at >= ?", self.since), ("m.created_at < ?", self.until)] {
            if let Some(time) = time {
                sql.push_str(&format!(" AND {test}"));
                params.push(Sql::from(time.0));
            }
        }
        if let Some(now) = self.expired_by {
            sql.push_str(" AND (m.expires_at IS NULL OR m.expires_at > ?)");
            params.push(Sql::from(now.0));
        }
        (sql, params)
    }
}

/// The end of a page: time and number of its last row.
fn parse_cursor(cursor: &str) -> Result<(i64, i64)> {
    cursor
        .split_once('-')
        .and_then(|(at, num)| {
            Some((u64::from_str_radix(at, 16).ok()?.cast_signed(), i64::from_str_radix(num, 16).ok()?))
        })
        .ok_or_else(|| {
            Error::bad_input("the cursor is not one that a list gave").hint("Start again without a cursor.").into()
        })
}

impl Tx<'_> {
    /// A page of the memories that are meant, newest first.
    ///
    /// # Errors
    /// `bad_input` for a cursor that no list gave.
    pub fn list(&self, filter: &ListFilter, limit: usize, cursor: Option<&str>) -> Result<ListPage> {
        let after = cursor.map(parse_cursor).transpose()?;
        match filter.moment {
            Moment::Latest => self.list_latest(filter, limit, after),
            Moment::Position(_) => self.list_at(filter, limit, after),
        }
    }

    fn list_latest(&self, filter: &ListFilter, limit: usize, after: Option<(i64, i64)>) -> Result<ListPage> {
        let (mut clause, mut params) = filter.clause();
        if let Some((at, num)) = after {
            clause.push_str(" AND (m.created_at, m.entity) < (?, ?)");
            params.extend([Sql::from(at), Sql::from(num)]);
        }
        params.push(Sql::from(limit as i64 + 1));
        let sql = format!(
            "SELECT m.entity, m.created_at FROM memories m WHERE {clause} ORDER BY m.created_at DESC, m.entity DESC LIMIT ?"
        );
        let mut found: Vec<(i64, i64)> =
            self.all(&sql, rusqlite::params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(num, at)| format!("{at:x}-{num:x}"));
        let mut rows = Vec::with_capacity(found.len());
        for (num, _) in found {
            rows.extend(self.memory(num, Moment::Latest)?);
        }
        Ok(ListPage { rows, next })
    }

    /// The same over states of a moment: every memory that was here then is joined anew.
    fn list_at(&self, filter: &ListFilter, limit: usize, after: Option<(i64, i64)>) -> Result<ListPage> {
        let mut all = Vec::new();
        for num in self.memories_by(filter.moment.upto())? {
            // What read as another one then is that one.
            if let Some(row) = self.memory(num, filter.moment)?
                && row.num == num
                && filter.takes(&row, self.namespace_of(num)?)
            {
                all.push(row);
            }
        }
        all.sort_by_key(|row| std::cmp::Reverse((row.memory.created_at.0, row.num)));
        let mut rows: Vec<MemoryRow> = all
            .into_iter()
            .filter(|row| after.is_none_or(|last| (row.memory.created_at.0, row.num) < last))
            .take(limit + 1)
            .collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| format!("{:x}-{:x}", row.memory.created_at.0, row.num));
        Ok(ListPage { rows, next })
    }

    fn memories_by(&self, upto: i64) -> Result<Vec<i64>> {
        self.all(
            "SELECT DISTINCT c.entity FROM changes c JOIN entities e ON e.num = c.entity WHERE e.kind = ?1 AND c.pos <= ?2",
            [i64::from(jay_types::change::EntityKind::Memory.number()), upto],
            |row| row.get(0),
        )
    }

    /// Every memory that is meant, as it is: for merging and deleting a namespace.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn all_memories(&self, filter: &ListFilter) -> Result<Vec<i64>> {
        let (clause, params) = filter.clause();
        let sql = format!("SELECT m.entity FROM memories m WHERE {clause} ORDER BY m.entity");
        self.all(&sql, rusqlite::params_from_iter(params), |row| row.get(0))
    }
}
