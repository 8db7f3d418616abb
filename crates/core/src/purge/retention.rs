//! Retention: what a person's rules do not keep longer is erased as by hand.
//!
//! **Invariant:** without a rule that fits nothing is erased. A session that tells no time is kept, and so is one whose parent or
//! subagent is kept.

use super::session::{Target, erase_targets, scrub_again, told};
use super::{Erased, Place};
use crate::call::Call;
use crate::purge::ErasedSession;
use crate::sessions::paths;
use jay_store::{SessionClause, SessionRow};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rules at most.
const RULES_MAX: usize = 100;
/// Sessions that are read at a time.
const PAGE: usize = 1_000;
/// Microseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// Days of a year.
const YEAR_DAYS: u32 = 365;
/// Days that a rule keeps at most.
const DAYS_MAX: u32 = 36_500;

/// Says how rules are written.
const SYNTAX: &str = "Write rules as in `codex=180d, *@work/acme=1y, *=forever`: CLIENT or *, a namespace after @ where it is meant, \
    and days, years or forever. The first that fits a session decides.";

/// How long the sessions that it fits are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    text: String,
    client: Option<String>,
    namespace: Option<NamespacePath>,
    /// None for ever.
    keep_days: Option<u32>,
}

/// A rule, and how many sessions it decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleApplied {
    /// The rule
    pub rule: String,
    /// Sessions that it is the first to fit
    pub sessions: u64,
    /// Those of them that are older than it keeps them
    pub older: u64,
}

/// The answer to session retention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retained {
    /// The rules, in their order
    pub rules: Vec<RuleApplied>,
    /// The sessions that are gone, or would be
    pub sessions: Vec<ErasedSession>,
    /// Every place that held them, and whether they are gone from there
    pub places: Vec<Place>,
    /// True only when every place is done
    pub done: bool,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Erases the sessions that are older than the rules keep them. `is_final` is the caller's word that it knows that nothing brings
/// them back.
///
/// # Errors
/// `refused` for everybody but a person at hand, `bad_input` without `is_final` and for rules that are none.
pub fn retain(call: &Call<'_>, is_final: bool, dry_run: bool) -> Result<Retained> {
    call.demand_person("erasing sessions")?;
    if let Some(before) = call.answer_before::<Retained>()? {
        // What was postponed at the first try may be possible by now.
        let places = scrub_again(call, before.places)?;
        return Ok(Retained { done: places.iter().all(|place| place.done), places, ..before });
    }
    let rules = parse(call.engine.options.retention.as_deref().unwrap_or_default())?;
    if rules.is_empty() {
        let notes =
            vec!["no rule is set, so that everything is kept: `retention` in the settings holds rules".to_owned()];
        return Ok(Retained { rules: vec![], sessions: vec![], places: vec![], done: true, notes });
    }
    if !is_final && !dry_run {
        return Err(Error::bad_input("erasing sessions is final, so it must be asked for by its name: `purge`")
            .hint("`jay session retention --purge` erases them, `--dry-run` shows which."));
    }
    if !call.engine.archive.exists() {
        let rules = rules.into_iter().map(|rule| RuleApplied { rule: rule.text, sessions: 0, older: 0 }).collect();
        return Ok(Retained { rules, sessions: vec![], places: vec![], done: true, notes: vec![] });
    }
    let (rules, targets, notes) = outlived(call, &rules)?;
    let sessions = targets.iter().map(|target| told(&target.row)).collect();
    if dry_run || targets.is_empty() {
        return Ok(Retained { rules, sessions, places: vec![], done: targets.is_empty(), notes });
    }
    let Erased { places, done, .. } = erase_targets(call, &targets)?;
    let retained = Retained { rules, sessions, places, done, notes };
    if call.idempotency.is_some() { call.act(|_| Ok(retained)) } else { Ok(retained) }
}

fn parse(text: &str) -> Result<Vec<Rule>> {
    let bad = |why: String| Error::bad_input(format!("`retention` in the settings: {why}")).hint(SYNTAX);
    let pieces: Vec<&str> = text.split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect();
    if pieces.len() > RULES_MAX {
        return Err(bad(format!("{} rules; {RULES_MAX} are the most", pieces.len())));
    }
    pieces.into_iter().map(|piece| rule(piece).map_err(|why| bad(format!("`{piece}`: {why}")))).collect()
}

fn rule(text: &str) -> std::result::Result<Rule, String> {
    let (whose, keep) = text.split_once('=').ok_or("has no `=`")?;
    let (client, namespace) = whose.split_once('@').map_or((whose, None), |(client, path)| (client, Some(path)));
    let client = match client.trim() {
        "" => return Err("names no client; `*` is any".to_owned()),
        "*" => None,
        name => Some(name.to_owned()),
    };
    let namespace =
        namespace.map(|path| NamespacePath::parse(path.trim()).map_err(|error| error.message)).transpose()?;
    let keep_days = match keep.trim() {
        "forever" => None,
        keep => {
            let unit = keep.strip_suffix('d').map(|number| (number, 1));
            let (number, days) = unit.or_else(|| Some((keep.strip_suffix('y')?, YEAR_DAYS))).ok_or("tells no time")?;
            let number: u32 = number.trim().parse().map_err(|_| "tells no time")?;
            let days = number.checked_mul(days).filter(|days| (1..=DAYS_MAX).contains(days));
            Some(days.ok_or_else(|| format!("keeps less than a day or more than {DAYS_MAX}"))?)
        }
    };
    Ok(Rule { text: text.to_owned(), client, namespace, keep_days })
}

impl Rule {
    fn fits(&self, row: &SessionRow, namespace: &str) -> bool {
        let is_client = self.client.as_ref().is_none_or(|client| *client == row.client);
        let is_below = |path: &NamespacePath| {
            namespace.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        is_client && self.namespace.as_ref().is_none_or(is_below)
    }

    fn is_outlived(&self, row: &SessionRow, now: Timestamp) -> bool {
        self.keep_days.is_some_and(|days| row.latest > 0 && row.latest < now.0 - i64::from(days) * DAY)
    }
}

type Outlived = (Vec<RuleApplied>, Vec<Target>, Vec<String>);

/// The sessions that are to go, with what each rule came to.
fn outlived(call: &Call<'_>, rules: &[Rule]) -> Result<Outlived> {
    let rows = call.engine.archive.read(|tx| -> Result<_> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = tx.sessions(&SessionClause::default(), PAGE, after)?;
            let Some(last) = page.last() else { break };
            after = Some((last.latest, last.num));
            for row in page {
                let namespace = tx.namespace_id_of(row.namespace)?;
                rows.push((row, namespace));
            }
        }
        Ok(rows)
    })?;
    let ids: Vec<_> = rows.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().into_iter().collect();
    let names: BTreeMap<_, _> = ids.iter().copied().zip(paths(call, &ids)?).collect();
    let mut applied: Vec<RuleApplied> =
        rules.iter().map(|rule| RuleApplied { rule: rule.text.clone(), sessions: 0, older: 0 }).collect();
    let mut old = BTreeSet::new();
    for (row, namespace) in &rows {
        let name = names.get(namespace).map_or("", String::as_str);
        let first = rules.iter().zip(&mut applied).find(|(rule, _)| rule.fits(row, name));
        let Some((rule, applied)) = first else { continue };
        applied.sessions += 1;
        if rule.is_outlived(row, call.now) {
            applied.older += 1;
            old.insert(row.num);
        }
    }
    let before = old.len();
    call.engine.archive.read(|tx| -> Result<_> {
        without_kept(tx, &rows, &mut old)?;
        let mut targets = Vec::new();
        for (row, namespace) in rows.into_iter().filter(|(row, _)| old.contains(&row.num)) {
            let sources = tx.sources_of_session(row.num)?;
            targets.push(Target { row, namespace, sources });
        }
        let kept = before - targets.len();
        let notes = (kept > 0).then(|| format!("kept although older: {kept}, with a parent or subagent that is kept"));
        Ok((applied, targets, Vec::from_iter(notes)))
    })
}

/// Takes out what is kept with a session that is kept, until nothing more is.
fn without_kept(
    tx: &jay_store::Tx<'_>,
    rows: &[(SessionRow, jay_types::NamespaceId)],
    old: &mut BTreeSet<i64>,
) -> Result<()> {
    let by_name: HashMap<(&str, &str), i64> =
        rows.iter().map(|(row, _)| ((row.client.as_str(), row.session.as_str()), row.num)).collect();
    let mut tied: HashMap<i64, Vec<i64>> = HashMap::new();
    for (row, _) in rows.iter().filter(|(row, _)| old.contains(&row.num)) {
        let parent = row.parent.as_deref().and_then(|parent| by_name.get(&(row.client.as_str(), parent)));
        let subagents = tx.subagents_of(row)?.into_iter().map(|subagent| subagent.num);
        tied.insert(row.num, subagents.chain(parent.copied()).collect());
    }
    loop {
        let kept: Vec<i64> = old
            .iter()
            .filter(|num| tied.get(num).is_some_and(|tied| tied.iter().any(|other| !old.contains(other))))
            .copied()
            .collect();
        if kept.is_empty() {
            return Ok(());
        }
        for num in kept {
            old.remove(&num);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_in_their_order() {
        let rules = parse(" codex=180d, *@work/acme = 1y,,*=forever ").unwrap();
        let read: Vec<_> = rules
            .iter()
            .map(|rule| (rule.client.as_deref(), rule.namespace.as_ref().map(NamespacePath::as_str), rule.keep_days))
            .collect();
        assert_eq!(read, [(Some("codex"), None, Some(180)), (None, Some("work/acme"), Some(365)), (None, None, None)]);
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_how_one_is_written() {
        for bad in [
            "codex",
            "=3d",
            "codex=",
            "codex=0d",
            "codex=3",
            "codex=-1d",
            "codex=99999999y",
            "codex@=3d",
            "codex=3 weeks",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.message.contains(bad) && error.hint.is_some(), "{bad}: {error:?}");
        }
    }
}
