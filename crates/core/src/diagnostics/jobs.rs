//! Jobs: what is queued, and doing it.

use crate::call::Call;
use crate::edit;
use crate::embedding::embed_documents;
use crate::looks::{self, Look};
use crate::models;
use crate::remember::alias;
use crate::secrets;
use jay_models::Embedder;
use jay_store::{ALIAS_JOB, Job, MOVE_JOB, Store};
use jay_types::{Code, Error, Result, Timestamp};
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
    /// embed, embed_model, scrub, alias (look whether a memory was written on two machines), move (look what crossed a move)
    pub kind: String,
    /// The document or memory that it is about, by its number here; 0 for the whole store
    pub subject: i64,
    /// pending, failed, held (its text is not given to the model)
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
/// What the store says; a job's own failure is noted with it. Where the chosen model cannot be loaded or its server does not
/// answer, why: all other jobs are done then; where a file of the store is missing, which one.
pub fn jobs_run(call: &Call<'_>, until_empty: bool, max: usize) -> Result<JobsRun> {
    let mut run = JobsRun::default();
    let mut fault = None;
    for (store, _) in stores(call) {
        if !store.exists() {
            fault = fault.or(store.missing());
            continue;
        }
        store.queue_missing_vectors()?;
        store.release_jobs_but(&models::sharing(call.engine)?.rule())?;
        // A model that cannot be used leaves its jobs where they are: nothing is wrong with them.
        let mut unusable = match &call.engine.model {
            Some(lane) if store.read(|tx| tx.jobs_pending(Some(MODEL)))? > 0 => lane.embedder().err(),
            _ => None,
        };
        let mut left = if until_empty { usize::MAX } else { max.saturating_sub(run.done as usize) };
        while left > 0 {
            let without = unusable.as_ref().map(|_| MODEL);
            let jobs = store.read(|tx| tx.due_jobs(call.now, PAGE.min(left), without))?;
            if jobs.is_empty() {
                break;
            }
            left = left.saturating_sub(jobs.len());
            let page = run_page(call, store, &jobs)?;
            run.done += page.done;
            run.failed += page.failed;
            let stood_still = page.done + page.failed + page.held == 0 && page.fault.is_none();
            unusable = unusable.or(page.fault);
            if stood_still {
                break;
            }
        }
        run.pending += store.read(|tx| tx.jobs_pending(None))?;
        store.tend()?;
        fault = fault.or(unusable);
    }
    fault.map_or(Ok(run), Err)
}

/// What became of some jobs.
#[derive(Default)]
struct Page {
    done: u64,
    failed: u64,
    /// Held back, since their texts are not the model's to read.
    held: u64,
    /// Why the model is asked no more; its other jobs wait unharmed.
    fault: Option<Error>,
}

impl Page {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.held += other.held;
        self.fault = self.fault.take().or(other.fault);
    }
}

fn run_page(call: &Call<'_>, store: &Store, jobs: &[Job]) -> Result<Page> {
    let mut page = Page::default();
    let of = |wanted: &str| jobs.iter().filter(|job| job.kind == wanted).collect::<Vec<_>>();
    let (table, model) = (of(TABLE), of(MODEL));
    match &call.engine.embedder {
        Some(embedder) => page.add(embed(store, &**embedder, &table, Lane::Table)?),
        None => page.add(take_off(store, &table)?),
    }
    match &call.engine.model {
        Some(lane) if !model.is_empty() => {
            let of_model = if lane.is_on_server() { Lane::Server } else { Lane::Model };
            let model = hold_private(call, store, model, &mut page)?;
            page.add(embed(store, &*lane.embedder()?, &model, of_model)?);
        }
        _ => page.add(take_off(store, &model)?),
    }
    for (kind, look) in [(MOVE_JOB, edit::look_at as Look), (ALIAS_JOB, alias::look_at)] {
        let jobs = of(kind);
        if !jobs.is_empty() {
            let looked = looks::these(store, &jobs, call.engine.surroundings.now(), look)?;
            page.add(Page { done: looked.done, failed: looked.failed, ..Page::default() });
        }
    }
    for job in jobs.iter().filter(|job| !matches!(job.kind.as_str(), TABLE | MODEL | ALIAS_JOB | MOVE_JOB)) {
        let result = match job.kind.as_str() {
            "scrub" => scrub(store, job),
            kind => Err(Error::internal(format!("this version does not know jobs of kind `{kind}`"))),
        };
        match result {
            Ok(()) => page.done += 1,
            Err(error) => {
                page.failed += 1;
                store.fail_job(job.num, &error.message)?;
            }
        }
    }
    Ok(page)
}

/// Without an embedder there is nothing to do for its jobs: they were queued when there was one.
fn take_off(store: &Store, jobs: &[&Job]) -> Result<Page> {
    if !jobs.is_empty() {
        store.finish_jobs(&jobs.iter().map(|job| job.num).collect::<Vec<_>>())?;
    }
    Ok(Page { done: jobs.len() as u64, ..Page::default() })
}

/// The jobs whose texts the model may be given; the others are held back. It is asked anew for each page: a namespace may
/// have become private since the last one.
fn hold_private<'a>(call: &Call<'_>, store: &Store, jobs: Vec<&'a Job>, page: &mut Page) -> Result<Vec<&'a Job>> {
    let sharing = models::sharing(call.engine)?;
    let (mut given, mut held) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        if sharing.takes(store.read(|tx| tx.namespace_of_document(job.subject))?) {
            given.push(job);
        } else {
            held.push(job.num);
        }
    }
    if !held.is_empty() {
        store.hold_jobs(&held, &sharing.rule(), models::REASON)?;
        page.held += held.len() as u64;
    }
    Ok(given)
}

/// Whose vectors jobs make.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// The table's, with the tokens for late interaction.
    Table,
    /// Those of a model whose files are here: what fails is a text.
    Model,
    /// Those of a model on a server: what fails is the server, unless it says that it does not take a text.
    Server,
}

/// Embeds the documents of jobs together, so that every core has something to do; one by one where that fails, so that one
/// text does not hold up the others.
fn embed(store: &Store, embedder: &dyn Embedder, jobs: &[&Job], lane: Lane) -> Result<Page> {
    if jobs.is_empty() {
        return Ok(Page::default());
    }
    let mut texts = Vec::with_capacity(jobs.len());
    for job in jobs {
        // A wording that is no longer current, or purged, gets no vector.
        let text = store.read(|tx| tx.document_text(job.subject))?;
        // A namespace may allow secrets: they are kept there, not sent about.
        let text = if embedder.leaves_machine() { text.map(secrets::blotted) } else { text };
        texts.extend(text.map(|text| (job.subject, text)));
    }
    let documents: Vec<(i64, &str)> = texts.iter().map(|(doc, text)| (*doc, text.as_str())).collect();
    match (embed_documents(embedder, &documents, lane == Lane::Table), jobs) {
        (Ok(vectors), _) => {
            let nums: Vec<i64> = jobs.iter().map(|job| job.num).collect();
            store.put_vectors(embedder.id(), embedder.dimension(), &vectors, &nums)?;
            Ok(Page { done: nums.len() as u64, ..Page::default() })
        }
        (Err(error), _) if lane == Lane::Server && error.code != Code::BadInput => {
            Ok(Page { fault: Some(error), ..Page::default() })
        }
        (Err(error), [job]) => {
            store.fail_job(job.num, &error.message)?;
            Ok(Page { failed: 1, ..Page::default() })
        }
        (Err(_), _) => {
            let mut page = Page::default();
            for job in jobs {
                page.add(embed(store, embedder, &[*job], lane)?);
                if page.fault.is_some() {
                    break;
                }
            }
            Ok(page)
        }
    }
}

fn scrub(store: &Store, job: &Job) -> Result<()> {
    let scrubbed = store.scrub()?;
    if !scrubbed.done {
        let who = scrubbed.waiting_for.unwrap_or_else(|| "somebody".to_owned());
        return Err(Error::new(Code::Busy, format!("purged text is still in the log: waiting for {who}"))
            .hint("End that process, then run `jay jobs run`."));
    }
    Ok(store.finish_jobs(&[job.num])?)
}
