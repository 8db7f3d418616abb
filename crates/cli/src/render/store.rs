//! The store itself: namespaces, status, doctor, jobs, purges.

use super::View;
use super::text::{age, count, notes, table};
use crate::output::one_line;
use jay_core::diagnostics::{Diagnosis, JobView, JobsRun, Severity, Status};
use jay_core::evaluate::Evaluation;
use jay_core::namespaces::{Deleted, Merged, NamespaceView};
use jay_core::purge::{Place, Purged};
use jay_ops::sharing::health::{RemoteHealth, StatusView};

pub(super) fn namespaces(all: &[NamespaceView], view: &View) -> String {
    let row = |namespace: &NamespaceView| {
        vec![
            namespace.path.clone(),
            count(namespace.memories, "memory", "memories"),
            if namespace.private { "private".to_owned() } else { String::new() },
            namespace.aliases.iter().chain(&namespace.remotes).cloned().collect::<Vec<_>>().join(", "),
        ]
    };
    if all.is_empty() {
        return "No namespaces yet: the first `jay remember` makes one.\n".to_owned();
    }
    table(&all.iter().map(row).collect::<Vec<_>>(), view.style.width)
}

pub(super) fn namespace(namespace: &NamespaceView, view: &View) -> String {
    let rows = [
        ("id", namespace.id.to_string()),
        ("memories", namespace.memories.to_string()),
        ("secrets", namespace.secrets.name().to_owned()),
        ("aliases", namespace.aliases.join(", ")),
        ("remotes", namespace.remotes.join(", ")),
        ("made", age(namespace.created_at, view.now)),
        ("private", if namespace.private { "yes: it never leaves this machine".to_owned() } else { String::new() }),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![format!("  {name}:"), value])
        .collect();
    format!("{}\n{}", view.style.bold(&one_line(&namespace.path)), table(&rows, view.style.width))
}

pub(super) fn merged(merged: &Merged, view: &View) -> String {
    let moved = count(merged.moved, "memory", "memories");
    let into = one_line(&merged.into.path);
    let text = match view.dry_run {
        true => format!("{moved} would be moved into {into}\n"),
        false => format!("{moved} moved into {into}, which has {} now\n", merged.into.memories),
    };
    text + &notes(&merged.notes, view.style)
}

pub(super) fn deleted(deleted: &Deleted, view: &View) -> String {
    let retired = count(deleted.retired, "memory", "memories");
    let would = if view.dry_run { "would be" } else { "is" };
    format!("{} {would} retired, and with it {retired}\n", one_line(&deleted.path))
}

pub(super) fn status(answer: &StatusView, view: &View) -> String {
    let status = &answer.status;
    if !status.exists {
        return format!("There is no store in {} yet; the first `jay remember` makes one.\n", one_line(&status.store));
    }
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    let unknown = || "unknown".to_owned();
    let gone = || format!("unknown: {} is missing", status.missing.join(" and "));
    let mut rows = vec![
        ("store", status.store.clone()),
        (
            "memories",
            status
                .memories
                .zip(status.namespaces)
                .map_or_else(gone, |(all, spaces)| format!("{all} in {}", count(spaces, "namespace", "namespaces"))),
        ),
        (
            "sessions",
            status
                .sessions
                .zip(status.messages)
                .map_or_else(gone, |(all, said)| format!("{all} with {}", count(said, "message", "messages"))),
        ),
        ("journal", status.changes.map_or_else(gone, |changes| count(changes, "change", "changes"))),
        ("size", format!("{} and {} of archive", megabytes(status.bytes_memory), megabytes(status.bytes_archive))),
        ("embedder", status.embedder.clone().unwrap_or_else(|| "none: found by text only".to_owned())),
        ("model", status.model.clone().unwrap_or_else(|| "none beside it".to_owned())),
        ("last session sync", last_sync(status, view)),
        ("node", status.node.map_or_else(unknown, |node| format!("{node}, format {}", status.format))),
    ];
    for remote in answer.sync.iter().flat_map(|sync| &sync.remotes) {
        rows.push(("sync", sync_line(remote, view)));
    }
    rows.extend(answer.sync_error.as_ref().map(|error| ("sync", format!("unknown: {}", one_line(error)))));
    rows.extend(status.reranker.clone().map(|reranker| ("reranker", reranker)));
    let mut waiting = |name: &'static str, n: u64| {
        if n > 0 {
            rows.push((name, n.to_string()));
        }
    };
    waiting("queued jobs", status.jobs_pending);
    waiting("not embedded", status.not_embedded.unwrap_or(0));
    waiting("not embedded by the model", status.not_embedded_by_model.unwrap_or(0));
    waiting("private, not sent to it", status.not_sent_to_model.unwrap_or(0));
    waiting("conflicts", status.conflicts);
    waiting("forks", status.forks);
    for deferred in &status.deferred {
        rows.push(("deferred", format!("{} ({})", deferred.count, deferred.reason)));
    }
    for stopped in &status.stopped {
        rows.push(("stopped streams", format!("{} ({})", stopped.count, stopped.reason)));
    }
    for node in &status.clocks_ahead {
        rows.push(("clocks ahead", node.said()));
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![format!("{name}:"), value]).collect();
    table(&rows, view.style.width) + &notes(&status.notes, view.style)
}

/// How far a remote is.
fn sync_line(remote: &RemoteHealth, view: &View) -> String {
    let number = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let last = remote.last_success.map_or_else(|| "never".to_owned(), |at| age(at, view.now));
    let mut line = format!(
        "{}: {last}; {} to come, {} to go",
        one_line(&remote.name),
        number(remote.to_come),
        number(remote.to_go)
    );
    if let Some(changes @ 1..) = remote.to_share {
        line += &format!("; {} to share", count(changes, "change", "changes"));
    }
    for (files, what) in
        [(remote.files_not_read, "not read"), (remote.files_waiting, "waiting"), (remote.purges_pending, "to purge")]
    {
        if files > 0 {
            line += &format!("; {} {what}", count(files, "file", "files"));
        }
    }
    line
}

pub(super) fn diagnosis(diagnosis: &Diagnosis, view: &View) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let mark = match (finding.fixed, finding.severity) {
            (true, _) => "fixed".to_owned(),
            (false, Severity::Error) => view.style.red("error"),
            (false, Severity::Warning) => "warning".to_owned(),
            (false, Severity::Ok) => "ok".to_owned(),
        };
        text.push_str(&format!("{mark:<8}{}: {}\n", one_line(&finding.check), one_line(&finding.message)));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("        {}\n", view.style.dim(&one_line(hint))));
        }
    }
    text.push_str(if diagnosis.healthy { "The store is sound.\n" } else { "The store is not sound.\n" });
    text
}

pub(super) fn jobs(jobs: &[JobView], view: &View) -> String {
    let row = |job: &JobView| {
        vec![
            format!("{} {}", job.store, job.id),
            job.kind.clone(),
            job.state.clone(),
            age(job.queued_at, view.now),
            job.error.clone().unwrap_or_default(),
        ]
    };
    if jobs.is_empty() {
        "Nothing waits.\n".to_owned()
    } else {
        table(&jobs.iter().map(row).collect::<Vec<_>>(), view.style.width)
    }
}

pub(super) fn evaluation(answer: &Evaluation) -> String {
    let mut text = String::new();
    let of = [("memories", &answer.memories), ("messages", &answer.messages)];
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut rows =
        vec![["", "questions", "first", "in ten", "half within", "99 of 100 within"].map(str::to_owned).to_vec()];
    for (name, found) in of.iter().filter_map(|(name, found)| Some((name, found.as_ref()?))) {
        rows.push(vec![
            (*name).to_owned(),
            found.asked.to_string(),
            percent(found.hit_at_1),
            percent(found.hit_at_10),
            format!("{:.1} ms", found.p50_ms),
            format!("{:.1} ms", found.p99_ms),
        ]);
    }
    if rows.len() > 1 {
        text.push_str("Questions of a few words from what is here; the text they were taken from came\n\n");
        text.push_str(&table(&rows, 40));
    }
    for missed in of.iter().filter_map(|(_, found)| found.as_ref()).flat_map(|found| &found.missed) {
        text.push_str(&format!("not found: {} ({})\n", one_line(&missed.query), one_line(&missed.id)));
    }
    for note in &answer.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

pub(super) fn jobs_run(run: &JobsRun) -> String {
    format!("{} done, {} failed, {} waiting\n", run.done, run.failed, run.pending)
}

pub(super) fn purged(purged: &Purged, view: &View) -> String {
    let mut text = String::new();
    for id in &purged.memories {
        text.push_str(&format!("memory {id}\n"));
    }
    for session in &purged.sessions {
        let state = if session.purged { "purged" } else { "still holds the text: --with-sources" };
        let message = session.message.as_deref().unwrap_or("(no message)");
        let place = one_line(&format!("{} {} {message}", session.client, session.session));
        text.push_str(&format!("session {place}: {state}\n"));
    }
    text.push_str(&places(&purged.places));
    text.push_str(if purged.done { "Purged everywhere.\n" } else { "Not purged everywhere: see what is not done.\n" });
    text + &notes(&purged.notes, view.style)
}

/// Where bytes were, and whether they are gone from there.
pub(super) fn places(places: &[Place]) -> String {
    let line = |place: &Place| {
        let waiting = place.waiting_for.as_ref().map(|what| format!(", waiting for {what}")).unwrap_or_default();
        let state = if place.done { "done".to_owned() } else { format!("not done{waiting}") };
        format!("{}: {}\n", one_line(&place.place), one_line(&state))
    };
    places.iter().map(line).collect()
}

/// When the last sync was and what it came to, on one line.
fn last_sync(status: &Status, view: &View) -> String {
    let last = match (&status.last_session_sync, &status.last_session_sync_error) {
        (Some(last), _) => last,
        (None, Some(error)) => return format!("unknown: {}", one_line(error)),
        (None, None) => return "never".to_owned(),
    };
    let when = age(last.finished_at, view.now);
    match &last.error {
        Some(error) => format!("{when}, failed: {}", one_line(error)),
        None => format!("{when}, {} new", count(last.messages_inserted, "message", "messages")),
    }
}
