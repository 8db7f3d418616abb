//! Namespaces: list, rename, alias, set, merge, delete.

use crate::edit::draft_move;
use crate::engine::Call;
use crate::registers::{put, put_set};
use crate::remember::check::redacted_reason;
use crate::remember::{clean_text, policy_of};
use jay_store::{Draft, ENTITY_HIDDEN_ALL, ListFilter, Moment, NamespaceRow, Scope, Tx, WriteTx};
use jay_types::bounds::Word;
use jay_types::change::registry::{ALIASES, FORGOTTEN, PATH, POLICY, REMOTES, RETIRED};
use jay_types::change::{Body, EntityKind, Op};
use jay_types::id::to_hex;
use jay_types::namespace::{NamespacePath, normalise_git_remote};
use jay_types::{Code, EntityId, Error, NamespaceId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Memories that one act of a merge or delete moves: two changes each, and some room.
const PER_ACT: usize = 1000;

/// What becomes of secrets in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretPolicy {
    /// Each is replaced by a mark that names its rule.
    Redact,
    /// A text with one is refused.
    Refuse,
    /// Texts are kept as they are.
    Allow,
}

impl SecretPolicy {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redact => "redact",
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "refuse" => Self::Refuse,
            "allow" => Self::Allow,
            _ => Self::Redact,
        }
    }
}

/// A namespace as every door shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceView {
    /// Its id
    pub id: NamespaceId,
    /// Its path
    pub path: String,
    /// Other paths that mean it
    pub aliases: Vec<String>,
    /// Git remotes whose clones and worktrees are in it
    pub remotes: Vec<String>,
    /// Memories in it that are shown
    pub memories: u64,
    /// What becomes of secrets
    pub secrets: SecretPolicy,
    /// When it was made
    pub created_at: Timestamp,
    /// True where it never leaves this machine
    pub private: bool,
}

fn view(row: NamespaceRow) -> NamespaceView {
    let private = NamespacePath::parse(&row.path).is_ok_and(|path| path.is_private());
    NamespaceView {
        id: row.id,
        aliases: row.aliases,
        remotes: row.remotes,
        memories: row.memories,
        secrets: SecretPolicy::from_name(&row.secrets),
        created_at: row.created_at,
        private,
        path: row.path,
    }
}

/// Every namespace, by path.
///
/// # Errors
/// `damaged` where the file that holds them is missing.
pub fn list(call: &Call<'_>) -> Result<Vec<NamespaceView>> {
    call.engine.demand_memory()?;
    call.engine.memory.read(|tx| Ok(tx.namespaces()?.into_iter().map(view).collect()))
}

/// One namespace.
///
/// # Errors
/// `not_found`.
pub fn show(call: &Call<'_>, path: &NamespacePath) -> Result<NamespaceView> {
    call.engine.memory.read(|tx| Ok(view(tx.namespace(find(tx, path)?)?)))
}

/// The namespace that this store bound to a path first.
pub(crate) fn find(tx: &Tx<'_>, path: &NamespacePath) -> Result<i64> {
    tx.namespaces_at(path.as_str())?.first().copied().ok_or_else(|| {
        Error::not_found(format!("there is no namespace {path}")).hint("`jay namespace list` shows those here.")
    })
}

/// Merges that are followed one after another; more can only be a circle.
const MERGES_MAX: usize = 64;

/// The namespace into which this one was merged, to the end; itself where it was not.
pub(crate) fn goes_on_as(tx: &Tx<'_>, num: i64) -> Result<i64> {
    let mut at = num;
    for _ in 0..MERGES_MAX {
        let state = tx.namespace_entity(at)?;
        let moved = state.value(RETIRED).filter(|_| state.is_retired()).and_then(|retired| retired.get("moved_to"));
        let Some(id) = moved.and_then(|id| serde_json::from_value::<NamespaceId>(id.clone()).ok()) else { break };
        let Some(next) = tx.namespace_num(id)? else { break };
        at = next;
    }
    Ok(at)
}

/// These namespaces and those that were merged into them: archived sessions stay in the stream in which they came.
pub(crate) fn with_merged(tx: &Tx<'_>, nums: &[i64]) -> Result<Vec<i64>> {
    let mut all = nums.to_vec();
    for retired in tx.retired_namespaces()? {
        if !all.contains(&retired) && nums.contains(&goes_on_as(tx, retired)?) {
            all.push(retired);
        }
    }
    Ok(all)
}

fn demand_free(tx: &Tx<'_>, path: &NamespacePath) -> Result<()> {
    if tx.namespaces_at(path.as_str())?.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, format!("the path {path} is taken"))
        .hint("`jay namespace merge FROM INTO` joins two namespaces."))
}

/// Drafts an update of a namespace's own entity; tells whether there was something to write.
fn draft_update(w: &mut WriteTx<'_>, num: i64, body: Body) -> Result<bool> {
    if body.registers.is_empty() {
        return Ok(false);
    }
    let id = w.namespace_id_of(num)?;
    w.draft(Draft::new(id, EntityKind::Namespace, EntityId::of_namespace(id), Op::Update, body));
    Ok(true)
}

/// Runs an edit of one namespace and shows it as it is then.
fn edit(
    call: &Call<'_>,
    path: &NamespacePath,
    edit: impl FnOnce(&mut WriteTx<'_>, i64) -> Result<Body>,
) -> Result<NamespaceView> {
    let num = call.act(|w| {
        let num = find(w, path)?;
        let body = edit(w, num)?;
        draft_update(w, num, body)?;
        Ok(num)
    })?;
    call.engine.memory.read(|tx| Ok(view(tx.namespace(num)?)))
}

/// Gives a namespace another path; what is in it stays.
///
/// # Errors
/// `not_found`, `conflict` where the path is taken.
pub fn rename(call: &Call<'_>, from: &NamespacePath, to: &NamespacePath) -> Result<NamespaceView> {
    edit(call, from, |w, num| {
        demand_free(w, to)?;
        let mut body = Body::default();
        put(&mut body, &w.namespace_entity(num)?, PATH, to.as_str().into());
        Ok(body)
    })
}

/// Adds another path that means this namespace, or takes it away.
///
/// # Errors
/// `not_found`, `conflict` where the alias is taken.
pub fn alias(call: &Call<'_>, path: &NamespacePath, alias: &NamespacePath, remove: bool) -> Result<NamespaceView> {
    edit(call, path, |w, num| {
        let state = w.namespace_entity(num)?;
        let here = state.elements(ALIASES).any(|element| element == alias.as_str());
        if !remove && !here {
            demand_free(w, alias)?;
        }
        if remove && !here {
            return Err(Error::not_found(format!("{alias} is no alias of {path}"))
                .hint("`jay namespace show` lists its aliases."));
        }
        let element = [alias.as_str().to_owned()];
        let (add, gone): (&[String], &[String]) = if remove { (&[], &element) } else { (&element, &[]) };
        let mut body = Body::default();
        put_set(&mut body, &state, ALIASES, add, gone);
        Ok(body)
    })
}

/// Sets what becomes of secrets, and which git remotes belong to a namespace. A path that is new is made.
///
/// # Errors
/// `bad_input` for a remote that is none or where nothing is to be set.
pub fn set(
    call: &Call<'_>,
    path: &NamespacePath,
    secrets: Option<SecretPolicy>,
    add_remotes: &[Word],
    remove_remotes: &[Word],
) -> Result<NamespaceView> {
    if secrets.is_none() && add_remotes.is_empty() && remove_remotes.is_empty() {
        return Err(Error::bad_input("nothing to set").hint("Give `--secrets`, `--add-remote` or `--remove-remote`."));
    }
    let normal = |remotes: &[Word]| -> Result<Vec<String>> {
        let one = |remote: &Word| {
            let text = remote.as_str();
            let plain = !text.contains(':') && text.contains('/') && !text.starts_with(['/', '.']);
            normalise_git_remote(text).or_else(|| plain.then(|| text.trim_matches('/').to_owned())).ok_or_else(|| {
                Error::bad_input(format!("`{}` is not a git remote", jay_types::text::shorten(text, 60)))
                    .hint("Give a remote's URL, as `git remote -v` shows it.")
            })
        };
        remotes.iter().map(one).collect()
    };
    let (add, remove) = (normal(add_remotes)?, normal(remove_remotes)?);
    let num = call.act(|w| {
        let (_, num) = w.namespace(path)?;
        let state = w.namespace_entity(num)?;
        let mut body = Body::default();
        if let Some(secrets) = secrets {
            put(&mut body, &state, POLICY, json!({"secrets": secrets.name()}));
        }
        put_set(&mut body, &state, REMOTES, &add, &remove);
        draft_update(w, num, body)?;
        Ok(num)
    })?;
    call.engine.memory.read(|tx| Ok(view(tx.namespace(num)?)))
}

/// The answer to a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Memories that were moved
    pub moved: u64,
    /// The namespace that has them now
    pub into: NamespaceView,
    /// What there is to say: secrets that the target's policy took out
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn everything_in(tx: &Tx<'_>, num: i64) -> Result<Vec<i64>> {
    let filter = ListFilter {
        scope: Scope::Of(vec![num]),
        kinds: vec![],
        tags: vec![],
        since: None,
        until: None,
        hidden: ENTITY_HIDDEN_ALL.with_superseded().with_forgotten(),
        expired_by: None,
        moment: Moment::Latest,
    };
    Ok(tx.all_memories(&filter)?)
}

/// Moves every memory of one namespace into another, whose alias its path becomes.
///
/// # Errors
/// `not_found`, `bad_input` where both are one.
pub fn merge(call: &Call<'_>, from: &NamespacePath, into: &NamespacePath, dry_run: bool) -> Result<Merged> {
    if let Some((target, moved, notes)) = call.answer_before::<(i64, u64, Vec<String>)>()? {
        let into = call.engine.memory.read(|tx| -> Result<_> { Ok(view(tx.namespace(target)?)) })?;
        return Ok(Merged { moved, into, notes });
    }
    let (source, target, count) = call.engine.memory.read(|tx| -> Result<(i64, i64, usize)> {
        let (source, target) = (find(tx, from)?, find(tx, into)?);
        Ok((source, target, everything_in(tx, source)?.len()))
    })?;
    if source == target {
        return Err(Error::bad_input(format!("{from} and {into} are one namespace"))
            .hint("`jay namespace list` shows those here, with their other names."));
    }
    let mut notes = Vec::new();
    if !dry_run {
        notes = call
            .act(|w| {
                let (rules, covered) = move_all(w, source, target, from)?;
                let mut notes: Vec<String> = redacted_reason(&rules).into_iter().collect();
                if covered > 0 {
                    let stay = if covered == 1 { "stays" } else { "stay" };
                    notes.push(format!("{covered} of them {stay} hidden: an equal text was forgotten in {into}"));
                }
                Ok((target, count as u64, notes))
            })?
            .2;
    }
    let into = call.engine.memory.read(|tx| -> Result<NamespaceView> { Ok(view(tx.namespace(target)?)) })?;
    Ok(Merged { moved: count as u64, into, notes })
}

/// Moves what is there under the target's present policy; returns the rules that found secrets, and how many memories are
/// hidden there because an equal text was forgotten.
fn move_all(
    w: &mut WriteTx<'_>,
    source: i64,
    target: i64,
    path: &NamespacePath,
) -> Result<(BTreeSet<&'static str>, usize)> {
    let mut rules = BTreeSet::new();
    let mut covered = 0;
    let target_id = w.namespace_id_of(target)?;
    let policy = policy_of(&w.secrets_policy(target)?);
    let memories = everything_in(w, source)?;
    let mut forgotten = Vec::new();
    for page in memories.chunks(PER_ACT) {
        for num in page {
            if let Some(row) = w.memory(*num, Moment::Latest)? {
                let id = draft_move(w, &row, (target_id, policy), &mut rules)?;
                // The mark is of the text as it stands there: that is what a later equal one will be there too.
                let text = clean_text(&row.memory.text, policy, &mut rules)?;
                let is_covered = !row.state.is_forgotten() && w.forgotten_text(target, &text)?.is_some();
                covered += usize::from(is_covered);
                if is_covered || row.state.is_forgotten() {
                    // A copy is younger than the forget, which hides what was there before it only.
                    forgotten.push((id, text));
                }
            }
        }
        w.next_act()?;
    }
    // After every copy is there, so that the copies of equal texts are covered too.
    for page in forgotten.chunks(PER_ACT) {
        for (id, text) in page {
            let mark = w.mark_of(target, text)?.unwrap_or_default();
            let body =
                Body::default().with(FORGOTTEN, json!({"mac": to_hex(&mark), "reason": "forgotten before the merge"}));
            w.draft(Draft::new(target_id, EntityKind::Memory, *id, Op::Forget, body));
        }
        w.next_act()?;
    }
    let mut retire = Body::default();
    put(&mut retire, &w.namespace_entity(source)?, RETIRED, json!({"reason": "merged", "moved_to": target_id}));
    draft_update(w, source, retire)?;
    let mut body = Body::default();
    put_set(&mut body, &w.namespace_entity(target)?, ALIASES, &[path.as_str().to_owned()], &[]);
    draft_update(w, target, body)?;
    Ok((rules, covered))
}

/// The answer to a deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    /// The path
    pub path: String,
    /// Memories that were retired with it
    pub retired: u64,
}

/// Retires a namespace and what is in it. History keeps it; `purge` destroys single memories.
///
/// # Errors
/// `not_found`; `refused` for everybody but a person at hand.
pub fn delete(call: &Call<'_>, path: &NamespacePath, dry_run: bool) -> Result<Deleted> {
    call.demand_person("deleting a namespace")?;
    if let Some(retired) = call.answer_before()? {
        return Ok(Deleted { path: path.to_string(), retired });
    }
    let (num, count) = call.engine.memory.read(|tx| -> Result<(i64, usize)> {
        let num = find(tx, path)?;
        Ok((num, everything_in(tx, num)?.len()))
    })?;
    if !dry_run {
        call.act(|w| {
            for page in everything_in(w, num)?.chunks(PER_ACT) {
                for memory in page {
                    if let Some(row) = w.memory(*memory, Moment::Latest)? {
                        let mut body = Body::default();
                        put(&mut body, &row.state, RETIRED, json!({"reason": "namespace deleted"}));
                        w.draft(Draft::new(row.namespace, EntityKind::Memory, row.memory.id, Op::Update, body));
                    }
                }
                w.next_act()?;
            }
            let mut body = Body::default();
            put(&mut body, &w.namespace_entity(num)?, RETIRED, json!({"reason": "deleted"}));
            draft_update(w, num, body)?;
            Ok(count as u64)
        })?;
    }
    Ok(Deleted { path: path.to_string(), retired: count as u64 })
}
