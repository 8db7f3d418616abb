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
use jay_types::{NamespaceId, Result};
use std::collections::BTreeMap;

/// Whether a namespace is shared with a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    Yes,
    No,
    /// Its path is not known yet.
    Unknown,
}

/// What a remote shares, by the paths that namespaces have now.
pub(super) struct Scope<'a> {
    remote: &'a RemoteConfig,
    vault: NamespaceId,
    paths: BTreeMap<NamespaceId, String>,
}

impl<'a> Scope<'a> {
    /// The scope of a remote; `tx` is of the memory, which knows the paths.
    pub(super) fn read(tx: &Tx<'_>, remote: &'a RemoteConfig, vault: NamespaceId) -> Result<Self> {
        Ok(Self { remote, vault, paths: tx.namespace_paths()?.into_iter().collect() })
    }

    pub(super) fn shares(&self, stream: StreamId) -> Shared {
        if stream.namespace == self.vault {
            return if stream.journal == 0 { Shared::Yes } else { Shared::No };
        }
        if stream.journal != 0 && !self.remote.archive {
            return Shared::No;
        }
        match self.paths.get(&stream.namespace) {
            Some(path) if self.remote.shares(path) => Shared::Yes,
            Some(_) => Shared::No,
            None => Shared::Unknown,
        }
    }

    /// Learns the paths of namespaces that entries create, so that they can be judged before they are here.
    pub(super) fn learn(&mut self, entries: &[FrameEntry]) {
        for entry in entries {
            let Ok(header) = Header::decode(&entry.header) else { continue };
            let names = header.kind == EntityKind::Namespace.number() && header.entity.0 == header.namespace.0;
            if !names || self.paths.contains_key(&header.namespace) {
                continue;
            }
            let body = entry.stored_body(&header).and_then(|body| body.read().ok());
            let path = body.as_ref().and_then(|body| body.registers.get(PATH.name)).and_then(|path| path.as_str());
            if let Some(path) = path {
                self.paths.insert(header.namespace, path.to_owned());
            }
        }
    }

    /// The branches that this store shares with the remote.
    pub(super) fn shared(&self, branches: Vec<Branch>) -> Vec<Branch> {
        branches.into_iter().filter(|branch| self.shares(branch.stream) == Shared::Yes).collect()
    }
}
