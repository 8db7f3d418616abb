//! The bytes that may never change: fixed inputs, and what they must become for ever (J1–J3, J7, J10, J15, J17).
//!
//! The vectors stand in `fixtures/journal/v1`. `UPDATE_EXPECT=1` makes a file that is missing; no run changes one that is
//! there. A vector that fails means that journals which exist would be read otherwise: mend the code, not the file.

use jay_types::change::block::{Block, BlockSource, Row};
use jay_types::change::body::ElementDot;
use jay_types::change::fold::{BodyState, Change};
use jay_types::change::frame::{self, FrameEntry};
use jay_types::change::registry::{FORGET_KEY, FORGOTTEN, KIND, NAME, PATH, PUBLIC_KEY, TAGS, TEXT};
use jay_types::change::root::{LEAF_BLOCK, LEAF_PURGED, Leaf, root};
use jay_types::change::{Body, EntityKind, EntityState, Header, Journal, NodeKey, Op, SetEdit, StoredBody, fold, sign};
use jay_types::id::{from_hex, to_hex};
use jay_types::session::{Message, Part, Provenance, Role, SessionMeta};
use jay_types::{ActId, ActorId, Dot, EntityId, Hash, Hlc, NamespaceId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

const NS: NamespaceId = NamespaceId([0x11; 16]);
const MEMORY: EntityId = EntityId([0x22; 16]);
const DOOMED: EntityId = EntityId([0x23; 16]);
const ACTOR: ActorId = ActorId([0x33; 16]);
const START: i64 = 1_777_629_600_000_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/journal/v1")
}

#[expect(clippy::disallowed_methods, reason = "a test has no door that could hand the setting in")]
fn may_make_files() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1")
}

fn stored_file(name: &str) -> Option<String> {
    fs::read_to_string(folder().join(name)).ok()
}

/// Compares with the file; makes it where it is missing and that was asked for.
#[track_caller]
fn check(name: &str, text: &str) {
    match stored_file(name) {
        Some(stored) => assert_eq!(text, stored, "{name} is not what it was"),
        None => {
            assert!(may_make_files(), "{name} is missing; UPDATE_EXPECT=1 makes it");
            let mut file = File::options().write(true).create_new(true).open(folder().join(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
    }
}

/// A change as its file tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    public_key: String,
    header: String,
    hash: String,
    dot: String,
    salt: String,
    encoding: u8,
    stored_body: String,
    body_json: String,
    body_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// Makes the vectors one after the other: what they were in the file decides where compression may differ.
struct Maker {
    keys: [NodeKey; 2],
    /// Ends of the streams of (node, journal).
    ends: BTreeMap<(usize, u8), (u64, Hash)>,
    clock: u64,
    acts: u8,
    made: BTreeMap<&'static str, (Header, FrameEntry)>,
    order: Vec<&'static str>,
}

/// One change to be made: its place in the act, what it is of and what it does.
struct Say {
    node: usize,
    journal: Journal,
    place: (u16, u16),
    kind: EntityKind,
    entity: EntityId,
    op: Op,
    json: Vec<u8>,
}

impl Maker {
    fn say(&mut self, name: &'static str, say: Say) -> Dot {
        let Say { node, journal, place: (index, count), kind, entity, op, json } = say;
        self.clock += 1_000;
        self.acts += u8::from(index == 0);
        let mut salt = [0xA0; 16];
        salt[15] = self.clock.to_be_bytes()[6];
        let mut body = StoredBody::of_json(json.clone(), salt);
        let file = format!("{name}.json");
        if body.encoding != 0
            && let Some(stored) = stored_file(&file)
        {
            // Another zstd packs otherwise: what was stored must be read, not made again.
            let vector: Vector = serde_json::from_str(&stored).unwrap();
            body.bytes = unhex(&vector.stored_body);
        }
        assert_eq!(body.json().unwrap().as_ref(), json);
        let key = &self.keys[node];
        let (seq, prev_hash) = self.ends.get(&(node, journal.number())).copied().unwrap_or((0, Hash::ZERO));
        let header = Header {
            journal: journal.number(),
            namespace: NS,
            node: key.node_id(),
            seq: seq + 1,
            prev_hash,
            hlc: Hlc(self.clock),
            at: Timestamp(START),
            actor: ACTOR,
            act: ActId([0x40 + self.acts; 16]),
            index,
            count,
            run: [0; 16],
            kind: kind.number(),
            entity,
            op: op.number(),
            encoding: body.encoding,
            body_hash: body.hash(),
        };
        let hash = header.hash();
        let signature = (index + 1 == count).then(|| key.sign(&hash));
        if let Some(signature) = &signature {
            assert!(sign::verify(&header, signature, &key.public_key()));
        }
        assert_eq!(Header::decode(&header.encode()), Ok(header.clone()));
        self.ends.insert((node, journal.number()), (header.seq, hash));
        let vector = Vector {
            public_key: to_hex(&key.public_key()),
            header: to_hex(&header.encode()),
            hash: hash.to_string(),
            dot: hash.dot().to_string(),
            salt: to_hex(&body.salt),
            encoding: body.encoding,
            stored_body: to_hex(&body.bytes),
            body_json: String::from_utf8(json).unwrap(),
            body_hash: header.body_hash.to_string(),
            signature: signature.as_ref().map(|signature| to_hex(signature)),
        };
        check(&file, &(serde_json::to_string_pretty(&vector).unwrap() + "\n"));
        let entry = FrameEntry { header: header.encode().to_vec(), body: Some((body.salt, body.bytes)), signature };
        self.made.insert(name, (header, entry));
        self.order.push(name);
        hash.dot()
    }

    fn memory(&mut self, name: &'static str, node: usize, entity: EntityId, op: Op, body: &Body) -> Dot {
        let journal = Journal::Memory;
        self.say(name, Say { node, journal, place: (0, 1), kind: EntityKind::Memory, entity, op, json: body.to_json() })
    }

    fn open(&mut self, name: &'static str, node: usize, journal: Journal, place: (u16, u16)) {
        let body = Body::default().with(PUBLIC_KEY, to_hex(&self.keys[node].public_key()));
        let entity = EntityId(self.keys[node].node_id().0);
        self.say(
            name,
            Say { node, journal, place, kind: EntityKind::Node, entity, op: Op::Open, json: body.to_json() },
        );
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| from_hex::<1>(&text[2 * at..2 * at + 2]).unwrap()[0]).collect()
}

fn text(words: &str) -> Body {
    Body::default().with(TEXT, json!({"text": words}))
}

fn replacing(mut body: Body, register: &str, dots: &[Dot]) -> Body {
    body.replaces.insert(register.to_owned(), dots.to_vec());
    body
}

fn block() -> Block {
    let row = "{\"role\":\"user\",\"text\":\"how does the retry loop end\"}\n".repeat(30);
    Block {
        source: BlockSource {
            client: "generic".into(),
            path: "/a".into(),
            revision: 0,
            host: "h".into(),
            user: "u".into(),
            session: None,
        },
        session: SessionMeta {
            client: "generic".into(),
            id: "s-1".into(),
            title: Some("A title".into()),
            ..SessionMeta::default()
        },
        adapter: 1,
        reads: None,
        rows: vec![Row::new(0, row.as_bytes()), Row::new(1, b"\xff\x00\n")],
        messages: vec![Message {
            id: "s-1:0".into(),
            role: Some(Role::User),
            author: None,
            at: Some(Timestamp(START)),
            model: None,
            parts: vec![Part::Text {
                text: "how does the retry loop end".into(),
                provenance: Provenance::Conversational,
            }],
            row: 0,
        }],
        secrets: Vec::new(),
    }
}

/// Every vector of a change, checked against its file.
fn changes() -> Maker {
    let keys = [NodeKey::from_secret(&[0x51; 32]), NodeKey::from_secret(&[0x52; 32])];
    let clock = START as u64;
    let mut m = Maker { keys, ends: BTreeMap::new(), clock, acts: 0, made: BTreeMap::new(), order: Vec::new() };
    // One act of four changes: the stream is opened, namespace and actor are made, a memory is created.
    let act = |index, kind, entity, op, body: &Body| Say {
        node: 0,
        journal: Journal::Memory,
        place: (index, 4),
        kind,
        entity,
        op,
        json: body.to_json(),
    };
    m.open("open", 0, Journal::Memory, (0, 4));
    let body = Body::default().with(KIND, "person").with(NAME, "ann");
    m.say("create-actor", act(1, EntityKind::Actor, EntityId::of_actor(ACTOR), Op::Create, &body));
    let body = Body::default().with(PATH, "work/acme").with(FORGET_KEY, to_hex(&[0x77; 32]));
    m.say("create-namespace", act(2, EntityKind::Namespace, EntityId::of_namespace(NS), Op::Create, &body));
    let tags = SetEdit { add: vec!["db".into(), "größe".into()], remove: vec![] };
    let body = text("Staging Postgres listens on 5433, not 5432").with(KIND, "gotcha").with_set(TAGS, &tags);
    let created = m.say("create", act(3, EntityKind::Memory, MEMORY, Op::Create, &body));
    // Two nodes write without seeing each other; the first sees both and replaces both.
    let left = m.memory("update", 0, MEMORY, Op::Update, &replacing(text("It listens on 5434"), "text", &[created]));
    m.open("open-second-node", 1, Journal::Memory, (0, 1));
    let right = m.memory(
        "update-concurrent",
        1,
        MEMORY,
        Op::Update,
        &replacing(text("It listens on 5435"), "text", &[created]),
    );
    m.memory("resolve", 0, MEMORY, Op::Update, &replacing(text("It listens on 5436"), "text", &[left, right]));
    let seen = vec![ElementDot { dot: created, index: 1 }];
    m.memory(
        "tag-remove",
        0,
        MEMORY,
        Op::Update,
        &Body::default().with_set(TAGS, &SetEdit { add: vec![], remove: seen }),
    );
    let mac = "000102030405060708090a0b0c0d0e0f";
    m.memory("forget", 0, MEMORY, Op::Forget, &Body::default().with(FORGOTTEN, json!({"mac": mac})));
    m.memory("create-compressed", 0, DOOMED, Op::Create, &text(&"many words that repeat ".repeat(100)));
    m.memory("purge", 0, DOOMED, Op::Purge, &Body::default());
    m.open("open-archive", 0, Journal::Archive, (0, 1));
    let session = EntityId::derived("session", &["generic", "s-1"]);
    let json = block().to_json();
    let say = Say {
        node: 0,
        journal: Journal::Archive,
        place: (0, 1),
        kind: EntityKind::Session,
        entity: session,
        op: Op::Block,
        json,
    };
    m.say("block", say);
    m
}

#[test]
fn headers_bodies_and_signatures_are_what_they_were() {
    let made = changes();
    assert_eq!(made.made["create-compressed"].0.encoding, 1);
    assert_eq!(made.made["block"].0.encoding, 1);
    let (header, entry) = &made.made["block"];
    let stored = entry.stored_body(header).unwrap();
    assert_eq!(Block::from_json(&stored.json().unwrap()), Ok(block()));
}

#[test]
fn the_frame_is_what_it_was() {
    let made = changes();
    let entries: Vec<FrameEntry> = made.order.iter().map(|name| made.made[name].1.clone()).collect();
    let bytes = frame::encode(&entries).unwrap();
    check("frame.hex", &(to_hex(&bytes) + "\n"));
    assert_eq!(frame::decode(&bytes), Ok(entries));
}

/// The leaves of an entity, as the design says them.
fn leaves(entity: EntityId, kind: EntityKind, state: &EntityState) -> Vec<Leaf> {
    let leaf = |register, index, dot| Leaf { entity, register, index, dot };
    let mut leaves = Vec::new();
    for register in kind.registers() {
        leaves.extend(state.winner(*register).map(|write| leaf(register.number, 0, write.dot())));
        let elements = state.sets.get(register.name).into_iter().flat_map(BTreeMap::values).flatten();
        leaves.extend(elements.map(|element| leaf(register.number, element.index, element.dot)));
    }
    leaves.extend(state.blocks.iter().map(|block| leaf(LEAF_BLOCK, 0, block.order.hash.dot())));
    leaves.extend(state.purged.map(|_| leaf(LEAF_PURGED, 0, Dot::ZERO)));
    leaves
}

#[test]
fn roots_are_what_they_were() {
    let made = changes();
    let mut told = String::new();
    for journal in [Journal::Memory, Journal::Archive] {
        let mut entities: BTreeMap<(u16, EntityId), Vec<Change>> = BTreeMap::new();
        for (pos, name) in (1..).zip(&made.order) {
            let (header, entry) = &made.made[name];
            if header.journal != journal.number() {
                continue;
            }
            let stored = entry.stored_body(header).unwrap();
            let blocks = header.op == Op::Block.number();
            let body = if blocks { Body::default() } else { stored.read().unwrap() };
            entities.entry((header.kind, header.entity)).or_default().push(Change {
                pos,
                hash: header.hash(),
                hlc: header.hlc,
                node: header.node,
                at: header.at,
                actor: header.actor,
                op: header.op,
                body: BodyState::Present(body),
            });
        }
        let all = entities.iter().flat_map(|((kind, id), changes)| {
            let kind = EntityKind::from_number(*kind).unwrap();
            leaves(*id, kind, &fold(kind, changes))
        });
        told.push_str(&format!("{} {}\n", ["memory", "archive"][usize::from(journal.number())], root(all)));
    }
    check("roots.txt", &told);
}

#[test]
fn derived_ids_are_what_they_were() {
    let session = EntityId::derived("session", &["claude-code", "c7d9e2a4-13b8-4f0a-8a55-9e0b7c4d2f31"]);
    let node = NodeKey::from_secret(&[0x51; 32]).node_id();
    check("ids.txt", &format!("session {session}\nnode {node}\n"));
}
