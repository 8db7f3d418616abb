//! A machine that knows nothing yet begins with a checkpoint, and with segments where that does not serve.

use crate::world::{Home, config, folder, path, saying, settle, vault};
use jay_store::Draft;
use jay_transfer::remote::Remote as _;
use jay_types::change::{Body, EntityKind, Op};

/// So many memories that a checkpoint is worth it.
const MANY: usize = 10_200;

fn fill(home: &Home) {
    for batch in 0..MANY / 1_020 {
        home.act(|w| {
            let ns = w.namespace(&path("work/big"))?.0;
            for n in 0..1_020 {
                let body = saying(&format!("note {batch} {n}"));
                w.draft(Draft::new(ns, EntityKind::Memory, w.new_id(), Op::Create, body));
            }
            Ok(())
        });
    }
}

fn checkpoints(shared: &std::path::Path) -> Vec<String> {
    let listing = folder(shared, 8).list("nodes/").unwrap();
    listing.into_iter().map(|file| file.path).filter(|path| path.contains("/checkpoint.")).collect()
}

#[test]
fn a_new_machine_reads_one_file_and_what_came_after_it() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    fill(&homes[0]);
    homes[0].remember("private/diary", "dear diary");
    homes[0].sync(&at);
    assert_eq!(checkpoints(shared.path()).len(), 1);
    settle(&homes, &at);
    assert_eq!(checkpoints(shared.path()).len(), 1, "one serves all");
    let late = homes[1].remember("work/big", "after the checkpoint");
    settle(&homes, &at);

    let code = homes[0].invite(&at);
    let newcomer = Home::new(40);
    newcomer.join(&at, &code);
    let synced = newcomer.sync(&at);
    assert_eq!(synced.files, [], "{:?}", synced.notes);
    assert!(!synced.notes.iter().any(|note| note.contains("does not serve")), "{:?}", synced.notes);
    let segments: u64 = at
        .list("nodes/")
        .unwrap()
        .iter()
        .filter(|file| !file.path.contains("checkpoint."))
        .map(|file| file.bytes)
        .sum();
    let one: u64 =
        at.list("nodes/").unwrap().iter().filter(|file| file.path.contains("checkpoint.")).map(|file| file.bytes).sum();
    assert!(synced.bytes_read < one + segments / 2, "{} of {one} and {segments}", synced.bytes_read);
    homes.push(newcomer);
    settle(&homes, &at);
    assert_eq!(homes[2].dump(), homes[1].dump());

    // What is purged leaves the checkpoint too.
    homes[1].write(late.0, late.1, Op::Purge, Body::default());
    let before = checkpoints(shared.path());
    settle(&homes, &at);
    let after = checkpoints(shared.path());
    assert_eq!(after.len(), 1);
    assert_ne!(before, after, "it was made anew");
}

#[test]
fn a_checkpoint_that_was_changed_is_told_and_segments_serve() {
    let (shared, mut homes) = vault(0);
    let at = folder(shared.path(), 7);
    fill(&homes[0]);
    settle(&homes, &at);
    let checkpoint = checkpoints(shared.path()).remove(0);
    let file = shared.path().join(&checkpoint);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    jay_testkit::write(&file, &bytes);
    let code = homes[0].invite(&at);
    let newcomer = Home::new(41);
    newcomer.join(&at, &code);
    let synced = newcomer.try_sync(&at, &config()).unwrap();
    assert!(synced.notes.iter().any(|note| note.contains("does not serve as a beginning")), "{:?}", synced.notes);
    homes.push(newcomer);
    settle(&homes, &at);
    assert_eq!(homes[1].dump(), homes[0].dump());
}
