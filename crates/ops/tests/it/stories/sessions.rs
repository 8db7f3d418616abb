//! The archive: what is read, what is new at the next sync, what is found.

use super::*;

/// Copies the checked-in sessions to where the clients keep theirs.
pub(super) fn lay_out(world: &World) {
    for (from, to) in [
        ("claude-code/2.0", ".claude"),
        ("claude-code/crlf", ".claude"),
        ("codex/0.147", ".codex"),
        ("codex/legacy", ".codex"),
    ] {
        copy(&fixtures().join(from), &world.home.work_dir().join(to));
    }
}

/// Copies the sessions of clients that keep files of lines as well, and says how many clients that makes.
pub(super) fn lay_out_more(world: &World) -> usize {
    let clients = [
        ("gemini-cli/0.40", ".gemini"),
        ("cursor-cli/2026.02", ".cursor"),
        ("copilot-cli/0.0.420", ".copilot"),
        ("pi/3", ".pi/agent"),
        ("claude-desktop/1", ".config/Claude"),
        ("qwen-code/0.10", ".qwen"),
        ("droid/0.60", ".factory"),
        ("oh-my-pi/1", ".omp"),
        ("kimi/1.4", ".kimi-code"),
        ("grok-build/1", ".grok"),
        ("letta-code/1", ".letta/transcripts"),
        ("openclaw/2026.6", ".openclaw"),
        ("nanoclaw/2", "nanoclaw"),
        ("kiro/2", ".kiro"),
        ("deepseek/1", ".dsh"),
        ("aider/0.86/lantern", ""),
    ];
    for (from, to) in clients {
        copy(&fixtures().join(from), &world.home.work_dir().join(to));
    }
    clients.len()
}

pub(super) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => jay_testkit::write(target, std::fs::read(source).unwrap()),
        }
    }
}

pub(super) fn cli(world: &World) -> Caller {
    Caller { door: Door::Cli, ..world.me.clone() }
}

/// Syncs one generic file that holds `rows`.
pub(super) fn sync_generic(world: &World, rows: &[Value]) -> Value {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let file = world.home.write("talks.jsonl", text);
    world.by(&cli(world), "session_sync", json!({"clients": ["generic"], "path": file}))
}

pub(super) fn said(session: &str, message: &str, role: &str, at: &str, text: &str) -> Value {
    json!({"session": session, "message": message, "role": role, "at": at, "text": text, "project": format!("/home/mira/{session}")})
}

#[test]
fn every_client_is_read_once() {
    let world = World::new();
    lay_out(&world);
    let more = lay_out_more(&world);
    let plan = world.ok("session_sync", json!({"dry_run": true}));
    assert_eq!(plan["outcome"], "planned");
    assert_eq!(world.changes(), 0, "a dry run writes nothing");
    let synced = world.ok("session_sync", json!({}));
    assert_eq!(synced["outcome"], "ok", "{synced}");
    let sources = |answer: &Value| {
        let all = answer["sources"].as_array().unwrap();
        all.iter().map(|s| (s["path"].to_string(), s["state"].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(sources(&plan), sources(&synced), "the plan is what is done");
    let bytes = |answer: &Value| {
        answer["sources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["bytes"].as_u64().unwrap() + s["pending_bytes"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    assert_eq!(bytes(&plan), bytes(&synced));
    let unknown: Vec<String> = synced["sources"].as_array().unwrap().iter().map(|s| s["unknown"].to_string()).collect();
    for name in ["telemetry-beacon", "hologram", "hyperlane", "quantum_item"] {
        assert!(unknown.iter().any(|counts| counts.contains(name)), "{name}: {unknown:?}");
    }
    let sessions = world.ok("session_list", json!({"limit": 200}))["sessions"].as_array().unwrap().clone();
    assert_eq!(synced["sessions_inserted"], sessions.len());
    let clients: std::collections::BTreeSet<_> =
        sessions.iter().filter_map(|session| session["client"].as_str()).collect();
    assert_eq!(clients.len(), more + 2, "{clients:?}");
    let listed: u64 = sessions.iter().map(|session| session["messages"].as_u64().unwrap()).sum();
    assert_eq!(synced["messages_inserted"], listed, "what was read in is what is listed");
    let status = world.ok("status", json!({}));
    assert_eq!((&status["sessions"], &status["messages"]), (&json!(sessions.len()), &json!(listed)));
    let last = &status["last_session_sync"];
    assert_eq!((&last["outcome"], &last["messages_inserted"]), (&json!("ok"), &json!(listed)), "{last}");
    let child = sessions.iter().find(|session| session["parent"] == "5b0c1f6e-8a1d-4c57-9f0e-2f6f6b1d7a10");
    assert!(child.is_some(), "a subagent is linked to its parent: {sessions:#?}");

    let before = world.changes();
    let again = world.ok("session_sync", json!({}));
    assert_eq!(
        (&again["sessions_inserted"], &again["messages_inserted"], &again["sources"]),
        (&json!(0), &json!(0), &json!([])),
        "{again}"
    );
    assert_eq!(again["fresh"], synced["sources"].as_array().unwrap().len());
    assert_eq!(world.changes(), before);
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
}

#[test]
fn with_nothing_here_it_says_so() {
    let world = World::new();
    let synced = world.ok("session_sync", json!({}));
    assert_eq!((&synced["outcome"], &synced["sessions_inserted"]), (&json!("ok"), &json!(0)));
    assert!(synced["notes"][0].as_str().unwrap().starts_with("no sessions were found in "), "{synced}");
    assert_eq!(world.ok("session_list", json!({})), json!({"sessions": []}));
    let found = world.ok("session_search", json!({"query": "anything"}));
    assert_eq!((&found["hits"], &found["searchable"], &found["has_more"]), (&json!([]), &json!(0), &json!(false)));
    assert_eq!(world.err("session_sync", json!({"clients": ["clippy"]})).code, Code::BadInput);
    assert_eq!(world.err_by(&cli(&world), "session_sync", json!({"path": "x"})).code, Code::BadInput);
    assert_eq!(world.err("session_sync", json!({"clients": ["generic"], "path": "/etc/hosts"})).code, Code::Refused);
}

#[test]
fn appended_torn_and_rewritten_sources_are_noticed() {
    let world = World::new();
    let rows: Vec<Value> = (0..4)
        .map(|n| said("talk-000001", &format!("m{n}"), "user", "2026-03-01T10:00:00Z", &format!("row number{n}")))
        .collect();
    assert_eq!(sync_generic(&world, &rows[..2])["messages_inserted"], 2);
    let grown = sync_generic(&world, &rows[..3]);
    assert_eq!(
        (&grown["messages_inserted"], &grown["sessions_inserted"], &grown["sources"][0]["state"]),
        (&json!(1), &json!(0), &json!("grown"))
    );
    // A torn last line is left for the next time.
    let whole: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let file = world.home.write("talks.jsonl", &whole[..whole.len() - 20]);
    let torn = world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": file}));
    assert_eq!(torn["messages_inserted"], 0, "{torn}");
    assert!(torn["sources"][0]["pending_bytes"].as_u64().unwrap() > 0);
    assert_eq!(sync_generic(&world, &rows)["messages_inserted"], 1);
    let shown = |world: &World| {
        let all = world.ok("session_show", json!({"session": "talk-000001"}))["messages"].clone();
        all.as_array().unwrap().iter().map(|m| m["parts"][0]["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&world), ["row number0", "row number1", "row number2", "row number3"]);
    // Rewritten: what the file says now is shown, and what stood there under the same id is still in the journal.
    let mut edited = rows;
    edited[1] = said("talk-000001", "m1", "user", "2026-03-01T10:00:00Z", "row rewritten");
    edited.truncate(3);
    let rewritten = sync_generic(&world, &edited);
    assert_eq!(rewritten["sources"][0]["state"], "rewritten", "{rewritten}");
    assert_eq!(world.ok("session_search", json!({"query": "rewritten"}))["matched"], 1);
    let now = shown(&world);
    assert_eq!(now, ["row number0", "row rewritten", "row number2", "row number3"], "a row that was cut stays");
    // A client that crashes while it rewrites its file takes nothing out of the archive.
    sync_generic(&world, &edited[..1]);
    assert_eq!(shown(&world), now);
    assert_eq!(world.ok("session_search", json!({"query": "number3"}))["hits"][0]["text"], "row number3");
    // What the sessions know of themselves, and the messages one by one.
    let searchable = |input: Value| world.ok("session_search", input)["searchable"].clone();
    let counted = searchable(json!({"query": "row", "since": "1990-01-01"}));
    assert_eq!(searchable(json!({"query": "row"})), counted);
    assert!(counted.as_u64().unwrap() > 2, "{counted}");
    assert_eq!(now.iter().filter(|text| *text == "row number0").count(), 1, "{now:?}");
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
}

#[test]
fn a_source_that_fails_is_named_and_stops_no_other() {
    let world = World::new();
    lay_out(&world);
    let bad = world
        .home
        .work_dir()
        .join(".codex/sessions/2026/03/02/rollout-2026-03-02T11-00-00-019ca9d8-ffff-7c10-9b5e-6a1f2e3d4c5b.jsonl.zst");
    // Nobody can read this one, root neither: no adapter unpacks rollouts.
    jay_testkit::write(&bad, "{}\n");
    let synced = world.ok("session_sync", json!({}));
    assert!(synced["sessions_inserted"].as_u64().unwrap() > 3);
    assert_eq!(synced["outcome"], "partial", "{synced}");
    let failed: Vec<&Value> = synced["sources"].as_array().unwrap().iter().filter(|s| s["state"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{synced}");
    assert!(failed[0]["error"].is_string() && synced["error"].is_string());
    let error = world.err_by(
        &cli(&world),
        "session_sync",
        json!({"clients": ["generic"], "path": world.home.work_dir().join("nothing.jsonl")}),
    );
    assert_eq!(error.code, Code::NotFound, "{error:?}");
}

#[test]
fn generic_needs_a_path() {
    let world = World::new();
    for input in [json!({"clients": ["generic"]}), json!({"clients": ["generic"], "dry_run": true})] {
        let error = world.err("session_sync", input);
        assert!(error.code == Code::BadInput && error.message.starts_with("`path`: is required"), "{error:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_to_nothing_and_to_what_is_no_session_are_left_out() {
    let world = World::new();
    let row = json!({"session": "s-000001", "message": "m1", "role": "user", "text": "hello"});
    let elsewhere = world.home.write("elsewhere/real.jsonl", format!("{}\n", row.to_string().replace("s-0", "e-0")));
    world.home.write("talks/real.jsonl", format!("\n{row}\n"));
    let passwords = world.home.write("elsewhere/passwd", "root:x:0:0\n");
    let blank = world.home.write("talks/blank.jsonl", "\n\n");
    world.home.write("talks/empty.jsonl", "");
    let talks = blank.parent().unwrap();
    let inside = talks.join("real.jsonl");
    let folder = elsewhere.parent().unwrap();
    for (target, link) in [
        (Path::new("/nowhere"), "gone.jsonl"),
        (&passwords, "passwd.jsonl"),
        (&elsewhere, "other.jsonl"),
        (folder, "folder"),
        (&inside, "again.jsonl"),
    ] {
        std::os::unix::fs::symlink(target, talks.join(link)).unwrap();
    }
    let synced = world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": talks}));
    assert_eq!((&synced["outcome"], &synced["messages_inserted"]), (&json!("ok"), &json!(1)), "{synced}");
    let note = "left alone: 1 link leads to nothing, 3 links lead out of the directory searched; \
                `jay session sync CLIENT --path DIR` reads what is elsewhere";
    assert_eq!(synced["notes"], json!([note]));
    assert!(files_with(&world.home, "root:x:0:0").iter().all(|file| !file.contains("archive")));
    let listed = world.ok("session_list", json!({}));
    let mut ids: Vec<&str> =
        listed["sessions"].as_array().unwrap().iter().map(|s| s["session"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["s-000001"]);
    // A link that somebody names is followed: that is a choice.
    let named = world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": talks.join("folder")}));
    assert_eq!(named["messages_inserted"], 1, "{named}");
}

#[test]
fn blank_lines_wait_for_a_row_that_says_something() {
    let world = World::new();
    let row = |message: &str| json!({"session": "s-000001", "message": message, "role": "user", "text": "hello"});
    let file = world.home.write("talk.jsonl", "\n \n");
    let sync = || world.by(&cli(&world), "session_sync", json!({"clients": ["generic"], "path": file}));
    let sessions = || world.ok("session_list", json!({}))["sessions"].as_array().unwrap().len();
    assert_eq!((sync()["sessions_inserted"].clone(), sessions()), (json!(0), 0));
    world.home.write("talk.jsonl", format!("\n \n{}\n", row("m1")));
    assert_eq!((sync()["messages_inserted"].clone(), sessions()), (json!(1), 1));
    world.home.write("talk.jsonl", format!("\n \n{}\n\n\n", row("m1")));
    assert_eq!((sync()["messages_inserted"].clone(), sessions()), (json!(0), 1));
    world.home.write("talk.jsonl", format!("\n \n{}\n\n\n{}\n", row("m1"), row("m2")));
    assert_eq!((sync()["messages_inserted"].clone(), sessions()), (json!(1), 1));
}

#[test]
fn progress_tells_only_of_what_is_new() {
    let world = World::new();
    let row = |message: &str| json!({"session": "s-000001", "message": message, "role": "user", "text": "hello"});
    let file = world.home.write("talk.jsonl", format!("{}\n", row("m1")));
    let steps = || {
        let mut steps = Vec::new();
        let input = json!({"clients": ["generic"], "path": file});
        let (spec, caller) = (jay_ops::find("session_sync").unwrap(), cli(&world));
        let context = jay_ops::Context { engine: &world.engine, caller: &caller, surroundings: world.steps.as_ref() };
        jay_ops::call_with_progress(spec, &context, input, &mut |done, all, _| steps.push((done, all))).unwrap();
        steps
    };
    let length = std::fs::metadata(&file).unwrap().len();
    assert_eq!(steps(), [(0, length), (length, length)]);
    assert_eq!(steps(), []);
    world.home.write("talk.jsonl", format!("{}\n{}\n", row("m1"), row("m2")));
    assert_eq!(steps(), [(0, length), (length, length)]);
}

/// A database, a JSON file that is written whole and an export, through the whole of the archive.
#[test]
fn what_changes_in_the_middle_of_a_database_is_shown_as_it_is_now() {
    let world = World::new();
    let data = world.home.work_dir().join(".local/share/opencode");
    jay_testkit::foreign::lay_out(&fixtures().join("opencode/1.2"), &data);
    let synced = world.ok("session_sync", json!({"clients": ["opencode"]}));
    assert_eq!((&synced["outcome"], &synced["sessions_inserted"]), (&json!("ok"), &json!(2)), "{synced}");
    let ids = || {
        let shown = world.ok("session_show", json!({"session": "ses_8f01", "limit": 50}));
        let messages = shown["messages"].as_array().unwrap().clone();
        messages.iter().map(|message| message["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = ids();
    assert_eq!(world.ok("session_sync", json!({"clients": ["opencode"]}))["fresh"], 2);
    jay_testkit::foreign::database(
        &data.join("opencode.db"),
        r#"UPDATE part SET time_updated = 1772999999001, data = json_set(data, '$.text', 'A writer that nobody flushes.')
           WHERE id = 'prt_023';
           INSERT INTO message VALUES('msg_06', 'ses_8f01', 5, 5, '{"role":"user","time":{"created":1772442070000}}');
           INSERT INTO part VALUES('prt_061', 'msg_06', 'ses_8f01', 5, 5, '{"type":"text","text":"Thanks."}')"#,
    );
    let synced = world.ok("session_sync", json!({"clients": ["opencode"]}));
    assert_eq!((&synced["sources"][0]["state"], &synced["fresh"]), (&json!("changed"), &json!(1)), "{synced}");
    // What changed stands where it stood, once, and what is new behind all else.
    assert_eq!(ids(), [before, vec!["msg_06".to_owned()]].concat());
    let shown = world.ok("session_show", json!({"session": "ses_8f01", "limit": 50})).to_string();
    assert!(shown.contains("A writer that nobody flushes.") && !shown.contains("I look for where"), "{shown}");
    let hits = |query: &str| {
        let found = world.ok("session_search", json!({"query": query}));
        found["hits"].as_array().unwrap().iter().map(|hit| hit["message"].to_string()).collect::<Vec<_>>()
    };
    assert!(hits("writer that nobody flushes").contains(&json!("msg_02").to_string()));
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
}

#[test]
fn an_export_of_many_conversations_is_as_many_sessions() {
    let world = World::new();
    let export = fixtures().join("chatgpt/2026/conversations.json");
    let synced = world.by(&cli(&world), "session_sync", json!({"clients": ["chatgpt"], "path": export}));
    assert_eq!((&synced["outcome"], &synced["sessions_inserted"]), (&json!("ok"), &json!(3)), "{synced}");
    let sessions = world.ok("session_list", json!({"client": "chatgpt"}))["sessions"].as_array().unwrap().clone();
    let titles: Vec<_> = sessions.iter().map(|session| session["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Second", "Tide tables", "Without an id"]);
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
}

#[test]
fn what_is_in_a_form_that_is_not_read_is_told_of_and_fails_nothing() {
    let world = World::new();
    let place = world.home.work_dir().join(".gemini/antigravity-cli");
    jay_testkit::foreign::lay_out(&fixtures().join("antigravity/db-1"), &place);
    let synced = world.ok("session_sync", json!({"clients": ["antigravity"]}));
    assert_eq!((&synced["outcome"], &synced["sessions_inserted"]), (&json!("ok"), &json!(2)), "{synced:#}");
    let noted = synced["notes"].to_string();
    for told in [
        "not read: 1 session of antigravity, for its client keeps it encrypted (.pb): ",
        "not read: 1 session of antigravity, for its form is later than version 1: ",
    ] {
        assert!(noted.contains(told), "{noted}");
    }
    let again = world.ok("session_sync", json!({"clients": ["antigravity"]}));
    assert_eq!(
        (&again["fresh"], &again["messages_inserted"], &again["notes"]),
        (&json!(2), &json!(0), &synced["notes"])
    );
}
