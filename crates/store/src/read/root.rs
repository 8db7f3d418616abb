//! Roots of namespaces (J15), from cached buckets: what changed since they were made is hashed again, here and in memory.
//!
//! **Invariant:** the same as by a scan, whatever is cached; nothing is written.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::root::{LEAF_PURGED, Leaf, bucket_of, buckets, root, root_of_buckets};
use jay_types::{Dot, EntityId, Hash};
use std::collections::{BTreeMap, BTreeSet};

/// Name in `meta` of the position up to which buckets are cached.
pub(crate) const ROOTS_POS: &str = "roots_pos";
/// Changes since then from which all is made again.
pub(crate) const NEWS_MAX: i64 = 4096;
/// Stale buckets from which a scan of the namespace is quicker.
const STALE_MAX: usize = 1024;

/// An entity that has changed since the buckets were cached.
pub(crate) struct Changed {
    pub(crate) namespace: i64,
    pub(crate) bucket: u16,
    pub(crate) entity: i64,
}

fn dot_of(hash: [u8; 32]) -> Dot {
    Hash(hash).dot()
}

impl Tx<'_> {
    /// The root of a namespace: equal on every store that holds the same of it. Takes as long as there are changes since
    /// [`crate::Store::settle_roots`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn root_of(&self, namespace: i64) -> Result<Hash> {
        let Some(changed) = self.changed_since_roots()? else { return self.root_by_scan(namespace) };
        let mut stale: BTreeMap<u16, BTreeSet<i64>> = BTreeMap::new();
        for changed in changed.iter().filter(|changed| changed.namespace == namespace) {
            stale.entry(changed.bucket).or_default().insert(changed.entity);
        }
        let cached = self.all("SELECT bucket, hash FROM root_buckets WHERE namespace = ?1", [namespace], |row| {
            Ok((row.get::<_, u16>(0)?, row.get::<_, Option<[u8; 32]>>(1)?.map(Hash)))
        })?;
        let mut hashes = BTreeMap::new();
        for (bucket, hash) in cached {
            match hash {
                Some(hash) => hashes.insert(bucket, hash).map(drop),
                None => stale.insert(bucket, stale.get(&bucket).cloned().unwrap_or_default()).map(drop),
            };
        }
        if stale.len() > STALE_MAX {
            return self.root_by_scan(namespace);
        }
        for (bucket, new) in stale {
            match self.bucket_hash(namespace, bucket, new)? {
                Some(hash) => hashes.insert(bucket, hash),
                None => hashes.remove(&bucket),
            };
        }
        Ok(root_of_buckets(&hashes))
    }

    /// The same by looking at every row of the namespace.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn root_by_scan(&self, namespace: i64) -> Result<Hash> {
        Ok(root(self.leaves(namespace)?))
    }

    pub(crate) fn leaves(&self, namespace: i64) -> Result<Vec<Leaf>> {
        let mut leaves = self.all(
            "SELECT e.id, v.register, v.idx, c.hash FROM versions v JOIN entities e ON e.num = v.entity
               JOIN changes c ON c.pos = v.pos WHERE e.namespace = ?1 AND v.head = 0",
            [namespace],
            |row| {
                Ok(Leaf {
                    entity: EntityId(row.get(0)?),
                    register: row.get(1)?,
                    index: row.get(2)?,
                    dot: dot_of(row.get(3)?),
                })
            },
        )?;
        leaves.extend(self.all(
            "SELECT e.id FROM purged p JOIN entities e ON e.num = p.entity WHERE e.namespace = ?1",
            [namespace],
            |row| Ok(purged_leaf(EntityId(row.get(0)?))),
        )?);
        Ok(leaves)
    }

    /// The position up to which buckets are cached; none where they are not.
    pub(crate) fn roots_pos(&self) -> Result<Option<i64>> {
        self.meta_number(ROOTS_POS)
    }

    /// Entities with changes since then; none where nothing is cached or too much has changed.
    pub(crate) fn changed_since_roots(&self) -> Result<Option<Vec<Changed>>> {
        let Some(pos) = self.roots_pos()? else { return Ok(None) };
        if self.next_pos()? - 1 - pos > NEWS_MAX {
            return Ok(None);
        }
        let sql = "SELECT DISTINCT e.namespace, e.num, e.id FROM changes c CROSS JOIN entities e ON e.num = c.entity
                   WHERE c.pos > ?1";
        let changed = self.all(sql, [pos], |row| {
            let bucket = bucket_of(EntityId(row.get(2)?));
            Ok(Changed { namespace: row.get(0)?, bucket, entity: row.get(1)? })
        })?;
        Ok(Some(changed))
    }

    /// The hash of one bucket, over its members and those in `new`; none where it has no leaves.
    pub(crate) fn bucket_hash(&self, namespace: i64, bucket: u16, new: BTreeSet<i64>) -> Result<Option<Hash>> {
        let mut members = new;
        let sql = "SELECT entity FROM root_members WHERE namespace = ?1 AND bucket = ?2";
        members.extend(self.all(sql, rusqlite::params![namespace, bucket], |row| row.get::<_, i64>(0))?);
        let mut leaves = Vec::new();
        for member in members {
            let entity = EntityId(self.entity(member)?.id);
            let sql = "SELECT v.register, v.idx, c.hash FROM versions v JOIN changes c ON c.pos = v.pos
                       WHERE v.entity = ?1 AND v.head = 0";
            leaves.extend(self.all(sql, [member], |row| {
                Ok(Leaf { entity, register: row.get(0)?, index: row.get(1)?, dot: dot_of(row.get(2)?) })
            })?);
            if self.is_purged(member)? {
                leaves.push(purged_leaf(entity));
            }
        }
        Ok(buckets(leaves).remove(&bucket))
    }
}

const fn purged_leaf(entity: EntityId) -> Leaf {
    Leaf { entity, register: LEAF_PURGED, index: 0, dot: Dot::ZERO }
}
