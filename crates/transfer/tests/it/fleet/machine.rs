//! One machine of a fleet.

use super::Change;
use crate::world::Home;
use jay_store::Store;
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::roster::Roster;
use jay_types::{Error, NodeId};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// How a machine stands to the vault.
pub(crate) enum Standing {
    /// It writes, and does not belong to it yet.
    Outside,
    /// It has a code.
    Invited(InviteCode),
    /// It has joined.
    Joined,
    /// It was taken out.
    Removed,
}

/// A machine.
pub(crate) struct Machine {
    pub(crate) home: Home,
    pub(crate) view: usize,
    pub(crate) standing: Standing,
    /// Steps for which it does not sync.
    pub(super) offline: u64,
    /// What it wrote since it last pushed.
    pub(super) unpushed: Vec<Change>,
    /// How far its journals were looked at.
    pub(super) looked: [u64; 2],
    pub(super) saved: Option<TempDir>,
    /// Another machine writes, or wrote, as the same node.
    pub(super) is_doubled: bool,
    /// Its clock was put wrong once and for all; it may jump besides.
    pub(super) is_clock_wrong: bool,
}

impl Machine {
    pub(super) fn new(home: Home, view: usize, standing: Standing) -> Self {
        let (unpushed, looked) = (Vec::new(), [0, 0]);
        Self {
            home,
            view,
            standing,
            offline: 0,
            unpushed,
            looked,
            saved: None,
            is_doubled: false,
            is_clock_wrong: false,
        }
    }

    pub(crate) fn stores(&self) -> [&Store; 2] {
        [&self.home.memory, &self.home.archive]
    }

    pub(crate) fn is_left(&self) -> bool {
        !matches!(self.standing, Standing::Removed)
    }

    /// Every node that this machine is or was.
    pub(crate) fn nodes(&self) -> BTreeSet<NodeId> {
        let past = self.home.memory.successions().unwrap();
        past.iter().map(|link| link.from).chain([self.home.id()]).collect()
    }

    /// What a person on this machine knows of the vault.
    pub(crate) fn vault(&self) -> (VaultKeys, Roster) {
        self.home.vault()
    }

    pub(crate) fn is_member(&self) -> bool {
        VaultKeys::load(&self.home.memory).unwrap().is_some() && self.vault().1.is_member(self.home.id())
    }

    pub(crate) fn has(&self, (stream, seq, hash): Change) -> bool {
        let store = self.stores()[usize::from(stream.journal)];
        store.exists() && store.read::<_, Error>(|tx| Ok(tx.has_change(stream, seq, hash)?)).unwrap()
    }
}
