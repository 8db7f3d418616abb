//! Remotes that are buckets, over a server that fails in every way. Real servers are asked in `servers.rs`.

mod cloud;
mod credentials;
mod faults;

use jay_transfer::remote::bucket::{BucketSettings, Patience};
use std::time::Duration;

/// Credentials that must stand in no message.
pub(crate) const ID: &str = "AKIAHUNTER2";
pub(crate) const SECRET: &str = "hunter2/Secret+Key";

/// With these credentials, and little patience.
pub(crate) fn settings(id: &str, secret: &str) -> BucketSettings {
    let variables = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", "")];
    BucketSettings {
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        patience: Patience {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(5),
            transfer: Duration::from_secs(10),
            retries_max: 3,
            pause_first: Duration::from_millis(2),
            pause_most: Duration::from_millis(20),
            within: Duration::from_secs(20),
        },
    }
}
