//! Purge: the words of a memory leave every place that this store knows of, for ever (J10, J11).
//!
//! **Invariant:** a purge is called done only after every body that is left was decompressed and looked through again.

mod needle;
mod retention;
mod search;
mod session;

use crate::call::Call;
use crate::read::GET_MAX;
use jay_store::{Draft, Store, Tx};
use jay_types::bounds::Word;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::{EntityId, Error, NamespaceId, Result};
use needle::Needles;
pub use retention::{Retained, RuleApplied, retain};
use schemars::JsonSchema;
use search::{Holding, in_archive, in_memory};
use serde::{Deserialize, Serialize};
pub use session::{Erased, ErasedSession, erase};
use std::collections::{BTreeMap, BTreeSet};

/// Characters from which a title is looked for too: `Port` says nothing of its memory.
const TITLE_MIN_CHARS: usize = 12;

/// The answer to purge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// The memories: those named, those that they were moved from or to, and those that say the same and read as one
    pub memories: Vec<EntityId>,
    /// Archived sessions that hold the text
    pub sessions: Vec<SessionHolding>,
    /// Other memories that hold the text; they are not touched
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_memories: Vec<EntityId>,
    /// Every place that held the text, and whether it is gone from there
    pub places: Vec<Place>,
    /// True only when every place is done
    pub done: bool,
    /// What there is to say
    pub notes: Vec<String>,
}

/// An archived session that holds a purged text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SessionHolding {
    /// The client
    pub client: String,
    /// The client's own id of the session
    pub session: String,
    /// The client's own id of the message; absent where the text stands in a row or a title that is no message
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
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
        purged.places = scrub(call, !purged.sessions.is_empty() && purged.sessions.iter().all(|held| held.purged))?;
        let others = call.engine.memory.read(|tx| still_there(tx, &purged.other_memories))?;
        purged.other_memories = others;
        return Ok(finished(purged, 0));
    }
    let targets = call.engine.memory.read(|tx| targets(tx, ids))?;
    let needles = Needles::of(targets.values().flat_map(Target::words));
    let archive = in_archive(call, &needles)?;
    let memory = in_memory(call, &needles, &targets.keys().copied().collect())?;
    let mut purged = Purged {
        memories: targets.values().map(|target| target.id).collect(),
        sessions: archive.sessions.iter().map(|(_, held)| held.clone()).collect(),
        other_memories: memory.memories.into_iter().collect(),
        places: vec![],
        done: false,
        notes: notes(&archive, with_sources),
    };
    if dry_run {
        return Ok(purged);
    }
    let takes_sessions = with_sources && !archive.sessions.is_empty();
    if takes_sessions {
        purge_sessions(call, &archive, &needles)?;
        purged.sessions.iter_mut().for_each(|session| session.purged = true);
    }
    call.act(|w| {
        for target in targets.values() {
            w.draft(Draft::new(target.namespace, EntityKind::Memory, target.id, Op::Purge, Body::default()));
        }
        Ok(purged.clone())
    })?;
    purged.places = scrub(call, takes_sessions)?;
    // The files are looked through again: what was written meanwhile, or was missed above, keeps this from being done.
    let mut unreadable = archive.unreadable;
    if takes_sessions {
        let left = in_archive(call, &needles)?;
        unreadable = left.unreadable;
        let came: Vec<SessionHolding> = left.sessions.into_iter().map(|(_, held)| held).collect();
        purged.sessions.extend(came);
    }
    let left = in_memory(call, &needles, &BTreeSet::new())?;
    purged.other_memories = left.memories.into_iter().collect();
    Ok(finished(purged, unreadable + left.unreadable))
}

/// Adds the places where the text is known to be left, and says whether all is done.
fn finished(mut purged: Purged, unreadable: u64) -> Purged {
    let left = |place: String, who: &str| Place { place, done: false, waiting_for: Some(who.to_owned()) };
    if purged.sessions.iter().any(|session| !session.purged) {
        purged.places.retain(|place| place.place != ARCHIVE);
        purged
            .places
            .push(left(ARCHIVE.to_owned(), "you: archived sessions hold the text and were not to be taken along"));
    }
    for other in &purged.other_memories {
        let who = format!("you: another memory holds the words; `jay purge {other}` destroys it too");
        purged.places.push(left(format!("memory {other}"), &who));
    }
    if unreadable > 0 {
        let who = "a newer jay: this one cannot read them, so it cannot tell";
        let changes = if unreadable == 1 { "change" } else { "changes" };
        purged.places.push(left(format!("{unreadable} {changes} of an unknown form"), who));
    }
    purged.done = purged.places.iter().all(|place| place.done);
    purged
}

fn still_there(tx: &Tx<'_>, ids: &[EntityId]) -> Result<Vec<EntityId>> {
    let mut there = Vec::new();
    for id in ids {
        for num in tx.memories_of_id(*id)? {
            if !tx.wordings(num)?.is_empty() {
                there.push(*id);
            }
        }
    }
    Ok(there)
}

struct Target {
    id: EntityId,
    namespace: NamespaceId,
    wordings: Vec<(String, Option<String>)>,
}

impl Target {
    /// What is looked for elsewhere: every text, and every title that says something.
    fn words(&self) -> impl Iterator<Item = &str> {
        let titles = self.wordings.iter().filter_map(|(_, title)| title.as_deref());
        let says =
            |title: &&str| title.chars().count() >= TITLE_MIN_CHARS && title.trim().contains(char::is_whitespace);
        self.wordings.iter().map(|(text, _)| text.as_str()).chain(titles.filter(says))
    }
}

/// The memories that are meant, with those that they were copied from, moved to or copied into, also where the move was
/// taken back since, those that were ever said to be the same, and every text they ever had.
fn targets(tx: &Tx<'_>, ids: &[Word]) -> Result<BTreeMap<i64, Target>> {
    let mut targets = BTreeMap::new();
    for id in ids {
        let named = tx.find_memory(id.as_str(), None)?;
        let (mut open, mut seen) = (vec![named], BTreeSet::from([named]));
        let before = targets.len();
        let mut is_known = false;
        while let Some(num) = open.pop() {
            let (entity, namespace) = tx.identity_of(num)?;
            let wordings = tx.wordings(num)?;
            is_known |= targets.contains_key(&num);
            if !wordings.is_empty() {
                targets.entry(num).or_insert(Target { id: entity, namespace, wordings });
            }
            // What a copy came from may be on another machine only.
            let mut next = tx.other_ends(num)?;
            next.extend(tx.said_to_be_the_same(num)?);
            open.extend(next.into_iter().filter(|num| seen.insert(*num)));
        }
        if targets.len() == before && !is_known {
            let id = jay_types::text::shorten(id.as_str(), 40);
            return Err(Error::not_found(format!("the memory `{id}` is purged already"))
                .hint("`jay doctor` tells whether bytes of purged texts are still on the disk."));
        }
    }
    Ok(targets)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionKey {
    id: EntityId,
    namespace: NamespaceId,
}

fn purge_sessions(call: &Call<'_>, holding: &Holding, needles: &Needles) -> Result<()> {
    let sessions: BTreeSet<SessionKey> = holding.sessions.iter().map(|(key, _)| *key).collect();
    call.engine.archive.write(&call.caller.actor(), |w| -> Result<()> {
        for session in sessions {
            w.draft(Draft::new(session.namespace, EntityKind::Session, session.id, Op::Purge, Body::default()));
        }
        // How far a file was read is a local record that its adapter writes: what it remembers of the rows goes too.
        for source in w.source_cursors()? {
            if needles.are_in(&source.cursor) {
                w.note_source(&source.client, &source.path, source.revision, &without_state(&source.cursor))?;
            }
        }
        Ok(())
    })
}

fn without_state(cursor: &str) -> String {
    let mut cursor: serde_json::Value = serde_json::from_str(cursor).unwrap_or_default();
    if let Some(fields) = cursor.as_object_mut() {
        fields.remove("state");
    }
    cursor.to_string()
}

fn notes(archive: &Holding, with_sources: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let sessions: BTreeSet<&SessionKey> = archive.sessions.iter().map(|(key, _)| key).collect();
    if !sessions.is_empty() && !with_sources {
        let s = if sessions.len() == 1 { "session still holds" } else { "sessions still hold" };
        notes.push(format!(
            "{} archived {s} the text: `--with-sources`, given with the purge, takes them along",
            sessions.len()
        ));
    }
    if !sessions.is_empty() && with_sources {
        notes.push("the clients' own session files are not touched".to_owned());
    }
    notes
}

/// The name of the archive as a place.
const ARCHIVE: &str = "archive.db";

/// Rewrites the files without what was deleted, now: whoever purges waits for it.
fn scrub(call: &Call<'_>, archive_too: bool) -> Result<Vec<Place>> {
    let mut places = scrub_one(&call.engine.memory, "memory.db")?;
    if archive_too {
        places.extend(scrub_one(&call.engine.archive, ARCHIVE)?);
    }
    Ok(places)
}

/// Rewrites the files of journals in which something was purged that came from another machine. What cannot be done now (somebody
/// reads) stays queued and is told.
///
/// # Errors
/// As [`Store::scrub`].
pub fn scrub_pending(engine: &crate::Engine) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for (store, name) in [(&engine.memory, "memory.db"), (&engine.archive, ARCHIVE)] {
        if store.exists() && store.read(|tx| tx.jobs_pending(Some("scrub")))? > 0 {
            places.extend(scrub_one(store, name)?);
        }
    }
    Ok(places)
}

fn scrub_one(store: &Store, name: &str) -> Result<Vec<Place>> {
    let mut places = Vec::new();
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
        waiting_for: Some("you: it is a copy made before an upgrade and holds the text; remove the file".to_owned()),
    }));
    Ok(places)
}
