//! Search in what was said.
//!
//! Words are looked for in the index, by text and meaning ([`ranked`]). What tools were asked and what they answered, and
//! regular expressions, are looked for by going through the messages ([`mod@look`]).
//!
//! **Invariant:** an answer says how much it is an answer about: what fits, what could have, whether there is more.

mod look;
mod pattern;
mod ranked;

use super::list::{SessionFilter, clause, namespace_ids};
use crate::call::Call;
use crate::cursor;
use crate::recall::NO_WORD;
use crate::secrets::masked_name;
use jay_store::{MessageRow, SessionClause, SessionRow, Tx};
use jay_types::bounds::{Query, Word};
use jay_types::session::Role;
use jay_types::{Error, Result, Timestamp};
use look::{LOOK_MAX_BYTES, Look, Looked, look};
use pattern::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether each session gives all its hits or its best one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Every message that fits.
    #[default]
    None,
    /// The best message of each session.
    Session,
}

/// What of a message is looked in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// What was said in the conversation.
    #[default]
    Text,
    /// What tools were asked, and what they answered.
    Tools,
    /// Both, with reasoning and with what a client put in.
    All,
}

/// The order of hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Best first.
    Relevance,
    /// Latest first.
    Newest,
    /// Earliest first.
    Oldest,
}

/// What is searched for.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Words, or a regular expression.
    pub query: Query,
    /// Which messages.
    pub filter: SessionFilter,
    /// What of them.
    pub within: Within,
    /// True for a regular expression.
    pub is_regex: bool,
    /// The order; by default best first, or latest first where messages are gone through.
    pub sort: Option<Sort>,
    /// The most hits.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Word>,
    /// Every message or the best of each session.
    pub group: Group,
    /// Say why.
    pub explain: bool,
}

impl SearchRequest {
    /// A search for the best messages.
    #[must_use]
    pub fn new(query: Query, limit: usize) -> Self {
        Self {
            query,
            filter: SessionFilter::default(),
            within: Within::Text,
            is_regex: false,
            sort: None,
            limit,
            cursor: None,
            group: Group::None,
            explain: false,
        }
    }

    /// What a cursor is good for.
    fn about(&self) -> impl Serialize {
        (self.query.as_str().to_owned(), self.filter.clone(), self.within, self.is_regex, self.sort, self.group)
    }
}

/// The part of a message in which something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundIn {
    /// What was said, or what a client put in.
    Text,
    /// What a model thought.
    Reasoning,
    /// What a tool was asked.
    ToolCall,
    /// What a tool answered.
    ToolResult,
}

/// A message that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHit {
    /// The client's own id of the session
    pub session: String,
    /// The client's own id of the message
    pub message: String,
    /// The client
    pub client: String,
    /// user, assistant, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The speaker's name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How well it fits; comparable within one answer
    pub score: f64,
    /// A window of what was said, secrets masked
    pub text: String,
    /// In which part it was found, where the messages were gone through
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_in: Option<FoundIn>,
    /// The tool
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The session's title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The session's project directory
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Every leg's rank and score, where asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Value>,
}

/// The answer to session search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHits {
    /// Best first
    pub hits: Vec<SessionHit>,
    /// Messages that have a word of the query (the turns beside them can be hits too); of a phrase those that have it among the
    /// best; where the messages were gone through, those that fit among the ones that were looked at
    pub matched: u64,
    /// Messages that could have matched
    pub searchable: u64,
    /// Messages that were looked at, where they were gone through: it ends when there are enough hits
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<u64>,
    /// True where more fit than are shown
    pub has_more: bool,
    /// Where the next page begins; absent at the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// `text_only`, …
    pub notes: Vec<String>,
}

/// Finds messages in the archive.
///
/// # Errors
/// `bad_input` for a time, cursor or expression that is none, `not_found` for a session or namespace that is not here.
pub fn search(call: &Call<'_>, request: &SearchRequest) -> Result<SessionHits> {
    call.engine.demand_archive()?;
    let place =
        request.cursor.as_ref().map(|cursor| cursor::open(LIST, &request.about(), cursor.as_str())).transpose()?;
    if request.within == Within::Text && !request.is_regex {
        return ranked::search(call, request, place.as_deref());
    }
    if request.sort == Some(Sort::Relevance) {
        return Err(Error::bad_input("`sort`: `relevance` is known of what was said only, and of words")
            .hint("Leave out `sort` for the latest first, or say `oldest`."));
    }
    let query = request.query.as_str();
    let pattern = if request.is_regex { Pattern::of_expression(query)? } else { Pattern::of_words(query)? };
    let after = place.map(|place| parse_key(&place)).transpose()?;
    let namespaces = namespace_ids(call, &request.filter)?;
    call.engine.archive.read(|tx| {
        let clause = clause(call, tx, &request.filter, namespaces)?;
        gone_through(tx, request, &clause, &pattern, after)
    })
}

/// The list that a cursor is of.
const LIST: &str = "session_search";

fn gone_through(
    tx: &Tx<'_>,
    request: &SearchRequest,
    clause: &SessionClause,
    pattern: &Pattern,
    after: Option<look::Key>,
) -> Result<SessionHits> {
    let (within, group, limit) = (request.within, request.group, request.limit);
    let sort = request.sort.unwrap_or(Sort::Newest);
    let max_bytes = LOOK_MAX_BYTES;
    let looked = match pattern.is_empty() {
        true => Looked::default(),
        false => look(tx, &Look { clause, pattern, within, sort, group, limit, after, max_bytes })?,
    };
    let mut notes: Vec<String> = pattern.is_empty().then(|| NO_WORD.to_owned()).into_iter().collect();
    let has_more = looked.found.len() > limit || looked.stopped.is_some();
    notes.extend(looked.stopped.map(|next| said_of_rest(&looked, sort, next)));
    let next = looked.found.get(limit.wrapping_sub(1)).filter(|_| looked.found.len() > limit);
    let next =
        next.map(|(key, _)| cursor::seal(LIST, &request.about(), &format!("{:x}.{:x}", key.0, key.1))).transpose()?;
    let (matched, searchable, looked_at) = (looked.matched, looked.meant, Some(looked.messages));
    let mut hits = Vec::new();
    for (_, found) in looked.found.into_iter().take(limit) {
        let Some(session) = tx.session(found.message.entity)? else { continue };
        let mut hit = hit_of(found.message, found.id, session, found.window);
        (hit.found_in, hit.tool) = (Some(found.found_in), found.tool.map(masked_name));
        hits.push(hit);
    }
    Ok(SessionHits { hits, matched, searchable, looked_at, has_more, next, notes })
}

fn said_of_rest(looked: &Looked, sort: Sort, next: Option<Timestamp>) -> String {
    let (which, flag) = if sort == Sort::Oldest { ("oldest", "since") } else { ("latest", "until") };
    let on = match next {
        Some(at) => format!("`--{flag} {at}` looks at the others"),
        None => "the others tell no time".to_owned(),
    };
    format!(
        "looked at the {which} {} of {} messages; {on}, and a client, project or session makes them fewer",
        looked.messages, looked.meant
    )
}

fn parse_key(place: &str) -> Result<look::Key> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok().map(u64::cast_signed);
    place.split_once('.').and_then(|(at, doc)| Some((number(at)?, number(doc)?))).ok_or_else(cursor::not_given)
}

/// A message with its session, as it is shown; not yet judged.
fn hit_of(message: MessageRow, id: String, session: SessionRow, text: String) -> SessionHit {
    SessionHit {
        session: masked_name(session.session),
        message: masked_name(id),
        client: session.client,
        role: message.role,
        author: message.author.map(masked_name),
        at: message.at,
        score: 1.0,
        text,
        found_in: None,
        tool: None,
        title: session.title.map(masked_name),
        project: session.project.map(masked_name),
        why: None,
    }
}
