//! A sync whose process is told to end: it stops between two files, says so, and the next one goes on from there.

use crate::conformance::conforms;
use crate::support::Steps;
use crate::world::{config, folder, settle, vault};
use jay_transfer::remote::folder::Folder;
use jay_transfer::remote::stopping::Stopping;
use jay_transfer::sync::{Direction, sync};
use jay_types::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn until_it_is_told_it_is_the_remote_behind_it() {
    let at = tempfile::tempdir().unwrap();
    let inner = Folder::new(at.path().to_owned(), Steps::new(3));
    conforms(&Stopping::new(Box::new(inner), Arc::default()));
}

#[test]
fn a_sync_that_is_stopped_in_the_middle_is_gone_on_with() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    // As many files as segments are cut into: it is told between them.
    for n in 0..40 {
        homes[0].remember("global", &format!("note {n} {}", "and more ".repeat(10_000)));
        if n % 10 == 9 {
            homes[0].sync(&at);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Stopping::new(Box::new(folder(shared.path(), 8)), Arc::clone(&stop));
    let mut told = 0;
    let stopped = sync(&homes[1].peer(), &stopping, &config(), Direction::Both, &mut |_, _, _| {
        told += 1;
        if told == 2 {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap_err();
    assert!(told >= 2, "it was in the middle");
    assert_eq!(stopped.code, Code::Busy, "{stopped}");
    assert!(stopped.hint.is_some_and(|hint| hint.contains("the next `jay sync` goes on")));
    let taken = homes[1].texts().len();
    assert!(taken < 40, "{taken}");
    settle(&homes, &at);
    assert_eq!(homes[1].texts().len(), 40);
    assert_eq!(homes[1].dump(), homes[0].dump());
}
