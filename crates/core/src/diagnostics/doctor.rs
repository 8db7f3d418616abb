//! Doctor: finds what is wrong, explains it, mends what can be mended.

use super::clients::{said_of_clients, said_of_schedule};
use super::clocks::{nodes_ahead, said_of_stopped};
use super::finding::{Diagnosis, Finding};
use crate::call::Call;
use crate::engine::Engine;
use jay_store::{NOT_SHARED, Store};
use jay_types::change::registry::PATH;
use jay_types::text::counted;
use jay_types::{Code, Error, Result, Timestamp};
use serde_json::Value;

/// Checks both stores, each by itself: what is wrong with one keeps nothing of the other from being looked at. `fix` mends
/// what can be mended without loss; `rebuild` makes every projection again and tells whether the rows are the same.
///
/// # Errors
/// None of the stores': what cannot be read is a finding.
pub fn doctor(call: &Call<'_>, fix: bool, rebuild: bool) -> Result<Diagnosis> {
    let engine = call.engine;
    let mut findings = Vec::new();
    let stores = [(&engine.memory, "memory"), (&engine.archive, "archive")];
    if !engine.exists() && stores.iter().all(|(store, _)| store.missing().is_none()) {
        findings.push(Finding::ok("store", format!("there is none yet in {}", engine.data_dir().display())));
        findings.extend(said_of_clients(call));
        findings.extend(said_of_schedule(call));
        return Ok(Diagnosis { findings, healthy: true });
    }
    for (store, name) in stores {
        if check_file(store, name, fix, &mut findings) {
            check_store(store, name, (rebuild, fix, call.now), &mut findings);
        }
    }
    check_files(engine, fix, &mut findings);
    findings.extend(said_of_clients(call));
    findings.extend(said_of_schedule(call));
    Ok(Diagnosis { findings: Vec::new(), healthy: true }.with(findings))
}

/// Whether a store's file is there and can be opened: then the rest can be looked at.
fn check_file(store: &Store, name: &str, fix: bool, findings: &mut Vec<Finding>) -> bool {
    let title = format!("{name} file");
    if let Some(error) = store.missing() {
        findings.push(Finding::bad(&title, error.message).hint(&error.hint.unwrap_or_default()));
        return false;
    }
    if !store.exists() {
        return false;
    }
    let mut opened = store.read(|_| Ok::<(), Error>(()));
    if fix && opened.as_ref().is_err_and(|error| error.details.get("mend").is_some()) {
        let message = opened.as_ref().err().map(|error| error.message.clone()).unwrap_or_default();
        opened = store.mend_format().map_err(Error::from).and_then(|()| store.read(|_| Ok(())));
        if opened.is_ok() {
            findings.push(Finding { fixed: true, ..Finding::bad(&title, message) });
        }
    }
    if let Err(error) = opened {
        let help = if error.code == Code::Damaged && error.details.get("mend").is_none() && is_ours(&error) {
            what_helps(store, name)
        } else {
            error.hint.unwrap_or_default()
        };
        findings.push(Finding::bad(&title, error.message).hint(&help));
        return false;
    }
    true
}

/// A file that belongs to another program has words of its own.
fn is_ours(error: &Error) -> bool {
    !error.message.contains("another program")
}

/// What there is to do about a file of which not even the journal can be read.
fn what_helps(store: &Store, name: &str) -> String {
    let file = store.file();
    let copies = store.copies().unwrap_or_default();
    let copies: Vec<String> = copies.iter().map(|copy| copy.display().to_string()).collect();
    let copies = match copies.as_slice() {
        [] => "from a backup".to_owned(),
        copies => format!("from a backup, or from {} (made before an upgrade)", copies.join(", ")),
    };
    let again = match name {
        "archive" => format!(
            "What the agents still keep is read again by `jay session sync`, once {0} and {0}-wal are moved away and \
             state/archive.begun is removed.",
            file.display()
        ),
        _ => "It cannot be made again from anything else here.".to_owned(),
    };
    format!("Stop every jay and copy {} aside; then put the file and its -wal back {copies}. {again}", file.display())
}

type Check = fn(&Store, &str, (bool, bool, Timestamp), &mut Vec<Finding>) -> Result<()>;

fn check_store(store: &Store, name: &str, asked: (bool, bool, Timestamp), findings: &mut Vec<Finding>) {
    let is_whole = check_integrity(store, name, findings);
    let checks: [(&str, Check); 4] = [
        ("counts", check_counts),
        ("text index files", check_text_files),
        ("text index", check_index),
        ("vectors", check_vectors),
    ];
    for (title, check) in checks {
        if let Err(error) = check(store, name, asked, findings) {
            // Where the file itself is at fault that was said already, with what helps.
            let found =
                Finding::bad(&format!("{name} {title}"), format!("this could not be checked: {}", error.message));
            findings.push(if is_whole { found.hint(&error.hint.unwrap_or_default()) } else { found });
        }
    }
}

/// The file's pages and the journal in it; true where both hold.
fn check_integrity(store: &Store, name: &str, findings: &mut Vec<Finding>) -> bool {
    let pages = store.read(|tx| -> Result<_> { Ok(tx.integrity_faults()?) });
    let journal = store.read(|tx| -> Result<_> {
        let mut seen = 0;
        Ok((tx.verify_journal(&mut |count| seen = count)?, seen))
    });
    let (file_title, journal_title) = (format!("{name} file"), format!("{name} journal"));
    let journal_holds = journal.as_ref().is_ok_and(|(faults, _)| faults.is_empty());
    let fault = match &pages {
        Ok(faults) if faults.is_empty() => None,
        // SQLite's own words say nothing to whoever has no page of the file in hand.
        Ok(faults) => {
            tracing::warn!(first = faults.first(), "SQLite finds faults in {name}.db");
            Some(format!("{name}.db is damaged: pages of it are missing or do not fit together"))
        }
        Err(error) => Some(error.message.clone()),
    };
    let pages_hold = fault.is_none();
    findings.push(match fault {
        None => Finding::ok(&file_title, "every page fits".to_owned()),
        Some(message) if journal_holds => Finding::bad(&file_title, message).hint(
            "The journal in it is whole, and the rest is made from it: copy the data directory aside, then run \
             `jay doctor --rebuild`.",
        ),
        Some(message) => Finding::bad(&file_title, message).hint(&what_helps(store, name)),
    });
    findings.push(match journal {
        Ok((faults, changes)) => match faults.first() {
            None => Finding::ok(
                &journal_title,
                format!("{}: every chain, hash and signature holds", counted(changes, "change", "changes")),
            ),
            Some(fault) => Finding::bad(
                &journal_title,
                format!("{}, the first: {fault}", counted(faults.len() as u64, "fault", "faults")),
            )
            .hint("Keep a copy of the data directory and report this."),
        },
        Err(error) => Finding::bad(&journal_title, format!("it cannot be read to its end: {}", error.message))
            .hint(&what_helps(store, name)),
    });
    pages_hold && journal_holds
}

/// The vector indexes must be whole and follow from what is stored; without one vectors are scanned one by one.
fn check_vectors(
    store: &Store,
    name: &str,
    (rebuild, fix, _): (bool, bool, Timestamp),
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let checks = store.read(|tx| tx.check_vector_indexes())?;
    let has_faults = checks.iter().any(|check| check.fault.is_some());
    let remade = rebuild || (fix && has_faults);
    if remade {
        store.remake_vector_indexes()?;
    }
    for check in checks {
        let title = format!("{name} vectors");
        findings.push(match check.fault {
            None => {
                Finding::ok(&title, format!("{} in the index of `{}`: every one is whole", check.records, check.model))
            }
            Some(fault) if check.is_used => Finding {
                fixed: remade,
                ..Finding::bad(
                    &title,
                    format!("the index of `{}`: {fault}; answers may miss what is here", check.model),
                )
            }
            .hint("`jay doctor --fix` makes it again; nothing is lost."),
            Some(fault) => Finding {
                fixed: remade,
                ..Finding::warning(&title, format!("the index of `{}` is not used: {fault}", check.model))
            }
            .hint("`jay doctor --fix` makes it again; until then searches are slower."),
        });
    }
    Ok(())
}

/// A purge that was cut short has taken the memory away and left its bytes: it ends by its job.
fn check_purges(store: &Store, name: &str, fix: bool, findings: &mut Vec<Finding>) -> Result<()> {
    let jobs = store.read(|tx| tx.jobs(None, usize::MAX >> 1))?;
    let waiting: Vec<i64> = jobs.iter().filter(|job| job.kind == "scrub").map(|job| job.num).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let fixed = fix && store.scrub()?.done;
    let finding = Finding::bad(
        &format!("{name} purge"),
        "a purge has not ended: bytes of what it removed are still in the files".to_owned(),
    );
    findings.push(if fixed {
        store.finish_jobs(&waiting)?;
        Finding { fixed: true, ..finding }
    } else {
        finding.hint("`jay jobs run` ends it; it says who keeps it waiting.")
    });
    Ok(())
}

fn check_counts(
    store: &Store,
    name: &str,
    (_, fix, now): (bool, bool, Timestamp),
    findings: &mut Vec<Finding>,
) -> Result<()> {
    check_purges(store, name, fix, findings)?;
    let counts = store.read(|tx| tx.counts())?;
    let said = |list: &[(String, u64)]| {
        list.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
    };
    // What was never shared with this store is not waited for.
    let deferred: Vec<(String, u64)> =
        counts.deferred.iter().filter(|(reason, _)| reason != NOT_SHARED).cloned().collect();
    if !deferred.is_empty() {
        findings.push(Finding::warning(&format!("{name} deferred"), said(&deferred)).hint(
            "These changes are kept. What a newer jay knows it tries at its first write; a missing body when it comes.",
        ));
    }
    if !counts.stopped.is_empty() {
        findings.push(
            Finding::warning(&format!("{name} stopped streams"), said(&counts.stopped))
                .hint("What another machine sent did not hold; its other streams go on."),
        );
    }
    if let Some(message) = said_of_stopped(&counts.stopped_clocks, now) {
        let hint = "Look at the clock of that machine, and at this one's.";
        findings.push(Finding::warning(&format!("{name} stopped clocks"), message).hint(hint));
    }
    for node in nodes_ahead(&counts.clocks_ahead).iter().filter(|node| node.is_recent(now)) {
        findings.push(Finding::warning(&format!("{name} clocks"), node.said()).hint(node.hint()));
    }
    if counts.forks > 0 {
        findings.push(
            Finding::warning(&format!("{name} forks"), {
                let streams = counted(counts.forks, "stream was", "streams were");
                format!("{streams} written by two copies of a store")
            })
            .hint("Nothing is lost: both branches are kept and shown."),
        );
    }
    if counts.conflicts > 0 {
        findings.push(
            Finding::warning(&format!("{name} conflicts"), {
                let fields = counted(counts.conflicts, "field has", "fields have");
                format!("{fields} two values")
            })
            .hint("`jay get ID` lists both; `jay update` settles it."),
        );
    }
    check_namespaces(store, name, findings)?;
    let failed: u64 = counts.jobs.iter().filter(|(_, state, _)| state == "failed").map(|(.., count)| count).sum();
    if failed > 0 {
        findings.push(
            Finding::warning(&format!("{name} jobs"), format!("{} gave up", counted(failed, "job", "jobs")))
                .hint("`jay jobs list` says why; `jay jobs run` tries again."),
        );
    }
    Ok(())
}

/// What machines called one namespace, or said of its secrets, without having heard of each other.
fn check_namespaces(store: &Store, name: &str, findings: &mut Vec<Finding>) -> Result<()> {
    for (path, register, values) in store.read(|tx| tx.namespaces_in_conflict())? {
        let word = |value: &Value| value.as_str().or_else(|| value.get("secrets")?.as_str()).map(str::to_owned);
        let both = values.iter().filter_map(word).collect::<Vec<_>>().join("` and `");
        let (said, hint) = if register == PATH {
            ("is called", format!("It is found as `{path}`; `jay namespace rename {path} NAME` settles it."))
        } else {
            ("was told to treat secrets as", format!("`jay namespace set {path} --secrets RULE` settles it."))
        };
        let message = format!("the namespace {path} {said} `{both}` by machines that had not heard of each other");
        findings.push(Finding::warning(&format!("{name} namespaces"), message).hint(&hint));
    }
    Ok(())
}

/// Files of the text index are derived: what is damaged is made again by the next writer, or here.
fn check_text_files(
    store: &Store,
    name: &str,
    (_, fix, _): (bool, bool, Timestamp),
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let faults = store.read(|tx| tx.text_index_faults())?;
    let check = format!("{name} text index files");
    if faults.is_empty() {
        findings.push(Finding::ok(&check, "every byte has its hash".to_owned()));
        return Ok(());
    }
    let finding = Finding::bad(&check, format!("{}; answers may miss what is here", faults.join("; ")));
    findings.push(if fix {
        store.renew_index()?;
        Finding { fixed: true, ..finding }
    } else {
        finding.hint("`jay doctor --fix` makes them again from the journal; nothing is lost.")
    });
    Ok(())
}

/// The text index must be of this program's analysis, and a rebuild must give the same rows.
fn check_index(
    store: &Store,
    name: &str,
    (rebuild, fix, _): (bool, bool, Timestamp),
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let version = store.read(|tx| tx.analysis_version())?;
    let current = version.is_none_or(|version| version == store.analysis());
    if rebuild || (fix && !current) {
        let rebuilt = store.rebuild(&mut |_, _| {})?;
        let message = format!("{} projected again", counted(rebuilt.entities, "entity was", "entities were"));
        findings.push(if rebuilt.same {
            Finding::ok(&format!("{name} rebuild"), format!("{message}; every row is the same"))
        } else if current {
            Finding {
                fixed: true,
                ..Finding::bad(&format!("{name} rebuild"), format!("{message}; rows differed and were mended"))
            }
            .hint("Please report this: projections must follow from the journal.")
        } else {
            Finding::ok(&format!("{name} rebuild"), format!("{message} for this version's text analysis"))
        });
    } else if !current {
        findings.push(
            Finding::warning(&format!("{name} text index"), "it was made by another version's analysis".to_owned())
                .hint("`jay doctor --fix` makes it again."),
        );
    }
    Ok(())
}

fn check_files(engine: &Engine, fix: bool, findings: &mut Vec<Finding>) {
    let faults = engine.memory.permission_faults();
    if faults.is_empty() {
        findings.push(Finding::ok("permissions", "the data directory is for its owner only".to_owned()));
        return;
    }
    let found = Finding::bad("permissions", faults.join("; "));
    findings.push(match fix.then(|| engine.memory.mend_permissions()) {
        None => found.hint("`jay doctor --fix` takes the rights of others away."),
        Some(Ok(())) => Finding { fixed: true, ..found },
        Some(Err(error)) => {
            let error = Error::from(error);
            found.hint(&format!("{}. Their owner can run `chmod -R go-rwx` on the data directory.", error.message))
        }
    });
}
