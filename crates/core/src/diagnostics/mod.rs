//! How the store is: status, doctor, jobs.

mod clients;
mod clocks;
mod doctor;
mod jobs;
mod status;

pub use clocks::NodeAhead;
pub use doctor::{Diagnosis, Finding, Severity, doctor};
pub use jobs::{JobView, JobsRun, jobs_list, jobs_run};
pub use status::{Counted, Status, status};
