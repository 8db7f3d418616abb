//! Jobs: what is queued, and doing it.

use crate::embedding::embed_documents;
use crate::engine::Call;
use jay_models::Embedder;
use jay_store::{Job, Store};
use jay_types::{Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of the jobs that make vectors by the compiled-in table.
const TABLE: &str = "embed";
/// Kind of the jobs that make those of the installed model.
const MODEL: &str = "embed_model";
/// Jobs that are taken at a time.
const PAGE: usize = 64;

/// A queued job as every door shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// memory or archive
    pub store: String,
    /// Its number in that store
    pub id: i64,
    /// embed, embed_model, scrub
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
        store.missing().map_or(Ok(()), Err)?;
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
/// What the store says; a job's own failure is noted with it. Where the chosen model cannot be loaded, why: all other jobs
/// are done then; where a file of the store is missing, which one.
pub fn jobs_run(call: &Call<'_>, until_empty: bool, max: usize) -> Result<JobsRun> {
    let mut run = JobsRun::default();
    let mut fault = None;
    for (store, _) in stores(call) {
        if !store.exists() {
            fault = fault.or(store.missing());
            continue;
        }
        store.queue_missing_vectors()?;
        // A model that cannot be loaded leaves its jobs where they are: nothing is wrong with them.
        let unloadable = match &call.engine.model {
            Some(lane) if store.read(|tx| tx.jobs_pending(Some(MODEL)))? > 0 => lane.embedder().err(),
            _ => None,
        };
        let without = unloadable.as_ref().map(|_| MODEL);
        let mut left = if until_empty { usize::MAX } else { max.saturating_sub(run.done as usize) };
        while left > 0 {
            let jobs = store.read(|tx| tx.due_jobs(call.now, PAGE.min(left), without))?;
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
        run.pending += store.read(|tx| tx.jobs_pending(None))?;
        store.tend()?;
        fault = fault.or(unloadable);
    }
    fault.map_or(Ok(run), Err)
}

fn run_page(call: &Call<'_>, store: &Store, jobs: &[Job]) -> Result<(u64, u64)> {
    let (mut done, mut failed) = (0, 0);
    let of = |wanted: &str| jobs.iter().filter(|job| job.kind == wanted).collect::<Vec<_>>();
    let (table, model) = (of(TABLE), of(MODEL));
    let embedder = call.engine.embedder.clone();
    let loaded = match &call.engine.model {
        Some(lane) if !model.is_empty() => Some(lane.embedder()?),
        _ => None,
    };
    for (jobs, embedder, is_table) in [(table, embedder, true), (model, loaded, false)] {
        let (now_done, now_failed) = match embedder {
            Some(embedder) => embed(store, &*embedder, &jobs, is_table)?,
            // Without an embedder there is nothing to do for them: they were queued when there was one.
            None => {
                store.finish_jobs(&jobs.iter().map(|job| job.num).collect::<Vec<_>>())?;
                (jobs.len() as u64, 0)
            }
        };
        done += now_done;
        failed += now_failed;
    }
    for job in jobs.iter().filter(|job| !matches!(job.kind.as_str(), TABLE | MODEL)) {
        let result = match job.kind.as_str() {
            "scrub" => scrub(store, job),
            kind => Err(Error::internal(format!("this version does not know jobs of kind `{kind}`"))),
        };
        match result {
            Ok(()) => done += 1,
            Err(error) => {
                failed += 1;
                store.fail_job(job.num, &error.message)?;
            }
        }
    }
    Ok((done, failed))
}

/// Embeds the documents of jobs together, so that every core has something to do; one by one where that fails, so that one
/// text does not hold up the others.
fn embed(store: &Store, embedder: &dyn Embedder, jobs: &[&Job], is_table: bool) -> Result<(u64, u64)> {
    if jobs.is_empty() {
        return Ok((0, 0));
    }
    let mut texts = Vec::with_capacity(jobs.len());
    for job in jobs {
        // A wording that is no longer current, or purged, gets no vector.
        texts.extend(store.read(|tx| tx.document_text(job.subject))?.map(|text| (job.subject, text)));
    }
    let documents: Vec<(i64, &str)> = texts.iter().map(|(doc, text)| (*doc, text.as_str())).collect();
    match (embed_documents(embedder, &documents, is_table), jobs) {
        (Ok(vectors), _) => {
            let nums: Vec<i64> = jobs.iter().map(|job| job.num).collect();
            store.put_vectors(embedder.id(), embedder.dimension(), &vectors, &nums)?;
            Ok((nums.len() as u64, 0))
        }
        (Err(error), [job]) => {
            store.fail_job(job.num, &error.message)?;
            Ok((0, 1))
        }
        (Err(_), _) => {
            let (mut done, mut failed) = (0, 0);
            for job in jobs {
                let (one_done, one_failed) = embed(store, embedder, &[*job], is_table)?;
                done += one_done;
                failed += one_failed;
            }
            Ok((done, failed))
        }
    }
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
