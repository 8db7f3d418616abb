//! Entities of the kinds of which there are few, as states: a vault and its members.

use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::open::Store;
use crate::tx::Tx;
use jay_types::change::header::StreamId;
use jay_types::change::sign::{Signature, Signed};
use jay_types::change::{EntityKind, EntityState, fold};
use jay_types::{EntityId, Error, Hash, NamespaceId, NodeId};
use rusqlite::params;

impl Tx<'_> {
    /// The states of all entities of `kind` in a namespace, by id; none where the namespace is not here. Made of all their
    /// changes at each call.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn states_of(&self, namespace: NamespaceId, kind: EntityKind) -> Result<Vec<(EntityId, EntityState)>> {
        let Some(namespace) = self.namespace_num(namespace)? else { return Ok(Vec::new()) };
        let rows: Vec<(i64, [u8; 16])> = self.all(
            "SELECT num, id FROM entities WHERE namespace = ?1 AND kind = ?2 ORDER BY id",
            params![namespace, kind.number()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        rows.into_iter().map(|(num, id)| Ok((EntityId(id), fold(kind, &self.changes_of(num, EVERYTHING)?)))).collect()
    }

    /// True where the change with this hash is here, in any branch of its stream.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_change(&self, stream: StreamId, seq: u64, hash: Hash) -> Result<bool> {
        if stream.journal != self.journal.number() || i64::try_from(seq).is_err() {
            return Ok(false);
        }
        let found = self.one(
            "SELECT 1 FROM streams s JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
               JOIN changes c ON c.stream = s.num AND c.seq = ?3
             WHERE n.id = ?1 AND ns.id = ?2 AND c.hash = ?4",
            params![stream.node.0, stream.namespace.0, seq, hash.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Store {
    /// This store's node and its public key; the node is made where there is none yet.
    ///
    /// # Errors
    /// `io` where the key cannot be read or written.
    pub fn public_key(&self) -> Result<(NodeId, [u8; 32]), Error> {
        self.ready()?;
        let key = self.identity.key()?;
        Ok((key.node_id(), key.public_key()))
    }

    /// Signs as this store's node; answers which that is.
    ///
    /// # Errors
    /// As [`Store::public_key`].
    pub fn sign(&self, what: Signed, hash: &Hash) -> Result<(NodeId, Signature), Error> {
        self.ready()?;
        let key = self.identity.key()?;
        Ok((key.node_id(), key.sign_other(what, hash)))
    }
}
