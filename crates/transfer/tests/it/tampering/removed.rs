//! Who was taken out still has its key and the keys of earlier epochs: it may write its own past once more, and nobody takes it.

use super::*;
use crate::foreign::request_of;
use crate::world::config;
use jay_transfer::vault::request::Grounds;

/// A vault of two, of which the second has read nothing of what a third member wrote before it was taken out.
struct Past {
    founder: Home,
    late: Home,
    folder: Carrier,
    author: Author,
    keys: VaultKeys,
    ns: NamespaceId,
    random: Random,
}

fn words(text: &str, id: u8) -> Foreign {
    Foreign::new(EntityKind::Memory, EntityId([id; 16]), Op::Create, &saying(text))
}

impl Past {
    fn new() -> Self {
        let folder = Carrier::new(15, 1, false);
        let (founder, late) = (Home::new(1), Home::new(2));
        founder.begin(&folder.seat(0, &founder));
        let code = founder.invite(&folder.seat(0, &founder));
        late.join(&folder.seat(0, &late), &code);
        let (ns, _) = founder.remember("work/one", "the basin is deep");
        for home in [&late, &founder, &late] {
            sync(home, &folder);
        }
        let (keys, author) = (keys_of(&founder), Author::new(77));
        members::admit(&founder.memory, &ann(), keys.vault, &request_of(&author), &Grounds::Keys).unwrap();
        sync(&founder, &folder);
        Self { founder, late, folder, author, keys, ns, random: Random::new(3) }
    }

    /// A file of the author's: its path.
    fn write(&mut self, author: &Author, entries: &[FrameEntry]) -> String {
        let key = self.keys.keys().min_by_key(|key| key.id).unwrap();
        let (path, file) = segment_file(&self.keys, &key, author.node_id(), entries, &mut self.random);
        self.folder.tamper(0, &path, Some(file));
        path
    }

    /// Takes segments away: their bytes.
    fn hide(&self, is_late: impl Fn(&str, &Clear) -> bool) -> BTreeMap<String, Vec<u8>> {
        let mut hidden = BTreeMap::new();
        for (path, bytes) in self.folder.files(0) {
            if Clear::decode(&bytes).is_ok_and(|(clear, ..)| clear.kind == FileKind::Segment && is_late(&path, &clear))
            {
                self.folder.tamper(0, &path, None);
                hidden.insert(path, bytes.to_vec());
            }
        }
        hidden
    }

    fn take_out(&mut self) {
        let (node, roster) =
            (self.author.node_id(), self.founder.memory.read(|tx| Roster::read(tx, &self.keys)).unwrap());
        let branches = self.founder.memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
        let steps = self.founder.steps.as_ref();
        members::remove(
            &self.founder.memory,
            &ann(),
            &mut self.keys,
            members::TakenOut { roster: &roster, nodes: &[node], kept: None, branches: &branches },
            steps,
        )
        .unwrap();
        let seat = self.folder.seat(0, &self.founder);
        // Only the roster: nobody publishes yet what the removed one wrote.
        let direction = jay_transfer::sync::Direction::Roster;
        jay_transfer::sync::sync(&self.founder.peer(), &seat, &config(), direction, &mut |_, _, _| ()).unwrap();
    }
}

#[test]
fn who_was_taken_out_cannot_write_its_past_anew() {
    let mut past = Past::new();
    let mut author = past.author.clone();
    let mut forger = author.clone();
    // Three files: nothing in the first two shows that they lead to the end of the third.
    let paths: Vec<String> = ["one", "two", "three"]
        .iter()
        .zip(1..)
        .map(|(text, id)| {
            let part = author.part(past.ns, &[words(text, id)]);
            past.write(&author, &part)
        })
        .collect();
    sync(&past.founder, &past.folder);
    past.take_out();
    let held = past.founder.dump();
    // Another past with the same numbers, one that begins as the right one did, and what comes after its end.
    let forged = forger.part(past.ns, &[words("never said", 9)]);
    past.write(&forger, &forged);
    let later = author.part(past.ns, &[words("too late", 10)]);
    past.write(&author, &later);
    // The last of its files is late.
    let last = past.folder.files(0).get(&paths[2]).unwrap().to_vec();
    past.folder.tamper(0, &paths[2], None);
    let synced = sync(&past.late, &past.folder);
    assert!(!past.late.texts().iter().any(|text| text == "one"), "nothing shows yet that it counts");
    assert!(synced.files.iter().any(|file| file.path == paths[0] && file.why.contains("not here yet")), "{synced:#?}");
    past.folder.tamper(0, &paths[2], Some(last));
    let synced = sync(&past.late, &past.folder);
    for text in ["one", "two", "three"] {
        assert!(past.late.texts().iter().any(|held| held == text), "{text}: {synced:#?}");
    }
    assert!(!past.late.texts().iter().any(|text| text == "never said" || text == "too late"));
    assert_eq!(synced.files.iter().filter(|file| file.why.contains("does not count")).count(), 2, "{synced:#?}");
    sync(&past.founder, &past.folder);
    assert_eq!(past.founder.dump(), held, "who took it out is not moved either");
    assert_eq!(past.late.dump(), held);
    // It says in the roster's own namespace that it is a member once more, in numbers that count.
    let body = jay_types::change::Body::default()
        .with(jay_types::change::registry::STANDING, serde_json::json!({"state": "member"}));
    let itself = Foreign::new(EntityKind::Member, EntityId(forger.node_id().0), Op::Update, &body);
    let forged = forger.part(past.keys.vault, &[itself]);
    past.write(&forger, &forged);
    sync(&past.late, &past.folder);
    assert_eq!(past.late.dump(), held);
}

#[test]
fn what_was_taken_in_of_a_removed_node_stays_when_its_files_go() {
    let mut past = Past::new();
    let mut author = past.author.clone();
    let part = author.part(past.ns, &[words("one", 1)]);
    let path = past.write(&author, &part);
    sync(&past.founder, &past.folder);
    past.take_out();
    sync(&past.founder, &past.folder);
    // It removes what it wrote, or writes it anew without what it says.
    let bodiless: Vec<FrameEntry> = part.iter().map(|entry| FrameEntry { body: None, ..entry.clone() }).collect();
    past.folder.tamper(0, &path, None);
    let of_author = |clear: &Clear| clear.ranges.iter().any(|range| range.stream.node == author.node_id());
    let again = past.hide(|path, clear| path.contains(&past.founder.id().to_string()) && of_author(clear));
    assert_eq!(again.len(), 1);
    past.write(&author, &bodiless);
    let synced = sync(&past.late, &past.folder);
    assert!(!past.late.texts().iter().any(|text| text == "one"), "{synced:#?}");
    for (path, bytes) in again {
        past.folder.tamper(0, &path, Some(bytes));
    }
    let synced = sync(&past.late, &past.folder);
    assert!(past.late.texts().iter().any(|text| text == "one"), "{synced:#?}");
    sync(&past.founder, &past.folder);
    assert_eq!(past.founder.dump(), past.late.dump());
}

#[test]
fn what_a_member_took_in_before_it_knew_counts_for_all() {
    let mut past = Past::new();
    let mut author = past.author.clone();
    let first = author.part(past.ns, &[words("one", 1)]);
    past.write(&author, &first);
    sync(&past.founder, &past.folder);
    // The other one reads more, and does not know of the removal.
    let second = author.part(past.ns, &[words("two", 2)]);
    past.write(&author, &second);
    sync(&past.late, &past.folder);
    past.take_out();
    assert!(!past.founder.texts().iter().any(|text| text == "two"));
    for home in [&past.late, &past.founder, &past.late] {
        sync(home, &past.folder);
    }
    assert!(past.founder.texts().iter().any(|text| text == "two"));
    assert_eq!(past.founder.dump(), past.late.dump());
}
