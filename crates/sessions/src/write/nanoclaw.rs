//! NanoClaw: `<group>/.claude-shared/projects/<slug>/<session>.jsonl`, in Claude Code's rows.

use super::claude_code::{beside, rebuild, slug};
use super::draft::{Draft, DraftFile};
use super::names::step;
use super::steps::{below, quoted};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::Result;
use jay_types::session::SessionMeta;
use std::path::{Path, PathBuf};

/// The directory in which the agent of every group works, inside its container.
const WORKSPACE: &str = "/workspace/group";
/// The directory of Claude Code in the directory of a group.
const SHARED: &str = ".claude-shared";

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nanoclaw;

impl SessionWriter for Nanoclaw {
    fn name(&self) -> &'static str {
        "nanoclaw"
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        // A group that runs on opencode keeps a database.
        below(steps, "v2-sessions").filter(|_| steps.contains(&SHARED))
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        beside(meta, file)
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let group = group(lineage, about);
        let directory = Path::new(&group).join(SHARED).join("projects").join(slug(WORKSPACE));
        let inside = About { project: WORKSPACE.to_owned(), ..about.clone() };
        rebuild(self, lineage, &inside, &directory, draft);
        Ok(())
    }

    fn command(&self, session: &str, _: &str, paths: &[&Path]) -> String {
        let path = paths.first().copied().unwrap_or(Path::new(""));
        let group = path.ancestors().find(|above| above.file_name().is_some_and(|name| name == SHARED));
        let group = group.and_then(Path::parent).unwrap_or(path);
        let database = group.join("SESSION").join("outbound.db");
        let sql = format!("UPDATE session_state SET value = '{session}' WHERE key = 'continuation:claude'");
        format!("sqlite3 {} {}", quoted(&database.to_string_lossy()), quoted(&sql))
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "a group goes on with the session that its outbound.db names: put the directory of its session for SESSION",
            "reasoning stands in the file beside the conversation: the client does not send it, for it has no signature",
        ]
    }
}

/// The group that goes on: the session's own, else the first that is there.
fn group(lineage: &Lineage, about: &About) -> String {
    let meta = &lineage.root.meta;
    if let Some(own) = meta.agent.as_deref().filter(|_| meta.client == "nanoclaw" && !meta.is_subagent()) {
        return crate::nanoclaw::group_of(&about.directory, own).unwrap_or_else(|| step(own));
    }
    let entries = std::fs::read_dir(&about.directory).into_iter().flatten().flatten();
    let mut groups: Vec<_> = entries
        .filter(|entry| entry.path().join(SHARED).is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    groups.sort();
    groups.into_iter().next().unwrap_or_else(|| "resumed".to_owned())
}
