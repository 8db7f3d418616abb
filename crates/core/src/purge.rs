//! Purge: the words of a memory leave every place that this store knows of, for ever (J10, J11).

use crate::engine::Call;
use crate::read::GET_MAX;
use jay_rank::analyse::index_terms;
use jay_store::{Draft, Moment, Store, TextQuery, Tx};
use jay_types::bounds::Word;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::text::normalise;
use jay_types::{EntityId, Error, NamespaceId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The answer to purge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// The memories: those named, and those that they were moved from or to
    pub memories: Vec<EntityId>,
    /// Archived sessions that hold the text
    pub sessions: Vec<SessionHolding>,
    /// Every place that held the text, and whether it is gone from there
    pub places: Vec<Place>,
    /// True only when every place is done
    pub done: bool,
    /// What there is to say
    pub notes: Vec<String>,
}

/// An archived message that holds a purged text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SessionHolding {
    /// The client
    pub client: String,
    /// The client's own id of the session
    pub session: String,
    /// The client's own id of the message
    pub message: String,
    /// True where the session was purged too
    pub purged: bool,
}

/// A place that held the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Which file
    pub place: String,
    /// Whether the text is gone from it
    pub done: bool,
    /// Who keeps it there
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

/// Destroys memories: text, versions, index entries; with `with_sources` also the archived sessions that hold the text.
///
/// # Errors
/// `refused` for everybody but a person at hand, `not_found`, `ambiguous`, `bad_input` for no or too many ids.
pub fn purge(call: &Call<'_>, ids: &[Word], with_sources: bool, dry_run: bool) -> Result<Purged> {
    call.demand_person("purge")?;
    if ids.is_empty() || ids.len() > GET_MAX {
        return Err(Error::bad_input(format!("`ids`: must name 1 to {GET_MAX} memories, not {}", ids.len())));
    }
    if let Some(mut purged) = call.answer_before::<Purged>()? {
        // What was postponed at the first try may be possible by now.
        purged.places = scrub(call, with_sources && !purged.sessions.is_empty())?;
        purged.done = purged.places.iter().all(|place| place.done);
        return Ok(purged);
    }
    let targets = call.engine.memory.read(|tx| targets(tx, ids))?;
    let holding = find_sessions(call, &targets)?;
    let mut purged = Purged {
        memories: targets.values().map(|target| target.id).collect(),
        sessions: holding.iter().map(|(_, holding)| holding.clone()).collect(),
        places: vec![],
        done: false,
        notes: notes(&targets, &holding, with_sources),
    };
    if dry_run {
        return Ok(purged);
    }
    if with_sources {
        purge_sessions(call, &holding)?;
        purged.sessions.iter_mut().for_each(|session| session.purged = true);
    }
    call.act(|w| {
        for target in targets.values() {
            w.draft(Draft::new(target.namespace, EntityKind::Memory, target.id, Op::Purge, Body::default()));
        }
        Ok(purged.clone())
    })?;
    purged.places = scrub(call, with_sources && !holding.is_empty())?;
    purged.done = purged.places.iter().all(|place| place.done);
    Ok(purged)
}

struct Target {
    id: EntityId,
    namespace: NamespaceId,
    texts: Vec<String>,
}

/// The memories that are meant, with those that they were copied from or moved to, and every text they ever had.
fn targets(tx: &Tx<'_>, ids: &[Word]) -> Result<BTreeMap<i64, Target>> {
    let mut targets = BTreeMap::new();
    let mut open: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
    let mut asked = open.len();
    while let Some(id) = open.pop() {
        let named = open.len() < asked;
        asked = asked.min(open.len());
        let num = match tx.find_memory(&id, None) {
            Ok(num) => num,
            // What a copy came from may be on another machine only.
            Err(_) if !named => continue,
            Err(error) => return Err(error.into()),
        };
        if targets.contains_key(&num) {
            continue;
        }
        let Some(row) = tx.memory(num, Moment::Latest)? else {
            return Err(Error::not_found(format!(
                "the memory `{}` is purged already",
                jay_types::text::shorten(&id, 40)
            )));
        };
        open.extend(row.memory.moved_to.into_iter().chain(row.memory.copied_from).map(|id| id.to_string()));
        let texts = tx.wordings(num)?;
        targets.insert(num, Target { id: row.memory.id, namespace: row.namespace, texts });
    }
    Ok(targets)
}

/// Archived messages that hold one of the texts, by the number of their session.
fn find_sessions(call: &Call<'_>, targets: &BTreeMap<i64, Target>) -> Result<Vec<(SessionKey, SessionHolding)>> {
    let mut found = BTreeSet::new();
    call.engine.archive.read(|tx| -> Result<()> {
        for text in targets.values().flat_map(|target| &target.texts) {
            let terms: BTreeSet<String> = index_terms(text).into_iter().collect();
            let docs = tx.documents_with(&TextQuery::all(terms.into_iter().take(64)))?;
            let needle = normalise(text);
            for (doc, said) in tx.message_texts(&docs)? {
                if !normalise(&said).contains(&needle) {
                    continue;
                }
                let Some(message) = tx.message(doc)? else { continue };
                let Some(session) = tx.session(message.entity)? else { continue };
                let key = SessionKey { id: session.id, namespace: tx.namespace_id_of(session.namespace)? };
                let holding = SessionHolding {
                    client: session.client,
                    session: session.session,
                    message: message.id,
                    purged: false,
                };
                found.insert((key, holding));
            }
        }
        Ok(())
    })?;
    Ok(found.into_iter().collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionKey {
    id: EntityId,
    namespace: NamespaceId,
}

fn purge_sessions(call: &Call<'_>, holding: &[(SessionKey, SessionHolding)]) -> Result<()> {
    let sessions: BTreeSet<SessionKey> = holding.iter().map(|(key, _)| *key).collect();
    if sessions.is_empty() {
        return Ok(());
    }
    call.engine.archive.write(&call.caller.actor(), |w| -> Result<()> {
        for session in sessions {
            w.draft(Draft::new(session.namespace, EntityKind::Session, session.id, Op::Purge, Body::default()));
        }
        Ok(())
    })
}

fn notes(targets: &BTreeMap<i64, Target>, holding: &[(SessionKey, SessionHolding)], with_sources: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !holding.is_empty() && !with_sources {
        notes.push(format!(
            "{} archived messages still hold the text; `--with-sources` takes their sessions along",
            holding.len()
        ));
    }
    if !holding.is_empty() && with_sources {
        notes.push("the clients' own session files are not touched".to_owned());
    }
    if targets.values().any(|target| target.texts.is_empty()) {
        notes.push("a memory had no text here".to_owned());
    }
    notes
}

/// Rewrites the files without what was deleted, now: whoever purges waits for it.
fn scrub(call: &Call<'_>, archive_too: bool) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    let stores: [(&Store, &str, bool); 2] =
        [(&call.engine.memory, "memory.db", true), (&call.engine.archive, "archive.db", archive_too)];
    for (store, name, wanted) in stores {
        if !wanted {
            continue;
        }
        let scrubbed = store.scrub()?;
        if scrubbed.done {
            let jobs = store.read(|tx| tx.jobs(None, usize::MAX >> 1))?;
            let done: Vec<i64> = jobs.iter().filter(|job| job.kind == "scrub").map(|job| job.num).collect();
            store.finish_jobs(&done)?;
        }
        places.push(Place { place: name.to_owned(), done: scrubbed.done, waiting_for: scrubbed.waiting_for });
        places.extend(store.copies()?.iter().map(|copy| Place {
            place: copy.display().to_string(),
            done: false,
            waiting_for: Some(
                "you: it is a copy made before an upgrade and holds the text; remove the file".to_owned(),
            ),
        }));
    }
    Ok(places)
}
