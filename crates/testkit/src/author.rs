//! An author whose program is not this one: changes of any shape, validly chained and signed.
//!
//! **Invariant:** what it says hangs on its secret and on what it said before, and on nothing else.

use jay_types::change::frame::FrameEntry;
use jay_types::change::registry::PUBLIC_KEY;
use jay_types::change::{Body, EntityKind, Header, Journal, NodeKey, Op, StoredBody};
use jay_types::id::to_hex;
use jay_types::time::Hlc;
use jay_types::{ActId, ActorId, EntityId, Hash, NamespaceId, NodeId, Timestamp};
use std::collections::BTreeMap;

/// One change, free in everything that a header leaves open.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The number of its entity's kind.
    pub kind: u16,
    /// The entity.
    pub entity: EntityId,
    /// The number of what it does.
    pub op: u16,
    /// How its body is to be read.
    pub encoding: u8,
    /// The body as it is stored.
    pub bytes: Vec<u8>,
}

impl Foreign {
    /// A change that this program knows.
    #[must_use]
    pub fn new(kind: EntityKind, entity: EntityId, op: Op, body: &Body) -> Self {
        Self::raw(kind.number(), entity, op.number(), body.to_json())
    }

    /// A change of any shape.
    #[must_use]
    pub const fn raw(kind: u16, entity: EntityId, op: u16, bytes: Vec<u8>) -> Self {
        Self { kind, entity, op, encoding: 0, bytes }
    }
}

/// Where a stream of the author ends.
#[derive(Clone, Copy, Debug)]
struct End {
    seq: u64,
    hash: Hash,
}

/// A node that the tests play.
#[derive(Clone, Debug)]
pub struct Author {
    /// Its key.
    pub key: NodeKey,
    /// The journal that it writes.
    pub journal: Journal,
    /// Its logical clock.
    pub hlc: u64,
    /// Its wall clock.
    pub at: Timestamp,
    ends: BTreeMap<NamespaceId, End>,
    acts: u64,
}

impl Author {
    /// The node of a secret that is this byte over and over.
    #[must_use]
    pub fn new(secret: u8) -> Self {
        let at = Timestamp(1_777_629_600_000_000);
        Self {
            key: NodeKey::from_secret(&[secret; 32]),
            journal: Journal::Memory,
            hlc: at.0 as u64,
            at,
            ends: BTreeMap::new(),
            acts: 0,
        }
    }

    /// Its node.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.key.node_id()
    }

    fn id(&self, what: &str) -> [u8; 16] {
        EntityId::derived(what, &[&self.key.node_id().to_string(), &self.acts.to_string()]).0
    }

    /// One act in one stream, with an `open` where it is the first.
    ///
    /// # Panics
    /// Where it has more changes than an act may.
    pub fn part(&mut self, ns: NamespaceId, changes: &[Foreign]) -> Vec<FrameEntry> {
        self.acts += 1;
        let mut all = Vec::new();
        let end = self.ends.get(&ns).copied();
        if end.is_none() {
            let body = Body::default().with(PUBLIC_KEY, to_hex(&self.key.public_key()));
            all.push(Foreign::new(EntityKind::Node, EntityId(self.key.node_id().0), Op::Open, &body));
        }
        all.extend_from_slice(changes);
        let mut end = end.unwrap_or(End { seq: 0, hash: Hash::ZERO });
        let count = u16::try_from(all.len()).expect("an act has few changes");
        let mut entries = Vec::new();
        for (index, change) in (0..).zip(&all) {
            self.hlc += 1000;
            let mut salt = [0; 16];
            salt.iter_mut().zip(self.hlc.to_be_bytes()).for_each(|(to, from)| *to = from);
            let body = StoredBody { encoding: change.encoding, salt, bytes: change.bytes.clone() };
            let header = Header {
                journal: self.journal.number(),
                namespace: ns,
                node: self.key.node_id(),
                seq: end.seq + 1,
                prev_hash: end.hash,
                hlc: Hlc(self.hlc),
                at: self.at,
                actor: ActorId(EntityId::derived("actor", &[&self.key.node_id().to_string()]).0),
                act: ActId(self.id("act")),
                index,
                count,
                run: [0; 16],
                kind: change.kind,
                entity: change.entity,
                op: change.op,
                encoding: change.encoding,
                body_hash: body.hash(),
            };
            end = End { seq: header.seq, hash: header.hash() };
            let signature = (index + 1 == count).then(|| self.key.sign(&end.hash));
            entries.push(FrameEntry {
                header: header.encode().to_vec(),
                body: Some((salt, change.bytes.clone())),
                signature,
            });
        }
        self.ends.insert(ns, end);
        entries
    }

    /// The same headers with `change` made to the one at `index`, chained and signed anew: only the change is wrong.
    ///
    /// # Panics
    /// Where an entry has no header of this version.
    #[must_use]
    pub fn altered(&self, part: &[FrameEntry], index: usize, change: impl Fn(&mut Header)) -> Vec<FrameEntry> {
        let mut part = part.to_vec();
        let mut before: Option<Hash> = None;
        let last = part.len().saturating_sub(1);
        for (place, entry) in part.iter_mut().enumerate() {
            let mut header = Header::decode(&entry.header).expect("a header of this version");
            if let Some(before) = before {
                header.prev_hash = before;
            }
            if place == index {
                change(&mut header);
            }
            before = Some(header.hash());
            entry.header = header.encode().to_vec();
            entry.signature = (place == last).then(|| self.key.sign(&header.hash()));
        }
        part
    }
}
