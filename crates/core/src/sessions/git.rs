//! Taking in the commits of a git repository, as messages of one session.
//!
//! What is here already is asked of the archive, commit by commit, and only the rest is read from the repository. So there is no
//! record of how far one came: a clone, another machine, a rebased branch and a run that was broken off all go on alike.
//!
//! **Invariant:** whether a commit is here is decided in the act that would add it. A commit is never taken out: what a rebase
//! left behind stays in the archive.

use super::ingest::split;
use super::sync::{options, turn};
use crate::call::Call;
use crate::filter;
use crate::namespaces::without_secrets;
use crate::secrets::masked_name;
use jay_sessions::git::{Git, HistoryRange, Repository};
use jay_sessions::{BlockReader, Source};
use jay_store::{Draft, SessionClause};
use jay_types::bounds::Word;
use jay_types::change::block::{Block, BlockSource};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, EntityId, Error, NamespaceId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The client's name.
pub(super) const CLIENT: &str = "git";
/// Commits that are asked of git at a time.
const BATCH: usize = 500;
/// Bytes of rows in one act.
const ACT_MAX_BYTES: usize = 2 * 1024 * 1024;
/// Commits by which a shallow clone is known again.
const KNOWN_BY: usize = 100;

/// What to take in.
#[derive(Clone, Debug, Default)]
pub struct GitRequest {
    /// A directory of the repository; here where not given.
    pub directory: Option<PathBuf>,
    /// The history of this branch, tag or commit rather than HEAD's.
    pub branch: Option<Word>,
    /// All branches and tags.
    pub all: bool,
    /// Only commits that were committed at or after this time.
    pub since: Option<Word>,
    /// Where a repository that is new here is put.
    pub namespace: Option<NamespacePath>,
    /// Say what would be taken in.
    pub dry_run: bool,
    /// Fail where a sync of this store runs, instead of waiting for it.
    pub no_wait: bool,
}

/// The answer to git ingest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GitIngested {
    /// The top of the working tree, or the directory of a bare repository
    pub path: String,
    /// The session that holds its commits: the hash of the commit with which it began; absent where there is none yet
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Commits of the history that was asked for
    pub commits: u64,
    /// Commits that were taken in, or would be
    pub inserted: u64,
    /// Commits that were here already
    pub matched: u64,
    /// Commits that could not be taken in
    pub left_out: u64,
    /// How long it took
    pub duration_ms: u64,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Takes in the commits that are not here yet.
///
/// # Errors
/// `not_found` where there is no repository, branch or git, `refused` where the session was erased or git does not trust the
/// directory's owner, `bad_input` for a time that is none, `busy`, `io`.
pub fn ingest_git(
    call: &Call<'_>,
    request: &GitRequest,
    progress: &mut dyn FnMut(u64, u64, &str),
) -> Result<GitIngested> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    let started = call.engine.surroundings.now();
    let since = filter::time("since", request.since.as_ref(), call.now)?;
    let repository = open(call, request.directory.as_deref().unwrap_or(Path::new(".")))?;
    let path = masked_name(repository.top.display().to_string());
    let mut answer = GitIngested { path, ..GitIngested::default() };
    let Some(tip) = tip(&repository, request.branch.as_ref())? else {
        answer.notes.push("the repository has no commits yet".to_owned());
        return Ok(answer);
    };
    let lock = if request.dry_run { None } else { Some(turn::take(call, !request.no_wait, progress)?) };
    if lock.as_ref().is_some_and(|lock| !lock.is_locked()) {
        answer.notes.push("this file system has no locks: a sync could run at the same time".to_owned());
    }
    let of = request.branch.as_ref().map(|_| tip.clone());
    let hashes = repository.commits(&HistoryRange { of, all: request.all, since })?;
    let history = History::new(call, request, repository, &tip, &hashes, &mut answer.notes)?;
    answer.session = Some(history.own.clone());
    answer.commits = hashes.len() as u64;
    history.take(&hashes, request.dry_run, &mut answer)?;
    answer.matched = answer.commits - answer.inserted - answer.left_out;
    let took = call.engine.surroundings.now().0 - started.0;
    answer.duration_ms = u64::try_from(took / 1000).unwrap_or(0);
    match &call.idempotency {
        // The archive's acts are many; sent again after a crash between them and this, what was taken in is matched.
        Some(_) if !request.dry_run => call.act(|_| Ok(answer)),
        _ => Ok(answer),
    }
}

/// The repository of a directory on this machine.
pub(super) fn open(call: &Call<'_>, directory: &Path) -> Result<Repository> {
    let whole = std::path::absolute(directory).map_err(|error| Error::bad_input(format!("`repository`: {error}")))?;
    if !whole.is_dir() {
        let what = if whole.exists() { "is no directory" } else { "is not there" };
        return Err(Error::not_found(format!("{} {what}", whole.display()))
            .hint("Name a directory of a repository: `jay git ingest DIRECTORY`."));
    }
    Repository::open(&whole, &call.engine.options.variables)
}

/// The commit from which history is read; none where there is no commit yet.
fn tip(repository: &Repository, branch: Option<&Word>) -> Result<Option<String>> {
    match branch {
        None => Ok(repository.commit("HEAD")),
        Some(branch) => repository.commit(branch.as_str()).map(Some).ok_or_else(|| {
            let name = jay_types::text::shorten(branch.as_str(), 60);
            Error::not_found(format!("the repository has no branch, tag or commit `{name}`"))
                .hint("`git branch --all` lists the branches.")
        }),
    }
}

/// The session of a repository.
struct History<'a> {
    call: &'a Call<'a>,
    repository: Repository,
    /// The session's own id.
    own: String,
    id: EntityId,
    namespace: Option<NamespacePath>,
}

impl<'a> History<'a> {
    fn new(
        call: &'a Call<'a>,
        request: &GitRequest,
        repository: Repository,
        tip: &str,
        hashes: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let beginning = repository.beginning(tip)?.ok_or_else(|| {
            Error::new(Code::Damaged, "the repository's history has no beginning")
                .hint("`git fsck` tells what is wrong with it.")
        })?;
        let own = match repository.is_shallow {
            false => beginning,
            true => {
                let known = known_by(call, hashes)?;
                notes.push(format!(
                    "this clone is shallow: commits before {} are not in it; `git fetch --unshallow` brings them",
                    beginning.get(..12).unwrap_or(&beginning)
                ));
                known.unwrap_or(beginning)
            }
        };
        let id = EntityId::derived("session", &[CLIENT, &own]);
        Ok(Self { call, repository, own, id, namespace: request.namespace.clone() })
    }

    fn take(&self, hashes: &[String], dry_run: bool, answer: &mut GitIngested) -> Result<()> {
        let archive = &self.call.engine.archive;
        let new = archive.read(|tx| -> Result<Vec<String>> {
            if tx.is_session_purged(self.id)? {
                return Err(erased());
            }
            let mut new = Vec::new();
            for hash in hashes {
                if !tx.has_message(self.id, hash)? {
                    new.push(hash.clone());
                }
            }
            Ok(new)
        })?;
        if dry_run {
            answer.inserted = new.len() as u64;
            return Ok(());
        }
        if new.is_empty() {
            return Ok(());
        }
        let namespace = self.place()?;
        let mut with_files_left_out = 0;
        for batch in new.chunks(BATCH) {
            let read = self.repository.read(&self.own, batch)?;
            answer.left_out += read.left_out;
            with_files_left_out += read.with_files_left_out;
            for rows in in_acts(read.rows) {
                answer.inserted += self.write(namespace, rows)?;
            }
            self.call.engine.after_writes();
        }
        if answer.left_out > 0 {
            answer
                .notes
                .push(format!("{} could not be read, or are larger than is taken in", commits(answer.left_out)));
        }
        if with_files_left_out > 0 {
            let max = jay_sessions::git::FILES_MAX;
            answer.notes.push(format!("of {} only the first {max} files are kept", commits(with_files_left_out)));
        }
        Ok(())
    }

    /// Where the session is, else where it is to be put: as a caller in that directory is placed.
    fn place(&self) -> Result<NamespaceId> {
        let here = self.call.engine.archive.read(|tx| tx.session_namespace(CLIENT, &self.own))?;
        if let Some(id) = here {
            return Ok(id);
        }
        let path = match (&self.namespace, self.call.engine.options.namespace_of.as_ref()) {
            (Some(path), _) => path.clone(),
            (None, Some(ask)) => (ask.0)(&self.repository.top)?.path,
            (None, None) => self.call.caller.namespace.clone(),
        };
        self.call.namespace_id(&without_secrets(path))
    }

    /// Writes rows as one act; tells how many were new.
    fn write(&self, namespace: NamespaceId, rows: Vec<(String, Vec<u8>)>) -> Result<u64> {
        let archive = &self.call.engine.archive;
        // Terms and vectors are made before the lock is taken.
        let foreseen: Vec<_> = self.blocks(&rows, 0)?.iter().map(|block| archive.foresee_block(block)).collect();
        archive.write(&self.call.caller.actor(), |w| -> Result<u64> {
            if w.is_session_purged(self.id)? {
                return Err(erased());
            }
            let namespace = w.session_namespace(CLIENT, &self.own)?.unwrap_or(namespace);
            let mut new = Vec::new();
            for row in rows {
                if !w.has_message(self.id, &row.0)? {
                    new.push(row);
                }
            }
            for block in self.blocks(&new, w.free_row(self.id)?)? {
                w.draft(Draft::block(namespace, self.id, block.to_json()));
            }
            foreseen.into_iter().for_each(|foreseen| w.foresee(foreseen));
            Ok(new.len() as u64)
        })
    }

    /// The blocks of `rows`, the first of which is row `first` of the source.
    fn blocks(&self, rows: &[(String, Vec<u8>)], first: u64) -> Result<Vec<Block>> {
        let bytes: Vec<u8> = rows.iter().flat_map(|(_, row)| row).copied().collect();
        let path = format!("git:{}", self.own);
        let options_of_engine = &self.call.engine.options;
        let source = BlockSource {
            client: CLIENT.to_owned(),
            path: path.clone(),
            revision: 0,
            host: options_of_engine.host.clone(),
            user: options_of_engine.user.clone(),
            session: None,
        };
        let read_from =
            Source { client: CLIENT.to_owned(), path: path.into(), session: self.own.clone(), ..Source::default() };
        let mut blocks = Vec::new();
        let mut before = None;
        for read in BlockReader::over(&Git, &read_from, Box::new(std::io::Cursor::new(bytes)), options()) {
            blocks.extend(split(read?, &source, &mut before, &self.own));
        }
        let name = self.name();
        for block in &mut blocks {
            block.session.project = Some(self.repository.top.display().to_string());
            block.session.title.clone_from(&name);
            block.session.git_remote.clone_from(&self.repository.remote);
            block.rows.iter_mut().for_each(|row| row.n += first);
        }
        Ok(blocks)
    }

    /// The last word of its remote, else of its directory.
    fn name(&self) -> Option<String> {
        let remote = self.repository.remote.as_deref().and_then(|remote| remote.rsplit('/').next().map(str::to_owned));
        remote.or_else(|| self.repository.top.file_name().map(|name| name.to_string_lossy().into_owned()))
    }
}

/// Rows in the order given, as many at a time as an act may hold.
fn in_acts(rows: Vec<(String, Vec<u8>)>) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut acts: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    let mut bytes = usize::MAX;
    for row in rows {
        bytes = bytes.saturating_add(row.1.len());
        match acts.last_mut().filter(|_| bytes <= ACT_MAX_BYTES) {
            Some(act) => act.push(row),
            None => {
                bytes = row.1.len();
                acts.push(vec![row]);
            }
        }
    }
    acts
}

/// The archived history that has one of a clone's latest commits: a shallow clone does not know how it began.
fn known_by(call: &Call<'_>, hashes: &[String]) -> Result<Option<String>> {
    call.engine.archive.read(|tx| {
        let clause = SessionClause { client: Some(CLIENT.to_owned()), ..SessionClause::default() };
        for session in tx.sessions(&clause, 1000, None)? {
            for hash in hashes.iter().rev().take(KNOWN_BY) {
                if tx.has_message(session.id, hash)? {
                    return Ok(Some(session.session));
                }
            }
        }
        Ok(None)
    })
}

fn commits(number: u64) -> String {
    if number == 1 { "1 commit".to_owned() } else { format!("{number} commits") }
}

fn erased() -> Error {
    Error::new(Code::Refused, "the history of this repository was erased, and what was erased is not taken in again")
        .hint("`jay session list --client git` shows the histories that are here.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_acts_that_can_be_held() {
        let row = |bytes: usize| (String::new(), vec![b'x'; bytes]);
        let sizes = |rows| in_acts(rows).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![row(10), row(20), row(ACT_MAX_BYTES), row(1), row(ACT_MAX_BYTES - 1)]), [2, 1, 2]);
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
    }
}
