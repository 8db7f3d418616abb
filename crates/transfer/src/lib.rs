//! What leaves or enters a store: files on remotes, sealed for the members of a vault.
//!
//! A *remote* is a folder or a bucket that several machines see. Each machine adds files below its own name and reads the
//! others'; whoever carries the files can neither read nor change them unnoticed. Nothing here decides what a change
//! means: everything that arrives goes through the journal's `receive`.
//!
//! **Invariant:** no ranking, no clock, environment or home directory; no file of another node is ever written.

pub mod format;
pub mod remote;
pub mod sync;
pub mod vault;
