//! Beginning: a vault on an empty remote, an invitation, joining with its code.
//!
//! **Invariant:** a vault is made only where nothing of one is on the remote and this machine belongs to none.

use super::config::RemoteConfig;
use super::run::{Direction, Peer, Progress, sync};
use super::state::RemoteState;
use crate::format::clear::{CLEAR_MAX_BYTES, Clear};
use crate::remote::Remote;
use crate::vault::code::InviteCode;
use crate::vault::invite::{self, INVITE_MAX_BYTES};
use crate::vault::keyring::{self, KEYRING_MAX_BYTES};
use crate::vault::keys::{KnownNode, OpenInvite, VaultKeys};
use crate::vault::members;
use crate::vault::request::{self, Request};
use crate::vault::roster::Roster;
use jay_store::{Branch, Store};
use jay_types::id::{matches_shortened, to_hex};
use jay_types::{Code, Error, NamespaceId, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What lies on a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing of a vault.
    Empty,
    /// Files of these vaults: of one, where all is well.
    Vaults(BTreeSet<NamespaceId>),
}

/// Looks what lies on a remote.
///
/// # Errors
/// What the remote says.
pub fn look(remote: &dyn Remote) -> Result<Found> {
    let listing = remote.list("nodes/")?;
    let mut vaults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut is_empty = true;
    for file in &listing {
        is_empty = false;
        let Some(node) = file.path.split('/').nth(1) else { continue };
        // One file of each node tells.
        if seen.contains(node) || file.path.ends_with(".age") {
            continue;
        }
        let Some(bytes) = remote.read(&file.path, CLEAR_MAX_BYTES as u64)? else { continue };
        if let Ok((clear, ..)) = Clear::decode(&bytes) {
            vaults.insert(clear.vault);
            seen.insert(node.to_owned());
        }
    }
    Ok(if is_empty { Found::Empty } else { Found::Vaults(vaults) })
}

/// What became of a remote that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A vault was made there.
    Founded(NamespaceId),
    /// The vault of this machine is, or will be, there too.
    Known(NamespaceId),
    /// It holds a vault to which this machine does not belong yet.
    MustJoin,
}

/// Makes a vault on an empty remote, or recognises the one that is there.
///
/// # Errors
/// `conflict` where another vault lies there than the one of this machine; what remote and store say.
pub fn begin(
    peer: &Peer<'_>,
    remote: &dyn Remote,
    config: &RemoteConfig,
    progress: &mut Progress<'_>,
) -> Result<Begun> {
    let found = look(remote)?;
    let begun = match (VaultKeys::load(peer.memory)?, found) {
        (None, Found::Empty) if let Some(mut keys) = VaultKeys::load_any(peer.memory)? => {
            // It was made before, and the remote failed then.
            keys.is_unshared = false;
            keys.save(peer.memory)?;
            members::declare(peer.memory, &peer.actor, &keys)?;
            Begun::Founded(keys.vault)
        }
        (None, Found::Empty) => {
            let keys = members::found(peer.memory, &peer.actor, (&config.name, &peer.name), peer.surroundings)?;
            Begun::Founded(keys.vault)
        }
        (None, Found::Vaults(_)) => return Ok(Begun::MustJoin),
        (Some(keys), Found::Empty) => {
            if keys.founder.node == peer.memory.public_key()?.0 {
                members::declare(peer.memory, &peer.actor, &keys)?;
            }
            Begun::Known(keys.vault)
        }
        (Some(keys), Found::Vaults(there)) => {
            if there.iter().any(|vault| *vault != keys.vault) {
                return Err(Error::new(Code::Conflict, format!("{} holds another vault than this machine's", remote.address()))
                    .hint("A store belongs to one vault. Give an empty folder, or use another data directory (JAY_HOME) for the other vault."));
            }
            Begun::Known(keys.vault)
        }
    };
    // So that the next machine finds the vault, and nobody makes a second one.
    match sync(peer, remote, config, Direction::Roster, progress) {
        Ok(_) => Ok(begun),
        Err(error) => {
            if matches!(begun, Begun::Founded(_)) {
                // What the remote said says more than what came of taking the vault back.
                let _ = take_back(peer, remote, config);
            }
            Err(error)
        }
    }
}

/// Takes back a vault of which nobody can know: its remote failed. Where something of it stays there, the machine belongs to it all the same.
fn take_back(peer: &Peer<'_>, remote: &dyn Remote, config: &RemoteConfig) -> Result<()> {
    let own = format!("nodes/{}/", peer.memory.public_key()?.0);
    let left = || -> Result<usize> {
        for file in remote.list(&own)? {
            remote.delete(&file.path)?;
        }
        Ok(remote.list(&own)?.len())
    };
    if let Some(mut keys) = VaultKeys::load(peer.memory)?
        && left().is_ok_and(|left| left == 0)
    {
        keys.is_unshared = true;
        keys.save(peer.memory)?;
        RemoteState::default().save(peer.memory, &config.name)?;
    }
    Ok(())
}

/// Leaves an invitation on the remote: its code, and until when it counts.
///
/// # Errors
/// `refused` where this machine is no member; what remote and store say.
pub fn invite(
    peer: &Peer<'_>,
    remote: &dyn Remote,
    config: &RemoteConfig,
    progress: &mut Progress<'_>,
) -> Result<(InviteCode, Timestamp)> {
    // What others did since, and who they are, goes into the invitation.
    sync(peer, remote, config, Direction::Roster, progress)?;
    let mut keys = super::run::demand_keys(peer.memory, config)?;
    let roster = peer.memory.read(|tx| Roster::read(tx, &keys))?;
    let (node, _) = peer.memory.public_key()?;
    demand_member(&roster, node, config)?;
    let (code, open, file) = invite::make(&keys, &roster, node, peer.surroundings)?;
    let (path, expires_at) = (invite::path(node, &open.id), open.expires_at);
    keys.invites.push(open);
    // What is not remembered could not be answered.
    keys.save(peer.memory)?;
    remote.create(&path, &file)?;
    Ok((code, expires_at))
}

/// Refuses what only a member may do.
///
/// # Errors
/// `refused`.
pub fn demand_member(roster: &Roster, node: jay_types::NodeId, config: &RemoteConfig) -> Result<()> {
    if roster.is_member(node) {
        return Ok(());
    }
    Err(Error::new(Code::Refused, "this machine is not a member of the vault yet").hint(format!(
        "Let the machine that invited it run `jay sync {name}`, then run `jay sync {name}` here.",
        name = config.name
    )))
}

/// How a machine joins.
pub enum Proof<'a> {
    /// With the code of an invitation.
    Code(InviteCode),
    /// With an age or SSH identity for which keys are wrapped.
    Identity(&'a dyn age::Identity),
    /// With a passphrase that opens such an identity.
    Passphrase(&'a str),
}

/// Takes in what speaks for this machine: from then on it can read. Who let it in, or a person, makes it a member.
///
/// # Errors
/// `conflict` where this machine belongs to another vault; `not_found` where nothing there opens; `refused` where the invitation
/// has expired.
pub fn join(peer: &Peer<'_>, remote: &dyn Remote, proof: &Proof<'_>) -> Result<VaultKeys> {
    let before = VaultKeys::load(peer.memory)?;
    let keys = match proof {
        Proof::Code(code) => by_code(peer, remote, code, before.clone())?,
        Proof::Identity(identity) => by_identity(remote, *identity, before.clone())?,
        Proof::Passphrase(passphrase) => by_identity(remote, &recovered(remote, passphrase)?, before.clone())?,
    };
    if let Some(before) = before
        && before.vault != keys.vault
    {
        return Err(Error::new(Code::Conflict, "this machine belongs to another vault")
            .hint("A store belongs to one vault: use another data directory (JAY_HOME) for this one."));
    }
    keys.save(peer.memory)?;
    // An earlier request may have been made with a code that has expired.
    remote.delete(&crate::vault::request::path(peer.memory.public_key()?.0))?;
    Ok(keys)
}

fn by_code(peer: &Peer<'_>, remote: &dyn Remote, code: &InviteCode, before: Option<VaultKeys>) -> Result<VaultKeys> {
    let id = to_hex(&code.id);
    let name = format!("/invites/{id}.jay");
    let listing = remote.list("nodes/")?;
    let path = listing.iter().map(|file| &file.path).find(|path| path.ends_with(&name));
    let file = path.map(|path| remote.read(path, INVITE_MAX_BYTES)).transpose()?.flatten().ok_or_else(|| {
        Error::not_found("there is no invitation with this code").hint(
            "It may still be carried here, or was used: a code counts once. `jay vault invite` makes another one.",
        )
    })?;
    let invitation = invite::read(&file, code, peer.surroundings.now())?;
    let mut keys = match before {
        Some(keys) if keys.vault == invitation.vault => keys,
        _ => VaultKeys::new(invitation.vault, invitation.name.clone(), invitation.founder.clone()),
    };
    for key in invitation.keys() {
        keys.add_key(&key);
    }
    if let Some(key) = invitation.sealing_key() {
        keys.give_key(&key);
    }
    keys.told = invitation.told;
    keys.joining =
        Some(OpenInvite { id, secret: to_hex(&code.secret), expires_at: invitation.expires_at, used_by: None });
    Ok(keys)
}

fn recovered(remote: &dyn Remote, passphrase: &str) -> Result<age::x25519::Identity> {
    for file in remote.list("nodes/")?.iter().filter(|file| file.path.contains("/recovery/")) {
        let bytes = remote.read(&file.path, KEYRING_MAX_BYTES)?.unwrap_or_default();
        if let Some(identity) = keyring::open_recovery(&bytes, passphrase) {
            return Ok(identity);
        }
    }
    Err(Error::not_found("the passphrase opens nothing there")
        .hint("`jay vault add --passphrase WORDS` on a machine that belongs to the vault sets one."))
}

/// Makes an identity that a passphrase opens, and wraps the keys for it from the next sync on.
///
/// # Errors
/// What remote and store say.
pub fn add_passphrase(peer: &Peer<'_>, remote: &dyn Remote, keys: &VaultKeys, passphrase: &str) -> Result<()> {
    let (recipient, file) = keyring::make_recovery(passphrase)?;
    remote.replace(&keyring::recovery_path(peer.memory.public_key()?.0, &recipient), &file)?;
    members::add_recipient(peer.memory, &peer.actor, keys.vault, &recipient)
}

/// How many keys of a ring who joins without a code takes: more members than that do not begin one epoch at the same time.
const RING_KEYS_MAX: usize = 64;

/// Nothing but that it is wrapped for somebody whom many know speaks for what stands in a key ring.
fn two_founders(one: &KnownNode, other: &KnownNode) -> Error {
    let founders = [one.node, other.node];
    let message =
        "key rings there name different founders of the vault, and this machine cannot tell which is the right one";
    Error::new(Code::Conflict, message).details(serde_json::json!({"founders": founders})).hint(format!(
        "They are {} and {}: `jay vault members` on a machine that belongs to the vault says who made it. Join with a code of that machine, \
         `jay vault invite`: it names the founder beyond doubt.",
        one.node, other.node
    ))
}

fn by_identity(remote: &dyn Remote, identity: &dyn age::Identity, before: Option<VaultKeys>) -> Result<VaultKeys> {
    let is_known = before.is_some();
    let mut keys = before;
    for file in remote.list("nodes/")?.iter().filter(|file| file.path.contains("/keys/")) {
        let Some(bytes) = remote.read(&file.path, KEYRING_MAX_BYTES)? else { continue };
        let Ok(Some(found)) = keyring::unwrap(&bytes, &[identity]) else { continue };
        let keys = keys.get_or_insert_with(|| VaultKeys::new(found.vault, found.name.clone(), found.founder.clone()));
        let is_same = keys.vault == found.vault && keys.founder.is_same(&found.founder);
        if !is_same && !is_known {
            return Err(two_founders(&keys.founder, &found.founder));
        }
        if is_same {
            for key in found.keys.iter().take(RING_KEYS_MAX) {
                keys.add_key(key);
            }
        }
    }
    keys.filter(|keys| keys.keys().next().is_some()).ok_or_else(|| {
        Error::not_found("no key of the vault is wrapped for this identity")
            .hint("`jay vault members` on a machine that belongs to it lists for whom keys are wrapped.")
    })
}

/// The request of the node that an id, or a part of one, means.
///
/// # Errors
/// `not_found` where none asks, `ambiguous` where several do.
pub fn asking(
    store: &Store,
    remote: &dyn Remote,
    config: &RemoteConfig,
    keys: &VaultKeys,
    who: &str,
) -> Result<Request> {
    let state = RemoteState::load(store, &config.name)?;
    let nodes: Vec<_> = state
        .requests
        .iter()
        .filter(|(node, (name, _))| matches_shortened(&node.to_string(), who) || name == who)
        .map(|(node, _)| *node)
        .collect();
    let none = || {
        Error::not_found(format!("no machine that is called `{}` asks to join", jay_types::text::shorten(who, 60)))
            .hint("`jay sync status` lists those that ask; a recipient begins with `age1` or `ssh-`.")
    };
    match nodes.as_slice() {
        [node] => {
            let bytes = remote.read(&request::path(*node), request::REQUEST_MAX_BYTES)?.ok_or_else(none)?;
            Ok(request::open(&bytes, keys)?.0)
        }
        [] => Err(none()),
        several => Err(Error::new(Code::Ambiguous, "several machines that ask are called so")
            .details(serde_json::json!({"candidates": several}))
            .hint("Give the whole id; `jay sync status` lists them.")),
    }
}

/// Nodes that were taken out, and took out in turn who had done so.
///
/// # Errors
/// `io`.
pub fn contested(store: &Store, config: &RemoteConfig) -> Result<BTreeMap<jay_types::NodeId, jay_types::NodeId>> {
    Ok(RemoteState::load(store, &config.name)?.contested)
}

/// The branches that this machine shares with a remote.
///
/// # Errors
/// What the stores say.
pub fn shared_branches(peer: &Peer<'_>, config: &RemoteConfig, keys: &VaultKeys) -> Result<Vec<Branch>> {
    super::status::shared(peer.memory, peer.archive, config, keys)
}
