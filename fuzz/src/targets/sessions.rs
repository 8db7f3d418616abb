//! The adapters of `jay-sessions`: what a file holds is kept, byte for byte, whatever it is.

use crate::{Seeds, Target};
use jay_sessions::{adapters, read_all};

pub(super) const SESSIONS: Target = Target {
    name: "sessions",
    run: sessions,
    seeds: Seeds::Written(&[
        include_bytes!(
            "../../../fixtures/sessions/claude-code/2.0/projects/-home-mira-code-lantern/c7d9e2a4-13b8-4f0a-8a55-9e0b7c4d2f31.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/claude-code/crlf/projects/C--Users-mira-lantern/9d3c5e70-2b4f-4a6d-8c1e-7f0a9b8d6e52.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/codex/0.147/sessions/2026/03/02/rollout-2026-03-02T10-00-00-019ca9d8-4a21-7c10-9b5e-6a1f2e3d4c5b.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/codex/legacy/sessions/2025/06/11/rollout-2025-06-11T08-30-00-7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d.jsonl"
        ),
        include_bytes!("../../../fixtures/sessions/generic/1/team.jsonl"),
    ]),
};

/// Every adapter reads it: a wrong `--path` is input too.
fn sessions(input: &[u8]) {
    for adapter in adapters() {
        let summary = read_all(*adapter, input);
        assert!(summary.is_lossless, "{} loses bytes", adapter.name());
        assert_eq!(summary.report.bytes, input.len() as u64, "{}", adapter.name());
        let said = summary.messages.len() as u64;
        assert_eq!(summary.report.messages + summary.report.carriers, said, "{}", adapter.name());
        assert!(said + summary.report.blank >= summary.report.rows, "{}: a row has no message", adapter.name());
    }
}
