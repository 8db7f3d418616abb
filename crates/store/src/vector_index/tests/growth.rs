//! Files that grow: in place, under readers, over extents, with documents that are stored again.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn appended_and_built_files_give_the_same_answers() {
    let mut table = Table::new(96);
    table.store([5, 1, 9]);
    table.build();
    let mut next = 10;
    for part in [1, 7, 300, 3790, 1, 1, 64, 4096, 2000] {
        table.append(next..next + part);
        next += part;
    }
    assert_eq!(table.index.verify().unwrap(), (table.rows.len(), 0));
    let queries: Vec<Query> = (0..5).map(|_| table.query()).collect();
    let answers = |table: &Table| -> Vec<Vec<Neighbour>> {
        let search = table.index.at(&table.content).unwrap();
        queries.iter().map(|query| nearest(&search, query, 50).unwrap()).collect()
    };
    let appended = answers(&table);
    table.rows.reverse();
    table.build();
    assert_eq!(answers(&table), appended, "answers follow from the vectors alone (I4)");
    let cosines = table.index.at(&table.content).unwrap().cosines(&queries[0], &[1, 5, 9, 4000, next]).unwrap();
    assert_eq!(cosines.keys().copied().collect::<Vec<_>>(), [1, 5, 9, 4000]);
}

#[test]
fn what_is_stored_again_replaces_and_what_is_dropped_goes() {
    let mut table = Table::new(64);
    table.store(0..5000);
    table.build();
    let before = table.content.clone();
    table.append([17, 4200, 9000]);
    let query = table.query();
    let mark = table.content.mark();
    let rows = table.store([9001]);
    table.index.append(&[addition(&rows[0])], &[18, 123_456], table.content.mark()).unwrap();
    table.rows.retain(|row| row.0 != 18);
    let search = table.index.at(&table.content).unwrap();
    let found = nearest(&search, &query, 6000).unwrap();
    assert_eq!(found, table.exact(&query, |_, _| true));
    let cosines = search.cosines(&query, &[16, 17, 18, 4200]).unwrap();
    assert_eq!(cosines, best_by_doc(&table.exact(&query, |doc, _| [16, 17, 4200].contains(&doc))));
    assert_eq!(table.index.verify().unwrap().1, 6, "three documents, each with the record that drops it");
    assert!(!table.index.is_worn().unwrap());
    // A reader of an older snapshot takes the part that it knows.
    assert_ne!(before.mark(), mark);
    let old = table.index.at(&before).unwrap();
    assert_eq!(old.count(), 5000);
    assert!(old.cosines(&query, &[18, 17]).unwrap().len() == 2 && old.newer().is_empty());
}

#[test]
fn what_the_file_lacks_is_named() {
    let mut table = Table::new(64);
    table.store(0..100);
    table.build();
    table.store([3, 200]);
    table.store([201]);
    let query = table.query();
    let search = table.index.at(&table.content).unwrap();
    assert_eq!((search.count(), search.newer()), (100, [3, 200, 201].as_slice()));
    let newer: Vec<Neighbour> = table.exact(&query, |doc, _| search.newer().contains(&doc));
    let found = search.nearest(&query, 60, None, &newer, &mut |_, _| true).unwrap();
    assert_eq!(found, table.exact(&query, |_, _| true)[..60]);
    assert!(search.cosines(&query, &[3]).unwrap().is_empty(), "the table has another vector of it by now");
}

#[test]
fn readers_see_whole_commits_while_a_writer_appends() {
    let mut table = Table::new(64);
    table.store(0..4000);
    table.build();
    let done = AtomicBool::new(false);
    let reader = table.other();
    let query = table.query();
    // What readers may know: contents of the table, each with the number of its rows.
    let known = Mutex::new(vec![(table.content.clone(), 4000_usize)]);
    std::thread::scope(|scope| {
        let handle = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::SeqCst) || seen < 20 {
                let (content, rows) = known.lock().unwrap().last().unwrap().clone();
                let search = reader.at(&content).unwrap();
                assert_eq!(search.count() + search.newer().len(), rows);
                let found = nearest(&search, &query, 20).unwrap();
                assert!(found.len() == 20 && found.iter().all(|neighbour| (neighbour.doc as usize) < rows));
                assert_eq!(
                    search.cosines(&query, &[rows as i64 - 1]).unwrap().len(),
                    usize::from(search.newer().is_empty())
                );
                seen += 1;
            }
            seen
        });
        for part in 0..40 {
            let first = 4000 + part * 50;
            let rows = table.store(first..first + 50);
            known.lock().unwrap().push((table.content.clone(), table.rows.len()));
            let additions: Vec<Addition<'_>> = rows.iter().map(addition).collect();
            table.index.append(&additions, &[], table.content.mark()).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        assert!(handle.join().unwrap() >= 20);
    });
    assert_eq!(table.index.verify().unwrap(), (6000, 0));
}

#[test]
fn a_file_that_was_made_anew_is_noticed() {
    let mut table = Table::new(64);
    table.store(0..50);
    table.build();
    let reader = table.other();
    let query = table.query();
    assert_eq!(nearest(&reader.at(&table.content).unwrap(), &query, 100).unwrap().len(), 50);
    table.rows.retain(|row| row.0 != 7);
    let mut builder = table.index.build().unwrap();
    table.rows.iter().for_each(|row| builder.push(&addition(row)).unwrap());
    builder.finish(table.content.mark(), 1, true).unwrap();
    let found = nearest(&reader.at(&table.content).unwrap(), &query, 100).unwrap();
    assert_eq!(found, table.exact(&query, |_, _| true));
    assert_eq!(found.len(), 49);
}

#[test]
fn a_worn_file_says_so() {
    let mut table = Table::new(8);
    table.store(0..3000);
    table.build();
    assert!(!table.index.is_worn().unwrap());
    table.append(0..600);
    assert!(table.index.is_worn().unwrap());
    let query = table.query();
    let search = table.index.at(&table.content).unwrap();
    assert_eq!(nearest(&search, &query, 4000).unwrap(), table.exact(&query, |_, _| true));
}
