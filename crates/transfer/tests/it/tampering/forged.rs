//! Files that somebody made up: who has the keys and is no member, and who says another thing outside than inside.

use super::*;

/// A file that somebody made up who has the keys: it is named, and adds nothing to what is there without it.
fn check_forged(room: &Room, what: &str, (path, bytes): (String, Vec<u8>)) {
    let (reader, folder) = room.again(7);
    let roster = |home: &Home| home.memory.read(|tx| Roster::read(tx, &keys_of(home))).unwrap();
    folder.tamper(0, &path, Some(bytes));
    let synced = sync(&reader, &folder);
    let is_named =
        synced.files.iter().any(|file| file.path == path) || synced.notes.iter().any(|note| note.contains(&path));
    assert!(is_named, "{what} is not named: {synced:#?}");
    assert_eq!(reader.dump(), room.expected, "{what}: {synced:#?}");
    let (right, right_folder) = room.again(8);
    sync(&right, &right_folder);
    assert_eq!(roster(&reader), roster(&right), "{what}");
    room.heal(&reader, &folder, what);
}

fn note_in(author: &mut Author, ns: NamespaceId, text: &str) -> Vec<FrameEntry> {
    author.part(ns, &[Foreign::new(EntityKind::Memory, EntityId([8; 16]), Op::Create, &saying(text))])
}

/// The parts of `room` that a forger needs: the keys, one member, a namespace.
pub(super) fn spoils(room: &Room) -> (VaultKeys, FileKey, NodeId, NamespaceId) {
    let keys = keys_of(&room.writers[0]);
    let key = keys.keys().max_by_key(|key| key.id).unwrap();
    let names = room.writers[1].memory.read::<_, Error>(|tx| Ok(tx.all_names()?)).unwrap();
    (keys, key, room.writers[1].id(), *names.keys().next().unwrap())
}

#[test]
fn who_has_the_keys_and_is_no_member_adds_nothing() {
    let room = Room::new();
    let mut random = Random::new(4);
    let (keys, key, member, ns) = spoils(&room);
    let mut stranger = Author::new(66);
    let said = note_in(&mut stranger, ns, "from nobody");
    let own = segment_file(&keys, &key, stranger.node_id(), &said, &mut random);
    check_forged(&room, "a stranger's segment", own);
    let under_member = segment_file(&keys, &key, member, &said, &mut random);
    check_forged(&room, "a stranger's segment below a member's name", under_member);
    // In the roster's own namespace it would let itself in.
    let body = jay_types::change::Body::default()
        .with(jay_types::change::registry::PUBLIC_KEY, to_hex(&stranger.key.public_key()))
        .with(jay_types::change::registry::STANDING, serde_json::json!({"state": "member"}));
    let entity = EntityId(stranger.node_id().0);
    let itself = [Foreign::new(EntityKind::Member, entity, Op::Create, &body)];
    let said = stranger.part(keys.vault, &itself);
    check_forged(&room, "a stranger that lets itself in", segment_file(&keys, &key, member, &said, &mut random));
}

#[test]
fn what_a_segment_says_outside_must_be_what_is_in_it() {
    let room = Room::new();
    let mut random = Random::new(5);
    let (keys, key, member, ns) = spoils(&room);
    let branches = room.writers[1].memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
    let branch = branches.iter().find(|branch| branch.stream.node == member).unwrap();
    let entries: Vec<FrameEntry> = room.writers[1]
        .memory
        .read::<_, Error>(|tx| {
            Ok(tx.branch_changes(branch, 0, 100)?.iter().map(jay_store::Journalled::entry).collect())
        })
        .unwrap();
    let mut claimed = segment::ranges_of(&entries).unwrap();
    claimed[0].to += 1;
    claimed[0].hash = Hash([7; 32]);
    let content = segment::encode(&entries).unwrap();
    let longer = sealed_file(&keys, &key, (FileKind::Segment, member), claimed.clone(), &content, &mut random);
    check_forged(&room, "a segment that claims one change more", longer);
    // Nothing that goes on from what a member wrote, for nobody can sign it.
    let mut forger = Author::new(67);
    let mut said = note_in(&mut forger, ns, "in another's name");
    said.remove(0);
    for entry in &mut said {
        let mut header = jay_types::change::Header::decode(&entry.header).unwrap();
        (header.node, header.namespace) = (member, branch.stream.namespace);
        (header.seq, header.prev_hash) = (branch.head_seq + 1, branch.head_hash);
        (header.index, header.count, header.hlc) = (0, 1, jay_types::Hlc(header.hlc.0 + (1 << 45)));
        entry.header = header.encode().to_vec();
        entry.signature = Some(forger.key.sign(&header.hash()));
    }
    let forged = segment_file(&keys, &key, member, &said, &mut random);
    check_forged(&room, "a change in a member's name that it has not signed", forged);
    let noise = sealed_file(&keys, &key, (FileKind::Segment, member), claimed, b"no segment at all", &mut random);
    check_forged(&room, "noise under a seal", noise);
}

/// A head as `signer` signs it, below `node`'s name.
fn head_file(room: &Room, node: NodeId, signer: &NodeKey, generation: u64) -> (String, Vec<u8>) {
    let (keys, key, ..) = spoils(room);
    let head = Head {
        node,
        generation,
        content: generation,
        at: Timestamp(1),
        hlc: 1,
        program: "0.1.0".to_owned(),
        position: Hash([3; 32]),
        changes: 1_000,
        checkpoint: None,
        checkpoint_changes: 0,
        heads: Vec::new(),
        seen: BTreeMap::new(),
        lacks: Vec::new(),
        clients: Vec::new(),
        deferred: 0,
    };
    let (json, hash) = head.json();
    let content = Head::encode(&json, &signer.sign_other(Signed::Head, &hash));
    let clear =
        Clear { kind: FileKind::Head, vault: keys.vault, key: key.id, node, ranges: Vec::new(), nonce: [4; 19] };
    (format!("nodes/{node}/head"), seal::seal(&clear, &key, &content))
}

#[test]
fn a_head_is_signed_by_its_node_and_never_goes_back() {
    let room = Room::new();
    let (.., member, _) = spoils(&room);
    let forged = head_file(&room, member, &NodeKey::from_secret(&[9; 32]), 1_000);
    check_forged(&room, "a head that another node signed", forged);

    let (reader, folder) = room.again(9);
    let path = format!("nodes/{member}/head");
    let early = folder.files(0)[&path].to_vec();
    room.writers[1].remember("work/two", "one more");
    let writer_folder = room.folder.again();
    sync(&room.writers[1], &writer_folder);
    for (path, bytes) in writer_folder.files(0) {
        folder.tamper(0, &path, Some(bytes.to_vec()));
    }
    sync(&reader, &folder);
    let before = reader.dump();
    folder.tamper(0, &path, Some(early));
    let synced = sync(&reader, &folder);
    assert!(synced.notes.iter().any(|note| note.starts_with("rolled_back") && note.contains(&member.to_string())));
    assert_eq!(reader.dump(), before);
    let synced = sync(&reader, &folder);
    assert_eq!(synced.notes, Vec::<String>::new(), "it is told once");
}

#[test]
fn a_request_is_signed_by_who_asks() {
    let room = Room::new();
    let (keys, key, ..) = spoils(&room);
    let victim = NodeKey::from_secret(&[11; 32]);
    let asked = Request {
        node: victim.node_id(),
        public_key: to_hex(&victim.public_key()),
        recipient: keys.recipient().unwrap(),
        name: "not I".to_owned(),
        at: Timestamp(1),
        invite: None,
        proof: None,
        past: Vec::new(),
    };
    let forger = NodeKey::from_secret(&[12; 32]);
    let file = request::seal_request(&asked, &keys, &key, room.reader.steps.as_ref(), |hash| {
        Ok(forger.sign_other(Signed::Request, hash))
    });
    check_forged(&room, "a request in another's name", (request::path(asked.node), file.unwrap()));
}

/// Whoever knows for whom to wrap can put a key ring there. Nothing is ever sealed with such a key.
#[test]
fn a_key_that_merely_lies_there_is_not_used() {
    let room = Room::new();
    let (reader, folder) = room.again(10);
    let mut planted = VaultKeys::new(keys_of(&reader).vault, "home".to_owned(), keys_of(&reader).founder);
    let key = FileKey::new(u32::MAX, [66; 32]);
    planted.add_key(&key);
    let recipient = keys_of(&reader).recipient().unwrap();
    let ring = jay_transfer::vault::keyring::wrap(&planted, u32::MAX, &[recipient]).unwrap();
    folder.tamper(0, &format!("nodes/{}/keys/{}.age", room.writers[0].id(), u32::MAX), Some(ring));
    reader.remember("work/one", "what the reader knows");
    sync(&reader, &folder);
    let mut keys = keys_of(&reader);
    let roster = reader.memory.read(|tx| Roster::read(tx, &keys)).unwrap();
    let own = format!("nodes/{}/", reader.id());
    for (path, bytes) in folder.files(0).iter().filter(|(path, _)| path.starts_with(&own)) {
        assert!(Clear::decode(bytes).map_or(true, |(clear, ..)| clear.key != key.id), "{path}");
    }
    let epoch = members::rotate(&reader.memory, &ann(), &mut keys, &roster, reader.steps.as_ref()).unwrap();
    assert_eq!(epoch, 3);
}

/// A file of another vault, and a code of an invitation that was changed.
#[test]
fn what_is_not_of_this_vault_is_left_alone() {
    let room = Room::new();
    let other = Home::new(90);
    let elsewhere = Carrier::new(6, 1, false);
    other.begin(&elsewhere.seat(0, &other));
    other.remember("global", "of another vault");
    sync(&other, &elsewhere);
    let (reader, folder) = room.again(11);
    for (path, bytes) in elsewhere.files(0) {
        folder.tamper(0, &path, Some(bytes.to_vec()));
    }
    let synced = sync(&reader, &folder);
    assert!(synced.files.iter().any(|file| file.is_quarantined && file.why.contains("another vault")), "{synced:#?}");
    assert_eq!(reader.dump(), room.expected);
    assert_eq!(sync(&reader, &folder).bytes_read, 0, "and not looked at again");

    let code = room.writers[0].invite(&room.folder.seat(0, &room.writers[0]));
    let path = format!("nodes/{}/invites/{}.jay", room.writers[0].id(), to_hex(&code.id));
    let right = room.folder.files(0)[&path].to_vec();
    let newcomer = Home::new(91);
    for at in [0, 40, right.len() - 1] {
        let mut changed = right.clone();
        changed[at] ^= 4;
        room.folder.tamper(0, &path, Some(changed));
        let seat = room.folder.seat(0, &newcomer);
        let proof = jay_transfer::sync::setup::Proof::Code(code.clone());
        assert!(jay_transfer::sync::setup::join(&newcomer.peer(), &seat, &proof).is_err(), "byte {at}");
        assert!(VaultKeys::load(&newcomer.memory).unwrap().is_none());
    }
    room.folder.tamper(0, &path, Some(right));
    newcomer.join(&room.folder.seat(0, &newcomer), &code);
    assert!(!room.folder.seat(0, &newcomer).list("nodes/").unwrap().is_empty());
}
