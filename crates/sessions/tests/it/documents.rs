//! What holds for every source that is read as documents, over all fixtures of that kind.

use crate::fixtures::{Held, laid_out, small};
use jay_sessions::{ReadOptions, Verdict};
use std::collections::BTreeSet;

const ALL: usize = usize::MAX;

#[test]
fn every_document_is_a_message_or_a_carrier() {
    let (_directory, sources) = laid_out();
    for (adapter, source) in sources {
        let mut held = Held::default();
        let (verdict, report) = held.sync(adapter, &source, ReadOptions { final_pass: true, ..small(700) }, ALL);
        assert_eq!(verdict, Verdict::New);
        assert_eq!(report.pending_bytes, 0);
        let mut documents = adapter.documents(&source).unwrap().unwrap();
        let mut bytes = Vec::new();
        let mut line = 0;
        while let Some(document) = documents.next(1 << 20).unwrap().or_else(|| documents.rest()) {
            line += 1;
            bytes.extend(document.bytes);
            bytes.push(b'\n');
            let spoken = held.messages.iter().any(|(at, _)| *at == line);
            assert!(spoken, "{} document {line}", source.name());
        }
        assert_eq!(held.bytes, bytes);
        assert_eq!(report.rows, line);
        assert_eq!(report.messages + report.carriers, held.messages.len() as u64);
        for (_, message) in &held.messages {
            assert!(held.sessions.contains_key(&message.session));
            assert!(!message.message.id.is_empty());
        }
    }
}

#[test]
fn a_second_read_finds_everything_fresh_and_the_stamp_tells_it_before() {
    let (_directory, sources) = laid_out();
    for (adapter, source) in sources {
        let mut held = Held::default();
        held.sync(adapter, &source, ReadOptions { final_pass: true, ..ReadOptions::default() }, ALL);
        let before = held.clone();
        let options = ReadOptions { final_pass: true, ..ReadOptions::default() };
        let (verdict, report) = held.sync(adapter, &source, options, ALL);
        assert_eq!((verdict, report.rows, report.bytes), (Verdict::Fresh, 0, 0), "{}", source.name());
        assert_eq!(held, before);
        assert!(held.cursor.unwrap().is_unchanged(&source.stamp), "{}", source.name());
    }
}

#[test]
fn a_read_that_was_interrupted_goes_on_where_it_stood() {
    let (_directory, sources) = laid_out();
    for (adapter, source) in sources {
        let options = ReadOptions { final_pass: true, ..small(600) };
        let (mut whole, mut broken) = (Held::default(), Held::default());
        whole.sync(adapter, &source, options, ALL);
        let (_, first) = broken.sync(adapter, &source, options, 1);
        if first.rows < whole.rows {
            assert!(!broken.cursor.as_ref().unwrap().is_unchanged(&source.stamp));
        }
        while broken.sync(adapter, &source, options, 1).1.blocks > 0 {}
        assert_eq!(broken.told(), whole.told(), "{}", source.name());
        assert_eq!(broken.cursor, whole.cursor);
    }
}

/// What is too long to be parsed is kept in pieces all the same, each with a carrier.
#[test]
fn documents_that_are_too_long_are_kept_in_pieces() {
    let (_directory, sources) = laid_out();
    for (adapter, source) in sources {
        let options = ReadOptions { max_block_bytes: 50, max_row_bytes: 90, final_pass: true };
        let (mut held, mut whole) = (Held::default(), Held::default());
        let (_, report) = held.sync(adapter, &source, options, ALL);
        whole.sync(adapter, &source, ReadOptions { final_pass: true, ..ReadOptions::default() }, ALL);
        let without_endings = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\n').collect::<Vec<_>>();
        assert_eq!(without_endings(&held.bytes), without_endings(&whole.bytes), "{}", source.name());
        assert_eq!(report.messages + report.carriers, held.messages.len() as u64);
        let lines: BTreeSet<_> = held.messages.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines.len() as u64, report.rows);
        let (verdict, report) = held.sync(adapter, &source, options, ALL);
        assert_eq!((verdict, report.rows), (Verdict::Fresh, 0));
    }
}

#[test]
fn a_source_that_is_gone_is_a_named_error() {
    let (_directory, sources) = laid_out();
    for (adapter, source) in sources {
        let gone = jay_sessions::Source { path: source.path.with_extension("gone"), ..source };
        let error = adapter.read(&gone, None, ReadOptions::default()).unwrap_err();
        assert_eq!(error.code, jay_types::Code::NotFound);
        assert!(error.message.ends_with(".gone is no longer there"), "{}", error.message);
        assert!(!gone.path.exists());
    }
}

/// A database's session while its client works on it.
mod live {
    use super::*;
    use jay_sessions::{SessionAdapter, Source, adapter};
    use jay_testkit::foreign::database;
    use std::path::PathBuf;

    struct Live {
        _directory: tempfile::TempDir,
        path: PathBuf,
        held: Held,
    }

    impl Live {
        fn new() -> Self {
            let (directory, sources) = laid_out();
            let path = sources.iter().find(|(_, source)| source.session == "ses_8f01").unwrap().1.path.clone();
            let mut live = Self { _directory: directory, path, held: Held::default() };
            live.sync();
            live
        }

        fn adapter() -> &'static dyn SessionAdapter {
            adapter("opencode").unwrap()
        }

        fn source(&self) -> Source {
            let found = Self::adapter().discover_path(&self.path).unwrap();
            assert_eq!(found.problems, []);
            found.sources.into_iter().find(|source| source.session == "ses_8f01").unwrap()
        }

        /// The verdict, and the ids of what was read.
        fn sync(&mut self) -> (Verdict, Vec<String>) {
            let before = self.held.messages.len();
            let (verdict, _) = self.held.sync(Self::adapter(), &self.source(), ReadOptions::default(), ALL);
            let read = self.held.messages[before..].iter().filter(|(_, found)| found.message.role.is_some());
            (verdict, read.map(|(line, found)| format!("{line} {}", found.message.id)).collect())
        }

        fn is_unchanged(&self) -> bool {
            self.held.cursor.as_ref().unwrap().is_unchanged(&self.source().stamp)
        }
    }

    #[test]
    fn a_part_that_was_completed_is_read_again_with_its_message_alone() {
        let mut live = Live::new();
        let from = live.held.bytes.len() as u64;
        assert!(live.is_unchanged());
        database(
            &live.path,
            r#"UPDATE part SET time_updated = 1772999999001, data = json_set(data, '$.state.status', 'completed', '$.state.output', 'Done.')
               WHERE id = 'prt_032'"#,
        );
        assert!(!live.is_unchanged());
        assert_eq!(
            live.sync(),
            (Verdict::Changed { from }, vec!["4 msg_03".to_owned(), "4 prt_032/result".to_owned()])
        );
        assert!(live.is_unchanged());
        assert_eq!(live.sync(), (Verdict::Fresh, vec![]));
        let mut whole = Held::default();
        whole.sync(Live::adapter(), &live.source(), ReadOptions::default(), ALL);
        assert_eq!(live.held.said(), whole.said());
    }

    #[test]
    fn new_rows_are_read_alone_and_deleted_ones_stay() {
        let mut live = Live::new();
        let before = live.held.said().len();
        database(
            &live.path,
            r#"DELETE FROM message WHERE id = 'msg_02'; DELETE FROM part WHERE message_id = 'msg_02';
               INSERT INTO message VALUES('msg_06', 'ses_8f01', 5, 5, '{"role":"user","time":{"created":1772442070000}}');
               INSERT INTO part VALUES('prt_061', 'msg_06', 'ses_8f01', 5, 5, '{"type":"text","text":"Thanks."}')"#,
        );
        assert!(!live.is_unchanged());
        let (verdict, read) = live.sync();
        assert!(matches!(verdict, Verdict::Changed { .. }));
        assert_eq!(read, ["6 msg_06"]);
        assert_eq!(live.held.said().len(), before + 1);
    }

    #[test]
    fn another_session_that_changes_leaves_this_one_unchanged() {
        let mut live = Live::new();
        database(&live.path, "UPDATE part SET time_updated = 1999999999999 WHERE session_id = 'ses_8f02'");
        assert!(live.is_unchanged());
        assert_eq!(live.sync(), (Verdict::Fresh, vec![]));
    }

    #[test]
    fn a_damaged_database_is_a_problem_and_another_beside_it_is_read() {
        let live = Live::new();
        let directory = live.path.parent().unwrap();
        let mut bytes = std::fs::read(&live.path).unwrap();
        bytes[100..].fill(0xff);
        jay_testkit::write(directory.join("opencode-beta.db"), bytes);
        jay_testkit::write(directory.join("opencode-none.db"), b"");
        let found = Live::adapter().discover_path(directory).unwrap();
        assert_eq!(found.sources.len(), 2);
        let told: Vec<_> = found.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(
            matches!(told[..], [damaged, none] if damaged.contains("is damaged") && none.ends_with("is no SQLite database")),
            "{told:?}"
        );
    }
}

/// A zip archive of one file.
fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let packed = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.start_file(name, packed).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn what_is_no_export_is_a_problem() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("conversations.json");
    for (client, text) in [("claude-ai", "nonsense"), ("chatgpt", "{}"), ("chatgpt", "")] {
        jay_testkit::write(&path, text);
        let found = jay_sessions::adapter(client).unwrap().discover_path(&path).unwrap();
        assert_eq!(found.sources, []);
        assert!(found.problems[0].message.ends_with("is no list of conversations"), "{:?}", found.problems);
    }
}

#[test]
fn an_export_in_a_zip_archive_is_read_as_the_file_in_it() {
    for (client, version) in [("claude-ai", "2026"), ("chatgpt", "2026")] {
        let adapter = jay_sessions::adapter(client).unwrap();
        let plain = crate::fixtures::root().join(client).join(version).join("conversations.json");
        let directory = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(&plain).unwrap();
        jay_testkit::write(directory.path().join("export.zip"), zipped("data/conversations.json", &bytes));
        jay_testkit::write(directory.path().join("photos.zip"), zipped("a.png", b"none"));
        let read = |path: &std::path::Path| {
            let found = adapter.discover_path(path).unwrap();
            assert_eq!((found.sources.len(), found.problems), (1, vec![]));
            let mut held = Held::default();
            let (verdict, _) = held.sync(adapter, &found.sources[0], small(600), ALL);
            assert_eq!(verdict, Verdict::New);
            assert_eq!(held.sync(adapter, &found.sources[0], small(600), ALL).0, Verdict::Fresh);
            held.said()
        };
        let said = read(&plain).into_iter().filter(|((session, _), _)| !session.starts_with("conversations"));
        let packed = read(directory.path()).into_iter().filter(|((session, _), _)| !session.starts_with("export"));
        assert_eq!(packed.collect::<Vec<_>>(), said.collect::<Vec<_>>());
    }
}

/// A JSON file that its client writes whole.
mod rewritten {
    use super::*;
    use jay_sessions::adapter;

    fn lines(held: &Held, from: usize) -> Vec<(u64, bool)> {
        held.messages[from..].iter().map(|(line, found)| (*line, found.message.role.is_some())).collect()
    }

    #[test]
    fn an_array_that_was_appended_to_gives_what_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("7/api_conversation_history.json");
        let message = |n: u32| {
            format!(r#"{{"role":"user","content":"message {n}","ts":{}}}"#, 1_772_442_000_000_u64 + u64::from(n))
        };
        let write = |count: u32| {
            jay_testkit::write(&path, format!("[{}]", (1..=count).map(message).collect::<Vec<_>>().join(",")));
        };
        let mut held = Held::default();
        let mut sync = |options: ReadOptions| {
            let adapter = adapter("cline").unwrap();
            let source = adapter.discover_path(&path).unwrap().sources.remove(0);
            let before = held.messages.len();
            let (verdict, report) = held.sync(adapter, &source, options, ALL);
            (verdict, lines(&held, before), report.pending_bytes)
        };
        write(2);
        let first = sync(ReadOptions::default());
        assert_eq!(first, (Verdict::New, vec![(1, false), (2, true), (3, true), (4, false)], 0));
        write(4);
        let (verdict, read, _) = sync(ReadOptions::default());
        assert!(matches!(verdict, Verdict::Changed { .. }));
        // The bracket at the end stands elsewhere now.
        assert_eq!(read, [(4, true), (5, true), (6, false)]);
        // While it is written.
        let text = std::fs::read_to_string(&path).unwrap();
        jay_testkit::write(&path, &text[..text.len() - 9]);
        let torn = sync(ReadOptions::default());
        assert_eq!((torn.0, torn.1.len()), (Verdict::Fresh, 0));
        write(5);
        assert_eq!(sync(ReadOptions::default()).1, [(6, true), (7, false)]);
        assert_eq!(sync(ReadOptions::default()), (Verdict::Fresh, vec![], 0));
    }

    #[test]
    fn an_export_that_changed_is_read_whole_and_one_that_grew_where_it_stood() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("conversations.json");
        let talk = |n: u32| {
            format!(
                r#"{{"uuid":"c{n}","name":"talk {n}","chat_messages":[{{"uuid":"m{n}","sender":"human","text":"hello {n}"}}]}}"#
            )
        };
        let adapter = adapter("claude-ai").unwrap();
        let mut held = Held::default();
        let mut sync = |text: String, options, blocks| {
            jay_testkit::write(&path, text);
            let source = adapter.discover_path(&path).unwrap().sources.remove(0);
            let (verdict, _) = held.sync(adapter, &source, options, blocks);
            (verdict, held.said().into_keys().map(|(session, _)| session).collect::<Vec<_>>())
        };
        let whole = format!("[{},{}]", talk(1), talk(2));
        assert_eq!(sync(whole.clone(), small(60), 2), (Verdict::New, vec!["c1".to_owned()]));
        let (verdict, read) = sync(whole.clone(), small(60), ALL);
        assert!(matches!(verdict, Verdict::Grown { .. }));
        assert_eq!(read, ["c1", "c2"]);
        assert_eq!(sync(whole, ReadOptions::default(), ALL).0, Verdict::Fresh);
        let (verdict, read) = sync(format!("[{},{}]", talk(3), talk(1)), ReadOptions::default(), ALL);
        assert_eq!((verdict, read), (Verdict::Rewritten, vec!["c1".to_owned(), "c3".to_owned()]));
    }
}

/// Lines that are compressed, frame after frame.
#[test]
fn compressed_lines_read_as_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("talk.jsonl.zst");
    let adapter = jay_sessions::adapter("generic").unwrap();
    let row = |n: u32| format!("{{\"session\":\"s\",\"message\":\"m{n}\",\"role\":\"user\",\"text\":\"row {n}\"}}\n");
    let frame = |rows: std::ops::Range<u32>| {
        let text: String = rows.map(row).collect();
        zstd::encode_all(text.as_bytes(), 3).unwrap()
    };
    let mut held = Held::default();
    let mut sync = |bytes: &[u8]| {
        jay_testkit::write(&path, bytes);
        let source = adapter.discover_path(&path).unwrap().sources.remove(0);
        let (verdict, report) = held.sync(adapter, &source, small(200), ALL);
        assert!(held.cursor.as_ref().unwrap().is_unchanged(&source.stamp));
        (verdict, report.messages, report.pending_bytes, held.bytes.len())
    };
    let length = |rows: std::ops::Range<u32>| rows.map(|n| row(n).len()).sum::<usize>();
    let (first, second) = (frame(0..5), frame(5..9));
    assert_eq!(sync(&first), (Verdict::New, 5, 0, length(0..5)));
    assert_eq!(sync(&first), (Verdict::Fresh, 0, 0, length(0..5)));
    // A frame that is being written.
    let torn = [first.as_slice(), &second[..second.len() / 2]].concat();
    assert_eq!(sync(&torn).0, Verdict::Fresh);
    let whole = [first.as_slice(), &second].concat();
    let grown = Verdict::Grown { from: length(0..5) as u64 };
    assert_eq!(sync(&whole), (grown, 4, 0, length(0..9)));
    assert_eq!(sync(&second), (Verdict::Rewritten, 4, 0, length(5..9)));
}
