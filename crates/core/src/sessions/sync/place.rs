//! In which namespace a session is put, and the change that puts a block of it there.
//!
//! **Invariant:** a session stays where it is; a new one goes where its project's file says, else to its repository's
//! namespace, else to its directory's.

use super::{BlockDraft, Run};
use crate::engine::DirectoryName;
use crate::namespaces::without_secrets;
use jay_store::Draft;
use jay_types::change::block::Block;
use jay_types::namespace::{NamespacePath, normalise_git_remote};
use jay_types::session::SessionMeta;
use jay_types::{EntityId, NamespaceId, Result};
use std::path::Path;

impl Run<'_> {
    /// The change that holds a block; none for a session that is left out. That one gets no namespace either, which would
    /// be named by its project.
    pub(super) fn draft(&mut self, block: &Block) -> Result<Option<BlockDraft>> {
        let id = entity_of(&block.session.client, &block.session.id);
        let messages = block.messages.iter().filter(|message| message.role.is_some()).count() as u64;
        if self.is_left_out(&block.session)? {
            *self.left_out.entry(id).or_default() += messages;
            return Ok(None);
        }
        let namespace = self.place(&block.session)?;
        let foreseen = self.call.engine.archive.foresee_block(block);
        Ok(Some(BlockDraft { draft: Draft::block(namespace, id, block.to_json()), messages, foreseen }))
    }

    /// Whether a session was purged, or is the subagent of one that was.
    pub(super) fn is_left_out(&self, session: &SessionMeta) -> Result<bool> {
        let starter = session.parent.as_deref().filter(|_| session.is_subagent());
        let ids = [session.id.as_str()].into_iter().chain(starter);
        let ids: Vec<EntityId> = ids.map(|id| entity_of(&session.client, id)).collect();
        self.call
            .engine
            .archive
            .read(|tx| ids.iter().try_fold(false, |is_purged, id| Ok(is_purged || tx.is_session_purged(*id)?)))
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
                let path = self.path_of(session)?;
                let id = self.call.namespace_id(&path)?;
                self.inserted.insert(key.clone());
                id
            }
        };
        self.placed.insert(key, id);
        Ok(id)
    }

    /// By the file that pins its directory's, else by its repository, else by the directory: as a caller is placed there.
    fn path_of(&mut self, session: &SessionMeta) -> Result<NamespacePath> {
        let named = session.project.as_deref().map(|project| self.named(project)).transpose()?;
        if let Some(DirectoryName { path, is_pinned: true }) = &named {
            return Ok(path.clone());
        }
        if let Some(remote) = session.git_remote.as_deref().and_then(normalise_git_remote) {
            let bound = self.call.engine.memory.read(|tx| tx.path_of_remote(&remote))?;
            return Ok(without_secrets(NamespacePath::from_words(bound.as_deref().unwrap_or(&remote))));
        }
        Ok(match named {
            Some(named) => named.path,
            None if self.has_path => self.call.caller.namespace.clone(),
            None => NamespacePath::global(),
        })
    }

    fn named(&mut self, project: &str) -> Result<DirectoryName> {
        if let Some(named) = self.directories.get(project) {
            return Ok(named.clone());
        }
        let mut named = match self.call.engine.options.namespace_of.as_ref() {
            Some(ask) => (ask.0)(Path::new(project))?,
            None => DirectoryName { path: NamespacePath::from_words(project), is_pinned: false },
        };
        named.path = without_secrets(named.path);
        self.directories.insert(project.to_owned(), named.clone());
        Ok(named)
    }
}

fn entity_of(client: &str, session: &str) -> EntityId {
    EntityId::derived("session", &[client, session])
}
