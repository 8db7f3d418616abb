//! Writes sessions as clients keep them, so that any client can go on with any session.
//!
//! One file per target. A session of the same client goes back as its rows stood ([`SessionWriter::place_again`]); one of
//! another client is rebuilt from what its messages say ([`SessionWriter::rebuild`]). A session goes with all its
//! subagents. What a target cannot hold is counted, never passed over.
//!
//! **Invariant:** nothing here touches the file system but to look where a client keeps its files: a writer gives bytes and
//! the places for them. The same session gives the same names every time, so that what was written once is known
//! again; no part of a place is taken from a session without being made a plain file name.

mod anthropic;
mod claude_code;
mod claude_desktop;
mod cline;
mod codex;
mod draft;
mod gemini_cli;
mod generic;
mod grok_build;
mod letta_code;
mod names;
mod nanoclaw;
mod openclaw;
mod opencode;
mod pi;
mod steps;

pub use draft::{Draft, DraftFile};
pub use names::Names;

use crate::adapter::adapter;
use crate::environment::Environment;
use jay_types::session::{Message, SessionMeta};
use jay_types::{Error, Result, Timestamp};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file of a client, as the archive holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Where it stood on the machine of ingest.
    pub path: String,
    /// Its rows, each with its line ending where it had one.
    pub rows: Vec<Vec<u8>>,
}

/// A session with everything that is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whole {
    /// What is known of it as a whole.
    pub meta: SessionMeta,
    /// What was said, in order.
    pub messages: Vec<Message>,
    /// The files it was read from; empty where they are not to be replayed.
    pub originals: Vec<Original>,
}

/// A session and its subagents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// The session that was asked for.
    pub root: Whole,
    /// Its subagents and theirs, each behind its parent.
    pub subagents: Vec<Whole>,
}

impl Lineage {
    /// The session, then its subagents.
    pub fn all(&self) -> impl Iterator<Item = &Whole> {
        std::iter::once(&self.root).chain(&self.subagents)
    }
}

/// Where and for whom a session is written.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The machine.
    pub environment: &'a Environment,
    /// A directory instead of the one in which the client keeps its sessions.
    pub directory: Option<&'a Path>,
    /// The project directory in which the client is to go on; the session's own where none is given.
    pub project: Option<&'a str>,
    /// The time of what has none of its own and none before it.
    pub now: Timestamp,
}

/// What a writer must know beside the session.
#[derive(Clone, Debug)]
pub struct About {
    /// The directory below which the files will be; may be looked at.
    pub directory: PathBuf,
    /// The project directory in which the client goes on.
    pub project: String,
    /// Names that are made of what is written.
    pub names: Names,
    /// The time of what has none of its own and none before it.
    pub now: Timestamp,
}

/// Knowledge of how one client's sessions are written. The test of all sources by all targets runs over every
/// implementation.
pub trait SessionWriter: Send + Sync {
    /// The client's name of DESIGN section 3's list.
    fn name(&self) -> &'static str;

    /// The directory under which the client looks for sessions.
    ///
    /// # Errors
    /// `bad_input` or `not_found` where there is none.
    fn directory(&self, environment: &Environment) -> Result<PathBuf> {
        let roots = adapter(self.name())?.roots(environment);
        roots.into_iter().next().ok_or_else(|| {
            let name = self.name();
            Error::bad_input(format!("`path`: is required for {name}, which keeps its sessions nowhere of its own"))
                .hint("Name a directory with --path.")
        })
    }

    /// Where below [`Self::directory`] a file of the client itself stood, by the steps of its path; none where the archive
    /// does not keep it as the client wrote it, so that it must be rebuilt.
    fn place_again(&self, _whole: &Whole, _steps: &[&str]) -> Option<PathBuf> {
        None
    }

    /// True where the client's files are documents, of which the archive holds the pieces: these are replayed only as long as
    /// none of them has changed.
    fn is_documents(&self) -> bool {
        false
    }

    /// Small files beside that of a session in which the client keeps what is known of it as a whole; `file` is the
    /// session's, below the directory.
    fn beside(&self, _meta: &SessionMeta, _file: &Path) -> Vec<DraftFile> {
        Vec::new()
    }

    /// A list of sessions that they share, where the client goes by one.
    fn index(&self, _lineage: &Lineage, _draft: &Draft) -> Option<DraftFile> {
        None
    }

    /// Puts the sessions, written anew, into `draft`.
    ///
    /// # Errors
    /// `bad_input` for what cannot be written at all.
    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()>;

    /// A row to be put behind the client's own of a replayed session, where the client would remove an old one before
    /// anybody could go on with it.
    fn renewal(&self, _now: Timestamp) -> Option<Value> {
        None
    }

    /// The command that goes on with `session` in the client, in `project`; its file is the first of `paths`.
    fn command(&self, session: &str, project: &str, paths: &[&Path]) -> String;

    /// What a person must know of sessions that were rebuilt for this client.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Every writer, in the order in which targets are shown.
#[must_use]
pub fn writers() -> &'static [&'static dyn SessionWriter] {
    &[
        &claude_code::ClaudeCode,
        &claude_desktop::ClaudeDesktop,
        &codex::Codex,
        &opencode::Opencode,
        &gemini_cli::GeminiCli,
        &pi::Pi,
        &openclaw::Openclaw,
        &nanoclaw::Nanoclaw,
        &letta_code::LettaCode,
        &grok_build::GrokBuild,
        &cline::Cline,
        &generic::Generic,
    ]
}

/// Why sessions of a client are taken in and not written, by client.
const INGEST_ONLY: [(&str, &str); 22] = [
    ("claude-ai", "its conversations live on a server and come as an export, which it does not take back"),
    ("chatgpt", "its conversations live on a server and come as an export, which it does not take back"),
    ("managed-agents", "its sessions live on a server and come as an export"),
    ("devin", "its sessions live on a server"),
    ("cursor-ide", "it holds its database open and rewrites what others put into it"),
    ("cursor-cli", "it goes on from a database of its own; its transcripts are a copy"),
    ("antigravity", "it goes on from a database of its own; its transcripts are a copy"),
    ("goose", "its sessions are rows of a database that it migrates itself"),
    ("crush", "its sessions are rows of a database that it migrates itself"),
    ("hermes", "its sessions are rows of a database that it migrates itself"),
    ("zed", "its threads are rows of a database that it migrates itself"),
    ("oh-my-pi", "its files refer to others by their hash"),
    ("openhands", "it goes on from a state that its events do not hold"),
    ("copilot-cli", "it goes on from a state that its events do not hold"),
    ("kimi", "it goes on from a state that its rows do not hold"),
    ("kiro", "it goes on from a state that its rows do not hold"),
    ("deepseek", "its files are sealed step by step by the program itself"),
    ("droid", "what it needs to go on is not public"),
    ("qwen-code", "what it needs to go on is not public"),
    ("roo", "it is an extension of an editor that finds sessions by a list which it keeps itself"),
    ("git", "its sessions are the histories of repositories, which no talk goes on with"),
    ("aider", "its history is one file for each project, to which it only appends"),
];

/// The writer for a client.
///
/// # Errors
/// `bad_input`: with the reason in `details.ingest_only` where its sessions are only taken in, and with the list of
/// targets in any case.
pub fn writer(name: &str) -> Result<&'static dyn SessionWriter> {
    if let Some(found) = writers().iter().copied().find(|writer| writer.name() == name) {
        return Ok(found);
    }
    let targets: Vec<_> = writers().iter().map(|writer| writer.name()).collect();
    let hint = format!("`--to` takes one of: {}.", targets.join(", "));
    let shown = jay_types::text::shorten(name, 40);
    Err(match INGEST_ONLY.iter().find(|(client, _)| *client == name) {
        Some((client, reason)) => Error::bad_input(format!("{client} is ingest_only: {reason}"))
            .details(serde_json::json!({"ingest_only": client, "reason": reason, "targets": targets})),
        None => Error::bad_input(format!("`to`: `{shown}` is no client whose sessions can be written"))
            .details(serde_json::json!({"targets": targets})),
    }
    .hint(hint))
}

/// Whether a directory is named from the root, of this system or another.
#[must_use]
pub fn is_whole(directory: &str) -> bool {
    let is_rooted = match directory.as_bytes() {
        [b'/', ..] | [b'\\', b'\\', ..] => true,
        [drive, b':', b'/' | b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    };
    is_rooted && !directory.split(['/', '\\']).any(|step| step == "..")
}

/// Writes a lineage for a client: its own rows where it is the same client's and they can stand as they stood, else anew.
///
/// # Errors
/// `bad_input` or `not_found` where there is no place for it.
pub fn draft(writer: &dyn SessionWriter, lineage: &Lineage, request: &Request<'_>) -> Result<Draft> {
    let directory = match request.directory {
        Some(directory) => directory.to_path_buf(),
        None => writer.directory(request.environment)?,
    };
    // A relative one says nothing here, and could lead anywhere.
    let own = lineage.root.meta.project.clone().filter(|project| is_whole(project));
    let project = request.project.map(str::to_owned).or(own);
    let project = project.unwrap_or_else(|| request.environment.home.to_string_lossy().into_owned());
    let mut draft = Draft { project: project.clone(), ..Draft::default() };
    if lineage.root.meta.client != writer.name() || !draft.replay(writer, lineage) {
        let names = Names::of(writer.name(), lineage, &project);
        draft = Draft { project: project.clone(), ..Draft::default() };
        let about = About { directory: directory.clone(), project, names, now: request.now };
        writer.rebuild(lineage, &about, &mut draft)?;
        draft.notes = writer.notes().iter().map(|note| (*note).to_owned()).collect();
    } else if let Some(row) = writer.renewal(request.now) {
        draft.renew(&row);
    }
    let index = writer.index(lineage, &draft);
    draft.files.extend(index);
    for file in &mut draft.files {
        file.path = directory.join(&file.path);
    }
    let paths: Vec<&Path> = draft.files.iter().map(|file| file.path.as_path()).collect();
    draft.command = writer.command(&draft.session, &draft.project, &paths);
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_whole_from_the_root_of_any_system() {
        for whole in ["/", "/home/mira/a b", "C:\\work", "d:/work", "\\\\host\\share"] {
            assert!(is_whole(whole), "{whole}");
        }
        for part in ["", ".", "..", "work", "./work", "/home/../etc", "C:work", "1:/work", "~/work"] {
            assert!(!is_whole(part), "{part}");
        }
    }

    #[test]
    fn every_client_is_a_target_or_says_why_it_is_none() {
        for adapter in crate::adapters() {
            let name = adapter.name();
            match writer(name) {
                Ok(writer) => assert_eq!(writer.name(), name),
                Err(error) => {
                    assert_eq!(error.details["ingest_only"], name, "{name} is neither target nor ingest_only");
                    assert!(error.message.contains("ingest_only: ") && error.hint.is_some());
                }
            }
        }
        for (name, _) in INGEST_ONLY {
            assert!(crate::adapter(name).is_ok(), "{name} is no client");
        }
        let error = writer("nobody").err().unwrap();
        assert!(error.details.get("ingest_only").is_none());
    }
}
