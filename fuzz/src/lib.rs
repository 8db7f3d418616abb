//! Fuzz targets: what bytes from outside may do to the code that reads them.
//!
//! A target is a function that panics where a promise is broken; it says nothing about how inputs are found.
//! Two drivers find them: [`driver`] here, which runs everywhere on stable Rust for a bounded time and is part of
//! `scripts/test`, and cargo-fuzz with coverage (`fuzz/libfuzzer`), for a long search by hand.
//!
//! A new target is a function in `targets` and a row in [`TARGETS`].
//!
//! **Invariant:** a target depends on nothing but its input, so that an input that failed once fails always.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod driver;
pub mod mutate;
mod targets;

pub use targets::TARGETS;

/// A function that reads bytes from outside, and inputs that lead far into it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: Seeds,
}

/// Where the inputs to begin with come from.
#[derive(Clone, Copy, Debug)]
pub enum Seeds {
    /// Written down.
    Written(&'static [&'static [u8]]),
    /// Made by the code that writes such files, so that they are of the format of today.
    Made(fn() -> Vec<Vec<u8>>),
}

impl Seeds {
    /// All of them, the same ones each time.
    #[must_use]
    pub fn all(self) -> Vec<Vec<u8>> {
        match self {
            Self::Written(seeds) => seeds.iter().map(|seed| seed.to_vec()).collect(),
            Self::Made(make) => make(),
        }
    }
}

/// Runs the target called `name` once: what a driver outside this package calls.
///
/// # Panics
/// Where a promise is broken, or no target has that name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(input);
}
