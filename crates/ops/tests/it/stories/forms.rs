//! Clients that keep a session in more than one form, through the whole of the archive.

use super::*;

fn texts(world: &World, session: &str) -> Vec<String> {
    let shown = world.ok("session_show", json!({"session": session, "limit": 50}));
    let messages = shown["messages"].as_array().unwrap().clone();
    let text = |message: &Value| message["parts"][0]["text"].as_str().unwrap().to_owned();
    messages.iter().map(text).collect()
}

#[test]
fn a_session_that_goes_on_in_another_form_stands_once() {
    let world = World::new();
    let chats = world.home.work_dir().join(".gemini/tmp/lantern/chats");
    let message = |n: u32, kind: &str| {
        format!(
            r#"{{"id":"m-0{n}","timestamp":"2026-05-04T08:0{n}:00.000Z","type":"{kind}","content":"lantern says {n}"}}"#
        )
    };
    let head = r#""sessionId":"5e1c7a20-9b1d-4a3e-8f60-1d2c3b4a5f60","startTime":"2026-05-04T08:00:00.000Z""#;
    let whole = format!("{{{head},\"messages\":[{},{}]}}", message(1, "user"), message(2, "gemini"));
    jay_testkit::write(chats.join("session-2026-05-04T08-00-5e1c7a20.json"), whole);
    let synced = world.ok("session_sync", json!({"clients": ["gemini-cli"]}));
    assert_eq!((&synced["sessions_inserted"], &synced["messages_inserted"]), (&json!(1), &json!(2)), "{synced}");
    // A later version writes lines, and leaves the old file where it is.
    let rows = [format!("{{{head}}}"), message(1, "user"), message(2, "gemini"), message(3, "user")];
    jay_testkit::write(chats.join("session-2026-05-05T08-00-5e1c7a20.jsonl"), rows.join("\n"));
    let synced = world.ok("session_sync", json!({"clients": ["gemini-cli"]}));
    assert_eq!(synced["sources"].as_array().unwrap().len(), 1, "{synced}");
    assert_eq!(synced["sessions_inserted"], 0, "{synced}");
    let said = ["lantern says 1", "lantern says 2", "lantern says 3"];
    assert_eq!(texts(&world, "5e1c7a20-9b1d-4a3e-8f60-1d2c3b4a5f60"), said);
    let hits = world.ok("session_search", json!({"query": "lantern says"}));
    assert_eq!(hits["matched"], 3, "{hits}");
}

#[expect(clippy::disallowed_methods, reason = "what a client moves away need not survive a crash")]
fn move_away(path: &Path, world: &World) {
    std::fs::rename(path, world.home.work_dir().join("gone")).unwrap();
}

/// Messages of Cursor's database and of its transcripts have ids of their own.
#[test]
fn a_session_that_appears_in_another_form_later_stands_once() {
    let id = "3a0b8d21-6c4f-4e32-9d70-1b2c3d4e5f60";
    let fixture = fixtures().join("cursor-cli/2026.02");
    for is_database_first in [true, false] {
        let world = World::new();
        let cursor = world.home.work_dir().join(".cursor");
        let transcript = cursor.join(format!("projects/home-mira-lantern/agent-transcripts/{id}/{id}.jsonl"));
        let lay_out_transcript = || {
            jay_testkit::write(
                &transcript,
                r#"{"role":"user","message":{"content":[{"type":"text","text":"as a transcript"}]}}"#,
            );
        };
        if !is_database_first {
            lay_out_transcript();
        }
        jay_testkit::foreign::lay_out(&fixture.join("chats"), &cursor.join("chats"));
        let cursor_alone = json!({"clients": ["cursor-cli"]});
        world.ok("session_sync", cursor_alone.clone());
        let said = || world.ok("session_show", json!({"session": id, "limit": 50}))["messages"].clone();
        let before = said();
        assert_eq!(before.to_string().contains("as a transcript"), !is_database_first, "{before}");
        lay_out_transcript();
        let again = world.ok("session_sync", cursor_alone.clone());
        assert_eq!((said(), &again["messages_inserted"]), (before.clone(), &json!(0)), "{again}");
        // What is archived is gone: nothing is doubled, and it is said.
        let archived = if is_database_first { cursor.join("chats") } else { cursor.join("projects") };
        move_away(&archived, &world);
        let without = world.ok("session_sync", cursor_alone);
        assert_eq!(said(), before);
        assert!(without["notes"].to_string().contains("left alone: 1 session"), "{without}");
    }
}

/// The client rewrites the conversation at each turn and lets the oldest turns go.
#[test]
fn a_conversation_that_forgets_its_beginning_is_shown_whole_and_in_order() {
    let world = World::new();
    let path = world.home.work_dir().join(".local/share/kiro-cli/data.sqlite3");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let create = "CREATE TABLE conversations_v2(key TEXT, conversation_id TEXT, value TEXT, updated_at INTEGER)";
    jay_testkit::foreign::database(&path, create);
    let turn = |n: u32| {
        format!(
            r#"{{"user":{{"content":{{"Prompt":{{"prompt":"question {n}"}}}},"timestamp":"2026-01-01T00:0{n}:00Z"}},
               "assistant":{{"Response":{{"message_id":"a{n}","content":"answer {n}"}}}}}}"#
        )
    };
    for from in 1..6 {
        let turns = [turn(from), turn(from + 1)].join(",");
        let value = format!(r#"{{"conversation_id":"c-000001","history":[{turns}],"transcript":["a"]}}"#);
        let sql = format!(
            "DELETE FROM conversations_v2; INSERT INTO conversations_v2 VALUES('/home/mira/tide', 'c-000001', '{value}', {from})"
        );
        jay_testkit::foreign::database(&path, &sql);
        assert_eq!(world.ok("session_sync", json!({"clients": ["kiro"]}))["outcome"], "ok");
    }
    let said: Vec<String> = (1..7).flat_map(|n| [format!("question {n}"), format!("answer {n}")]).collect();
    assert_eq!(texts(&world, "c-000001"), said);
    assert_eq!(world.ok("session_sync", json!({"clients": ["kiro"]}))["fresh"], 1);
    let verified =
        world.by(&super::sessions::cli(&world), "session_sync", json!({"clients": ["kiro"], "verify": true}));
    assert_eq!((&verified["outcome"], &verified["messages_inserted"]), (&json!("ok"), &json!(0)), "{verified}");
}

/// A frame that holds its bytes as they are, of at most 255.
fn frame(rows: &str) -> Vec<u8> {
    let bytes = u8::try_from(rows.len()).unwrap();
    let block = (u32::from(bytes) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes], &block[..3], rows.as_bytes()].concat()
}

/// A name can hold what a person must not see, where it is told of a failure too.
#[test]
fn what_stands_before_the_damage_is_counted_and_no_secret_is_told_with_it() {
    let world = World::new();
    let secret = format!("sk-ant-api03-{}AA", "A".repeat(93));
    let sessions = world.home.work_dir().join(".dsh/sessions").join(&secret);
    let rows = "{\"type\":\"session\",\"id\":\"d-000001\"}\n{\"type\":\"user/message\",\"data\":{\"id\":\"u1\",\"text\":\"say 1\"}}\n";
    let file = [&frame(rows), b"no frame at all".as_slice(), &frame(rows)].concat();
    jay_testkit::write(sessions.join("session-d-000001/session.jsonl.zstd"), file);
    jay_testkit::write(world.home.work_dir().join(".cursor/chats").join(&secret).join("s-1/store.db"), "no database");
    let synced = world.ok("session_sync", json!({"clients": ["deepseek", "cursor-cli"]}));
    let failed: Vec<u64> =
        synced["sources"].as_array().unwrap().iter().map(|source| source["messages"].as_u64().unwrap()).collect();
    assert_eq!((&synced["messages_inserted"], failed), (&json!(1), vec![0, 1]), "{synced}");
    assert!(!synced.to_string().contains(&secret), "{synced}");
    assert_eq!(texts(&world, "d-000001"), ["say 1"]);
}
