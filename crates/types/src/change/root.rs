//! The root of a namespace: one hash that says whether two stores hold the same (J15).
//!
//! BLAKE3 over 4,096 bucket hashes; an entity's bucket is the first 12 bits of BLAKE3 of its id; an empty bucket is
//! zeros. A bucket hashes its sorted leaves (entity id, register, index, dot): no text, no number of this machine and
//! no derived column, so that it is equal on every node, engine and version, and survives purges.

use crate::id::{Dot, EntityId, Hash};
use std::collections::BTreeMap;

/// Register number of a purged entity's only leaf.
pub const LEAF_PURGED: u8 = 255;
/// Register number of an archive block's leaf.
pub const LEAF_BLOCK: u8 = 254;
/// Buckets of a namespace.
const BUCKETS: u16 = 4096;

/// One leaf. A value register's winner has index 0; a live element of a set has its place in its change's `add` list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    /// The entity.
    pub entity: EntityId,
    /// The register's number.
    pub register: u8,
    /// Place in the `add` list of the change that `dot` names.
    pub index: u32,
    /// The write.
    pub dot: Dot,
}

/// The bucket of an entity.
#[must_use]
pub fn bucket_of(entity: EntityId) -> u16 {
    let hash = Hash::of(&entity.0);
    u16::from_be_bytes([hash.0[0], hash.0[1]]) >> 4
}

/// The root over all leaves of a namespace.
#[must_use]
pub fn root(leaves: impl IntoIterator<Item = Leaf>) -> Hash {
    root_of_buckets(&buckets(leaves))
}

/// The hashes of the buckets that have leaves.
#[must_use]
pub fn buckets(leaves: impl IntoIterator<Item = Leaf>) -> BTreeMap<u16, Hash> {
    let mut buckets: BTreeMap<u16, Vec<Leaf>> = BTreeMap::new();
    for leaf in leaves {
        buckets.entry(bucket_of(leaf.entity)).or_default().push(leaf);
    }
    buckets.into_iter().map(|(number, leaves)| (number, bucket_hash(leaves))).collect()
}

/// The root over the hashes of a namespace's buckets.
#[must_use]
pub fn root_of_buckets(buckets: &BTreeMap<u16, Hash>) -> Hash {
    let mut whole = blake3::Hasher::new_derive_key("scrubjay namespace root v1");
    for number in 0..BUCKETS {
        whole.update(&buckets.get(&number).unwrap_or(&Hash::ZERO).0);
    }
    Hash(*whole.finalize().as_bytes())
}

fn bucket_hash(mut leaves: Vec<Leaf>) -> Hash {
    leaves.sort();
    leaves.dedup();
    let mut hasher = blake3::Hasher::new_derive_key("scrubjay root bucket v1");
    for leaf in leaves {
        hasher.update(&leaf.entity.0);
        hasher.update(&[leaf.register]);
        hasher.update(&leaf.index.to_be_bytes());
        hasher.update(&leaf.dot.0);
    }
    Hash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_of_the_set_of_leaves() {
        let leaf = |n: u8, register| Leaf { entity: EntityId([n; 16]), register, index: 0, dot: Dot([n; 16]) };
        let all = [leaf(1, 1), leaf(1, 2), leaf(2, 1), leaf(200, 1)];
        let mut shuffled = all.to_vec();
        shuffled.reverse();
        shuffled.push(leaf(1, 1));
        assert_eq!(root(all), root(shuffled));
        assert_ne!(root(all), root(all.into_iter().take(3)));
        assert_ne!(root([]), Hash::ZERO);
        assert_eq!(buckets(all).len(), 3);
    }
}
