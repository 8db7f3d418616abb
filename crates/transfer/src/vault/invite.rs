//! Invitations: what a member leaves on a remote for one other machine, sealed under a code that a person carries.
//!
//! It holds the keys and the members as the inviter knows them, so that who joins can read at once, and learns from nobody but
//! the inviter whom to trust. The code has 128 random bits: it needs no slow hash.
//!
//! **Invariant:** only who gave it out admits whoever joins with it, once, and not after it has expired.

use super::code::InviteCode;
use super::keys::{KnownNode, OpenInvite, VaultKeys};
use super::roster::Roster;
use crate::format::clear::{Clear, FileKind, NONCE_BYTES};
use crate::format::seal::{self, FileKey};
use jay_types::id::{from_hex, to_hex};
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Code, Error, NamespaceId, NodeId, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a code counts, microseconds.
pub const EXPIRES_AFTER: i64 = 24 * 60 * jay_types::time::MINUTE;
/// Bytes of the largest invitation that is read.
pub const INVITE_MAX_BYTES: u64 = 1 << 20;

/// What stands in an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// The vault.
    pub vault: NamespaceId,
    /// What people call it.
    pub name: String,
    /// Who made the vault.
    pub founder: KnownNode,
    /// Its members, and whose history counts.
    pub told: Vec<KnownNode>,
    /// Who invites.
    pub inviter: NodeId,
    /// Until when it counts.
    pub expires_at: Timestamp,
    keys: Vec<(u32, String)>,
    /// Id of the key in which the inviter seals, hex.
    sealing: Option<String>,
}

impl Invitation {
    /// The key in which who joins seals until it has read the roster. The others open files and seal none: of those that lie in key rings
    /// the inviter does not know either who put them there.
    #[must_use]
    pub fn sealing_key(&self) -> Option<FileKey> {
        let id = self.sealing.as_deref()?;
        self.keys().find(|key| to_hex(&key.id.id) == id)
    }

    /// The keys that it brings.
    pub fn keys(&self) -> impl Iterator<Item = FileKey> {
        self.keys.iter().filter_map(|(epoch, secret)| Some(FileKey::new(*epoch, from_hex(secret)?)))
    }
}

/// The key under which an invitation, and the answer to it, are sealed.
#[must_use]
pub fn key_of(secret: &[u8; 16]) -> FileKey {
    let mut hasher = blake3::Hasher::new_derive_key("scrubjay invite v1");
    hasher.update(secret);
    FileKey::new(0, *hasher.finalize().as_bytes())
}

/// Where an invitation lies.
#[must_use]
pub fn path(inviter: NodeId, id: &str) -> String {
    format!("nodes/{inviter}/invites/{id}.jay")
}

/// A new invitation: its code, what the inviter keeps of it, and the file.
///
/// # Errors
/// `internal`.
pub fn make(
    keys: &VaultKeys,
    roster: &Roster,
    inviter: NodeId,
    surroundings: &dyn Surroundings,
) -> Result<(InviteCode, OpenInvite, Vec<u8>)> {
    let code = InviteCode::make(surroundings);
    let expires_at = Timestamp(surroundings.now().0 + EXPIRES_AFTER);
    let sealing = roster.key.filter(|id| keys.key(*id).is_some()).or(keys.newest_given().map(|key| key.id));
    let invitation = Invitation {
        vault: keys.vault,
        name: keys.name.clone(),
        founder: keys.founder.clone(),
        told: roster.told(),
        inviter,
        expires_at,
        keys: keys.handed_on().iter().map(|key| (key.id.epoch, to_hex(key.secret()))).collect(),
        sealing: sealing.map(|id| to_hex(&id.id)),
    };
    let json = serde_json::to_vec(&invitation).map_err(|error| Error::internal(error.to_string()))?;
    let key = key_of(&code.secret);
    let nonce: [u8; NONCE_BYTES] = random(surroundings);
    let clear =
        Clear { kind: FileKind::Request, vault: keys.vault, key: key.id, node: inviter, ranges: Vec::new(), nonce };
    let file = seal::seal(&clear, &key, &json);
    let open = OpenInvite { id: to_hex(&code.id), secret: to_hex(&code.secret), expires_at, used_by: None };
    Ok((code, open, file))
}

/// Reads an invitation by its code.
///
/// # Errors
/// `refused` where it has expired; `verification_failed` where it does not open with this code.
pub fn read(file: &[u8], code: &InviteCode, now: Timestamp) -> Result<Invitation> {
    let key = key_of(&code.secret);
    let (clear, json) = seal::open(file, &|id| Some(key.clone()).filter(|key| key.id == id))?;
    let invitation: Invitation =
        serde_json::from_slice(&json).map_err(|error| Error::new(Code::VerificationFailed, error.to_string()))?;
    if invitation.vault != clear.vault || invitation.inviter != clear.node {
        return Err(Error::new(Code::VerificationFailed, "the invitation speaks of another vault than its file"));
    }
    if invitation.expires_at < now {
        let over = invitation.expires_at;
        let message = format!("the invitation has expired at {over}, and this machine's clock shows {now}");
        return Err(Error::new(Code::Refused, message).hint(
            "Ask for a new code: `jay vault invite` on a machine that is in the vault. Where it was made within a day, one of the two \
             clocks is wrong: set it first.",
        ));
    }
    Ok(invitation)
}
