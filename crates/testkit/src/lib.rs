//! What the tests and benches of every crate share, so that each of them is deterministic and short.
//!
//! In it: homes in temporary directories ([`TempHome`]), a clock that only steps when asked ([`Clock`]), seeded
//! randomness ([`Random`]), text that looks like what agents store ([`Salad`]), the binary as a process ([`Jay`]),
//! killing it in the middle of a write ([`kill`]) and how often a test repeats ([`counts()`]).
//! Not in it: anything that knows the store, the engine or an operation.
//!
//! **Invariant:** no product crate depends on this one, except as a dev-dependency; a test that gets its numbers
//! from here gets the same ones in every run.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod clock;
mod counts;
mod home;
pub mod kill;
mod mixture;
mod process;
mod random;
mod salad;
mod stopwatch;

pub use clock::Clock;
pub use counts::{Counts, counts};
pub use home::{TempHome, write};
pub use mixture::Mixture;
pub use process::{Jay, Output, binary, jay};
pub use random::Random;
pub use salad::{Salad, WORDS_PER_MEMORY};
pub use stopwatch::Stopwatch;
