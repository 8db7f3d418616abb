//! Answers as text for people. An operation without a form of its own is shown as indented JSON.

mod blame;
mod document;
mod memory;
mod model;
mod session;
mod sharing;
mod sql;
mod store;
pub(crate) mod text;
mod usage;

use crate::output::Style;
use jay_types::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
pub(crate) use text::count;

/// How an answer is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Colour and width.
    pub style: Style,
    /// For ages.
    pub now: Timestamp,
    /// With scores and reasons.
    pub explain: bool,
    /// Nothing was done: the answer says what would be.
    pub dry_run: bool,
    /// With calls of tools and their outputs in full.
    pub tools: bool,
}

/// The answer of `operation` as text that ends with a line break.
pub(crate) fn render(operation: &str, value: &Value, view: &View) -> String {
    let text = match operation {
        "remember" => shown(value, |answer| memory::remembered(answer, view)),
        "recall" => shown(value, |answer| memory::recalled(answer, view)),
        "get" => shown(value, |answer| memory::got(answer, view)),
        "list" => shown(value, |answer| memory::listed(answer, view)),
        "history" => shown(value.get("changes").unwrap_or(value), |answer: &Vec<_>| memory::history(answer, view)),
        "forget" => shown(value.get("memories").unwrap_or(value), |answer: &Vec<_>| {
            answer.iter().map(|written| memory::written(written, "forgotten", view)).collect()
        }),
        "update" => shown(value, |answer| memory::written(answer, "updated", view)),
        "unforget" => shown(value, |answer| memory::written(answer, "brought back", view)),
        "link" => shown(value, |answer| memory::written(answer, "linked", view)),
        "unlink" => shown(value, |answer| memory::written(answer, "unlinked", view)),
        "revert" => shown(value, |answer| memory::written(answer, "reverted", view)),
        "feedback" => shown(value, |answer| memory::written(answer, "noted for", view)),
        "move" => shown(value, |answer| memory::written(answer, "moved", view)),
        "undo" => shown(value, |answer| memory::undone(answer, view)),
        "purge" => shown(value, |answer| store::purged(answer, view)),
        "namespace_list" => {
            shown(value.get("namespaces").unwrap_or(value), |answer: &Vec<_>| store::namespaces(answer, view))
        }
        "namespace_show" => shown(value, |answer| store::namespace(answer, view)),
        "namespace_set" | "namespace_alias" | "namespace_rename" => {
            shown(value, |answer| format!("now {}", store::namespace(answer, view)))
        }
        "namespace_merge" => shown(value, |answer| store::merged(answer, view)),
        "namespace_delete" => shown(value, |answer| store::deleted(answer, view)),
        "docs_add" => shown(value, |answer| document::added(answer, view)),
        "docs_list" => shown(value, |answer| document::listed(answer, view)),
        "docs_remove" => shown(value, |answer| document::removed(answer, view)),
        "session_append" => shown(value, |answer| session::appended(answer, view)),
        "session_retention" => shown(value, |answer| session::retained(answer, view)),
        "session_erase" => shown(value, |answer| session::erased(answer, view)),
        "session_sync" => shown(value, |answer| session::synced(answer, view)),
        "session_resume" => shown(value, |answer| session::resumed(answer, view)),
        "session_list" => shown(value, |answer| session::listed(answer, view)),
        "session_show" => shown(value, |answer| session::session_shown(answer, view)),
        "session_search" => shown(value, |answer| session::found(answer, view)),
        "git_ingest" => shown(value, |answer| blame::ingested(answer, view)),
        "blame" => shown(value, |answer| blame::blamed(answer, view)),
        "sql" => shown(value, |answer| sql::answered(answer, view)),
        "stats_usage" => shown(value, |answer| usage::counted(answer, view)),
        "sync" => shown(value, |answer| sharing::synced(answer, view)),
        "sync_status" => shown(value, |answer| sharing::status(answer, view)),
        "remote_add" => shown(value, |answer| sharing::added(answer, view)),
        "remote_list" => shown(value, |answer| sharing::listed(answer, view)),
        "remote_show" => shown(value, |answer| sharing::shown(answer, view)),
        "remote_check" => shown(value, |answer| sharing::checked(answer, view)),
        "remote_remove" => shown(value, |answer| sharing::removed(answer, view)),
        "vault_invite" => shown(value, |answer| sharing::invited(answer, view)),
        "vault_join" => shown(value, |answer| sharing::joined(answer, view)),
        "vault_members" | "vault_add" | "vault_remove" | "vault_rotate" => {
            shown(value, |answer| sharing::members(answer, view))
        }
        "model_install" | "model_remove" => shown(value, |answer| model::changed(answer, view)),
        "model_list" => shown(value, |answer| model::listed(answer, view)),
        "model_use" => shown(value, |answer| model::used(answer, view)),
        "status" => shown(value, |answer| store::status(answer, view)),
        "doctor" => shown(value, |answer| store::diagnosis(answer, view)),
        "eval" => shown(value, store::evaluation),
        "jobs_list" => shown(value.get("jobs").unwrap_or(value), |answer: &Vec<_>| store::jobs(answer, view)),
        "jobs_run" => shown(value, store::jobs_run),
        _ => None,
    };
    text.unwrap_or_else(|| format!("{value:#}\n"))
}

fn shown<T: DeserializeOwned>(value: &Value, form: impl FnOnce(&T) -> String) -> Option<String> {
    T::deserialize(value).ok().as_ref().map(form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    const ID: &str = "018bcfe5-6800-7707-8707-070707070707";

    fn check(operation: &str, value: Value, expected: Expect) {
        let view = View {
            style: Style { color: false, width: 60, is_terminal: true },
            now: Timestamp::parse("2026-05-04").unwrap(),
            explain: false,
            dry_run: false,
            tools: false,
        };
        expected.assert_eq(&render(operation, &value, &view));
    }

    fn memory(text: &str) -> Value {
        json!({
            "id": ID, "namespace": "work/api", "kind": "gotcha", "text": text, "tags": ["db"],
            "created_at": "2026-05-01T10:00:00Z", "updated_at": "2026-05-02T10:00:00Z", "version": 2,
        })
    }

    #[test]
    fn recall_shows_short_blocks() {
        let hit = json!({
            "id": ID, "text": "Staging Postgres listens on 5433, not 5432, because the pooler stands in front of it\u{1b}[31m", "score": 0.9,
            "namespace": "work/api", "kind": "gotcha", "created_at": "2026-05-01T00:00:00Z", "source": {"client": "codex"},
        });
        check(
            "recall",
            json!({"hits": [hit], "notes": ["text_only"]}),
            expect![[r#"
            07070707 gotcha · 3d ago · work/api
              Staging Postgres listens on 5433, not 5432, because the
              pooler stands in front of it�[31m
            note: text_only
        "#]],
        );
        check(
            "recall",
            json!({"hits": [], "notes": []}),
            expect![[r#"
            Nothing fits.
        "#]],
        );
    }

    #[test]
    fn a_namespace_is_told_in_words() {
        let api = json!({
            "id": "00000000000000000000000000000001", "path": "work/api", "aliases": ["api"],
            "remotes": ["github.com/acme/api"], "memories": 2, "secrets": "refuse",
            "created_at": "2026-05-01T10:00:00Z", "private": false,
        });
        check(
            "namespace_show",
            api.clone(),
            expect![[r#"
            work/api
            id:        00000000-0000-0000-0000-000000000001
            memories:  2
            secrets:   refuse
            aliases:   api
            remotes:   github.com/acme/api
            made:      2d ago
        "#]],
        );
        check(
            "namespace_set",
            api.clone(),
            expect![[r#"
            now work/api
            id:        00000000-0000-0000-0000-000000000001
            memories:  2
            secrets:   refuse
            aliases:   api
            remotes:   github.com/acme/api
            made:      2d ago
        "#]],
        );
        check(
            "namespace_merge",
            json!({"moved": 1, "into": api, "notes": ["redacted aws_access_key"]}),
            expect![[r#"
                1 memory moved into work/api, which has 2 now
                note: redacted aws_access_key
            "#]],
        );
        check(
            "namespace_delete",
            json!({"path": "work/old", "retired": 3}),
            expect![[r#"
            work/old is retired, and with it 3 memories
        "#]],
        );
    }

    #[test]
    fn memories_as_table_and_whole() {
        check(
            "list",
            json!({"memories": [memory("Staging Postgres listens on 5433,\nnot on 5432 as the README says")], "next": "abc"}),
            expect![[r#"
                07070707  gotcha  2026-05-01  work/api  Staging Postgres li…
                more: --cursor abc
            "#]],
        );
        check(
            "get",
            json!({"memories": [memory("line one\nline two")], "links": [{"from_here": [{"relation": "relates", "to": ID}], "to_here": []}], "notes": []}),
            expect![[r#"
                018bcfe5-6800-7707-8707-070707070707 gotcha · 2d ago · work/api · version 2
                  line one
                  line two
                  tags: db
                  link: relates → 018bcfe5-6800-7707-8707-070707070707
            "#]],
        );
        check(
            "remember",
            json!({"id": ID, "outcome": "created", "namespace": "work/api", "version": 1, "reason": "redacted aws_access_key"}),
            expect![[r#"
                remembered 07070707 in work/api (redacted aws_access_key)
            "#]],
        );
        check(
            "update",
            json!({"id": ID, "namespace": "work/api", "version": 3, "changed": false}),
            expect![[r#"
            unchanged 07070707 in work/api, version 3
        "#]],
        );
        check(
            "history",
            json!({"changes": [{
                "pos": 7, "dot": "00".repeat(16), "at": "2026-05-01T10:00:00Z", "actor": "ann", "operation": "update", "fields": ["text"],
                "text": "new", "diff": "-old\n+new", "values": {},
            }]}),
            expect![[r#"
                pos:7 update · text · ann · 2026-05-01T10:00:00Z
                  -old
                  +new
            "#]],
        );
    }

    #[test]
    fn sessions() {
        check(
            "session_sync",
            json!({"outcome": "done", "finished_at": "2026-05-01T10:00:00Z", "duration_ms": 12, "sessions_inserted": 0, "messages_inserted": 0, "sources": [], "fresh": 0, "notes": []}),
            expect![[r#"
                No sessions of agents were found on this machine (Claude Code, Codex, Gemini CLI and others).
                `jay session sync generic --path FILE` reads any other; `jay try` shows what it does on a sample.
            "#]],
        );
        check(
            "session_search",
            json!({"hits": [{
            "session": "5f0c-aa", "message": "m1", "client": "codex", "role": "user", "author": null, "at": "2026-05-01T10:00:00Z", "score": 1.0, "text": "OCC retry loop",
        }], "matched": 1, "searchable": 9, "has_more": false, "notes": []}),
            expect![[r#"
                5f0c-aa codex
                  2d ago · user
                    OCC retry loop
            "#]],
        );
    }

    #[test]
    fn a_sync_without_news_does_not_say_that_nothing_was_found() {
        check(
            "session_sync",
            json!({"outcome": "ok", "finished_at": "2026-05-01T10:00:00Z", "duration_ms": 12, "sessions_inserted": 0, "messages_inserted": 0, "sources": [], "fresh": 3, "notes": []}),
            expect![[r#"
                ok: 0 sessions and 0 messages added from 3 sources in 0.0 s
            "#]],
        );
    }

    #[test]
    fn what_a_sync_would_read_is_told_in_bytes() {
        let source = json!({"client": "codex", "path": "/a.jsonl", "state": "grown", "messages": 0, "bytes": 42_100});
        check(
            "session_sync",
            json!({"outcome": "planned", "finished_at": "2026-05-01T10:00:00Z", "duration_ms": 12, "sessions_inserted": 0, "messages_inserted": 0, "sources": [source], "fresh": 3, "notes": []}),
            expect![[r#"
                codex grown /a.jsonl: 42 kB
                planned: 1 source to read, 42 kB; 3 without news
            "#]],
        );
    }

    #[test]
    fn what_has_no_form_is_json() {
        check(
            "namespace_merge",
            json!({"moved": 3}),
            expect![[r#"
            {
              "moved": 3
            }
        "#]],
        );
    }

    #[test]
    fn what_a_file_says_of_a_session_stays_on_its_line() {
        let session = json!({
            "client": "generic", "session": "s\n1", "title": "a\ttitle\nof two", "project": "/p\u{202e}x\n/y",
            "messages": 1,
        });
        check(
            "session_list",
            json!({"sessions": [session]}),
            expect![[r#"
            s 1  generic    1  a title of two · /p�x /y
        "#]],
        );
        let part = json!({"type": "text", "text": "one\n\u{2067}two", "provenance": "conversational"});
        let message = json!({"message": "m\n1", "role": "user", "author": "ann\nroot", "parts": [part]});
        check(
            "session_show",
            json!({"session": session, "messages": [message], "notes": []}),
            expect![[r#"
                s 1 generic · /p�x /y · a title of two

                user · ann root · m 1
                  one
                  �two
            "#]],
        );
    }
}
