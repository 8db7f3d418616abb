//! What is wrong with the keys that this machine keeps, held against what the journal says of the vault.
//!
//! **Invariant:** reads only, asks no remote, and no secret stands in what it says.

use super::keys::VaultKeys;
use super::roster::Roster;
use jay_store::Store;
use jay_types::change::sign::node_of;
use jay_types::id::from_hex;
use jay_types::{Error, Result};

/// What does not fit together, each with what helps.
///
/// # Errors
/// `damaged` where an identity cannot be read; what the store says.
pub fn key_faults(store: &Store, keys: &VaultKeys) -> Result<Vec<Error>> {
    let recipient = keys.recipient()?;
    let roster = store.read(|tx| Roster::read(tx, keys))?;
    let mut faults = Vec::new();
    let public_key = from_hex::<32>(&keys.founder.public_key);
    if public_key.is_none_or(|key| node_of(&key) != keys.founder.node) {
        faults.push(fault("the founder's key in state/vault.json is not that of its node".to_owned()).hint(
            "Put the file back from a copy of the data directory, or join the vault again with `jay vault join`.",
        ));
    }
    if let Some(key) = roster.key.filter(|key| keys.key(*key).is_none()) {
        faults.push(fault(format!("the key of epoch {} is not here: nothing can be shared until it comes", key.epoch)).hint(
            "Let the machine that changed the key sync, then run `jay sync`; a member can begin another epoch with `jay vault rotate`.",
        ));
    }
    let own = store.node().and_then(|node| roster.nodes.get(&node));
    if let Some(told) = own.and_then(|member| member.recipient.as_ref()).filter(|told| **told != recipient) {
        let told: String = told.chars().take(12).collect();
        faults.push(
            fault(format!(
                "the vault wraps keys for another identity of this machine ({told}…) than the one in state/vault.json: the \
                 next change of the key would shut it out"
            ))
            .hint("Run `jay sync`: it tells the vault of the one that is here."),
        );
    }
    Ok(faults)
}

fn fault(message: String) -> Error {
    Error::new(jay_types::Code::VerificationFailed, message)
}
