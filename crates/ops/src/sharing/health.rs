//! What status and doctor say of sharing: a line for each remote, and what is wrong, with the command that helps.
//!
//! Both are made of what `jay sync status` knows. No remote is asked, but where doctor is told to.
//!
//! **Invariant:** what is not known is not told as nothing; that something here cannot be read keeps nothing else from being told.

use super::synced::{LastRemoteSync, NodeStatus, RemoteStatus, SyncStatus, last};
use super::{all, open};
use jay_core::Call;
use jay_core::diagnostics::{Finding, Status};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::status::status;
use jay_transfer::vault::faults::key_faults;
use jay_transfer::vault::keys::VaultKeys;
use jay_types::text::counted;
use jay_types::time::{DAY, MINUTE};
use jay_types::{Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// After how long without a good sync one is reminded.
const REMIND_AFTER: i64 = 7 * DAY;

/// A remote in a line of status
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteHealth {
    /// The remote
    pub name: String,
    /// When the last sync with it ended well; absent before the first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// Changes of other machines that are not here, at least; absent where none has told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_come: Option<u64>,
    /// Changes from here that the machine furthest behind has not told of having; absent where that is not known of any
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_go: Option<u64>,
    /// Changes from here that no file there carries; absent where that is not known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_share: Option<u64>,
    /// Files that are not taken in yet
    pub files_waiting: u64,
    /// Files that are complete and cannot be read
    pub files_not_read: u64,
    /// Files that still hold what was purged
    pub purges_pending: u64,
}

/// How this store shares with other machines
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncHealth {
    /// True where this machine belongs to the vault of its remotes
    pub is_member: bool,
    /// How the last sync ended; absent before the first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRemoteSync>,
    /// Every remote
    pub remotes: Vec<RemoteHealth>,
}

/// What this store holds, and how it shares it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// What it holds
    #[serde(flatten)]
    pub status: Status,
    /// How it shares with other machines; absent where it has no remote
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncHealth>,
    /// Why it is not known how it shares; absent where that is known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_error: Option<String>,
}

/// What is known of sharing.
struct Known {
    status: SyncStatus,
    last: Option<LastRemoteSync>,
    /// A remote on which this machine has told of itself, as nobody can without keys.
    told_on: Option<String>,
    /// True where this data directory was another node before: it was copied or rolled back.
    goes_on: bool,
}

/// The lines of status and what is wrong; nothing where there is no remote.
///
/// # Errors
/// Where something of it cannot be read: then it is not known.
pub(crate) fn health(call: &Call<'_>) -> Result<Option<(SyncHealth, Vec<Finding>)>> {
    let Some(known) = known(call)? else { return Ok(None) };
    let wrong = wrong(&known, call.now);
    let health = SyncHealth {
        is_member: known.status.vault.as_ref().is_some_and(|vault| vault.is_member),
        remotes: known.status.remotes.iter().map(of_remote).collect(),
        last: known.last,
    };
    Ok(Some((health, wrong)))
}

fn known(call: &Call<'_>) -> Result<Option<Known>> {
    let remotes = all(call)?;
    if remotes.is_empty() {
        return Ok(None);
    }
    let (memory, archive) = call.engine.stores();
    let has_told = |name: &&String| RemoteState::load(memory, name).is_ok_and(|state| state.own.is_some());
    Ok(Some(Known {
        status: status(memory, archive, &remotes, call.now)?,
        last: last(call)?,
        told_on: remotes.iter().map(|remote| &remote.name).find(has_told).cloned(),
        goes_on: !memory.successions()?.is_empty(),
    }))
}

fn of_remote(remote: &RemoteStatus) -> RemoteHealth {
    let members = || remote.nodes.iter().filter(|node| !node.is_here && node.standing == "member");
    let not_read = remote.faults.iter().filter(|file| file.is_quarantined).count();
    RemoteHealth {
        name: remote.name.clone(),
        last_success: remote.last_success,
        to_come: members().filter_map(|node| node.lacking_here).reduce(u64::saturating_add),
        to_go: members().filter_map(|node| if node.is_equal { Some(0) } else { node.lacking_there }).max(),
        to_share: remote.to_share,
        files_waiting: (remote.faults.len() - not_read) as u64,
        files_not_read: not_read as u64,
        purges_pending: remote.purges_pending.len() as u64,
    }
}

/// Every check of doctor; `ask` tries the remotes too.
pub(crate) fn findings(call: &Call<'_>, ask: bool) -> Vec<Finding> {
    let known = match known(call) {
        Ok(None) => return keys(call),
        Ok(Some(known)) => known,
        Err(error) => {
            let keys = keys(call);
            let is_said = keys.iter().any(|finding| finding.message == error.message);
            return if is_said { keys } else { [keys, vec![Finding::of_error("sync", &error)]].concat() };
        }
    };
    let mut findings = keys(call);
    let wrong = wrong(&known, call.now);
    if known.status.vault.is_some() {
        let is_well = |name: &str| !wrong.iter().any(|finding| finding.check == check_of(name));
        let well = known.status.remotes.iter().filter(|remote| is_well(&remote.name));
        findings.extend(well.map(|remote| Finding::ok(&check_of(&remote.name), said_of(remote))));
    }
    findings.extend(wrong);
    if ask {
        findings.extend(known.status.remotes.iter().map(|remote| asked(call, remote)));
    }
    findings
}

fn check_of(remote: &str) -> String {
    format!("sync {remote}")
}

/// The keys of this machine, held against the journal; nothing where it has none.
fn keys(call: &Call<'_>) -> Vec<Finding> {
    let store = call.engine.stores().0;
    let check = "vault keys";
    let faults =
        VaultKeys::load(store).and_then(|keys| keys.map(|keys| Ok((key_faults(store, &keys)?, keys.name))).transpose());
    match faults {
        Ok(None) => Vec::new(),
        Ok(Some((faults, name))) if faults.is_empty() => {
            vec![Finding::ok(check, format!("those of `{name}` fit its journal"))]
        }
        Ok(Some((faults, _))) => faults.iter().map(|fault| Finding::of_error(check, fault)).collect(),
        Err(error) => vec![Finding::of_error(check, &error)],
    }
}

/// Asks a remote for its list.
fn asked(call: &Call<'_>, remote: &RemoteStatus) -> Finding {
    let check = format!("remote {}", remote.name);
    match open(call, &remote.url).and_then(|opened| opened.list("nodes/")) {
        Ok(listing) => {
            Finding::ok(&check, format!("it answers, with {}", counted(listing.len() as u64, "file", "files")))
        }
        Err(error) => Finding::of_error(&check, &error),
    }
}

/// What is wrong, of every remote.
fn wrong(known: &Known, now: Timestamp) -> Vec<Finding> {
    let (status, last) = (&known.status, known.last.as_ref());
    let mut findings = Vec::new();
    findings.extend(standing(known));
    if let Some(last) = last.filter(|last| last.outcome == "error") {
        let why = last.error.as_deref().unwrap_or("it is not known why");
        findings.push(
            Finding::warning("last sync", format!("it failed at {}: {why}", last.finished_at))
                .hint("`jay sync` tries again; `jay remote check NAME` tries one remote."),
        );
    }
    for remote in &status.remotes {
        wrong_with(remote, status.vault.is_some(), now, &mut findings);
    }
    findings
}

/// Why what is written here counts for nobody, where it does not.
fn standing(known: &Known) -> Option<Finding> {
    let only = known.status.remotes.first().filter(|_| known.status.remotes.len() == 1);
    let name = only.map_or("REMOTE", |only| only.name.as_str());
    let invite =
        format!("`jay vault invite {name}` on a machine that does, then here `jay vault join {name} --code CODE`.");
    match (&known.status.vault, &known.told_on) {
        (None, None) => {
            let message = "this machine belongs to no vault yet: nothing is shared";
            Some(Finding::warning("vault", message.to_owned()).hint(&invite))
        }
        (None, Some(remote)) => {
            let message = format!("state/vault.json is missing, and this machine has synced with `{remote}`");
            let hint = format!("Put it back from a copy of the data directory, or join again: {invite}");
            Some(Finding::bad("vault keys", message).hint(&hint))
        }
        (Some(vault), _) if !vault.is_member => {
            let why = if known.goes_on { " (it was copied or rolled back, and goes on as a new node)" } else { "" };
            let message =
                format!("this machine is not let into `{}` yet{why}: what it shares counts for nobody", vault.name);
            let hint = format!(
                "Run `jay sync {name}` on a machine that belongs to it, then here. Where nothing speaks for this one, \
                 `jay vault add` there lets it in."
            );
            Some(Finding::warning("vault", message).hint(&hint))
        }
        (Some(_), _) => None,
    }
}

fn wrong_with(remote: &RemoteStatus, is_joined: bool, now: Timestamp, findings: &mut Vec<Finding>) {
    let (check, name) = (check_of(&remote.name), &remote.name);
    let mut say = |message: String, hint: &str| findings.push(Finding::warning(&check, message).hint(hint));
    let by_itself = format!("`jay sync {name}` syncs now; `jay schedule start --every 15m` does it by itself.");
    match remote.last_success {
        None if is_joined => say("it was never synced with".to_owned(), &by_itself),
        Some(at) if now.0.saturating_sub(at.0) > REMIND_AFTER => {
            say(format!("the last good sync ended at {at}"), &by_itself);
        }
        Some(at) if at.0.saturating_sub(now.0) > 5 * MINUTE => {
            let message =
                format!("the last good sync ended at {at} by a clock that was ahead: when that was is not known");
            say(message, &by_itself);
        }
        _ => {}
    }
    let bad = remote.faults.iter().filter(|file| file.is_quarantined);
    let (stray, bad): (Vec<_>, Vec<_>) = bad.partition(|file| file.is_stray());
    let by_owner = "`jay sync status` lists them. Run `jay sync` on the machines that wrote them: it writes what they carried anew.";
    let by_hand = "`jay sync status` lists them. No machine gave them these names, so that no sync removes them: remove them there.";
    for (files, hint) in [(bad, by_owner), (stray, by_hand)] {
        if let Some(first) = files.first() {
            let files = counted(files.len() as u64, "file cannot be read", "files cannot be read");
            say(format!("{files}, the first: {}: {}", first.path, first.why), hint);
        }
    }
    if let Some(first) = remote.purges_pending.first() {
        let files = counted(remote.purges_pending.len() as u64, "file still holds", "files still hold");
        say(
            format!("{files} what was purged, the first: {first}"),
            "Run `jay sync` on the machines that wrote them; of one that is away for 7 days another member does it.",
        );
    }
    for asking in &remote.asking {
        let hint = format!("`jay vault add {}` lets it in.", asking.node);
        say(format!("{} asks to be let in", asking.name), &hint);
    }
    for contested in &remote.contested {
        say(contested.said(), &contested.hint());
    }
    for node in &remote.nodes {
        if let Some(generation) = node.rolled_back_to {
            say(
                format!(
                    "rolled_back: it shows an older telling ({generation}) of {} again; nothing is applied backwards",
                    called(node)
                ),
                "The next sync of that machine writes a newer one; see whether the carrier keeps or restores old files.",
            );
        }
        // Of changes that came ahead the stores tell by themselves.
        let ahead = node.clock_ahead.filter(|off| off.changes == 0);
        for (off, direction) in [(ahead, "ahead of"), (node.clock_behind, "behind")] {
            if let Some(off) = off.filter(|off| off.is_now) {
                say(
                    format!("{}: {}", called(node), off.said(direction)),
                    "Set the clock that is wrong, that machine's or this one's: the times that it writes are wrong, and no write is \
                     lost by it.",
                );
            }
        }
    }
}

/// A remote with which nothing is wrong, in one line.
fn said_of(remote: &RemoteStatus) -> String {
    let health = of_remote(remote);
    let machines = remote.nodes.iter().filter(|node| node.standing == "member").count();
    let number = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let last = remote.last_success.map_or_else(|| "never synced".to_owned(), |at| format!("synced at {at}"));
    let waiting = match health.files_waiting {
        0 => String::new(),
        files => format!("; {}", counted(files, "file waits", "files wait")),
    };
    let to_share = match health.to_share {
        Some(changes @ 1..) => format!("; {} to share", counted(changes, "change", "changes")),
        _ => String::new(),
    };
    format!(
        "{last}; {}; {} to come, {} to go{to_share}{waiting}",
        counted(machines as u64, "machine", "machines"),
        number(health.to_come),
        number(health.to_go),
    )
}

fn called(node: &NodeStatus) -> String {
    if node.name.is_empty() { node.node.to_string() } else { node.name.clone() }
}
