//! Clients that keep JSON lines: what their fixtures say, whole, and where they are looked for.

use crate::clients::{read, show};
use crate::fixtures::root;
use expect_test::expect_file;
use jay_sessions::{Environment, Platform, adapter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Client, version of the fixture, where the client keeps that directory (nowhere for all of Aider's projects), the
/// number of its files.
const FIXTURES: &[(&str, &str, &str, usize)] = &[
    ("gemini-cli", "0.20", ".gemini", 2),
    ("gemini-cli", "0.40", ".gemini", 2),
    ("cursor-cli", "2026.02", ".cursor", 2),
    ("copilot-cli", "0.0.420", ".copilot", 2),
    ("pi", "3", ".pi/agent", 2),
    ("pi", "4", ".pi/agent", 1),
    ("oh-my-pi", "1", ".omp", 3),
    ("openclaw", "2026.6", ".openclaw", 4),
    ("claude-desktop", "1", ".config/Claude", 1),
    ("qwen-code", "0.10", ".qwen", 2),
    ("droid", "0.60", ".factory", 2),
    ("nanoclaw", "2", "nanoclaw", 2),
    ("kimi", "1.4", ".kimi-code", 2),
    ("grok-build", "1", ".grok", 3),
    ("letta-code", "1", ".letta/transcripts", 1),
    ("kiro", "1", ".local/share", 0),
    ("kiro", "2", ".kiro", 3),
    ("deepseek", "1", ".dsh", 1),
    ("deepseek", "4", ".dsh", 2),
    ("aider", "0.86", "", 1),
];

#[test]
fn each_fixture_says_what_is_expected() {
    for &(client, version, _, _) in FIXTURES {
        expect_file![format!("../expect/{client}-{version}.txt")].assert_eq(&show(&read(client, version)));
    }
}

#[test]
fn each_client_is_found_at_its_usual_place_with_all_that_lies_beside() {
    for &(client, version, place, count) in FIXTURES.iter().filter(|(_, _, place, _)| !place.is_empty()) {
        let home = tempfile::tempdir().unwrap();
        crate::discovery::copy(&root().join(client).join(version), &home.path().join(place));
        let environment =
            Environment { home: home.path().to_path_buf(), variables: BTreeMap::new(), platform: Platform::Linux };
        let found = adapter(client).unwrap().discover(&environment);
        assert_eq!(found.problems, [], "{client}");
        let at_path = adapter(client).unwrap().discover_path(&root().join(client).join(version)).unwrap();
        let told = |discovery: &jay_sessions::Discovery| -> Vec<_> {
            let sources = discovery.sources.iter();
            sources.map(|source| (source.session.clone(), source.parent.clone(), source.project.clone())).collect()
        };
        assert_eq!(told(&found).len(), count, "{client}");
        assert_eq!(told(&found), told(&at_path), "{client}");
    }
}

/// What a reading remembers is stored after every block.
#[test]
fn what_is_remembered_of_a_long_message_is_bounded() {
    let chunk = |text: &str| {
        let update =
            serde_json::json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}});
        serde_json::json!({"method": "session/update", "params": {"update": update}}).to_string() + "\n"
    };
    for (client, row) in [("grok-build", chunk(&"word ".repeat(100))), ("aider", "word ".repeat(100) + "\n")] {
        let adapter = adapter(client).unwrap();
        let source = jay_sessions::Source::default();
        let input = Box::new(std::io::Cursor::new(row.repeat(1000).into_bytes()));
        let options = jay_sessions::ReadOptions { max_block_bytes: 10_000, ..jay_sessions::ReadOptions::default() };
        let mut reader = jay_sessions::BlockReader::over(adapter, &source, input, options);
        let mut told = 0;
        while let Some(block) = reader.next() {
            let messages = block.unwrap().messages.into_iter().filter(|found| found.message.role.is_some());
            told += messages.map(|found| found.message.conversational_text().len()).sum::<usize>();
            assert!(reader.cursor().state.to_string().len() < 50_000, "{client}");
        }
        assert!(told > 450_000, "{client} tells a long message in pieces: {told}");
    }
}

#[test]
fn a_title_that_comes_after_the_first_rows_is_told() {
    let home = tempfile::tempdir().unwrap();
    let session = home.path().join("session-state/1b2c");
    std::fs::create_dir_all(&session).unwrap();
    let row = |n: u32| format!("{{\"type\":\"user.message\",\"id\":\"e{n}\",\"data\":{{\"content\":\"{n}\"}}}}\n");
    let mut held = crate::fixtures::Held::default();
    let mut titles = Vec::new();
    for (rows, workspace) in [(1, "cwd: /p\n"), (2, "cwd: /p\nname: Told late\n"), (3, "cwd: /p\n")] {
        jay_testkit::write(session.join("workspace.yaml"), workspace.as_bytes());
        jay_testkit::write(session.join("events.jsonl"), (1..=rows).map(row).collect::<String>().as_bytes());
        let copilot = adapter("copilot-cli").unwrap();
        let source = copilot.discover_path(home.path()).unwrap().sources.remove(0);
        held.sync(copilot, &source, jay_sessions::ReadOptions::default(), usize::MAX);
        titles.push(held.sessions["1b2c"].title.clone());
    }
    assert_eq!(titles, [None, Some("Told late".to_owned()), Some("Told late".to_owned())]);
    assert_eq!(held.sessions["1b2c"].project.as_deref(), Some("/p"));
    assert_eq!(held.messages.len(), 3);
}

#[test]
fn a_path_below_the_working_directory_is_known_by_its_whole_name() {
    let relative = "../../fixtures/sessions/aider/0.86/lantern/.aider.chat.history.md";
    let found = adapter("aider").unwrap().discover_path(Path::new(relative)).unwrap().sources;
    assert_eq!(found[0].session, "lantern");
    assert!(found[0].path.is_absolute() && found[0].project.as_ref().is_some_and(|path| Path::new(path).is_absolute()));
}

#[test]
fn a_history_that_the_person_named_is_read_whatever_its_name() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("talks.md");
    jay_testkit::write(&file, b"#### hello\n");
    let chosen = file.to_string_lossy().into_owned();
    let environment = on(Platform::Linux, "/nowhere", &[("AIDER_CHAT_HISTORY_FILE", &chosen)]);
    let found = adapter("aider").unwrap().discover(&environment).sources;
    assert_eq!(found.into_iter().map(|source| source.path).collect::<Vec<_>>(), [file]);
}

#[test]
fn copied_rows_of_a_fork_are_known_again() {
    for (client, version, copied) in [("pi", "3", "a0000003"), ("qwen-code", "0.10", "q-0001")] {
        let mut keys = std::collections::BTreeMap::new();
        for (_, held) in read(client, version) {
            for (_, found) in held.messages.into_iter().filter(|(_, found)| found.message.id == copied) {
                keys.insert(found.session, found.content_hash);
            }
        }
        let hashes: std::collections::BTreeSet<_> = keys.values().collect();
        assert_eq!((keys.len(), hashes.len()), (2, 1), "{client}");
    }
}

#[test]
fn roots_follow_the_platform_and_what_the_person_set() {
    let linux = |variables: &[(&str, &str)]| on(Platform::Linux, "/home/m", variables);
    let mac = || on(Platform::MacOs, "/Users/m", &[]);
    let windows = |variables: &[(&str, &str)]| on(Platform::Windows, r"C:\Users\m", variables);
    let cases: &[(&str, Environment, &[&str])] = &[
        ("gemini-cli", linux(&[]), &["/home/m/.gemini/tmp"]),
        ("gemini-cli", mac(), &["/Users/m/.gemini/tmp"]),
        ("gemini-cli", linux(&[("GEMINI_CLI_HOME", "/g")]), &["/g/.gemini/tmp"]),
        ("gemini-cli", windows(&[]), &[r"C:\Users\m\.gemini\tmp"]),
        ("cursor-cli", linux(&[]), &["/home/m/.cursor/projects", "/home/m/.cursor/chats"]),
        ("cursor-cli", mac(), &["/Users/m/.cursor/projects", "/Users/m/.cursor/chats"]),
        ("cursor-cli", linux(&[("CURSOR_CONFIG_DIR", "~/c")]), &["/home/m/c/projects", "/home/m/c/chats"]),
        ("cursor-cli", windows(&[]), &[r"C:\Users\m\.cursor\projects", r"C:\Users\m\.cursor\chats"]),
        ("copilot-cli", linux(&[]), &["/home/m/.copilot/session-state"]),
        ("copilot-cli", mac(), &["/Users/m/.copilot/session-state"]),
        ("copilot-cli", windows(&[("COPILOT_HOME", r"D:\c")]), &[r"D:\c\session-state"]),
        ("pi", linux(&[]), &["/home/m/.pi/agent/sessions"]),
        ("pi", mac(), &["/Users/m/.pi/agent/sessions"]),
        ("pi", linux(&[("PI_CODING_AGENT_DIR", "/a")]), &["/a/sessions"]),
        ("pi", linux(&[("PI_CODING_AGENT_DIR", "/a"), ("PI_CODING_AGENT_SESSION_DIR", "/s")]), &["/s"]),
        ("pi", windows(&[]), &[r"C:\Users\m\.pi\agent\sessions"]),
        ("oh-my-pi", mac(), &["/Users/m/.omp/agent/sessions", "/Users/m/.omp/profiles"]),
        (
            "oh-my-pi",
            linux(&[("XDG_DATA_HOME", "/d")]),
            &["/home/m/.omp/agent/sessions", "/home/m/.omp/profiles", "/d/omp"],
        ),
        ("oh-my-pi", windows(&[]), &[r"C:\Users\m\.omp\agent\sessions", r"C:\Users\m\.omp\profiles"]),
        ("openclaw", linux(&[]), &["/home/m/.openclaw/agents", "/home/m/.clawdbot/agents"]),
        ("openclaw", mac(), &["/Users/m/.openclaw/agents", "/Users/m/.clawdbot/agents"]),
        ("openclaw", windows(&[("OPENCLAW_STATE_DIR", r"D:\o")]), &[r"D:\o\agents"]),
        ("claude-desktop", linux(&[]), &["/home/m/.config/Claude/local-agent-mode-sessions"]),
        ("claude-desktop", mac(), &["/Users/m/Library/Application Support/Claude/local-agent-mode-sessions"]),
        ("claude-desktop", windows(&[]), &[r"C:\Users\m\AppData\Roaming\Claude\local-agent-mode-sessions"]),
        ("claude-desktop", windows(&[("APPDATA", r"D:\r")]), &[r"D:\r\Claude\local-agent-mode-sessions"]),
        ("qwen-code", linux(&[]), &["/home/m/.qwen/projects"]),
        ("qwen-code", mac(), &["/Users/m/.qwen/projects"]),
        ("qwen-code", linux(&[("QWEN_HOME", "/q")]), &["/q/projects"]),
        ("qwen-code", windows(&[("QWEN_HOME", r"D:\q"), ("QWEN_RUNTIME_DIR", r"D:\r")]), &[r"D:\r\projects"]),
        ("droid", linux(&[]), &["/home/m/.factory/sessions"]),
        ("droid", mac(), &["/Users/m/.factory/sessions"]),
        ("droid", windows(&[]), &[r"C:\Users\m\.factory\sessions"]),
        ("nanoclaw", linux(&[]), &["/home/m/nanoclaw/data/v2-sessions"]),
        ("nanoclaw", mac(), &["/Users/m/nanoclaw/data/v2-sessions"]),
        ("nanoclaw", windows(&[]), &[r"C:\Users\m\nanoclaw\data\v2-sessions"]),
        ("kimi", linux(&[]), &["/home/m/.kimi-code/sessions"]),
        ("kimi", mac(), &["/Users/m/.kimi-code/sessions"]),
        ("kimi", windows(&[("KIMI_CODE_HOME", r"D:\k")]), &[r"D:\k\sessions"]),
        ("grok-build", linux(&[("GROK_HOME", "~/g")]), &["/home/m/g/sessions"]),
        ("grok-build", mac(), &["/Users/m/.grok/sessions"]),
        ("grok-build", windows(&[]), &[r"C:\Users\m\.grok\sessions"]),
        ("letta-code", linux(&[("LETTA_TRANSCRIPT_ROOT", "/t")]), &["/t"]),
        ("letta-code", mac(), &["/Users/m/.letta/transcripts"]),
        ("letta-code", windows(&[]), &[r"C:\Users\m\.letta\transcripts"]),
        (
            "kiro",
            linux(&[("KIRO_HOME", "/k"), ("XDG_DATA_HOME", "/d")]),
            &["/k/sessions", "/d/kiro-cli/data.sqlite3", "/d/amazon-q/data.sqlite3"],
        ),
        (
            "kiro",
            mac(),
            &[
                "/Users/m/.kiro/sessions",
                "/Users/m/Library/Application Support/kiro-cli/data.sqlite3",
                "/Users/m/Library/Application Support/amazon-q/data.sqlite3",
            ],
        ),
        (
            "kiro",
            windows(&[]),
            &[
                r"C:\Users\m\.kiro\sessions",
                r"C:\Users\m\AppData\Local\kiro-cli\data.sqlite3",
                r"C:\Users\m\AppData\Local\amazon-q\data.sqlite3",
            ],
        ),
        ("deepseek", linux(&[("DSH_HOME", "/d")]), &["/d/sessions"]),
        ("deepseek", mac(), &["/Users/m/.dsh/sessions"]),
        ("deepseek", windows(&[]), &[r"C:\Users\m\.dsh\sessions"]),
        ("aider", linux(&[]), &["/home/m/.aider.chat.history.md"]),
        ("aider", mac(), &["/Users/m/.aider.chat.history.md"]),
        ("aider", windows(&[("AIDER_CHAT_HISTORY_FILE", r"D:\a.md")]), &[r"D:\a.md"]),
    ];
    for (client, environment, expected) in cases {
        let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(adapter(client).unwrap().roots(environment), expected, "{client}");
    }
}

/// Windows gives an app from its store a package of a name that is not fixed. Paths are joined as Windows does here too,
/// so that the directory is one whose name holds a backslash.
#[cfg(unix)]
#[test]
fn a_package_from_the_store_is_looked_into() {
    let home = tempfile::tempdir().unwrap();
    let packages = home.path().join(r"local\Packages");
    for package in ["AnthropicPBC.Claude_x1", "Other_y2"] {
        std::fs::create_dir_all(packages.join(package)).unwrap();
    }
    let local = home.path().join("local").to_string_lossy().into_owned();
    let environment = on(Platform::Windows, r"C:\Users\m", &[("LOCALAPPDATA", &local)]);
    let roots = adapter("claude-desktop").unwrap().roots(&environment);
    let package = packages.join("AnthropicPBC.Claude_x1").to_string_lossy().into_owned();
    let expected = package + r"\LocalCache\Roaming\Claude\local-agent-mode-sessions";
    assert_eq!(roots[1..], [PathBuf::from(expected)]);
}

fn on(platform: Platform, home: &str, variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { home: Path::new(home).to_path_buf(), variables, platform }
}

/// OpenClaw compresses what it puts aside.
#[test]
fn what_was_put_aside_is_read_compressed_too() {
    let home = tempfile::tempdir().unwrap();
    crate::discovery::copy(&root().join("openclaw/2026.6"), home.path());
    let told = || {
        let found = adapter("openclaw").unwrap().discover_path(home.path()).unwrap();
        assert_eq!(found.problems, []);
        let source =
            found.sources.into_iter().find(|source| source.path.to_string_lossy().contains(".reset.")).unwrap();
        let mut held = crate::fixtures::Held::default();
        held.sync(adapter("openclaw").unwrap(), &source, jay_sessions::ReadOptions::default(), usize::MAX);
        (source.path, source.session, held.told())
    };
    let plain = told();
    let packed = plain.0.with_extension("000Z.zst");
    jay_testkit::write(&packed, zstd::encode_all(std::fs::read(&plain.0).unwrap().as_slice(), 3).unwrap());
    std::fs::remove_file(&plain.0).unwrap();
    let again = told();
    assert_eq!((again.0, again.1, again.2), (packed, plain.1, plain.2));
}

/// A database that was migrated and keeps the tables of before tells of a session twice.
#[test]
fn a_session_in_tables_of_both_forms_is_one_source() {
    let home = tempfile::tempdir().unwrap();
    jay_testkit::foreign::lay_out(&root().join("openclaw/2026.7"), home.path());
    let path = home.path().join("agents/main/agent/openclaw-agent.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE session_windows AS SELECT * FROM sessions").unwrap();
    for given in [path.as_path(), home.path()] {
        assert_eq!(adapter("openclaw").unwrap().discover_path(given).unwrap().sources.len(), 3, "{}", given.display());
    }
}

/// A cursor that cannot be read again is none, and its source would be taken in anew at every sync.
#[test]
fn a_cursor_with_a_time_beyond_all_years_is_read_again() {
    let home = tempfile::tempdir().unwrap();
    jay_testkit::foreign::lay_out(&root().join("openclaw/2026.8"), home.path());
    let path = home.path().join("agents/main/agent/openclaw-agent.sqlite");
    jay_testkit::foreign::database(&path, "UPDATE session_transcript_archives SET created_at = 9223372036854775807");
    let client = adapter("openclaw").unwrap();
    let sources = client.discover_path(&path).unwrap().sources;
    let source =
        sources.iter().find(|source| source.stamp.modified > Some(jay_types::Timestamp(i64::MAX / 2))).unwrap();
    let mut reader = client.read(source, None, jay_sessions::ReadOptions::default()).unwrap();
    assert!(reader.by_ref().all(|block| block.is_ok()));
    let text = serde_json::to_string(&reader.cursor()).unwrap();
    assert_eq!(serde_json::from_str::<jay_sessions::Cursor>(&text).unwrap(), reader.cursor());
}
