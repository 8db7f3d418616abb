//! Key rings: the keys of an epoch, wrapped for everybody who may read, as a file of the `age` format.
//!
//! `nodes/<node>/keys/<epoch>.age` is written by each node for itself, with the keys that it knows. What stands in it is JSON
//! `{"vault", "name", "founder", "epoch", "keys": [hex, …]}`; `age -d -i KEY` shows it to a person whose key it is wrapped for.
//!
//! **Invariant:** whoever is no member any longer gets no key of a later epoch.

use super::keys::{KnownNode, VaultKeys};
use crate::format::FileFault;
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

/// Where a node keeps an identity that a passphrase opens.
#[must_use]
pub fn recovery_path(node: jay_types::NodeId, recipient: &str) -> String {
    let hash = jay_types::Hash::of(recipient.as_bytes());
    format!("nodes/{node}/recovery/{}.age", to_hex(hash.0.split_at(8).0))
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
    let json = serde_json::to_vec(&ring(keys, epoch)).map_err(|error| Error::internal(error.to_string()))?;
    write(encryptor, &json)
}

/// A new age identity, wrapped under a passphrase (scrypt makes guessing dear), and its recipient: for whom keys are wrapped like
/// for any other, so that nobody has to keep the passphrase.
///
/// # Errors
/// `internal`.
pub fn make_recovery(passphrase: &str) -> Result<(String, Vec<u8>)> {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    let encryptor = age::Encryptor::with_user_passphrase(SecretString::from(passphrase.to_owned()));
    let file = write(encryptor, identity.to_string().expose_secret().as_bytes())?;
    Ok((identity.to_public().to_string(), file))
}

/// The identity that a passphrase opens.
#[must_use]
pub fn open_recovery(file: &[u8], passphrase: &str) -> Option<age::x25519::Identity> {
    let decryptor = age::Decryptor::new_buffered(file).ok()?;
    let identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    let mut text = String::new();
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
    reader.take(KEYRING_MAX_BYTES).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn ring(keys: &VaultKeys, epoch: u32) -> Ring {
    let of_epoch = keys.keys().filter(|key| key.id.epoch == epoch);
    let (vault, name, founder) = (keys.vault, keys.name.clone(), keys.founder.clone());
    Ring { vault, name, founder, epoch, keys: of_epoch.map(|key| to_hex(key.secret())).collect() }
}

fn write(encryptor: age::Encryptor, content: &[u8]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let written = encryptor.wrap_output(&mut file).and_then(|mut writer| {
        writer.write_all(content)?;
        writer.finish()
    });
    written.map_err(|error| Error::internal(format!("keys cannot be wrapped: {error}")))?;
    Ok(file)
}

/// What a file holds for one of `identities`; none where it is wrapped for others.
///
/// # Errors
/// [`FileFault::Damaged`] where it is no such file, or not here whole yet: nothing in it tells which.
pub fn unwrap(file: &[u8], identities: &[&dyn age::Identity]) -> Result<Option<Unwrapped>, FileFault> {
    let decryptor = age::Decryptor::new_buffered(file).map_err(|_| FileFault::Damaged)?;
    let mut json = Vec::new();
    let reader = match decryptor.decrypt(identities.iter().copied()) {
        Ok(reader) => reader,
        Err(age::DecryptError::NoMatchingKeys) => return Ok(None),
        Err(_) => return Err(FileFault::Damaged),
    };
    reader.take(KEYRING_MAX_BYTES).read_to_end(&mut json).map_err(|_| FileFault::Damaged)?;
    let ring: Ring = serde_json::from_slice(&json).map_err(|_| FileFault::Damaged)?;
    let keys = ring.keys.iter().filter_map(|key| Some(FileKey::new(ring.epoch, from_hex(key)?))).collect();
    Ok(Some(Unwrapped { vault: ring.vault, name: ring.name, founder: ring.founder, keys }))
}

/// Reads a person's age or SSH identity. An SSH key with a passphrase of its own is not asked for it.
///
/// # Errors
/// `io` where the file cannot be read, `bad_input` where it holds no such key; neither repeats what stands in it.
pub fn read_identity(path: &std::path::Path) -> Result<Box<dyn age::Identity>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::io(format!("cannot read the identity {}", path.display()), &error))?;
    let key = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    if let Ok(identity) = key.parse::<age::x25519::Identity>() {
        return Ok(Box::new(identity));
    }
    match age::ssh::Identity::from_buffer(text.as_bytes(), None) {
        Ok(identity @ age::ssh::Identity::Unencrypted(_)) => Ok(Box::new(identity)),
        Ok(age::ssh::Identity::Encrypted(_)) => {
            Err(Error::bad_input(format!("{} is locked with a passphrase", path.display()))
                .hint("Unlock a copy of it with `ssh-keygen -p`, or use an age identity; remove the copy afterwards."))
        }
        _ => Err(Error::bad_input(format!("{} holds no age or SSH identity", path.display()))
            .hint("Give the private key: a file with AGE-SECRET-KEY-1… or an OpenSSH ed25519 or RSA key.")),
    }
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
        let found = unwrap(&file, &[&keys.identity().unwrap()]).unwrap().unwrap();
        assert_eq!((found.vault, found.founder), (keys.vault, keys.founder.clone()));
        assert_eq!(found.keys, [FileKey::new(2, [2; 32])]);
        assert!(unwrap(&file, &[&other.identity().unwrap()]).unwrap().is_none());
        for at in (0..file.len()).step_by(7) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            let nothing = |found: Result<Option<Unwrapped>, FileFault>| !matches!(found, Ok(Some(_)));
            assert!(nothing(unwrap(&changed, &[&keys.identity().unwrap()])), "byte {at}");
            assert!(nothing(unwrap(&file[..at], &[&keys.identity().unwrap()])), "cut at {at}");
        }
        assert!(wrap(&keys, 2, &["nonsense".to_owned()]).is_err(), "for nobody");
    }

    #[test]
    fn a_passphrase_opens_an_identity_for_which_keys_are_wrapped() {
        let keys = keys();
        let (recipient, recovery) = make_recovery("correct horse").unwrap();
        assert!(open_recovery(&recovery, "wrong").is_none());
        let identity = open_recovery(&recovery, "correct horse").unwrap();
        let file = wrap(&keys, 1, &[recipient]).unwrap();
        assert_eq!(unwrap(&file, &[&identity]).unwrap().unwrap().keys, [FileKey::new(1, [1; 32])]);
    }

    #[test]
    fn ssh_keys_of_people_are_recipients() {
        let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILqr6cSp119vEcs6l8AbDeyjHeHA05Scelvnuuio+PLY ann@example";
        assert!(recipient(ed25519).is_ok());
        assert!(recipient("ssh-dss AAAA").is_err());
        assert!(recipient("").is_err());
    }
}
