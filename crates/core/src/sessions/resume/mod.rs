//! Writes an archived session, with its subagents, where another client or the same goes on with it.
//!
//! **Invariant:** nothing of a client's is overwritten, and all files of a lineage are written or none; secrets are masked
//! unless a person asks for them; what the client cannot hold is counted in the answer.

mod files;
mod gather;
mod mask;

use super::list::{SessionView, masked, paths, view};
use crate::call::Call;
use jay_sessions::write::{self, Lineage, Request};
use jay_types::bounds::Word;
use jay_types::session::{Message, Part};
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ResumeRequest {
    /// The session.
    pub session: Word,
    /// The client that is to go on with it.
    pub to: Word,
    /// A directory instead of the client's own.
    pub path: Option<PathBuf>,
    /// The project directory instead of the session's.
    pub project: Option<String>,
    /// Show what would be written, and write nothing.
    pub dry_run: bool,
    /// Write secrets as they are.
    pub reveal: bool,
}

/// How a session was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumedAs {
    /// The client's own rows, as it wrote them
    Native,
    /// Anew, in the client's form
    Rebuilt,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResumedFile {
    /// Where
    pub path: String,
    /// How large it is
    pub bytes: u64,
}

/// What the sessions say that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResumedCounts {
    /// Sessions that were started by it for a part of its work
    pub subagents: u64,
    /// Messages
    pub messages: u64,
    /// Texts in them
    pub texts: u64,
    /// Calls of tools
    pub calls: u64,
    /// Answers of tools
    pub results: u64,
    /// Pieces of reasoning
    pub reasoning: u64,
    /// Files and images
    pub files: u64,
}

/// The answer to session resume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionResumed {
    /// The session that goes on
    pub session: SessionView,
    /// The client that goes on with it
    pub to: String,
    /// How it was written
    pub written_as: ResumedAs,
    /// The id under which that client knows it
    pub id: String,
    /// The command that opens it
    pub command: String,
    /// What was written, the session's own file first; what would be, of a dry run
    pub files: Vec<ResumedFile>,
    /// What the archive holds of it
    pub held: ResumedCounts,
    /// What of that the client cannot hold: kind → count
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Writes a session for a client.
///
/// # Errors
/// `bad_input` for a client whose sessions are only taken in (`details.ingest_only`), `not_found`, `ambiguous`,
/// `conflict` where a file of that name is there, `refused` for `reveal` by anybody but a person at hand, `io`.
pub fn resume(call: &Call<'_>, request: &ResumeRequest) -> Result<SessionResumed> {
    let writer = write::writer(request.to.as_str())?;
    call.engine.demand_archive()?;
    if request.reveal {
        call.demand_person("writing secrets")?;
    }
    let gathered = gather::gather(call, &request.session, writer, request.reveal)?;
    if gathered.lineage.all().all(|whole| whole.messages.iter().all(|message| message.parts.is_empty())) {
        return Err(Error::bad_input("nobody says anything in that session, so there is nothing to go on with")
            .hint("`jay session list` shows how many messages each has."));
    }
    let environment = call.engine.environment();
    // The command that is answered is run in another directory.
    let path = request.path.as_deref().map(std::path::absolute).transpose();
    let path = path.map_err(|error| Error::io("`path`: cannot be made absolute", &error))?;
    let project = request.project.as_deref().map(whole_directory).transpose()?;
    let wanted =
        Request { environment: &environment, directory: path.as_deref(), project: project.as_deref(), now: call.now };
    if environment.home.as_os_str().is_empty() && request.path.is_none() {
        return Err(Error::bad_input("`path`: is required where there is no home directory")
            .hint("Name a directory with --path."));
    }
    let draft = write::draft(writer, &gathered.lineage, &wanted)?;
    let mut notes = draft.notes.clone();
    let skipped = if request.dry_run { files::check(&draft)? } else { files::put_down(&draft)? };
    if gathered.is_masked {
        notes.push("secrets are masked; `--reveal` writes them as they are".to_owned());
    }
    notes.extend(skipped.into_iter().map(|path| format!("{} is there already and was left as it is", path.display())));
    let path = paths(call, &[gathered.namespace])?.into_iter().next();
    let session = view(gathered.row, path);
    Ok(SessionResumed {
        session: if request.reveal { session } else { masked(session) },
        to: writer.name().to_owned(),
        written_as: if draft.is_native { ResumedAs::Native } else { ResumedAs::Rebuilt },
        held: counts(&gathered.lineage),
        files: draft
            .files
            .iter()
            .map(|file| ResumedFile { path: file.path.display().to_string(), bytes: file.bytes.len() as u64 })
            .collect(),
        id: draft.session,
        command: draft.command,
        left_out: draft.left_out,
        notes,
    })
}

fn counts(lineage: &Lineage) -> ResumedCounts {
    let mut counts = ResumedCounts { subagents: lineage.subagents.len() as u64, ..ResumedCounts::default() };
    for message in lineage.all().flat_map(|whole| &whole.messages) {
        count(message, &mut counts);
    }
    counts
}

fn count(message: &Message, counts: &mut ResumedCounts) {
    counts.messages += 1;
    for part in &message.parts {
        *match part {
            Part::Text { .. } => &mut counts.texts,
            Part::Reasoning { .. } => &mut counts.reasoning,
            Part::File { .. } => &mut counts.files,
            Part::ToolCall { .. } => &mut counts.calls,
            Part::ToolResult { .. } => &mut counts.results,
        } += 1;
    }
}
/// A directory as a client names it: from the root. One of another system stays as it is.
fn whole_directory(project: &str) -> Result<String> {
    if write::is_whole(project) {
        return Ok(project.to_owned());
    }
    let path = std::path::absolute(project).map_err(|error| Error::bad_input(format!("`project`: {error}")))?;
    // `.` and `..` name no folder.
    let mut whole = std::path::PathBuf::new();
    for step in path.components() {
        match step {
            std::path::Component::ParentDir => drop(whole.pop()),
            std::path::Component::CurDir => {}
            step => whole.push(step),
        }
    }
    Ok(whole.to_string_lossy().into_owned())
}
