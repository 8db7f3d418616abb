//! A session goes on in a client: where it stands, what is in it, what is never done.

use super::resuming_everywhere::targets;
use super::sessions::cli;
use super::*;

/// A session of a client without a writer's own form, that calls two tools at once.
fn talk(world: &World) {
    let at = |n: u32| format!("2026-05-01T10:00:{n:02}Z");
    let call = |id: &str| json!({"type": "tool_call", "id": id, "name": "bash", "input": {"command": id}});
    let result = |id: &str| json!({"type": "tool_result", "id": id, "name": "bash", "output": format!("of {id}")});
    let rows = [
        json!({"session": "lantern-7", "message": "m1", "role": "user", "at": at(1), "project": "/home/mira/la n'tern",
            "title": "Lamps", "text": "Which lamp leaks?"}),
        json!({"session": "lantern-7", "message": "m2", "role": "assistant", "at": at(2), "model": "finch-2", "parts": [
            {"type": "reasoning", "text": "look at both"}, call("c1"), call("c2")]}),
        json!({"session": "lantern-7", "message": "m3", "role": "tool", "at": at(3), "parts": [result("c1"), result("c2")]}),
        json!({"session": "lantern-7", "message": "m4", "role": "assistant", "at": at(4), "text": "The second."}),
    ];
    super::sessions::sync_generic(world, &rows);
}

fn resume(world: &World, input: Value) -> Result<Value, Error> {
    let mut input = input;
    input["session"] = "lantern-7".into();
    world.ask(&cli(world), "session_resume", input)
}

fn rows(answer: &Value) -> Vec<Value> {
    let path = answer["files"][0]["path"].as_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All that was written, as one text.
fn written(answer: &Value) -> String {
    let files = strings(&answer["files"], "path");
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn it_stands_where_the_client_looks_and_the_answer_says_how_to_open_it() {
    let world = World::new();
    talk(&world);
    let answer = resume(&world, json!({"to": "claude-code"})).unwrap();
    let id = answer["id"].as_str().unwrap();
    let path = world.home.work_dir().join(format!(".claude/projects/-home-mira-la-n-tern/{id}.jsonl"));
    assert_eq!(answer["files"][0]["path"], path.to_str().unwrap());
    assert_eq!(answer["command"], format!("cd '/home/mira/la n'\\''tern' && claude --resume {id}"));
    assert_eq!((&answer["written_as"], &answer["to"]), (&json!("rebuilt"), &json!("claude-code")));
    let synced = world.ok("session_sync", json!({"clients": ["claude-code"]}));
    assert_eq!(synced["sessions_inserted"], 1, "{synced}");

    // The client goes on from the end of the chain: what the API would not take hangs beside it.
    let rows = rows(&answer);
    let by_id = |uuid: &Value| rows.iter().find(|row| row["uuid"].is_string() && row["uuid"] == *uuid);
    let mut chain = vec![rows.iter().rfind(|row| !row["uuid"].is_null()).unwrap()];
    while let Some(above) = by_id(&chain[chain.len() - 1]["parentUuid"]) {
        chain.push(above);
    }
    chain.reverse();
    let kinds: Vec<&str> =
        chain.iter().map(|row| row["message"]["content"][0]["type"].as_str().unwrap_or("words of a person")).collect();
    assert_eq!(kinds, ["words of a person", "tool_use", "tool_use", "tool_result", "tool_result", "text"]);
    assert_eq!(chain[1]["message"]["id"], chain[2]["message"]["id"], "calls of one turn are one message");
    assert_ne!(chain[1]["message"]["id"], chain[5]["message"]["id"]);
    assert!(rows.iter().any(|row| row["message"]["content"][0]["thinking"] == "look at both"));
}

#[test]
fn a_codex_rollout_has_what_the_model_sees_and_what_the_screen_shows() {
    let world = World::new();
    talk(&world);
    let answer = resume(&world, json!({"to": "codex", "project": "/elsewhere"})).unwrap();
    let id = answer["id"].as_str().unwrap();
    let path = answer["files"][0]["path"].as_str().unwrap();
    assert!(path.ends_with(&format!(".codex/sessions/2026/05/01/rollout-2026-05-01T10-00-01-{id}.jsonl")), "{path}");
    let rows = rows(&answer);
    assert_eq!((&rows[0]["type"], &rows[0]["payload"]["cwd"]), (&json!("session_meta"), &json!("/elsewhere")));
    let kinds: Vec<&str> = rows.iter().skip(1).map(|row| row["payload"]["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "message",
            "user_message",
            "reasoning",
            "agent_reasoning",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output",
            "message",
            "agent_message"
        ]
    );
}

#[test]
fn an_opencode_session_goes_back_with_every_value_that_it_had() {
    let world = World::new();
    let tree = fixtures().join("opencode/legacy");
    world.by(&cli(&world), "session_sync", json!({"clients": ["opencode"], "path": tree}));
    let there = world.home.work_dir().join("there");
    let input = json!({"session": "ses_7a00", "to": "opencode", "path": there});
    let answer = world.by(&cli(&world), "session_resume", input);
    assert_eq!((&answer["written_as"], &answer["id"]), (&json!("native"), &json!("ses_7a00")));
    let path = there.join("ses_7a00.json");
    assert!(answer["command"].as_str().unwrap().contains(&format!("opencode import {}", path.display())));
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let written = read(path);
    let storage = tree.join("storage");
    let mut info = read(storage.join("session/prj_tide/ses_7a00.json"));
    // Which it has since 1.2, and must have.
    info["slug"] = "ses_7a00".into();
    assert_eq!(written["info"], info);
    let part = |message: &str, part: &str| {
        let mut part = read(storage.join(format!("part/{message}/{part}.json")));
        part["messageID"] = message.into();
        part["sessionID"] = "ses_7a00".into();
        part
    };
    let message = |id: &str| read(storage.join(format!("message/ses_7a00/{id}.json")));
    let expected = json!([
        {"info": message("msg_a1"), "parts": [part("msg_a1", "prt_a11")]},
        {"info": message("msg_a2"), "parts": [part("msg_a2", "prt_a21")]},
    ]);
    assert_eq!(written["messages"], expected);
    assert_eq!(answer["left_out"], json!({"pieces that are no JSON": 1}), "a part was torn when it was read");
}

#[test]
fn nothing_is_overwritten_and_a_dry_run_writes_nothing() {
    let world = World::new();
    talk(&world);
    let dry = resume(&world, json!({"to": "codex", "dry_run": true})).unwrap();
    assert!(!world.home.work_dir().join(".codex").exists());
    let first = resume(&world, json!({"to": "codex"})).unwrap();
    assert_eq!(first["files"], dry["files"], "a dry run tells what is written");
    let path = PathBuf::from(first["files"][0]["path"].as_str().unwrap());
    let bytes = std::fs::read(&path).unwrap();
    for input in [json!({"to": "codex"}), json!({"to": "codex", "dry_run": true})] {
        let error = resume(&world, input).unwrap_err();
        assert_eq!(error.code, Code::Conflict, "{error:?}");
        assert!(error.hint.unwrap().contains(first["command"].as_str().unwrap()));
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished stays");
}

#[test]
fn a_lineage_is_written_whole_or_not_at_all() {
    let world = World::new();
    super::sessions::lay_out(&world);
    world.ok("session_sync", json!({"clients": ["claude-code"]}));
    let parent = "5b0c1f6e-8a1d-4c57-9f0e-2f6f6b1d7a10";
    let there = world.home.work_dir().join("there");
    let input = json!({"session": parent, "to": "claude-code", "path": there});
    let planned = world.by(
        &cli(&world),
        "session_resume",
        json!({"session": parent, "to": "claude-code", "path": there, "dry_run": true}),
    );
    let paths: Vec<PathBuf> = strings(&planned["files"], "path").into_iter().map(PathBuf::from).collect();
    assert!(paths.len() > 2, "{planned}");
    // In the way of the directory of subagents stands a file.
    let slug = paths[0].parent().unwrap();
    jay_testkit::write(slug.join(parent), b"in the way");
    let error = world.err_by(&cli(&world), "session_resume", input.clone());
    assert!(matches!(error.code, Code::Io | Code::Conflict), "{error:?}");
    let left: Vec<_> = std::fs::read_dir(slug).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [parent], "what was made is taken away again");
    std::fs::remove_file(slug.join(parent)).unwrap();
    let done = world.by(&cli(&world), "session_resume", input);
    assert_eq!((&done["files"], &done["held"]["subagents"]), (&planned["files"], &json!(2)));
    assert!(paths.iter().all(|path| path.is_file()));
}

#[test]
fn secrets_stay_behind_unless_a_person_asks() {
    let key = "AKIAQ3EXAMPLE7BZKJ2T";
    let world = World::new();
    let input = json!({"command": format!("aws --key {key}")});
    super::sessions::sync_generic(
        &world,
        &[
            json!({"session": "lantern-7", "message": "m1", "role": "user", "text": format!("the key is {key} here"),
            "unknown": {"kept": key}}),
            json!({"session": "lantern-7", "message": "m2", "role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "bash", "input": input}]}),
        ],
    );
    for target in targets() {
        let directory = world.home.work_dir().join(target);
        let answer = resume(&world, json!({"to": target, "path": directory})).unwrap();
        assert!(answer["notes"].to_string().contains("secrets are masked"), "{target}: {answer}");
        let masked = written(&answer);
        assert!(!masked.contains(key) && masked.matches("[secret:").count() >= 2, "{target}: {masked}");
        let revealed = directory.join("revealed");
        let input = json!({"to": target, "path": revealed, "reveal": true});
        let answer = resume(&world, input.clone()).unwrap();
        assert!(!answer["notes"].to_string().contains("masked"), "{target}: {answer}");
        assert!(written(&answer).matches(key).count() >= 2, "{target}");
    }
    let agent = Caller { door: Door::Cli, ..agent() };
    let input = json!({"session": "lantern-7", "to": "codex", "reveal": true});
    assert_eq!(world.err_by(&agent, "session_resume", input).code, Code::Refused);
}

#[test]
fn a_client_that_takes_none_says_why() {
    let world = World::new();
    talk(&world);
    let error = resume(&world, json!({"to": "cursor-ide"})).unwrap_err();
    assert_eq!((error.code, error.code.exit_code()), (Code::BadInput, 2));
    assert!(error.message.starts_with("cursor-ide is ingest_only: "), "{error:?}");
    assert!(error.hint.unwrap().contains("codex"));
    let error = resume(&world, json!({"to": "nobody"})).unwrap_err();
    assert!(error.code == Code::BadInput && !error.message.contains("ingest_only"), "{error:?}");
    let error = resume(&world, json!({"to": "generic"})).unwrap_err();
    assert!(error.code == Code::BadInput && error.message.contains("`path`"), "{error:?}");
    for door in [Door::Http, Door::Mcp, Door::Web] {
        let there = Caller { door, ..world.me.clone() };
        let input = json!({"session": "lantern-7", "to": "codex"});
        assert_eq!(world.err_by(&there, "session_resume", input).code, Code::Refused, "{door:?}");
    }
    assert!(!world.home.work_dir().join(".codex").exists());
}
