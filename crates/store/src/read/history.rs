//! What was changed, when and by whom: reading the journal of one memory, or of one actor.

use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::read::actors::ActorName;
use crate::tx::Tx;
use jay_types::change::fold::{BodyState, Change};
use jay_types::change::registry::{EntityKind, Op};
use jay_types::change::{Body, Header};
use jay_types::{ActId, Dot, EntityId, Timestamp};
use rusqlite::params;

/// One change as history shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeView {
    /// Local arrival number.
    pub pos: u64,
    /// The memory that it changed: another than the one asked for where that says the same and reads as it (J9).
    pub entity: EntityId,
    /// Names it.
    pub dot: Dot,
    /// Wall clock of the author.
    pub at: Timestamp,
    /// Who acted.
    pub actor: String,
    /// The op's name; its number where this version does not know it.
    pub operation: String,
    /// What it wrote; none where the body is not here.
    pub body: Option<Body>,
}

/// A change of an act, for undo.
#[derive(Clone, Debug, PartialEq)]
pub struct ActChange {
    /// Local number of the entity.
    pub entity: i64,
    /// What it is.
    pub kind: u16,
    /// Its id.
    pub id: EntityId,
    /// Number of the op.
    pub op: u16,
    /// Names the change.
    pub dot: Dot,
    /// Local arrival number.
    pub pos: u64,
    /// What it wrote.
    pub body: Option<Body>,
    /// Wall clock of the author.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// The changes of an entity, and of those that read as one with it, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn history(&self, num: i64) -> Result<Vec<ChangeView>> {
        let entity = self.entity(num)?;
        let reading = self.reading(&entity, EVERYTHING)?;
        let together = reading.map_or_else(|| vec![entity], |reading| [vec![reading.first], reading.aliases].concat());
        let mut changes = Vec::new();
        for row in together {
            changes.extend(self.changes_of(row.num, EVERYTHING)?.into_iter().map(|change| (row.id, change)));
        }
        changes.sort_by_key(|(_, change)| change.order());
        changes.into_iter().map(|(id, change)| self.view(EntityId(id), change)).collect()
    }

    fn view(&self, entity: EntityId, change: Change) -> Result<ChangeView> {
        let actor = self.number("SELECT actor FROM changes WHERE pos = ?1", [change.pos as i64])?;
        Ok(ChangeView {
            pos: change.pos,
            entity,
            dot: change.hash.dot(),
            at: change.at,
            actor: self.actor_name(actor)?,
            operation: Op::from_number(change.op)
                .map_or_else(|| format!("op {}", change.op), |op| op.name().to_owned()),
            body: match change.body {
                BodyState::Present(body) => Some(body),
                BodyState::Missing | BodyState::Unreadable(_) => None,
            },
        })
    }

    /// The last act of an actor in this store that touched memories, was made here and was not undone; with `within` the last
    /// that touched one of these namespaces. None where there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_act(&self, actor: &ActorName, within: Option<&[i64]>) -> Result<Option<ActId>> {
        let within = within.map_or_else(String::new, |all| {
            let nums: Vec<String> = all.iter().map(i64::to_string).collect();
            format!(" AND e.namespace IN ({})", nums.join(", "))
        });
        let sql = format!(
            "SELECT t.id FROM changes c JOIN acts t ON t.num = c.act JOIN entities e ON e.num = c.entity
               JOIN actors a ON a.entity = c.actor
             WHERE a.name = ?1 AND a.kind = ?2 AND t.here = 1 AND (e.kind = 4 OR (e.kind = 2 AND c.op = 3))
               AND NOT EXISTS(SELECT 1 FROM undone u WHERE u.act = t.id)
               AND c.pos NOT IN (SELECT pos FROM undone)
               AND NOT EXISTS(SELECT 1 FROM undone u JOIN changes x ON x.pos = u.pos WHERE x.act = c.act)
               {within} ORDER BY c.pos DESC LIMIT 1"
        );
        self.one(&sql, params![actor.name, actor.kind], |row| row.get(0).map(ActId))
    }

    /// The changes of an act, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn act_changes(&self, act: ActId) -> Result<Vec<ActChange>> {
        type Row = (i64, u16, [u8; 16], u16, [u8; 32], i64, i64);
        let rows: Vec<Row> = self.all(
            "SELECT c.entity, e.kind, e.id, c.op, c.hash, c.pos, c.at FROM changes c JOIN acts t ON t.num = c.act
               JOIN entities e ON e.num = c.entity WHERE t.id = ?1 ORDER BY c.pos",
            [act.0],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?)),
        )?;
        rows.into_iter()
            .map(|(entity, kind, id, op, hash, pos, at)| {
                let body = match EntityKind::from_number(kind) {
                    Some(EntityKind::Session) | None => None,
                    Some(_) => self
                        .body_json_if_readable(pos)?
                        .and_then(Result::ok)
                        .and_then(|json| Body::from_json(&json).ok()),
                };
                Ok(ActChange {
                    entity,
                    kind,
                    id: EntityId(id),
                    op,
                    dot: jay_types::Hash(hash).dot(),
                    pos: pos as u64,
                    body,
                    at: Timestamp(at),
                })
            })
            .collect()
    }

    /// The feed: up to `limit` headers that arrived after `pos`, in order of arrival, with their positions.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn feed(&self, pos: u64, limit: u32) -> Result<Vec<(u64, Header)>> {
        let branches = self.branches()?;
        let rows: Vec<(i64, i64, u64)> = self.all(
            "SELECT pos, stream, seq FROM changes WHERE pos > ?1 ORDER BY pos LIMIT ?2",
            params![pos as i64, limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut feed = Vec::with_capacity(rows.len());
        for (pos, stream, seq) in rows {
            let branch = branches.iter().find(|branch| branch.num == stream);
            let change = match branch {
                Some(branch) => self.branch_changes(branch, seq - 1, 1)?.into_iter().next(),
                None => None,
            };
            feed.extend(change.map(|change| (pos as u64, change.header)));
        }
        Ok(feed)
    }
}
