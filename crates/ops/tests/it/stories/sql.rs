//! Questions in SQL: what the views show, and what a statement may not do.

use super::sessions::{cli, lay_out, lay_out_more, said, sync_generic};
use super::*;

fn ask(world: &World, query: &str) -> Value {
    world.ok("sql", json!({"query": query}))
}

fn rows(world: &World, query: &str) -> Value {
    ask(world, query)["rows"].clone()
}

fn refused(world: &World, query: &str) -> Error {
    world.err("sql", json!({"query": query}))
}

fn worked(message: &str, at: &str, key: &str) -> Value {
    json!({"session": "s1", "message": message, "role": "assistant", "at": at, "model": "opus", "parts": [
        {"type": "text", "text": "I look at it."},
        {"type": "tool_call", "id": "c1", "name": "shell", "input": {"command": "cargo build"}},
        {"type": "tool_result", "id": "c1", "name": "shell", "output": format!("KEY={key}"), "is_error": true}]})
}

/// Looks like a key of a service and is none.
const KEY: &str = concat!("sk-ant-", "api03-", "Zx9Qw7Er5Ty3Ui1Op8As6Df4Gh2Jk0Lz");

fn world() -> World {
    let world = World::new();
    sync_generic(
        &world,
        &[
            said("s1", "m1", "user", "2026-05-01T10:00:00Z", "why does the lantern fail"),
            worked("m2", "2026-05-01T10:01:00.250Z", KEY),
            said("s2", "m3", "user", "2026-05-02T10:00:00Z", "what else"),
        ],
    );
    world
}

#[test]
fn what_was_said_and_done_is_in_views() {
    let world = world();
    assert_eq!(
        rows(&world, "SELECT session, messages, started_at, project, namespace FROM sessions ORDER BY session"),
        json!([
            ["s1", 2, "2026-05-01T10:00:00.000Z", "/home/mira/s1", "home/mira/s1"],
            ["s2", 1, "2026-05-02T10:00:00.000Z", "/home/mira/s2", "home/mira/s2"]
        ])
    );
    assert_eq!(
        rows(&world, "SELECT message, role, text, model, at FROM messages WHERE session = 's1' ORDER BY ordinal"),
        json!([
            ["m1", "user", "why does the lantern fail", null, "2026-05-01T10:00:00.000Z"],
            ["m2", "assistant", "I look at it.", "opus", "2026-05-01T10:01:00.250Z"]
        ])
    );
    assert_eq!(
        rows(&world, "SELECT place, type, text, tool, call, is_error FROM parts WHERE message = 'm2' ORDER BY place"),
        json!([
            [0, "text", "I look at it.", null, null, null],
            [1, "tool_call", "{\"command\":\"cargo build\"}", "shell", "c1", null],
            [2, "tool_result", "KEY=[secret:anthropic_key]", "shell", "c1", 1]
        ])
    );
    assert_eq!(
        rows(&world, "SELECT tool, input ->> 'command', output, is_error, session FROM tool_calls"),
        json!([["shell", "cargo build", "KEY=[secret:anthropic_key]", 1, "s1"]])
    );
    assert_eq!(
        rows(&world, "SELECT date(at) AS day, count(*) FROM messages GROUP BY day ORDER BY day"),
        json!([["2026-05-01", 2], ["2026-05-02", 1]])
    );
    assert_eq!(rows(&world, "SELECT 1 WHERE 0"), json!([]));
}

#[test]
fn memories_and_facts_are_what_holds() {
    let world = World::new();
    let old = world.keep(json!({"text": "the lamp is red", "key": "lamp", "tags": ["b", "a"], "importance": 0.5}));
    let new = world.keep(json!({"text": "the lamp is blue", "key": "lamp", "kind": "decision"}));
    let gone = world.keep(json!({"text": "the lamp is heavy"}));
    world.ok("forget", json!({"ids": [gone]}));
    let all = rows(
        &world,
        "SELECT id, text, kind, tags, importance, is_current FROM memories ORDER BY created_at, text DESC",
    );
    assert_eq!(all.as_array().unwrap().len(), 2, "what was forgotten is not shown: {all}");
    assert!(
        all.as_array().unwrap().contains(&json!([old, "the lamp is red", "note", "[\"a\",\"b\"]", 0.5, 0])),
        "{all}"
    );
    assert_eq!(rows(&world, "SELECT key, text, id FROM facts"), json!([["lamp", "the lamp is blue", new]]));
    let changes =
        rows(&world, "SELECT operation, kind, count(*) FROM changes WHERE kind = 'memory' GROUP BY 1, 2 ORDER BY 1");
    assert_eq!(changes, json!([["create", "memory", 3], ["forget", "memory", 1]]));
    let actors = rows(&world, "SELECT DISTINCT store FROM changes WHERE actor IS NOT NULL AND node IS NOT NULL");
    assert_eq!(actors, json!([["memory"]]));
}

#[test]
fn the_counts_are_those_of_the_other_doors() {
    let world = World::new();
    lay_out(&world);
    lay_out_more(&world);
    world.ok("session_sync", json!({}));
    let status = world.ok("status", json!({}));
    assert_eq!(rows(&world, "SELECT count(*) FROM sessions")[0][0], status["sessions"]);
    assert_eq!(rows(&world, "SELECT count(*) FROM messages")[0][0], status["messages"]);
    assert_eq!(rows(&world, "SELECT count(*) FROM changes")[0][0], status["changes"]);
    let (calls, tools) = ("SELECT count(*) FROM tool_calls", "SELECT count(*) FROM parts WHERE type = 'tool_call'");
    assert_eq!(rows(&world, calls), rows(&world, tools));
    assert!(rows(&world, "SELECT count(output) FROM tool_calls")[0][0].as_u64().unwrap() > 10);
}

#[test]
fn nothing_but_the_views_can_be_read() {
    let world = world();
    let before = world.home.files().unwrap();
    for query in [
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM sqlite_temp_schema",
        "SELECT name FROM temp.sqlite_master",
        "SELECT * FROM bodies",
        "SELECT * FROM main.bodies",
        "SELECT * FROM archive.bodies",
        "SELECT * FROM archive.messages",
        "SELECT * FROM archive.sessions",
        "SELECT * FROM main.memories",
        "SELECT * FROM main.meta",
        "SELECT * FROM dbstat",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_table_list",
        "WITH messages AS (SELECT bytes FROM archive.bodies) SELECT * FROM messages",
        "WITH sessions AS (SELECT * FROM archive.sessions) SELECT * FROM sessions",
        "SELECT (SELECT bytes FROM archive.bodies) FROM messages",
        "SELECT view_.bytes FROM (SELECT bytes FROM archive.bodies) view_",
        "SELECT jay_text(1, 0)",
        "SELECT JAY_PARTS(1, 0)",
        "SELECT load_extension('x')",
        "SELECT json_group_array(text) FROM messages",
        "SELECT Jsonb_Group_Object(session, text) FROM messages",
        "SELECT readfile('/etc/passwd')",
        "PRAGMA table_list",
        "PRAGMA query_only = 0",
        "ATTACH 'other.db' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH archive",
        "DELETE FROM memories",
        "INSERT INTO sessions(client) VALUES('x')",
        "UPDATE messages SET text = 'x'",
        "DROP VIEW temp.messages",
        "CREATE TABLE t(x)",
        "CREATE TEMP TABLE t(x)",
        "VACUUM INTO 'copy.db'",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "ANALYZE",
        "REINDEX",
        "EXPLAIN SELECT * FROM messages",
        "EXPLAIN QUERY PLAN SELECT * FROM messages",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM memories",
        "SELECT",
        "SELEC 1",
        "SELECT nothing FROM sessions",
        "SELECT * FROM nowhere",
        "",
        "-- nothing",
        ";",
    ] {
        let answer = world.ask(&world.me, "sql", json!({"query": query}));
        let error = answer.expect_err(query);
        assert!(error.code == Code::BadInput && error.hint.is_some(), "{query}: {error:?}");
        assert!(!error.message.contains("view_") || query.contains("view_"), "{query}: {error:?}");
    }
    assert!(refused(&world, &";".repeat(10_000)).code == Code::BadInput, "nor does it end the process");
    assert!(refused(&world, &"SELECT 1;".repeat(1_500)).message.contains("more than one"));
    assert!(refused(&world, "SELECT x FROM messages").message.contains("no such column: x, at character 8"));
    assert_eq!(rows(&world, "SELECT ';' || '-- x' ;\n"), json!([[";-- x"]]));
    assert_eq!(world.home.files().unwrap(), before, "reading leaves no trace");
}

#[test]
fn a_statement_ends() {
    let world = world();
    world.steps.passes.store(1_000, std::sync::atomic::Ordering::Relaxed);
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    let error = world.err("sql", json!({"query": endless, "timeout_ms": 1}));
    assert!(error.code == Code::Refused && error.message.contains("longer than 1 ms"), "{error:?}");
    let found = ask(&world, &endless.replace("count(*)", "x"));
    assert_eq!((found["rows"].as_array().unwrap().len(), &found["has_more"]), (1000, &json!(true)), "rows end it");
    let large = world.ok("sql", json!({"query": endless.replace("count(*)", "hex(zeroblob(1000000))"), "limit": 100}));
    assert!(large["rows"].as_array().unwrap().len() < 20 && large["has_more"] == true, "bytes end it");
    let value = refused(&world, "SELECT length(hex(zeroblob(1000000000)))");
    assert!(value.code == Code::BadInput && value.message.contains("too big"), "{value:?}");
    for (input, field) in [(json!({"query": "SELECT 1", "timeout_ms": 0}), "timeout_ms"), (json!({}), "query")] {
        let error = world.err("sql", input);
        assert!(error.code == Code::BadInput && error.message.contains(field), "{error:?}");
    }
}

#[test]
fn rows_are_given_in_the_form_that_is_asked_for() {
    let world = world();
    let query = "SELECT session, messages, parent FROM sessions ORDER BY session";
    let document = |format: &str| {
        let answer = world.ok("sql", json!({"query": query, "format": format}));
        assert_eq!((&answer["rows"], &answer["columns"]), (&json!([]), &json!(["session", "messages", "parent"])));
        answer["document"].as_str().unwrap().to_owned()
    };
    assert_eq!(document("csv"), "session,messages,parent\r\ns1,2,\r\ns2,1,\r\n");
    assert_eq!(document("ndjson").lines().next().unwrap(), r#"{"session":"s1","messages":2,"parent":null}"#);
}

#[test]
fn secrets_are_for_a_person_at_hand() {
    let world = world();
    let query = "SELECT output FROM tool_calls";
    let input = json!({"query": query, "reveal": true});
    assert_eq!(world.by(&cli(&world), "sql", input.clone())["rows"], json!([[format!("KEY={KEY}")]]));
    let agent = Caller { door: Door::Mcp, kind: jay_core::ActorKind::Agent, ..world.me.clone() };
    assert_eq!(world.ask(&agent, "sql", input).unwrap_err().code, Code::Refused);
    assert!(!rows(&world, "SELECT * FROM parts").to_string().contains(KEY));
}

#[test]
fn before_the_first_write_the_views_are_empty() {
    let world = World::new();
    let table = world.ok("sql", json!({"schema": true, "format": "csv"}));
    let lines: Vec<&str> = table["document"].as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "view,name,kind,about");
    assert!(lines.iter().any(|line| line.starts_with("usage,cost_usd,REAL,")), "{lines:#?}");
    let schema = world.ok("sql", json!({"schema": true}));
    for view in schema["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let answer = ask(&world, &format!("SELECT * FROM {name}"));
        assert_eq!(answer["rows"], json!([]), "{name}");
        assert_eq!(
            &answer["columns"],
            &json!(strings(&view["columns"], "name")),
            "{name}: the schema is what is there"
        );
    }
    assert_eq!(world.home.files().unwrap(), [], "reading makes no file");
    world.keep(json!({"text": "a", "key": "k"}));
    assert_eq!(rows(&world, "SELECT count(*) FROM messages"), json!([[0]]));
    let columns = rows(&world, "SELECT typeof(is_current), typeof(version), typeof(text), typeof(tags) FROM memories");
    assert_eq!(columns, json!([["integer", "integer", "text", "text"]]));
}

#[test]
fn the_page_shows_every_view() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sql.md")).unwrap();
    let schema = World::new().ok("sql", json!({"schema": true}));
    let mut expected = String::new();
    for view in schema["views"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        expected += &format!(
            "\n### {}\n\n{}.\n\n| column | | |\n| --- | --- | --- |\n",
            text(&view["name"]),
            text(&view["about"])
        );
        for column in view["columns"].as_array().unwrap() {
            let [name, kind, about] = ["name", "kind", "about"].map(|field| text(&column[field]));
            expected += &format!("| `{name}` | {kind} | {about} |\n");
        }
    }
    let shown = page.split_once("## The views\n").map(|(_, views)| views).unwrap_or_default();
    assert!(shown == expected, "docs/sql.md must end with:\n## The views\n{expected}");
}

#[test]
fn a_turn_counts_once_however_many_rows_tell_of_it() {
    let world = World::new();
    lay_out(&world);
    world.ok("session_sync", json!({}));
    let told = rows(
        &world,
        "SELECT count(*), count(DISTINCT turn), sum(input_tokens IS NULL) FROM usage WHERE client = 'claude-code'",
    );
    assert_eq!(told[0][0], told[0][1], "a turn of several rows is one row");
    let answers = rows(&world, "SELECT count(*) FROM messages WHERE client = 'claude-code' AND role = 'assistant'");
    assert!(told[0][0].as_u64() < answers[0][0].as_u64() && told[0][0].as_u64() > Some(0), "{told} of {answers}");

    let days = world.ok("stats_usage", json!({}));
    let all = rows(&world, "SELECT count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd IS NULL) FROM usage");
    let totals = &days["totals"];
    let summed = ["turns", "input_tokens", "output_tokens", "turns_without_cost"].map(|name| totals[name].clone());
    assert_eq!(json!([summed]), all, "the sums are those of the view");
    for by in ["client", "model", "project", "day"] {
        assert_eq!(world.ok("stats_usage", json!({"by": by}))["totals"]["turns"], totals["turns"], "{by}");
    }
    let none = world.ok("stats_usage", json!({"client": "it's nobody", "until": "2000-01-01"}));
    assert_eq!((&none["rows"], &none["totals"]["turns"]), (&json!([]), &json!(0)));
    assert!(none["totals"].get("input_tokens").is_none(), "unknown is not zero");
    assert_eq!(world.err("stats_usage", json!({"since": "soon"})).code, Code::BadInput);
}

#[test]
fn a_turn_that_tells_no_use_is_there_with_nothing() {
    let told = rows(&world(), "SELECT turn, model, at, input_tokens, cost_usd FROM usage");
    assert_eq!(told, json!([["m2", "opus", "2026-05-01T10:01:00.250Z", null, null]]));
}
