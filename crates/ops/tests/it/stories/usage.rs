//! What turns used, as each client tells it.

use super::sessions::cli;
use super::*;
use expect_test::expect;

/// Every turn that tells anything, of these fixtures.
fn told(clients: &[(&str, &str)]) -> String {
    let world = World::new();
    for (client, version) in clients {
        let place = world.home.work_dir().join("told").join(client).join(version);
        jay_testkit::foreign::lay_out(&fixtures().join(client).join(version), &place);
        let synced = world.by(&cli(&world), "session_sync", json!({"clients": [client], "path": place}));
        assert_eq!(synced["outcome"], "ok", "{synced:#}");
    }
    let query = "SELECT client, turn, model, at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd
        FROM usage WHERE coalesce(input_tokens, output_tokens, cost_usd) IS NOT NULL ORDER BY client, at, turn";
    let rows = world.ok("sql", json!({"query": query}))["rows"].clone();
    let line = |row: &Value| row.as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    rows.as_array().unwrap().iter().map(|row| line(row) + "\n").collect::<String>().replace('"', "")
}

#[test]
fn each_client_tells_of_its_turns() {
    let clients =
        [("antigravity", "db-1"), ("grok-build", "1"), ("kimi", "1.4"), ("openclaw", "2026.7"), ("pi", "sqlite")];
    expect![[r#"
        antigravity 2a7d0000-0000-4000-8000-000000000001:step-000002 gemini-3-flash 2026-09-01T22:00:02.500Z 4200 130 1000 null 90 null
        antigravity 2a7d0000-0000-4000-8000-000000000001:step-000008 gemini-3-pro 2026-09-01T22:00:08.500Z 300 12 5200 null null null
        grok-build p1 grok-4.6 2026-07-01T10:00:14.000Z 300 80 600 100 20 0.02
        kimi 1780999211000:310:42 kimi-k3 2026-06-09T10:00:11.000Z 310 42 900 0 null null
        kimi 1780999211500:20:8 kimi-k3 2026-06-09T10:00:11.500Z 20 8 1210 0 null null
        openclaw e2 claude-opus-5 2026-07-01T10:00:02.000Z 120 30 0 900 null 0.0123
        openclaw 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d:000006 claude-opus-5 2026-07-01T10:00:04.000Z 15 8 1020 0 null 0.002
        pi e-2 claude-opus-5 2026-09-10T10:00:02.000Z 200 40 10 0 null 0.002
    "#]].assert_eq(&told(&clients));
}

/// Of goose, Crush and Hermes a session's own row tells of all; of later versions of goose a ledger.
#[test]
fn sums_of_a_session_stand_for_its_turns() {
    let clients = [("crush", "0.20"), ("goose", "1.10"), ("goose", "schema-15"), ("hermes", "23")];
    expect![[r#"
        crush session:c1 null 2026-03-02T09:00:00.000Z null null null null null 0.0321
        goose session:20260302_1 claude-sonnet-4 2026-03-02T09:00:00.000Z 2200 200 null null null null
        goose 20260902_1:1 claude-sonnet-4 2026-09-02T09:00:02.000Z 60 20 30 10 null 0.25
        goose 20260902_1:2 claude-sonnet-4 2026-09-02T09:00:03.000Z 200 30 null null null null
        hermes session:20260302_090000_ab hermes-4 2026-03-02T09:00:00.250Z 1500 210 8000 0 60 0.045
    "#]]
    .assert_eq(&told(&clients));
}

#[test]
fn a_sum_that_grew_is_told_once() {
    let world = World::new();
    let place = world.home.work_dir().join("crush");
    jay_testkit::foreign::lay_out(&fixtures().join("crush/0.20"), &place);
    let costs = || {
        world.by(&cli(&world), "session_sync", json!({"clients": ["crush"], "path": place}));
        world.ok("sql", json!({"query": "SELECT count(*), sum(cost_usd) FROM usage WHERE cost_usd IS NOT NULL"}))["rows"].clone()
    };
    assert_eq!(costs(), json!([[1, 0.0321]]));
    jay_testkit::foreign::database(
        &place.join(".crush/crush.db"),
        "UPDATE sessions SET cost = 0.05, updated_at = updated_at + 9 WHERE id = 'c1'",
    );
    assert_eq!(costs(), json!([[1, 0.05]]));
}
