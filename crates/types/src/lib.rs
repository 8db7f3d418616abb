//! The nouns of Scrubjay: ids, times, bounds, errors, memories, sessions and the [`change`] that carries every mutation.
//!
//! Every other crate speaks in these words.
//!
//! **Invariant:** nothing here does I/O, reads a clock, the environment or randomness; what a function needs of those it is given.

pub mod bounds;
pub mod change;
pub mod error;
pub mod id;
pub mod memory;
pub mod namespace;
pub mod request;
pub mod session;
pub mod surroundings;
pub mod text;
pub mod time;

pub use error::{Code, Error, Result};
pub use id::{ActId, ActorId, Dot, EntityId, Hash, NamespaceId, NodeId};
pub use time::{Hlc, Timestamp};
