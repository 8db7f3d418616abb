//! The change: the unit of the journal, and everything that may never change about its bytes (J1–J3, J7).
//!
//! A change is a [`Header`] of fixed layout and a [`Body`] of registers. Headers form a hash chain per stream and are
//! signed by their author's node once per (act, stream); bodies stand beside them under a salted hash, so that a
//! purge can destroy a text without breaking the chain. [`fold()`] turns an entity's changes into its state.
//!
//! **Invariant:** bytes written by any released version mean the same for ever. The golden vectors under
//! `fixtures/journal` hold this room to it.

pub mod alias;
pub mod block;
pub mod body;
pub mod fold;
pub mod frame;
pub mod header;
pub mod registry;
pub mod root;
pub mod said;
pub mod sign;

pub use body::{Body, SetEdit, StoredBody};
pub use fold::{EntityState, Order, fold};
pub use header::{HEADER_BYTES, Header};
pub use registry::{EntityKind, Journal, Op, Register, RegisterShape};
pub use sign::{NodeKey, PublicKey, Signature};
