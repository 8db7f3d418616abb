//! Taking messages in from agents that keep no files.
//!
//! What is handed in becomes blocks like those of a source, whose path names the door and the session; so whatever is
//! done with archived sessions is done with these.
//!
//! **Invariant:** whether a message is here already is decided in the act that would add it. An archive is a record of
//! what was said: a message of a known id that says something else is refused, never put in the place of the first.

mod row;

use super::ingest::split;
use super::sync::options;
use crate::call::{Call, Door};
use crate::namespaces::{Says, of_directory};
use crate::secrets::masked_name;
use jay_sessions::generic::Generic;
use jay_sessions::{BlockReader, Source, adapters};
use jay_store::{Draft, Said, WriteTx};
use jay_types::bounds::{Bounded, Word};
use jay_types::change::block::{Block, BlockSource};
use jay_types::namespace::NamespacePath;
use jay_types::session::Message;
use jay_types::{Code, EntityId, Error, NamespaceId, Result};
use row::{Given, Row, Unnamed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Characters of the longest name of a client.
const CLIENT_MAX_CHARS: usize = 40;

/// What is handed in.
#[derive(Clone, Debug)]
pub struct AppendRequest {
    /// The client.
    pub client: Word,
    /// The client's own id of the session.
    pub session: Word,
    /// The messages, in their order.
    pub messages: Vec<Value>,
    /// The project directory.
    pub project: Option<Bounded<4096>>,
    /// The title.
    pub title: Option<Bounded<512>>,
    /// Where a new session is put; the namespace of the project directory where not given, else the caller's.
    pub namespace: Option<NamespacePath>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppendOutcome {
    /// It was taken in.
    Inserted,
    /// The same was here already.
    Matched,
    /// It was not taken in.
    Error,
}

/// Why a message was not taken in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppendError {
    /// bad_input, or conflict where its id is taken by another
    pub code: String,
    /// What is wrong
    pub message: String,
    /// What helps
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Appended {
    /// inserted, matched (the same was here already), error
    pub outcome: AppendOutcome,
    /// Its id, or the one that it was given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it was not taken in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AppendError>,
}

impl Appended {
    fn of(outcome: AppendOutcome, message: &Message) -> Self {
        Self { outcome, message: Some(masked_name(message.id.clone())), error: None }
    }

    fn failed(error: Error, message: Option<&Message>) -> Self {
        let Error { code, message: reason, hint, .. } = error;
        let error = AppendError { code: code.name().to_owned(), message: reason, hint };
        let message = message.map(|message| masked_name(message.id.clone()));
        Self { outcome: AppendOutcome::Error, message, error: Some(error) }
    }
}

/// The answer to session append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppendAnswer {
    /// The client
    pub client: String,
    /// The session
    pub session: String,
    /// Messages that were taken in
    pub inserted: u64,
    /// Messages that were here already
    pub matched: u64,
    /// Messages that were not taken in
    pub errors: u64,
    /// What became of each, in order
    pub results: Vec<Appended>,
}

/// Takes messages into the archive; a bad one is told of and stops no other.
///
/// # Errors
/// `bad_input` for a client that cannot be one, `refused` where the session was erased, `busy`, `io`.
pub fn append(call: &Call<'_>, request: &AppendRequest) -> Result<AppendAnswer> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    demand_client(request.client.as_str())?;
    let mut unnamed = Unnamed::new();
    let session = request.session.as_str();
    let read: Vec<Result<Given>> =
        request.messages.iter().map(|message| row::read(session, message, &mut unnamed)).collect();
    let results = match read.iter().any(Result::is_ok) {
        true => Session::new(call, request).take(read)?,
        false => read.into_iter().filter_map(Result::err).map(|error| Appended::failed(error, None)).collect(),
    };
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count() as u64;
    let answer = AppendAnswer {
        client: request.client.as_str().to_owned(),
        session: masked_name(session.to_owned()),
        inserted: count(AppendOutcome::Inserted),
        matched: count(AppendOutcome::Matched),
        errors: count(AppendOutcome::Error),
        results,
    };
    // Sent again after a crash between the archive's act and this, what was inserted is matched.
    if call.idempotency.is_some() { call.act(|_| Ok(answer)) } else { Ok(answer) }
}

/// Refuses what is no name of a client, and clients whose own files are read: two accounts of one session would differ.
fn demand_client(client: &str) -> Result<()> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if client.len() > CLIENT_MAX_CHARS || !client.chars().all(is_name) || client.starts_with('-') {
        return Err(Error::bad_input(format!(
            "`client`: must be at most {CLIENT_MAX_CHARS} lower-case letters, digits and hyphens"
        ))
        .hint("Name the program that holds the session, `my-agent` for one."));
    }
    if client != "generic" && adapters().iter().any(|adapter| adapter.name() == client) {
        return Err(Error::bad_input(format!("`client`: the sessions of {client} are read from its own files"))
            .hint(format!("`jay session sync {client}` reads them; name another client for what it does not keep.")));
    }
    Ok(())
}

/// The session to which messages are added.
struct Session<'a> {
    call: &'a Call<'a>,
    request: &'a AppendRequest,
    id: EntityId,
    source: BlockSource,
}

impl<'a> Session<'a> {
    fn new(call: &'a Call<'a>, request: &'a AppendRequest) -> Self {
        let (client, session) = (request.client.as_str(), request.session.as_str());
        let source = BlockSource {
            client: client.to_owned(),
            path: format!("append:{client}/{session}"),
            revision: 0,
            host: call.engine.options.host.clone(),
            user: call.engine.options.user.clone(),
            session: None,
        };
        Self { call, request, id: EntityId::derived("session", &[client, session]), source }
    }

    fn take(&self, read: Vec<Result<Given>>) -> Result<Vec<Appended>> {
        let archive = &self.call.engine.archive;
        if archive.read(|tx| tx.is_session_purged(self.id))? {
            return Err(erased());
        }
        let namespace = self.namespace()?;
        // Terms and vectors are made before the lock is taken: of all, since which are new is known only inside.
        let all: Vec<&Row> = read.iter().flatten().map(|given| &given.row).collect();
        let foreseen: Vec<_> = self.blocks(&all, 0)?.iter().map(|block| archive.foresee_block(block)).collect();
        let results = archive.write(&self.call.caller.actor(), |w| -> Result<Vec<Appended>> {
            if w.is_session_purged(self.id)? {
                return Err(erased());
            }
            // Two who begin a session at once, in two namespaces, begin one session.
            let namespace =
                w.session_namespace(&self.source.client, self.request.session.as_str())?.unwrap_or(namespace);
            let (results, new) = self.decide(w, read)?;
            let new: Vec<&Row> = new.iter().collect();
            for block in self.blocks(&new, w.free_row(self.id)?)? {
                w.draft(Draft::block(namespace, self.id, block.to_json()));
            }
            foreseen.into_iter().for_each(|foreseen| w.foresee(foreseen));
            Ok(results)
        })?;
        self.call.engine.after_writes();
        Ok(results)
    }

    /// Where the session is, else where it is to be put.
    fn namespace(&self) -> Result<NamespaceId> {
        let session = self.request.session.as_str();
        match self.call.engine.archive.read(|tx| tx.session_namespace(&self.source.client, session))? {
            Some(id) => Ok(id),
            None => self.call.namespace_id(&self.path()?),
        }
    }

    /// As it is named, else as `session sync` would put what was said in that directory.
    fn path(&self) -> Result<NamespacePath> {
        if let Some(named) = &self.request.namespace {
            return Ok(named.clone());
        }
        let own = || Ok(self.call.caller.namespace.clone());
        let Some(project) = self.request.project.as_ref().map(|project| Path::new(project.as_str())) else {
            return own();
        };
        // Over other doors the directory in which this process runs is not the caller's.
        if project.is_relative() && !matches!(self.call.caller.door, Door::Cli | Door::Call) {
            return own();
        }
        let whole =
            crate::documents::name::whole(project).map_err(|error| Error::bad_input(format!("`project`: {error}")))?;
        of_directory(self.call, &whole, Says::Always)
    }

    /// What becomes of each message, and the rows of those that are new.
    fn decide(&self, w: &WriteTx<'_>, read: Vec<Result<Given>>) -> Result<(Vec<Appended>, Vec<Row>)> {
        let mut results = Vec::with_capacity(read.len());
        let mut rows = Vec::new();
        let mut new: HashMap<String, Message> = HashMap::new();
        for given in read {
            let Given { message, row } = match given {
                Ok(given) => given,
                Err(error) => {
                    results.push(Appended::failed(error, None));
                    continue;
                }
            };
            let said = match new.get(&message.id) {
                Some(earlier) if is_same(earlier, &message) => Said::Same,
                Some(_) => Said::Other,
                None => w.said(self.id, &message)?,
            };
            results.push(match said {
                Said::New => {
                    rows.push(row);
                    let result = Appended::of(AppendOutcome::Inserted, &message);
                    new.insert(message.id.clone(), message);
                    result
                }
                Said::Same => Appended::of(AppendOutcome::Matched, &message),
                Said::Other => Appended::failed(conflict(), Some(&message)),
            });
        }
        Ok((results, rows))
    }

    /// The blocks of `rows`, the first of which is row `first` of the source.
    fn blocks(&self, rows: &[&Row], first: u64) -> Result<Vec<Block>> {
        let mut bytes = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            // What is told of the session is told once.
            bytes.extend(if place == 0 { row::line(&self.with_facts(row))? } else { row::line(row)? });
        }
        let source = Source {
            client: self.source.client.clone(),
            path: self.source.path.clone().into(),
            session: self.request.session.as_str().to_owned(),
            ..Source::default()
        };
        let mut blocks = Vec::new();
        let mut before = None;
        for read in BlockReader::over(&Generic, &source, Box::new(std::io::Cursor::new(bytes)), options()) {
            blocks.extend(split(read?, &self.source, &mut before, &source.session));
        }
        for block in &mut blocks {
            block.session.client.clone_from(&self.source.client);
            block.adapter = row::parser_version();
            block.rows.iter_mut().for_each(|row| row.n += first);
        }
        Ok(blocks)
    }

    fn with_facts(&self, row: &Row) -> Row {
        let mut row = row.clone();
        let facts = [
            ("project", self.request.project.as_ref().map(Bounded::as_str)),
            ("title", self.request.title.as_ref().map(Bounded::as_str)),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                row.insert(name.to_owned(), fact.into());
            }
        }
        row
    }
}

/// As [`jay_store::Tx::said`] compares.
fn is_same(one: &Message, other: &Message) -> bool {
    (one.role, &one.author, &one.parts) == (other.role, &other.author, &other.parts)
}

fn erased() -> Error {
    Error::new(Code::Refused, "the session was erased, and what was erased is not taken in again")
        .hint("Hand the messages in under another session.")
}

fn conflict() -> Error {
    Error::new(Code::Conflict, "the session has another message of this id")
        .hint("Give a message that says something else an id of its own; `jay session show` shows what is there.")
}
