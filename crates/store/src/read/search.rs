//! Candidates: what the text index and recency offer, filters applied inside the scan.

use crate::Result;
use crate::read::as_of::Moment;
use crate::read::list::ListFilter;
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use jay_types::Timestamp;
use rusqlite::types::Value as Sql;

/// A document that matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextHit {
    /// The document.
    pub doc: i64,
    /// What it belongs to: number of the memory or session.
    pub entity: i64,
    /// BM25, greater is better.
    pub score: f64,
}

/// What fusion looks at of a memory besides its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brief {
    /// Number of the memory.
    pub entity: i64,
    /// When it was said.
    pub created_at: Timestamp,
    /// 0 to 1.
    pub importance: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// Kept in the context at all times.
    pub pinned: bool,
    /// Marks of usefulness less marks of noise.
    pub votes: i64,
}

impl Tx<'_> {
    /// The match expression, narrowed to the scope: namespaces are terms of their own in the index, so that a small
    /// namespace is not starved by a large one.
    fn scoped(terms: &str, scope: &Scope) -> String {
        match scope {
            Scope::All => format!("{{terms}} : ({terms})"),
            Scope::Of(namespaces) => {
                let scopes: Vec<String> = namespaces.iter().map(|num| format!("ns{num}")).collect();
                format!("({{scope}} : ({})) AND ({{terms}} : ({terms}))", scopes.join(" OR "))
            }
        }
    }

    /// The best current wordings for `terms` (an FTS5 expression), best first, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn search_memories(&self, terms: &str, filter: &ListFilter, limit: usize) -> Result<Vec<TextHit>> {
        if matches!(&filter.scope, Scope::Of(namespaces) if namespaces.is_empty()) {
            return Ok(Vec::new());
        }
        if filter.moment != Moment::Latest {
            return self.search_memories_at(terms, filter, limit);
        }
        // The index ranks everything that matches before it gives the first; the filter is asked row by row until
        // enough have passed, so that what is hidden or elsewhere takes no candidate's slot.
        let mut ranked = self.statement(
            "SELECT rowid, -rank FROM text_index WHERE text_index MATCH ?1 AND rank MATCH 'bm25(1.0, 0.0)' ORDER BY rank",
        )?;
        let (clause, params) = filter.clause();
        let mut passes = self.statement(&format!(
            "SELECT m.entity FROM changes c JOIN memories m ON m.entity = c.entity AND m.text_pos = c.pos WHERE c.pos = ? AND {clause}"
        ))?;
        for (index, value) in params.iter().enumerate() {
            passes.raw_bind_parameter(index + 2, value)?;
        }
        let mut rows = ranked.query([Self::scoped(terms, &filter.scope)])?;
        let mut hits = Vec::new();
        while let Some(row) = rows.next()? {
            let (doc, score): (i64, f64) = (row.get(0)?, row.get(1)?);
            passes.raw_bind_parameter(1, doc)?;
            if let Some(row) = passes.raw_query().next()? {
                hits.push(TextHit { doc, entity: row.get(0)?, score });
                if hits.len() == limit {
                    break;
                }
            }
        }
        Ok(hits)
    }

    /// The same over the wordings of a moment: old wordings stay in the index until purge (J13).
    fn search_memories_at(&self, terms: &str, filter: &ListFilter, limit: usize) -> Result<Vec<TextHit>> {
        let expression = Self::scoped(terms, &filter.scope);
        let mut statement = self.statement(
            "SELECT f.doc, c.entity, f.score FROM
               (SELECT rowid AS doc, -rank AS score FROM text_index
                WHERE text_index MATCH ?1 AND rank MATCH 'bm25(1.0, 0.0)' AND rowid <= ?2 ORDER BY rank) f
             JOIN changes c ON c.pos = f.doc",
        )?;
        let mut rows = statement.query(rusqlite::params![expression, filter.moment.upto()])?;
        let mut hits = Vec::new();
        while let Some(row) = rows.next()? {
            let hit = TextHit { doc: row.get(0)?, entity: row.get(1)?, score: row.get(2)? };
            if let Some(memory) = self.memory(hit.entity, filter.moment)?
                && memory.text_pos == hit.doc
                && filter.takes(&memory, self.namespace_of(hit.entity)?)
            {
                hits.push(hit);
                if hits.len() == limit {
                    break;
                }
            }
        }
        Ok(hits)
    }

    /// What fusion looks at of these memories, in no order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn briefs(&self, entities: &[i64]) -> Result<Vec<Brief>> {
        let mut statement = self.statement(
            "SELECT entity, created_at, importance, confidence, pinned, useful - noise FROM memories WHERE entity = ?1",
        )?;
        let mut briefs = Vec::with_capacity(entities.len());
        for entity in entities {
            let mut rows = statement.query([entity])?;
            if let Some(row) = rows.next()? {
                briefs.push(Brief {
                    entity: row.get(0)?,
                    created_at: Timestamp(row.get(1)?),
                    importance: row.get(2)?,
                    confidence: row.get(3)?,
                    pinned: row.get(4)?,
                    votes: row.get(5)?,
                });
            }
        }
        Ok(briefs)
    }

    /// The current wordings that pass the filter and are of these documents: for vector hits.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn current_document(&self, doc: i64, filter: &ListFilter) -> Result<Option<i64>> {
        let (clause, mut params) = filter.clause();
        params.insert(0, Sql::from(doc));
        let sql = format!(
            "SELECT m.entity FROM changes c JOIN memories m ON m.entity = c.entity AND m.text_pos = c.pos WHERE c.pos = ? AND {clause}"
        );
        self.one(&sql, rusqlite::params_from_iter(params), |row| row.get(0))
    }

    /// How many current wordings in the filter have no vector of `model`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn not_embedded(&self, model: &str, filter: &ListFilter) -> Result<u64> {
        let (clause, mut params) = filter.clause();
        params.insert(0, Sql::from(model.to_owned()));
        let sql = format!(
            "SELECT count(*) FROM memories m WHERE NOT EXISTS(
               SELECT 1 FROM vectors v JOIN models o ON o.num = v.model WHERE o.id = ? AND v.pos = m.text_pos) AND {clause}"
        );
        Ok(self.number(&sql, rusqlite::params_from_iter(params))? as u64)
    }
}
