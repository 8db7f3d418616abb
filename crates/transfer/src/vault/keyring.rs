//! Key rings: the keys of an epoch, wrapped for everybody who may read, as a file of the `age` format.
//!
//! `nodes/<node>/keys/<epoch>.age` is written by each node for itself, with the keys that it knows. What stands in it is JSON
//! `{"vault", "name", "founder", "epoch", "keys": [hex, …]}`; `age -d -i KEY` shows it to a person whose key it is wrapped for.
//!
//! **Invariant:** whoever is no member any longer gets no key of a later epoch.

use super::keys::{KnownNode, VaultKeys};
use crate::format::seal::FileKey;
use age::secrecy::SecretString;
use jay_types::id::{from_hex, to_hex};
use jay_types::{Error, NamespaceId, Result};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};

/// Bytes of the largest file that is read.
pub const KEYRING_MAX_BYTES: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Ring {
    vault: NamespaceId,
    name: String,
    founder: KnownNode,
    epoch: u32,
    keys: Vec<String>,
}

/// What a file of keys holds.
#[derive(Clone, Debug)]
pub struct Unwrapped {
    /// The vault.
    pub vault: NamespaceId,
    /// What people call it.
    pub name: String,
    /// Who made it, as whoever wrapped it says.
    pub founder: KnownNode,
    /// The keys.
    pub keys: Vec<FileKey>,
}

/// Where a node keeps the keys of an epoch.
#[must_use]
pub fn path(node: jay_types::NodeId, epoch: u32) -> String {
    format!("nodes/{node}/keys/{epoch}.age")
}

/// Reads a recipient as people write it: `age1…` or an SSH public key.
///
/// # Errors
/// `bad_input` with what is understood.
pub fn recipient(text: &str) -> Result<Box<dyn age::Recipient + Send>> {
    if let Ok(recipient) = text.parse::<age::x25519::Recipient>() {
        return Ok(Box::new(recipient));
    }
    if let Ok(recipient) = text.parse::<age::ssh::Recipient>() {
        return Ok(Box::new(recipient));
    }
    Err(Error::bad_input(format!("`{}` is no recipient", jay_types::text::shorten(text, 40)))
        .hint("Give one that begins with `age1`, or the line of an SSH public key (`ssh-ed25519 …` or `ssh-rsa …`)."))
}

/// The keys of an epoch that are here, wrapped for `recipients`; those of them that cannot be read are left out.
///
/// # Errors
/// `internal` where there is none to wrap for.
pub fn wrap(keys: &VaultKeys, epoch: u32, recipients: &[String]) -> Result<Vec<u8>> {
    let known: Vec<Box<dyn age::Recipient + Send>> =
        recipients.iter().filter_map(|text| recipient(text).ok()).collect();
    let encryptor = age::Encryptor::with_recipients(known.iter().map(|recipient| recipient.as_ref() as _))
        .map_err(|error| Error::internal(format!("keys cannot be wrapped: {error}")))?;
    write(encryptor, &ring(keys, epoch))
}

/// As [`wrap`], for who knows a passphrase; scrypt makes guessing dear.
///
/// # Errors
/// `internal`.
pub fn wrap_for_passphrase(keys: &VaultKeys, epoch: u32, passphrase: &str) -> Result<Vec<u8>> {
    write(age::Encryptor::with_user_passphrase(SecretString::from(passphrase.to_owned())), &ring(keys, epoch))
}

fn ring(keys: &VaultKeys, epoch: u32) -> Ring {
    let of_epoch = keys.keys().filter(|key| key.id.epoch == epoch);
    let (vault, name, founder) = (keys.vault, keys.name.clone(), keys.founder.clone());
    Ring { vault, name, founder, epoch, keys: of_epoch.map(|key| to_hex(key.secret())).collect() }
}

fn write(encryptor: age::Encryptor, ring: &Ring) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(ring).map_err(|error| Error::internal(error.to_string()))?;
    let mut file = Vec::new();
    let written = encryptor.wrap_output(&mut file).and_then(|mut writer| {
        writer.write_all(&json)?;
        writer.finish()
    });
    written.map_err(|error| Error::internal(format!("keys cannot be wrapped: {error}")))?;
    Ok(file)
}

/// What a file holds for one of `identities`; none where it is wrapped for others or damaged.
pub fn unwrap(file: &[u8], identities: &[&dyn age::Identity]) -> Option<Unwrapped> {
    let decryptor = age::Decryptor::new_buffered(file).ok()?;
    let mut json = Vec::new();
    let reader = decryptor.decrypt(identities.iter().copied()).ok()?;
    reader.take(KEYRING_MAX_BYTES).read_to_end(&mut json).ok()?;
    let ring: Ring = serde_json::from_slice(&json).ok()?;
    let keys = ring.keys.iter().filter_map(|key| Some(FileKey::new(ring.epoch, from_hex(key)?))).collect();
    Some(Unwrapped { vault: ring.vault, name: ring.name, founder: ring.founder, keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::NodeId;

    fn keys() -> VaultKeys {
        let founder =
            KnownNode { node: NodeId([1; 16]), public_key: String::new(), name: String::new(), removed: None };
        let mut keys = VaultKeys::new(NamespaceId([7; 16]), "home".to_owned(), founder);
        keys.add_key(&FileKey::new(1, [1; 32]));
        keys.add_key(&FileKey::new(2, [2; 32]));
        keys
    }

    #[test]
    fn who_it_is_wrapped_for_opens_it_and_nobody_else() {
        let (keys, other) = (keys(), super::tests::keys());
        let file = wrap(&keys, 2, &[keys.recipient().unwrap(), "nonsense".to_owned()]).unwrap();
        let found = unwrap(&file, &[&keys.identity().unwrap()]).unwrap();
        assert_eq!((found.vault, found.founder), (keys.vault, keys.founder.clone()));
        assert_eq!(found.keys, [FileKey::new(2, [2; 32])]);
        assert!(unwrap(&file, &[&other.identity().unwrap()]).is_none());
        for at in (0..file.len()).step_by(7) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(unwrap(&changed, &[&keys.identity().unwrap()]).is_none(), "byte {at}");
        }
        assert!(wrap(&keys, 2, &["nonsense".to_owned()]).is_err(), "for nobody");
    }

    #[test]
    fn a_passphrase_opens_what_was_wrapped_for_it() {
        let keys = keys();
        let file = wrap_for_passphrase(&keys, 1, "correct horse").unwrap();
        let identity = |text: &str| age::scrypt::Identity::new(SecretString::from(text.to_owned()));
        let found = unwrap(&file, &[&identity("correct horse")]).unwrap();
        assert_eq!(found.keys, [FileKey::new(1, [1; 32])]);
        assert!(unwrap(&file, &[&identity("wrong")]).is_none());
    }

    #[test]
    fn ssh_keys_of_people_are_recipients() {
        let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILqr6cSp119vEcs6l8AbDeyjHeHA05Scelvnuuio+PLY ann@example";
        assert!(recipient(ed25519).is_ok());
        assert!(recipient("ssh-dss AAAA").is_err());
        assert!(recipient("").is_err());
    }
}
