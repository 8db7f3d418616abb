//! Remotes, sync and the vault, as operations see them: which stores, which remote, one run at a time.
//!
//! **Invariant:** what is decided about changes, keys and members is decided in `jay-transfer`; here it is put together with the
//! call's machine and caller.

pub mod health;
pub(crate) mod purged;
pub mod remotes;
pub mod synced;
pub mod vault;
pub mod visibility;

use jay_core::turn::Work;
use jay_core::{Call, Door, turn};
use jay_transfer::remote::Remote;
use jay_transfer::remote::address::{self, Opening};
use jay_transfer::sync::config::{self, RemoteConfig};
use jay_transfer::sync::{CHECKPOINT_FROM_CHANGES, Peer, demand_files};
use jay_types::{Error, Result};
use std::sync::Arc;

/// Two syncs with remotes at once would write the same changes twice over.
pub(crate) const WORK: Work = Work { lock: "sync-remotes", command: "jay sync" };

/// This machine in a sync, for the caller.
pub(crate) fn peer<'a>(call: &'a Call<'_>) -> Peer<'a> {
    let (memory, archive) = call.engine.stores();
    Peer {
        memory,
        archive,
        surroundings: call.engine.surroundings().as_ref(),
        actor: call.caller.actor(),
        name: call.engine.options().host.clone(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        checkpoint_from_changes: CHECKPOINT_FROM_CHANGES,
        after_pull: Box::new(|| {
            jay_core::edit::follow_moves(memory, call.engine.surroundings().as_ref())?;
            jay_core::remember::join_copies(memory, call.engine.surroundings().as_ref())?;
            Ok(())
        }),
    }
}

/// Opens a remote.
pub(crate) fn open(call: &Call<'_>, url: &str) -> Result<Box<dyn Remote>> {
    let opening =
        Opening { surroundings: Arc::clone(call.engine.surroundings()), variables: &call.engine.options().variables };
    address::open(url, &opening)
}

/// The remotes of this store.
pub(crate) fn all(call: &Call<'_>) -> Result<Vec<RemoteConfig>> {
    config::load(call.engine.stores().0)
}

/// The remote of that name; the only one where none is named.
pub(crate) fn one(call: &Call<'_>, name: Option<&str>) -> Result<RemoteConfig> {
    let remotes = all(call)?;
    match (name, remotes.as_slice()) {
        (Some(name), _) => config::find(&remotes, name).cloned(),
        (None, [only]) => Ok(only.clone()),
        (None, []) => {
            Err(Error::not_found("there is no remote yet").hint("`jay remote add home /path/to/folder` adds one."))
        }
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|remote| remote.name.as_str()).collect();
            Err(Error::bad_input("`remote`: is required where there are several")
                .hint(format!("Name one of {}.", names.join(", "))))
        }
    }
}

/// Runs what reads or writes a remote alone in this store.
pub(crate) fn alone<T>(
    call: &Call<'_>,
    no_wait: bool,
    progress: &mut crate::Progress<'_>,
    work: impl FnOnce(&mut crate::Progress<'_>) -> Result<T>,
) -> Result<T> {
    let (memory, archive) = call.engine.stores();
    demand_files(memory, archive)?;
    let _lock = turn::take(call, &WORK, !no_wait, progress)?;
    work(progress)
}

/// Refuses a path that a server's caller names: it would reach any folder of this user.
pub(crate) fn demand_machine(call: &Call<'_>, what: &str) -> Result<()> {
    if matches!(call.caller.door, Door::Cli | Door::Call) {
        return Ok(());
    }
    Err(Error::new(jay_types::Code::Refused, format!("{what} is not offered at this door"))
        .hint("Run it at the command line of that machine."))
}
