//! Looks at memories that are queued with what made them due: what came from others is answered by changes of one's own, in jobs.
//!
//! **Invariant:** an answer is written in one transaction with the end of its job; a look that is done again says nothing.

use jay_store::{ActorName, Job, Store, WriteTx};
use jay_types::surroundings::Surroundings;
use jay_types::{Code, Result, Timestamp};

/// Jobs that share a commit.
const PAGE: usize = 64;

/// Looks at a memory, by its number, and drafts what there is to say.
pub(crate) type Look = fn(&mut WriteTx<'_>, i64, Timestamp) -> Result<()>;

/// What became of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Done, whether there was anything to say or not.
    pub done: u64,
    /// Failed: they are tried again later, and after a few times wait for a person.
    pub failed: u64,
}

/// Does the jobs of a kind, as far as they are due.
///
/// # Errors
/// What the store says; then the rest stays queued. A memory at which one cannot look keeps no other from being looked at.
pub(crate) fn all(store: &Store, surroundings: &dyn Surroundings, (kind, look): (&str, Look)) -> Result<Looked> {
    let mut looked = Looked::default();
    if !store.exists() {
        return Ok(looked);
    }
    loop {
        let now = surroundings.now();
        let jobs = store.read(|tx| tx.due_jobs_of(kind, now, PAGE))?;
        if jobs.is_empty() {
            return Ok(looked);
        }
        let page = these(store, &jobs.iter().collect::<Vec<_>>(), now, look)?;
        looked = Looked { done: looked.done + page.done, failed: looked.failed + page.failed };
    }
}

/// Does these jobs, and takes them off the queue or notes that they failed.
pub(crate) fn these(store: &Store, jobs: &[&Job], now: Timestamp, look: Look) -> Result<Looked> {
    let Err(error) = together(store, jobs, now, look) else {
        return Ok(Looked { done: jobs.len() as u64, failed: 0 });
    };
    // Where the store itself cannot be written there is no use in trying them one by one.
    if error.code == Code::Busy {
        return Err(error);
    }
    let mut looked = Looked::default();
    for job in jobs {
        match together(store, &[job], now, look) {
            Ok(()) => looked.done += 1,
            Err(error) => {
                store.fail_job(job.num, &error.message)?;
                looked.failed += 1;
            }
        }
    }
    Ok(looked)
}

/// An act each where there is something to say, in one transaction with the end of the jobs: who is killed before the commit has said
/// nothing, and who comes after it finds no job.
fn together(store: &Store, jobs: &[&Job], now: Timestamp, look: Look) -> Result<()> {
    let actor = ActorName { kind: "service".to_owned(), name: "jay".to_owned() };
    store.write(&actor, |w| -> Result<()> {
        for job in jobs {
            look(w, job.subject, now)?;
            w.next_act()?;
        }
        Ok(w.finish_jobs(&jobs.iter().map(|job| job.num).collect::<Vec<_>>())?)
    })
}
