//! Secrets on every way in (m05): no table, index, log or answer holds one, and the rest of the text is kept.

use super::*;

const KEY: &str = "AKIAQ3EXAMPLE7BZKJ2T";

#[test]
fn m05_a_secret_is_masked_in_every_field_on_every_way_in() {
    let world = World::with(true);
    let fields = [
        json!({"text": format!("the key is {KEY} for now")}),
        json!({"text": "a title", "title": format!("T {KEY}")}),
        json!({"text": "a key slot", "key": format!("k {KEY}")}),
        json!({"text": "a tag", "tags": [format!("t {KEY}")]}),
        json!({"text": "an agent", "source": {"agent": format!("a {KEY}")}}),
        json!({"text": "a uri", "source": {"uri": format!("file:{KEY}")}}),
        json!({"text": "a session", "source": {"session": format!("s {KEY}")}}),
    ];
    let plain = world.keep(json!({"text": "plain"}));
    for field in &fields {
        let answer = world.ok("remember", field.clone());
        assert!(
            answer["reason"].as_str().is_some_and(|reason| reason.contains("redacted aws_access_key")),
            "{field}: {answer}"
        );
        let mut edit = field.clone();
        edit["id"] = plain.as_str().into();
        edit["text"] = format!("edited {}", field["text"].as_str().unwrap()).into();
        let answer = world.ok("update", edit);
        assert!(answer["notes"].to_string().contains("redacted aws_access_key"), "{answer}");
        world.ok("remember_batch", json!({"memories": [{"text": format!("batch {}", field["text"].as_str().unwrap()), "title": format!("T {KEY}")}]}));
    }
    let other = world.keep(json!({"text": "other"}));
    world.ok("link", json!({"from": plain, "to": other, "relation": format!("r {KEY}")}));
    world.ok("forget", json!({"ids": [other], "reason": format!("because {KEY}")}));
    world.ok("remember", json!({"text": "with a key of its own", "idempotency_key": KEY}));
    world.ok("jobs_run", json!({"until_empty": true}));
    assert_eq!(files_with(&world.home, KEY), [""; 0]);
    assert_eq!(
        world
            .recall(json!({"query": KEY.to_lowercase(), "limit": 50}))
            .iter()
            .filter(|text| text.contains("AKIA"))
            .count(),
        0
    );
    let found = world.recall(json!({"query": "\"the key is\""}));
    assert!(found.iter().any(|text| text == "the key is [secret:aws_access_key] for now"), "{found:?}");
}

#[test]
fn a_namespace_refuses_or_allows() {
    let world = World::new();
    let text = format!("the key is {KEY}");
    world.ok("namespace_set", json!({"path": "strict", "secrets": "refuse"}));
    world.ok("namespace_set", json!({"path": "open", "secrets": "allow"}));
    let id = world.keep(json!({"text": "plain", "namespace": "strict"}));
    let before = world.changes();
    for (op, input) in [
        ("remember", json!({"text": text, "namespace": "strict"})),
        ("remember_batch", json!({"memories": [{"text": text, "namespace": "strict"}]})),
        ("update", json!({"id": id, "text": text})),
        ("update", json!({"id": id, "add_tags": [KEY]})),
    ] {
        let error = world.err(op, input);
        assert_eq!(error.code, Code::Refused);
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
    assert_eq!(world.changes(), before);
    assert_eq!(files_with(&world.home, KEY), [""; 0]);
    let open = world.ok("remember", json!({"text": text, "namespace": "open"}));
    assert_eq!(world.get(open["id"].as_str().unwrap())["text"], text.as_str());
    // What is allowed in one namespace is masked or refused on its way into another.
    assert_eq!(world.err("move", json!({"id": open["id"], "to": "strict"})).code, Code::Refused);
    let moved = world.ok("move", json!({"id": open["id"], "to": "plain"}));
    assert_eq!(world.get(moved["id"].as_str().unwrap())["text"], "the key is [secret:aws_access_key]");
}

#[test]
fn what_was_allowed_once_does_not_come_back_by_a_revert() {
    let world = World::new();
    world.ok("namespace_set", json!({"path": "open", "secrets": "allow"}));
    let id = world.keep(json!({"text": format!("the key is {KEY}"), "title": format!("T {KEY}"), "namespace": "open"}));
    let dot = world.ok("history", json!({"id": id}))["changes"][0]["dot"].clone();
    world.ok("update", json!({"id": id, "text": "the key is elsewhere", "clear": ["title"]}));
    world.ok("namespace_set", json!({"path": "open", "secrets": "refuse"}));
    assert_eq!(world.err("revert", json!({"id": id, "to": dot})).code, Code::Refused);
    world.ok("namespace_set", json!({"path": "open", "secrets": "redact"}));
    assert_eq!(world.ok("revert", json!({"id": id, "to": dot}))["notes"], json!(["redacted aws_access_key"]));
    assert_eq!(world.get(&id)["text"], "the key is [secret:aws_access_key]");
}

#[test]
fn what_was_allowed_once_does_not_come_back_by_an_undo() {
    let world = World::new();
    let set = |secrets: &str| world.ok("namespace_set", json!({"path": "open", "secrets": secrets}));
    // The policy is set by somebody else: an undo takes back one's own last act.
    let by_other = |secrets: &str| {
        let other = someone("bob", ActorKind::Person, Door::Web, "open");
        world.by(&other, "namespace_set", json!({"path": "open", "secrets": secrets}));
    };
    set("allow");
    let id = world.keep(
        json!({"text": format!("the key is {KEY}"), "title": format!("T {KEY}"), "tags": [format!("t {KEY}")], "namespace": "open"}),
    );
    world.ok("update", json!({"id": id, "text": "the key is elsewhere", "clear": ["title"], "tags": ["plain"]}));
    by_other("refuse");
    let before = world.changes();
    let error = world.err("undo", json!({}));
    assert_eq!((error.code, world.changes()), (Code::Refused, before));
    assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    by_other("redact");
    let mut plan = world.ok("undo", json!({"dry_run": true}));
    plan.as_object_mut().unwrap().remove("planned");
    let undone = world.ok("undo", json!({}));
    assert_eq!(undone["memories"][0]["notes"], json!(["redacted aws_access_key"]));
    assert_eq!(plan, undone);
    let memory = world.get(&id);
    assert_eq!(memory["text"], "the key is [secret:aws_access_key]");
    assert_eq!(memory["title"], "T [secret:aws_access_key]");
    assert_eq!(memory["tags"], json!(["t [secret:aws_access_key]"]));
    // What was masked on the way back is still the act's own: the next undo takes the creation back.
    let undone = world.ok("undo", json!({}));
    assert_eq!((&undone["operation"], &undone["memories"][0]["id"]), (&json!("create"), &json!(id)));
    assert_eq!(world.list(json!({"all": true})), [""; 0]);
}

#[test]
fn an_undo_does_not_bring_back_a_wording_that_was_forgotten_since() {
    let world = World::new();
    let id = world.keep(json!({"text": "the door code is blue"}));
    world.ok("update", json!({"id": id, "text": "the door code is changed"}));
    let other = someone("bob", ActorKind::Person, Door::Web, "work/acme/api");
    let same = world.by(&other, "remember", json!({"text": "the door code is blue"}));
    world.by(&other, "forget", json!({"ids": [same["id"]]}));
    assert_eq!(world.err("undo", json!({})).code, Code::Forgotten);
    assert_eq!(world.get(&id)["text"], "the door code is changed");
}

#[test]
fn a_merge_writes_under_the_targets_present_rule() {
    let world = World::new();
    world.ok("namespace_set", json!({"path": "open", "secrets": "allow"}));
    world.ok("namespace_set", json!({"path": "target", "secrets": "allow"}));
    world.keep(json!({"text": format!("the key is {KEY}"), "namespace": "open"}));
    let gone = world.keep(json!({"text": format!("the other key was {KEY}"), "namespace": "open"}));
    world.ok("forget", json!({"ids": [gone]}));
    world.ok("namespace_set", json!({"path": "target", "secrets": "refuse"}));
    let before = world.changes();
    assert_eq!(world.err("namespace_merge", json!({"from": "open", "into": "target"})).code, Code::Refused);
    assert_eq!(world.changes(), before);
    world.ok("namespace_set", json!({"path": "target", "secrets": "redact"}));
    let merged = world.ok("namespace_merge", json!({"from": "open", "into": "target"}));
    assert_eq!(merged["notes"], json!(["redacted aws_access_key"]));
    assert_eq!(world.list(json!({"namespace": "target"})), ["the key is [secret:aws_access_key]"]);
    // What was forgotten stays so, as it would be written there.
    let again = json!({"text": format!("the other key was {KEY}"), "namespace": "target"});
    assert_eq!(world.err("remember", again).code, Code::Forgotten);
}

#[test]
fn an_archived_secret_is_masked_on_every_way_out_but_one() {
    let world = World::with(true);
    let row = json!({"session": "talk-000001", "message": "m1", "role": "user", "title": format!("About {KEY}"), "text": format!("use {KEY} for the upload"),
        "parts": [{"type": "text", "text": format!("use {KEY} for the upload")}, {"type": "tool_call", "id": "c", "name": "sh", "input": {"command": format!("export K={KEY}")}},
            {"type": "tool_result", "id": "c", "output": format!("K={KEY}")}, {"type": "reasoning", "text": format!("it is {KEY}")}]});
    let file = world.home.write("talk.jsonl", format!("{row}\n"));
    let cli = Caller { door: Door::Cli, ..world.me.clone() };
    world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
    world.ok("jobs_run", json!({"until_empty": true}));
    for (op, input) in [
        ("session_show", json!({"session": "talk-000001"})),
        ("session_search", json!({"query": "upload"})),
        ("session_search", json!({"query": KEY})),
        ("session_list", json!({})),
    ] {
        let answer = world.ok(op, input);
        assert!(!answer.to_string().contains(KEY), "{op}: {answer}");
    }
    assert!(world.ok("session_show", json!({"session": "talk-000001"}))["notes"].to_string().contains("masked"));
    let found = world.ok("session_search", json!({"query": "upload"}));
    assert_eq!(found["hits"][0]["text"], "use [secret:aws_access_key] for the upload");
    assert_eq!(world.ok("session_search", json!({"query": format!("\"{KEY}\"")}))["matched"], 0, "no index holds it");
    let raw = world.ok("session_show", json!({"session": "talk-000001", "reveal": true}));
    assert_eq!(raw["messages"][0]["parts"][0]["text"], format!("use {KEY} for the upload"));
    for caller in [agent(), someone("ann", ActorKind::Person, Door::Http, "x")] {
        assert_eq!(
            world.err_by(&caller, "session_show", json!({"session": "talk-000001", "reveal": true})).code,
            Code::Refused
        );
    }
}

#[test]
fn a_secret_makes_no_name() {
    let world = World::new();
    let id = world.keep(json!({"text": "plain", "namespace": "work/one"}));
    let token = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    let before = world.changes();
    let path = format!("work/{token}");
    let remote = format!("https://github.com/{token}/b.git");
    for (op, input) in [
        ("remember", json!({"text": "a", "namespace": path})),
        ("remember_batch", json!({"memories": [{"text": "a"}, {"text": "b", "namespace": path}]})),
        ("move", json!({"id": id, "to": path})),
        ("namespace_rename", json!({"from": "work/one", "to": path})),
        ("namespace_alias", json!({"path": "work/one", "alias": path})),
        ("namespace_set", json!({"path": path, "secrets": "allow"})),
        ("namespace_set", json!({"path": "work/one", "add_remotes": ["https://h.test/a/b", remote]})),
    ] {
        let error = world.err(op, input);
        assert_eq!(error.code, Code::BadInput, "{op}: {error:?}");
        assert!(error.message.contains("secret (github") && error.hint.is_some(), "{op}: {error:?}");
        assert!(!format!("{error:?}").contains(token), "{op}: {error:?}");
    }
    for caller in
        [someone(token, ActorKind::Person, Door::Web, "work/one"), someone("ann", ActorKind::Person, Door::Web, &path)]
    {
        let error = world.err_by(&caller, "remember", json!({"text": "a"}));
        assert_eq!((error.code, format!("{error:?}").contains(token)), (Code::BadInput, false), "{error:?}");
        // Nothing is stored by reading.
        world.by(&caller, "recall", json!({"query": "plain"}));
    }
    assert_eq!(world.changes(), before);
    assert_eq!(files_with(&world.home, token), [""; 0]);
    // A password in a URL is not kept, so it is no name.
    let url = "https://ann:s3cr3t-Passw0rd@h.test/a/b.git";
    let set = world.ok("namespace_set", json!({"path": "work/one", "add_remotes": [url]}));
    assert_eq!(set["remotes"], json!(["h.test/a/b"]));
    // Random is what ids are.
    world.keep(json!({"text": "there", "namespace": "work/msg_013Zva2CMHLNnXjNJJKqJ2EF"}));
}

#[test]
fn an_actor_has_a_name_of_one_line() {
    let world = World::new();
    let bidi = "\u{202e}nna".to_owned();
    for name in
        ["x".repeat(257), "ann\nbea".to_owned(), "\u{1b}[31mann".to_owned(), bidi, " ".to_owned(), String::new()]
    {
        let caller = someone(&name, ActorKind::Person, Door::Web, "work/one");
        for (op, input) in [("remember", json!({"text": "a"})), ("recall", json!({"query": "a"}))] {
            let error = world.err_by(&caller, op, input);
            assert!(error.code == Code::BadInput && error.message.starts_with("`actor`: must "), "{name:?}: {error:?}");
        }
    }
    let caller = someone(&"x".repeat(256), ActorKind::Person, Door::Web, "work/one");
    world.by(&caller, "remember", json!({"text": "a"}));
}

#[test]
fn a_secret_in_what_a_file_says_of_a_session_is_masked_on_every_way_out() {
    let world = World::new();
    let token = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    let row = json!({
        "session": format!("s-{token}"), "message": format!("m-{token}"), "author": format!("mira {token}"),
        "project": format!("/home/mira/{token}/api"), "parent": format!("p-{token}"), "title": format!("T {token}"),
        "role": "user", "at": "2026-05-01T10:00:00Z", "text": "about the harbour",
    });
    let file = world.home.write("talks.jsonl", format!("{row}\n"));
    let cli = Caller { door: Door::Cli, ..world.me.clone() };
    let synced = world.by(&cli, "session_sync", json!({"clients": ["generic"], "path": file}));
    assert_eq!(synced["messages_inserted"], 1, "{synced}");
    let answers = [
        synced,
        world.ok("session_list", json!({})),
        world.ok("session_search", json!({"query": "harbour"})),
        world.ok("session_show", json!({"session": token})),
        world.ok("namespace_list", json!({})),
    ];
    for answer in &answers {
        assert!(!answer.to_string().contains("ghp_"), "{answer}");
    }
    assert_eq!(answers[2]["hits"][0]["author"], "mira [secret:github_token]", "{}", answers[2]);
    assert!(answers[3]["notes"].to_string().contains("--reveal"), "{}", answers[3]);
    let revealed = world.by(&cli, "session_show", json!({"session": token, "reveal": true}));
    assert_eq!(revealed["messages"][0]["author"], format!("mira {token}"));
    let memory = files_with(&world.home, token);
    assert!(memory.iter().all(|file| !file.contains("memory.db")), "{memory:?}");
}

#[test]
fn a_secret_in_the_name_of_a_tool_or_file_is_masked_on_every_way_out() {
    let world = World::new();
    let token = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    let row = json!({
        "session": "s1", "message": "m1", "role": "assistant", "at": "2026-05-01T10:00:00Z",
        "parts": [
            {"type": "text", "text": "about the harbour", "provenance": "conversational"},
            {"type": "tool_call", "id": format!("call {token}"), "name": format!("Read {token}"), "input": {"a": 1}},
            {"type": "tool_result", "id": format!("call {token}"), "name": format!("Read {token}"), "output": "harbour"},
            {"type": "file", "name": format!("{token}.pdf"), "uri": format!("file:///tmp/{token}.pdf")},
        ],
    });
    super::sessions::sync_generic(&world, &[row]);
    let cli = super::sessions::cli(&world);
    for (operation, input) in [
        ("session_show", json!({"session": "s1"})),
        ("session_export", json!({"session": "s1", "format": "jsonl"})),
        ("session_export", json!({"session": "s1", "format": "html"})),
        ("session_search", json!({"query": "harbour", "in": "all"})),
        ("session_search", json!({"query": "Read", "in": "tools"})),
        ("sql", json!({"query": "SELECT * FROM parts"})),
        ("sql", json!({"query": "SELECT * FROM tool_calls"})),
    ] {
        let answer = world.by(&cli, operation, input.clone());
        assert!(!answer.to_string().contains("ghp_"), "{operation} {input}: {answer}");
    }
    let felt = world.by(&cli, "session_search", json!({"query": "ghp_A1.*", "in": "all", "regex": true}));
    assert_eq!(felt["matched"], 0, "nor can it be felt for: {felt}");
    let counted = json!({"query": format!("SELECT count(*) FROM parts WHERE tool LIKE '%{token}%'")});
    assert_eq!(world.by(&cli, "sql", counted)["rows"], json!([[0]]));
    let revealed = world.by(&cli, "session_show", json!({"session": "s1", "reveal": true}));
    assert!(revealed.to_string().contains(token));
}
