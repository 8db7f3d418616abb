//! Purge: no byte of the words is left in any file.

use super::*;

/// Every body of both journals that holds these bytes once it is decompressed, and every file that holds them as it is.
fn left_of(world: &World, needle: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    let (memory, archive) = stores_of(world);
    let mut left = files_with(&world.home, needle);
    for (store, name) in [(&memory, "memory"), (&archive, "archive")] {
        let look = |tx: &jay_store::Tx<'_>| -> Result<(), Error> {
            tx.each_body(&mut |body: &jay_store::HeldBody<'_>| {
                let json = body.json.expect("this version wrote it");
                if holds(json) {
                    left.push(format!("a body in {name}: {}", String::from_utf8_lossy(json)));
                }
                Ok(())
            })
        };
        store.read(look).unwrap();
    }
    left
}

#[test]
fn m05_no_byte_of_a_purged_memory_is_left() {
    let world = World::with(true);
    let mut random = Random::new(11);
    let words: Vec<String> = (0..6).map(|_| random.letters(14)).collect();
    let id = world.keep(json!({
        "text": format!("{} is the first wording", words[0]), "title": words[1], "tags": [words[2]], "key": words[3],
        "source": {"uri": format!("file:{}", words[4])},
    }));
    for n in 0..60 {
        world.ok("update", json!({"id": id, "text": format!("{} wording {n} {}", words[5], random.letters(300))}));
        world.keep(json!({"text": format!("filler {n} {}", random.letters(400))}));
    }
    world.ok("jobs_run", json!({"until_empty": true}));
    world.ok("move", json!({"id": id, "to": "other"}));
    let found = |word: &str| {
        world.recall(json!({"query": word, "all": true})).iter().filter(|text| text.contains(word)).count()
    };
    assert_eq!(found(&words[5]), 1);
    let plan = world.ok("purge", json!({"ids": [id], "dry_run": true}));
    assert_eq!((&plan["done"], plan["memories"].as_array().unwrap().len()), (&json!(false), 2), "{plan}");
    assert_eq!(found(&words[5]), 1, "a dry run removes nothing");
    let purged = world.ok("purge", json!({"ids": [id]}));
    assert_eq!(purged["done"], true, "{purged}");
    assert_eq!(purged["memories"].as_array().unwrap().len(), 2, "what it was moved to goes along");
    for word in &words {
        assert_eq!(files_with(&world.home, word), [""; 0], "{word}");
        assert_eq!(found(word), 0);
    }
    assert_eq!(world.err("get", json!({"ids": [id]})).code, Code::NotFound);
    assert_eq!(world.err("purge", json!({"ids": [id]})).code, Code::NotFound);
    let history = world.ok("history", json!({"id": id}))["changes"].clone();
    assert!(strings(&history, "operation").contains(&"purge".to_owned()), "{history}");
    assert!(world.ok("doctor", json!({"rebuild": true}))["healthy"].as_bool().unwrap());
    assert_eq!(world.list(json!({"limit": 100})).len(), 60);
}

#[test]
fn archived_sessions_that_hold_the_text_are_listed_and_taken_along() {
    let mut random = Random::new(5);
    let word = random.letters(16);
    for with_sources in [false, true] {
        let world = World::new();
        let rows = [
            json!({"session": "talk-000001", "message": "m1", "role": "user", "text": format!("please note: the codeword is {word}, thanks")}),
            json!({"session": "talk-000002", "message": "m1", "role": "user", "text": "an innocent talk about the codeword"}),
        ];
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let file = world.home.write("talks.jsonl", lines);
        let cli = Caller { door: Door::Cli, ..world.me.clone() };
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
        let id = world.keep(json!({"text": format!("the codeword is {word}")}));
        let purged = world.ok("purge", json!({"ids": [id], "with_sources": with_sources}));
        assert_eq!(
            purged["sessions"],
            json!([{"client": "generic", "session": "talk-000001", "message": "m1", "purged": with_sources}])
        );
        assert_eq!(purged["done"], with_sources, "what the archive still holds is not purged everywhere: {purged}");
        let left = left_of(&world, &word);
        assert_eq!(left.is_empty(), with_sources, "{left:?}");
        let found = world.ok("session_search", json!({"query": word}));
        assert_eq!(found["hits"].as_array().unwrap().is_empty(), with_sources);
        let innocent = world.ok("session_search", json!({"query": "innocent"}));
        assert_eq!(innocent["hits"][0]["session"], "talk-000002");
        // What was purged does not come back with the next sync.
        world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
        assert_eq!(left_of(&world, &word).is_empty(), with_sources);
    }
}

/// A row of a Claude Code session, of the assistant or the user, with one part.
fn part_row(role: &str, part: &Value) -> Value {
    let message = json!({"role": role, "content": [part]});
    json!({"type": role, "uuid": "u1", "sessionId": "s-000001", "timestamp": "2026-01-05T10:00:00Z", "message": message})
}

#[test]
fn a_purge_finds_the_text_wherever_a_session_holds_it() {
    let word = Random::new(23).letters(16);
    let text = format!("plain \"{word}\" is\nhere: caf\u{e9} \\d+");
    let nested = json!({"args": json!({"text": text}).to_string()}).to_string();
    let escaped: String = json!({"type": "note", "sessionId": "s-000001", "body": text})
        .to_string()
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    let row = |value: Value| value.to_string();
    let user = |part: Value| part_row("user", &part).to_string();
    let assistant = |part: Value| part_row("assistant", &part).to_string();
    let mut with_result = part_row("user", &json!({"type": "tool_result", "tool_use_id": "t", "content": "ok"}));
    with_result["toolUseResult"] = json!({"stdout": text});
    let cases: Vec<(&str, String)> = vec![
        ("text", user(json!({"type": "text", "text": format!("note: {text} thanks")}))),
        ("tool call", assistant(json!({"type": "tool_use", "id": "t", "name": "remember", "input": {"text": text}}))),
        (
            "nested call",
            assistant(json!({"type": "tool_use", "id": "t", "name": "bash", "input": {"command": nested}})),
        ),
        (
            "tool result",
            user(json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}]})),
        ),
        ("result beside", with_result.to_string()),
        ("thinking", assistant(json!({"type": "thinking", "thinking": text}))),
        ("summary", row(json!({"type": "summary", "summary": text, "leafUuid": "x"}))),
        ("unknown row", row(json!({"type": "novel", "sessionId": "s-000001", "payload": {"deep": [text]}}))),
        ("a key", row(json!({"type": "novel", "sessionId": "s-000001", "payload": {text.clone(): 1}}))),
        ("escaped", escaped),
        ("no JSON", format!("this row is no JSON: {}", text.replace('\n', " "))),
    ];
    for (name, row) in cases {
        let world = World::new();
        let rows = [user(json!({"type": "text", "text": "hello"})), row];
        let file = world.home.write(".claude/projects/p/s-000001.jsonl", rows.join("\n") + "\n");
        let other = user(json!({"type": "text", "text": "an innocent talk"})).replace("s-000001", "s-000002");
        world.home.write(".claude/projects/p/s-000002.jsonl", other + "\n");
        world.ok("session_sync", json!({}));
        assert!(!left_of(&world, &word).is_empty(), "{name}: {file:?} was archived");
        let id = world.keep(json!({"text": text}));
        let plan = world.ok("purge", json!({"ids": [id], "with_sources": true, "dry_run": true}));
        assert_eq!(plan["sessions"][0]["session"], "s-000001", "{name}: {plan}");
        let purged = world.ok("purge", json!({"ids": [id], "with_sources": true}));
        assert_eq!(purged["done"], true, "{name}: {purged}");
        assert_eq!(left_of(&world, &word), [""; 0], "{name}");
        let sessions = world.ok("session_list", json!({}))["sessions"].clone();
        assert_eq!(strings(&sessions, "session"), ["s-000002"], "{name}: what does not hold it stays");
    }
}

#[test]
fn a_row_that_is_kept_in_pieces_is_searched_across_their_cuts() {
    let world = World::new();
    let word = Random::new(29).letters(16);
    // Over the bound of a row that is parsed; the text lies over the cut at a multiple of a block's bytes.
    let mut row =
        r#"{"type":"user","uuid":"u1","sessionId":"s-000001","message":{"role":"user","content":""#.to_owned();
    let text = format!("the long words around {word} go on");
    row.push_str(&"x".repeat(4 * 1024 * 1024 + 256 * 1024 - row.len() - text.len() / 2));
    row.push_str(&format!("{text} and {}\"}}}}\n", "y".repeat(300_000)));
    world.home.write(".claude/projects/p/s-000001.jsonl", &row);
    world.ok("session_sync", json!({}));
    let id = world.keep(json!({"text": text}));
    let purged = world.ok("purge", json!({"ids": [id], "with_sources": true}));
    assert_eq!((&purged["done"], &purged["sessions"][0]["session"]), (&json!(true), &json!("s-000001")), "{purged}");
    assert_eq!(left_of(&world, &word), [""; 0]);
    assert_eq!(world.ok("session_list", json!({}))["sessions"], json!([]), "no piece went elsewhere");
}

#[test]
fn a_masked_text_is_found_where_the_archive_holds_what_was_masked() {
    let world = World::new();
    let word = Random::new(31).letters(16);
    let secret = format!("ghp_{}", Random::new(37).letters(36));
    let text = format!("{word}: deploy with {secret} on Friday");
    let part = json!({"type": "tool_use", "id": "t", "name": "remember", "input": {"text": text}});
    world.home.write(".claude/projects/p/s-000001.jsonl", part_row("assistant", &part).to_string() + "\n");
    world.ok("session_sync", json!({}));
    let answer = world.ok("remember", json!({"text": text}));
    assert!(!world.get(answer["id"].as_str().unwrap())["text"].as_str().unwrap().contains(&secret));
    let purged = world.ok("purge", json!({"ids": [answer["id"]], "with_sources": true}));
    assert_eq!(purged["done"], true, "{purged}");
    for needle in [&word, &secret] {
        assert_eq!(left_of(&world, needle), [""; 0], "{purged}");
    }
}

#[test]
fn a_title_alone_is_found_in_sessions_too() {
    let world = World::new();
    let word = Random::new(41).letters(16);
    let id = world.keep(json!({"text": "the port is 5433"}));
    let title = format!("About the {word}");
    world.ok("update", json!({"id": id, "title": title}));
    let part = json!({"type": "tool_use", "id": "t", "name": "update", "input": {"id": id, "title": title}});
    world.home.write(".claude/projects/p/s-000001.jsonl", part_row("assistant", &part).to_string() + "\n");
    world.ok("session_sync", json!({}));
    let purged = world.ok("purge", json!({"ids": [id], "with_sources": true}));
    assert_eq!(purged["done"], true, "{purged}");
    assert_eq!(left_of(&world, &word), [""; 0]);
}

#[test]
fn another_memory_with_the_words_keeps_a_purge_from_being_done() {
    let word = Random::new(43).letters(16);
    let text = format!("the {word} word");
    let ways = [
        json!({"text": text, "namespace": "elsewhere"}),
        json!({"text": "short", "title": text}),
        json!({"text": format!("he said: {text}!")}),
        json!({"text": "short", "source": {"uri": format!("note:{text}")}}),
    ];
    for other in ways {
        let world = World::new();
        let id = world.keep(json!({"text": text}));
        let other = world.keep(other);
        let plan = world.ok("purge", json!({"ids": [id], "dry_run": true}));
        assert_eq!(plan["other_memories"], json!([other]));
        let purged = world.ok("purge", json!({"ids": [id]}));
        assert_eq!((&purged["done"], &purged["other_memories"]), (&json!(false), &json!([other])), "{purged}");
        assert!(!left_of(&world, &word).is_empty());
        assert_eq!(world.ok("purge", json!({"ids": [other]}))["done"], true);
        assert_eq!(left_of(&world, &word), [""; 0]);
    }
}

#[test]
fn a_copy_whose_move_was_undone_is_purged_along() {
    let word = Random::new(47).letters(16);
    for moves_on in [false, true] {
        for named in ["source", "copy"] {
            let world = World::new();
            let id = world.keep(json!({"text": format!("the {word} word"), "namespace": "ns1"}));
            let copy = world.ok("move", json!({"id": id, "to": "ns2"}))["id"].clone();
            world.ok("undo", json!({}));
            if moves_on {
                world.ok("move", json!({"id": id, "to": "ns3"}));
            }
            let ids = if named == "source" { json!([id]) } else { json!([copy]) };
            let purged = world.ok("purge", json!({"ids": ids}));
            assert_eq!(purged["done"], true, "{purged}");
            assert_eq!(purged["memories"].as_array().unwrap().len(), if moves_on { 3 } else { 2 });
            assert_eq!(left_of(&world, &word), [""; 0], "{named} {moves_on}");
            assert_eq!(world.err("purge", json!({"ids": ids})).code, Code::NotFound);
        }
    }
}

#[test]
fn purge_is_for_people_at_hand() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    for caller in [
        agent(),
        someone("bot", ActorKind::Service, Door::Cli, "x"),
        someone("ann", ActorKind::Person, Door::Http, "x"),
    ] {
        assert_eq!(world.err_by(&caller, "purge", json!({"ids": [id]})).code, Code::Refused);
    }
    assert_eq!(world.err("purge", json!({"ids": [id, "ffffffff"]})).code, Code::NotFound);
    assert_eq!(world.recall(json!({"query": "lamp"})), ["lamp"]);
    assert_eq!(world.err("undo", json!({"x": 1})).code, Code::BadInput);
}

#[test]
fn a_copy_from_before_an_upgrade_keeps_a_purge_from_being_done() {
    let world = World::new();
    let id = world.keep(json!({"text": "lamp"}));
    let copy = world.home.path().join("scrubjay/memory.db.before-2");
    jay_testkit::write(&copy, "lamp");
    let purged = world.ok("purge", json!({"ids": [id]}));
    assert_eq!(purged["done"], false, "{purged}");
    let named = purged["places"]
        .as_array()
        .unwrap()
        .iter()
        .any(|place| place["done"] == false && place["place"].as_str().unwrap().ends_with("memory.db.before-2"));
    assert!(named, "{purged}");
}

#[test]
fn a_purged_session_does_not_come_back_under_another_name_or_with_more_rows() {
    let world = World::new();
    let cli = Caller { door: Door::Cli, ..world.me.clone() };
    let word = Random::new(53).letters(16);
    let said = |session: &str, message: &str, text: &str| {
        json!({"session": session, "message": message, "role": "user", "text": text, "project": format!("/code/{word}")})
            .to_string()
            + "\n"
    };
    let purged_rows = said("b-000001", "m1", &format!("the {word} word"));
    let file =
        world.home.write("b.jsonl", purged_rows.clone() + &said("b-000002", "m1", "innocent").replace(&word, "x"));
    let sync = |file: &Path| world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
    assert_eq!(sync(&file)["sessions_inserted"], 2);
    let id = world.keep(json!({"text": format!("the {word} word")}));
    assert_eq!(world.ok("purge", json!({"ids": [id], "with_sources": true}))["done"], true);
    let check = |answer: &Value, counts: (u64, u64, u64)| {
        let told = ["sessions_inserted", "messages_inserted", "messages_left_out"].map(|name| answer[name].clone());
        let (sessions, messages, left_out) = counts;
        assert_eq!(told.to_vec(), [json!(sessions), json!(messages), json!(left_out)], "{answer}");
        assert!(answer["notes"].to_string().contains("purged"), "{answer}");
        // At once, and not only after the next job: nothing of it was written.
        let bodies: Vec<String> = left_of(&world, &word);
        let names_only = bodies.iter().all(|place| place.contains("memory"));
        assert!(names_only, "{bodies:?}");
    };
    let moved = world.home.write("c.jsonl", purged_rows.clone());
    check(&sync(&moved), (0, 0, 1));
    let grown = purged_rows
        + &said("b-000001", "m2", &format!("more of {word}"))
        + &said("b-000003", "m1", "fresh").replace(&word, "x");
    let moved = world.home.write("c.jsonl", grown);
    let answer = sync(&moved);
    check(&answer, (1, 1, 1));
    assert_eq!(answer["sources"][0]["messages"], 1, "{answer}");
    let listed = world.ok("session_list", json!({}))["sessions"].clone();
    let mut sessions = strings(&listed, "session");
    sessions.sort();
    assert_eq!(sessions, ["b-000002", "b-000003"]);
    assert_eq!(sync(&moved)["messages_left_out"], Value::Null, "nothing new, nothing left out");
}

#[test]
fn a_purge_that_was_cut_short_is_told_and_ended() {
    let world = World::new();
    let id = world.keep(json!({"text": "the word qzxvhalfway is to go"}));
    let entity = jay_types::EntityId::parse(&id).unwrap();
    // As a process leaves it that is killed between the act and the removal of the bytes.
    let (memory, _) = stores_of(&world);
    let ann = jay_store::ActorName { kind: "person".to_owned(), name: "ann".to_owned() };
    let killed = memory.write(&ann, |w| -> Result<(), Error> {
        let (namespace, _) = w.namespace(&world.me.namespace)?;
        let (kind, op) = (jay_types::change::EntityKind::Memory, jay_types::change::Op::Purge);
        w.draft(jay_store::Draft::new(namespace, kind, entity, op, jay_types::change::Body::default()));
        Ok(())
    });
    killed.unwrap();
    drop(memory);
    assert!(!files_with(&world.home, "qzxvhalfway").is_empty());
    let diagnosis = world.ok("doctor", json!({}));
    assert_eq!(diagnosis["healthy"], false, "{diagnosis}");
    assert!(diagnosis["findings"].to_string().contains("a purge has not ended"), "{diagnosis}");
    world.ok("doctor", json!({"fix": true}));
    assert_eq!(files_with(&world.home, "qzxvhalfway"), [""; 0]);
    assert_eq!(world.ok("jobs_list", json!({}))["jobs"], json!([]));
    assert_eq!(world.ok("doctor", json!({}))["healthy"], true);
}
