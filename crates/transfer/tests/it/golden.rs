//! The bytes of files on a remote that may never change: fixed inputs, and what they must become for ever.
//!
//! The files stand in `fixtures/transfer/v1`. `UPDATE_EXPECT=1` makes one that is missing; no run changes one that is there. A
//! file that fails here means that remotes which exist would be read otherwise: mend the code, not the file. Where zstd
//! packed something, the packed bytes are taken from the file: another zstd packs otherwise and means the same.

mod remote;

use crate::world::Home;
use jay_testkit::Author;
use jay_transfer::format::clear::{Clear, FileKind, KeyId};
use jay_transfer::format::head::{Head, StreamHead};
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::format::segment;
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::invite;
use jay_transfer::vault::keys::{KnownNode, OpenInvite, VaultKeys};
use jay_transfer::vault::request::{self, Request};
use jay_transfer::vault::roster::Roster;
use jay_types::change::frame::{self, FrameEntry};
use jay_types::change::header::StreamId;
use jay_types::change::sign::Signed;
use jay_types::id::{from_hex, to_hex};
use jay_types::surroundings::Surroundings;
use jay_types::{Hash, NamespaceId, NodeId, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;

const VAULT: NamespaceId = NamespaceId([0x44; 16]);
const NONCE: [u8; 19] = [0x55; 19];
const NOW: Timestamp = Timestamp(1_777_629_600_000_000);

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/transfer/v1").join(name)
}

#[expect(clippy::disallowed_methods, reason = "a test has no door that could hand the setting in")]
fn may_make_files() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1")
}

fn stored(name: &str) -> Option<Vec<u8>> {
    std::fs::read(fixture(name)).ok()
}

/// Compares with the file; makes it where it is missing and that was asked for.
#[track_caller]
fn check(name: &str, bytes: &[u8]) {
    match stored(name) {
        Some(stored) => assert!(bytes == stored, "{name} is not what it was"),
        None => {
            assert!(may_make_files(), "{name} is missing; UPDATE_EXPECT=1 makes it");
            jay_testkit::write(fixture(name), bytes);
        }
    }
}

/// Randomness that is none: the bytes of a file are to be the same in every run.
struct Fixed;

impl Surroundings for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        bytes.fill(0x55);
    }
}

fn key() -> FileKey {
    FileKey::new(3, [0x66; 32])
}

fn find(id: KeyId) -> Option<FileKey> {
    Some(key()).filter(|key| key.id == id)
}

fn author() -> Author {
    Author::new(0x77)
}

fn clear(kind: FileKind, entries: &[FrameEntry]) -> Clear {
    let ranges = segment::ranges_of(entries).unwrap();
    Clear { kind, vault: VAULT, key: key().id, node: author().node_id(), ranges, nonce: NONCE }
}

/// What stands in the file of a machine's keys for its identity: a scanner for secrets would take another one for somebody's.
const IDENTITY: &str = "AN-AGE-IDENTITY";

/// The keys of a vault, as the file of another day has them.
fn vault_keys() -> VaultKeys {
    use age::secrecy::ExposeSecret as _;
    let home = Home::new(1);
    let text = String::from_utf8(stored("vault.json").unwrap_or_else(made_keys)).unwrap();
    let identity = age::x25519::Identity::generate().to_string();
    home.memory.put_state("vault.json", text.replace(IDENTITY, identity.expose_secret()).as_bytes()).unwrap();
    VaultKeys::load(&home.memory).unwrap().unwrap()
}

/// The file of keys as it is written today.
fn made_keys() -> Vec<u8> {
    use age::secrecy::ExposeSecret as _;
    let mut keys = VaultKeys::new(VAULT, "home".to_owned(), founder());
    keys.give_key(&FileKey::new(1, [0x01; 32]));
    keys.add_key(&key());
    keys.told = vec![removed()];
    keys.invites = vec![OpenInvite {
        id: to_hex(&[0x02; 8]),
        secret: to_hex(&[0x03; 16]),
        expires_at: NOW,
        used_by: Some(NodeId([4; 16])),
    }];
    let home = Home::new(1);
    keys.save(&home.memory).unwrap();
    let text = std::fs::read_to_string(home.memory.state_file("vault.json")).unwrap();
    text.replace(keys.identity().unwrap().to_string().expose_secret(), IDENTITY).into_bytes()
}

/// A node that was taken out.
fn removed() -> KnownNode {
    let cut = serde_json::json!({"0 a b": {Hash([0x44; 32]).to_string(): 4}});
    let removed = Some(serde_json::from_value(cut).unwrap());
    KnownNode { node: NodeId([0xee; 16]), public_key: String::new(), name: "old".to_owned(), removed }
}

fn founder() -> KnownNode {
    let author = author();
    let public_key = to_hex(&author.key.public_key());
    KnownNode { node: author.node_id(), public_key, name: "laptop".to_owned(), removed: None }
}

/// The changes of the journal's own vectors.
fn entries() -> Vec<FrameEntry> {
    let hex = std::fs::read_to_string(fixture("../../journal/v1/frame.hex")).unwrap();
    let hex = hex.trim();
    let bytes: Vec<u8> = (0..hex.len() / 2).map(|at| from_hex::<1>(&hex[2 * at..2 * at + 2]).unwrap()[0]).collect();
    frame::decode(&bytes).unwrap()
}

/// A file's outer form: its header is read, and the content of the file on disk, sealed once more, is that file.
fn sealed_again(name: &str, clear: &Clear, make: impl Fn() -> Vec<u8>) -> Vec<u8> {
    let content = match stored(name) {
        Some(file) => {
            let (opened, content) = seal::open(&file, &find).unwrap();
            assert_eq!(&opened, clear, "{name}");
            content
        }
        None => make(),
    };
    let file = seal::seal(clear, &key(), &content);
    check(name, &file);
    let name_there = clear.name(&seal::hash_of(&file));
    check(&format!("{name}.name"), format!("{name_there}\n").as_bytes());
    content
}

#[test]
fn a_segment_is_read_and_written_as_ever() {
    let entries = entries();
    let clear = clear(FileKind::Segment, &entries);
    assert!(clear.ranges.len() > 1, "several streams");
    let content = sealed_again("segment.jay", &clear, || segment::encode(&entries).unwrap());
    assert_eq!(segment::decode(&content).unwrap(), entries);
    assert_eq!(segment::decode(&segment::encode(&entries).unwrap()).unwrap(), entries);
}

#[test]
fn a_head_is_read_and_written_as_ever() {
    let author = author();
    let stream = StreamHead {
        journal: 1,
        namespace: NamespaceId([0x11; 16]),
        node: author.node_id(),
        seq: 12,
        hash: Hash([0x22; 32]),
    };
    assert_eq!(stream.stream(), StreamId { journal: 1, namespace: stream.namespace, node: stream.node });
    let head = Head {
        node: author.node_id(),
        generation: 7,
        content: 6,
        at: NOW,
        hlc: 1_777_629_600_000_001,
        program: "0.1.0".to_owned(),
        position: Hash([0x33; 32]),
        changes: 41,
        checkpoint: Some("nodes/x/checkpoint.y.jay".to_owned()),
        checkpoint_changes: 30,
        heads: vec![stream],
        seen: BTreeMap::from([(NodeId([1; 16]), 3)]),
        lacks: Vec::new(),
        clients: Vec::new(),
        deferred: 2,
    };
    let (json, hash) = head.json();
    check("head.json", &json);
    let signature = author.key.sign_other(Signed::Head, &hash);
    let content = sealed_again("head.jay", &clear(FileKind::Head, &[]), || Head::encode(&json, &signature));
    assert_eq!(content[..64], signature[..]);
    assert_eq!(Head::decode(&content, author.node_id(), &author.key.public_key()).unwrap(), head);
}

#[test]
fn a_request_is_read_and_written_as_ever() {
    let author = author();
    let asked = Request {
        node: author.node_id(),
        public_key: to_hex(&author.key.public_key()),
        recipient: "age1of-nobody".to_owned(),
        name: "desktop".to_owned(),
        at: NOW,
        invite: Some("0102030405060708".to_owned()),
        proof: None,
        past: Vec::new(),
    };
    let sign = |hash: &Hash| Ok(author.key.sign_other(Signed::Request, hash));
    let keys = vault_keys();
    let file = request::seal_request(&asked, &keys, &key(), &Fixed, sign).unwrap();
    check("request.jay", &file);
    assert_eq!(request::open(&file, &keys).unwrap(), (asked, None));
}

#[test]
fn an_invitation_is_read_and_written_as_ever() {
    let keys = vault_keys();
    let node = author().node_id();
    let home = Home::new(2);
    let roster = home.memory.read(|tx| Roster::read(tx, &keys)).unwrap();
    let (code, _, file) = invite::make(&keys, &roster, node, &Fixed).unwrap();
    check("invitation.jay", &file);
    check("invitation.code", format!("{}\n", code.text()).as_bytes());
    let text = String::from_utf8(stored("invitation.code").unwrap()).unwrap();
    let read = invite::read(&file, &InviteCode::parse(text.trim()).unwrap(), NOW).unwrap();
    assert_eq!((read.vault, read.inviter, read.expires_at.0), (VAULT, node, NOW.0 + 24 * 3_600_000_000));
    assert_eq!(read.founder, founder());
    let mut told = vec![founder(), removed()];
    told.sort_by_key(|known| known.node);
    assert_eq!(read.told, told);
    assert_eq!(read.keys().collect::<Vec<_>>(), [FileKey::new(1, [0x01; 32]), key()]);
    assert_eq!(read.sealing_key(), Some(FileKey::new(1, [0x01; 32])));
}

#[test]
fn the_file_of_a_machines_keys_is_read_and_written_as_ever() {
    check("vault.json", &made_keys());
    let keys = vault_keys();
    assert_eq!((keys.vault, keys.name.as_str(), &keys.founder), (VAULT, "home", &founder()));
    assert_eq!(keys.keys().collect::<Vec<_>>(), [FileKey::new(1, [0x01; 32]), key()]);
    assert_eq!(keys.newest_given(), Some(FileKey::new(1, [0x01; 32])), "the other one came in a key ring");
    assert_eq!(keys.told, [removed()]);
    assert_eq!((keys.invites.len(), keys.invites[0].used_by), (1, Some(NodeId([4; 16]))));
    assert!(keys.joining.is_none());
}
