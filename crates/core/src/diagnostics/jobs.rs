//! Jobs: what is queued, and doing it.

use crate::embedding::embed_document;
use crate::engine::Call;
use jay_models::Embedder;
use jay_store::{Job, Store};
use jay_types::{Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Jobs that are taken at a time.
const PAGE: usize = 64;

/// A queued job as every door shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// memory or archive
    pub store: String,
    /// Its number in that store
    pub id: i64,
    /// embed, scrub
    pub kind: String,
    /// The document that it is about; 0 for the whole store
    pub subject: i64,
    /// pending, failed
    pub state: String,
    /// Tries so far
    pub attempts: u32,
    /// Why the last try failed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was queued
    pub queued_at: Timestamp,
}

/// The answer to jobs run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobsRun {
    /// Jobs that were done
    pub done: u64,
    /// Jobs that failed at this try
    pub failed: u64,
    /// Jobs that are left
    pub pending: u64,
}

fn stores<'a>(call: &'a Call<'_>) -> [(&'a Store, &'static str); 2] {
    [(&call.engine.memory, "memory"), (&call.engine.archive, "archive")]
}

/// What is queued, oldest first.
///
/// # Errors
/// What the store says.
pub fn jobs_list(call: &Call<'_>, limit: usize) -> Result<Vec<JobView>> {
    let mut out = Vec::new();
    for (store, name) in stores(call) {
        let jobs = store.read(|tx| tx.jobs(None, limit))?;
        out.extend(jobs.into_iter().map(|job| JobView {
            store: name.to_owned(),
            id: job.num,
            kind: job.kind,
            subject: job.subject,
            state: job.state,
            attempts: job.attempts,
            error: job.error,
            queued_at: job.queued_at,
        }));
    }
    out.truncate(limit);
    Ok(out)
}

/// Does queued jobs that are due: all with `until_empty`, else at most `max`.
///
/// # Errors
/// What the store says; a job's own failure is noted with it.
pub fn jobs_run(call: &Call<'_>, until_empty: bool, max: usize) -> Result<JobsRun> {
    let mut run = JobsRun::default();
    for (store, _) in stores(call) {
        if !store.exists() {
            continue;
        }
        store.queue_missing_vectors()?;
        let mut left = if until_empty { usize::MAX } else { max.saturating_sub(run.done as usize) };
        while left > 0 {
            let jobs = store.read(|tx| tx.jobs(Some(call.now), PAGE.min(left)))?;
            if jobs.is_empty() {
                break;
            }
            left = left.saturating_sub(jobs.len());
            let (done, failed) = run_page(call, store, &jobs)?;
            run.done += done;
            run.failed += failed;
            if done == 0 && failed == 0 {
                break;
            }
        }
        run.pending += store.read(|tx| tx.jobs_left())?;
        store.tend()?;
    }
    Ok(run)
}

fn run_page(call: &Call<'_>, store: &Store, jobs: &[Job]) -> Result<(u64, u64)> {
    let (mut done, mut failed) = (0, 0);
    let mut vectors = Vec::new();
    let mut embedded = Vec::new();
    for job in jobs {
        let result = match (job.kind.as_str(), call.engine.embedder.as_deref()) {
            ("embed", Some(embedder)) => embed(store, embedder, job).map(|mut found| {
                vectors.append(&mut found);
                embedded.push(job.num);
            }),
            // Without an embedder there is nothing to do for it: it was queued when there was one.
            ("embed", None) => store.finish_jobs(&[job.num]).map_err(Error::from),
            ("scrub", _) => scrub(store, job),
            (kind, _) => Err(Error::internal(format!("this version does not know jobs of kind `{kind}`"))),
        };
        match result {
            Ok(()) => done += 1,
            Err(error) => {
                failed += 1;
                store.fail_job(job.num, &error.message)?;
            }
        }
    }
    if let Some(embedder) = call.engine.embedder.as_deref().filter(|_| !embedded.is_empty()) {
        store.put_vectors(embedder.id(), embedder.dimension(), &vectors, &embedded)?;
    }
    Ok((done, failed))
}

fn embed(store: &Store, embedder: &dyn Embedder, job: &Job) -> Result<Vec<jay_store::StoredVector>> {
    let text = store.read(|tx| tx.document_text(job.subject))?;
    // A wording that is no longer current, or purged, gets no vector.
    text.map_or(Ok(vec![]), |text| embed_document(embedder, job.subject, &text))
}

fn scrub(store: &Store, job: &Job) -> Result<()> {
    let scrubbed = store.scrub()?;
    if !scrubbed.done {
        let who = scrubbed.waiting_for.unwrap_or_else(|| "somebody".to_owned());
        return Err(Error::new(jay_types::Code::Busy, format!("purged text is still in the log: waiting for {who}"))
            .hint("End that process, then run `jay jobs run`."));
    }
    Ok(store.finish_jobs(&[job.num])?)
}
