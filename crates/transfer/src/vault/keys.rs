//! What a machine keeps of its vault outside the journal: whom it trusts first, its age identity, the keys of all epochs,
//! and the invitations that it gave out.
//!
//! **Invariant:** it is one file of the state directory, for its owner only, replaced as a whole.

use super::cut::Cut;
use crate::format::clear::KeyId;
use crate::format::seal::FileKey;
use jay_store::Store;
use jay_types::id::{from_hex, to_hex};
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Code, Error, NamespaceId, NodeId, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Name of the file.
const FILE: &str = "vault.json";

/// How many earlier identities are kept: as many times a directory can be copied before every member has wrapped keys anew.
const PAST_IDENTITIES_MAX: usize = 8;

/// How many keys that came in key rings an invitation hands on: it has to stay readable, whatever anybody put there.
const HANDED_ON_MAX: usize = 4096;

/// A node and its public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownNode {
    /// The node.
    pub node: NodeId,
    /// Its public key, hex.
    pub public_key: String,
    /// Its name.
    pub name: String,
    /// Up to where its streams count, where it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Cut>,
}

impl KnownNode {
    /// True where both mean the same node with the same key, whatever they call it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.node == other.node && self.public_key == other.public_key
    }
}

/// An invitation that this machine gave out and that was not used yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvite {
    /// Its id, hex: names its file.
    pub id: String,
    /// Its secret, hex.
    pub secret: String,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// The node that is being let in with it: it counts for no other one any longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<NodeId>,
}

impl std::fmt::Debug for OpenInvite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenInvite({})", self.id)
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredKey {
    epoch: u32,
    secret: String,
    /// Made here, or brought by an invitation; what came in a key ring may be from anybody who knows for whom to wrap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_given: bool,
}

/// What is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultKeys {
    /// The vault.
    pub vault: NamespaceId,
    /// What people call it.
    pub name: String,
    /// Who made it.
    pub founder: KnownNode,
    /// The members that an invitation told of: what the journal says counts more.
    #[serde(default)]
    pub told: Vec<KnownNode>,
    /// This machine's age identity.
    identity: String,
    /// Those that it had before: what was wrapped for them it can still read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    past_identities: Vec<String>,
    /// Copies of this directory, and this node where it is one, since which the identity is another one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apart_from: BTreeSet<NodeId>,
    keys: Vec<StoredKey>,
    /// A vault that no remote has taken yet: nobody knows of it, and the machine belongs to none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_unshared: bool,
    /// Invitations that are not used.
    #[serde(default)]
    pub invites: Vec<OpenInvite>,
    /// With which invitation this machine joins, until it is a member: its id and secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joining: Option<OpenInvite>,
}

impl std::fmt::Debug for VaultKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VaultKeys({}, {} keys)", self.vault, self.keys.len())
    }
}

impl VaultKeys {
    /// Keys of a vault that this machine knows of from now on, with an age identity of its own.
    #[must_use]
    pub fn new(vault: NamespaceId, name: String, founder: KnownNode) -> Self {
        Self {
            vault,
            name,
            founder,
            told: Vec::new(),
            identity: new_identity(),
            past_identities: Vec::new(),
            apart_from: BTreeSet::new(),
            keys: Vec::new(),
            is_unshared: false,
            invites: Vec::new(),
            joining: None,
        }
    }

    /// Adds a key; false where it is here.
    pub fn add_key(&mut self, key: &FileKey) -> bool {
        if self.key(key.id).is_some() {
            return false;
        }
        self.keys.push(StoredKey { epoch: key.id.epoch, secret: to_hex(key.secret()), is_given: false });
        true
    }

    /// The keys that are handed on to who is invited: those that are the vault's beyond doubt, and so many others, the newest first.
    #[must_use]
    pub fn handed_on(&self) -> Vec<FileKey> {
        let mut others: Vec<&StoredKey> = self.keys.iter().filter(|stored| !stored.is_given).collect();
        others.sort_by_key(|stored| std::cmp::Reverse(stored.epoch));
        let key = |stored: &StoredKey| Some(FileKey::new(stored.epoch, from_hex(&stored.secret)?));
        self.given().chain(others.into_iter().take(HANDED_ON_MAX).filter_map(key)).collect()
    }

    /// Adds a key that is the vault's beyond doubt.
    pub fn give_key(&mut self, key: &FileKey) {
        self.add_key(key);
        let secret = to_hex(key.secret());
        for kept in self.keys.iter_mut().filter(|kept| kept.epoch == key.id.epoch && kept.secret == secret) {
            kept.is_given = true;
        }
    }

    /// The newest key that is the vault's beyond doubt, as long as the journal does not name one.
    #[must_use]
    pub fn newest_given(&self) -> Option<FileKey> {
        self.given().max_by_key(|key| key.id)
    }

    /// The oldest key that is the vault's beyond doubt: the one that most members have.
    #[must_use]
    pub fn oldest_given(&self) -> Option<FileKey> {
        self.given().min_by_key(|key| key.id)
    }

    fn given(&self) -> impl Iterator<Item = FileKey> {
        let given = self.keys.iter().filter(|stored| stored.is_given);
        given.filter_map(|stored| Some(FileKey::new(stored.epoch, from_hex(&stored.secret)?)))
    }

    /// Makes the key of an epoch.
    pub fn make_key(&mut self, epoch: u32, surroundings: &dyn Surroundings) -> FileKey {
        let key = FileKey::new(epoch, random(surroundings));
        self.give_key(&key);
        key
    }

    /// Every key that is here.
    pub fn keys(&self) -> impl Iterator<Item = FileKey> {
        self.keys.iter().filter_map(|stored| Some(FileKey::new(stored.epoch, from_hex(&stored.secret)?)))
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<FileKey> {
        self.keys().find(|key| key.id == id)
    }

    /// This machine's age identity.
    ///
    /// # Errors
    /// `damaged` where the file holds none.
    pub fn identity(&self) -> Result<age::x25519::Identity> {
        self.identity.parse().map_err(|_| damaged("its age identity cannot be read"))
    }

    /// Every age identity that this machine has and had, the present one first.
    ///
    /// # Errors
    /// As [`VaultKeys::identity`].
    pub fn identities(&self) -> Result<Vec<age::x25519::Identity>> {
        let past = self.past_identities.iter().filter_map(|identity| identity.parse().ok());
        Ok(std::iter::once(self.identity()?).chain(past).collect())
    }

    /// Goes on with a new age identity: somebody else has the present one.
    pub fn renew_identity(&mut self) {
        let before = std::mem::replace(&mut self.identity, new_identity());
        self.past_identities.insert(0, before);
        self.past_identities.truncate(PAST_IDENTITIES_MAX);
    }

    /// For whom this machine's keys are wrapped.
    ///
    /// # Errors
    /// As [`VaultKeys::identity`].
    pub fn recipient(&self) -> Result<String> {
        Ok(self.identity()?.to_public().to_string())
    }

    /// What this machine keeps; none where it belongs to no vault.
    ///
    /// # Errors
    /// `damaged` or `io`: without the file nothing on a remote can be read, so it is never taken for missing.
    pub fn load(store: &Store) -> Result<Option<Self>> {
        Ok(Self::load_any(store)?.filter(|keys| !keys.is_unshared))
    }

    /// The same, also of a vault that was made and that no remote has taken.
    pub(crate) fn load_any(store: &Store) -> Result<Option<Self>> {
        let Some(bytes) = store.state(FILE)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(&error.to_string()))
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// `io`; then the old one is there.
    pub fn save(&self, store: &Store) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))?;
        Ok(store.put_state(FILE, &bytes)?)
    }
}

fn new_identity() -> String {
    use age::secrecy::ExposeSecret as _;
    age::x25519::Identity::generate().to_string().expose_secret().to_owned()
}

fn damaged(why: &str) -> Error {
    Error::new(Code::Damaged, format!("state/{FILE} cannot be read: {why}"))
        .hint("Put it back from a copy of the data directory, or join the vault again with `jay vault join`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_on_is_what_was_given_and_so_much_of_the_rest() {
        let founder =
            KnownNode { node: NodeId([1; 16]), public_key: String::new(), name: String::new(), removed: None };
        let mut keys = VaultKeys::new(NamespaceId([7; 16]), "home".to_owned(), founder);
        for epoch in 2..6000 {
            keys.keys.push(StoredKey { epoch, secret: to_hex(&[7; 32]), is_given: false });
        }
        keys.give_key(&FileKey::new(1, [1; 32]));
        let epochs: Vec<u32> = keys.handed_on().iter().map(|key| key.id.epoch).collect();
        assert_eq!((epochs.len(), &epochs[..3]), (HANDED_ON_MAX + 1, &[1, 5999, 5998][..]));
    }
}
