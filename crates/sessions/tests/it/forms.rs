//! Clients that keep more than one form of a session: each form while its client writes it, and which of two is read.

use crate::fixtures::Held;
use jay_sessions::{ReadOptions, Source, Verdict, adapter};
use jay_testkit::foreign::database;
use std::path::Path;

const ALL: usize = usize::MAX;

/// The one source of a client at a path.
fn only(client: &str, path: &Path) -> Source {
    let found = adapter(client).unwrap().discover_path(path).unwrap();
    assert_eq!((found.sources.len(), found.problems), (1, vec![]));
    found.sources.into_iter().next().unwrap()
}

/// Takes what is new of a source in, and tells the ids of the messages that were read.
fn take(held: &mut Held, source: &Source) -> (Verdict, Vec<String>) {
    let before = held.messages.len();
    let (verdict, _) = held.sync(adapter(&source.client).unwrap(), source, ReadOptions::default(), ALL);
    let read = held.messages[before..].iter().filter(|(_, found)| found.message.role.is_some());
    (verdict, read.map(|(_, found)| found.message.conversational_text()).collect())
}

/// The answer comes into the message of its call, and a message and what is told of the session come behind it.
#[test]
fn a_message_that_grew_in_a_file_that_is_written_whole_is_read_again_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tmp/p/chats/session-1.json");
    let call = |answer: &str| {
        format!(
            r#"{{"id":"m2","type":"gemini","content":"I look.","toolCalls":[{{"id":"c","name":"look","args":{{}}{answer}}}]}}"#
        )
    };
    let (person, thanks) =
        (r#"{"id":"m1","type":"user","content":"Look."}"#, r#"{"id":"m3","type":"user","content":"Thanks."}"#);
    let write = |messages: &[&str], behind: &str| {
        jay_testkit::write(
            &path,
            format!("{{\n \"sessionId\": \"s\",\n \"messages\": [\n {}\n ]{behind}\n}}", messages.join(",\n ")),
        );
    };
    let gemini = adapter("gemini-cli").unwrap();
    let (mut held, mut read) = (Held::default(), Vec::new());
    let answered = call(r#","result":[{"functionResponse":{"response":{"output":"a lamp"}}}]"#);
    for (messages, behind) in [
        (vec![person, &call("")], ""),
        (vec![person, &answered], ""),
        (vec![person, &answered, thanks], r#","summary":"A lamp""#),
        (vec![person, &answered, thanks], r#","summary":"A lamp""#),
    ] {
        write(&messages, behind);
        let source = gemini.discover_path(directory.path()).unwrap().sources.remove(0);
        assert_eq!(source.session, "s");
        let before = held.messages.len();
        let verdict = held.sync(gemini, &source, ReadOptions::default(), ALL).0;
        let ids = held.messages[before..].iter().filter(|(_, found)| found.message.role.is_some());
        read.push((verdict == Verdict::Fresh, ids.map(|(_, found)| found.message.id.clone()).collect::<Vec<_>>()));
        let mut whole = Held::default();
        whole.sync(gemini, &source, ReadOptions::default(), ALL);
        assert_eq!(held.said(), whole.said());
    }
    let expected: [(bool, &[&str]); 4] =
        [(false, &["m1", "m2"]), (false, &["m2", "m2/c"]), (false, &["m3"]), (true, &[])];
    assert_eq!(read, expected.map(|(fresh, ids)| (fresh, ids.iter().map(|id| (*id).to_owned()).collect())));
    assert_eq!(held.sessions["s"].title.as_deref(), Some("A lamp"));
}

/// A conversation is rewritten at each turn: what waited for its answer becomes a turn, and the oldest turn is let go.
#[test]
fn a_conversation_that_is_rewritten_at_each_turn_gives_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kiro-cli/data.sqlite3");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    database(&path, "CREATE TABLE conversations_v2(key TEXT, conversation_id TEXT, value TEXT, updated_at INTEGER)");
    let user = |n: u32| {
        format!(r#"{{"content":{{"Prompt":{{"prompt":"question {n}"}}}},"timestamp":"2026-01-01T00:0{n}:00Z"}}"#)
    };
    let turn = |n: u32| {
        let answer = format!(r#"{{"Response":{{"message_id":"a{n}","content":"answer {n}"}}}}"#);
        format!(r#"{{"user":{},"assistant":{answer}}}"#, user(n))
    };
    let mut held = Held::default();
    let mut sync = |turns: &[u32], next: Option<u32>, at: u32| {
        let turns = turns.iter().map(|n| turn(*n)).collect::<Vec<_>>().join(",");
        let next = next.map_or("null".to_owned(), user);
        let value =
            format!(r#"{{"conversation_id":"c","next_message":{next},"history":[{turns}],"transcript":["a","a"]}}"#);
        database(&path, "DELETE FROM conversations_v2");
        database(&path, &format!("INSERT INTO conversations_v2 VALUES('/p', 'c', '{value}', {at})"));
        let (verdict, texts) = take(&mut held, &only("kiro", directory.path()));
        (verdict == Verdict::Fresh, texts.join(" | "), held.said().len())
    };
    assert_eq!(sync(&[1], Some(2), 1), (false, "question 1 | answer 1 | question 2".to_owned(), 3));
    // The question is the message that it was.
    assert_eq!(sync(&[1, 2], None, 2), (false, "question 2 | answer 2".to_owned(), 4));
    assert_eq!(sync(&[2, 3], None, 3), (false, "question 3 | answer 3".to_owned(), 6));
    assert_eq!(sync(&[2, 3], None, 3), (true, String::new(), 6));
    assert_eq!(held.sessions["c"].project.as_deref(), Some("/p"));
}

/// The older table has one row for a directory: a new conversation takes the place of the one before.
#[test]
fn a_conversation_that_takes_the_place_of_another_is_read_whole_and_has_its_project() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kiro-cli/data.sqlite3");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    database(&path, "CREATE TABLE conversations(key TEXT, value TEXT)");
    let mut held = Held::default();
    for id in ["first-01", "second-1"] {
        let turn = r#"{"user":{"content":{"Prompt":{"prompt":"Hello"}}},"assistant":{"Response":{"content":"Yes?"}}}"#;
        let value = format!(r#"{{"conversation_id":"{id}","history":[{turn}]}}"#);
        let sql = format!("DELETE FROM conversations; INSERT INTO conversations VALUES('/home/mira/tide', '{value}')");
        database(&path, &sql);
        let source = only("kiro", directory.path());
        assert_eq!((source.session.as_str(), take(&mut held, &source).1.join(" | ")), (id, "Hello | Yes?".to_owned()));
        assert_eq!(held.sessions[id].project.as_deref(), Some("/home/mira/tide"));
        assert_eq!(take(&mut held, &source).0, Verdict::Fresh);
    }
}

/// A client makes an empty file before it writes into it.
#[test]
fn what_is_called_as_a_database_and_is_none_is_not_read_as_lines() {
    let directory = tempfile::tempdir().unwrap();
    for (client, place) in [("kiro", "kiro-cli/data.sqlite3"), ("cursor-cli", "chats/hash/s-1/store.db")] {
        let path = directory.path().join(client).join(place);
        for (bytes, problems) in [("", 0), ("no database\nat all\n", 1)] {
            jay_testkit::write(&path, bytes);
            for at in [path.as_path(), &directory.path().join(client)] {
                let found = adapter(client).unwrap().discover_path(at).unwrap();
                assert_eq!((found.sources.len(), found.problems.len()), (0, problems), "{}", at.display());
            }
        }
    }
    // The place itself is a root of Kiro's.
    let place = directory.path().join(".local/share/kiro-cli/data.sqlite3");
    jay_testkit::write(&place, "no database\n");
    let environment = jay_sessions::Environment {
        home: directory.path().to_path_buf(),
        variables: std::collections::BTreeMap::new(),
        platform: jay_sessions::Platform::Linux,
    };
    let found = adapter("kiro").unwrap().discover(&environment);
    assert_eq!((found.sources.len(), found.problems.len()), (0, 1));
}

#[test]
fn a_conversation_in_two_forms_is_told_in_both_and_lines_come_first() {
    let directory = tempfile::tempdir().unwrap();
    jay_testkit::foreign::lay_out(&crate::fixtures::root().join("kiro"), directory.path());
    let kiro = adapter("kiro").unwrap();
    let id = "9a8b7c6d-2222-4000-8000-00000000000b".to_owned();
    let forms = || -> Vec<Option<u8>> {
        let found = kiro.discover_path(directory.path()).unwrap().sources;
        let mut forms: Vec<_> =
            found.iter().filter(|source| source.session == id).map(|source| kiro.form(&source.name())).collect();
        forms.sort_unstable();
        forms
    };
    assert_eq!(forms(), [Some(1)]);
    let lines = directory.path().join(format!("2/sessions/cli/{id}.jsonl"));
    let row = r#"{"version":"v1","kind":"Prompt","data":{"message_id":"m","content":[{"kind":"text","data":"y"}]}}"#;
    jay_testkit::write(&lines, row);
    assert_eq!(forms(), [Some(0), Some(1)]);
    assert_eq!(adapter("gemini-cli").unwrap().form("a.json"), None, "its messages have the same ids in both");
}

/// A field of a protobuf message that holds bytes.
fn wire(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each turn puts a new state in; a summary takes the place of what was said before, which stays in the archive.
#[test]
fn a_store_of_blobs_gives_what_its_latest_state_names_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chats/hash/s-1/store.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    database(&path, "CREATE TABLE blobs(id TEXT PRIMARY KEY, data BLOB); CREATE TABLE meta(key TEXT, value TEXT)");
    let mut held = Held::default();
    let mut sync = |messages: &[u8]| {
        let mut sql = String::from("DELETE FROM meta;");
        let mut state = Vec::new();
        for n in messages {
            state.extend(wire(1, &[*n; 32]));
            let id = digits(&[*n; 32]);
            sql += &format!(r#"INSERT OR IGNORE INTO blobs VALUES('{id}', '{{"role":"user","content":"say {n}"}}');"#);
        }
        let root = digits(&[0xa0 + u8::try_from(messages.len()).unwrap(); 32]);
        sql += &format!("INSERT OR REPLACE INTO blobs VALUES('{root}', x'{}');", digits(&state));
        let meta =
            format!(r#"{{"agentId":"s-1","name":"Lamp","createdAt":1780300800000,"latestRootBlobId":"{root}"}}"#);
        sql += &format!("INSERT INTO meta VALUES('0', '{}')", digits(meta.as_bytes()));
        database(&path, &sql);
        let (verdict, texts) = take(&mut held, &only("cursor-cli", directory.path()));
        (verdict == Verdict::Fresh, texts.join(" | "), held.said().len())
    };
    assert_eq!(sync(&[1, 2]), (false, "say 1 | say 2".to_owned(), 2));
    assert_eq!(sync(&[1, 2, 3, 4]), (false, "say 3 | say 4".to_owned(), 4));
    assert_eq!(sync(&[1, 2, 3, 4]), (true, String::new(), 4));
    assert_eq!(sync(&[1, 5, 6]), (false, "say 5 | say 6".to_owned(), 6));
    let lines: Vec<u64> =
        held.messages.iter().filter(|(_, said)| said.message.role.is_some()).map(|(at, _)| *at).collect();
    assert!(lines.is_sorted(), "what comes later stands behind: {lines:?}");
    assert_eq!(held.sessions["s-1"].title.as_deref(), Some("Lamp"));
}

/// A batch of rows as DeepSeek's harness appends it: a frame of its own.
fn frame(rows: &[String]) -> Vec<u8> {
    zstd::encode_all(rows.concat().as_bytes(), 3).unwrap()
}

fn spoken(n: u32) -> String {
    format!("{{\"type\":\"user/message\",\"seq\":{n},\"data\":{{\"id\":\"u{n}\",\"text\":\"say {n}\"}}}}\n")
}

fn header() -> String {
    "{\"type\":\"session\",\"id\":\"s-1\",\"cwd\":\"/p\"}\n".to_owned()
}

/// A frame that is being written is taken when it is complete, in whatever pieces it comes.
#[test]
fn a_file_of_frames_gives_each_batch_once_when_it_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sessions/p/session-s-1/session.jsonl.zstd");
    let batches = [vec![header()], vec![spoken(1), spoken(2)], vec![spoken(3)], vec![spoken(4), spoken(5)]];
    let file: Vec<u8> = batches.iter().flat_map(|rows| frame(rows)).collect();
    let ends: Vec<usize> = batches
        .iter()
        .scan(0, |end, rows| {
            *end += frame(rows).len();
            Some(*end)
        })
        .collect();
    let mut held = Held::default();
    let mut read = Vec::new();
    for length in 0..=file.len() {
        jay_testkit::write(&path, &file[..length]);
        let (verdict, texts) = take(&mut held, &only("deepseek", directory.path()));
        assert_ne!(verdict, Verdict::Rewritten, "{length}");
        assert!(texts.is_empty() || ends.contains(&length), "{length}: {texts:?}");
        read.extend(texts);
    }
    assert_eq!(read, ["say 1", "say 2", "say 3", "say 4", "say 5"]);
    assert_eq!(held.sessions["s-1"].project.as_deref(), Some("/p"));
    let rows: String = batches.concat().concat();
    assert_eq!(String::from_utf8(held.bytes.clone()).unwrap(), rows);
}

#[test]
fn a_damaged_frame_is_a_named_failure_and_what_stands_before_it_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("session-s-1/session.jsonl.zstd");
    let whole = [frame(&[header(), spoken(1), spoken(2)]), b"no frame at all".to_vec(), frame(&[spoken(3)])].concat();
    jay_testkit::write(&path, whole);
    let source = only("deepseek", &path);
    let mut reader = adapter("deepseek").unwrap().read(&source, None, ReadOptions::default()).unwrap();
    let block = reader.next().unwrap().unwrap();
    assert_eq!(block.messages.iter().filter(|found| found.message.role.is_some()).count(), 2);
    let error = reader.next().unwrap().unwrap_err();
    assert!(error.message.contains("cannot read session file"), "{}", error.message);
    assert!(reader.next().is_none());
    assert_eq!(reader.cursor().offset_bytes, block.end);
    assert!(!reader.cursor().is_unchanged(&source.stamp), "it is looked at again");
}

#[test]
fn of_several_files_of_a_session_the_latest_form_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let session = directory.path().join("sessions/p/session-s-1");
    let deepseek = adapter("deepseek").unwrap();
    let rows = [header(), spoken(1)];
    for name in ["session.jsonl", "session.jsonl.zstd", "session.v3.jsonl", "session.v4.jsonl.zstd"] {
        let bytes = if name.ends_with("zstd") { frame(&rows) } else { rows.concat().into_bytes() };
        jay_testkit::write(session.join(name), bytes);
        for other in ["session.jsonl.bak", "session.vx.jsonl", "notes.jsonl", "session.v9.json"] {
            jay_testkit::write(session.join(other), b"{}");
        }
        let found = deepseek.discover_path(directory.path()).unwrap().sources;
        let names: Vec<_> = found.iter().map(|source| source.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!((names, found[0].session.as_str()), (vec![name], "s-1"));
    }
}

fn nanoclaw() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    jay_testkit::foreign::lay_out(&crate::fixtures::root().join("nanoclaw/2"), directory.path());
    let sessions = directory.path().join("data/v2-sessions");
    (directory, sessions)
}

/// What is told of a session: its id, its project below the directory of the client, its agent and its title.
fn told(directory: &Path, found: &jay_sessions::Discovery) -> Vec<[Option<String>; 4]> {
    let below =
        |project: &String| project.strip_prefix(&format!("{}/", directory.display())).unwrap_or(project).to_owned();
    let of = |source: &Source| {
        let (session, project) = (Some(source.session.clone()), source.project.as_ref().map(below));
        [session, project, source.agent.clone(), source.title.clone()]
    };
    found.sources.iter().map(of).collect()
}

#[test]
fn a_group_is_told_by_its_directory_its_agent_and_its_chat() {
    let (directory, sessions) = nanoclaw();
    let nanoclaw = adapter("nanoclaw").unwrap();
    let whole = told(directory.path(), &nanoclaw.discover_path(directory.path()).unwrap());
    let row = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    let rotated = row(["708192a3-b4c5-4dd6-9ee7-ffa028b139c2", "groups/tides", "Andy", ""]);
    let expected = [
        row(["6f708192-a3b4-4cc5-8dd6-eef7a028b139", "groups/tides", "Andy", "Family (telegram)"]),
        rotated.clone(),
        row(["ses_9n01", "groups/harbour", "Harbour", ""]),
        row(["ses_9n02", "groups/harbour", "", ""]),
    ];
    assert_eq!(whole, expected);
    // From below, and of a file by itself.
    assert_eq!(told(directory.path(), &nanoclaw.discover_path(&sessions.join("group-9")).unwrap()), expected[2..]);
    let file = "group-7/.claude-shared/projects/-workspace-group/708192a3-b4c5-4dd6-9ee7-ffa028b139c2.jsonl.rotated-1775898000000";
    assert_eq!(told(directory.path(), &nanoclaw.discover_path(&sessions.join(file)).unwrap()), [rotated]);
}

#[test]
fn a_group_without_what_joins_it_is_read_all_the_same_and_what_is_not_read_is_said() {
    let (directory, sessions) = nanoclaw();
    let nanoclaw = adapter("nanoclaw").unwrap();
    let central = directory.path().join("data/v2.db");
    database(&central, "UPDATE container_configs SET provider = 'codex' WHERE agent_group_id = 'group-7'");
    let found = nanoclaw.discover_path(directory.path()).unwrap();
    assert_eq!(found.sources.len(), 4);
    assert_eq!(found.problems, []);
    let unread: Vec<_> = found.unsupported.iter().map(|found| (found.path.clone(), found.message.as_str())).collect();
    assert_eq!(unread, [(sessions.join("group-7"), "the group runs on codex, whose sessions are not read here")]);
    let odd =
        "UPDATE container_configs SET provider = 'codex' || char(10) || 'password' WHERE agent_group_id = 'group-7';
        INSERT INTO agent_groups(id, name, folder, agent_provider, created_at) VALUES('../..', 'n', 'f', 'codex', '')";
    database(&central, odd);
    let found = nanoclaw.discover_path(directory.path()).unwrap();
    let unread: Vec<_> = found.unsupported.iter().map(|found| (found.path.clone(), found.message.as_str())).collect();
    let said = "the group runs on another provider, whose sessions are not read here";
    assert_eq!(unread, [(sessions.join("group-7"), said)]);
    let bare = tempfile::tempdir().unwrap();
    let groups = bare.path().join("data/v2-sessions");
    std::fs::create_dir_all(groups.join("group-7")).unwrap();
    jay_testkit::write(bare.path().join("data/v2.db"), std::fs::read(&central).unwrap());
    assert_eq!(nanoclaw.discover_path(&groups).unwrap().unsupported.len(), 1, "a group that has nothing else");
    jay_testkit::write(&central, "no database");
    let found = nanoclaw.discover_path(directory.path()).unwrap();
    assert_eq!((found.sources.len(), found.problems.len()), (4, 1));
    assert!(found.problems[0].message.ends_with("is no SQLite database"));
    assert_eq!(found.sources[0].agent.as_deref(), Some("group-7"));
    database(
        &directory.path().join("data/other.db"),
        "CREATE TABLE agent_groups(id, name BLOB); INSERT INTO agent_groups VALUES(7, x'ff')",
    );
    jay_testkit::write(&central, std::fs::read(directory.path().join("data/other.db")).unwrap());
    let found = nanoclaw.discover_path(directory.path()).unwrap();
    assert_eq!((found.sources.len(), found.problems), (4, vec![]));
}

/// A search by path does not look below hidden directories, but at the place itself.
fn is_found_at_its_usual_place(client: &str, version: &str, place: &str) {
    let home = tempfile::tempdir().unwrap();
    let fixture = crate::fixtures::root().join(client).join(version);
    jay_testkit::foreign::lay_out(&fixture, &home.path().join(place));
    let environment = jay_sessions::Environment {
        home: home.path().to_path_buf(),
        variables: std::collections::BTreeMap::new(),
        platform: jay_sessions::Platform::Linux,
    };
    let found = adapter(client).unwrap().discover(&environment);
    let names = |found: &jay_sessions::Discovery| {
        let mut names: Vec<_> = found.sources.iter().map(Source::name).collect();
        names.sort();
        names
    };
    assert_eq!(found.problems, []);
    assert!(!found.sources.is_empty(), "{client}");
    let at_place = adapter(client).unwrap().discover_path(&home.path().join(place)).unwrap();
    assert_eq!(names(&found), names(&at_place), "{client}");
}

#[test]
fn databases_are_found_at_their_usual_places() {
    is_found_at_its_usual_place("kiro", "1", ".local/share");
    is_found_at_its_usual_place("cursor-cli", "2026.02", ".cursor");
    is_found_at_its_usual_place("nanoclaw", "2", "nanoclaw");
}
