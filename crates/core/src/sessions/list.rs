//! Which sessions there are.

use crate::call::Call;
use crate::cursor;
use crate::filter;
use crate::secrets::masked_name;
use jay_store::{SessionClause, SessionRow, Tx};
use jay_types::bounds::Word;
use jay_types::namespace::NamespacePath;
use jay_types::session::Role;
use jay_types::{Error, NamespaceId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which sessions or messages are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionFilter {
    /// Only sessions of this client
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Word>,
    /// Only sessions of this namespace
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespacePath>,
    /// Only sessions whose project directory contains this text
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Word>,
    /// Only sessions that were taken in on this machine, by its name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Word>,
    /// Only messages at or after this time (2026-05-01, RFC 3339, or an age such as 3d)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Word>,
    /// Only messages before this time
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Word>,
    /// Only messages of this role
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Only this session (its id, or at least 6 characters of either end of it)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Word>,
}

/// A session as every door shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// The client
    pub client: String,
    /// The client's own id
    pub session: String,
    /// Its title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The project directory
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Its namespace
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The session that it was spawned or forked from
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The agent within the client
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// First time told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Last time told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Messages in it
    pub messages: u64,
}

/// The answer to session list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsListed {
    /// Latest first
    pub sessions: Vec<SessionView>,
    /// Where the next page begins; absent at the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Lists archived sessions, latest first.
///
/// # Errors
/// `bad_input` for a time or cursor that is none, `not_found` for a session or namespace that is not here.
pub fn list(call: &Call<'_>, filter: &SessionFilter, limit: usize, cursor: Option<&str>) -> Result<SessionsListed> {
    call.engine.demand_archive()?;
    let after = cursor.map(|cursor| parse_place(&cursor::open("sessions", filter, cursor)?)).transpose()?;
    let namespaces = namespace_ids(call, filter)?;
    let (mut rows, ids) = call.engine.archive.read(|tx| -> Result<_> {
        let clause = clause(call, tx, filter, namespaces)?;
        let rows = tx.sessions(&clause, limit + 1, after)?;
        let ids = rows.iter().map(|row| tx.namespace_id_of(row.namespace)).collect::<Result<Vec<_>, _>>()?;
        Ok((rows, ids))
    })?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| format!("{:x}-{:x}", row.latest, row.num));
    let next = next.map(|place| cursor::seal("sessions", filter, &place)).transpose()?;
    let paths = paths(call, &ids)?;
    let sessions = rows.into_iter().zip(paths).map(|(row, path)| masked(view(row, Some(path)))).collect();
    Ok(SessionsListed { sessions, next })
}

fn parse_place(place: &str) -> Result<(i64, i64)> {
    place
        .split_once('-')
        .and_then(|(at, num)| Some((i64::from_str_radix(at, 16).ok()?, i64::from_str_radix(num, 16).ok()?)))
        .ok_or_else(cursor::not_given)
}

/// A session as it is stored.
pub(super) fn view(row: SessionRow, namespace: Option<String>) -> SessionView {
    SessionView {
        client: row.client,
        session: row.session,
        title: row.title,
        project: row.project,
        namespace,
        parent: row.parent,
        agent: row.agent,
        started_at: row.started_at,
        ended_at: row.ended_at,
        messages: row.messages,
    }
}

/// A session as it may be shown: what its file says of it can hold a secret as well as what was said.
pub(super) fn masked(view: SessionView) -> SessionView {
    let mask = |name: Option<String>| name.map(masked_name);
    SessionView {
        session: masked_name(view.session),
        title: mask(view.title),
        project: mask(view.project),
        namespace: mask(view.namespace),
        parent: mask(view.parent),
        agent: mask(view.agent),
        ..view
    }
}

/// The paths of namespaces, as the memory knows them.
pub(crate) fn paths(call: &Call<'_>, ids: &[NamespaceId]) -> Result<Vec<String>> {
    call.engine.memory.read(|tx| {
        ids.iter()
            .map(|id| match tx.namespace_num(*id)? {
                Some(num) => Ok(tx.path_of(tx.goes_on_as(num)?)?),
                None => Ok(id.to_string()),
            })
            .collect()
    })
}

/// The ids of the namespace that a filter names; the memory knows paths, the archive only ids.
pub(super) fn namespace_ids(call: &Call<'_>, filter: &SessionFilter) -> Result<Option<Vec<NamespaceId>>> {
    let Some(path) = &filter.namespace else { return Ok(None) };
    call.engine.memory.read(|tx| {
        crate::namespaces::find(tx, path)?;
        let nums = crate::namespaces::with_merged(tx, &tx.namespaces_at(path.as_str())?)?;
        let ids = nums.into_iter().map(|num| tx.namespace_id_of(num));
        Ok(Some(ids.collect::<Result<Vec<_>, _>>()?))
    })
}

/// Refuses a client that no adapter knows and of which nothing is archived: it is a slip of the pen.
fn demand_known(tx: &Tx<'_>, client: &str) -> Result<()> {
    match jay_sessions::adapter(client) {
        Err(_) if tx.has_client(client)? => Ok(()),
        known => known.map(|_| ()),
    }
}

/// Those of the clients of which no adapter reads sessions and none is archived here. Another machine may have some all the same: agents
/// hand sessions in under any name.
///
/// # Errors
/// What the store says.
pub fn unknown_clients(call: &Call<'_>, clients: &[String]) -> Result<Vec<String>> {
    let archive = call.engine.stores().1;
    let mut unknown = Vec::new();
    for client in clients {
        let is_known = jay_sessions::adapter(client).is_ok()
            || (archive.exists() && archive.read::<_, Error>(|tx| Ok(tx.has_client(client)?))?);
        if !is_known {
            unknown.push(client.clone());
        }
    }
    Ok(unknown)
}

/// The filter in the store's terms.
pub(super) fn clause(
    call: &Call<'_>,
    tx: &Tx<'_>,
    filter: &SessionFilter,
    namespaces: Option<Vec<NamespaceId>>,
) -> Result<SessionClause> {
    let namespaces = match namespaces {
        None => None,
        Some(ids) => {
            let nums = ids.into_iter().map(|id| tx.namespace_num(id)).collect::<Result<Vec<_>, _>>()?;
            Some(nums.into_iter().flatten().collect())
        }
    };
    if let Some(client) = &filter.client {
        demand_known(tx, client.as_str())?;
    }
    let session = match &filter.session {
        Some(word) => Some(jay_store::Store::find_session(tx, word.as_str())?.num),
        None => None,
    };
    // Only what is shown is compared: who may list sessions must not feel for a secret in a path.
    let projects = match &filter.project {
        Some(text) => {
            let is_meant = |project: &String| masked_name(project.clone()).contains(text.as_str());
            Some(tx.projects()?.into_iter().filter(is_meant).collect())
        }
        None => None,
    };
    Ok(SessionClause {
        client: filter.client.as_ref().map(|client| client.as_str().to_owned()),
        namespaces,
        projects,
        host: filter.host.as_ref().map(|host| host.as_str().to_owned()),
        since: filter::time("since", filter.since.as_ref(), call.now)?,
        until: filter::time("until", filter.until.as_ref(), call.now)?,
        role: filter.role,
        session,
    })
}
