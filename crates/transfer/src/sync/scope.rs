//! Which streams go to and come from a remote.
//!
//! **Invariant:** whole streams or nothing; the vault's own namespace always; what is private, and what has no known path,
//! never.

use super::config::RemoteConfig;
use jay_store::{Branch, Tx};
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::change::registry::PATH;
use jay_types::change::{EntityKind, Header};
use jay_types::namespace::Names;
use jay_types::{NamespaceId, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a namespace is shared with a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    Yes,
    No,
    /// Its path is not known yet.
    Unknown,
}

/// The path of a namespace that is not taken in, with the clock of the change that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    clock: u64,
    path: String,
}

/// What a remote shares, by the names that namespaces have now.
pub(super) struct Scope<'a> {
    remote: &'a RemoteConfig,
    vault: NamespaceId,
    names: BTreeMap<NamespaceId, Names>,
    elsewhere: &'a BTreeMap<NamespaceId, Elsewhere>,
}

impl<'a> Scope<'a> {
    /// The scope of a remote; `tx` is of the memory, which knows the paths of what was taken in, `elsewhere` those of what was left out.
    pub(super) fn read(
        tx: &Tx<'_>,
        remote: &'a RemoteConfig,
        vault: NamespaceId,
        elsewhere: &'a BTreeMap<NamespaceId, Elsewhere>,
    ) -> Result<Self> {
        Ok(Self { remote, vault, names: tx.all_names()?, elsewhere })
    }

    /// Whether a stream is to be taken in. One that is here and is shared no longer is again where others renamed it once more.
    pub(super) fn shares(&self, stream: StreamId) -> Shared {
        match (self.gives(stream), self.elsewhere.get(&stream.namespace)) {
            (Shared::Yes, _) => Shared::Yes,
            (_, Some(elsewhere)) if self.takes_journal(stream) && self.remote.shares(&elsewhere.path) => Shared::Yes,
            (Shared::Unknown, Some(_)) => Shared::No,
            (given, _) => given,
        }
    }

    /// Whether a stream is to be given: by the names that its namespace has here.
    pub(super) fn gives(&self, stream: StreamId) -> Shared {
        if stream.namespace == self.vault {
            return if stream.journal == 0 { Shared::Yes } else { Shared::No };
        }
        if !self.takes_journal(stream) {
            return Shared::No;
        }
        match self.names.get(&stream.namespace) {
            Some(names) if self.remote.gives(names) => Shared::Yes,
            Some(_) => Shared::No,
            None => Shared::Unknown,
        }
    }

    const fn takes_journal(&self, stream: StreamId) -> bool {
        stream.journal == 0 || self.remote.archive
    }

    /// Which of these namespaces are given now.
    pub(super) fn given(&self, namespaces: impl Iterator<Item = NamespaceId>) -> BTreeSet<NamespaceId> {
        namespaces.filter(|ns| self.names.get(ns).is_some_and(|names| self.remote.gives(names))).collect()
    }

    /// The branches that this store shares with the remote.
    pub(super) fn shared(&self, branches: Vec<Branch>) -> Vec<Branch> {
        branches.into_iter().filter(|branch| self.gives(branch.stream) == Shared::Yes).collect()
    }
}

/// True for a change that says something of its own namespace, such as its path.
pub(super) fn is_of_namespace(header: &Header) -> bool {
    header.kind == EntityKind::Namespace.number() && header.entity.0 == header.namespace.0
}

/// Learns the paths that entries give to namespaces, so that these can be judged though they are not here. Whether the entries are to be
/// believed the caller knows.
pub(super) fn learn(elsewhere: &mut BTreeMap<NamespaceId, Elsewhere>, entries: &[FrameEntry]) {
    for entry in entries {
        let Ok(header) = Header::decode(&entry.header) else { continue };
        if !is_of_namespace(&header) {
            continue;
        }
        let body = entry.stored_body(&header).and_then(|body| body.read().ok());
        let path = body.as_ref().and_then(|body| body.registers.get(PATH.name)).and_then(|path| path.as_str());
        let is_newer = elsewhere.get(&header.namespace).is_none_or(|known| known.clock <= header.hlc.0);
        if let Some(path) = path.filter(|_| is_newer) {
            elsewhere.insert(header.namespace, Elsewhere { clock: header.hlc.0, path: path.to_owned() });
        }
    }
}
