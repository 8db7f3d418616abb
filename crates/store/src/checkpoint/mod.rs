//! Checkpoints: the journal of chosen streams in one file, for a store that begins with it or takes it in (J14).
//!
//! A checkpoint is a plain SQLite file of a format of its own (`migrations/checkpoint-0001.sql`), so that it is read long after
//! the store's format has moved on. It holds whole streams: headers, bodies, signatures, forks, heads; and no local record,
//! no projection, no number of the store that made it. It is written row by row into a new file and never cut out of a copy:
//! not a byte of another stream was ever in it.
//!
//! **What is trusted: nothing.** A checkpoint comes from another machine. Every header is put together again from the rows
//! and hashed, with the hash of the header before it and of the body in it, and every part must bear its author's signature over
//! that hash, as if it had come in a frame. Projections are made anew from what is proven: to verify rows that a stranger
//! made would mean to fold every entity as well, and it would be another place where an attack may hide. What a maker can
//! do is to leave something out; what is newer comes with the next exchange.
//!
//! `make.rs` writes one, `parts.rs` reads the acts in it, `prove.rs` checks them on all cores, `adopt.rs` begins a store
//! with one, `receive.rs` gives one to a store that has changes of its own, `bodies.rs` says whether one still holds what was purged.
//!
//! **Invariant:** what is taken in stands under the hashes and signatures of its authors. A store holds all of a checkpoint that it
//! adopted, or nothing of it.

mod adopt;
mod bodies;
mod file;
mod make;
mod parts;
mod prove;
mod receive;

pub use adopt::Adopted;
pub use bodies::checkpoint_holds_bodies;
pub use make::Checkpoint;

use crate::StoreError;
use jay_types::{Code, Error};

/// What cannot be taken in, and why.
fn refused(why: impl std::fmt::Display) -> StoreError {
    Error::new(Code::VerificationFailed, format!("the checkpoint is refused: {why}"))
        .hint("Nothing of it was stored. Get it again, or another one.")
        .into()
}

/// What SQLite says of a checkpoint: a failure of the disk, or a file that does not hold together.
fn of_checkpoint(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as C;
    match error.sqlite_error_code() {
        Some(C::SystemIoFailure | C::CannotOpen | C::PermissionDenied | C::DiskFull | C::OutOfMemory) => error.into(),
        Some(C::NotADatabase) => refused("it is no checkpoint"),
        _ => refused("its rows cannot be read"),
    }
}
