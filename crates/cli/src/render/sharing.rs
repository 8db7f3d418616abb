//! Remotes, syncs and the vault.

use super::View;
use super::text::{age, count, notes, size, table, wrap};
use crate::output::one_line;
use jay_ops::sharing::remotes::{RemoteAdded, RemoteChecked, RemoteRemoved, RemoteShown, RemoteView, Remotes};
use jay_ops::sharing::synced::{NodeStatus, RemoteStatus, SyncStatusView, Synced};
use jay_ops::sharing::vault::{Invited, Joined, Members};
use jay_types::Timestamp;

/// Characters of a node's id that tell it apart.
const NODE_CHARACTERS: usize = 8;

fn short(node: &impl ToString) -> String {
    node.to_string().chars().take(NODE_CHARACTERS).collect()
}

fn namespaces_shared(namespaces: &[String]) -> String {
    match namespaces {
        [] => "everything but private".to_owned(),
        some => some.join(", "),
    }
}

fn what_is_shared(remote: &RemoteView) -> String {
    let what = namespaces_shared(&remote.namespaces);
    match (remote.archive, remote.clients.as_slice()) {
        (false, _) => what,
        (true, []) => format!("{what}; archived sessions too"),
        (true, some) => format!("{what}; archived sessions of {} too", one_line(&some.join(", "))),
    }
}

pub(super) fn added(added: &RemoteAdded, view: &View) -> String {
    let vault = match added.vault.as_str() {
        "made" => "a vault was made there",
        "known" => "it holds this machine's vault",
        _ => "it holds a vault that this machine does not belong to yet",
    };
    let name = view.style.bold(&one_line(&added.remote.name));
    format!("{name} is {}: {vault}\n", one_line(&added.remote.url)) + &notes(&added.notes, view.style)
}

pub(super) fn listed(all: &Remotes, view: &View) -> String {
    if all.remotes.is_empty() {
        return "No remotes yet: `jay remote add home /path/to/folder` shares with other machines.\n".to_owned();
    }
    // What is shared stands below: an address fills the line, and what is cut off there would be what matters.
    let lines = |remote: &RemoteView| {
        let (name, url) = (view.style.bold(&one_line(&remote.name)), one_line(&remote.url));
        format!("{name} {url}\n{}", wrap(&one_line(&what_is_shared(remote)), view.style.width, 2))
    };
    all.remotes.iter().map(lines).collect()
}

pub(super) fn removed(removed: &RemoteRemoved, view: &View) -> String {
    format!("{} is no longer a remote\n", one_line(&removed.remote.name)) + &notes(&removed.notes, view.style)
}

pub(super) fn checked(checked: &RemoteChecked, view: &View) -> String {
    let rows = [
        ("where", checked.remote.url.clone()),
        ("holds", format!("{}, {}", count(checked.files, "file", "files"), size(checked.bytes))),
        ("vault", if checked.is_ours { "this machine's" } else { "not this machine's" }.to_owned()),
        (
            "writes",
            if checked.is_writable { "a file was written, read back and removed" } else { "NOT possible" }.to_owned(),
        ),
        ("took", format!("{} ms", checked.duration_ms)),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![format!("  {name}:"), value]).collect();
    format!("{}\n{}", view.style.bold(&one_line(&checked.remote.name)), table(&rows, view.style.width))
        + &notes(&checked.notes, view.style)
}

pub(super) fn synced(synced: &Synced, view: &View) -> String {
    let mut text = String::new();
    for remote in &synced.remotes {
        let name = view.style.bold(&one_line(&remote.remote));
        match &remote.error {
            Some(error) => text += &format!("{name}: FAILED: {}\n", one_line(error)),
            None => {
                let (pushed, pulled) = if view.dry_run { ("to share", "to bring") } else { ("shared", "brought") };
                let (out, into) =
                    (count(remote.pushed, "change", "changes"), count(remote.pulled, "change", "changes"));
                let moved = format!("{} written, {} read", size(remote.bytes_written), size(remote.bytes_read));
                text += &format!("{name}: {out} {pushed}, {into} {pulled} ({moved})\n");
            }
        }
        for file in &remote.files {
            let mark = if file.is_quarantined { "not read" } else { "waits" };
            text += &format!("  {mark}: {}: {}\n", one_line(&file.path), one_line(&file.why));
        }
    }
    let told = synced.nodes.iter().filter(|node| node.applied + node.deferred + node.refused > 0);
    let rows: Vec<Vec<String>> = told
        .map(|node| {
            let name = node.name.clone().unwrap_or_default();
            let mut words = vec![count(node.applied, "change", "changes")];
            words.extend((node.deferred > 0).then(|| format!("{} deferred", node.deferred)));
            words.extend((node.refused > 0).then(|| format!("{} refused", node.refused)));
            vec![format!("  from {}", short(&node.node)), name, words.join(", ")]
        })
        .collect();
    if !rows.is_empty() {
        text += &table(&rows, view.style.width);
    }
    if synced.not_embedded > 0 {
        let waiting = count(synced.not_embedded, "text waits", "texts wait");
        text += &format!("{waiting} for a vector and is found by its words meanwhile: `jay jobs run --until-empty`\n");
    }
    text + &notes(&synced.notes, view.style)
}

pub(super) fn status(status: &SyncStatusView, view: &View) -> String {
    let mut text = String::new();
    if let Some(vault) = &status.status.vault {
        let standing = if vault.is_member { "a member" } else { "not let in yet" };
        let epoch = vault.epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
        let key = if vault.has_key { "" } else { ", its key has not come yet" };
        text += &format!(
            "vault {} ({}){epoch}{key}: this machine is {standing}\n",
            one_line(&vault.name),
            short(&vault.id)
        );
    }
    match &status.last {
        Some(last) if last.outcome == "ok" => {
            text += &format!(
                "last sync {}: {} shared, {} brought\n",
                age(last.finished_at, view.now),
                count(last.pushed, "change", "changes"),
                count(last.pulled, "change", "changes")
            );
        }
        Some(last) if last.outcome == "stopped" => {
            text += &format!(
                "last sync {}: stopped with its server; the next one goes on\n",
                age(last.finished_at, view.now)
            );
        }
        Some(last) => {
            let error = last.error.as_deref().unwrap_or("it is not known why");
            text += &format!("last sync {}: FAILED: {}\n", age(last.finished_at, view.now), one_line(error));
        }
        None if !status.status.remotes.is_empty() => text += "last sync: never\n",
        None => {}
    }
    for remote in &status.status.remotes {
        text += &format!("\n{}", remote_shown(remote, "", view));
    }
    let held = |what: &str, all: &[jay_ops::sharing::synced::Held]| -> String {
        let line = |held: &jay_ops::sharing::synced::Held| {
            let count = held.count.map(|count| format!("{count} ")).unwrap_or_default();
            let from = held.retry_from.map(|from| format!(", taken in from {from} on")).unwrap_or_default();
            let (node, reason) = (short(&held.node), one_line(&held.reason));
            format!("  {what} of {node}: {count}{reason} {}{from}", one_line(&held.detail))
        };
        all.iter().map(|held| line(held).trim_end().to_owned() + "\n").collect()
    };
    text += &held("deferred", &status.status.deferred);
    text += &held("refused", &status.status.refused);
    if status.status.forks > 0 {
        text += &format!(
            "{}: streams that a copied or rolled-back store wrote twice\n",
            count(status.status.forks, "fork", "forks")
        );
    }
    text + &notes(&status.status.notes, view.style)
}

pub(super) fn shown(remote: &RemoteShown, view: &View) -> String {
    let mut shares = vec![namespaces_shared(&remote.namespaces)];
    if !remote.namespaces.is_empty() {
        shares.push("with what is below".to_owned());
    }
    let sessions = match (remote.archive, remote.clients.as_slice()) {
        (false, _) => "not shared".to_owned(),
        (true, []) => "of every client".to_owned(),
        (true, some) => format!("of {} only", some.join(", ")),
    };
    let line = |name: &str, what: &str| wrap(&one_line(&format!("{name}: {what}")), view.style.width, 2);
    let about = line("shares", &shares.join(", "))
        + &line("archived sessions", &sessions)
        + &format!("  added: {}\n", age(remote.added_at, view.now));
    remote_shown(&remote.status, &about, view)
}

/// A remote, with lines `about` it below its name.
fn remote_shown(remote: &RemoteStatus, about: &str, view: &View) -> String {
    let last = remote.last_success.map_or_else(|| "never".to_owned(), |at| age(at, view.now));
    let to_share = match remote.to_share {
        Some(changes @ 1..) => format!(", {} to share", count(changes, "change", "changes")),
        _ => String::new(),
    };
    let mut text = format!(
        "{} {}\n  {} in {}{to_share}, last good sync {last}\n",
        view.style.bold(&one_line(&remote.name)),
        one_line(&remote.url),
        remote.changes.map_or_else(|| "unknown changes".to_owned(), |changes| count(changes, "change", "changes")),
        count(remote.files, "file", "files"),
    );
    text += about;
    let rows: Vec<Vec<String>> =
        remote.nodes.iter().filter(|node| node.standing != "history").map(|node| node_row(node, view)).collect();
    text += &table(&rows, view.style.width);
    for node in &remote.nodes {
        let name = if node.name.is_empty() { short(&node.node) } else { one_line(&node.name) };
        text.extend(told_of(node).iter().map(|what| format!("  {name}: {what}\n")));
    }
    for file in &remote.faults {
        let mark = if file.is_quarantined { "not read" } else { "waits" };
        text += &format!("  {mark}: {}: {}\n", one_line(&file.path), one_line(&file.why));
    }
    for path in &remote.purges_pending {
        text += &format!("  holds what was purged until its owner syncs: {}\n", one_line(path));
    }
    for asking in &remote.asking {
        let node = short(&asking.node);
        text += &format!("  {} ({node}) asks to join: `jay vault add {node}` lets it in\n", one_line(&asking.name));
    }
    for contested in &remote.contested {
        text += &format!("  {}. {}\n", contested.said(), contested.hint());
    }
    text
}

fn node_row(node: &NodeStatus, view: &View) -> Vec<String> {
    let mut words = Vec::new();
    match (node.is_here, node.told_at) {
        (true, _) => words.push("this machine".to_owned()),
        (false, None) => words.push("has not told of itself yet".to_owned()),
        (false, Some(at)) => {
            let lag = match (node.lacking_here, node.lacking_there) {
                _ if node.is_equal => "equal".to_owned(),
                (Some(0), Some(0)) => "nothing is lacking".to_owned(),
                (here, there) => {
                    let number = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
                    format!("{} to come here, {} to go there", number(here), number(there))
                }
            };
            words.push(format!("{lag}, told {}", age(at, view.now)));
        }
    }
    if node.standing != "member" {
        words.push(node.standing.clone());
    }
    vec![format!("  {}", short(&node.node)), node.name.clone(), words.join("; ")]
}

/// What else there is to say of a node, a line each: a row of a table is cut where the terminal ends.
fn told_of(node: &NodeStatus) -> Vec<String> {
    let mut told = Vec::new();
    if !node.clients.is_empty() {
        told.push(format!("shares sessions of {} only", one_line(&node.clients.join(", "))));
    }
    let deferred = node.deferred_there.filter(|n| *n > 0);
    told.extend(deferred.map(|n| format!("cannot apply {}", count(n, "change", "changes"))));
    told.extend(node.rolled_back_to.map(|to| format!("rolled_back: the remote shows its telling {to} again")));
    let clocks = [(node.clock_ahead, "ahead of"), (node.clock_behind, "behind")];
    told.extend(clocks.into_iter().filter_map(|(off, direction)| Some(off?.said(direction))));
    told
}

/// To the minute: nobody needs more of a day.
fn until(at: Timestamp) -> String {
    let text = at.rfc3339();
    let minute = text.get(..16).map(|minute| minute.replace('T', " "));
    minute.map_or_else(|| format!("until {text}"), |minute| format!("until {minute} UTC"))
}

pub(super) fn invited(invited: &Invited, view: &View) -> String {
    format!("{}\n", view.style.bold(&invited.code))
        + &format!("It counts once, {}.\n", until(invited.expires_at))
        + &notes(&invited.notes, view.style)
}

pub(super) fn joined(joined: &Joined, view: &View) -> String {
    let founder = short(&joined.founder);
    format!("joined the vault {} of {} (founder {founder})\n", one_line(&joined.name), one_line(&joined.remote))
        + &notes(&joined.notes, view.style)
}

pub(super) fn members(members: &Members, view: &View) -> String {
    let epoch = members.epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
    let mut text = format!("{} ({}){epoch}\n", view.style.bold(&one_line(&members.name)), short(&members.vault));
    let rows: Vec<Vec<String>> = members
        .members
        .iter()
        .map(|member| {
            let came = match (member.admitted.as_str(), member.of) {
                ("founder", _) => "made the vault".to_owned(),
                ("invite", _) => "invited".to_owned(),
                ("succession", Some(of)) => format!("goes on from {}", short(&of)),
                ("person", _) => "let in by a person".to_owned(),
                (other, _) => other.to_owned(),
            };
            let here = if member.is_here { "this machine" } else { "" };
            vec![
                format!("  {}", short(&member.node)),
                member.name.clone(),
                member.standing.clone(),
                came,
                here.to_owned(),
            ]
        })
        .collect();
    text += &table(&rows, view.style.width);
    for recipient in &members.recipients {
        text += &format!("  keys are wrapped for {}\n", one_line(recipient));
    }
    text + &notes(&members.notes, view.style)
}
