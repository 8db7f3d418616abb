//! What each client's fixtures say, whole.

use crate::fixtures::{Held, all, root};
use expect_test::{Expect, expect, expect_file};
use jay_sessions::{ReadOptions, adapter, read_all};
use jay_types::Timestamp;
use jay_types::session::{Part, Provenance, Role};
use std::fmt::Write as _;

pub(crate) fn read(client: &str, version: &str) -> Vec<(String, Held)> {
    let mut out = Vec::new();
    let directory = tempfile::tempdir().unwrap();
    jay_testkit::foreign::lay_out(&root().join(client).join(version), directory.path());
    for mut source in adapter(client).unwrap().discover_path(directory.path()).unwrap().sources {
        // Where a client writes no times, the file's is told; that of a fixture is the checkout's.
        source.stamp.modified = Some(Timestamp::parse("2026-06-01T00:00:00Z").unwrap());
        let mut held = Held::default();
        let options = ReadOptions { final_pass: true, ..ReadOptions::default() };
        held.sync(adapter(client).unwrap(), &source, options, usize::MAX);
        // A client whose files lie in the projects tells their place.
        let place = directory.path().display().to_string();
        for project in held.sessions.values_mut().filter_map(|meta| meta.project.as_mut()) {
            *project = project.replace(&place, &format!("[fixtures]/{client}/{version}"));
        }
        out.push((source.session, held));
    }
    out
}

fn part(part: &Part) -> String {
    match part {
        Part::Text { text, provenance: Provenance::Conversational } => format!("text {text:?}"),
        Part::Text { text, provenance: Provenance::Injected } => format!("injected {text:?}"),
        Part::Reasoning { text } => format!("reasoning {text:?}"),
        Part::File { name, media_type, uri } => format!("file {name:?} {media_type:?} {uri:?}"),
        Part::ToolCall { id, name, input } => format!("call {name} [{id}] {input}"),
        Part::ToolResult { id, name, output, is_error } => {
            let failed = if *is_error { " failed" } else { "" };
            format!("result {} [{id}]{failed} {output:?}", name.as_deref().unwrap_or("?"))
        }
    }
}

/// Everything that was read, as text.
pub(crate) fn show(read: &[(String, Held)]) -> String {
    let mut out = String::new();
    for (session, held) in read {
        writeln!(out, "== {session}: {} rows, {} carriers, {} blank", held.rows, held.carriers, held.blank).unwrap();
        writeln!(out, "unknown {:?}", held.unknown).unwrap();
        for meta in held.sessions.values() {
            writeln!(out, "{}", serde_json::to_string(meta).unwrap()).unwrap();
        }
        for (line, found) in &held.messages {
            let message = &found.message;
            let role = message.role.map_or("carrier".to_owned(), |role: Role| format!("{role:?}").to_lowercase());
            let author = message.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
            let model = message.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
            let at = message.at.map(|at| at.rfc3339()).unwrap_or_default();
            let of = if found.session == *session { String::new() } else { format!(" in {}", found.session) };
            writeln!(out, "{line}{of} {role}{author}{model} {} {at}", message.id).unwrap();
            for found in &message.parts {
                writeln!(out, "    {}", part(found)).unwrap();
            }
        }
    }
    out
}

#[test]
fn claude_code_2() {
    expect_file!["../expect/claude-code-2.0.txt"].assert_eq(&show(&read("claude-code", "2.0")));
}

#[test]
fn claude_code_1_keeps_inline_sidechains_in_their_parent() {
    expect_file!["../expect/claude-code-1.0.txt"].assert_eq(&show(&read("claude-code", "1.0")));
}

#[test]
fn claude_code_damaged() {
    expect_file!["../expect/claude-code-crlf.txt"].assert_eq(&show(&read("claude-code", "crlf")));
}

#[test]
fn codex_0_147() {
    expect_file!["../expect/codex-0.147.txt"].assert_eq(&show(&read("codex", "0.147")));
}

#[test]
fn codex_legacy() {
    expect_file!["../expect/codex-legacy.txt"].assert_eq(&show(&read("codex", "legacy")));
}

#[test]
fn opencode() {
    expect_file!["../expect/opencode-1.2.txt"].assert_eq(&show(&read("opencode", "1.2")));
    expect_file!["../expect/opencode-legacy.txt"].assert_eq(&show(&read("opencode", "legacy")));
}

#[test]
fn cursor_ide() {
    expect_file!["../expect/cursor-ide-3.txt"].assert_eq(&show(&read("cursor-ide", "3")));
}

#[test]
fn cline_and_roo() {
    expect_file!["../expect/cline-3.txt"].assert_eq(&show(&read("cline", "3")));
    expect_file!["../expect/cline-4.txt"].assert_eq(&show(&read("cline", "4")));
    expect_file!["../expect/roo-3.txt"].assert_eq(&show(&read("roo", "3")));
}

#[test]
fn exports() {
    expect_file!["../expect/claude-ai.txt"].assert_eq(&show(&read("claude-ai", "2026")));
    expect_file!["../expect/chatgpt.txt"].assert_eq(&show(&read("chatgpt", "2026")));
}

#[test]
fn goose_crush_and_hermes() {
    expect_file!["../expect/goose-1.10.txt"].assert_eq(&show(&read("goose", "1.10")));
    expect_file!["../expect/goose-schema-15.txt"].assert_eq(&show(&read("goose", "schema-15")));
    expect_file!["../expect/crush-0.20.txt"].assert_eq(&show(&read("crush", "0.20")));
    expect_file!["../expect/hermes-23.txt"].assert_eq(&show(&read("hermes", "23")));
}

#[test]
fn pi_and_openclaw_in_databases() {
    expect_file!["../expect/pi-sqlite.txt"].assert_eq(&show(&read("pi", "sqlite")));
    expect_file!["../expect/openclaw-2026.7.txt"].assert_eq(&show(&read("openclaw", "2026.7")));
    expect_file!["../expect/openclaw-2026.8.txt"].assert_eq(&show(&read("openclaw", "2026.8")));
}

#[test]
fn zed_and_openhands() {
    expect_file!["../expect/zed-0.3.txt"].assert_eq(&show(&read("zed", "0.3")));
    expect_file!["../expect/openhands-1.txt"].assert_eq(&show(&read("openhands", "1")));
    expect_file!["../expect/openhands-0.txt"].assert_eq(&show(&read("openhands", "0")));
}

#[test]
fn devin_antigravity_and_managed_agents() {
    expect_file!["../expect/devin-1.txt"].assert_eq(&show(&read("devin", "1")));
    expect_file!["../expect/antigravity-1.txt"].assert_eq(&show(&read("antigravity", "1")));
    expect_file!["../expect/antigravity-db-1.txt"].assert_eq(&show(&read("antigravity", "db-1")));
    expect_file!["../expect/managed-agents.txt"].assert_eq(&show(&read("managed-agents", "2026")));
}

#[test]
fn generic() {
    expect_file!["../expect/generic.txt"].assert_eq(&show(&read("generic", "1")));
}

#[test]
fn git_commits() {
    expect_file!["../expect/git-1.txt"].assert_eq(&show(&read("git", "1")));
}

/// Calls of the fixtures that wrote files, by client, with the tools and how often; a client that is not named has none.
#[test]
fn writing_calls_are_known_in_every_clients_fixtures() {
    let mut counts = std::collections::BTreeMap::new();
    for adapter in jay_sessions::adapters() {
        for version in std::fs::read_dir(root().join(adapter.name())).unwrap() {
            let version = version.unwrap().file_name().into_string().unwrap();
            for (_, held) in read(adapter.name(), &version) {
                for call in held.messages.iter().flat_map(|(_, found)| &found.message.parts) {
                    let Part::ToolCall { name, input, .. } = call else { continue };
                    let touches = jay_sessions::touched::touches(name, input).len();
                    if touches > 0 {
                        *counts.entry((adapter.name(), name.clone())).or_insert(0) += touches;
                    }
                }
            }
        }
    }
    let told: String = counts.iter().map(|((client, tool), count)| format!("{client} {tool} {count}\n")).collect();
    expect![[r#"
        antigravity replace_file_content 1
        claude-code Edit 1
        claude-desktop Write 1
        codex apply_patch 1
        copilot-cli edit 1
        crush edit 1
        droid Create 1
        git git commit 5
        goose developer__text_editor 1
        grok-build search_replace 1
        hermes write_file 1
        kimi Write 1
        letta-code Edit 1
        managed-agents write 1
        oh-my-pi write 1
        openclaw write 1
        opencode edit 1
        openhands file_editor 1
        pi edit 1
        qwen-code write_file 1
        zed edit_file 1
    "#]]
    .assert_eq(&told);
}

#[test]
fn copied_rows_of_a_continued_session_are_known_again() {
    let sessions = read("claude-code", "2.0");
    let find = |prefix: &str| &sessions.iter().find(|(id, _)| id.starts_with(prefix) && !id.contains('/')).unwrap().1;
    let (first, continued) = (find("5b0c1f6e"), find("c7d9e2a4"));
    let known: Vec<_> = continued
        .messages
        .iter()
        .filter(|(_, message)| message.message.role.is_some())
        .map(|(_, message)| {
            first
                .messages
                .iter()
                .any(|(_, other)| other.message.id == message.message.id && other.content_hash == message.content_hash)
        })
        .collect();
    assert_eq!(known, [true, true, false, false]);
}

#[test]
fn no_two_messages_of_a_session_share_id_and_content() {
    for (adapter, source) in all() {
        let mut held = Held::default();
        held.sync(adapter, &source, ReadOptions::default(), usize::MAX);
        let keys: std::collections::BTreeSet<_> = held
            .messages
            .iter()
            .map(|(_, found)| jay_sessions::message_key(&found.session, &found.message.id, &found.content_hash))
            .collect();
        assert_eq!(keys.len(), held.messages.len(), "{}", source.path.display());
    }
}

#[test]
fn the_sample_is_three_sessions_without_a_fault() {
    let summary =
        read_all(adapter("generic").unwrap(), include_bytes!("../../../../fixtures/sessions/sample/sessions.jsonl"));
    let titles: String = summary
        .sessions
        .values()
        .map(|meta| format!("{} | {}\n", meta.title.as_deref().unwrap(), meta.project.as_deref().unwrap()))
        .collect();
    let expected: Expect = expect![[r#"
        How we write release notes | tidepool
        Lost updates when two workers save a pool | tidepool
        Staging database refuses connections | tidepool
    "#]];
    expected.assert_eq(&titles);
    let report = summary.report;
    assert_eq!((report.rows, report.messages, report.carriers, report.blank), (31, 31, 0, 0));
    assert!(report.unknown.is_empty());
}
