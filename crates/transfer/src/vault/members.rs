//! Writing the roster: a vault is made, nodes are let in and taken out, epochs begin.
//!
//! **Invariant:** every change here is an ordinary change of the vault's own namespace, signed by this node and in the name of
//! who acts; it counts elsewhere because this node is a member there.

use super::cut::Cut;
use super::keys::{KnownNode, VaultKeys};
use super::request::{Grounds, Request};
use super::roster::{ADMITTED_ITSELF, ADMITTED_SUCCESSION, Roster, epoch_value};
use super::standing::{self, history_value, member_value, removed_value, restored_value};
use crate::format::clear::KeyId;
use jay_store::{ActorName, Branch, Draft, Store, Tx, WriteTx};
use jay_types::change::body::ElementDot;
use jay_types::change::fold::Write;
use jay_types::change::header::StreamId;
use jay_types::change::registry::{EPOCH, NAME, PUBLIC_KEY, RECIPIENT, RECIPIENTS, STANDING};
use jay_types::change::{Body, EntityKind, EntityState, Op, Register, SetEdit};
use jay_types::id::to_hex;
use jay_types::surroundings::{Surroundings, new_id};
use jay_types::{Code, EntityId, Error, Hash, NamespaceId, NodeId, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Makes a vault with this node as its founder; nothing of it is on a remote yet.
///
/// # Errors
/// What the store says.
pub fn found(
    store: &Store,
    actor: &ActorName,
    (name, node_name): (&str, &str),
    surroundings: &dyn Surroundings,
) -> Result<VaultKeys> {
    let vault = NamespaceId(new_id(surroundings).0);
    let (node, public_key) = store.public_key()?;
    let founder = KnownNode { node, public_key: to_hex(&public_key), name: node_name.to_owned(), removed: None };
    let mut keys = VaultKeys::new(vault, name.to_owned(), founder);
    keys.make_key(1, surroundings);
    // Before the journal: a key that is lost could never be had again.
    keys.save(store)?;
    declare(store, actor, &keys)?;
    Ok(keys)
}

/// Writes the vault and its founder into the journal, where that was not done: what makes a vault may be killed in between.
///
/// # Errors
/// What the store says.
pub fn declare(store: &Store, actor: &ActorName, keys: &VaultKeys) -> Result<()> {
    let (vault, founder, recipient) = (keys.vault, &keys.founder, keys.recipient()?);
    let Some(key) = keys.keys().next() else { return Err(Error::internal("a vault without a key")) };
    store.write::<_, Error>(actor, |w| {
        if state_of(w, vault, EntityKind::Vault, EntityId(vault.0))?.is_some() {
            return Ok(());
        }
        let body = Body::default()
            .with(NAME, keys.name.as_str())
            .with(PUBLIC_KEY, founder.public_key.as_str())
            .with(EPOCH, epoch_value(key.id));
        w.draft(Draft::new(vault, EntityKind::Vault, EntityId(vault.0), Op::Create, body));
        let body = Body::default()
            .with(NAME, founder.name.as_str())
            .with(PUBLIC_KEY, founder.public_key.as_str())
            .with(RECIPIENT, recipient.as_str())
            .with(STANDING, member_value("founder", None));
        w.draft(Draft::new(vault, EntityKind::Member, EntityId(founder.node.0), Op::Create, body));
        Ok(())
    })
}

/// Lets a node in.
///
/// # Errors
/// What the store says.
pub fn admit(store: &Store, actor: &ActorName, vault: NamespaceId, request: &Request, grounds: &Grounds) -> Result<()> {
    let (by, of) = match grounds {
        Grounds::Invite(_) => ("invite", None),
        Grounds::Succession(of) => (ADMITTED_SUCCESSION, Some(of)),
        Grounds::OwnSuccession(of) => (ADMITTED_ITSELF, Some(of)),
        Grounds::Keys => ("person", None),
    };
    store.write::<_, Error>(actor, |w| {
        let body = [
            (NAME, json!(request.name)),
            (PUBLIC_KEY, json!(request.public_key)),
            (RECIPIENT, json!(request.recipient)),
            (STANDING, member_value(by, of)),
        ];
        put(w, vault, EntityKind::Member, EntityId(request.node.0), &body)
    })
}

/// Says for whom keys are to be wrapped for a member from now on.
///
/// # Errors
/// What the store says.
pub fn set_own_recipient(
    store: &Store,
    actor: &ActorName,
    vault: NamespaceId,
    node: NodeId,
    recipient: &str,
) -> Result<()> {
    store.write::<_, Error>(actor, |w| {
        put(w, vault, EntityKind::Member, EntityId(node.0), &[(RECIPIENT, json!(recipient))])
    })
}

/// Who is taken out.
#[derive(Clone, Copy)]
pub struct TakenOut<'a> {
    /// Who belongs to the vault now.
    pub roster: &'a Roster,
    /// The nodes.
    pub nodes: &'a [NodeId],
    /// One that stays, and against whom: where both had taken out each other.
    pub kept: Option<(NodeId, NodeId)>,
    /// What is here of their streams counts.
    pub branches: &'a [Branch],
}

/// Takes nodes out, and begins a new epoch in the same act: what they wrote up to now counts, what comes later does not. Other nodes that go
/// on from them, as far as they are known here, stay; so does the one that is `kept`. Those of which nobody here knows yet are out too. Answers the
/// epoch.
///
/// # Errors
/// As [`rotate`].
pub fn remove(
    store: &Store,
    actor: &ActorName,
    keys: &mut VaultKeys,
    TakenOut { roster, nodes, kept, branches }: TakenOut<'_>,
    surroundings: &dyn Surroundings,
) -> Result<u32> {
    let (vault, key) = (keys.vault, next_key(store, keys, roster, surroundings)?);
    let by = store.public_key()?.0;
    store.write::<_, Error>(actor, |w| {
        for node in nodes {
            let Some(member) = roster.nodes.get(node) else { continue };
            let mut cut = member.removed.clone().unwrap_or_default();
            cut.extend(Cut::of(*node, branches));
            let standing = removed_value(member, &cut, Some(by));
            put(w, vault, EntityKind::Member, EntityId(node.0), &[(STANDING, standing)])?;
        }
        let of_them = roster.active().filter(|(node, _)| !nodes.contains(node));
        let of_them = of_them.filter(|(_, member)| member.goes_on_from(|of| nodes.contains(&of)));
        let of_them = of_them.map(|(node, _)| (node, None));
        for (node, over) in of_them.chain(kept.map(|(node, over)| (node, Some(over)))) {
            put(w, vault, EntityKind::Member, EntityId(node.0), &[(STANDING, restored_value(over))])?;
        }
        begin_epoch(w, vault, key)
    })?;
    Ok(key.epoch)
}

/// Lets a node back in that was taken out: everything that it wrote counts, also what it wrote since.
///
/// # Errors
/// What the store says.
pub fn restore(store: &Store, actor: &ActorName, vault: NamespaceId, roster: &Roster, node: NodeId) -> Result<()> {
    let over = roster.nodes.get(&node).and_then(|member| member.removed_by);
    store.write::<_, Error>(actor, |w| {
        put(w, vault, EntityKind::Member, EntityId(node.0), &[(STANDING, restored_value(over))])
    })
}

/// Begins a new epoch: what is sealed from now on cannot be read by who is no member any longer.
///
/// # Errors
/// What the store says; then the key is here and is not used.
pub fn rotate(
    store: &Store,
    actor: &ActorName,
    keys: &mut VaultKeys,
    roster: &Roster,
    surroundings: &dyn Surroundings,
) -> Result<u32> {
    let (vault, key) = (keys.vault, next_key(store, keys, roster, surroundings)?);
    store.write::<_, Error>(actor, |w| begin_epoch(w, vault, key))?;
    Ok(key.epoch)
}

/// A key for the next epoch, kept before anybody is told of it: one that is lost could never be had again.
fn next_key(store: &Store, keys: &mut VaultKeys, roster: &Roster, surroundings: &dyn Surroundings) -> Result<KeyId> {
    // What only lies in a key ring does not count: anybody may have put it there, with the last number there is.
    let newest = keys.newest_given().map_or(0, |key| key.id.epoch);
    let newest = newest.max(roster.key.map_or(0, |key| key.epoch));
    let epoch = newest.checked_add(1).ok_or_else(|| Error::internal("there are no more epochs"))?;
    let key = keys.make_key(epoch, surroundings);
    keys.save(store)?;
    Ok(key.id)
}

fn begin_epoch(w: &mut WriteTx<'_>, vault: NamespaceId, key: KeyId) -> Result<()> {
    put(w, vault, EntityKind::Vault, EntityId(vault.0), &[(EPOCH, epoch_value(key))])
}

/// Wraps keys for a person too.
///
/// # Errors
/// What the store says.
pub fn add_recipient(store: &Store, actor: &ActorName, vault: NamespaceId, recipient: &str) -> Result<()> {
    store.write::<_, Error>(actor, |w| {
        if recipient_dots(w, vault, recipient)?.is_empty() {
            draft_recipients(w, vault, &SetEdit { add: vec![recipient.to_owned()], remove: Vec::new() });
        }
        Ok(())
    })
}

/// Wraps keys for a person no longer, and begins a new epoch in the same act; answers it.
///
/// # Errors
/// `not_found` where keys are not wrapped for it; as [`rotate`].
pub fn remove_recipient(
    store: &Store,
    actor: &ActorName,
    (keys, roster): (&mut VaultKeys, &Roster),
    recipient: &str,
    surroundings: &dyn Surroundings,
) -> Result<u32> {
    if !roster.recipients.iter().any(|known| known == recipient) {
        return Err(Error::new(Code::NotFound, "keys are not wrapped for this recipient")
            .hint("`jay vault members` lists for whom they are."));
    }
    let (vault, key) = (keys.vault, next_key(store, keys, roster, surroundings)?);
    store.write::<_, Error>(actor, |w| {
        let remove = recipient_dots(w, vault, recipient)?;
        draft_recipients(w, vault, &SetEdit { add: Vec::new(), remove });
        begin_epoch(w, vault, key)
    })?;
    Ok(key.epoch)
}

fn recipient_dots(tx: &Tx<'_>, vault: NamespaceId, recipient: &str) -> Result<Vec<ElementDot>> {
    let state = state_of(tx, vault, EntityKind::Vault, EntityId(vault.0))?;
    Ok(state.map(|state| state.element_dots(RECIPIENTS, recipient)).unwrap_or_default())
}

fn draft_recipients(w: &mut WriteTx<'_>, vault: NamespaceId, edit: &SetEdit) {
    let body = Body::default().with_set(RECIPIENTS, edit);
    w.draft(Draft::new(vault, EntityKind::Vault, EntityId(vault.0), Op::Update, body));
}

/// Whether a change is here.
pub type Held<'a> = &'a dyn Fn(StreamId, u64, Hash) -> Result<bool>;

/// Vouches for history: streams of nodes that the roster does not know count up to where this store holds them, and those of
/// removed nodes as far as this store took them in before it knew. `is_held` tells of a change whether it is here. Answers how many
/// nodes that were.
///
/// # Errors
/// What the store says.
pub fn vouch(
    store: &Store,
    actor: &ActorName,
    vault: NamespaceId,
    roster: &Roster,
    (branches, is_held): (&[Branch], Held<'_>),
) -> Result<usize> {
    let mut news: Vec<(NodeId, Value)> = Vec::new();
    let nodes: BTreeSet<NodeId> = branches.iter().map(|branch| branch.stream.node).collect();
    for node in nodes {
        match roster.nodes.get(&node) {
            None => news.push((node, history_value(&Cut::of(node, branches)))),
            Some(member) => {
                let Some(before) = &member.removed else { continue };
                let all = with_held(before, branches.iter().filter(|branch| branch.stream.node == node), is_held)?;
                if all != *before {
                    news.push((node, removed_value(member, &all, member.removed_by)));
                }
            }
        }
    }
    if !news.is_empty() {
        store.write::<_, Error>(actor, |w| {
            for (node, standing) in &news {
                put_vouching(w, vault, EntityId(node.0), standing)?;
            }
            Ok(())
        })?;
    }
    Ok(news.len())
}

/// A cut that lets the branches count too that are held here. One that may still grow into a named end is not named by itself: it
/// is on its way there.
fn with_held<'b>(before: &Cut, held: impl Iterator<Item = &'b Branch>, is_held: Held<'_>) -> Result<Cut> {
    let mut all = before.clone();
    for branch in held {
        let mut may_grow = false;
        for (seq, hash) in before.ends(branch.stream).filter(|(seq, _)| *seq > branch.head_seq) {
            may_grow |= !is_held(branch.stream, seq, hash)?;
        }
        if !may_grow {
            all.name(branch);
        }
    }
    Ok(all)
}

/// Writes value registers of an entity over all heads that are seen; creates it where it is not here.
fn put(
    w: &mut WriteTx<'_>,
    vault: NamespaceId,
    kind: EntityKind,
    id: EntityId,
    values: &[(Register, Value)],
) -> Result<()> {
    let state = state_of(w, vault, kind, id)?;
    let mut body = Body::default();
    for (register, value) in values {
        body = body.with(*register, value.clone());
        let heads = state.as_ref().map(|state| state.head_dots(*register)).unwrap_or_default();
        if !heads.is_empty() {
            body.replaces.insert(register.name.to_owned(), heads);
        }
    }
    let op = if state.is_some_and(|state| state.created.is_some()) { Op::Update } else { Op::Create };
    w.draft(Draft::new(vault, kind, id, op, body));
    Ok(())
}

/// Vouches beside what else was said of the node's standing, in place of what was vouched before.
fn put_vouching(w: &mut WriteTx<'_>, vault: NamespaceId, node: EntityId, standing: &Value) -> Result<()> {
    let state = state_of(w, vault, EntityKind::Member, node)?;
    let mut body = Body::default().with(STANDING, standing.clone());
    let heads = state.iter().filter_map(|state| state.values.get(STANDING.name)).flat_map(|heads| &heads.0);
    let vouched: Vec<_> = heads.filter(|write| standing::is_vouching(write)).map(Write::dot).collect();
    if !vouched.is_empty() {
        body.replaces.insert(STANDING.name.to_owned(), vouched);
    }
    let op = if state.is_some_and(|state| state.created.is_some()) { Op::Update } else { Op::Create };
    w.draft(Draft::new(vault, EntityKind::Member, node, op, body));
    Ok(())
}

fn state_of(tx: &Tx<'_>, vault: NamespaceId, kind: EntityKind, id: EntityId) -> Result<Option<EntityState>> {
    let states = tx.states_of(vault, kind)?;
    Ok(states.into_iter().find(|(found, _)| *found == id).map(|(_, state)| state))
}
