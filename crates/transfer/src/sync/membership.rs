//! The vault's side of a sync: requests are answered, and this node's own key rings and request are there and right.
//!
//! **Invariant:** nobody is let in without an invitation of this machine, a member that it goes on from, or a person; a node lets
//! itself in only as the one that goes on from a member.

use super::run::Run;
use super::{key_rings, removals};
use crate::format::FileFault;
use crate::vault::invite::{self, EXPIRES_AFTER};
use crate::vault::keyring;
use crate::vault::members;
use crate::vault::request::{self, Grounds, REQUEST_MAX_BYTES, REQUEST_NAME, Request};
use crate::vault::roster::ADMITTED_ITSELF;
use jay_types::change::sign::Signed;
use jay_types::time::DAY;
use jay_types::{Hash, NodeId, Result, Timestamp};
use std::collections::BTreeSet;

/// Files of other nodes that were not read as they are now: those of which the path below a node's directory is `wanted`.
fn unread(run: &Run<'_, '_>, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let own = run.own_directory();
    run.listing
        .iter()
        .filter(|file| !file.path.starts_with(&own))
        .filter(|file| file.path.splitn(3, '/').nth(2).is_some_and(&wanted))
        .filter(|file| run.state.read.get(&file.path) != Some(&file.stamp))
        .map(|file| (file.path.clone(), file.stamp.clone()))
        .collect()
}

/// Answers requests, vouches for history, and sees to this node's own files. True where a node was let in.
pub(super) fn tend(run: &mut Run<'_, '_>) -> Result<bool> {
    if !run.roster.is_member(run.node) && !ask(run)? {
        return Ok(false);
    }
    finish_joining(run)?;
    let members = run.roster.active().count();
    answer_requests(run)?;
    if key_rings::take(run)? {
        answer_requests(run)?;
    }
    let is_news = run.roster.active().count() > members;
    let branches = run.branches()?;
    let is_held = |stream, seq, hash| run.has(stream, seq, hash);
    let vouched = members::vouch(run.peer.memory, &run.peer.actor, run.keys.vault, &run.roster, (&branches, &is_held))?;
    if vouched > 0 {
        removals::tell_late(run, &branches);
        run.read_roster()?;
    }
    keep_identity_apart(run)?;
    settle_key(run)?;
    wrap_keys(run)?;
    close_invitations(run)?;
    Ok(is_news)
}

/// Once it is a member, a node needs its invitation and its request no longer. Who goes on from a member still asks the others; so does
/// who joined once more because nobody else takes it for a member, until whoever invited it has taken the invitation away; so does whom
/// members begin to seal against: they took out who had let it in, and do not know it.
fn finish_joining(run: &mut Run<'_, '_>) -> Result<()> {
    let path = request::path(run.node);
    let is_asked = run.listing.iter().any(|file| file.path == path);
    let is_shut_out = is_shut_out(run);
    if let Some(open) = run.keys.joining.clone() {
        let file = format!("/invites/{}.jay", open.id);
        if run.now() <= open.expires_at && run.listing.iter().any(|listed| listed.path.ends_with(&file)) {
            return if is_asked { Ok(()) } else { write_request(run) };
        }
        run.keys.joining = None;
        run.keys.save(run.peer.memory)?;
    }
    // Whoever goes on from a member asks for good: of two that let each other in, a third one would know neither.
    let goes_on = run.roster.nodes.get(&run.node).is_some_and(|member| member.of.is_some());
    match (is_asked, is_shut_out) {
        (false, true) => write_request(run),
        (true, false) if !goes_on => run.remote.delete(&path),
        _ => Ok(()),
    }
}

/// True where members seal with a key that has not come since the sync before this one: a carrier that is late brings it meanwhile.
fn is_shut_out(run: &mut Run<'_, '_>) -> bool {
    let since = run.state.lacks_key_since;
    run.state.lacks_key_since = if run.lacks_key { since.or(Some(run.now())) } else { None };
    if !run.lacks_key || since.is_none() {
        return false;
    }
    run.report.note(format!(
        "members seal with a key that this machine was not given: they took out who had let it in, or it was taken out itself. It \
         asks them; `jay vault add {}` on one of their machines lets it in",
        run.node
    ));
    true
}

fn is_admitted_by_itself(run: &Run<'_, '_>, node: NodeId) -> bool {
    run.roster.nodes.get(&node).is_some_and(|member| member.admitted == ADMITTED_ITSELF)
}

fn answer_requests(run: &mut Run<'_, '_>) -> Result<()> {
    let mut still_asking = BTreeSet::new();
    look_at_invited(run);
    for (path, stamp) in unread(run, |rest| rest == REQUEST_NAME) {
        let Some(bytes) = run.remote.read(&path, REQUEST_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        match request::open(&bytes, &run.keys) {
            Ok((request, invite)) if path == request::path(request.node) => {
                let grounds = request::grounds(&request, invite, &run.roster, run.now());
                let invited = request.invite.clone().map(|id| (id, request.at));
                if let Some(invited) = invited.filter(|invited| grounds == Grounds::Keys && is_invited(run, invited)) {
                    run.state.invited.insert(path.clone(), invited);
                    run.state.read.insert(path, stamp);
                    continue;
                }
                if answer(run, &request, &grounds)? {
                    run.state.read.insert(path, stamp);
                } else {
                    still_asking.insert(request.node);
                }
            }
            // Its key may come with a key ring: it is read again.
            Err(FileFault::NoKey) => key_rings::note_lacking(run, &bytes),
            Err(FileFault::Incomplete) => {}
            Ok(_) => {
                run.report.note(format!("{path} is a request of another node than its directory's: it is ignored"));
                run.state.read.insert(path, stamp);
            }
            Err(fault) => {
                run.report.note(format!("{path} is ignored: {fault}"));
                run.state.read.insert(path, stamp);
            }
        }
    }
    run.state.requests.retain(|node, _| still_asking.contains(node));
    Ok(())
}

/// Requests of which the invitation counts no longer are read again: a person may decide.
fn look_at_invited(run: &mut Run<'_, '_>) {
    for (path, invited) in std::mem::take(&mut run.state.invited) {
        if is_invited(run, &invited) {
            run.state.invited.insert(path, invited);
        } else {
            run.state.read.remove(&path);
        }
    }
}

/// True where whoever invited a node has yet to answer it: the invitation lies there, and has not expired.
fn is_invited(run: &Run<'_, '_>, (invite, asked_at): &(String, Timestamp)) -> bool {
    let file = format!("/invites/{invite}.jay");
    let is_there = run.listing.iter().any(|listed| listed.path.ends_with(&file));
    is_there && run.now().0 <= asked_at.0.saturating_add(EXPIRES_AFTER)
}

/// Forgets an invitation that has been answered.
fn use_up(run: &mut Run<'_, '_>, grounds: &Grounds) -> Result<()> {
    if let Grounds::Invite(open) = grounds {
        run.keys.invites.retain(|kept| kept.id != open.id);
        run.keys.save(run.peer.memory)?;
    }
    Ok(())
}

/// True where the request is answered.
fn answer(run: &mut Run<'_, '_>, request: &Request, grounds: &Grounds) -> Result<bool> {
    if run.roster.was_removed(request.node) {
        run.report.note(format!(
            "{} asks to come back and was removed: it is not let in (`jay vault add {0}` does)",
            request.node
        ));
        use_up(run, grounds)?;
        return Ok(true);
    }
    let is_member = run.roster.is_member(request.node) && run.roster.is_journalled(request.node);
    if is_member && !is_admitted_by_itself(run, request.node) {
        use_up(run, grounds)?;
        return Ok(true);
    }
    match grounds {
        Grounds::Keys => {
            run.state.requests.insert(request.node, (request.name.clone(), request.at));
            run.report.note(format!(
                "{} ({}) asks to join: `jay vault add {}` lets it in",
                request.node, request.name, request.node
            ));
            return Ok(false);
        }
        Grounds::Invite(open) => {
            // Before it is let in: whatever comes between, the code counts for nobody else.
            for kept in run.keys.invites.iter_mut().filter(|kept| kept.id == open.id) {
                kept.used_by = Some(request.node);
            }
            run.keys.save(run.peer.memory)?;
        }
        Grounds::Succession(_) | Grounds::OwnSuccession(_) => {}
    }
    members::admit(run.peer.memory, &run.peer.actor, run.keys.vault, request, grounds)?;
    run.read_roster()?;
    use_up(run, grounds)?;
    run.report.note(format!("{} ({}) is a member now", request.name, request.node));
    Ok(true)
}

/// Both sides of a copied data directory take new age identities, and say so in the roster: either may be taken out without the other. Where
/// that was done already a new epoch begins, for the key of this one was wrapped for what both had. A machine that lost its `vault.json` and
/// joined once more has another identity, too.
fn keep_identity_apart(run: &mut Run<'_, '_>) -> Result<()> {
    // Of whom the roster says nothing here yet, nobody wraps for by it: a word about it would be its first one, without a standing.
    if !run.roster.is_journalled(run.node) || !run.roster.is_member(run.node) {
        return Ok(());
    }
    let goes_on = |node: &NodeId, of: Option<NodeId>| of == Some(run.node) || *node == run.node && of.is_some();
    let all = run.roster.nodes.iter().filter(|(node, member)| goes_on(node, member.of));
    let news: Vec<NodeId> = all.map(|(node, _)| *node).filter(|node| !run.keys.apart_from.contains(node)).collect();
    let told = run.roster.nodes.get(&run.node).and_then(|member| member.recipient.clone());
    let own = run.keys.recipient()?;
    if news.is_empty() && told.is_none_or(|told| told == own) {
        return Ok(());
    }
    // First: whoever is killed after it comes here once more.
    if news.iter().any(|node| run.roster.was_removed(*node)) {
        begin_epoch(run)?;
    }
    if !news.is_empty() {
        run.keys.renew_identity();
        run.keys.apart_from.extend(&news);
        run.keys.save(run.peer.memory)?;
    }
    let (memory, actor) = (run.peer.memory, &run.peer.actor);
    members::set_own_recipient(memory, actor, run.keys.vault, run.node, &run.keys.recipient()?)?;
    run.read_roster()
}

fn begin_epoch(run: &mut Run<'_, '_>) -> Result<()> {
    members::rotate(run.peer.memory, &run.peer.actor, &mut run.keys, &run.roster, run.peer.surroundings)?;
    run.read_roster()
}

/// Begins one more epoch where members changed the key without having heard of each other: one of them may have taken somebody out, for whom
/// the other wrapped its own. Each has its turn, a day after the one before it, so that they do not all do it at once, for ever.
fn settle_key(run: &mut Run<'_, '_>) -> Result<()> {
    if run.roster.rivals.is_empty() {
        run.state.rival_keys_since = None;
        return Ok(());
    }
    let now = run.now();
    // One that began while the clock was ahead begins anew.
    let since = run.state.rival_keys_since.filter(|since| *since <= now).unwrap_or(now);
    run.state.rival_keys_since = Some(since);
    let Some(turn) = run.roster.turn_to_settle(run.node) else { return Ok(()) };
    let waits = i64::try_from(turn).unwrap_or(i64::MAX).saturating_mul(DAY);
    if now.0.saturating_sub(since.0) < waits {
        return Ok(());
    }
    begin_epoch(run)?;
    run.report.note("two members had changed the key at the same time: a new epoch begins".to_owned());
    Ok(())
}

/// Key rings of every epoch, for everybody who belongs to the vault: written anew where that changed or a file is gone.
fn wrap_keys(run: &mut Run<'_, '_>) -> Result<()> {
    let recipients = run.roster.wrapped_for();
    let epochs: BTreeSet<u32> = run.keys.keys().map(|key| key.id.epoch).collect();
    for epoch in epochs {
        let path = keyring::path(run.node, epoch);
        let secrets = run.keys.keys().filter(|key| key.id.epoch == epoch).map(|key| key.id.id);
        let mark = Hash::of(&[recipients.join("\n").into_bytes(), secrets.flatten().collect()].concat()).to_string();
        let is_there = run.listing.iter().any(|file| file.path == path);
        if is_there && run.state.keyrings.get(&epoch) == Some(&mark) {
            continue;
        }
        let file = keyring::wrap(&run.keys, epoch, &recipients)?;
        run.replace(&path, &file)?;
        run.state.keyrings.insert(epoch, mark);
    }
    Ok(())
}

/// Takes away invitations that were used or have expired.
fn close_invitations(run: &mut Run<'_, '_>) -> Result<()> {
    let now = run.now();
    let before = run.keys.invites.len();
    run.keys.invites.retain(|open| open.expires_at >= now);
    if run.keys.invites.len() != before {
        run.keys.save(run.peer.memory)?;
    }
    let open: BTreeSet<String> = run.keys.invites.iter().map(|open| invite::path(run.node, &open.id)).collect();
    let directory = format!("{}invites/", run.own_directory());
    let closed = run.listing.iter().map(|file| &file.path).filter(|path| path.starts_with(&directory));
    for path in closed.filter(|path| !open.contains(*path)) {
        run.remote.delete(path)?;
    }
    Ok(())
}

/// Asks to become a member. True where it let itself in: it goes on from a member, and those who could say so may all be gone, as
/// where the one machine of a vault was put back from a backup.
fn ask(run: &mut Run<'_, '_>) -> Result<bool> {
    let path = request::path(run.node);
    let memory = run.peer.memory;
    let mut is_asked = run.listing.iter().any(|file| file.path == path);
    let asking = request::of_store(memory, &run.keys, &run.peer.name, run.now())?;
    if let Grounds::Succession(descent) = request::grounds(&asking, None, &run.roster, run.now())
        && !run.roster.was_removed(run.node)
    {
        if run.keys.joining.take().is_some() {
            // The invitation was for the node before this one. What is sealed with it nobody can read any longer.
            run.keys.save(run.peer.memory)?;
            is_asked = false;
        } else if is_asked {
            members::admit(memory, &run.peer.actor, run.keys.vault, &asking, &Grounds::OwnSuccession(descent))?;
            run.read_roster()?;
            return Ok(true);
        }
    }
    run.report.note(
        "this machine is not a member of the vault yet: it reads what others wrote, and they take in what it wrote once a \
         member has let it in"
            .to_owned(),
    );
    if !is_asked {
        write_request(run)?;
    }
    Ok(false)
}

/// Sealed with the vault's key; where that may be one that others lack, with one that whoever reads it has.
fn write_request(run: &mut Run<'_, '_>) -> Result<()> {
    let memory = run.peer.memory;
    let (newest, oldest) = (run.keys.newest_given(), run.keys.oldest_given());
    let of_others = newest.filter(|_| run.keys.joining.is_some()).or_else(|| oldest.filter(|_| run.lacks_key));
    let key = match of_others {
        Some(key) => key,
        None => run.sealing_key()?,
    };
    let asking = request::of_store(memory, &run.keys, &run.peer.name, run.now())?;
    let file = request::seal_request(&asking, &run.keys, &key, run.peer.surroundings, |hash| {
        Ok(memory.sign(Signed::Request, hash)?.1)
    })?;
    run.replace(&request::path(run.node), &file)
}
