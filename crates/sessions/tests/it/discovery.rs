//! Where the clients' files are looked for.

use crate::fixtures::root;
use jay_sessions::{Environment, Platform, adapter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn environment(home: &Path, variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { home: home.to_path_buf(), variables, platform: Platform::Linux }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in jay_testkit::files_below(from).unwrap() {
        let target = to.join(entry.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        jay_testkit::write(target, std::fs::read(&entry).unwrap());
    }
}

fn sessions(client: &str, environment: &Environment) -> Vec<String> {
    let discovery = adapter(client).unwrap().discover(environment);
    assert_eq!(discovery.problems, []);
    discovery.sources.into_iter().map(|source| source.session).collect()
}

#[test]
fn the_usual_place_is_under_home_and_an_override_replaces_it() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere_text = elsewhere.path().to_string_lossy().into_owned();
    for (client, directory, variable, usual, other) in [
        ("claude-code", ".claude", "CLAUDE_CONFIG_DIR", "claude-code/1.0", "claude-code/2.0"),
        ("codex", ".codex", "CODEX_HOME", "codex/legacy", "codex/0.147"),
    ] {
        copy(&root().join(usual), &home.path().join(directory));
        copy(&root().join(other), elsewhere.path());
        let usual = sessions(client, &environment(home.path(), &[]));
        assert_eq!(usual.len(), 1, "{client}");
        assert_eq!(sessions(client, &environment(home.path(), &[(variable, "")])), usual);
        let chosen = sessions(client, &environment(home.path(), &[(variable, &elsewhere_text)]));
        assert!(chosen.len() > 1 && !chosen.contains(&usual[0]), "{client}");
        let by_home = environment(home.path(), &[(variable, &format!("~/{directory}"))]);
        assert_eq!(sessions(client, &by_home), usual);
    }
}

#[test]
fn nothing_is_found_where_nothing_is_installed() {
    let home = tempfile::tempdir().unwrap();
    for adapter in jay_sessions::adapters() {
        let discovery = adapter.discover(&environment(home.path(), &[]));
        assert_eq!(discovery, jay_sessions::Discovery::default());
    }
}

#[test]
fn paths_follow_the_platform() {
    let windows = Environment {
        home: PathBuf::from(r"C:\Users\mira"),
        variables: BTreeMap::from([("Codex_Home".to_owned(), r"D:\codex".to_owned())]),
        platform: Platform::Windows,
    };
    assert_eq!(windows.in_home(&[".claude", "projects"]), PathBuf::from(r"C:\Users\mira\.claude\projects"));
    assert_eq!(windows.directory("CODEX_HOME"), Some(PathBuf::from(r"D:\codex")));
    let mac =
        Environment { platform: Platform::MacOs, ..environment(Path::new("/Users/mira"), &[("CODEX_HOME", "~")]) };
    assert_eq!(mac.in_home(&[".codex"]), PathBuf::from("/Users/mira/.codex"));
    assert_eq!(mac.directory("CODEX_HOME"), Some(PathBuf::from("/Users/mira")));
    assert_eq!(mac.variable("codex_home"), None);
}

#[test]
fn every_client_is_looked_for_where_its_platform_keeps_it() {
    let on = |platform, home: &str, variables| Environment { platform, ..environment(Path::new(home), variables) };
    for (client, environment, expected) in [
        (
            "claude-code",
            on(Platform::Linux, "/home/m", &[]),
            vec!["/home/m/.claude/projects", "/home/m/.config/claude/projects"],
        ),
        ("claude-code", on(Platform::MacOs, "/Users/m", &[("CLAUDE_CONFIG_DIR", "/c")]), vec!["/c/projects"]),
        (
            "claude-code",
            on(Platform::Windows, r"C:\Users\m", &[]),
            vec![r"C:\Users\m\.claude\projects", r"C:\Users\m\.config\claude\projects"],
        ),
        (
            "claude-code",
            on(Platform::Windows, r"C:\Users\m", &[("CLAUDE_CONFIG_DIR", r"~\c")]),
            vec![r"C:\Users\m\c\projects"],
        ),
        (
            "codex",
            on(Platform::Linux, "/home/m", &[]),
            vec!["/home/m/.codex/sessions", "/home/m/.codex/archived_sessions"],
        ),
        (
            "codex",
            on(Platform::Windows, r"C:\Users\m", &[("CODEX_HOME", r"D:\x")]),
            vec![r"D:\x\sessions", r"D:\x\archived_sessions"],
        ),
        ("generic", on(Platform::Linux, "/home/m", &[]), vec![]),
        ("opencode", on(Platform::MacOs, "/Users/m", &[]), vec!["/Users/m/.local/share/opencode"]),
        (
            "opencode",
            on(Platform::Linux, "/home/m", &[("XDG_DATA_HOME", "/d"), ("OPENCODE_DB", "beta.db")]),
            vec!["/d/opencode", "/d/opencode/beta.db"],
        ),
        (
            "opencode",
            on(Platform::Linux, "/home/m", &[("OPENCODE_DB", ":memory:")]),
            vec!["/home/m/.local/share/opencode"],
        ),
        ("opencode", on(Platform::Windows, r"C:\Users\m", &[]), vec![r"C:\Users\m\.local\share\opencode"]),
        ("goose", on(Platform::Linux, "/home/m", &[("XDG_DATA_HOME", "/d")]), vec!["/d/goose/sessions"]),
        ("goose", on(Platform::MacOs, "/Users/m", &[]), vec!["/Users/m/.local/share/goose/sessions"]),
        ("goose", on(Platform::Linux, "/home/m", &[("GOOSE_PATH_ROOT", "/g")]), vec!["/g/data/sessions"]),
        (
            "goose",
            on(Platform::Windows, r"C:\Users\m", &[]),
            vec![r"C:\Users\m\AppData\Roaming\Block\goose\data\sessions"],
        ),
        ("crush", on(Platform::Linux, "/home/m", &[("CRUSH_GLOBAL_DATA", "/c")]), vec!["/c"]),
        ("crush", on(Platform::Windows, r"C:\Users\m", &[]), vec![r"C:\Users\m\AppData\Local\crush"]),
        ("hermes", on(Platform::Linux, "/home/m", &[("HERMES_HOME", "~/h")]), vec!["/home/m/h"]),
        ("hermes", on(Platform::Windows, r"C:\Users\m", &[]), vec![r"C:\Users\m\.hermes"]),
        ("zed", on(Platform::Linux, "/home/m", &[]), vec!["/home/m/.local/share/zed/threads"]),
        ("zed", on(Platform::Linux, "/home/m", &[("FLATPAK_XDG_DATA_HOME", "/f")]), vec!["/f/zed/threads"]),
        ("zed", on(Platform::MacOs, "/Users/m", &[]), vec!["/Users/m/Library/Application Support/Zed/threads"]),
        ("zed", on(Platform::Windows, r"C:\Users\m", &[]), vec![r"C:\Users\m\AppData\Local\Zed\threads"]),
        (
            "openhands",
            on(Platform::Linux, "/home/m", &[("OH_CONVERSATIONS_PATH", "/o")]),
            vec!["/o", "/home/m/.openhands/sessions"],
        ),
        ("devin", on(Platform::Linux, "/home/m", &[("XDG_DATA_HOME", "/d")]), vec!["/d/devin/cli"]),
        ("devin", on(Platform::MacOs, "/Users/m", &[]), vec!["/Users/m/.local/share/devin/cli"]),
        ("devin", on(Platform::Windows, r"C:\Users\m", &[]), vec![r"C:\Users\m\AppData\Roaming\devin\cli"]),
        (
            "antigravity",
            on(Platform::Linux, "/home/m", &[]),
            vec![
                "/home/m/.gemini/antigravity/brain",
                "/home/m/.gemini/antigravity/conversations",
                "/home/m/.gemini/antigravity-cli/brain",
                "/home/m/.gemini/antigravity-cli/conversations",
                "/home/m/.gemini/antigravity-acp/brain",
                "/home/m/.gemini/antigravity-acp/conversations",
                "/home/m/.gemini/antigravity-ide/brain",
                "/home/m/.gemini/antigravity-ide/conversations",
            ],
        ),
        ("managed-agents", on(Platform::Linux, "/home/m", &[]), vec![]),
        ("claude-ai", on(Platform::Linux, "/home/m", &[]), vec![]),
        ("chatgpt", on(Platform::Linux, "/home/m", &[]), vec![]),
        ("cursor-ide", on(Platform::Linux, "/home/m", &[]), vec!["/home/m/.config/Cursor/User"]),
        ("cursor-ide", on(Platform::MacOs, "/Users/m", &[]), vec!["/Users/m/Library/Application Support/Cursor/User"]),
        (
            "cursor-ide",
            on(Platform::Windows, r"C:\Users\m", &[("APPDATA", r"D:\Roaming")]),
            vec![r"D:\Roaming\Cursor\User"],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(PathBuf::from).collect();
        assert_eq!(adapter(client).unwrap().roots(&environment), expected);
    }
}

#[test]
fn cline_is_looked_for_in_every_editor_and_in_its_own_directory() {
    let on = |platform, home: &str, variables| Environment { platform, ..environment(Path::new(home), variables) };
    for (client, environment, place) in [
        (
            "cline",
            on(Platform::Linux, "/home/m", &[]),
            "/home/m/.config/Code/User/globalStorage/saoudrizwan.claude-dev",
        ),
        ("cline", on(Platform::Linux, "/home/m", &[]), "/home/m/.cline/data/sessions"),
        ("cline", on(Platform::Linux, "/home/m", &[("CLINE_DIR", "/c")]), "/c/data/sessions"),
        ("cline", on(Platform::Linux, "/home/m", &[("CLINE_DIR", "/c"), ("CLINE_DATA_DIR", "/d")]), "/d/sessions"),
        ("cline", on(Platform::Linux, "/home/m", &[("CLINE_SESSION_DATA_DIR", "/s")]), "/s"),
        (
            "roo",
            on(Platform::MacOs, "/Users/m", &[]),
            "/Users/m/Library/Application Support/VSCodium/User/globalStorage/rooveterinaryinc.roo-cline",
        ),
        (
            "roo",
            on(Platform::Windows, r"C:\Users\m", &[]),
            r"C:\Users\m\AppData\Roaming\Cursor\User\globalStorage\zoocodeorganization.zoo-code",
        ),
        (
            "roo",
            on(Platform::Linux, "/home/m", &[]),
            "/home/m/.vscode-server/data/User/globalStorage/rooveterinaryinc.roo-cline",
        ),
    ] {
        let roots = adapter(client).unwrap().roots(&environment);
        assert!(roots.contains(&PathBuf::from(place)), "{client}: {roots:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_a_client_s_directory_is_not_followed() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    jay_testkit::foreign::lay_out(&root().join("hermes/23"), elsewhere.path());
    jay_testkit::write(elsewhere.path().join("transcript.jsonl"), r#"{"source":"MODEL","content":"a secret"}"#);
    jay_testkit::write(elsewhere.path().join("0.json"), r#"{"action":"message","args":{"content":"a secret"}}"#);
    let link = |from: &Path, to: &str| {
        let to = home.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(from, to).unwrap();
    };
    link(&elsewhere.path().join("state.db"), ".hermes/state.db");
    link(elsewhere.path(), ".gemini/antigravity/brain/7/.system_generated/logs");
    link(elsewhere.path(), ".openhands/sessions/s/events");
    for (client, links) in [("hermes", 1), ("antigravity", 1), ("openhands", 0)] {
        let discovery = adapter(client).unwrap().discover(&environment(home.path(), &[]));
        assert_eq!((discovery.sources, discovery.foreign_links), (vec![], links), "{client}");
    }
}

#[test]
fn conversations_in_forms_that_are_not_read_are_told_of() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join(".gemini/antigravity-cli");
    jay_testkit::foreign::lay_out(&crate::fixtures::root().join("antigravity/db-1"), &root);
    let client = adapter("antigravity").unwrap();
    let found = client.discover(&environment(home.path(), &[]));
    assert_eq!((found.problems, found.sources.len()), (vec![], 2));
    let told = |left: &[jay_sessions::Problem]| -> Vec<String> {
        let name = |left: &jay_sessions::Problem| left.path.file_name().unwrap().to_string_lossy().into_owned();
        left.iter().map(|left| format!("{}: {}", name(left), left.message)).collect()
    };
    let expected = [
        "2a7d0000-0000-4000-8000-000000000003.db: its form is later than version 1",
        "2a7d0000-0000-4000-8000-000000000004.pb: its client keeps it encrypted (.pb)",
    ];
    assert_eq!(told(&found.unsupported), expected);
    for left in &found.unsupported {
        let alone = client.discover_path(&left.path).unwrap();
        assert_eq!((alone.sources, alone.unsupported), (vec![], vec![left.clone()]));
    }
    // The log of a conversation whose database is read leads to the database.
    let log = root.join("brain/2a7d0000-0000-4000-8000-000000000001/.system_generated/logs/transcript.jsonl");
    let sources = client.discover_path(&log).unwrap().sources;
    assert_eq!(sources.iter().map(|source| source.path.extension().unwrap()).collect::<Vec<_>>(), ["db"]);
    // So does it where the client holds the database just now: it can be read later.
    let held = rusqlite::Connection::open(&sources[0].path).unwrap();
    held.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let found = client.discover_path(&log).unwrap();
    assert_eq!((found.sources, found.problems.len()), (vec![], 1));
}

#[test]
fn crush_is_looked_for_in_the_projects_that_it_knows() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("code/lantern");
    jay_testkit::foreign::lay_out(&root().join("crush/0.20"), &project);
    assert!(sessions("crush", &environment(home.path(), &[])).is_empty());
    let list = format!(r#"{{"projects":[{{"path":{project:?},"data_dir":".crush"}},{{"path":"/gone"}}]}}"#);
    jay_testkit::write(home.path().join(".local/share/crush/projects.json"), list);
    assert_eq!(sessions("crush", &environment(home.path(), &[])), ["c1", "c1$$call_t"]);
}

#[test]
fn a_session_that_moved_into_the_database_is_not_read_from_the_tree() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/opencode");
    for version in ["legacy", "1.2"] {
        jay_testkit::foreign::lay_out(&root().join("opencode").join(version), &data);
    }
    // `ses_9000` was opened and left.
    let ids = ["ses_8f01", "ses_8f02", "ses_7a00"];
    assert_eq!(sessions("opencode", &environment(home.path(), &[])), ids);
    jay_testkit::foreign::database(
        &data.join("opencode.db"),
        "UPDATE session SET id = 'ses_7a00' WHERE id = 'ses_8f02'; UPDATE message SET session_id = 'ses_7a00' WHERE session_id = 'ses_8f02'",
    );
    let ids = ["ses_7a00", "ses_8f01"];
    assert_eq!(sessions("opencode", &environment(home.path(), &[])), ids);
}

#[test]
fn a_path_is_one_file_or_a_directory() {
    let claude = adapter("claude-code").unwrap();
    let tree = root().join("claude-code/2.0");
    let all = claude.discover_path(&tree).unwrap().sources;
    let places: Vec<_> = all
        .iter()
        .map(|source| {
            (source.session.as_str(), source.parent.as_deref(), source.agent.as_deref(), source.parent_call.as_deref())
        })
        .collect();
    let main = "5b0c1f6e-8a1d-4c57-9f0e-2f6f6b1d7a10";
    assert_eq!(
        places,
        [
            (&*format!("{main}/agent-7f3a9c21"), Some(main), Some("Explore"), Some("toolu_03Task")),
            (&*format!("{main}/agent-11d0"), Some(main), None, None),
            (main, None, None, None),
            ("c7d9e2a4-13b8-4f0a-8a55-9e0b7c4d2f31", None, None, None),
        ]
    );
    assert_eq!(claude.discover_path(&tree.join("projects/-home-mira-code-lantern")).unwrap().sources, all);
    assert_eq!(claude.discover_path(&all[0].path).unwrap().sources, all[..1]);
    let error = claude.discover_path(Path::new("/no/such/place")).unwrap_err();
    assert_eq!(error.code, jay_types::Code::NotFound);
}

#[test]
fn a_file_under_another_name_has_its_rows_session() {
    let directory = tempfile::tempdir().unwrap();
    let from =
        root().join("claude-code/1.0/projects/-home-mira-code-lantern/0e4b7a92-6d1c-4e8f-b3a7-5c2d9f8e1b04.jsonl");
    let (copy, agent) = (directory.path().join("copy.jsonl"), directory.path().join("agent-77.jsonl"));
    jay_testkit::write(&copy, std::fs::read(&from).unwrap());
    jay_testkit::write(&agent, std::fs::read(&from).unwrap());
    let found = adapter("claude-code").unwrap().discover_path(directory.path()).unwrap().sources;
    let id = "0e4b7a92-6d1c-4e8f-b3a7-5c2d9f8e1b04";
    assert_eq!(found[0].session, format!("{id}/agent-77"));
    assert_eq!(found[0].parent.as_deref(), Some(id));
    assert_eq!(found[1].session, id);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end_and_give_each_file_once() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    jay_testkit::write(inner.join("a.jsonl"), b"{}\n");
    jay_testkit::write(inner.join(".hidden.jsonl"), b"{}\n");
    std::os::unix::fs::symlink(directory.path(), inner.join("up")).unwrap();
    std::os::unix::fs::symlink(inner.join("a.jsonl"), inner.join("b.jsonl")).unwrap();
    let discovery = adapter("generic").unwrap().discover_path(directory.path()).unwrap();
    assert_eq!(discovery.sources.len(), 1);
    assert_eq!(discovery.problems, []);
}

#[cfg(unix)]
#[test]
fn two_roots_that_are_one_directory_give_each_file_once() {
    let home = tempfile::tempdir().unwrap();
    copy(&root().join("claude-code/1.0"), &home.path().join(".claude"));
    std::fs::create_dir(home.path().join(".config")).unwrap();
    std::os::unix::fs::symlink(home.path().join(".claude"), home.path().join(".config/claude")).unwrap();
    assert_eq!(sessions("claude-code", &environment(home.path(), &[])).len(), 1);
}

#[test]
fn an_unknown_client_is_refused_with_the_known_ones() {
    let Err(error) = adapter("teletype") else { panic!("there is no such adapter") };
    assert_eq!(error.message, "no adapter reads sessions of `teletype`");
    assert!(error.hint.unwrap().contains("claude-code, codex, "));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_file_is_refused_and_not_taken_for_an_empty_one() {
    for adapter in jay_sessions::adapters() {
        let error = adapter.discover_path(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.message, "/dev/null is neither a file nor a directory", "{}", adapter.name());
    }
}

/// Words in the code that look like a variable and are none.
const NO_VARIABLES: [&str; 2] = ["USER_EXPLICIT", "USER_IMPLICIT"];

/// A scheduled sync is given these; one that is forgotten would make it look elsewhere than a person's own.
#[test]
fn the_list_of_variables_is_all_that_the_adapters_ask_for() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut asked = std::collections::BTreeSet::new();
    for entry in walkdir::WalkDir::new(sources).into_iter().map(Result::unwrap) {
        // What git is given is no place of a client's.
        let is_apart = ["environment.rs", "git/program.rs"].iter().any(|file| entry.path().ends_with(file));
        if entry.path().extension().is_none_or(|ending| ending != "rs") || is_apart {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let is_variable = |word: &&str| {
            word.contains('_')
                && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        let words = text.split('"').filter(is_variable).filter(|word| word.len() > 3 && !NO_VARIABLES.contains(word));
        asked.extend(words.map(str::to_owned));
    }
    assert!(asked.contains("CLAUDE_CONFIG_DIR") && asked.len() > 20, "{asked:?}");
    let listed: std::collections::BTreeSet<_> = jay_sessions::CLIENT_VARIABLES.iter().copied().collect();
    let missing: Vec<_> = asked.iter().filter(|name| !listed.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new());
}
