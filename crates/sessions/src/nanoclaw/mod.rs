//! NanoClaw: `data/v2-sessions/<group>/.claude-shared/projects/<slug>/<session>.jsonl` in its own directory, in Claude
//! Code's rows ([`crate::claude_code`]); a file that was put aside ends in `.rotated-<time>`. A group that runs on opencode
//! keeps that client's database instead, one for each chat: `<group>/<chat>/opencode-xdg/opencode/opencode.db`
//! ([`crate::opencode`]).
//!
//! Rows tell a directory inside a container, the same for every group. Which group that is, what its agent is called and
//! with whom it talks stands in the central database (`joins.rs`).

mod joins;

use crate::adapter::{RowParser, SessionAdapter};
use crate::claude_code::ClaudeCode;
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::opencode::{self, Opencode};
use crate::sink::Sink;
use jay_types::Result;
use joins::Joins;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const NAME: &str = "nanoclaw";
/// The directory of all groups.
const SESSIONS: &str = "v2-sessions";
/// The directory of Claude Code in the directory of a group.
const SHARED: &str = ".claude-shared";
/// The directory of opencode in the directory of a chat.
const XDG: &str = "opencode-xdg";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Nanoclaw;

impl SessionAdapter for Nanoclaw {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        2
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        vec![environment.in_home(&["nanoclaw", "data", SESSIONS])]
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), tree)
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        let is_file = discover::existing(path)?.is_file();
        // Names of directories above the file tell what it is, and a file is known again by its path.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if !is_file {
            tree(&whole, &mut discovery);
            return Ok(discovery);
        }
        if is_opencode(&whole) {
            discovery = Opencode.discover_path(&whole)?;
        } else {
            transcript(&whole, &mut discovery);
        }
        let joins = discover::above(&whole, SESSIONS).map(|sessions| Joins::read(sessions).0).unwrap_or_default();
        discovery.sources.iter_mut().for_each(|source| joined(source, &joins));
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        if is_opencode(&source.path) { Opencode.documents(source) } else { Ok(None) }
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let rows = match is_opencode(&source.path) {
            true => Opencode.parser(source, state),
            false => ClaudeCode.parser(source, state),
        };
        Box::new(Parser { source: source.clone(), rows })
    }
}

/// The directory of the group whose agent is called `agent`, among those in `sessions`; a group is called by its
/// directory too.
pub(crate) fn group_of(sessions: &Path, agent: &str) -> Option<String> {
    Joins::read(sessions).0.group_of(agent).filter(|group| sessions.join(group).is_dir())
}

fn is_opencode(path: &Path) -> bool {
    discover::above(path, XDG).is_some()
}

fn is_transcript(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_transcript = name.ends_with(".jsonl") || name.contains(".jsonl.rotated-");
    is_transcript && name != "journal.jsonl" && discover::above(path, SHARED).is_some()
}

fn tree(root: &Path, discovery: &mut Discovery) {
    let mut stores = BTreeSet::new();
    let from = discovery.sources.len();
    discover::walk(root, &[SHARED], discovery, |path, discovery| match discover::above(path, XDG) {
        Some(store) => {
            stores.insert(store.join("opencode"));
        }
        None if is_transcript(path) => transcript(path, discovery),
        None => {}
    });
    for store in stores {
        opencode::directory(&store, discovery);
    }
    let mut known: BTreeMap<PathBuf, Joins> = BTreeMap::new();
    let Discovery { sources, problems, unsupported, .. } = discovery;
    let mut read = |sessions: &PathBuf| {
        let (joins, failed) = Joins::read(sessions);
        problems.extend(failed);
        unsupported.extend(joins.unsupported(sessions));
        joins
    };
    // A directory of which nothing is read can have groups that are told of.
    if root.file_name().is_some_and(|name| name == SESSIONS) {
        known.entry(root.to_path_buf()).or_insert_with_key(&mut read);
    }
    for source in sources.iter_mut().skip(from) {
        let Some(sessions) = discover::above(&source.path, SESSIONS).map(Path::to_path_buf) else { continue };
        let joins = known.entry(sessions).or_insert_with_key(&mut read);
        joined(source, joins);
    }
}

/// A file of Claude Code's rows.
fn transcript(path: &Path, discovery: &mut Discovery) {
    let Some(stamp) = discover::stamp(path, discovery) else { return };
    let stem = discover::stem(path);
    let session = stem.split_once(".jsonl").map_or(stem.as_str(), |(session, _)| session).to_owned();
    let mut source = Source { path: path.to_path_buf(), session, stamp, ..Source::default() };
    crate::claude_code::describe(&mut source);
    discovery.sources.push(source);
}

/// Puts in what is known of the group; what a subagent is called is its own.
fn joined(source: &mut Source, joins: &Joins) {
    NAME.clone_into(&mut source.client);
    let sessions = discover::above(&source.path, SESSIONS);
    let inside = sessions.and_then(|sessions| source.path.strip_prefix(sessions).ok());
    let at = discover::above(&source.path, SHARED).and_then(|shared| discover::directory_name(shared, 1));
    let group = inside.and_then(|inside| Some(inside.iter().next()?.to_string_lossy().into_owned())).or(at);
    let Some(group) = group else { return };
    let about = joins.group(&group);
    source.project = source.project.take().or(about.project);
    if source.parent.is_none() {
        source.title = source.title.take().or_else(|| joins.chat(&source.session));
        source.agent = source.agent.take().or(about.agent).or(Some(group));
    }
}

/// Reads rows as the client that wrote them does, and tells the group's directory for that in the container.
struct Parser {
    source: Source,
    rows: Box<dyn RowParser>,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        self.rows.row(row, sink);
        let meta = sink.session(&self.source.session);
        if let Some(project) = &self.source.project {
            meta.project = Some(project.clone());
        }
        if self.source.parent.is_none() && meta.agent.is_none() {
            meta.agent.clone_from(&self.source.agent);
        }
    }

    fn state(&self) -> Value {
        self.rows.state()
    }
}
