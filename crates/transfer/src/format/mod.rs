//! The bytes of files on a remote, all of one outer form: a clear header that says what it is, and sealed content.
//!
//! [`clear`] is what whoever carries the files can read; [`seal`] closes the content under an epoch's key, with the clear
//! header as associated data, so that neither can be changed or exchanged; [`segment`] and [`head`] are contents.
//!
//! **Invariant:** bytes written by a released version mean the same for ever (`fixtures/transfer/v1`,
//! docs/remote-format.md). What a file is stands in its header; its name is for people and for listings, and
//! has a hash by which bytes are known that somebody else put in its place.

pub mod clear;
pub mod head;
pub mod seal;
pub mod segment;

use jay_types::{Code, Error};

/// Why bytes are not a file that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Shorter than the file says of itself: it is still being carried.
    #[error("the file is not here whole yet")]
    Incomplete,
    /// Another kind of file, or one of a later version.
    #[error("not a file of version 1 of this program")]
    NotOurs,
    /// It names a key that is not here.
    #[error("sealed with a key that this machine does not have")]
    NoKey,
    /// Longer than it says, or its content does not fit its seal: damaged, or changed by somebody.
    #[error("damaged or changed on the way")]
    Damaged,
}

impl From<FileFault> for Error {
    fn from(fault: FileFault) -> Self {
        Self::new(Code::VerificationFailed, fault.to_string())
            .hint("`jay sync status` names the files that could not be read.")
    }
}
