//! Entities of the kinds of which there are few, as states: a vault and its members.

use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::open::Store;
use crate::tx::Tx;
use jay_types::change::header::StreamId;
use jay_types::change::sign::{Signature, Signed};
use jay_types::change::{EntityKind, EntityState, Journal, Op, fold};
use jay_types::{EntityId, Error, Hash, NamespaceId, NodeId};
use rusqlite::params;
use std::collections::BTreeSet;

/// Why a block is not applied: nothing of its session is here.
pub const NOT_SHARED: &str = "not_shared";

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

    /// The change that arrived last: its arrival number and hash; none in an empty store. Tells the store from an earlier copy of it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn latest_change(&self) -> Result<Option<(u64, Hash)>> {
        self.one("SELECT pos, hash FROM changes ORDER BY pos DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, Hash(row.get(1)?)))
        })
    }

    /// True where the change with this hash is the one that arrived with this number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_change_at(&self, pos: u64, hash: Hash) -> Result<bool> {
        let Ok(pos) = i64::try_from(pos) else { return Ok(false) };
        Ok(self.one("SELECT 1 FROM changes WHERE pos = ?1 AND hash = ?2", params![pos, hash.0], |_| Ok(()))?.is_some())
    }

    /// True where a change of a stream in these numbers is here without its body, which a purge has not destroyed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn lacks_bodies(&self, stream: StreamId, from: u64, to: u64) -> Result<bool> {
        let (Ok(from), Ok(to)) = (i64::try_from(from), i64::try_from(to)) else { return Ok(false) };
        if stream.journal != self.journal.number() {
            return Ok(false);
        }
        let found = self.one(
            "SELECT 1 FROM deferred d JOIN changes c ON c.pos = d.pos JOIN streams s ON s.num = c.stream
               JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
             WHERE d.reason = 'missing_body' AND n.id = ?1 AND ns.id = ?2 AND c.seq BETWEEN ?3 AND ?4 LIMIT 1",
            params![stream.node.0, stream.namespace.0, from, to],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Tx<'_> {
    /// The public key of a node of which changes are here.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn key_of(&self, node: NodeId) -> Result<Option<[u8; 32]>> {
        Ok(self.one("SELECT public_key FROM nodes WHERE id = ?1", [node.0], |row| row.get(0))?.flatten())
    }

    /// True where a change with this number is here in any branch of the stream: whatever follows it may be given.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn reaches(&self, stream: StreamId, seq: u64) -> Result<bool> {
        if stream.journal != self.journal.number() {
            return Ok(false);
        }
        let found = self.one(
            "SELECT 1 FROM streams s JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
             WHERE n.id = ?1 AND ns.id = ?2 AND s.head_seq >= ?3",
            params![stream.node.0, stream.namespace.0, i64::try_from(seq).unwrap_or(i64::MAX)],
            |_| Ok(()),
        )?;
        Ok(seq == 0 || found.is_some())
    }

    /// The hash of a change of a branch, or of what the branch left.
    ///
    /// # Errors
    /// `damaged` where it is not here.
    pub fn branch_hash(&self, branch: &crate::journal::export::Branch, seq: u64) -> Result<Hash> {
        self.hash_in_branch(branch.num, seq)
    }

    /// The greatest logical clock in this journal.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn greatest_clock(&self) -> Result<u64> {
        Ok(self.meta_number("hlc")?.and_then(|hlc| u64::try_from(hlc).ok()).unwrap_or(0))
    }

    /// Changes and fields that are kept and not applied, with their author's node and why, counted. Blocks of sessions of which nothing is
    /// here are `not_shared`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn deferred_by_node(&self) -> Result<Vec<(NodeId, String, u64)>> {
        let reason = self.reason_of_deferred();
        self.all(
            &format!(
                "SELECT n.id, {reason} why, count(*) FROM deferred d JOIN changes c ON c.pos = d.pos
                   JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node GROUP BY n.id, why ORDER BY n.id, why"
            ),
            [],
            |row| Ok((NodeId(row.get(0)?), row.get(1)?, row.get::<_, i64>(2)? as u64)),
        )
    }

    /// Why a row of `deferred` (`d`, of the change `c`) is not applied. A session of which no block can be read was left out by those who
    /// share chosen clients only: it is not waited for.
    pub(super) fn reason_of_deferred(&self) -> String {
        match self.journal {
            Journal::Memory => "d.reason".to_owned(),
            Journal::Archive => format!(
                "CASE WHEN d.reason = 'missing_body' AND c.entity NOT IN (SELECT entity FROM sessions) THEN '{NOT_SHARED}'
                   ELSE d.reason END"
            ),
        }
    }

    /// Changes that are here without their bodies, up to `limit`, in order of arrival; not those of what is purged, nor those of sessions of
    /// which nothing is here.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn missing_bodies(&self, limit: u32) -> Result<Vec<(StreamId, u64, Hash)>> {
        let reason = self.reason_of_deferred();
        self.all(
            &format!(
                "SELECT ns.id, n.id, c.seq, c.hash FROM deferred d JOIN changes c ON c.pos = d.pos
                   JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
                 WHERE {reason} = 'missing_body' ORDER BY d.pos LIMIT ?1"
            ),
            [limit],
            |row| {
                let (namespace, node) = (NamespaceId(row.get(0)?), NodeId(row.get(1)?));
                Ok((StreamId { journal: self.journal.number(), namespace, node }, row.get(2)?, Hash(row.get(3)?)))
            },
        )
    }

    /// Streams that may not go on: author, namespace, why, detail, since when.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn stopped_streams(&self) -> Result<Vec<(NodeId, NamespaceId, String, String)>> {
        self.all("SELECT node, namespace, reason, detail FROM stopped ORDER BY node, namespace", [], |row| {
            let detail: Option<String> = row.get(3)?;
            Ok((NodeId(row.get(0)?), NamespaceId(row.get(1)?), row.get(2)?, detail.unwrap_or_default()))
        })
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

/// Where the changes of a purged entity stand: its namespace, the entity, and stream and seq of each change.
pub type PurgedChanges = (NamespaceId, EntityId, Vec<(StreamId, u64)>);

impl Tx<'_> {
    /// The entities that these nodes purged.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn purged_by(&self, nodes: &BTreeSet<NodeId>) -> Result<BTreeSet<(NamespaceId, EntityId)>> {
        let found = self.all(
            "SELECT n.id, ns.id, e.id FROM purged p JOIN entities e ON e.num = p.entity JOIN namespaces ns ON ns.num = e.namespace
               JOIN changes c ON c.entity = p.entity JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
             WHERE c.op = ?1",
            [Op::Purge.number()],
            |row| Ok((NodeId(row.get(0)?), (NamespaceId(row.get(1)?), EntityId(row.get(2)?)))),
        )?;
        Ok(found.into_iter().filter(|(node, _)| nodes.contains(node)).map(|(_, entity)| entity).collect())
    }

    /// Every purged entity.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn purged_entities(&self) -> Result<BTreeSet<(NamespaceId, EntityId)>> {
        let found = self.all(
            "SELECT ns.id, e.id FROM purged p JOIN entities e ON e.num = p.entity JOIN namespaces ns ON ns.num = e.namespace",
            [],
            |row| Ok((NamespaceId(row.get(0)?), EntityId(row.get(1)?))),
        )?;
        Ok(found.into_iter().collect())
    }

    /// The purged entities of which a stream has changes in these numbers: read by these, however much was ever purged.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn purged_in(&self, stream: StreamId, from: u64, to: u64) -> Result<BTreeSet<EntityId>> {
        let (Ok(from), to) = (i64::try_from(from), i64::try_from(to).unwrap_or(i64::MAX)) else {
            return Ok(BTreeSet::new());
        };
        if stream.journal != self.journal.number() {
            return Ok(BTreeSet::new());
        }
        let found = self.all(
            "SELECT e.id FROM streams s JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
               CROSS JOIN changes c ON c.stream = s.num CROSS JOIN purged p ON p.entity = c.entity
               JOIN entities e ON e.num = p.entity
             WHERE n.id = ?1 AND ns.id = ?2 AND c.seq BETWEEN ?3 AND ?4",
            params![stream.node.0, stream.namespace.0, from, to],
            |row| Ok(EntityId(row.get(0)?)),
        )?;
        Ok(found.into_iter().collect())
    }

    /// The changes that purge, of every purged entity: stream and seq.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn purging_changes(&self) -> Result<BTreeSet<(StreamId, u64)>> {
        let found = self.all(
            "SELECT ns.id, n.id, c.seq FROM purged p JOIN changes c ON c.entity = p.entity JOIN streams s ON s.num = c.stream
               JOIN nodes n ON n.num = s.node JOIN namespaces ns ON ns.num = s.namespace
             WHERE c.op = ?1",
            [Op::Purge.number()],
            |row| {
                let (namespace, node) = (NamespaceId(row.get(0)?), NodeId(row.get(1)?));
                Ok((StreamId { journal: self.journal.number(), namespace, node }, row.get(2)?))
            },
        )?;
        Ok(found.into_iter().collect())
    }

    /// The changes of every purged entity, but of those in `known`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn purged_changes(&self, known: &BTreeSet<(NamespaceId, EntityId)>) -> Result<Vec<PurgedChanges>> {
        let purged: Vec<(i64, [u8; 16], [u8; 16])> = self.all(
            "SELECT p.entity, ns.id, e.id FROM purged p JOIN entities e ON e.num = p.entity
               JOIN namespaces ns ON ns.num = e.namespace ORDER BY p.entity",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut found = Vec::new();
        for (num, namespace, entity) in purged {
            let (namespace, entity) = (NamespaceId(namespace), EntityId(entity));
            if known.contains(&(namespace, entity)) {
                continue;
            }
            let changes = self.all(
                "SELECT n.id, c.seq FROM changes c JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
                 WHERE c.entity = ?1",
                [num],
                |row| {
                    let node = NodeId(row.get(0)?);
                    Ok((StreamId { journal: self.journal.number(), namespace, node }, row.get(1)?))
                },
            )?;
            found.push((namespace, entity, changes));
        }
        Ok(found)
    }
}
