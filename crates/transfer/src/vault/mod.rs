//! A vault: which nodes share what is on a remote, and the keys under which it is sealed (J16).
//!
//! [`roster`] reads from the journal who belongs to it; [`keys`] is what this machine keeps of it outside the journal;
//! [`keyring`] wraps keys for members; [`invite`] and [`request`] let another machine in; [`members`] writes the roster.
//!
//! **Invariant:** trust begins with the founder, whose public key a machine learns with its invitation, and is extended only by
//! changes that members signed; [`standing`] says which of them count where they were made at the same time, and of who was taken out [`cut`]
//! names what still does. A key stands in this machine's `state/vault.json` and in wrapped form on remotes, nowhere
//! else: in no database, log, answer or error.

pub mod code;
pub mod cut;
pub mod faults;
pub mod invite;
pub mod keyring;
pub mod keys;
pub mod members;
pub mod request;
pub mod roster;
pub mod standing;
