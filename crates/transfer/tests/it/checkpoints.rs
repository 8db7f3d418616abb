//! What a checkpoint leaves behind where its process is killed, and what of one is not believed.

use crate::world::{Home, config, folder, settle, vault};
use jay_testkit::files_below;
use jay_transfer::remote::Remote;
use jay_transfer::sync::{Direction, sync};
use std::path::PathBuf;

/// The files of a machine in which something is found.
fn holding(home: &Home, word: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    files_below(home.memory.state_file("")).unwrap().into_iter().filter(holds).collect()
}

/// A sync after which the files are there that lay there at one of its steps, as a kill at that moment leaves them.
fn sync_and_die(home: &Home, remote: &dyn Remote, step: &str) {
    let mut left: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let state = home.memory.state_file("");
    let synced = sync(&home.peer(), remote, &config(), Direction::Both, &mut |_, _, what| {
        if what == step {
            let temporary =
                files_below(&state).unwrap().into_iter().filter(|path| path.to_string_lossy().contains(".tmp"));
            left = temporary.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
        }
    });
    synced.unwrap();
    assert!(!left.is_empty(), "nothing lies there at `{step}`");
    left.iter().for_each(|(path, bytes)| jay_testkit::write(path, bytes));
}

#[test]
fn what_a_killed_sync_left_in_plain_text_goes_with_the_next() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the word is swordfish");
    homes[0].checkpoint_from_changes = 1;
    sync_and_die(&homes[0], &at, "writing a checkpoint");
    assert!(!holding(&homes[0], "swordfish").is_empty(), "the test does not look where it should");
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], "swordfish"), Vec::<PathBuf>::new());

    let newcomer = Home::new(40);
    newcomer.join(&at, &homes[0].invite(&at));
    sync_and_die(&newcomer, &at, "verifying a checkpoint");
    assert!(!holding(&newcomer, "swordfish").is_empty(), "the test does not look where it should");
    newcomer.sync(&at);
    assert_eq!(holding(&newcomer, "swordfish"), Vec::<PathBuf>::new());
}
