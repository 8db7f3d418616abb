//! What may be given to a model on another machine: nothing of a namespace that is private under any of its names.
//!
//! **Invariant:** what is not known to be open is private.

use crate::call::Call;
use crate::engine::Engine;
use jay_types::namespace::NamespacePath;
use jay_types::{NamespaceId, Result};
use std::collections::BTreeSet;

/// Why a text waits for no model, as `jay jobs list` shows it.
pub(crate) const REASON: &str = "private: not sent to another machine";

/// Which texts the model in use is given.
pub(crate) struct Sharing {
    /// The namespaces that it may see; none for all.
    open: Option<BTreeSet<NamespaceId>>,
}

impl Sharing {
    /// Of a model that stays on this machine, or of none.
    pub(crate) const fn everything() -> Self {
        Self { open: None }
    }

    /// Of a model on another machine.
    pub(crate) fn open_ones(engine: &Engine) -> Result<Self> {
        let open = engine.memory.read(|tx| -> Result<_> {
            // What was merged into a private one is private, and so is what was private itself.
            let names = tx.all_names()?.into_iter();
            Ok(names.filter(|(_, names)| !names.is_private()).map(|(id, _)| id).collect())
        })?;
        Ok(Self { open: Some(open) })
    }

    /// True where the model may be given a text of the namespace.
    pub(crate) fn takes(&self, namespace: Option<NamespaceId>) -> bool {
        self.open.as_ref().is_none_or(|open| namespace.is_some_and(|id| open.contains(&id)))
    }

    /// Differs where it takes other texts.
    pub(crate) fn rule(&self) -> String {
        let Some(open) = &self.open else { return "everything".to_owned() };
        let mut hasher = blake3::Hasher::new();
        for id in open {
            hasher.update(id.to_string().as_bytes());
        }
        format!("open {}", hasher.finalize().to_hex())
    }
}

/// True where a question is asked within a private namespace: the caller's, or the one that it names.
pub(crate) fn is_asked_in_private(call: &Call<'_>, named: Option<&NamespacePath>) -> bool {
    let within = |path: &NamespacePath| {
        path.is_private()
            || call
                .engine
                .memory
                .read(|tx| -> Result<bool> {
                    for num in tx.namespaces_at(path.as_str())? {
                        if tx.names_of(num)?.is_private() {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                })
                .unwrap_or(true)
    };
    within(&call.caller.namespace) || named.is_some_and(within)
}
