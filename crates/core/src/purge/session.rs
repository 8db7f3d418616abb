//! Erasing a session: its rows leave the archive for ever, and its id is remembered, so that no sync brings it back.
//!
//! **Invariant:** called done only after no block of any of its sessions is left and the file was written anew.

use super::{ARCHIVE, Place, scrub_one, without_state};
use crate::call::Call;
use crate::secrets::masked_name;
use jay_store::{Draft, SessionRow, Store, Tx};
use jay_types::bounds::Word;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::{Error, NamespaceId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The place that is named where rows of an erased session came in meanwhile.
const A_SESSION: &str = "a session";
/// Sessions that one act destroys at most (J1 bounds its changes).
const SESSIONS_OF_ACT_MAX: usize = 1_000;

/// The answer to session erase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    /// The session, and the subagents that it started
    pub sessions: Vec<ErasedSession>,
    /// Every place that held it, and whether it is gone from there
    pub places: Vec<Place>,
    /// True only when every place is done
    pub done: bool,
    /// What there is to say
    pub notes: Vec<String>,
}

/// A session that is gone, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasedSession {
    /// The client
    pub client: String,
    /// The client's own id of the session
    pub session: String,
    /// Its messages
    pub messages: u64,
}

/// A session that is to go, with the files that it was read from.
pub(super) struct Target {
    pub(super) row: SessionRow,
    pub(super) namespace: NamespaceId,
    pub(super) sources: Vec<String>,
}

/// Destroys a session and its subagents. `is_final` is the caller's word that it knows that nothing brings it back.
///
/// # Errors
/// `refused` for everybody but a person at hand, `bad_input` without `is_final`, `not_found`, `ambiguous`.
pub fn erase(call: &Call<'_>, session: &Word, is_final: bool, dry_run: bool) -> Result<Erased> {
    call.demand_person("erasing a session")?;
    if let Some(mut erased) = call.answer_before::<Erased>()? {
        // What was postponed at the first try may be possible by now.
        erased.places = scrub_again(call, erased.places)?;
        return Ok(finished(erased));
    }
    if !is_final && !dry_run {
        return Err(Error::bad_input("erasing a session is final, so it must be asked for by its name: `purge`")
            .hint("`jay session erase ID --purge` erases it, `--dry-run` shows what that would be."));
    }
    call.engine.demand_archive()?;
    let targets = call.engine.archive.read(|tx| targets(tx, session))?;
    let mut erased = Erased {
        sessions: targets.iter().map(|target| told(&target.row)).collect(),
        places: vec![],
        done: false,
        notes: vec![
            "the client's own session files are not touched".to_owned(),
            "memories that tell of it are not touched: `jay purge ID --with-sources` looks for a memory's words everywhere"
                .to_owned(),
        ],
    };
    if dry_run {
        return Ok(erased);
    }
    let Erased { places, done, .. } = erase_targets(call, &targets)?;
    (erased.places, erased.done) = (places, done);
    // Sent again, it looks again at what had to wait.
    if call.idempotency.is_some() { call.act(|_| Ok(erased)) } else { Ok(erased) }
}

/// Destroys sessions, and says where they are gone from.
pub(super) fn erase_targets(call: &Call<'_>, targets: &[Target]) -> Result<Erased> {
    for some in targets.chunks(SESSIONS_OF_ACT_MAX) {
        destroy(call, some)?;
    }
    let mut places = scrub_one(&call.engine.archive, ARCHIVE)?;
    let nums: Vec<i64> = targets.iter().map(|target| target.row.num).collect();
    let left = call.engine.archive.read(|tx| -> Result<bool> {
        nums.iter().try_fold(false, |left, num| Ok(left || !tx.sources_of_session(*num)?.is_empty()))
    })?;
    if left {
        let who = Some("you: something was read in meanwhile; erase it again".to_owned());
        places.push(Place { place: A_SESSION.to_owned(), done: false, waiting_for: who });
    }
    Ok(finished(Erased { sessions: vec![], places, done: false, notes: vec![] }))
}

/// Tries again what the files had to wait for; rows that came in meanwhile are erased by a new call.
pub(super) fn scrub_again(call: &Call<'_>, mut places: Vec<Place>) -> Result<Vec<Place>> {
    places.retain(|place| place.place == A_SESSION);
    places.splice(..0, scrub_one(&call.engine.archive, ARCHIVE)?);
    Ok(places)
}

fn finished(mut erased: Erased) -> Erased {
    erased.done = erased.places.iter().all(|place| place.done);
    erased
}

pub(super) fn told(row: &SessionRow) -> ErasedSession {
    ErasedSession { client: row.client.clone(), session: masked_name(row.session.clone()), messages: row.messages }
}

fn targets(tx: &Tx<'_>, session: &Word) -> Result<Vec<Target>> {
    let named = Store::find_session(tx, session.as_str())?;
    let mut rows = tx.subagents_of(&named)?;
    rows.insert(0, named);
    let target = |row: SessionRow| -> Result<Target> {
        let (namespace, sources) = (tx.namespace_id_of(row.namespace)?, tx.sources_of_session(row.num)?);
        Ok(Target { row, namespace, sources })
    };
    rows.into_iter().map(target).collect()
}

fn destroy(call: &Call<'_>, targets: &[Target]) -> Result<()> {
    let paths: BTreeSet<&str> = targets.iter().flat_map(|target| &target.sources).map(String::as_str).collect();
    call.engine.archive.write(&call.caller.actor(), |w| -> Result<()> {
        for Target { row, namespace, .. } in targets {
            w.draft(Draft::new(*namespace, EntityKind::Session, row.id, Op::Purge, Body::default()));
        }
        // How far a file was read is a local record that its adapter writes: what it remembers of the rows goes too.
        for source in w.source_cursors()?.iter().filter(|source| paths.contains(source.path.as_str())) {
            w.note_source(&source.client, &source.path, source.revision, &without_state(&source.cursor))?;
        }
        Ok(())
    })
}
