//! What somebody with a key lays beside the files of members: theirs are taken in as if it were not there.

use super::forged::spoils;
use super::*;
use jay_types::change::Header;

/// A room whose reader knows everybody and every namespace, and has not read what was written last.
fn room() -> Room {
    let mut room = Room::new();
    sync(&room.reader, &room.folder);
    for (writer, text) in [(0, "the door sticks"), (1, "the key is under the mat"), (0, "the hinge is new")] {
        let (ns, _) = room.writers[writer].remember(if writer == 0 { "work/one" } else { "work/two" }, text);
        archive(&room.writers[writer], ns, &["more of the session", text]);
        sync(&room.writers[writer], &room.folder);
    }
    let (reader, folder) = room.again(1);
    sync(&reader, &folder);
    room.expected = reader.dump();
    room
}

/// What a forger changes in a header of a member.
type Change<'c> = &'c dyn Fn(&mut FrameEntry, &mut Header);

/// For each file of a member that the reader has not read yet, one that somebody else made out of the first change of each of its
/// ranges: below a name that comes before all others.
fn forged_beside(room: &Room, reader: &Home, key: &FileKey, change: Change<'_>) -> Vec<(String, Vec<u8>)> {
    let (keys, mut random) = (keys_of(&room.writers[0]), Random::new(6));
    let asker = room.writers[2].id().to_string();
    let mut forged = Vec::new();
    for (path, bytes) in room.folder.files(0) {
        let Some((clear, content)) = seal::open(&bytes, &|id| keys.key(id)).ok() else { continue };
        let is_news = clear.ranges.iter().any(|range| !holds(reader, range));
        if clear.kind != FileKind::Segment || !is_news || path.contains(&asker) {
            continue;
        }
        for entry in segment::decode(&content).unwrap() {
            let mut entry = entry;
            let mut header = Header::decode(&entry.header).unwrap();
            if !clear.ranges.iter().any(|range| range.from == header.seq && range.stream == header.stream()) {
                continue;
            }
            change(&mut entry, &mut header);
            let range = Range { stream: header.stream(), from: header.seq, to: header.seq, hash: Hash([5; 32]) };
            let range =
                Range { hash: Header::decode(&entry.header).map_or(range.hash, |header| header.hash()), ..range };
            let content = segment::encode(&[entry]).unwrap();
            let of = (FileKind::Segment, NodeId([0; 16]));
            forged.push(sealed_file(&keys, key, of, vec![range], &content, &mut random));
        }
    }
    assert!(forged.len() > 3, "{forged:?}");
    forged
}

#[test]
fn a_forgery_keeps_no_file_of_a_member_out() {
    let room = room();
    let (_, key, ..) = spoils(&room);
    let wrong_count = |entry: &mut FrameEntry, header: &mut Header| {
        header.count = header.count % 7 + 2;
        (entry.header, entry.signature) = (header.encode().to_vec(), None);
    };
    let another_version = |entry: &mut FrameEntry, _: &mut Header| entry.header[0] = 200;
    let unsigned = |entry: &mut FrameEntry, header: &mut Header| {
        (header.count, header.index) = (1, 0);
        (entry.header, entry.signature) = (header.encode().to_vec(), Some([1; 64]));
    };
    let changes: [(&str, Change<'_>); 3] =
        [("a wrong count", &wrong_count), ("another version", &another_version), ("a wrong signature", &unsigned)];
    for (number, (what, change)) in (30..).step_by(3).zip(changes) {
        let (reader, folder) = room.again(number);
        let forged = forged_beside(&room, &reader, &key, change);
        for (path, bytes) in &forged {
            folder.tamper(0, path, Some(bytes.clone()));
        }
        let synced = sync(&reader, &folder);
        assert_eq!(reader.dump(), room.expected, "{what}: {synced:#?}");
        let is_named = |file: &str| forged.iter().any(|(path, _)| path == file);
        let others: Vec<_> =
            synced.files.iter().filter(|file| !is_named(&file.path) && !file.why.contains("no member")).collect();
        assert!(others.is_empty(), "{what}: {others:#?}");
        // It lay there already when the member's files came.
        let (reader, folder) = room.again(number + 1);
        let late = room.folder.files(0);
        let late: Vec<_> = late.iter().filter(|(_, bytes)| is_news(&reader, bytes)).collect();
        late.iter().for_each(|(path, _)| folder.tamper(0, path, None));
        for (path, bytes) in &forged {
            folder.tamper(0, path, Some(bytes.clone()));
        }
        sync(&reader, &folder);
        late.iter().for_each(|(path, bytes)| folder.tamper(0, path, Some(bytes.to_vec())));
        let synced = sync(&reader, &folder);
        assert_eq!(reader.dump(), room.expected, "{what}, before: {synced:#?}");
        room.heal(&reader, &folder, what);
    }
}

/// True for a segment of which something is not here.
fn is_news(reader: &Home, bytes: &[u8]) -> bool {
    Clear::decode(bytes).is_ok_and(|(clear, ..)| {
        clear.kind == FileKind::Segment && clear.ranges.iter().any(|range| !holds(reader, range))
    })
}
