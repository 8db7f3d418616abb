//! What the binary gives to everything below it: time and randomness.

use crate::id::{EntityId, uuid_v7};
use crate::time::Timestamp;

/// Time and randomness. The binary has the real ones; tests have steps and seeds.
pub trait Surroundings: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// Fills `bytes` from a source that is fit for keys.
    fn fill_random(&self, bytes: &mut [u8]);
}

/// An array of random bytes.
#[must_use]
pub fn random<const N: usize>(surroundings: &dyn Surroundings) -> [u8; N] {
    let mut bytes = [0; N];
    surroundings.fill_random(&mut bytes);
    bytes
}

/// A fresh UUIDv7.
#[must_use]
pub fn new_id(surroundings: &dyn Surroundings) -> EntityId {
    EntityId(uuid_v7(surroundings.now(), &random(surroundings)))
}
