//! The readers of what lies on remotes. Seals and signatures keep strangers' bytes out before the code behind them sees them, so
//! the targets seal and sign what they made up, as a member with a fault, or one that was removed, could.

use crate::{Seeds, Target};
use jay_transfer::format::clear::{Clear, FileKind, KeyId, NONCE_BYTES};
use jay_transfer::format::head::Head;
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::format::segment;
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::{invite, keyring, request};
use jay_types::change::NodeKey;
use jay_types::change::sign::Signed;
use jay_types::{Hash, NamespaceId, NodeId, Timestamp};
use std::sync::LazyLock;

/// An input is a whole file, of any kind.
pub(super) const CARRIED_FILES: Target = Target {
    name: "carried_files",
    run: files,
    seeds: Seeds::Made(|| vec![sealed(FileKind::Segment, b"what was said")]),
};

/// An input is a byte that says what it is ([`SEGMENT`], [`HEAD`], …), then the content of a file.
pub(super) const CARRIED_CONTENTS: Target =
    Target { name: "carried_contents", run: contents, seeds: Seeds::Made(content_seeds) };

/// An input is what a person typed: the code of an invitation, or a recipient.
pub(super) const INVITE_CODES: Target = Target {
    name: "invite_codes",
    run: codes,
    seeds: Seeds::Made(|| {
        let recipient = KEYS.recipient().expect("a recipient").into_bytes();
        let ssh = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ann".to_vec();
        vec![CODE.text().into_bytes(), recipient, ssh]
    }),
};

const SEGMENT: u8 = 0;
const HEAD: u8 = 1;
const INVITATION: u8 = 2;
const REQUEST: u8 = 3;
const KEY_RING: u8 = 4;
/// Bytes of a key ring as they are, without being wrapped.
const WRAPPED: u8 = 5;

const VAULT: NamespaceId = NamespaceId([1; 16]);
const CODE: InviteCode = InviteCode { id: [7; 8], secret: [9; 16] };

static NODE: LazyLock<NodeKey> = LazyLock::new(|| NodeKey::from_secret(&[3; 32]));

/// What a member keeps of its vault: an identity of age's documentation, one key, an open invitation.
static KEYS: LazyLock<VaultKeys> = LazyLock::new(|| {
    let node = NODE.node_id();
    let text = format!(
        r#"{{"vault":"{VAULT}","name":"home","founder":{{"node":"{node}","public_key":"","name":"a"}},
            "identity":"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
            "keys":[{{"epoch":1,"secret":"{}"}}],
            "invites":[{{"id":"0707070707070707","secret":"{}","expires_at":"2026-05-02T10:00:00Z"}}]}}"#,
        "02".repeat(32),
        "09".repeat(16),
    );
    serde_json::from_str(&text).expect("keys as a machine keeps them")
});

fn key() -> FileKey {
    FileKey::new(1, [2; 32])
}

fn clear(kind: FileKind, key: KeyId) -> Clear {
    Clear { kind, vault: VAULT, key, node: NODE.node_id(), ranges: Vec::new(), nonce: [5; NONCE_BYTES] }
}

fn sealed(kind: FileKind, content: &[u8]) -> Vec<u8> {
    seal::seal(&clear(kind, key().id), &key(), content)
}

fn content_seeds() -> Vec<Vec<u8>> {
    let node = NODE.node_id();
    let public_key = jay_types::id::to_hex(&NODE.public_key());
    let hash = Hash([4; 32]);
    let stream = format!(r#"{{"journal":0,"namespace":"{VAULT}","node":"{node}","seq":3,"hash":"{hash}"}}"#);
    let texts = [
        (
            HEAD,
            format!(
                r#"{{"node":"{node}","generation":2,"content":1,"at":"2026-05-01T10:00:00Z","hlc":7,"program":"0.1.0","position":"{hash}","changes":9,"heads":[{stream}],"seen":{{"{node}":4}}}}"#
            ),
        ),
        (
            INVITATION,
            format!(
                r#"{{"vault":"{VAULT}","name":"home","founder":{{"node":"{node}","public_key":"{public_key}","name":"a"}},"told":[],"inviter":"{node}","expires_at":"2026-05-02T10:00:00Z","keys":[[1,"{}"]]}}"#,
                "02".repeat(32)
            ),
        ),
        (
            REQUEST,
            format!(
                r#"{{"node":"{node}","public_key":"{public_key}","recipient":"age1x","name":"b","at":"2026-05-01T10:00:00Z","invite":"0707070707070707","past":[{{"from":"{node}","public_key":"{public_key}","to":"{node}","signature":"00"}}]}}"#
            ),
        ),
        (
            KEY_RING,
            format!(
                r#"{{"vault":"{VAULT}","name":"home","founder":{{"node":"{node}","public_key":"","name":"a"}},"epoch":1,"keys":["{}"]}}"#,
                "02".repeat(32)
            ),
        ),
        (WRAPPED, "age-encryption.org/v1\n-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n".to_owned()),
    ];
    let mut seeds: Vec<Vec<u8>> = texts.into_iter().map(|(what, text)| [&[what], text.as_bytes()].concat()).collect();
    let frame = segment::encode(&[]).expect("an empty frame");
    seeds.push([&[SEGMENT], frame.as_slice()].concat());
    seeds
}

fn files(input: &[u8]) {
    if let Ok((clear, size, whole)) = Clear::decode(input) {
        let (header, _) = input.split_at(size);
        assert_eq!(clear.encode(whole - size as u64), header, "a header has one form");
        assert!(clear.name(&Hash::of(input)).len() <= 200, "a name that every file system takes");
    }
    let find = |id| Some(key()).filter(|key| key.id == id);
    let whole = seal::open(input, &find);
    let mut streamed = Vec::new();
    let by_stream = seal::open_from(&mut &*input, &find, &mut streamed);
    if let Ok((clear, content)) = whole {
        assert_eq!(seal::seal(&clear, &key(), &content), input, "only who sealed it made it");
        assert_eq!((by_stream.ok(), streamed), (Some(clear), content));
    }
}

fn contents(input: &[u8]) {
    let Some((what, content)) = input.split_first() else { return };
    match *what {
        SEGMENT => segments(content),
        HEAD => heads(content),
        INVITATION => {
            let key = invite::key_of(&CODE.secret);
            let file = seal::seal(&clear(FileKind::Request, key.id), &key, content);
            if let Ok(invitation) = invite::read(&file, &CODE, Timestamp(0)) {
                assert_eq!((invitation.vault, invitation.inviter), (VAULT, NODE.node_id()));
                let _ = invitation.keys().count();
            }
        }
        REQUEST => {
            let signed = [&NODE.sign_other(Signed::Request, &Hash::of(content))[..], content].concat();
            if let Ok((request, invite)) = request::open(&sealed(FileKind::Request, &signed), &KEYS) {
                assert_eq!(request.node, NODE.node_id(), "nobody asks in another's name");
                let _ = request::grounds(&request, invite, &Default::default(), Timestamp(0));
            }
            let _ = request::open(&sealed(FileKind::Request, content), &KEYS);
        }
        KEY_RING => {
            let recipient = KEYS.recipient().and_then(|text| keyring::recipient(&text)).expect("a recipient");
            let ring = age_wrapped(content, recipient.as_ref());
            let identity = KEYS.identity().expect("an identity");
            if let Ok(Some(found)) = keyring::unwrap(&ring, &[&identity]) {
                let _ = found.keys.len();
            }
        }
        _ => {
            let identity = KEYS.identity().expect("an identity");
            assert!(!matches!(keyring::unwrap(content, &[&identity]), Ok(Some(_))), "nobody wrapped it");
        }
    }
}

fn age_wrapped(content: &[u8], recipient: &dyn age::Recipient) -> Vec<u8> {
    use std::io::Write as _;
    let mut file = Vec::new();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient)).expect("one recipient");
    let mut writer = encryptor.wrap_output(&mut file).expect("memory");
    writer.write_all(content).and_then(|()| writer.finish()).expect("memory");
    file
}

fn segments(content: &[u8]) {
    let packed = segment::decode(content);
    // As it is too: what is compressed is hard to guess.
    let read = packed.or_else(|_| jay_types::change::frame::decode(content).map_err(|_| ()));
    if let Ok(entries) = read
        && let Some(ranges) = segment::ranges_of(&entries)
    {
        let held: u64 = ranges.iter().map(|range| range.to - range.from + 1).sum();
        assert_eq!(held, entries.len() as u64, "every change is in one range");
        let again = segment::encode(&entries).expect("what fitted into a frame fits into one");
        assert_eq!(segment::decode(&again), Ok(entries));
    }
}

fn heads(json: &[u8]) {
    let node = NODE.node_id();
    let content = Head::encode(json, &NODE.sign_other(Signed::Head, &Hash::of(json)));
    if let Ok(head) = Head::decode(&content, node, &NODE.public_key()) {
        assert_eq!(head.node, node, "nobody tells of another");
        let (json, hash) = head.json();
        let again = Head::encode(&json, &NODE.sign_other(Signed::Head, &hash));
        assert_eq!(Head::decode(&again, node, &NODE.public_key()), Ok(head));
    }
    assert!(Head::decode(json, NodeId([9; 16]), &NODE.public_key()).is_err());
}

fn codes(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(code) = InviteCode::parse(text) {
        assert_eq!(InviteCode::parse(&code.text()), Ok(code));
    }
    let _ = keyring::recipient(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed that is refused at once would let the search begin at the door.
    #[test]
    fn seeds_lead_past_seals_and_signatures() {
        let seed = |what: u8| {
            let found = content_seeds().into_iter().find(|seed| seed.first() == Some(&what));
            found.unwrap()[1..].to_vec()
        };
        assert!(segment::decode(&seed(SEGMENT)).is_ok());
        let content = Head::encode(&seed(HEAD), &NODE.sign_other(Signed::Head, &Hash::of(&seed(HEAD))));
        assert!(Head::decode(&content, NODE.node_id(), &NODE.public_key()).is_ok());
        let key = invite::key_of(&CODE.secret);
        let file = seal::seal(&clear(FileKind::Request, key.id), &key, &seed(INVITATION));
        assert!(invite::read(&file, &CODE, Timestamp(0)).is_ok());
        let asked = seed(REQUEST);
        let signed = [&NODE.sign_other(Signed::Request, &Hash::of(&asked))[..], asked.as_slice()].concat();
        assert!(request::open(&sealed(FileKind::Request, &signed), &KEYS).is_ok());
        let recipient = KEYS.recipient().and_then(|text| keyring::recipient(&text)).unwrap();
        let ring = age_wrapped(&seed(KEY_RING), recipient.as_ref());
        assert!(matches!(keyring::unwrap(&ring, &[&KEYS.identity().unwrap()]), Ok(Some(_))));
        assert!(InviteCode::parse(&CODE.text()).is_ok());
    }
}
