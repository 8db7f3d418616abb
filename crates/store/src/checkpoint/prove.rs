//! Proving parts on all cores, while they are read before and journalled behind.
//!
//! **Invariant:** whoever receives a part from here knows that [`prove_part`] holds of it, and gets the parts in their order.

use super::parts::{self, Part};
use super::refused;
use crate::journal::receive::{Received, prove_part, told_key};
use crate::{Result, StoreError};
use jay_types::NodeId;
use jay_types::change::{Header, Journal, Op, PublicKey};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// Changes and bytes from which a batch is handed on.
const BATCH_CHANGES: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches that wait between two threads.
const QUEUED: usize = 2;

/// Parts with the keys of their authors, as far as the file has told them.
#[derive(Default)]
struct Batch {
    parts: Vec<(Part, Option<PublicKey>)>,
    changes: usize,
    bytes: usize,
}

/// Calls `take` with every part of the file once it is proven, in their order.
pub(super) fn each_proven(
    file: Connection,
    journal: Journal,
    now: i64,
    take: &mut dyn FnMut(&Part) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let provers = std::thread::available_parallelism().map_or(1, usize::from);
        let (to_prove, proven): (Vec<_>, Vec<_>) = (0..provers).map(|_| start_prover(scope, now)).unzip();
        scope.spawn(move || {
            let mut batches = Batches { to: to_prove, next: 0, batch: Batch::default(), keys: HashMap::new() };
            let read = parts::each(&file, journal, &|_| true, &mut |part| batches.push(part));
            batches.end(read);
        });
        for batch in (0..provers).cycle() {
            let Some(batch) = proven.get(batch).and_then(|proven| proven.recv().ok()) else { return Ok(()) };
            for part in batch? {
                take(&part)?;
            }
        }
        Ok(())
    })
}

type Read = Result<Batch>;
type Proven = Result<Vec<Part>>;

fn start_prover<'s>(scope: &'s Scope<'s, '_>, now: i64) -> (SyncSender<Read>, Receiver<Proven>) {
    let (to_prove, batches) = sync_channel::<Read>(QUEUED);
    let (to_take, proven) = sync_channel::<Proven>(QUEUED);
    scope.spawn(move || {
        for batch in batches {
            // Where nobody takes any more, there is nothing to prove.
            if to_take.send(batch.and_then(|batch| prove(batch, now))).is_err() {
                return;
            }
        }
    });
    (to_prove, proven)
}

fn prove(batch: Batch, now: i64) -> Proven {
    let mut proven = Vec::with_capacity(batch.parts.len());
    for (part, key) in batch.parts {
        if let Err(reason) = prove_part(&part.received(), key.as_ref(), now) {
            return Err(part.refused(reason));
        }
        proven.push(part);
    }
    Ok(proven)
}

/// Gives batches to the provers, each in its turn.
struct Batches {
    to: Vec<SyncSender<Read>>,
    next: usize,
    batch: Batch,
    keys: HashMap<NodeId, PublicKey>,
}

impl Batches {
    fn push(&mut self, part: Part) -> Result<()> {
        let key = self.key_of(&part);
        self.batch.changes += part.entries.len();
        self.batch.bytes += part.bytes;
        self.batch.parts.push((part, key));
        if self.batch.changes < BATCH_CHANGES && self.batch.bytes < BATCH_BYTES {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        if self.send(Ok(batch)) { Ok(()) } else { Err(refused("it is not needed any more")) }
    }

    /// The author's key: told by the `open` of this or of an earlier part.
    fn key_of(&mut self, part: &Part) -> Option<PublicKey> {
        let received = part.received();
        let head = received.first()?;
        let node = head.header.node;
        if let Some(key) = self.keys.get(&node) {
            return Some(key.clone());
        }
        let key = Some(head).filter(|head| head.header.op == Op::Open.number()).and_then(told_key)?;
        self.keys.insert(node, key.clone());
        Some(key)
    }

    fn send(&mut self, batch: Read) -> bool {
        let sent = self.to.get(self.next).is_some_and(|to| to.send(batch).is_ok());
        self.next = (self.next + 1) % self.to.len().max(1);
        sent
    }

    /// Sends the rest, and why there is no more of it.
    fn end(mut self, read: Result<()>) {
        let batch = std::mem::take(&mut self.batch);
        // Where nobody listens any more, the reason is known there.
        if self.send(Ok(batch))
            && let Err(error) = read
        {
            self.send(Err(error));
        }
    }
}

impl Part {
    pub(super) fn received(&self) -> Vec<Received<'_>> {
        let both = self.headers.iter().zip(&self.entries);
        both.map(|((header, hash), entry)| Received { header: header.clone(), hash: *hash, entry }).collect()
    }

    /// The failure that names this part.
    pub(super) fn refused(&self, reason: &str) -> StoreError {
        let first = self.headers.first().map(|(header, _)| header);
        let named = |header: &Header| {
            format!("seq {} of node {} in namespace {}: {reason}", header.seq, header.node, header.namespace)
        };
        refused(first.map_or_else(|| reason.to_owned(), named))
    }
}
