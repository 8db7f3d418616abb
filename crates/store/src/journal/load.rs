//! Reading changes back: an entity's, for the fold.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::body::{BodyFault, decode};
use jay_types::change::fold::{BodyState, Change, EntityState, fold};
use jay_types::change::registry::Op;
use jay_types::change::{Body, EntityKind};
use jay_types::{ActorId, Hash, Hlc, NodeId, Timestamp};

/// Positions above this do not exist: "everything".
pub(crate) const EVERYTHING: i64 = i64::MAX;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityRow {
    pub(crate) num: i64,
    pub(crate) namespace: i64,
    pub(crate) kind: u16,
    pub(crate) id: [u8; 16],
}

impl Tx<'_> {
    pub(crate) fn entity(&self, num: i64) -> Result<EntityRow> {
        self.one("SELECT num, namespace, kind, id FROM entities WHERE num = ?1", [num], |row| {
            Ok(EntityRow { num: row.get(0)?, namespace: row.get(1)?, kind: row.get(2)?, id: row.get(3)? })
        })?
        .ok_or_else(|| crate::error::damaged(format!("entity number {num} is unknown")))
    }

    /// The changes of an entity that were journalled here up to `upto`, in order of arrival.
    pub(crate) fn changes_of(&self, entity: i64, upto: i64) -> Result<Vec<Change>> {
        self.all(
            "SELECT c.pos, c.hash, c.hlc, n.id, c.at, a.id, c.op, c.encoding, b.bytes
             FROM changes c JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
             JOIN entities a ON a.num = c.actor LEFT JOIN bodies b ON b.pos = c.pos
             WHERE c.entity = ?1 AND c.pos <= ?2 ORDER BY c.pos",
            [entity, upto],
            |row| {
                let op: u16 = row.get(6)?;
                let body = match row.get_ref(8)?.as_blob_or_null()? {
                    None => BodyState::Missing,
                    // Blocks are not registers; whoever projects them reads them one by one.
                    Some(_) if is_block(op) => BodyState::Present(Body::default()),
                    Some(bytes) => match decode(row.get(7)?, bytes).and_then(|json| Body::from_json(&json)) {
                        Ok(body) => BodyState::Present(body),
                        Err(fault) => BodyState::Unreadable(fault),
                    },
                };
                Ok(Change {
                    pos: row.get::<_, i64>(0)? as u64,
                    hash: Hash(row.get(1)?),
                    hlc: Hlc(row.get::<_, i64>(2)? as u64),
                    node: NodeId(row.get(3)?),
                    at: Timestamp(row.get(4)?),
                    actor: ActorId(row.get(5)?),
                    op,
                    body,
                })
            },
        )
    }

    /// The state of an entity as of arrival `upto`; nothing for a kind that this version does not know.
    pub(crate) fn state_of(&self, entity: &EntityRow, upto: i64) -> Result<Option<EntityState>> {
        let Some(kind) = EntityKind::from_number(entity.kind) else { return Ok(None) };
        Ok(Some(fold(kind, &self.changes_of(entity.num, upto)?)))
    }

    /// The JSON of a change's body, or why this version cannot read it; none where it is not here.
    pub(crate) fn body_json_if_readable(&self, pos: i64) -> Result<Option<Result<Vec<u8>, BodyFault>>> {
        self.one(
            "SELECT c.encoding, b.bytes FROM bodies b JOIN changes c ON c.pos = b.pos WHERE b.pos = ?1",
            [pos],
            |row| {
                let bytes = row.get_ref(1)?.as_blob()?;
                Ok(decode(row.get(0)?, bytes).map(std::borrow::Cow::into_owned))
            },
        )
    }

    /// The JSON of a change's body that was projected; none where it is not here.
    pub(crate) fn body_json(&self, pos: i64) -> Result<Option<Vec<u8>>> {
        match self.body_json_if_readable(pos)? {
            None => Ok(None),
            Some(Ok(json)) => Ok(Some(json)),
            Some(Err(fault)) => Err(crate::error::damaged(format!("the body of change {pos}: {fault}"))),
        }
    }
}

fn is_block(op: u16) -> bool {
    matches!(Op::from_number(op), Some(Op::Block | Op::Reparse))
}
