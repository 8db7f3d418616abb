//! The nouns from outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod golden;
