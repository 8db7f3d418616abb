//! Who belongs to a vault, as the journal says it, and whose changes therefore count.
//!
//! **Invariant:** a pure reading of the vault's and its members' registers; of a node that the journal does not know yet what
//! the invitation told counts.

use super::cut::Cut;
use super::keys::{KnownNode, VaultKeys};
use super::standing::{self, Standing};
use crate::format::clear::KeyId;
use jay_store::Tx;
use jay_types::change::registry::{EPOCH, NAME, PUBLIC_KEY, RECIPIENT, RECIPIENTS, STANDING};
use jay_types::change::{EntityKind, EntityState};
use jay_types::id::{from_hex, to_hex};
use jay_types::{NodeId, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a node came in that goes on from a member.
pub const ADMITTED_SUCCESSION: &str = "succession";
/// How a node came in that goes on from a member and found nobody who could say so: until another member says it.
pub const ADMITTED_ITSELF: &str = "itself";

/// A node of which no more counts than what a member held of it.
pub const ADMITTED_HISTORY: &str = "history";

/// A node of a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What people call it: a machine's name.
    pub name: String,
    /// Its public key; none where only its history counts.
    pub public_key: Option<[u8; 32]>,
    /// For whom keys are wrapped for it.
    pub recipient: Option<String>,
    /// Up to where its streams count, where it is no member any longer.
    pub removed: Option<Cut>,
    /// What members say that they hold of it: what counts where it is taken out along with whom it goes on from.
    pub vouched: Cut,
    /// Who took it out.
    pub removed_by: Option<NodeId>,
    /// Against whom a person said that it belongs to the vault, where both had taken out each other.
    pub over: Option<NodeId>,
    /// How it came in: `founder`, `invite`, `succession`, `itself`, `person`, `history`.
    pub admitted: String,
    /// The node that it goes on from.
    pub of: Option<NodeId>,
    /// Those between that one and this.
    pub through: Vec<NodeId>,
}

impl Member {
    /// True where it goes on from one of these nodes.
    #[must_use]
    pub fn goes_on_from(&self, is_one: impl Fn(NodeId) -> bool) -> bool {
        self.of.iter().chain(&self.through).any(|of| is_one(*of))
    }
}

/// Whether changes of a stream may be journalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted<'r> {
    /// Their author is a member.
    Yes,
    /// Their author was removed: what leads to an end that is named, and nothing else.
    UpTo(&'r Cut),
    /// Their author is not known here: it may become a member.
    Unknown,
}

/// A vault's members at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// By node.
    pub nodes: BTreeMap<NodeId, Member>,
    /// The key in which files are sealed from now on.
    pub key: Option<KeyId>,
    /// Who changed the key at the same time, none knowing of the other: whose key counts first. Empty where that is settled.
    pub rivals: Vec<NodeId>,
    /// People for whom keys are wrapped too.
    pub recipients: Vec<String>,
    /// Nodes of which the journal itself says something.
    journalled: Vec<NodeId>,
    /// Nodes that this data directory was before: what they wrote is its own.
    pub past: Vec<NodeId>,
}

impl Roster {
    /// The roster of the vault whose keys are here.
    ///
    /// # Errors
    /// What the store says.
    pub fn read(tx: &Tx<'_>, keys: &VaultKeys) -> Result<Self> {
        let mut roster = Self::default();
        for told in std::iter::once(&keys.founder).chain(&keys.told) {
            let admitted = if told.node == keys.founder.node { "founder" } else { "invite" };
            roster.nodes.insert(told.node, member_of(told, admitted));
        }
        for (id, state) in tx.states_of(keys.vault, EntityKind::Member)? {
            let node = NodeId(id.0);
            if state.value(STANDING).is_some() {
                roster.nodes.insert(node, read_member(&state));
                roster.journalled.push(node);
            } else if let Some(told) = roster.nodes.get_mut(&node) {
                // It spoke of itself, and who let it in has not been heard yet.
                told.recipient = read_member(&state).recipient.or(told.recipient.take());
            }
        }
        for (id, state) in tx.states_of(keys.vault, EntityKind::Vault)? {
            if id.0 == keys.vault.0 {
                roster.key = state.value(EPOCH).and_then(read_epoch);
                let heads = state.values.get(EPOCH.name).map(|heads| heads.0.as_slice()).unwrap_or_default();
                if heads.len() > 1 {
                    roster.rivals = heads.iter().map(|write| write.stamp.order.node).collect();
                }
                roster.recipients =
                    state.sets.get(RECIPIENTS.name).into_iter().flatten().map(|(r, _)| r.clone()).collect();
            }
        }
        roster.take_out_successors();
        Ok(roster)
    }

    /// Who was let in for going on from a node that is taken out counts no more than that one: whoever let it in did not know.
    fn take_out_successors(&mut self) {
        let goes_on = |member: &Member| matches!(member.admitted.as_str(), ADMITTED_SUCCESSION | ADMITTED_ITSELF);
        loop {
            let lost: Vec<NodeId> = self
                .active()
                .filter(|(_, member)| goes_on(member) && member.goes_on_from(|of| self.was_removed(of)))
                .map(|(node, _)| node)
                .collect();
            if lost.is_empty() {
                return;
            }
            for node in lost {
                if let Some(member) = self.nodes.get_mut(&node) {
                    member.removed = Some(member.vouched.clone());
                }
            }
        }
    }

    /// True where the journal itself says something of a node.
    #[must_use]
    pub fn is_journalled(&self, node: NodeId) -> bool {
        self.journalled.contains(&node)
    }

    /// True where a node was taken out. Of whom only the history counts was none of the vault's, and may still be let in.
    #[must_use]
    pub fn was_removed(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|member| member.removed.is_some() && member.admitted != ADMITTED_HISTORY)
    }

    /// Whether changes of a node count.
    #[must_use]
    pub fn accepts(&self, node: NodeId) -> Accepted<'_> {
        if self.past.contains(&node) && !self.was_removed(node) {
            return Accepted::Yes;
        }
        match self.nodes.get(&node).map(|member| &member.removed) {
            None => Accepted::Unknown,
            Some(None) => Accepted::Yes,
            Some(Some(cut)) => Accepted::UpTo(cut),
        }
    }

    /// The nodes that are members now.
    pub fn active(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.nodes.iter().filter(|(_, member)| member.removed.is_none()).map(|(node, member)| (*node, member))
    }

    /// True where a node is a member now.
    #[must_use]
    pub fn is_member(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|member| member.removed.is_none())
    }

    /// Whose turn it is to settle which key counts: members that changed it at the same time first, then the others. A place in that order;
    /// none for who is no member, and where nothing is to settle.
    #[must_use]
    pub fn turn_to_settle(&self, node: NodeId) -> Option<usize> {
        if self.rivals.is_empty() {
            return None;
        }
        let others = self.nodes.keys().filter(|node| !self.rivals.contains(node));
        let mut all = Vec::new();
        for next in self.rivals.iter().chain(others).filter(|next| self.is_member(**next)) {
            if !all.contains(next) {
                all.push(*next);
            }
        }
        all.iter().position(|next| *next == node)
    }

    /// For whom keys are wrapped, each once, in order.
    #[must_use]
    pub fn wrapped_for(&self) -> Vec<String> {
        let members = self.active().filter_map(|(_, member)| member.recipient.clone());
        let mut all: Vec<String> = members.chain(self.recipients.iter().cloned()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What an invitation tells of the members.
    #[must_use]
    pub fn told(&self) -> Vec<KnownNode> {
        self.nodes
            .iter()
            .map(|(node, member)| KnownNode {
                node: *node,
                public_key: member.public_key.map(|key| to_hex(&key)).unwrap_or_default(),
                name: member.name.clone(),
                removed: member.removed.clone(),
            })
            .collect()
    }
}

fn member_of(told: &KnownNode, admitted: &str) -> Member {
    // Of whom nobody knows the key nobody let it in.
    let is_history = told.removed.is_some() && told.public_key.is_empty();
    let admitted = if is_history { ADMITTED_HISTORY } else { admitted };
    Member {
        name: told.name.clone(),
        public_key: from_hex(&told.public_key),
        recipient: None,
        removed: told.removed.clone(),
        vouched: told.removed.clone().unwrap_or_default(),
        removed_by: None,
        over: None,
        admitted: admitted.to_owned(),
        of: None,
        through: Vec::new(),
    }
}

fn read_member(state: &EntityState) -> Member {
    let text = |register| state.value(register).and_then(Value::as_str).map(str::to_owned);
    let Standing { is_member, counts, removed_by, over, admitted, of, through } =
        state.values.get(STANDING.name).and_then(standing::read).unwrap_or_default();
    Member {
        name: text(NAME).unwrap_or_default(),
        public_key: text(PUBLIC_KEY).as_deref().and_then(from_hex),
        recipient: text(RECIPIENT),
        removed: (!is_member).then(|| counts.clone()),
        vouched: counts,
        removed_by,
        over,
        admitted,
        of,
        through,
    }
}

fn read_epoch(value: &Value) -> Option<KeyId> {
    let number = value.get("number")?.as_u64()?;
    Some(KeyId { epoch: u32::try_from(number).ok()?, id: from_hex(value.get("key")?.as_str()?)? })
}

/// An epoch as the register holds it.
#[must_use]
pub fn epoch_value(key: KeyId) -> Value {
    json!({"number": key.epoch, "key": to_hex(&key.id)})
}
