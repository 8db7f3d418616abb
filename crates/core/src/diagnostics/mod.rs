//! How the store is: status, doctor, jobs.

mod clients;
mod clocks;
mod doctor;
mod finding;
mod jobs;
mod status;

pub use clocks::NodeAhead;
pub use doctor::doctor;
pub use finding::{Diagnosis, Finding, Severity};
pub use jobs::{JobView, JobsRun, jobs_list, jobs_run};
pub use status::{Counted, Status, status};
