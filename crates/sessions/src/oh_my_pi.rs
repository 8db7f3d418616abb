//! Oh My Pi: Pi's rows ([`crate::pi`]) under directories of its own, one for each profile.
//!
//! A file may begin with a row that holds its title. A subagent's file lies in a directory that is named as its
//! parent's file.

use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::lines::{JsonLines, parser};
use crate::pi::{self, Entries};
use std::path::PathBuf;

/// The adapter.
pub const OH_MY_PI: JsonLines = JsonLines {
    name: "oh-my-pi",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| discover::is_jsonl(path) && discover::above(path, "sessions").is_some(),
    describe,
    parser: parser::<Entries>,
};

/// The sessions of all profiles, whichever is in use.
fn roots(environment: &Environment) -> Vec<PathBuf> {
    let mut roots =
        vec![environment.in_home(&[".omp", "agent", "sessions"]), environment.in_home(&[".omp", "profiles"])];
    if let Some(data) = environment.directory("XDG_DATA_HOME") {
        roots.push(environment.join(&data, &["omp"]));
    }
    roots
}

fn describe(source: &mut Source) {
    let stem = source.session.clone();
    pi::header(source);
    let Some(directory) = source.path.parent() else { return };
    let mut beside = directory.as_os_str().to_owned();
    beside.push(".jsonl");
    if let Some(parent) = pi::session_in(&PathBuf::from(beside)) {
        source.parent = Some(parent);
        source.relation = Some("subagent".to_owned());
        source.agent = Some(stem);
    }
}
