//! What a bucket needs beside its address: credentials that the binary hands in, and how long to wait.
//!
//! **Invariant:** the credentials stand in no output of `Debug`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How long a bucket waits, and how often it asks again.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For the look-up of a name, and for a connection with TLS.
    pub connect: Duration,
    /// From a request to the beginning of its answer.
    pub answer: Duration,
    /// For the body of a request or of an answer: at most 8 MiB (more where a file is larger than 70 GiB).
    pub transfer: Duration,
    /// Repetitions of a request.
    pub retries_max: usize,
    /// Before the first repetition; doubled from one to the next, and varied at random.
    pub pause_first: Duration,
    /// The longest pause.
    pub pause_most: Duration,
    /// After this time no repetition begins.
    pub within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            transfer: Duration::from_secs(120),
            retries_max: 6,
            pause_first: Duration::from_millis(200),
            pause_most: Duration::from_secs(10),
            within: Duration::from_secs(120),
        }
    }
}

/// What a bucket needs beside its address.
#[derive(Clone, Default)]
pub struct BucketSettings {
    /// Environment variables by name; those of [`super::VARIABLES`] are looked at.
    pub variables: BTreeMap<String, String>,
    /// How long to wait.
    pub patience: Patience,
}

impl BucketSettings {
    /// With what of an environment is for buckets, and the usual patience.
    #[must_use]
    pub fn of(environment: &BTreeMap<String, String>) -> Self {
        let taken = |name: &&str| Some(((*name).to_owned(), environment.get(*name)?.clone()));
        Self { variables: super::VARIABLES.iter().filter_map(taken).collect(), patience: Patience::default() }
    }
}

impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketSettings").field("patience", &self.patience).finish_non_exhaustive()
    }
}
