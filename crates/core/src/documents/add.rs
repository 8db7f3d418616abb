//! Adding a folder: each of its documents against what is here of it.

use super::file::{self, Fault, Under, Wanted};
use super::matching::{Known, Matched, Matching};
use super::name;
use super::report::{DocsAdded, Left};
use super::walk::{Found, walk};
use super::write::{Effect, Writer, effect};
use crate::call::Call;
use crate::namespaces::{Says, of_directory};
use crate::remember::check::redacted_reason;
use crate::remember::{clean_text, policy_of};
use crate::secrets::Policy;
use jay_store::{Moment, PlacedRow, Scope, Tx};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What is to be added.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// A folder or a file.
    pub path: PathBuf,
    /// Where to keep it; where not given its project's namespace, else the caller's.
    pub namespace: Option<NamespacePath>,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
}

/// Reads the documents of a folder into memories, and retires what is no longer in them. `progress` is called with bytes done, bytes
/// in all and the file.
///
/// # Errors
/// `not_found` where nothing is at the path; `bad_input` for a file that is no document and for too many of them; `busy` where
/// somebody else wrote the same documents at this moment. A file that cannot be read stands in the answer.
pub fn add(call: &Call<'_>, request: &AddRequest, progress: &mut dyn FnMut(u64, u64, &str)) -> Result<DocsAdded> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    let target = std::fs::canonicalize(&request.path).map_err(|error| not_there(&request.path, &error))?;
    let namespace = match &request.namespace {
        Some(namespace) => namespace.clone(),
        None => of_directory(call, &target, Says::OfProject)?,
    };
    let here = call.engine.memory.read(|tx| Here::gather(tx, &namespace))?;
    let mut adding = Adding::new(call, request, target, namespace, here)?;
    adding.all(progress)?;
    let answer = adding.finish()?;
    match &call.idempotency {
        // Its acts may be many; sent again after a crash between them and this, it writes what is left.
        Some(_) if !request.dry_run => call.act(|_| Ok(answer)),
        _ => Ok(answer),
    }
}

fn not_there(path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::not_found(format!("`path`: there is nothing at {}", path.display()))
            .hint("What was added from a folder that is gone stays; `jay docs remove PATH` takes it out.");
    }
    Error::io(format!("cannot read {}", path.display()), error)
}

/// What the namespace holds of documents.
struct Here {
    policy: Policy,
    number: Option<i64>,
    rows: Vec<PlacedRow>,
}

impl Here {
    fn gather(tx: &Tx<'_>, namespace: &NamespacePath) -> Result<Self> {
        let Some(number) = tx.namespaces_at(namespace.as_str())?.first().copied() else {
            return Ok(Self { policy: Policy::default(), number: None, rows: vec![] });
        };
        let policy = policy_of(&tx.secrets_policy(number)?);
        Ok(Self { policy, number: Some(number), rows: tx.placed(&Scope::Of(vec![number]))? })
    }
}

/// The file that a row stands in, on the machine that added it.
pub(super) fn file_of(row: &PlacedRow) -> PathBuf {
    Path::new(row.place.base()).join(&row.place.path)
}

struct Adding<'a> {
    call: &'a Call<'a>,
    target: PathBuf,
    base: PathBuf,
    under: Under,
    policy: Policy,
    number: Option<i64>,
    /// What is here, by file.
    rows: BTreeMap<String, Vec<PlacedRow>>,
    /// Pieces of files that are gone, by text: a file that has another name now has them.
    lost: Option<HashMap<String, Vec<Known>>>,
    writer: Writer<'a>,
    rules: BTreeSet<&'static str>,
    skipped: Left,
    refused: Left,
    answer: DocsAdded,
}

impl<'a> Adding<'a> {
    fn new(
        call: &'a Call<'a>,
        request: &AddRequest,
        target: PathBuf,
        namespace: NamespacePath,
        here: Here,
    ) -> Result<Self> {
        let Here { policy, number, rows } = here;
        // A part of a folder that was added is that part, read again.
        let within = rows.iter().find(|row| {
            let root = Path::new(&row.place.root);
            row.is_shown() && root != target && target.starts_with(root) && root.is_dir()
        });
        let (root, base) = match within {
            Some(row) => (PathBuf::from(&row.place.root), PathBuf::from(row.place.base())),
            None => (target.clone(), name::base_of(&target, target.is_dir())),
        };
        let mut rules = BTreeSet::new();
        let shown =
            |path: &Path, rules: &mut BTreeSet<&'static str>| clean_text(&path.to_string_lossy(), policy, rules);
        let under = Under {
            root: shown(&root, &mut rules)?,
            base: if base == root { None } else { Some(shown(&base, &mut rules)?) },
        };
        let mut by_file: BTreeMap<String, Vec<PlacedRow>> = BTreeMap::new();
        for row in rows {
            by_file.entry(row.place.path.clone()).or_default().push(row);
        }
        let answer = DocsAdded { namespace: namespace.to_string(), root: under.root.clone(), ..DocsAdded::default() };
        Ok(Self {
            call,
            target,
            base,
            under,
            policy,
            number,
            rows: by_file,
            lost: None,
            writer: Writer::new(call, namespace, policy, request.dry_run),
            rules,
            skipped: Left::default(),
            refused: Left::default(),
            answer,
        })
    }

    fn all(&mut self, progress: &mut dyn FnMut(u64, u64, &str)) -> Result<()> {
        let walked = walk(&self.target, &self.base, &mut self.skipped)?;
        let all: u64 = walked.found.iter().map(|found| found.bytes).sum();
        // What is in no file any more is known first, so that a file of another name can go on with it.
        let mut names = BTreeMap::new();
        for found in &walked.found {
            match clean_text(&found.path, self.policy, &mut self.rules) {
                Ok(name) => drop(names.insert(found.path.clone(), name)),
                Err(error) => self.refused.push(&found.path, None, error.message),
            }
        }
        let there: BTreeSet<&String> = names.values().collect();
        let gone: Vec<String> = self.rows.keys().filter(|path| !there.contains(path)).cloned().collect();
        let mut lost = Vec::new();
        for path in gone {
            let rows = self.rows.get(&path).map(Vec::as_slice).unwrap_or_default();
            let is_gone = |file: PathBuf| file.starts_with(&self.target) && !walked.may_hold(&file);
            if rows.iter().any(|row| !row.is_retired() && is_gone(file_of(row))) {
                lost.push(path);
            }
        }
        let mut done = 0;
        for found in walked.found {
            progress(done, all, &found.path);
            done += found.bytes;
            if let Some(name) = names.get(&found.path) {
                self.file(&found, name, &lost)?;
            }
        }
        self.retire_lost(&lost)?;
        self.writer.flush()?;
        if all > 0 {
            progress(all, all, "");
        }
        Ok(())
    }

    fn file(&mut self, found: &Found, path: &str, lost: &[String]) -> Result<()> {
        let rows = self.rows.remove(path).unwrap_or_default();
        if let Some(other) = self.same_name(found, &rows) {
            self.skipped.push(path, None, format!("{} has the same name in this namespace", other.display()));
            return Ok(());
        }
        let named = (path, found.form);
        let pieces =
            file::text_of(found).and_then(|text| file::wanted(&text, named, &self.under, self.policy, &mut self.rules));
        let wanted = match pieces {
            Ok((wanted, refused)) => {
                for piece in refused {
                    self.refused.push(path, Some(piece.line), piece.reason.message);
                }
                wanted
            }
            Err(Fault::NoDocument(reason)) => {
                self.skipped.push(path, None, reason);
                vec![]
            }
            Err(Fault::Unread(reason)) => {
                self.skipped.push(path, None, reason);
                return Ok(());
            }
        };
        let was_here = rows.iter().any(PlacedRow::is_shown);
        let (mut matched, gone, forgotten) = self.matched(wanted, &rows)?;
        self.answer.forgotten += forgotten;
        self.take_over_lost(&mut matched, lost)?;
        let has_pieces = !matched.is_empty();
        let changes = self.write(matched, &gone)?;
        let files = &mut self.answer.files;
        match (was_here, has_pieces) {
            (false, true) => files.added += 1,
            (true, false) => files.removed += 1,
            (true, true) if changes => files.changed += 1,
            (true, true) => files.unchanged += 1,
            (false, false) => {}
        }
        Ok(())
    }

    /// Another file of this machine that is known by the same path, and is not the same file of a repository.
    fn same_name(&self, found: &Found, rows: &[PlacedRow]) -> Option<PathBuf> {
        if name::is_repository(&self.base) {
            return None;
        }
        // Folders that another machine named say nothing of this one's.
        let own = self.call.engine.memory.node();
        let others = rows.iter().filter(|row| row.is_shown() && Some(row.node) == own).map(file_of);
        others.into_iter().find(|other| *other != found.file && other.exists())
    }

    fn matched(&self, wanted: Vec<Wanted>, rows: &[PlacedRow]) -> Result<(Vec<Matched>, Vec<Known>, u64)> {
        let own = self.call.engine.memory.node();
        self.call.engine.memory.read(|tx| {
            let mut matching = Matching::by_text(wanted, known(tx, rows, own)?);
            let mut forgotten = BTreeSet::new();
            if let Some(number) = self.number {
                for wanted in matching.unmatched() {
                    if tx.forgotten_text(number, &wanted.text)?.is_some() {
                        forgotten.insert(wanted.text.clone());
                    }
                }
            }
            let left_out = matching.leave_out(|wanted| forgotten.contains(&wanted.text));
            let (matched, gone) = matching.finish();
            Ok((matched, gone, left_out))
        })
    }

    /// Gives pieces of files that are gone to new ones with the same text.
    fn take_over_lost(&mut self, matched: &mut [Matched], lost: &[String]) -> Result<()> {
        if lost.is_empty() || matched.iter().all(|matched| matched.known.is_some()) {
            return Ok(());
        }
        let all = self.lost_pieces(lost)?;
        for matched in matched.iter_mut().filter(|matched| matched.known.is_none()) {
            matched.known = all.get_mut(&matched.wanted.text).and_then(Vec::pop);
        }
        Ok(())
    }

    fn lost_pieces(&mut self, lost: &[String]) -> Result<&mut HashMap<String, Vec<Known>>> {
        if self.lost.is_none() {
            let rows: Vec<PlacedRow> = lost.iter().filter_map(|path| self.rows.get(path)).flatten().cloned().collect();
            let mut all: HashMap<String, Vec<Known>> = HashMap::new();
            let own = self.call.engine.memory.node();
            let known = self.call.engine.memory.read(|tx| known(tx, &rows, own))?;
            for known in known.into_iter().filter(|known| !known.is_retired) {
                all.entry(known.text.clone()).or_default().push(known);
            }
            self.lost = Some(all);
        }
        Ok(self.lost.get_or_insert_default())
    }

    fn retire_lost(&mut self, lost: &[String]) -> Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        self.answer.files.removed += lost.len() as u64;
        let mut left: Vec<Known> = std::mem::take(self.lost_pieces(lost)?).into_values().flatten().collect();
        left.sort_by_key(|known| known.num);
        self.answer.chunks.removed += left.len() as u64;
        left.iter().try_for_each(|known| self.writer.retire(known))
    }

    /// Writes what is not as it was; true where anything is.
    fn write(&mut self, matched: Vec<Matched>, gone: &[Known]) -> Result<bool> {
        let mut changes = false;
        let chunks = &mut self.answer.chunks;
        for matched in matched {
            match effect(&matched) {
                Effect::Added => chunks.added += 1,
                Effect::Changed => chunks.changed += 1,
                Effect::Moved => chunks.moved += 1,
                Effect::Unchanged => {
                    chunks.unchanged += 1;
                    continue;
                }
            }
            changes = true;
            self.writer.put(matched)?;
        }
        for known in gone.iter().filter(|known| !known.is_retired) {
            self.answer.chunks.removed += 1;
            changes = true;
            self.writer.retire(known)?;
        }
        Ok(changes)
    }

    fn finish(mut self) -> Result<DocsAdded> {
        let mut answer = std::mem::take(&mut self.answer);
        for effect in self.writer.left_out() {
            let chunks = &mut answer.chunks;
            let count = match effect {
                Effect::Added => &mut chunks.added,
                Effect::Changed => &mut chunks.changed,
                Effect::Moved => &mut chunks.moved,
                Effect::Unchanged => &mut chunks.unchanged,
            };
            *count = count.saturating_sub(1);
            answer.forgotten += 1;
        }
        let (skipped, more_skipped) = self.skipped.finish("files were not read");
        let (refused, more_refused) = self.refused.finish("files and pieces were refused for their secrets");
        (answer.skipped, answer.refused) = (skipped, refused);
        answer.notes.extend(more_skipped.into_iter().chain(more_refused));
        answer.notes.extend(redacted_reason(&self.rules));
        Ok(answer)
    }
}

/// What is here of some files, a piece for each key: the one that holds it, with those that it superseded.
fn known(tx: &Tx<'_>, rows: &[PlacedRow], own: Option<NodeId>) -> Result<Vec<Known>> {
    let mut by_key: BTreeMap<&str, Vec<&PlacedRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.is_forgotten()) {
        by_key.entry(row.key.as_deref().unwrap_or_default()).or_default().push(row);
    }
    let mut out = Vec::new();
    for (key, mut rows) in by_key {
        rows.sort_by_key(|row| (row.is_retired(), row.is_superseded(), row.num));
        let Some((holder, others)) = rows.split_first() else { continue };
        // What was moved to another namespace goes on there.
        if holder.is_retired()
            && tx.memory(holder.num, Moment::Latest)?.is_some_and(|row| row.memory.moved_to.is_some())
        {
            continue;
        }
        let Some((text, title)) = tx.wording(holder.text_pos)? else { continue };
        out.push(Known {
            num: holder.num,
            key: key.to_owned(),
            title,
            text,
            place: holder.place.clone(),
            is_foreign: Some(holder.node) != own,
            is_retired: holder.is_retired(),
            version: holder.version,
            superseded: others.iter().filter(|row| !row.is_retired()).map(|row| row.num).collect(),
        });
    }
    Ok(out)
}
