//! Requests: a node that is no member asks to become one, with what speaks for it.
//!
//! `nodes/<node>/request.jay`, signed by the node and sealed under a key of the vault, which an invitation brings. What speaks for it: the
//! invitation (only who gave it out can tell), that it goes on from a member whose key signed for it (a copied or rolled-back data
//! directory, J3), or nothing but that it knows the keys: then a person decides. So does one where whoever invited it is gone: every
//! member can read it.
//!
//! **Invariant:** whoever is removed speaks for nobody.

use super::invite;
use super::keys::{OpenInvite, VaultKeys};
use super::roster::Roster;
use super::standing::Descent;
use crate::format::FileFault;
use crate::format::clear::{Clear, FileKind, NONCE_BYTES};
use crate::format::seal::{self, FileKey};
use jay_store::Succession;
use jay_types::change::sign::{Signature, Signed, node_of, verify_other};
use jay_types::id::{from_hex, to_hex};
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Error, Hash, NodeId, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes of the largest request that is read.
pub const REQUEST_MAX_BYTES: u64 = 256 << 10;
/// Name of the file in a node's directory.
pub const REQUEST_NAME: &str = "request.jay";

/// What a node asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub node: NodeId,
    /// Its public key, hex.
    pub public_key: String,
    /// For whom keys are to be wrapped for it.
    pub recipient: String,
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The invitation with which it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// What nobody can make who does not have the code of that invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The nodes that its data directory was before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Succession>,
}

/// What speaks for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// An invitation of ours.
    Invite(OpenInvite),
    /// It goes on from a member.
    Succession(Descent),
    /// This node goes on from a member, and says so itself.
    OwnSuccession(Descent),
    /// It knows the keys: a person decides.
    Keys,
}

/// Where a node's request lies.
#[must_use]
pub fn path(node: NodeId) -> String {
    format!("nodes/{node}/{REQUEST_NAME}")
}

/// The file of a request; `sign` signs as the node that asks.
///
/// # Errors
/// What signing says.
pub fn seal_request(
    request: &Request,
    keys: &VaultKeys,
    key: &FileKey,
    surroundings: &dyn Surroundings,
    sign: impl FnOnce(&Hash) -> Result<Signature>,
) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(request).map_err(|error| Error::internal(error.to_string()))?;
    let mut content = sign(&Hash::of(&json))?.to_vec();
    content.extend(json);
    let nonce: [u8; NONCE_BYTES] = random(surroundings);
    let (kind, ranges) = (FileKind::Request, Vec::new());
    let clear = Clear { kind, vault: keys.vault, key: key.id, node: request.node, ranges, nonce };
    Ok(seal::seal(&clear, key, &content))
}

/// Opens a request, and says which invitation of ours it answers, if one.
///
/// # Errors
/// [`FileFault::NoKey`] where it is sealed with a key that has not come; else what is wrong with it.
pub fn open(file: &[u8], keys: &VaultKeys) -> Result<(Request, Option<OpenInvite>), FileFault> {
    let (clear, content) = seal::open(file, &|id| keys.key(id))?;
    let (signature, json) = content.split_first_chunk::<64>().ok_or(FileFault::Damaged)?;
    let request: Request = serde_json::from_slice(json).map_err(|_| FileFault::Damaged)?;
    let public_key = from_hex::<32>(&request.public_key).ok_or(FileFault::Damaged)?;
    let is_signed = verify_other(Signed::Request, &Hash::of(json), signature, &public_key);
    if clear.kind != FileKind::Request
        || clear.vault != keys.vault
        || clear.node != request.node
        || node_of(&public_key) != request.node
        || !is_signed
    {
        return Err(FileFault::Damaged);
    }
    let answers = |open: &&OpenInvite| {
        Some(&open.id) == request.invite.as_ref()
            && request.proof.is_some()
            && proof(open, &public_key) == request.proof
    };
    let invite = keys.invites.iter().find(answers).cloned();
    Ok((request, invite))
}

/// What a node with this key can show who has the code; none where what is kept of the invitation is damaged.
fn proof(open: &OpenInvite, public_key: &[u8; 32]) -> Option<String> {
    let key = invite::key_of(&from_hex(&open.secret)?);
    Some(Hash(*blake3::keyed_hash(key.secret(), public_key).as_bytes()).to_string())
}

/// What speaks for a request at this moment.
#[must_use]
pub fn grounds(request: &Request, invite: Option<OpenInvite>, roster: &Roster, now: Timestamp) -> Grounds {
    let counts = |open: &OpenInvite| {
        Some(&open.id) == request.invite.as_ref()
            && now <= open.expires_at
            && open.used_by.is_none_or(|node| node == request.node)
    };
    if let Some(open) = invite.filter(counts) {
        return Grounds::Invite(open);
    }
    match predecessor(request, roster) {
        Some(of) => Grounds::Succession(of),
        None => Grounds::Keys,
    }
}

/// The member that a chain of successions leads back to, past nodes of which the vault does not know; none where one of them was taken out.
fn predecessor(request: &Request, roster: &Roster) -> Option<Descent> {
    let mut node = request.node;
    let mut through = Vec::new();
    for _ in 0..=request.past.len() {
        let link = request.past.iter().find(|link| link.to == node && link.holds())?;
        if roster.was_removed(link.from) {
            return None;
        }
        if roster.is_member(link.from) {
            return Some(Descent { of: link.from, through });
        }
        through.push(link.from);
        node = link.from;
    }
    None
}

/// A request of this store's node.
///
/// # Errors
/// `io` or `damaged` where keys cannot be read.
pub fn of_store(store: &jay_store::Store, keys: &VaultKeys, name: &str, now: Timestamp) -> Result<Request> {
    let (node, public_key) = store.public_key()?;
    Ok(Request {
        node,
        public_key: to_hex(&public_key),
        recipient: keys.recipient()?,
        name: name.to_owned(),
        at: now,
        invite: keys.joining.as_ref().map(|open| open.id.clone()),
        proof: keys.joining.as_ref().and_then(|open| proof(open, &public_key)),
        past: store.successions()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are ones that machines of every version make and check.
    #[test]
    fn a_proof_is_of_the_code_and_of_who_shows_it() {
        let open = |secret: u8| OpenInvite {
            id: "0102030405060708".to_owned(),
            secret: to_hex(&[secret; 16]),
            expires_at: Timestamp(0),
            used_by: None,
        };
        let shown = proof(&open(1), &[2; 32]).expect("a proof");
        assert_eq!(shown, "1dde30d2c40b6ce09dfdbaa20e24b49fb2f0c07a4480d77b9ea28d5eb5063485");
        assert_ne!(proof(&open(1), &[3; 32]).as_ref(), Some(&shown), "it is nobody else's");
        assert_ne!(proof(&open(2), &[2; 32]).as_ref(), Some(&shown), "it is of no other code");
        assert_eq!(proof(&OpenInvite { secret: "no".to_owned(), ..open(1) }, &[2; 32]), None);
    }
}
