//! Every body as it is held: for a purge, which trusts no index and looks at the bytes themselves.
//!
//! **Invariant:** no body is left out: one that this version cannot read is shown as such, and whoever looks must say so.

use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::change::EntityKind;
use jay_types::change::body::decode;
use jay_types::{EntityId, NamespaceId};

/// One body of the journal.
#[derive(Clone, Copy, Debug)]
pub struct HeldBody<'a> {
    /// Local number of its entity.
    pub entity: i64,
    /// The entity's id.
    pub id: EntityId,
    /// What the entity is, where this version knows it.
    pub kind: Option<EntityKind>,
    /// Local number of its namespace.
    pub namespace: i64,
    /// Its JSON, decompressed; none where this version cannot read it.
    pub json: Option<&'a [u8]>,
}

impl Tx<'_> {
    /// Shows every body that is here, in order of arrival.
    ///
    /// # Errors
    /// What `visit` returns, and what SQLite says.
    pub fn each_body<E: From<StoreError>>(
        &self,
        visit: &mut dyn FnMut(&HeldBody<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let told = |error: rusqlite::Error| E::from(self.fault(error));
        let mut statement = self.statement(
            "SELECT c.entity, e.id, e.kind, e.namespace, c.encoding, b.bytes FROM bodies b
               JOIN changes c ON c.pos = b.pos JOIN entities e ON e.num = c.entity ORDER BY b.pos",
        )?;
        let mut rows = statement.query([]).map_err(told)?;
        while let Some(row) = rows.next().map_err(told)? {
            let (kind, encoding): (u16, u8) = (row.get(2).map_err(told)?, row.get(4).map_err(told)?);
            let bytes = row.get_ref(5).and_then(|bytes| Ok(bytes.as_blob()?)).map_err(told)?;
            let json = decode(encoding, bytes).ok();
            visit(&HeldBody {
                entity: row.get(0).map_err(told)?,
                id: EntityId(row.get(1).map_err(told)?),
                kind: EntityKind::from_number(kind),
                namespace: row.get(3).map_err(told)?,
                json: json.as_deref(),
            })?;
        }
        Ok(())
    }

    /// The memories with this id, by number: each namespace has its own.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memories_of_id(&self, id: EntityId) -> Result<Vec<i64>> {
        let kind = EntityKind::Memory.number();
        self.all("SELECT num FROM entities WHERE id = ?1 AND kind = ?2", rusqlite::params![id.0, kind], |row| {
            row.get(0)
        })
    }

    /// The id of a namespace of an entity, and the id itself, by the entity's number.
    ///
    /// # Errors
    /// `damaged` where there is none.
    pub fn identity_of(&self, num: i64) -> Result<(EntityId, NamespaceId)> {
        let entity = self.entity(num)?;
        Ok((EntityId(entity.id), self.namespace_id(entity.namespace)?))
    }
}
