//! The vault: inviting, joining, members, keys.

use super::{alone, demand_machine, one, open, peer};
use crate::Progress;
use jay_core::Call;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::sync::{Direction, demand_files, demand_keys, sync};
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::keyring;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::roster::Roster;
use jay_types::id::matches_shortened;
use jay_types::{Code, Error, NamespaceId, NodeId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An invitation
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invited {
    /// The remote where it lies
    pub remote: String,
    /// The code: whoever has it can read the vault; it counts once
    pub code: String,
    /// Until when it counts
    pub expires_at: Timestamp,
    /// What to do with it
    pub notes: Vec<String>,
}

pub(crate) fn invite(call: &Call<'_>, name: Option<&str>, progress: &mut Progress<'_>) -> Result<Invited> {
    let config = one(call, name)?;
    alone(call, false, progress, |progress| {
        let remote = open(call, &config.url)?;
        let (code, expires_at) = setup::invite(&peer(call), remote.as_ref(), &config, progress)?;
        let code = code.text();
        let note = format!(
            "on the other machine: `jay remote add {name} URL`, then `jay vault join {name} --code {code}`; then `jay sync {name}` here, \
             so that what it writes counts",
            name = config.name
        );
        Ok(Invited { remote: config.name.clone(), code, expires_at, notes: vec![note] })
    })
}

/// A vault that was joined
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// The remote
    pub remote: String,
    /// The vault
    pub vault: NamespaceId,
    /// What it is called
    pub name: String,
    /// Who made it, as whoever invited says
    pub founder: NodeId,
    /// What to do next
    pub notes: Vec<String>,
}

/// With what a machine joins
pub(crate) struct JoinRequest<'a> {
    pub(crate) remote: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
    pub(crate) identity: Option<&'a str>,
    pub(crate) passphrase: Option<&'a str>,
}

pub(crate) fn join(call: &Call<'_>, request: &JoinRequest<'_>, progress: &mut Progress<'_>) -> Result<Joined> {
    let config = one(call, request.remote)?;
    let identity;
    let proof = match (request.code, request.identity, request.passphrase) {
        (Some(code), None, None) => Proof::Code(InviteCode::parse(code)?),
        (None, Some(path), None) => {
            demand_machine(call, "`identity`")?;
            identity = keyring::read_identity(std::path::Path::new(path))?;
            Proof::Identity(identity.as_ref())
        }
        (None, None, Some(passphrase)) => Proof::Passphrase(passphrase),
        (None, None, None) => {
            return Err(Error::bad_input("`code`: is required").hint(
                "Run `jay vault invite` on a machine that belongs to the vault; or give `--identity FILE` or `--passphrase WORDS`.",
            ));
        }
        _ => {
            return Err(Error::bad_input("`code`, `identity` and `passphrase` cannot be given together")
                .hint("Give the one that you have."));
        }
    };
    alone(call, false, progress, |_| {
        let remote = open(call, &config.url)?;
        let keys = setup::join(&peer(call), remote.as_ref(), &proof)?;
        let note = match request.code {
            Some(_) => format!(
                "`jay sync {name}` brings what is there and asks; what this machine writes counts once the machine that invited it \
                 has run `jay sync {name}` after that",
                name = config.name
            ),
            None => format!(
                "compare the founder's node with `jay vault members` on a machine that belongs to the vault first: nothing but the keys \
                 spoke for it. Then `jay sync {name}` brings what is there, and a person lets this machine in with `jay vault add` there",
                name = config.name
            ),
        };
        Ok(Joined {
            remote: config.name.clone(),
            vault: keys.vault,
            name: keys.name.clone(),
            founder: keys.founder.node,
            notes: vec![note],
        })
    })
}

/// A node of a vault
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// The node
    pub node: NodeId,
    /// Its name
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// This machine
    pub is_here: bool,
    /// member, removed, or history where only what it wrote before counts
    pub standing: String,
    /// founder, invite, succession, person or history: how it came in
    pub admitted: String,
    /// The node that it goes on from
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<NodeId>,
}

/// The vault and its members
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Members {
    /// The vault
    pub vault: NamespaceId,
    /// What it is called
    pub name: String,
    /// The epoch that files are sealed in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// Its nodes
    pub members: Vec<MemberView>,
    /// People for whom keys are wrapped too: age or SSH recipients
    pub recipients: Vec<String>,
    /// What there is to say
    pub notes: Vec<String>,
}

fn read(call: &Call<'_>) -> Result<(VaultKeys, Roster)> {
    let (memory, archive) = call.engine.stores();
    demand_files(memory, archive)?;
    let keys = VaultKeys::load(memory)?.ok_or_else(|| {
        Error::not_found("this machine belongs to no vault yet")
            .hint("`jay remote add home /path/to/folder` makes one where the folder is empty.")
    })?;
    let roster = memory.read(|tx| Roster::read(tx, &keys))?;
    Ok((keys, roster))
}

pub(crate) fn members(call: &Call<'_>, name: Option<&str>) -> Result<Members> {
    if let Some(name) = name {
        one(call, Some(name))?;
    }
    let (keys, roster) = read(call)?;
    Ok(view(call, &keys, &roster, Vec::new()))
}

fn view(call: &Call<'_>, keys: &VaultKeys, roster: &Roster, notes: Vec<String>) -> Members {
    let here = call.engine.stores().0.node();
    let members = roster.nodes.iter().map(|(node, member)| {
        let standing = match (&member.removed, member.admitted.as_str()) {
            (None, _) => "member",
            (Some(_), "history") => "history",
            (Some(_), _) => "removed",
        };
        MemberView {
            node: *node,
            name: member.name.clone(),
            is_here: Some(*node) == here,
            standing: standing.to_owned(),
            admitted: member.admitted.clone(),
            of: member.of,
        }
    });
    Members {
        vault: keys.vault,
        name: keys.name.clone(),
        epoch: roster.key.map(|key| key.epoch),
        members: members.collect(),
        recipients: roster.recipients.clone(),
        notes,
    }
}

/// Runs what changes the roster: with what others did before, and told to them after.
fn change(
    call: &Call<'_>,
    name: Option<&str>,
    progress: &mut Progress<'_>,
    work: impl FnOnce(&RemoteConfig, &mut VaultKeys, &Roster) -> Result<String>,
) -> Result<Members> {
    let config = one(call, name)?;
    alone(call, false, progress, |progress| {
        let remote = open(call, &config.url)?;
        let peer = peer(call);
        sync(&peer, remote.as_ref(), &config, Direction::Roster, progress)?;
        let mut keys = demand_keys(peer.memory, &config)?;
        let roster = peer.memory.read(|tx| Roster::read(tx, &keys))?;
        setup::demand_member(&roster, peer.memory.public_key()?.0, &config)?;
        let note = work(&config, &mut keys, &roster)?;
        sync(&peer, remote.as_ref(), &config, Direction::Roster, progress)?;
        let (keys, roster) = read(call)?;
        Ok(view(call, &keys, &roster, vec![note]))
    })
}

/// Bytes of the shortest passphrase: whoever carries the files may guess as long as they like.
const PASSPHRASE_MIN_BYTES: usize = 12;

/// Lets in a node that asks, or wraps keys for a person too.
pub(crate) fn add(
    call: &Call<'_>,
    (name, who, passphrase): (Option<&str>, Option<&str>, Option<&str>),
    progress: &mut Progress<'_>,
) -> Result<Members> {
    let memory = call.engine.stores().0;
    let actor = call.caller.actor();
    let who = match (who, passphrase) {
        (Some(who), None) => Some(who),
        (None, Some(words)) if words.len() >= PASSPHRASE_MIN_BYTES => None,
        (None, Some(_)) => {
            return Err(Error::bad_input(format!("`passphrase`: must be at least {PASSPHRASE_MIN_BYTES} bytes"))
                .hint("Whoever carries the files may guess as long as they like: take five words at random."));
        }
        _ => {
            return Err(Error::bad_input("`who`: is required, or `passphrase` in its place")
                .hint("`jay sync status` lists the machines that ask; a recipient begins with `age1` or `ssh-`."));
        }
    };
    change(call, name, progress, |config, keys, roster| {
        let Some(who) = who else {
            let remote = open(call, &config.url)?;
            setup::add_passphrase(&peer(call), remote.as_ref(), keys, passphrase.unwrap_or_default())?;
            return Ok("whoever knows the passphrase can read the vault: `jay vault join --passphrase`".to_owned());
        };
        if who.starts_with("age1") || who.starts_with("ssh-") {
            keyring::recipient(who)?;
            members::add_recipient(memory, &actor, keys.vault, who)?;
            return Ok("keys are wrapped for this recipient too, those of all epochs".to_owned());
        }
        if let Some(node) = taken_out(roster, who) {
            members::restore(memory, &actor, keys.vault, roster, node)?;
            return Ok(format!(
                "{node} is a member again: what it wrote counts, also what it wrote since it was taken out"
            ));
        }
        let remote = open(call, &config.url)?;
        let request = setup::asking(memory, remote.as_ref(), config, keys, who)?;
        members::admit(memory, &actor, keys.vault, &request, &jay_transfer::vault::request::Grounds::Keys)?;
        Ok(format!("{} ({}) is a member now", request.name, request.node))
    })
}

/// Takes out a node, with those that go on from it, or a person; a new epoch begins.
pub(crate) fn remove(call: &Call<'_>, name: Option<&str>, who: &str, progress: &mut Progress<'_>) -> Result<Members> {
    let memory = call.engine.stores().0;
    let actor = call.caller.actor();
    change(call, name, progress, |config, keys, roster| {
        let surroundings = call.engine.surroundings().as_ref();
        let epoch = if who.starts_with("age1") || who.starts_with("ssh-") {
            members::remove_recipient(memory, &actor, (keys, roster), who, surroundings)?
        } else {
            let contested = setup::contested(memory, config)?;
            let again = taken_out(roster, who).and_then(|node| contested.get(&node).map(|by| (node, *by)));
            let (node, kept) = match again {
                Some((node, by)) => (node, Some((by, node))),
                None => (find(roster, who)?, None),
            };
            let nodes = with_successors(roster, node);
            if nodes.contains(&memory.public_key()?.0) {
                return Err(Error::bad_input("`who`: is this machine, or one that this machine goes on from")
                    .hint("Remove it on another machine of the vault."));
            }
            let branches = setup::shared_branches(&peer(call), config, keys)?;
            members::remove(
                memory,
                &actor,
                keys,
                members::TakenOut { roster, nodes: &nodes, kept, branches: &branches },
                surroundings,
            )?
        };
        Ok(format!(
            "epoch {epoch} begins: what is sealed from now on cannot be read by who was removed; what it could read before, it keeps"
        ))
    })
}

pub(crate) fn rotate(call: &Call<'_>, name: Option<&str>, progress: &mut Progress<'_>) -> Result<Members> {
    let memory = call.engine.stores().0;
    let actor = call.caller.actor();
    change(call, name, progress, |_, keys, roster| {
        let epoch = members::rotate(memory, &actor, keys, roster, call.engine.surroundings().as_ref())?;
        Ok(format!("epoch {epoch} begins: files are sealed with a new key from now on"))
    })
}

/// The member that an id, a part of one, or a name means.
fn find(roster: &Roster, who: &str) -> Result<NodeId> {
    let active: Vec<_> = roster.active().collect();
    let by_id: Vec<_> = active.iter().filter(|(node, _)| matches_shortened(&node.to_string(), who)).collect();
    let found: Vec<_> =
        if by_id.is_empty() { active.iter().filter(|(_, member)| member.name == who).collect() } else { by_id };
    match found.as_slice() {
        [(node, _)] => Ok(*node),
        [] => Err(Error::not_found(format!("no member of the vault is `{}`", jay_types::text::shorten(who, 60)))
            .hint("`jay vault members` lists them.")),
        several => {
            let candidates: Vec<String> = several.iter().map(|(node, _)| node.to_string()).collect();
            Err(Error::new(
                Code::Ambiguous,
                format!("several members are called `{}`", jay_types::text::shorten(who, 60)),
            )
            .hint(format!("Name one of {}.", candidates.join(", ")))
            .details(serde_json::json!({"candidates": candidates})))
        }
    }
}

/// The node that was taken out, by its id or a part of that: names are for those who belong to the vault.
fn taken_out(roster: &Roster, who: &str) -> Option<NodeId> {
    let mut found =
        roster.nodes.keys().filter(|node| roster.was_removed(**node) && matches_shortened(&node.to_string(), who));
    let node = found.next().copied();
    node.filter(|_| found.next().is_none())
}

/// A node with all that go on from it.
fn with_successors(roster: &Roster, node: NodeId) -> Vec<NodeId> {
    let mut nodes = vec![node];
    loop {
        let next: Vec<NodeId> = roster
            .active()
            .filter(|(other, member)| !nodes.contains(other) && member.goes_on_from(|of| nodes.contains(&of)))
            .map(|(other, _)| other)
            .collect();
        if next.is_empty() {
            return nodes;
        }
        nodes.extend(next);
    }
}
