//! Rows that an earlier adapter read and the archive kept are read once more.

use super::resuming_everywhere::{archived, messages, sessions};
use super::sessions::{lay_out, lay_out_more};
use super::*;
use jay_store::{ActorName, Draft, KeptBlock, Store, StoreError};
use jay_types::change::block::Block;
use std::collections::BTreeMap;

/// Every block of files in a world.
fn kept(archive: &Store) -> Vec<KeptBlock> {
    let clients = jay_sessions::adapters().iter().map(|adapter| adapter.name());
    clients.flat_map(|client| archive.read::<_, StoreError>(|tx| tx.kept_blocks("host", client)).unwrap()).collect()
}

/// A world without files, which has the rows of another one as an adapter left them that understood none of them.
fn as_not_understood(world: &World) -> World {
    let other = World::new();
    other.ok("remember", json!({"text": "a store is made"}));
    let (_, from) = stores_of(world);
    let (memory, into) = stores_of(&other);
    let namespace = memory.read::<_, StoreError>(|tx| tx.namespace_id_of(1)).unwrap();
    let mut kept = kept(&from);
    kept.sort_by_key(|block| block.pos);
    for one in kept {
        let block = from.read::<_, StoreError>(|tx| tx.block(one.pos)).unwrap().unwrap();
        let old = Block { adapter: 0, messages: vec![], secrets: vec![], ..block };
        let actor = ActorName { kind: "agent".to_owned(), name: "old".to_owned() };
        into.write::<_, Error>(&actor, |w| {
            w.draft(Draft::block(namespace, one.session, old.to_json()));
            Ok(())
        })
        .unwrap();
    }
    // How far the sources were read is this machine's.
    into.write::<_, Error>(&ActorName { kind: "agent".to_owned(), name: "old".to_owned() }, |w| {
        for source in from.read::<_, StoreError>(|tx| tx.source_cursors())? {
            w.note_source(&source.client, &source.path, source.revision, &source.cursor)?;
        }
        Ok(())
    })
    .unwrap();
    other
}

/// What each session is and says.
fn told(world: &World) -> BTreeMap<String, (Value, Vec<Value>)> {
    let mut told = BTreeMap::new();
    for mut session in sessions(world) {
        session.as_object_mut().unwrap().remove("namespace");
        let id = session["session"].as_str().unwrap().to_owned();
        let said = messages(world, &id);
        told.insert(id, (session, said));
    }
    told
}

#[test]
fn of_every_client_what_is_read_once_more_is_what_its_files_say() {
    for world in archived() {
        let other = as_not_understood(&world);
        let before = told(&other);
        assert!(before.values().all(|(_, messages)| messages.is_empty()), "nothing was understood");
        let planned = other.ok("session_sync", json!({"dry_run": true}));
        let synced = other.ok("session_sync", json!({}));
        assert_eq!(planned["reread"]["sources"], synced["reread"]["sources"], "{planned}");
        let (expected, found) = (told(&world), told(&other));
        assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
        for (id, (session, said)) in &expected {
            assert_eq!(&found[id].1, said, "{session}");
            assert_eq!(&found[id].0, session);
        }
        let (changes, again) = (other.changes(), other.ok("session_sync", json!({})));
        assert_eq!((again.get("reread"), other.changes()), (None, changes), "{again}");
    }
}

#[test]
fn what_is_read_once_more_is_found_and_its_rows_go_back_as_they_were() {
    let world = World::new();
    lay_out(&world);
    lay_out_more(&world);
    world.ok("session_sync", json!({}));
    let other = as_not_understood(&world);
    let one = json!({"clients": ["claude-code"]});
    let synced = other.ok("session_sync", one.clone());
    assert!(synced["reread"]["messages"].as_u64().unwrap() > 5, "{synced}");
    assert!(
        synced["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains("once more")),
        "{synced}"
    );
    assert_eq!(other.ok("session_sync", one).get("reread"), None);
}

/// Of a database the session's own row, which is the first, changes with every message.
#[test]
fn what_changed_in_a_database_is_read_once_more_behind_what_it_held_before() {
    let world = World::new();
    let root = world.home.work_dir().join(".openclaw");
    jay_testkit::foreign::lay_out(&fixtures().join("openclaw/2026.7"), &root);
    let database = root.join("agents/main/agent/openclaw-agent.sqlite");
    let call = json!({"type": "message", "id": "n1", "message": {"role": "assistant", "content": [
        {"type": "toolCall", "id": "t9", "name": "read", "arguments": {}}]}});
    let answer = json!({"type": "message", "id": "n2", "message": {"role": "toolResult", "toolCallId": "t9", "content": "High."}});
    let words = json!({"type": "message", "id": "n3", "message": {"role": "assistant", "content": "It is high."}});
    for (n, event) in (20..).zip([json!({"type": "model_change", "modelId": "a-model"}), call, answer, words]) {
        world.ok("session_sync", json!({}));
        let sql = format!(
            "INSERT INTO transcript_events SELECT session_id, {n}, '{event}', {n} FROM sessions;
             UPDATE sessions SET updated_at = updated_at + 1"
        );
        jay_testkit::foreign::database(&database, &sql);
    }
    world.ok("session_sync", json!({}));
    let other = as_not_understood(&world);
    other.ok("session_sync", json!({}));
    let said = told(&other);
    assert_eq!(said, told(&world));
    let (_, last) = &said["2b3c4d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e"];
    assert_eq!((&last[2]["parts"][0]["name"], &last[3]["model"]), (&json!("read"), &json!("a-model")), "{last:?}");
}
