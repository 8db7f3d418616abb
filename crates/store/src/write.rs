//! A write: what one actor drafts in one transaction becomes one act (J1, I1).

use crate::journal::append;
use crate::open::Store;
use crate::read::actors::ActorName;
use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::change::registry::{FORGET_KEY, PATH};
use jay_types::change::{Body, EntityKind, Journal, NodeKey, Op};
use jay_types::id::to_hex;
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::{Surroundings, new_id, random};
use jay_types::{ActId, EntityId, NamespaceId, Timestamp};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::ops::Deref;

/// A change before it has its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its stream's namespace.
    pub namespace: NamespaceId,
    /// What the entity is.
    pub kind: EntityKind,
    /// The entity.
    pub entity: EntityId,
    /// What it does.
    pub op: Op,
    /// What it writes.
    pub content: Content,
}

/// The body of a draft.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Registers.
    Registers(Body),
    /// The JSON of an archive block.
    Json(Vec<u8>),
}

impl Draft {
    /// A draft of registers.
    #[must_use]
    pub const fn new(namespace: NamespaceId, kind: EntityKind, entity: EntityId, op: Op, body: Body) -> Self {
        Self { namespace, kind, entity, op, content: Content::Registers(body) }
    }

    /// A draft of an archive block.
    #[must_use]
    pub const fn block(namespace: NamespaceId, session: EntityId, json: Vec<u8>) -> Self {
        Self { namespace, kind: EntityKind::Session, entity: session, op: Op::Block, content: Content::Json(json) }
    }

    /// A draft of what an archive block says, read once more.
    #[must_use]
    pub const fn reparse(namespace: NamespaceId, session: EntityId, json: Vec<u8>) -> Self {
        Self { namespace, kind: EntityKind::Session, entity: session, op: Op::Reparse, content: Content::Json(json) }
    }
}

/// The inside of [`Store::write`]: every question of [`Tx`], and drafts.
pub struct WriteTx<'c> {
    tx: Tx<'c>,
    pub(crate) store: &'c Store,
    pub(crate) actor: ActorName,
    pub(crate) now: Timestamp,
    pub(crate) act: ActId,
    pub(crate) key: NodeKey,
    drafts: Vec<Draft>,
    touched: BTreeSet<i64>,
    /// Namespaces that this act makes: their rows are there only when it ends.
    made: Vec<(NamespacePath, NamespaceId, i64)>,
}

impl<'c> Deref for WriteTx<'c> {
    type Target = Tx<'c>;
    fn deref(&self) -> &Tx<'c> {
        &self.tx
    }
}

impl<'c> WriteTx<'c> {
    /// The wall clock at the start of the act.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The act that is being made.
    #[must_use]
    pub const fn act(&self) -> ActId {
        self.act
    }

    /// A fresh id for an entity.
    #[must_use]
    pub fn new_id(&self) -> EntityId {
        new_id(self.store.options.surroundings.as_ref())
    }

    /// The node in whose streams the act is written.
    #[must_use]
    pub fn node(&self) -> jay_types::NodeId {
        self.key.node_id()
    }

    /// Takes jobs off the queue that this act has done.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn finish_jobs(&self, nums: &[i64]) -> Result<()> {
        for num in nums {
            self.execute("DELETE FROM jobs WHERE num = ?1", [num])?;
        }
        Ok(())
    }

    pub(crate) fn surroundings(&self) -> &dyn Surroundings {
        self.store.options.surroundings.as_ref()
    }

    /// Adds a change to the act. It is chained, signed, journalled and projected when the act ends, in the order given.
    pub fn draft(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// The namespace that a path means for writes: the one that this store bound first, made where there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace(&mut self, path: &NamespacePath) -> Result<(NamespaceId, i64)> {
        if let Some((_, id, num)) = self.made.iter().find(|(made, ..)| made == path) {
            return Ok((*id, *num));
        }
        if let Some(num) = self.namespaces_at(path.as_str())?.first().copied() {
            return Ok((self.namespace_id(num)?, num));
        }
        let id = NamespaceId(self.new_id().0);
        let num = self.number_namespace(id)?;
        if self.journal == Journal::Memory {
            let forget_key: [u8; 32] = random(self.surroundings());
            let body = Body::default().with(PATH, path.as_str()).with(FORGET_KEY, to_hex(&forget_key));
            let entity = EntityId::of_namespace(id);
            self.draft(Draft::new(id, EntityKind::Namespace, entity, Op::Create, body));
        }
        self.made.push((path.clone(), id, num));
        Ok((id, num))
    }

    /// As [`Tx::forgotten_text`]; knows the path of a namespace that this act makes, too.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forgotten_text(&self, namespace: i64, text: &str) -> Result<Option<EntityId>> {
        let mut paths = self.paths_of(namespace)?;
        paths.extend(self.made.iter().filter(|(.., num)| *num == namespace).map(|(path, ..)| path.to_string()));
        self.forgotten_at(namespace, &paths, text)
    }

    /// Journals and projects what is drafted so far as an act of its own, and begins another: for writes that are more
    /// than one act may hold.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn next_act(&mut self) -> Result<()> {
        self.finish()?;
        self.act = ActId(new_id(self.surroundings()).0);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let drafts = std::mem::take(&mut self.drafts);
        if drafts.is_empty() {
            return Ok(());
        }
        let touched = append::append(self, drafts)?;
        self.touched.extend(&touched);
        let memories = crate::project::entities(&self.tx, &touched, self.now.0)?.memories;
        // What is said here may be what another node wrote too: an edit, what a move brings, what an undo brings to light.
        crate::project::alias::queue_looks(&self.tx, &memories, self.node(), self.now.0)?;
        Ok(())
    }
}

impl Store {
    /// Runs `write` as one act of `actor`; returns when it is durable. Where it fails, nothing of it is stored.
    ///
    /// # Errors
    /// What `write` returns; `bad_input` where the act is over its bounds, `busy` after 30 s behind other processes,
    /// `refused` where the wall clock is not believable, `io`.
    pub fn write<T, E: From<StoreError>>(
        &self,
        actor: &ActorName,
        write: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // Also where a connection is open: what is written to a file that was removed is in no file.
        self.demand_file()?;
        self.group.run(
            || self.open_writer(),
            &self.ready()?,
            |connection| {
                let mut w = self.write_tx(connection, actor)?;
                let value = write(&mut w)?;
                w.finish()?;
                Ok(value)
            },
        )
    }

    fn write_tx<'c>(&'c self, connection: &'c Connection, actor: &ActorName) -> Result<WriteTx<'c>> {
        Ok(WriteTx {
            tx: self.tx(connection),
            store: self,
            actor: actor.clone(),
            now: self.options.surroundings.now(),
            act: ActId(new_id(self.options.surroundings.as_ref()).0),
            key: self.identity.key()?,
            drafts: Vec::new(),
            touched: BTreeSet::new(),
            made: Vec::new(),
        })
    }

    /// Runs `work`, whose writes on this thread share one commit. An answer may be given only after this returns.
    ///
    /// # Errors
    /// The commit's: then nothing that `work` wrote is stored.
    pub fn group<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        self.group.hold(work)
    }

    /// Commits made by this process and acts in them.
    #[must_use]
    pub fn group_counts(&self) -> (usize, usize) {
        use std::sync::atomic::Ordering;
        (self.group.commits.load(Ordering::Relaxed), self.group.acts.load(Ordering::Relaxed))
    }
}
