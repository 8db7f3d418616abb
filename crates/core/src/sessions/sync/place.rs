//! In which namespace a session is put, and the change that puts a block of it there.
//!
//! **Invariant:** a session stays where it is; a new one goes to its repository's namespace, else to its directory's.

use super::{BlockDraft, Run};
use crate::secrets::masked_name;
use jay_store::Draft;
use jay_types::change::block::Block;
use jay_types::namespace::{NamespacePath, normalise_git_remote};
use jay_types::session::SessionMeta;
use jay_types::{EntityId, NamespaceId, Result};
use std::path::Path;

impl Run<'_> {
    /// The change that holds a block; none for a session that was purged. That one gets no namespace either, which
    /// would be named by its project.
    pub(super) fn draft(&mut self, block: &Block) -> Result<Option<BlockDraft>> {
        let id = EntityId::derived("session", &[&block.session.client, &block.session.id]);
        let messages = block.messages.iter().filter(|message| message.role.is_some()).count() as u64;
        if self.call.engine.archive.read(|tx| tx.is_session_purged(id))? {
            *self.left_out.entry(id).or_default() += messages;
            return Ok(None);
        }
        let namespace = self.place(&block.session)?;
        let foreseen = self.call.engine.archive.foresee_block(block);
        Ok(Some(BlockDraft { draft: Draft::block(namespace, id, block.to_json()), messages, foreseen }))
    }

    /// The namespace of a session: where it is already, else that of its repository or directory.
    fn place(&mut self, session: &SessionMeta) -> Result<NamespaceId> {
        let key = (session.client.clone(), session.id.clone());
        if let Some(id) = self.placed.get(&key) {
            return Ok(*id);
        }
        let here = self.call.engine.archive.read(|tx| tx.session_namespace(&session.client, &session.id))?;
        let id = match here {
            Some(id) => id,
            None => {
                self.inserted.insert(key.clone());
                let path = self.path_of(session)?;
                self.call.namespace_id(&path)?
            }
        };
        self.placed.insert(key, id);
        Ok(id)
    }

    fn path_of(&mut self, session: &SessionMeta) -> Result<NamespacePath> {
        if let Some(remote) = session.git_remote.as_deref().and_then(normalise_git_remote) {
            let bound = self.call.engine.memory.read(|tx| tx.path_of_remote(&remote))?;
            return Ok(without_secrets(NamespacePath::from_words(bound.as_deref().unwrap_or(&remote))));
        }
        let Some(project) = &session.project else {
            return Ok(if self.has_path { self.call.caller.namespace.clone() } else { NamespacePath::global() });
        };
        if let Some(path) = self.directories.get(project) {
            return Ok(path.clone());
        }
        let ask = self.call.engine.options.namespace_of.as_ref();
        let path =
            ask.and_then(|ask| (ask.0)(Path::new(project))).unwrap_or_else(|| NamespacePath::from_words(project));
        let path = without_secrets(path);
        self.directories.insert(project.clone(), path.clone());
        Ok(path)
    }
}

/// A path that may be made: a secret in a project's name must not become a name that is kept and shown for good.
fn without_secrets(path: NamespacePath) -> NamespacePath {
    let masked = masked_name(path.as_str().to_owned());
    if masked == path.as_str() { path } else { NamespacePath::from_words(&masked) }
}
