//! An author whose program is not this one: changes of any shape, validly chained and signed, and the files that carry them.

use jay_testkit::Random;
use jay_transfer::format::clear::{Clear, FileKind, Range};
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::format::segment;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::request::Request;
use jay_types::change::frame::FrameEntry;
use jay_types::change::registry::PUBLIC_KEY;
use jay_types::change::{Body, EntityKind, Header, Journal, NodeKey, Op, StoredBody};
use jay_types::id::to_hex;
use jay_types::time::Hlc;
use jay_types::{ActId, ActorId, EntityId, Hash, NamespaceId, NodeId, Timestamp};
use std::collections::BTreeMap;

/// One change, free in everything that a header leaves open.
#[derive(Clone)]
pub(crate) struct Foreign {
    pub(crate) kind: u16,
    pub(crate) entity: EntityId,
    pub(crate) op: u16,
    pub(crate) encoding: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Foreign {
    pub(crate) fn new(kind: EntityKind, entity: EntityId, op: Op, body: &Body) -> Self {
        Self::raw(kind.number(), entity, op.number(), body.to_json())
    }

    pub(crate) fn raw(kind: u16, entity: EntityId, op: u16, bytes: Vec<u8>) -> Self {
        Self { kind, entity, op, encoding: 0, bytes }
    }
}

/// Where a stream of the author ends.
#[derive(Clone, Copy)]
struct End {
    seq: u64,
    hash: Hash,
}

/// A node that the tests play.
#[derive(Clone)]
pub(crate) struct Author {
    pub(crate) key: NodeKey,
    pub(crate) journal: Journal,
    pub(crate) hlc: u64,
    pub(crate) at: Timestamp,
    ends: BTreeMap<NamespaceId, End>,
    acts: u64,
}

impl Author {
    pub(crate) fn new(secret: u8) -> Self {
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

    fn id(&self, what: &str) -> [u8; 16] {
        EntityId::derived(what, &[&self.key.node_id().to_string(), &self.acts.to_string()]).0
    }

    /// One act in one stream, with an `open` where it is the first.
    pub(crate) fn part(&mut self, ns: NamespaceId, changes: &[Foreign]) -> Vec<FrameEntry> {
        self.acts += 1;
        let mut all = Vec::new();
        let end = self.ends.get(&ns).copied();
        if end.is_none() {
            let body = Body::default().with(PUBLIC_KEY, to_hex(&self.key.public_key()));
            all.push(Foreign::new(EntityKind::Node, EntityId(self.key.node_id().0), Op::Open, &body));
        }
        all.extend_from_slice(changes);
        let mut end = end.unwrap_or(End { seq: 0, hash: Hash::ZERO });
        let count = u16::try_from(all.len()).unwrap();
        let mut entries = Vec::new();
        for (index, change) in (0..).zip(&all) {
            self.hlc += 1000;
            let mut salt = [0; 16];
            salt[..8].copy_from_slice(&self.hlc.to_be_bytes());
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
}

impl Author {
    pub(crate) fn id_of_node(&self) -> NodeId {
        self.key.node_id()
    }

    /// What it would ask with.
    pub(crate) fn request(&self) -> Request {
        Request {
            node: self.key.node_id(),
            public_key: to_hex(&self.key.public_key()),
            recipient: String::new(),
            name: "a newer program".to_owned(),
            at: self.at,
            invite: None,
            past: Vec::new(),
        }
    }
}

/// A sealed segment below a node's name, with the ranges that its content has: its path and bytes.
pub(crate) fn segment_file(
    keys: &VaultKeys,
    key: &FileKey,
    node: NodeId,
    entries: &[FrameEntry],
    random: &mut Random,
) -> (String, Vec<u8>) {
    let ranges = segment::ranges_of(entries).unwrap();
    sealed_file(keys, key, (FileKind::Segment, node), ranges, &segment::encode(entries).unwrap(), random)
}

/// Any content sealed below a node's name.
pub(crate) fn sealed_file(
    keys: &VaultKeys,
    key: &FileKey,
    (kind, node): (FileKind, NodeId),
    ranges: Vec<Range>,
    content: &[u8],
    random: &mut Random,
) -> (String, Vec<u8>) {
    let clear = Clear { kind, vault: keys.vault, key: key.id, node, ranges, nonce: random.bytes() };
    let file = seal::seal(&clear, key, content);
    (format!("nodes/{node}/{}", clear.name(&seal::hash_of(&file))), file)
}
