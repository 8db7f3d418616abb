//! Lists with filters and stable paging: newest first, of one moment what was written later, then the id; a cursor names the last row.
//!
//! **Invariant:** the order is the same on every store that holds the same: no number of this one is part of it.

use crate::Result;
use crate::project::memory::kind_number;
use crate::read::as_of::Moment;
use crate::read::memory::{ENTITY_HIDDEN_ALL, HiddenMask, MemoryRow};
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use jay_types::id::{from_hex, to_hex};
use jay_types::memory::Kind;
use jay_types::{EntityId, Error, Timestamp};
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

/// What a list is ordered by, greatest first: when a memory was said, when it was written, its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    at: i64,
    hlc: i64,
    id: EntityId,
}

impl Rank {
    fn of(row: &MemoryRow) -> Self {
        let hlc = row.state.created.map_or(0, |created| created.order.hlc.0 as i64);
        Self { at: row.memory.created_at.0, hlc, id: row.memory.id }
    }

    fn cursor(&self) -> String {
        format!("{:x}-{:x}-{}", self.at, self.hlc, to_hex(&self.id.0))
    }

    /// The end of a page: of its last row.
    fn parse(cursor: &str) -> Result<Self> {
        let number = |text: &str| u64::from_str_radix(text, 16).ok().map(u64::cast_signed);
        let parts: Vec<&str> = cursor.split('-').collect();
        let rank = || match parts.as_slice() {
            [at, hlc, id] => Some(Self { at: number(at)?, hlc: number(hlc)?, id: EntityId(from_hex(id)?) }),
            _ => None,
        };
        rank().ok_or_else(|| {
            Error::bad_input("the cursor is not one that a list gave").hint("Start again without a cursor.").into()
        })
    }
}

impl Tx<'_> {
    /// A page of the memories that are meant, newest first.
    ///
    /// # Errors
    /// `bad_input` for a cursor that no list gave.
    pub fn list(&self, filter: &ListFilter, limit: usize, cursor: Option<&str>) -> Result<ListPage> {
        let after = cursor.map(Rank::parse).transpose()?;
        match filter.moment {
            Moment::Latest => self.list_latest(filter, limit, after),
            Moment::Position(_) => self.list_at(filter, limit, after),
        }
    }

    fn list_latest(&self, filter: &ListFilter, limit: usize, after: Option<Rank>) -> Result<ListPage> {
        let (mut clause, mut params) = filter.clause();
        if let Some(after) = after {
            clause.push_str(
                " AND m.created_at <= ? AND ((m.created_at, m.created_hlc) < (?, ?) OR (m.created_at = ? AND m.created_hlc = ?
                   AND (SELECT id FROM entities WHERE num = m.entity) < ?))",
            );
            params.extend([after.at, after.at, after.hlc, after.at, after.hlc].map(Sql::from));
            params.push(Sql::from(after.id.0.to_vec()));
        }
        // Ids are asked for of a page alone, and of all that its end is written at the same time with.
        let ranked = |sql: &str, params: Vec<Sql>| -> Result<Vec<(Rank, i64)>> {
            let rows: Vec<(i64, i64, i64)> =
                self.all(sql, rusqlite::params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let rank = |(num, at, hlc)| Ok((Rank { at, hlc, id: EntityId(self.entity(num)?.id) }, num));
            rows.into_iter().map(rank).collect()
        };
        let select = format!("SELECT m.entity, m.created_at, m.created_hlc FROM memories m WHERE {clause}");
        let newest = format!("{select} ORDER BY m.created_at DESC, m.created_hlc DESC LIMIT ?");
        let mut found = ranked(&newest, [params.clone(), vec![Sql::from(limit as i64 + 1)]].concat())?;
        let more = found.len() > limit;
        if let Some((last, _)) = found.last().copied().filter(|_| more) {
            params.extend([last.at, last.hlc].map(Sql::from));
            found.retain(|(rank, _)| (rank.at, rank.hlc) != (last.at, last.hlc));
            found.extend(ranked(&format!("{select} AND m.created_at = ? AND m.created_hlc = ?"), params)?);
        }
        found.sort_unstable_by_key(|row| std::cmp::Reverse(*row));
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(rank, _)| rank.cursor());
        let mut rows = Vec::with_capacity(found.len());
        for (_, num) in found {
            rows.extend(self.memory(num, Moment::Latest)?);
        }
        Ok(ListPage { rows, next })
    }

    /// The same over states of a moment: every memory that was here then is joined anew.
    fn list_at(&self, filter: &ListFilter, limit: usize, after: Option<Rank>) -> Result<ListPage> {
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
        all.sort_by_key(|row| std::cmp::Reverse(Rank::of(row)));
        let mut rows: Vec<MemoryRow> =
            all.into_iter().filter(|row| after.is_none_or(|last| Rank::of(row) < last)).take(limit + 1).collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| Rank::of(row).cursor());
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
