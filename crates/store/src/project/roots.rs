//! The cached buckets of roots (J15).
//!
//! A write does nothing for them: what changed since they were made is told by the journal itself, from the position up to
//! which they hold. Only where an older change is projected once more, since its body came or this program can read it now, is
//! its bucket marked. Whoever needs many roots has them made anew first ([`Store::settle_roots`]).
//!
//! **Invariant:** a bucket that is cached and not marked is right at `roots_pos`; every entity that was here then is a member of one.

use crate::Result;
use crate::open::Store;
use crate::read::root::{Changed, NEWS_MAX, ROOTS_POS};
use crate::tx::Tx;
use jay_types::EntityId;
use jay_types::change::root::{bucket_of, buckets};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};

/// Changes since the buckets were made from which a writer makes them anew, where they were asked for once.
const BEHIND: i64 = NEWS_MAX / 4;

/// Marks the bucket of an entity whose rows are made again, though no change of it is newer than the cache.
pub(super) fn mark(tx: &Tx<'_>, namespace: i64, entity: EntityId) -> Result<()> {
    tx.execute(
        "INSERT INTO root_buckets(namespace, bucket, hash) VALUES(?1, ?2, NULL)
         ON CONFLICT(namespace, bucket) DO UPDATE SET hash = NULL",
        params![namespace, bucket_of(entity)],
    )?;
    Ok(())
}

/// Forgets all of them.
pub(crate) fn drop_all(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM meta WHERE name = ?1", [ROOTS_POS])?;
    tx.execute("DELETE FROM root_buckets", [])?;
    tx.execute("DELETE FROM root_members", [])?;
    Ok(())
}

/// Brings every bucket up to the latest change.
pub(crate) fn settle(tx: &Tx<'_>) -> Result<()> {
    match tx.changed_since_roots()? {
        Some(changed) => settle_some(tx, &changed)?,
        None => settle_all(tx)?,
    }
    tx.set_meta(ROOTS_POS, tx.next_pos()? - 1)
}

fn settle_some(tx: &Tx<'_>, changed: &[Changed]) -> Result<()> {
    let stale = "SELECT namespace, bucket FROM root_buckets WHERE hash IS NULL";
    let mut stale: BTreeSet<(i64, u16)> =
        tx.all(stale, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
    for Changed { namespace, bucket, entity } in changed {
        add_member(tx, *namespace, *bucket, *entity)?;
        stale.insert((*namespace, *bucket));
    }
    for (namespace, bucket) in stale {
        match tx.bucket_hash(namespace, bucket, BTreeSet::new())? {
            Some(hash) => tx.execute(
                "INSERT OR REPLACE INTO root_buckets(namespace, bucket, hash) VALUES(?1, ?2, ?3)",
                params![namespace, bucket, hash.0],
            )?,
            None => {
                tx.execute("DELETE FROM root_buckets WHERE namespace = ?1 AND bucket = ?2", params![namespace, bucket])?
            }
        };
    }
    Ok(())
}

fn settle_all(tx: &Tx<'_>) -> Result<()> {
    drop_all(tx)?;
    let namespaces: Vec<i64> = tx.all("SELECT num FROM namespaces ORDER BY num", [], |row| row.get(0))?;
    for namespace in namespaces {
        for (bucket, hash) in buckets(tx.leaves(namespace)?) {
            tx.execute(
                "INSERT INTO root_buckets(namespace, bucket, hash) VALUES(?1, ?2, ?3)",
                params![namespace, bucket, hash.0],
            )?;
        }
        let members = tx.all("SELECT num, id FROM entities WHERE namespace = ?1", [namespace], |row| {
            Ok((bucket_of(EntityId(row.get(1)?)), row.get::<_, i64>(0)?))
        })?;
        let mut in_order: BTreeMap<u16, BTreeSet<i64>> = BTreeMap::new();
        for (bucket, entity) in members {
            in_order.entry(bucket).or_default().insert(entity);
        }
        for (bucket, entities) in in_order {
            entities.iter().try_for_each(|entity| add_member(tx, namespace, bucket, *entity))?;
        }
    }
    Ok(())
}

fn add_member(tx: &Tx<'_>, namespace: i64, bucket: u16, entity: i64) -> Result<()> {
    tx.execute(
        "INSERT OR IGNORE INTO root_members(namespace, bucket, entity) VALUES(?1, ?2, ?3)",
        params![namespace, bucket, entity],
    )?;
    Ok(())
}

impl Store {
    /// Brings the cached buckets up to the latest change, so that [`Tx::root_of`] has little to do.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn settle_roots(&self) -> Result<()> {
        let is_due = |tx: &Tx<'_>| -> Result<bool> {
            let stale = tx.one("SELECT 1 FROM root_buckets WHERE hash IS NULL LIMIT 1", [], |_| Ok(()))?;
            Ok(stale.is_some() || tx.roots_pos()? != Some(tx.next_pos()? - 1))
        };
        if self.exists() && self.read(is_due)? { self.local_write(settle) } else { Ok(()) }
    }

    /// The same where roots were asked for once and much was written since. Called after acknowledgements.
    pub(crate) fn settle_roots_if_behind(&self) -> Result<()> {
        let is_behind = self.read(|tx| -> Result<bool> {
            let last = tx.next_pos()? - 1;
            Ok(tx.roots_pos()?.is_some_and(|pos| last - pos > BEHIND))
        })?;
        if is_behind { self.local_write(settle) } else { Ok(()) }
    }
}
